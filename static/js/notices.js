// Messages over the page for what went wrong between browser and server. The words of a
// form are never lost: nothing of the page is replaced.

const SHOWN_MS = 12_000;
const OUR_REFUSALS = new Set([402, 422]); // answered with a form that says what is wrong

/** Say it when a request of the page fails, instead of drawing an error page into it. */
export function startNotices() {
  document.addEventListener("htmx:error", () => {
    show("The site cannot be reached. Nothing is lost: try again when the line is back.");
  });
  document.addEventListener("htmx:before:swap", (event) => {
    const response = event.detail.ctx?.response?.raw;
    if (!response) return;
    if (response.redirected && new URL(response.url).pathname.startsWith("/accounts/")) {
      event.preventDefault(); // the session has ended: back to sign-in
      location.assign(response.url);
    } else if (response.status >= 400 && !OUR_REFUSALS.has(response.status)) {
      event.preventDefault();
      show(wordsFor(response.status));
    }
  });
}

function wordsFor(status) {
  if (status === 503) return "The site has its hands full. Nothing is lost: try again in a moment.";
  if (status >= 500) return "Something broke on our side. Nothing is lost: try again.";
  if (status === 403) return "This page has grown old. Reload it, then try again.";
  if (status === 404) return "That is no longer here. Reload the page.";
  return "That did not arrive in one piece. Try again with less.";
}

function show(words) {
  const shown = document.querySelector(".notices") ?? document.createElement("div");
  shown.className = "notices";
  const notice = document.createElement("p");
  notice.className = "notice notice--error";
  notice.setAttribute("role", "alert");
  notice.textContent = words;
  shown.replaceChildren(notice);
  document.body.append(shown);
  setTimeout(() => notice.remove(), SHOWN_MS);
}
