// Pictures to work on: dropped, pasted, chosen or brought from the gallery. A row each,
// with its thumbnail and what it is for; the row's input is named by that and goes with
// the form. Rows belong to the browser: the server never sees a file before the press.
import { askAnew, targetOf } from "./redraw.js";

const MOST_BYTES = 20_000_000;
const TYPES = new Set(["image/png", "image/jpeg", "image/webp", "image/avif"]);

/** Bring the tray to life. */
export function startTray() {
  setUp();
  document.addEventListener("htmx:after:swap", (event) => {
    // Not for news of jobs: a choice that is just open would close.
    if (["composer", "model-controls"].includes(targetOf(event)?.id)) setUp();
  });
  document.addEventListener("click", onClick);
  document.addEventListener("change", onChange);
  document.addEventListener("paste", onPaste);
  for (const name of ["dragover", "dragleave", "drop"]) document.addEventListener(name, onDrag);
}

/** What the skeleton draws where the picture follows its start: "640x480", or nothing. */
export function startSize() {
  const start = rows().find((each) => roleOf(each) === "init");
  return start ? sizeOf(start) : "";
}

const tray = () => document.querySelector("[data-tray]");
const list = () => tray().querySelector("[data-tray-rows]");
const rows = () => [...list().querySelectorAll("[data-picture]")];
const settings = () => tray().querySelector("[data-tray-settings]");
const roles = () => [...settings().querySelector("[data-tray-roles]").options];
const toggle = () => document.querySelector("[data-tray-toggle]");
const select = (row) => row.querySelector("[data-picture-role]");
const sizeOf = (row) => {
  const image = row.querySelector("img");
  return image.hasAttribute("width") ? `${image.getAttribute("width")}x${image.getAttribute("height")}` : "";
};
const roleOf = (row) => select(row).value || row.dataset.role;

/** Fit everything to what the chosen models can do with pictures. */
function setUp() {
  for (const each of tray().querySelectorAll("[data-without-script]")) each.hidden = true;
  for (const each of tray().querySelectorAll("[data-picture-remove], [data-picture-role]")) {
    each.hidden = false;
  }
  list().querySelector("[data-tray-add]").hidden = roles().length === 0;
  for (const row of rows()) fit(row);
  const isOffered = "offered" in settings().dataset || rows().length > 0;
  toggle().hidden = !isOffered;
  if (rows().length > 0 || "needsStart" in settings().dataset) tray().open = true;
  if (!isOffered) tray().open = false;
  show();
}

function show() {
  toggle().setAttribute("aria-expanded", String(tray().open));
  toggle().classList.toggle("is-on", rows().length > 0);
}

function onClick(event) {
  const remove = event.target.closest("[data-picture-remove]");
  if (remove) {
    drop(remove.closest("[data-picture]"));
  } else if (event.target.closest("[data-tray-toggle]")) {
    tray().open = !tray().open;
    if (tray().open) tray().querySelector("[data-tray-files]").focus();
    show();
  }
}

function onChange(event) {
  if (event.target.matches("[data-tray-files]")) {
    add(event.target.files);
    event.target.value = "";
  } else if (event.target.matches("[data-picture-role]")) {
    const row = event.target.closest("[data-picture]");
    makeRoom(row);
    fit(row);
    askAnew();
  } else if (event.target.matches("[data-tray-action]")) {
    askAnew();
  }
}

function onPaste(event) {
  const files = [...event.clipboardData.files];
  if (!files.length || event.clipboardData.types.includes("text/plain")) return;
  event.preventDefault();
  add(files);
}

function onDrag(event) {
  const composer = document.querySelector("[data-composer]");
  if (!event.dataTransfer?.types.includes("Files")) return;
  event.preventDefault(); // else the browser would leave the page for the picture
  composer.classList.toggle("is-target", event.type === "dragover");
  if (event.type === "drop") add(event.dataTransfer.files);
}

/** Take pictures in, each for what the models can still use one for. */
function add(files) {
  const problems = [];
  for (const file of files) {
    if (!TYPES.has(file.type)) problems.push(`${file.name} is not a PNG, JPEG, WebP or AVIF picture.`);
    else if (file.size > MOST_BYTES) problems.push(`${file.name} is larger than 20 MB.`);
    else if (!usualRole()) problems.push(noUse());
    else addRow(file);
  }
  tell([...new Set(problems)].join(" "));
  tray().open = rows().length > 0 || tray().open;
  show();
}

function addRow(file) {
  const template = tray().querySelector("[data-tray-row]");
  const row = template.content.firstElementChild.cloneNode(true);
  row.dataset.role = usualRole();
  const image = document.createElement("img");
  image.className = "tray__thumb";
  image.alt = file.name;
  image.addEventListener("load", () => {
    image.width = image.naturalWidth;
    image.height = image.naturalHeight;
    sized(row);
  });
  image.addEventListener("error", () => sized(row)); // the server says what is wrong
  image.src = URL.createObjectURL(file);
  row.prepend(image);
  const kept = new DataTransfer();
  kept.items.add(file);
  row.querySelector("[data-picture-value]").files = kept.files;
  list().querySelector("[data-tray-add]").before(row);
  fit(row);
}

/** A redraw sends no files: it is told what each is for and its size. */
function sized(row) {
  fit(row);
  askAnew();
}

function drop(row) {
  const next = row.nextElementSibling?.querySelector("button, input, select");
  const image = row.querySelector("img");
  if (image.src.startsWith("blob:")) URL.revokeObjectURL(image.src);
  row.remove();
  next?.focus();
  tell("");
  show();
  askAnew();
}

/** Name a row's input by what it is for, and offer what it can be for. */
function fit(row) {
  const wanted = roleOf(row);
  const offered = roles().map((role) => role.cloneNode(true));
  if (!offered.some((role) => role.value === wanted)) {
    const current = [...select(row).options].find((role) => role.value === wanted);
    offered.unshift(current?.cloneNode(true) ?? new Option(wanted, wanted));
  }
  select(row).replaceChildren(...offered);
  select(row).value = wanted;
  row.dataset.role = wanted;
  const field = select(row).selectedOptions[0].dataset.field;
  if (field) row.querySelector("[data-picture-value]").name = field;
  const given = row.querySelector("[data-picture-given]");
  if (given) given.value = `${wanted}:${sizeOf(row)}`;
}

/** Of some roles there is only one picture: the one that had it takes the free one. */
function makeRoom(row) {
  const role = select(row).selectedOptions[0];
  if ("many" in role.dataset) return;
  const other = rows().find((each) => each !== row && each.dataset.role === role.value);
  if (!other) return;
  select(other).value = row.dataset.role;
  fit(other);
}

function usualRole() {
  const taken = rows().map(roleOf);
  const isFree = (role) => "many" in role.dataset || !taken.includes(role.value);
  const free = roles().filter(isFree);
  return (free.find((role) => "usual" in role.dataset) ?? free[0])?.value;
}

function noUse() {
  if (!roles().length) return "This model draws from words alone. Choose one that works on pictures.";
  return "This model takes no more pictures.";
}

function tell(words) {
  document.querySelector("[data-tray-words]")?.remove();
  if (!words) return;
  const told = document.createElement("p");
  told.className = "field__error";
  told.dataset.trayWords = "";
  told.textContent = words;
  document.getElementById("composer-errors").append(told);
}
