// News of one's jobs. One visible tab holds the stream (a web lock says which) and passes
// what it hears to the others; hidden tabs hold none. While there is no stream, the cards
// of unfinished jobs are asked for one by one. Both draw the same cards.
import { applyCard, applyWaiting, setBalance, startCards } from "./cards.js";

const LOCK = "magicshot-stream";
const POLL_MS = 2000;
const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 30_000;

let place; // the element that carries the addresses and the cursor
let channel;
let source = null;
let release = null;
let asking = null;
let lastHeard = 0;
let retryMs = FIRST_RETRY_MS;

/** Keep the page's jobs true for as long as it is open. */
export function startLive() {
  place = document.querySelector("[data-live]");
  channel = new BroadcastChannel(`${LOCK}-${document.body.dataset.person}`);
  channel.addEventListener("message", (event) => hear(event.data));
  startCards(place);
  document.addEventListener("visibilitychange", follow);
  window.addEventListener("pagehide", stop);
  window.addEventListener("pageshow", follow);
  setInterval(poll, POLL_MS);
  follow();
}

function follow() {
  if (document.hidden) stop();
  else lead();
}

/** Wait to be the tab that streams. */
function lead() {
  if (asking) return;
  asking = new AbortController();
  if (!navigator.locks) {
    connect(); // no secure context: each visible tab has a stream of its own
    return;
  }
  const held = () => new Promise((done) => { release = done; connect(); });
  const name = `${LOCK}-${document.body.dataset.person}`;
  navigator.locks.request(name, { signal: asking.signal }, held).catch((error) => {
    if (error.name !== "AbortError") throw error;
  });
}

function stop() {
  source?.close();
  source = null;
  release?.();
  release = null;
  asking?.abort();
  asking = null;
}

function connect() {
  const address = new URL(place.dataset.eventsUrl, location.href);
  address.searchParams.set("after", place.dataset.cursor);
  source = new EventSource(address);
  source.addEventListener("open", () => { retryMs = FIRST_RETRY_MS; });
  for (const name of ["job", "waiting", "balance", "stale"]) {
    source.addEventListener(name, (event) => {
      const news = { name, cursor: event.lastEventId, content: JSON.parse(event.data) };
      channel.postMessage(news);
      hear(news);
    });
  }
  source.addEventListener("error", () => {
    if (source?.readyState !== EventSource.CLOSED) return; // the browser tries again
    source = null;
    setTimeout(() => { if (asking && !source) connect(); }, retryMs);
    retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
  });
}

function hear({ name, cursor, content }) {
  lastHeard = performance.now();
  if (cursor) place.dataset.cursor = cursor;
  if (name === "balance") setBalance(content.balance);
  if (name === "waiting") applyWaiting(content);
  if (name === "job") applyCard(content);
  if (name === "stale") askForCards();
}

/** Without a stream in any tab, ask for each unfinished job's card. */
async function poll() {
  const isStreaming = source?.readyState === EventSource.OPEN;
  const isToldByOthers = !source && performance.now() - lastHeard < 3 * POLL_MS;
  if (!document.hidden && !isStreaming && !isToldByOthers) await askForCards();
}

async function askForCards() {
  for (const job of document.querySelectorAll("[data-job][data-active]")) {
    try {
      const response = await fetch(job.dataset.cardUrl, { headers: { "HX-Request": "true" } });
      if (response.ok && !response.redirected) {
        applyCard({ job: job.dataset.job, html: await response.text() });
      }
    } catch {
      return; // the server is away; the next round asks again
    }
  }
}
