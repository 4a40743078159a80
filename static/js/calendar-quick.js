// The quick view: by a click or Enter with the focus in it, by resting on a card with the pointer or the focus without.

const isDragging = () => document.querySelector(".is-dragging, #calendar .post-card--ghost");

const REST_MS = 450;
const GRACE_MS = 250;
const quick = document.querySelector("#quick");
const isNarrow = matchMedia("(max-width: 56.25rem)");
let shown = null; // the card that is looked at
let isPinned = false; // by a click: stays until it is dismissed
let timer = null;

function place(card) {
  quick.style.left = quick.style.top = "";
  if (isNarrow.matches) return; // comes up from below, by its style
  const near = card.getBoundingClientRect();
  const { width, height } = quick.getBoundingClientRect();
  const isRight = near.right + 8 + width < innerWidth - 8;
  quick.style.left = `${isRight ? near.right + 8 : Math.max(8, near.left - width - 8)}px`;
  quick.style.top = `${Math.max(8, Math.min(near.top - 6, innerHeight - height - 8))}px`;
}

async function open(card, isAsked) {
  clearTimeout(timer);
  if (isDragging() || !card.isConnected) return;
  const id = card.dataset.target;
  const url = document.querySelector("#calendar").dataset.cards.replace("/0?", `/${id}/quick?`);
  await window.htmx.ajax("GET", url, { source: quick, target: quick, swap: "innerHTML" });
  if (!quick.querySelector(`[data-quick-of="${id}"]`) || !card.isConnected || isDragging()) return;
  // In a modal dialog everything outside of it is inert.
  const home = card.closest("dialog") ?? document.body;
  if (quick.parentElement !== home) home.append(quick);
  shown = card;
  isPinned = isAsked;
  if (!quick.matches(":popover-open")) quick.showPopover();
  place(card);
  if (isAsked) quick.querySelector(".popover__foot a, .popover__foot button")?.focus();
}

function close() {
  clearTimeout(timer);
  if (quick.matches(":popover-open")) quick.hidePopover();
}

quick.addEventListener("toggle", ({ newState }) => {
  if (newState === "open") return;
  const back = shown && document.querySelector(`#${CSS.escape(shown.id)}`);
  const link = back?.matches("a") ? back : back?.querySelector("a");
  if (isPinned && (document.activeElement === document.body || quick.contains(document.activeElement))) link?.focus();
  shown = null;
  isPinned = false;
});

const cardUnder = (target) => target.closest?.("[data-target]");

document.addEventListener("click", (event) => {
  const link = event.target.closest("a");
  const card = link && cardUnder(link);
  if (!card || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  open(card, true);
});

function rest(card) {
  clearTimeout(timer);
  if (card && card !== shown && !isPinned) timer = setTimeout(() => open(card, false), REST_MS);
}
document.addEventListener("pointerover", ({ target, pointerType, buttons }) => {
  if (pointerType !== "mouse" || buttons) return;
  if (quick.contains(target)) return clearTimeout(timer);
  const card = cardUnder(target);
  if (card) rest(card);
  else if (shown && !isPinned) {
    clearTimeout(timer);
    timer = setTimeout(close, GRACE_MS);
  } else clearTimeout(timer);
});
document.addEventListener("pointerdown", ({ target }) => quick.contains(target) || (isPinned ? null : close()));
document.addEventListener("focusin", ({ target }) => {
  const card = cardUnder(target);
  if (card && target.matches(":focus-visible") && !card.matches(".post-card--moved")) rest(card);
  else if (!quick.contains(target) && !isPinned) close();
});

// What was chosen in it leads elsewhere.
document.addEventListener("htmx:afterSwap", ({ detail }) => detail.target?.id === "panel-body" && close());
document.addEventListener("htmx:afterRequest", ({ target, detail }) => target.matches?.("[data-closes]") && detail.xhr.status < 300 && close());
document.addEventListener("click", ({ target }) => target.closest("[data-select]") && close());
document.addEventListener("calendar-changed", close);
