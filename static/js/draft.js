// The words and the number being typed outlive a reload and a new sign-in, in this tab.
import { prompt, setPrompt } from "./composer.js";
import { draftKey } from "./keepsakes.js";

/** Put the tab's draft back into the form, and keep it from now on. */
export function startDraft() {
  restore();
  document.addEventListener("input", (event) => {
    if (event.target.closest("[data-composer]")) keep();
  });
}

function keep() {
  const draft = { page: location.search, words: prompt().value, count: count()?.value };
  try {
    sessionStorage.setItem(draftKey(), JSON.stringify(draft));
  } catch {
    // Storage is full or forbidden: the draft is a convenience.
  }
}

function restore() {
  const draft = kept();
  if (!draft || draft.page !== location.search || !isReturn()) return;
  if (draft.words) setPrompt(draft.words);
  if (!count()) return;
  count().value = String(Math.min(Number(draft.count) || 1, Number(count().max)));
  count().dispatchEvent(new Event("input", { bubbles: true }));
}

/** Whether the address was asked for anew, as by a link that fills the form. */
function isReturn() {
  const [{ type }] = performance.getEntriesByType("navigation");
  const isFromSignIn = document.referrer.startsWith(`${location.origin}/accounts/`);
  return !location.search || type !== "navigate" || isFromSignIn;
}

function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(draftKey()));
  } catch {
    return null;
  }
}

function count() {
  return document.querySelector("[data-count]");
}
