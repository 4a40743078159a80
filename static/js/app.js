// Toasts, errors of requests, busy buttons, focus after a refusal. Other modules speak to it by events:
// document.dispatchEvent(new CustomEvent("toast", {detail: {category, message, action: {label, url}, key}})), which is also
// what the HX-Trigger header {"toast": {...}} does.

const LIFETIME_MS = 6000;
const LIFETIME_WITH_ACTION_MS = 10_000;
const region = document.querySelector("[data-toasts]");

function leave(toast) {
  toast.classList.add("toast--leaving");
  setTimeout(() => toast.remove(), 140);
}

// Errors stay until they are dismissed; the rest leaves, but not while it is being read or used.
function arm(toast) {
  toast.querySelector("[data-toast-close]").addEventListener("click", () => leave(toast));
  if (toast.dataset.toast === "error") return;
  let timer = null;
  const pause = () => clearTimeout(timer);
  const run = () => {
    pause();
    timer = setTimeout(() => leave(toast), toast.querySelector(".toast__action") ? LIFETIME_WITH_ACTION_MS : LIFETIME_MS);
  };
  toast.addEventListener("pointerenter", pause);
  toast.addEventListener("focusin", pause);
  toast.addEventListener("pointerleave", () => toast.matches(":focus-within") || run());
  toast.addEventListener("focusout", () => toast.matches(":hover") || run());
  run();
}

function actionButton(action, toast) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "toast__action";
  button.textContent = action.label;
  button.setAttribute("hx-post", action.url);
  button.setAttribute("hx-swap", "none");
  button.addEventListener("htmx:afterRequest", () => leave(toast));
  return button;
}

function show({ category = "info", message, action = null, key = null }) {
  // News of the same thing replaces what was said of it before.
  if (key) region.querySelectorAll(`[data-toast-key="${CSS.escape(key)}"]`).forEach((toast) => toast.remove());
  const template =
    document.querySelector(`[data-toast-template="${CSS.escape(category)}"]`) ??
    document.querySelector('[data-toast-template="info"]');
  const toast = template.content.firstElementChild.cloneNode(true);
  const text = toast.querySelector("[data-toast-text]");
  text.textContent = message;
  if (key) toast.dataset.toastKey = key;
  if (action) text.after(actionButton(action, toast));
  region.append(toast);
  if (action) window.htmx.process(toast);
  arm(toast);
}

document.addEventListener("toast", (event) => show(event.detail));
region.querySelectorAll("[data-toast]").forEach(arm);

// Requests that failed: say so, and whether trying again can help.
const REFUSALS = new Map([
  [401, "You were signed out. Sign in again, then repeat this."],
  [403, "You are not allowed to do this, or the page is too old. Reload it and try again."],
  [404, "This is no longer there. Reload the page to see what is."],
  [413, "That was too large to send."],
  [429, "That was too often. Wait a minute, then try again."],
]);
const refuse = (message) => show({ category: "error", message });
const unreachable = () => refuse("Could not reach Oncue. Check your connection, then try again.");
document.addEventListener("htmx:sendError", unreachable);
document.addEventListener("htmx:timeout", unreachable);
document.addEventListener("htmx:responseError", ({ detail: { xhr } }) => {
  if (xhr.getResponseHeader("HX-Trigger")?.includes("toast")) return;
  refuse(REFUSALS.get(xhr.status) ?? "Something went wrong at our end. Nothing was changed; try again in a moment.");
});

// A form is sent once: its button shows that it works, and a second submit is swallowed until the answer is there.
function setBusy(form, submitter, isBusy) {
  form.toggleAttribute("data-busy", isBusy);
  if (isBusy) submitter?.setAttribute("aria-busy", "true");
  else form.querySelectorAll("[aria-busy]").forEach((button) => button.removeAttribute("aria-busy"));
}
const swallow = (event) => (event.preventDefault(), event.stopImmediatePropagation());
document.addEventListener("submit", (event) => event.target.hasAttribute("data-busy") && swallow(event), { capture: true });
document.addEventListener("submit", ({ defaultPrevented, submitter, target: form }) => {
  const stays = form.getAttribute("target") || form.matches('[method="dialog"], [data-stays]');
  if (!defaultPrevented && !stays) setBusy(form, submitter, true);
});
document.addEventListener("htmx:beforeRequest", ({ target, detail }) => {
  if (target instanceof HTMLFormElement) setBusy(target, detail.requestConfig.triggeringEvent?.submitter, true);
});
const release = (form) => setBusy(form, null, false);
document.addEventListener("htmx:afterRequest", ({ target }) => target instanceof HTMLFormElement && release(target));
window.addEventListener("pageshow", () => document.querySelectorAll("form[data-busy]").forEach(release));

// A summary of errors takes the focus, so that it is read and the way to the fields is short.
document.addEventListener("htmx:load", ({ detail: { elt } }) => {
  const target = elt.matches("[data-focus]") ? elt : elt.querySelector("[data-focus]");
  target?.focus();
});
