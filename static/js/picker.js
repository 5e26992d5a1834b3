// The model picker: a listbox of cards over a native select, which stays the form's
// value. Arrows, Home, End, typing, Enter and Escape work as in a select.

const TYPING_MS = 700;
let typed = "";
let typedAt = 0;

/** Put the cards over each [data-picker]'s select. */
export function startPicker() {
  setUp();
  document.addEventListener("htmx:after:swap", setUp); // the form came back with errors
  document.addEventListener("click", onClick);
  document.addEventListener("keydown", onKey);
  document.addEventListener("pointermove", (event) => {
    const card = event.target.closest?.("[data-picker-panel] [role=option]");
    if (card) activate(card, { scroll: false });
  });
}

const picker = () => document.querySelector("[data-picker]");
const part = (name) => picker().querySelector(`[data-picker-${name}]`);
const options = () => [...picker().querySelectorAll("[role=option]")];
const isOpen = () => !part("panel").hidden;

function setUp() {
  part("select").hidden = true;
  part("button").hidden = false;
}

function onClick(event) {
  if (event.target.closest("[data-picker-button]")) {
    if (isOpen()) close();
    else open();
    return;
  }
  const card = event.target.closest("[data-picker-panel] [role=option]");
  if (card) choose(card);
  else if (isOpen() && !part("panel").contains(event.target)) close();
}

function onKey(event) {
  if (event.target !== part("button") || event.altKey || event.ctrlKey || event.metaKey) return;
  const moves = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity };
  if (event.key in moves) {
    event.preventDefault();
    if (isOpen()) move(moves[event.key]);
    else open();
  } else if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    if (isOpen()) choose(active());
    else open();
  } else if (event.key === "Escape" && isOpen()) {
    event.stopPropagation();
    close();
  } else if (event.key === "Tab") {
    close();
  } else if (event.key.length === 1) {
    jumpTo(event.key);
  }
}

function open() {
  part("panel").hidden = false;
  part("button").setAttribute("aria-expanded", "true");
  const chosen = options().find((card) => card.ariaSelected === "true");
  const first = chosen ?? options()[0];
  if (first) activate(first);
}

function close() {
  part("panel").hidden = true;
  part("button").setAttribute("aria-expanded", "false");
  part("button").removeAttribute("aria-activedescendant");
}

function active() {
  return picker().querySelector("[role=option].is-active");
}

function activate(card, { scroll = true } = {}) {
  active()?.classList.remove("is-active");
  card.classList.add("is-active");
  part("button").setAttribute("aria-activedescendant", card.id);
  if (scroll) card.scrollIntoView({ block: "nearest" });
}

function move(step) {
  const cards = options();
  const wanted = cards.indexOf(active()) + step;
  activate(cards[Math.min(Math.max(wanted, 0), cards.length - 1)]);
}

function jumpTo(character) {
  typed = performance.now() - typedAt > TYPING_MS ? character : typed + character;
  typedAt = performance.now();
  const found = options().find((card) =>
    card.textContent.trim().toLowerCase().startsWith(typed.toLowerCase()),
  );
  if (!found) return;
  if (isOpen()) activate(found);
  else choose(found);
}

function choose(card) {
  if (!card || card.ariaDisabled === "true") return;
  const select = part("select");
  for (const each of options()) each.ariaSelected = String(each === card);
  part("name").textContent = card.querySelector(".model-card__label").textContent;
  close();
  part("button").focus();
  if (select.value === card.dataset.value) return;
  select.value = card.dataset.value;
  select.dispatchEvent(new Event("change", { bubbles: true }));
}
