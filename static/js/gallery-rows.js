// Rows of tiles at true ratios, and the actions of a tile by a long press.

const LONG_PRESS_MS = 450;
const NARROWEST = 0.4;

/** Lay out every [data-shots], now and whenever tiles come. */
export function startRows() {
  for (const list of document.querySelectorAll("[data-shots]")) {
    measure(list);
    new MutationObserver(() => measure(list)).observe(list, { childList: true });
    startLongPress(list);
  }
}

function measure(list) {
  for (const shot of list.querySelectorAll(".shot:not(.is-measured)")) {
    const picture = shot.querySelector("img");
    const ratio = picture.getAttribute("width") / picture.getAttribute("height");
    shot.style.setProperty("--ratio", Math.max(ratio, NARROWEST));
    shot.classList.add("is-measured");
  }
}

function startLongPress(list) {
  let timer = 0;
  let isSwallowed = false;
  const stop = () => clearTimeout(timer);

  list.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "mouse" || event.target.closest(".shot__action")) return;
    isSwallowed = false;
    close(list);
    const shot = event.target.closest(".shot");
    if (!shot) return;
    timer = setTimeout(() => {
      isSwallowed = true;
      shot.classList.add("is-open");
    }, LONG_PRESS_MS);
  });
  for (const kind of ["pointerup", "pointercancel", "pointermove"]) {
    list.addEventListener(kind, (event) => {
      if (kind !== "pointermove" || event.movementX ** 2 + event.movementY ** 2 > 25) stop();
    });
  }
  list.addEventListener("contextmenu", (event) => {
    if (event.pointerType === "touch") event.preventDefault();
  });
  list.addEventListener("click", (event) => {
    if (isSwallowed && event.target.closest(".shot__link")) event.preventDefault();
    isSwallowed = false;
  });
}

function close(list) {
  for (const shot of list.querySelectorAll(".shot.is-open")) shot.classList.remove("is-open");
}
