// <details data-menu> closes on Escape, on a press outside, and when another opens.

/** Make every menu of the page close by itself. */
export function startMenus() {
  document.addEventListener("click", (event) => closeMenus((menu) => !menu.contains(event.target)));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = document.activeElement?.closest("details[data-menu][open]");
    closeMenus(() => true);
    menu?.querySelector("summary").focus();
  });
}

function closeMenus(isToClose) {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (isToClose(menu)) menu.open = false;
  }
}
