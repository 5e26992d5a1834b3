// Asks the server for what follows from a change in the form: the controls of other
// models or pictures, or only the price on the button.

/** Whether the controls have yet to be asked for, and whether they are on their way. */
let isDue = false;
let isAsking = false;

/** What was changed since the server was last asked, by name: it does not know of it. */
const meanwhile = new Map();

const REDRAWN = "#model-controls, #looks";

/** Ask for the price again when a setting changes it. */
export function startRedraw() {
  document.addEventListener("input", onChange);
  document.addEventListener("change", onChange);
  document.addEventListener("htmx:before:swap", keepOpen);
  for (const name of ["change", "redraw"]) {
    document.addEventListener(name, (event) => {
      isDue ||= isPicker(event) && "htmx" in window;
    }, { capture: true });
  }
  document.addEventListener("htmx:after:process", () => {
    if (isDue) askAnew(); // chosen before htmx listened
  }, { once: true });
  document.addEventListener("htmx:before:request", (event) => {
    if (!isPicker(event)) return;
    isDue = false;
    isAsking = true;
    meanwhile.clear();
  });
  document.addEventListener("htmx:finally:request", (event) => {
    if (isPicker(event)) isAsking = false;
  });
  document.addEventListener("htmx:before:swap", keepScrolled);
  document.addEventListener("htmx:after:swap", (event) => {
    if (targetOf(event)?.id === "model-controls") settle();
  });
}

/** Whether the controls are not yet those of the models and pictures chosen. */
export function isBehind() {
  return isDue || isAsking;
}

/** Redraw the controls for the models and pictures as they are now. */
export function askAnew() {
  document.querySelector("[data-picker-select]").dispatchEvent(new Event("redraw"));
}

function isPicker(event) {
  return event.target.matches?.("[data-picker-select]") ?? false;
}

function onChange(event) {
  const composer = event.target.closest?.("[data-composer]");
  if (!composer || !event.target.name) return;
  if (event.target.closest(REDRAWN)) meanwhile.set(event.target.name, event.target.value);
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

/** A strip of pictures stays where it was scrolled to. */
function keepScrolled(event) {
  if (targetOf(event)?.id !== "model-controls") return;
  const left = document.querySelector(".looks__row")?.scrollLeft ?? 0;
  document.addEventListener("htmx:after:swap", () => {
    document.querySelector(".looks__row")?.scrollTo({ left });
  }, { once: true });
}

/** What the server says is chosen is chosen, but for what somebody chose meanwhile. */
function settle() {
  for (const part of document.querySelectorAll(REDRAWN)) {
    for (const radio of part.querySelectorAll("[type=radio]")) radio.checked = radio.defaultChecked;
    for (const option of part.querySelectorAll("option")) option.selected = option.defaultSelected;
    for (const field of part.querySelectorAll("[name]")) {
      if (meanwhile.has(field.name)) choose(field, meanwhile.get(field.name));
    }
  }
}

function choose(field, value) {
  if (field.type === "radio") field.checked ||= field.value === value;
  else if (field.options) field.value = [...field.options].some((each) => each.value === value) ? value : field.value;
  else field.value = value;
}

/** The element that a swap is about. */
export function targetOf(event) {
  const target = event.detail?.ctx?.target;
  return typeof target === "string" ? document.querySelector(target) : target;
}
