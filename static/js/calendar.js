// The calendar's keys, the panel that opens above it, the reader's own zone, the line of now.

const panel = document.querySelector("#panel");
const body = document.querySelector("#panel-body");
const root = () => document.querySelector("#calendar");

// What arrives in the panel opens it; a move that went well, or that came too late, closes it.
document.addEventListener("htmx:afterSwap", ({ detail }) => {
  if (detail.target !== body) return;
  if (!body.childElementCount) panel.close();
  else if (!panel.open) panel.showModal();
});
document.addEventListener("calendar-changed", () => panel.close());
document.addEventListener("click", (event) => {
  if (event.target.closest("dialog [data-dialog-close]")) event.preventDefault();
});

// A refusal brings the days as they are now.
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.xhr.status !== 409 || !detail.requestConfig.path.startsWith("/calendar/")) return;
  detail.shouldSwap = true;
  panel.close();
});

const isNarrow = matchMedia("(max-width: 56.25rem)");
document.addEventListener("click", (event) => {
  const { target } = event;
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.defaultPrevented) return;
  const opener = target.closest("[data-open-day]");
  if (opener) {
    event.preventDefault();
    const url = new URL(root().dataset.panel, location.href);
    url.searchParams.set("date", new URL(opener.href).searchParams.get("date"));
    const into = isNarrow.matches && document.querySelector("#day-below") ? "#day-below" : "#panel-body";
    window.htmx.ajax("GET", url.pathname + url.search, { source: root(), target: into, swap: "innerHTML" });
  } else if (target.matches(".day, .day__head, .day__cards") && !isNarrow.matches) {
    target.closest(".day").querySelector(".day__add")?.click();
  }
});

const TYPING = "input, textarea, select, [contenteditable], dialog, [popover], details[open]";
document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  if (event.target.closest?.(TYPING) || document.querySelector("dialog[open]")) return;
  const link = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (!link) return;
  event.preventDefault();
  link.click();
});

function offerOwnZone() {
  const link = document.querySelector("[data-zone-mine]");
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!link || !zone) return;
  const url = new URL(link.href);
  url.searchParams.set("zone", zone);
  link.href = url;
  link.textContent = `Mine: ${zone.replaceAll("_", " ")}`;
  link.hidden = false;
}

function rowOfNow(zone) {
  const parts = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit" }).format(new Date());
  const [hours, minutes] = parts.split(":").map(Number);
  return (hours * 60 + minutes) / 15;
}

function drawNow() {
  const line = document.querySelector("[data-now]");
  const grid = line?.closest("[data-timegrid]");
  if (!grid) return;
  const row = rowOfNow(grid.dataset.timegrid);
  line.style.gridRowStart = Math.floor(row) + 1;
  line.style.translate = `0 ${(row % 1) * (line.parentElement.clientHeight / 96)}px`;
}

// The week opens where now is, or at the beginning of a working day.
function scrollToNow() {
  const grid = document.querySelector("[data-timegrid]:not([data-scrolled])");
  if (!grid) return;
  grid.setAttribute("data-scrolled", "");
  const row = grid.querySelector("[data-now]") ? rowOfNow(grid.dataset.timegrid) : 36;
  grid.scrollTop = (row / 96) * grid.querySelector(".timegrid__days").clientHeight - grid.clientHeight / 3;
  const today = grid.querySelector(".timegrid__dow--today");
  if (today && isNarrow.matches) grid.scrollLeft = today.offsetLeft - 60;
}

function settle() {
  offerOwnZone();
  scrollToNow();
  drawNow();
}
settle();
document.addEventListener("htmx:afterSettle", settle);
setInterval(() => document.hidden || drawNow(), 30_000);
