// [data-copy="ID"] copies the text of the element with that id.

const DONE_MS = 1600;

/** Show the copy buttons and let them copy. */
export function startCopying() {
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button));
  }
}

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent);
  } catch {
    // Without https, or refused: the text is selected for the person to copy.
    getSelection().selectAllChildren(source);
    return;
  }
  const label = button.getAttribute("aria-label");
  button.classList.add("is-done");
  button.setAttribute("aria-label", "Copied");
  setTimeout(() => {
    button.classList.remove("is-done");
    button.setAttribute("aria-label", label);
  }, DONE_MS);
}
