// The place of the pictures, drawn in the frame after the press, before any answer.
import { prompt } from "./composer.js";
import { startSize } from "./tray.js";

/** Show empty tiles in the final shape from the press until the answer. */
export function startSkeleton() {
  document.addEventListener("htmx:before:request", (event) => {
    const form = event.target;
    if (form.matches?.("[data-composer]") && canBegin(form)) show(form);
  });
  document.addEventListener("htmx:after:swap", (event) => {
    if (event.detail.ctx?.sourceElement?.matches?.("[data-composer]")) hide();
  });
  document.addEventListener("htmx:finally:request", (event) => {
    if (event.target.matches?.("[data-composer]")) hide();
  });
}

function canBegin(form) {
  return prompt().value.trim() !== "" || form.querySelector("[data-wordless]") !== null;
}

function show(form) {
  hide();
  const models = [...form.elements.image_model.selectedOptions];
  const sizes = sizesOf(form, models.length);
  if (!sizes.length) return;
  const batch = document.querySelector("[data-skeleton]").content.cloneNode(true);
  batch.querySelector(".batch__prompt").textContent = prompt().value;
  const groups = batch.querySelector(".groups");
  groups.classList.toggle("groups--compared", models.length > 1);
  groups.dataset.models = String(models.length);
  const blank = groups.querySelector(".group");
  models.forEach((model, place) => {
    const group = blank.cloneNode(true);
    const label = group.querySelector(".group__label");
    label.hidden = models.length === 1;
    label.textContent = model.dataset.label;
    fill(group.querySelector(".job__tiles"), sizes[place] ?? sizes[0], countOf(form));
    groups.append(group);
  });
  blank.remove();
  document.querySelector("[data-live]").prepend(batch);
  window.scrollTo({ top: 0, behavior: "instant" });
}

/** The size each model draws: by the shape, the start picture, or as typed by hand. */
function sizesOf(form, count) {
  const start = form.querySelector(".shapes--given");
  const chosen = form.querySelector("[name=size]:checked")?.dataset.drawn;
  const own = form.elements.own_size?.value.trim().replace(/[^0-9]+/g, "x");
  if (/^\d+x\d+$/.test(own ?? "")) return Array(count).fill(own);
  if (start) return start.dataset.drawn.split(" ").map((size) => startSize() || size);
  return chosen ? chosen.split(" ") : [];
}

function countOf(form) {
  const { value, max } = form.elements.num_images;
  return Math.min(Math.max(Number(value) || 1, 1), Number(max));
}

function fill(tiles, size, count) {
  const [width, height] = size.split("x");
  tiles.dataset.count = String(count);
  const space = tiles.querySelector("svg");
  space.setAttribute("viewBox", `0 0 ${width} ${height}`);
  space.setAttribute("width", width);
  space.setAttribute("height", height);
  for (let more = 1; more < count; more += 1) {
    tiles.append(tiles.firstElementChild.cloneNode(true));
  }
}

function hide() {
  document.querySelector("[data-sending]")?.remove();
}
