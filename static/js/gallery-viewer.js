// The viewer: keys and swipes do what its links and buttons do.

const SWIPE_PX = 56;
const TINY_PX = 400;

/** Start the viewer, if this page is one. */
export function startViewer() {
  const viewer = document.querySelector("[data-viewer]");
  if (!viewer) return;
  document.addEventListener("keydown", (event) => pressKey(event, viewer));
  const stage = viewer.querySelector("[data-swipe]");
  startSwipe(stage);
  // Pictures smaller than the stage are not blown up to all of it.
  const picture = stage.querySelector("img");
  const longer = Math.max(picture.getAttribute("width"), picture.getAttribute("height"));
  stage.classList.toggle("is-tiny", longer < TINY_PX);
  addEventListener("load", () => preload(stage), { once: true });
}

function pressKey(event, viewer) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.target.closest("input, textarea, select, details")) return;
  const target = viewer.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (!target) return;
  event.preventDefault();
  if (target.matches("input")) target.focus();
  else target.click();
}

function startSwipe(stage) {
  let start = null;
  stage.addEventListener("touchstart", (event) => {
    const isZoomed = visualViewport && visualViewport.scale > 1.01;
    start = event.touches.length === 1 && !isZoomed ? event.touches[0] : null;
  }, { passive: true });
  stage.addEventListener("touchend", (event) => {
    if (!start) return;
    const across = event.changedTouches[0].clientX - start.clientX;
    const down = event.changedTouches[0].clientY - start.clientY;
    if (Math.abs(across) < SWIPE_PX || Math.abs(across) < 2 * Math.abs(down)) return;
    stage.querySelector(across > 0 ? "[rel=prev]" : "[rel=next]")?.click();
  }, { passive: true });
}

function preload(stage) {
  for (const link of stage.querySelectorAll("[data-preload]")) {
    new Image().src = link.dataset.preload;
  }
}
