// Earlier prompts by Alt+Up and Alt+Down, kept in this browser only, for each person.
import { prompt, setPrompt } from "./composer.js";
import { ownKey } from "./keepsakes.js";

const KEPT = 50;
let place = -1; // -1: what is being typed
let draft = "";

/** Remember sent prompts and let Alt+arrows walk them. */
export function startHistory() {
  document.addEventListener("htmx:before:request", (event) => {
    const isPress = event.target.matches?.("[data-composer]");
    if (isPress) remember(prompt().value.trim());
  });
  document.addEventListener("keydown", (event) => {
    if (!event.altKey || event.target !== prompt()) return;
    if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
    event.preventDefault();
    walk(event.key === "ArrowUp" ? 1 : -1);
  });
}

function remember(words) {
  place = -1;
  if (!words) return;
  const others = kept().filter((each) => each !== words);
  try {
    localStorage.setItem(ownKey(), JSON.stringify([words, ...others].slice(0, KEPT)));
  } catch {
    // Storage is full or forbidden: the history is a convenience.
  }
}

function walk(step) {
  const earlier = kept();
  const wanted = place + step;
  if (wanted < -1 || wanted >= earlier.length) return;
  if (place === -1) draft = prompt().value;
  place = wanted;
  setPrompt(place === -1 ? draft : earlier[place]);
}

function kept() {
  try {
    const list = JSON.parse(localStorage.getItem(ownKey()) ?? "[]");
    return Array.isArray(list) ? list.filter((each) => typeof each === "string") : [];
  } catch {
    return [];
  }
}
