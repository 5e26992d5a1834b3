// Earlier prompts are kept in this browser only for as long as their author is signed in.

const PREFIX = "prompts-of-";

/** The place where the prompts of whoever is signed in are kept. */
export function ownKey() {
  return PREFIX + (document.body.dataset.person ?? "");
}

/** Remove what was kept for anybody else: the pages after signing out are nobody's. */
export function forgetOthers() {
  try {
    for (const key of Object.keys(localStorage)) {
      if (key.startsWith(PREFIX) && key !== ownKey()) localStorage.removeItem(key);
    }
  } catch {
    // Storage is forbidden, so nothing was kept.
  }
}
