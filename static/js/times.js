// <time data-ago> says how long ago something was, and goes on saying it rightly.

const EVERY_MS = 10_000;
const DAY_SECONDS = 86_400;
const UNITS = [["hour", 3600], ["minute", 60], ["second", 1]];
const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** Keep the page's relative times true; those of earlier days stay as they are. */
export function startTimes() {
  setInterval(() => {
    for (const time of document.querySelectorAll("time[data-ago]")) tell(time);
  }, EVERY_MS);
}

function tell(time) {
  const seconds = Math.max(0, (Date.now() - Date.parse(time.dateTime)) / 1000);
  if (seconds >= DAY_SECONDS) return;
  const [unit, size] = UNITS.find(([, size]) => seconds >= size) ?? UNITS.at(-1);
  time.textContent = words.format(-Math.floor(seconds / size), unit);
}
