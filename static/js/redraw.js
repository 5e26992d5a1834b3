// Asks the server for what follows from a change in the form: the controls of other
// models or pictures, or only the price on the button.

let isReady = false;

/** Ask for the price again when a setting changes it. */
export function startRedraw() {
  isReady = true;
  document.addEventListener("input", onChange);
  document.addEventListener("change", onChange);
  document.addEventListener("htmx:before:swap", keepOpen);
  document.addEventListener("htmx:after:swap", (event) => {
    if (targetOf(event)?.id === "model-controls") settle();
  });
}

/** Redraw the controls for the models and pictures as they are now. */
export function askAnew() {
  if (isReady) document.querySelector("[data-picker-select]").dispatchEvent(new Event("redraw"));
}

function onChange(event) {
  const composer = event.target.closest?.("[data-composer]");
  if (!composer || !event.target.name) return;
  if (event.target.matches("textarea, [data-count], [data-picker-select], [data-tray-action], [type=file], [name=seed]")) return;
  const go = composer.querySelector("[data-price-by-settings]");
  if (!go) return;
  go.classList.add("is-stale");
  composer.dispatchEvent(new Event("price"));
}

/** An open panel stays open while its controls are drawn anew. */
function keepOpen(event) {
  if (targetOf(event)?.id !== "model-controls") return;
  const isOpen = document.querySelector(".advanced")?.open;
  if (isOpen) document.addEventListener("htmx:after:swap", () => {
    const panel = document.querySelector(".advanced");
    if (panel) panel.open = true;
  }, { once: true });
}

/** What the server says is chosen is chosen, also where somebody chose before. */
function settle() {
  const controls = document.getElementById("model-controls");
  for (const radio of controls.querySelectorAll("[type=radio]")) radio.checked = radio.defaultChecked;
  for (const option of controls.querySelectorAll("option")) option.selected = option.defaultSelected;
}

/** The element that a swap is about. */
export function targetOf(event) {
  const target = event.detail?.ctx?.target;
  return typeof target === "string" ? document.querySelector(target) : target;
}
