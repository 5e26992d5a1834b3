// The server groups pictures by day; only the browser knows when the person's day begins.

const YEAR_SECONDS = 31_536_000;

/** Leave the browser's time zone in a cookie, for the next page. */
export function tellTimeZone() {
  const zone = encodeURIComponent(Intl.DateTimeFormat().resolvedOptions().timeZone);
  document.cookie = `time_zone=${zone}; path=/; max-age=${YEAR_SECONDS}; samesite=lax`;
}
