// Keeps "in 3 days" true while the page is open: <time datetime="…" data-relative-time>.

const format = new Intl.RelativeTimeFormat("en", { numeric: "always" });
const STEPS = [
  ["minute", 60, 60],
  ["hour", 3600, 24],
  ["day", 86400, 14],
  ["week", 604800, 9],
  ["month", 2629800, 12],
  ["year", 31557600, Infinity],
];

function describe(seconds) {
  if (Math.abs(seconds) < 45) return "now";
  for (const [unit, size, limit] of STEPS) {
    const amount = Math.round(seconds / size);
    if (Math.abs(amount) < limit) return format.format(amount || Math.sign(seconds), unit);
  }
  return "";
}

function refresh() {
  if (document.hidden) return;
  for (const element of document.querySelectorAll("time[data-relative-time]")) {
    const text = describe((Date.parse(element.dateTime) - Date.now()) / 1000);
    if (text && element.textContent !== text) element.textContent = text;
  }
}

setInterval(refresh, 30_000);
document.addEventListener("visibilitychange", refresh);
