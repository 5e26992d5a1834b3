// Draws what the news say: cards that changed, batches of other tabs, words, the balance.
import { credits } from "./composer.js";

let place;
const waitingFor = new Set(); // batches being fetched
const early = new Map(); // by job, the last news of those that are not drawn yet

/** Draw into this element from now on. */
export function startCards(element) {
  place = element;
  document.addEventListener("htmx:after:swap", onSwap);
  place.addEventListener("error", hideBrokenPreview, true);
  setInterval(tick, 1000);
}

/** Draw a job's card unless the page shows that version or a later one already. */
export function applyCard(news) {
  const { job, generation, html, announcement } = news;
  const card = document.getElementById(`job-${job}`);
  if (!card) {
    early.set(job, news);
    if (generation) fetchBatch(generation);
    return;
  }
  const fresh = parse(html);
  if (!fresh || Number(fresh.dataset.version) <= Number(card.dataset.version)) return;
  const told = announcement ?? "";
  const wasDrawing = card.querySelector(".tile--drawing") !== null;
  const isDrawing = fresh.querySelector(".tile--drawing") !== null;
  if (told && !(wasDrawing && isDrawing)) announce(told);
  const preview = card.querySelector("[data-preview]")?.cloneNode();
  htmx.swap({ target: card, text: html, swap: "outerMorph", sourceElement: place })
    .then(() => {
      fadeIntoPicture(preview, job);
      tellFacts(document.getElementById(`job-${job}`)?.closest(".group"));
    });
}

/** Say how long a model's jobs took and what they cost, once all have ended. */
function tellFacts(group) {
  const facts = group?.querySelector("[data-facts]");
  if (!facts) return;
  const jobs = [...group.querySelectorAll("[data-job]")];
  const done = jobs.filter((job) => "credits" in job.dataset);
  const seconds = Math.max(...done.map((job) => Number(job.dataset.seconds)));
  const cost = done.reduce((sum, job) => sum + Number(job.dataset.credits), 0);
  const isOver = done.length > 0 && !jobs.some((job) => "active" in job.dataset);
  facts.textContent = isOver ? `${seconds} s · ${credits(cost)}` : "";
}

/** Let the last preview lie over the finished picture until that is there, then fade. */
async function fadeIntoPicture(preview, job) {
  const tile = document.querySelector(`#job-${CSS.escape(job)} a.tile`);
  if (!preview || preview.hidden || !tile) return;
  preview.removeAttribute("data-preview");
  preview.addEventListener("animationend", () => preview.remove());
  tile.append(preview);
  await tile.querySelector("img").decode().catch(() => {});
  preview.classList.add("is-leaving");
}

/** Write the places of jobs that still wait. */
export function applyWaiting(words) {
  for (const [job, text] of Object.entries(words)) {
    const card = document.getElementById(`job-${job}`);
    const shown = card?.querySelector(".tile--waiting:not(.tile--drawing) [data-words]");
    if (shown) shown.textContent = text;
  }
}

/** Write the credits left, wherever they stand. */
export function setBalance(balance) {
  for (const shown of document.querySelectorAll("[data-balance]")) {
    shown.textContent = String(balance);
  }
  for (const plural of document.querySelectorAll("[data-balance-plural]")) {
    plural.hidden = balance === 1;
  }
  document.dispatchEvent(new Event("balance"));
}

function parse(html) {
  return new DOMParser().parseFromString(html, "text/html").querySelector("[data-job]");
}

/** Draw a batch that another tab, or another device, has started. */
async function fetchBatch(generation) {
  if (waitingFor.has(generation)) return;
  waitingFor.add(generation);
  try {
    const address = place.dataset.batchUrl.replace("00000000-0000-0000-0000-000000000000", generation);
    const response = await fetch(address, { headers: { "HX-Request": "true" } });
    if (!response.ok || response.redirected) return;
    const html = await response.text();
    await htmx.swap({ target: place, text: html, swap: "afterbegin", sourceElement: place });
  } finally {
    waitingFor.delete(generation);
  }
}

function onSwap(event) {
  keepOneOfEach();
  afterPress(event);
  for (const [job, news] of early) {
    if (!document.getElementById(`job-${job}`)) continue;
    early.delete(job);
    applyCard(news);
  }
}

/** A batch comes twice when news of it are quicker than the answer to its press. */
function keepOneOfEach() {
  const kept = new Set();
  for (const batch of place.querySelectorAll("[data-batch]")) {
    if (!kept.has(batch.id)) {
      kept.add(batch.id);
      continue;
    }
    batch.remove();
    for (const card of batch.querySelectorAll("[data-job]")) {
      applyCard({ job: card.dataset.job, html: card.outerHTML });
    }
  }
}

/** After a press: its batch is seen and announced; a new token for a second try. */
function afterPress(event) {
  const source = event.detail?.ctx?.sourceElement;
  if (!source?.matches?.("form[hx-target='#stream']")) return;
  if (event.detail.ctx.response?.status >= 400) return;
  window.scrollTo({ top: 0, behavior: "instant" });
  announce("Sent. Waiting for the model.");
  if (source.matches("[data-composer]")) clearErrors(source);
  else source.elements.client_token.value = randomToken();
}

/** The form itself is not redrawn after a press, so that typing goes on undisturbed. */
function clearErrors(form) {
  for (const error of form.querySelectorAll(".field__error")) error.remove();
  for (const field of form.querySelectorAll("[aria-invalid]")) {
    field.removeAttribute("aria-invalid");
    field.removeAttribute("aria-describedby");
  }
}

function randomToken() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function announce(words) {
  const announcer = document.querySelector("[data-announcer]");
  announcer.textContent = words;
}

function hideBrokenPreview(event) {
  if (event.target.matches("[data-preview]")) event.target.hidden = true;
}

/** Count the seconds of models that do not tell how far they are. */
function tick() {
  for (const state of place.querySelectorAll("[data-elapsed]")) {
    const elapsed = Number(state.dataset.elapsed) + 1;
    state.dataset.elapsed = String(elapsed);
    state.querySelector("[data-words]").textContent = elapsedWords(elapsed, Number(state.dataset.usual));
  }
}

function elapsedWords(elapsed, usual) {
  const seconds = `${Math.round(elapsed)} s`;
  if (!usual) return `Drawing · ${seconds}`;
  if (elapsed > usual) return `Drawing · almost done, ${seconds}`;
  return `Drawing · ${seconds} of ~${Math.max(1, Math.round(usual))} s`;
}
