// The model picker: a listbox of cards over a native select, which stays the form's
// value. A search on top finds by any name. Arrows, Home, End, Enter and Escape work as
// in a select; Space, or the tick on a card, adds a model to compare.

let isWalking = false; // by the arrows, so that Space is no letter of a search

/** Put the cards over each [data-picker]'s select. */
export function startPicker() {
  setUp();
  document.addEventListener("htmx:after:swap", setUp); // the form came back with errors
  document.addEventListener("click", onClick);
  document.addEventListener("keydown", onKey);
  document.addEventListener("input", (event) => {
    if (event.target === part("search")) search();
  });
  document.addEventListener("focusout", (event) => {
    const isLeft = event.relatedTarget && !picker().contains(event.relatedTarget);
    if (isLeft && picker().contains(event.target)) close();
  });
  document.addEventListener("mousedown", (event) => {
    // The search keeps the focus while cards are pressed.
    if (event.target.closest("[data-picker-list]")) event.preventDefault();
  });
  document.addEventListener("pointermove", (event) => {
    const card = event.target.closest?.("[data-picker-list] [role=option]");
    if (card) activate(card, { scroll: false });
  });
}

const picker = () => document.querySelector("[data-picker]");
const part = (name) => picker().querySelector(`[data-picker-${name}]`);
const cards = () => [...picker().querySelectorAll("[role=option]")];
const shown = () => cards().filter((card) => !card.hidden && !card.closest("[hidden]"));
const isOpen = () => !part("panel").hidden;
const chosen = () => [...part("select").selectedOptions].map((option) => option.value);

function setUp() {
  part("select").multiple = true;
  part("select").hidden = true;
  part("button").hidden = false;
}

function onClick(event) {
  const unpick = event.target.closest("[data-unpick]");
  const pick = event.target.closest("[data-pick]");
  const card = event.target.closest("[data-picker-list] [role=option]");
  if (event.target.closest("[data-picker-button]")) {
    if (isOpen()) close();
    else open();
  } else if (event.target.closest("[data-picker-unfold]")) {
    unfold();
  } else if (event.target.closest("[data-picker-done]")) {
    done();
  } else if (unpick) {
    set(chosen().filter((slug) => slug !== unpick.dataset.unpick));
    part("button").focus();
  } else if (pick) {
    choose(cards().find((each) => each.dataset.value === pick.dataset.pick));
  } else if (card && event.target.closest("[data-tick]")) {
    tick(card);
  } else if (card) {
    choose(card);
  } else if (isOpen() && !part("panel").contains(event.target)) {
    close();
  }
}

function onKey(event) {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === "Escape" && isOpen() && picker().contains(event.target)) {
    event.stopPropagation();
    close();
    part("button").focus();
  } else if (event.target === part("button") && !isOpen()) {
    onClosedKey(event);
  } else if (event.target === part("search") || event.target === part("button")) {
    onOpenKey(event);
  }
}

function onClosedKey(event) {
  if (["ArrowDown", "ArrowUp", "Home", "End", "Enter", " "].includes(event.key)) {
    event.preventDefault();
    open();
  } else if (event.key.length === 1) {
    open(); // the letter arrives in the search, which has the focus now
    part("search").focus();
  }
}

function onOpenKey(event) {
  const moves = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity };
  const isTyped = part("search").value !== "" && !isWalking;
  if (event.key in moves && !(isTyped && ["Home", "End"].includes(event.key))) {
    event.preventDefault();
    move(moves[event.key]);
  } else if (event.key === "Enter") {
    event.preventDefault();
    if (chosen().length > 1 && active()?.ariaSelected === "true") done();
    else choose(active());
  } else if (event.key === " " && !isTyped) {
    event.preventDefault();
    tick(active());
  }
}

function open() {
  part("panel").hidden = false;
  part("button").setAttribute("aria-expanded", "true");
  part("search").value = "";
  search();
  const current = shown().find((card) => card.ariaSelected === "true");
  const first = current ?? shown()[0];
  if (first) activate(first);
  // On a phone the search would call up the keyboard over the cards.
  if (matchMedia("(pointer: fine)").matches) part("search").focus();
}

function close() {
  part("panel").hidden = true;
  part("button").setAttribute("aria-expanded", "false");
  for (const name of ["button", "search"]) part(name).removeAttribute("aria-activedescendant");
}

function done() {
  close();
  part("button").focus();
}

function active() {
  return picker().querySelector("[role=option].is-active");
}

function activate(card, { scroll = true } = {}) {
  active()?.classList.remove("is-active");
  card.classList.add("is-active");
  for (const name of ["button", "search"]) part(name).setAttribute("aria-activedescendant", card.id);
  if (scroll) card.scrollIntoView({ block: "nearest" });
}

function move(step) {
  const list = shown();
  if (!list.length) return;
  isWalking = true;
  const wanted = list.indexOf(active()) + step;
  activate(list[Math.min(Math.max(wanted, 0), list.length - 1)]);
}

/** Show what any of its names, words and descriptions match; without words, all. */
function search() {
  isWalking = false;
  const words = plain(part("search").value).split(" ").filter(Boolean);
  const fits = (element) => {
    const text = ` ${plain(`${element.textContent} ${element.dataset.names}`)}`;
    const label = element.querySelector(".model-card__label, strong").textContent;
    const names = [label, ...element.dataset.names.split(" ")].map(dense);
    return words.every((word) => text.includes(` ${word}`))
      || names.some((name) => name.startsWith(words.join("")));
  };
  for (const card of cards()) card.hidden = words.length > 0 && !fits(card);
  for (const group of picker().querySelectorAll("[data-group]")) {
    const isEmpty = !group.querySelector("[role=option]:not([hidden])");
    group.hidden = words.length ? isEmpty : "folded" in group.dataset;
  }
  const gone = [...picker().querySelectorAll("[data-gone]")];
  for (const each of gone) each.hidden = words.length > 0 && !fits(each);
  const found = gone.filter((each) => !each.hidden).length;
  if (part("retired")) {
    part("retired").hidden = found === 0;
    part("retired").open = words.length > 0 && found > 0;
  }
  if (part("unfold")) part("unfold").hidden = words.length > 0 || !picker().querySelector("[data-folded][hidden]");
  part("none").hidden = words.length === 0 || shown().length > 0 || found > 0;
  if (words.length && shown().length) activate(shown()[0]);
}

function plain(text) {
  const bare = text.normalize("NFKD").toLowerCase().replace(/\p{M}/gu, "");
  return bare.replace(/[^\p{L}\p{N}]+/gu, " ").trim();
}

function dense(text) {
  return plain(text).replaceAll(" ", "");
}

function unfold() {
  for (const group of picker().querySelectorAll("[data-folded]")) {
    delete group.dataset.folded;
    group.hidden = false;
  }
  part("unfold").hidden = true;
  part("search").focus();
}

function choose(card) {
  if (!card || card.ariaDisabled === "true") return;
  done();
  set([card.dataset.value]);
}

/** Add a model to compare, or leave it out again; one always stays. */
function tick(card) {
  if (!card || card.ariaDisabled === "true") return;
  activate(card, { scroll: false });
  const others = chosen().filter((slug) => slug !== card.dataset.value);
  const isIn = others.length < chosen().length;
  if (!isIn) set([...others, card.dataset.value]);
  else if (others.length) set(others);
}

function set(slugs) {
  const before = chosen().join(" ");
  for (const option of part("select").options) option.selected = slugs.includes(option.value);
  for (const card of cards()) card.ariaSelected = String(slugs.includes(card.dataset.value));
  const [only] = cards().filter((card) => slugs.includes(card.dataset.value));
  const label = only?.querySelector(".model-card__label").textContent;
  part("name").textContent = slugs.length > 1 ? `${slugs.length} models` : label;
  if (chosen().join(" ") !== before) {
    part("select").dispatchEvent(new Event("change", { bubbles: true }));
  }
}
