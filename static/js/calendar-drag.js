// Cards are dragged with Sortable, which knows the mouse and the long press; where they land is told by what lies under them.

const move = (id, values) =>
  new Promise((done) => document.dispatchEvent(new CustomEvent("calendar:move", { detail: { id, values, done } })));

const LISTS = ".day__cards, .timegrid__day";
const isStill = matchMedia("(prefers-reduced-motion: reduce)");
let drag = null; // what is held, where it was taken, and the place under it
let endedAt = 0;

const SETTINGS = {
  group: { name: "calendar", pull: true, put: false },
  sort: false,
  forceFallback: true,
  fallbackOnBody: true,
  fallbackTolerance: 4,
  delay: 300,
  delayOnTouchOnly: true,
  touchStartThreshold: 8,
  ghostClass: "post-card--ghost",
  fallbackClass: "post-card--dragging",
  onStart: begin,
  onEnd: end,
};

function keepPointer({ clientX, clientY, touches }) {
  drag.x = touches ? touches[0].clientX : clientX;
  drag.y = touches ? touches[0].clientY : clientY;
  showPlace();
}

let pressed = { x: 0, y: 0 };
// A list learns to be dragged from when it is first touched: nothing has to be set up again after a swap.
document.addEventListener("pointerdown", ({ target, clientX, clientY }) => {
  pressed = { x: clientX, y: clientY };
  const list = target.closest?.(LISTS);
  if (list && window.Sortable && !window.Sortable.get(list)) {
    const draggable = list.matches(".timegrid__day") ? ".timegrid__item:has([data-seen])" : "[data-seen]";
    window.Sortable.create(list, { ...SETTINGS, draggable });
  }
}, { capture: true });

function begin({ item }) {
  const card = item.matches("[data-seen]") ? item : item.querySelector("[data-seen]");
  const box = item.getBoundingClientRect();
  drag = { item, id: card.dataset.target, box, offsetX: pressed.x - box.left, offsetY: pressed.y - box.top, x: pressed.x, y: pressed.y };
  document.querySelector("#quick:popover-open")?.hidePopover();
  document.documentElement.classList.add("is-dragging");
  for (const type of ["pointermove", "touchmove"]) document.addEventListener(type, keepPointer, { passive: true });
}

function placeUnder() {
  const day = document.elementsFromPoint(drag.x, drag.y).find((element) => element.matches("#calendar [data-day]"));
  if (!day) return null;
  if (!day.matches(".timegrid__day")) return { day, values: { to: day.dataset.day }, isNew: !day.contains(drag.item) };
  const box = day.getBoundingClientRect();
  const quarter = Math.round((drag.y - drag.offsetY - box.top) / (box.height / 96));
  const minute = 15 * Math.min(95, Math.max(0, quarter));
  return { day, minute, values: { to: day.dataset.day, minute }, isNew: true };
}

const marker = document.createElement("div");
marker.className = "timegrid__drop";

function clearPlace() {
  marker.remove();
  for (const day of document.querySelectorAll(".day--drop, .day--refuse, .timegrid__day--drop")) {
    day.classList.remove("day--drop", "day--refuse", "timegrid__day--drop");
  }
}

function showPlace() {
  const place = placeUnder();
  if (place?.day === drag.place?.day && place?.minute === drag.place?.minute) return;
  drag.place = place;
  clearPlace();
  if (!place) return;
  if (place.minute === undefined) {
    place.day.classList.add(place.day.matches(".day--past") ? "day--refuse" : "day--drop");
    return;
  }
  place.day.classList.add("timegrid__day--drop");
  marker.textContent = `${String(Math.floor(place.minute / 60)).padStart(2, "0")}:${String(place.minute % 60).padStart(2, "0")}`;
  marker.style.gridRowStart = place.minute / 15 + 1;
  place.day.append(marker);
}

// Until the server has decided, a picture of the card stays where it was dropped; refused, it glides back.
function picture({ item, box, x, y, offsetX, offsetY }) {
  const flying = item.cloneNode(true);
  for (const element of [flying, ...flying.querySelectorAll("*")]) {
    for (const name of ["id", "data-target", "data-seen", "hx-get", "hx-trigger", "data-poll"]) element.removeAttribute(name);
  }
  flying.className = `${item.matches("a") ? item.className : ""} drag-picture post-card--dragging`.replace("post-card--ghost", "");
  flying.setAttribute("aria-hidden", "true");
  flying.inert = true;
  Object.assign(flying.style, { left: `${x - offsetX}px`, top: `${y - offsetY}px`, width: `${box.width}px` });
  document.body.append(flying);
  return flying;
}

async function glideBack(flying, { item, box }) {
  const home = item.isConnected ? item.getBoundingClientRect() : box;
  const from = flying.getBoundingClientRect();
  if (!isStill.matches) {
    const way = { translate: `${home.left - from.left}px ${home.top - from.top}px`, rotate: "0deg" };
    await flying.animate([{}, way], { duration: 260, easing: "cubic-bezier(.2, .7, .2, 1)", fill: "forwards" }).finished;
  }
  flying.remove();
}

async function end() {
  const held = drag;
  for (const type of ["pointermove", "touchmove"]) document.removeEventListener(type, keepPointer);
  endedAt = performance.now();
  document.documentElement.classList.remove("is-dragging");
  const { place } = held;
  clearPlace();
  drag = null;
  const flying = picture(held);
  held.item.classList.add("post-card--ghost");
  const isDone = place?.isNew && (await move(held.id, place.values));
  if (isDone) flying.remove();
  else await glideBack(flying, held);
  held.item.classList.remove("post-card--ghost");
}

// The click that ends a drag opens nothing; a long press is no context menu.
document.addEventListener("click", (event) => {
  if (performance.now() - endedAt > 80 || !event.target.closest("#calendar")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, { capture: true });
document.addEventListener("contextmenu", (event) => {
  if (event.pointerType === "touch" && event.target.closest("#calendar [data-seen]")) event.preventDefault();
});
document.addEventListener("keydown", ({ key }) => {
  if (key === "Escape" && drag) drag.place = null;
});
