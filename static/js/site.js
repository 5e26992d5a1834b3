// What every page has: the theme toggle, menus that close, and a way back to sign-in.
import { startMenus } from "./menu.js";
import { startThemeToggle } from "./theme.js";

startThemeToggle();
startMenus();

// A fragment asked for after the session has ended is answered with the sign-in page.
document.addEventListener("htmx:before:swap", (event) => {
  const response = event.detail.ctx?.response?.raw;
  if (response?.redirected && new URL(response.url).pathname.startsWith("/accounts/")) {
    event.preventDefault();
    location.assign(response.url);
  }
});
