// The form: shortcuts, stepper, dice, sliders, and the price on the button. Listens on
// the document, because htmx redraws parts of the form.
import { isBehind } from "./redraw.js";

/** Bring the Create form to life. */
export function startComposer() {
  document.addEventListener("keydown", onKey);
  document.addEventListener("click", onClick);
  document.addEventListener("input", onInput);
  for (const name of ["change", "htmx:before:request", "htmx:after:swap"]) {
    document.addEventListener(name, refresh);
  }
  // After the event htmx gives the button back, whatever else is on its way.
  document.addEventListener("htmx:finally:request", () => queueMicrotask(refresh));
  document.addEventListener("balance", refresh);
  tellHeight();
  refresh();
  prompt()?.focus({ preventScroll: true });
}

/** The prompt's text box. */
export function prompt() {
  return document.querySelector("[data-prompt]");
}

/** Put words into the prompt and the cursor behind them. */
export function setPrompt(words) {
  const box = prompt();
  box.value = words;
  box.focus();
  box.setSelectionRange(words.length, words.length);
  box.dispatchEvent(new Event("input", { bubbles: true }));
}

function onKey(event) {
  const composer = document.querySelector("[data-composer]");
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && composer.contains(event.target)) {
    event.preventDefault();
    const button = composer.querySelector(".composer__go");
    if (!button.disabled) composer.requestSubmit(button);
  } else if (event.key === "/" && !isTyping(event.target) && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    prompt().focus();
  }
}

/** Panels above the form have the room that it leaves. */
function tellHeight() {
  const composer = document.querySelector("[data-composer]");
  new ResizeObserver(() => {
    composer.style.setProperty("--composer-height", `${composer.offsetHeight}px`);
  }).observe(composer);
}

function isTyping(element) {
  return element.matches?.("input:not([type=radio]), textarea, select, [contenteditable]");
}

function onClick(event) {
  const step = event.target.closest("[data-step]");
  if (step) addToCount(Number(step.dataset.step));
  const dice = event.target.closest("[data-dice]");
  if (dice) {
    const seed = document.getElementById(dice.dataset.dice);
    seed.value = String(Math.floor(Math.random() * (Number(dice.dataset.most) + 1)));
    seed.dispatchEvent(new Event("input", { bubbles: true }));
  }
  const example = event.target.closest("[data-example]");
  if (example && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    setPrompt(example.dataset.example);
  }
}

function onInput(event) {
  const range = event.target.closest("[data-range]");
  if (range) {
    const number = range.querySelector("[data-range-number]");
    const slider = range.querySelector("[data-range-slider]");
    if (event.target === slider) number.value = slider.value;
    else slider.value = number.value || number.placeholder;
  }
  if (event.target === prompt()) fit(prompt());
  if (event.target.matches("[data-count]")) refresh();
}

function addToCount(step) {
  const count = document.querySelector("[data-count]");
  const wanted = (Number(count.value) || 1) + step;
  count.value = String(Math.min(Math.max(wanted, 1), Number(count.max)));
  count.dispatchEvent(new Event("input", { bubbles: true }));
}

/** Show the price of this press, and say why it cannot be pressed. */
function refresh() {
  for (const control of document.querySelectorAll("[data-step], [data-dice], [data-range-slider]")) {
    control.hidden = false;
  }
  const count = document.querySelector("[data-count]");
  const button = document.querySelector(".composer__go");
  if (!count || !button) return;
  for (const step of document.querySelectorAll("[data-step]")) {
    const isLess = step.dataset.step === "-1";
    step.disabled = isLess ? Number(count.value) <= 1 : Number(count.value) >= Number(count.max);
  }
  const cost = Number(button.dataset.price) * Math.max(1, Number(count.value) || 1);
  button.querySelector("[data-cost]").textContent = credits(cost);
  if ("blocked" in button.dataset) return;
  const missing = button.dataset.missing ?? "";
  const balance = Number(document.querySelector("[data-balance]")?.textContent);
  const short = cost > balance ? shortWords(cost, balance, Number(count.value)) : "";
  const reason = missing || short;
  const shown = document.querySelector("[data-reason]");
  if (shown.textContent !== reason) shown.textContent = reason;
  if (button.classList.contains("htmx-request")) return;
  // A press must not send one model's shape to another, whose controls are on their way.
  button.disabled = reason !== "" || isBehind();
}

/** An amount as people read it. */
export function credits(number) {
  if (number === 0) return "free";
  return `${number} credit${number === 1 ? "" : "s"}`;
}

function shortWords(cost, balance, count) {
  const wayOut = count > 1 ? "Ask for fewer pictures" : "Choose another model";
  return `This costs ${credits(cost)} and you have ${balance}. ${wayOut}, or ask your admin for credits.`;
}

/** Grow with the words where the browser cannot do it by itself. */
function fit(box) {
  if (CSS.supports("field-sizing", "content")) return;
  box.rows = Math.min(6, box.value.split("\n").length + Math.floor(box.value.length / 70));
}
