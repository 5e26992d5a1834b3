// A stored choice of light or dark. A cookie, so that the server writes data-theme and
// the page never flashes the other theme. Without a choice the system decides.

const YEAR_SECONDS = 31_536_000;

/** Show each [data-theme-toggle] and let it switch the theme. */
export function startThemeToggle() {
  for (const button of document.querySelectorAll("[data-theme-toggle]")) {
    button.hidden = false;
    button.addEventListener("click", () => setTheme(isDark() ? "light" : "dark"));
  }
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  document.cookie = `theme=${theme}; path=/; max-age=${YEAR_SECONDS}; samesite=lax`;
}
