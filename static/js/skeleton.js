// The place of the pictures, drawn in the frame after the press, before any answer.
import { prompt } from "./composer.js";

/** Show empty tiles in the final shape from the press until the answer. */
export function startSkeleton() {
  document.addEventListener("htmx:before:request", (event) => {
    if (event.target.matches?.("[data-composer]") && prompt().value.trim()) show(event.target);
  });
  document.addEventListener("htmx:after:swap", (event) => {
    if (event.detail.ctx?.sourceElement?.matches?.("[data-composer]")) hide();
  });
  document.addEventListener("htmx:finally:request", (event) => {
    if (event.target.matches?.("[data-composer]")) hide();
  });
}

function show(form) {
  hide();
  const size = new FormData(form).get("size");
  if (!size) return;
  const [width, height] = size.split("x");
  const batch = document.querySelector("[data-skeleton]").content.cloneNode(true);
  batch.querySelector(".batch__prompt").textContent = prompt().value;
  const tiles = batch.querySelector(".job__tiles");
  const { value, max } = form.elements.num_images;
  const count = Math.min(Math.max(Number(value) || 1, 1), Number(max));
  tiles.dataset.count = String(count);
  const space = tiles.querySelector("svg");
  space.setAttribute("viewBox", `0 0 ${width} ${height}`);
  space.setAttribute("width", width);
  space.setAttribute("height", height);
  for (let more = 1; more < count; more += 1) {
    tiles.append(tiles.firstElementChild.cloneNode(true));
  }
  document.querySelector("[data-live]").prepend(batch);
  window.scrollTo({ top: 0, behavior: "instant" });
}

function hide() {
  document.querySelector("[data-sending]")?.remove();
}
