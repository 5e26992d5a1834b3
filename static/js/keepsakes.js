// Prompts are kept in this browser only for as long as their author is signed in: earlier
// ones by the browser, the draft by the tab. A draft outlives a session that ran out, so
// that it is there after the next sign-in, but not a press of Sign out.

const PREFIX = "prompts-of-";
const DRAFT_PREFIX = "draft-of-";

/** The place where the prompts of whoever is signed in are kept. */
export function ownKey() {
  return PREFIX + person();
}

/** The place where the draft of whoever is signed in is kept. */
export function draftKey() {
  return DRAFT_PREFIX + person();
}

/** Remove what was kept for anybody else: the pages after signing out are nobody's. */
export function forgetOthers() {
  try {
    for (const key of Object.keys(localStorage)) {
      if (key.startsWith(PREFIX) && key !== ownKey()) localStorage.removeItem(key);
    }
    if (person()) forgetDrafts((key) => key !== draftKey());
  } catch {
    // Storage is forbidden, so nothing was kept.
  }
}

/** Forget the draft as soon as somebody presses Sign out. */
export function forgetAtSignOut() {
  document.addEventListener("submit", (event) => {
    if (event.target.matches("[data-sign-out]")) forgetDrafts(() => true);
  });
}

function forgetDrafts(isToForget) {
  for (const key of Object.keys(sessionStorage)) {
    if (key.startsWith(DRAFT_PREFIX) && isToForget(key)) sessionStorage.removeItem(key);
  }
}

function person() {
  return document.body.dataset.person ?? "";
}
