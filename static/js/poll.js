// Elements that ask for themselves ([data-poll]): not in a hidden tab, and on again after a failure.

const RETRY_MS = 5000;

document.addEventListener("htmx:confirm", (event) => {
  if (!document.hidden || !event.target.matches("[data-poll]")) return;
  event.preventDefault();
  document.addEventListener("visibilitychange", () => event.detail.issueRequest(true), { once: true });
});

function tryAgain(event) {
  if (!event.target.matches?.("[data-poll]")) return;
  event.stopImmediatePropagation(); // a poll that failed is not worth a message; the heartbeat tells when it lasts
  if (event.detail.xhr?.status === 401 || event.detail.xhr?.status === 404) return;
  setTimeout(() => event.target.isConnected && window.htmx.trigger(event.target, "poll"), RETRY_MS);
}
for (const type of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
  document.addEventListener(type, tryAgain, { capture: true });
}
