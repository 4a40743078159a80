// Which cards are selected, and how they are moved: every way of moving ends in send(). The server decides.
// Other modules ask by document.dispatchEvent(new CustomEvent("calendar:move", {detail: {id, values, done}})); they don't
// import this one, because an import has another address than a versioned script, and would run it twice.

const root = () => document.querySelector("#calendar");

const selected = new Map(); // target id -> the time that is seen
let last = null;
let tail = Promise.resolve();

const cardOf = (id) => root().querySelector(`[data-target="${id}"]`);

function show() {
  const bar = root()?.querySelector("[data-selection]");
  if (!bar) return;
  for (const id of [...selected.keys()]) {
    const card = cardOf(id);
    if (card?.dataset.seen) selected.set(id, card.dataset.seen);
    else selected.delete(id);
  }
  for (const card of root().querySelectorAll("[data-seen]")) card.classList.toggle("post-card--selected", selected.has(card.dataset.target));
  bar.hidden = !selected.size;
  bar.querySelector("[data-selection-count]").textContent = selected.size ? `${selected.size} selected` : "";
}

function toggle(id) {
  if (selected.has(id)) selected.delete(id);
  else if (cardOf(id)?.dataset.seen) selected.set(id, cardOf(id).dataset.seen);
  last = id;
  show();
}

function selectUpTo(id) {
  const ids = [...root().querySelectorAll("[data-seen]")].map((card) => card.dataset.target);
  const ends = [ids.indexOf(last), ids.indexOf(id)].sort((a, b) => a - b);
  if (ends[0] < 0) return toggle(id);
  for (const between of ids.slice(ends[0], ends[1] + 1)) selected.set(between, "");
  show();
}

function clear() {
  selected.clear();
  show();
}

// One after the other: each is sent with the times that the answer before has brought.
function move(id, values, done) {
  tail = tail.then(() => send(id, values)).then(done);
}
document.addEventListener("calendar:move", ({ detail: { id, values, done } }) => move(id, values, done));

async function send(id, values) {
  const source = root();
  const ids = selected.has(id) || !id ? [...selected.keys()] : [id];
  const cards = ids.map(cardOf).filter((card) => card?.dataset.seen);
  if (!cards.length) return false;
  const answer = new Promise((resolve) => {
    source.addEventListener("htmx:afterRequest", function listen({ detail }) {
      if (detail.elt !== source) return;
      source.removeEventListener("htmx:afterRequest", listen);
      resolve(detail.xhr.status >= 200 && detail.xhr.status < 300);
    });
  });
  const focused = document.activeElement?.closest("[data-target]")?.dataset.target;
  window.htmx.ajax("POST", source.dataset.move, {
    source,
    swap: "none",
    values: { ...values, held: id, target: cards.map((card) => card.dataset.target), seen: cards.map((card) => card.dataset.seen) },
  });
  const isDone = await answer;
  if (focused && document.activeElement === document.body) focusOn(focused);
  return isDone;
}

function focusOn(id) {
  const card = cardOf(id);
  (card?.matches("a") ? card : card?.querySelector("a"))?.focus({ preventScroll: false });
}

const STEPS = { ArrowLeft: { days: -1 }, ArrowRight: { days: 1 }, ArrowUp: { minutes: -15 }, ArrowDown: { minutes: 15 } };
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "z" && !event.target.closest("input, textarea")) {
    document.querySelector(".toast__action")?.click();
    return;
  }
  if (event.key === "Escape" && !document.querySelector("dialog[open], [popover]:popover-open")) clear();
  const card = event.target.closest?.("[data-seen]");
  if (!card || event.ctrlKey || event.metaKey) return;
  if (event.altKey && STEPS[event.key]) {
    event.preventDefault(); // otherwise the browser goes back
    move(card.dataset.target, STEPS[event.key]);
  } else if (event.key === " " && !event.altKey) {
    event.preventDefault();
    toggle(card.dataset.target);
  }
});

// Before the quick view sees the click.
document.addEventListener("click", (event) => {
  const { target } = event;
  const step = target.closest("[data-step]");
  if (step) move(null, { days: step.dataset.step });
  if (target.closest("[data-selection-clear]")) clear();
  const choice = target.closest("[data-select]");
  if (choice) toggle(choice.dataset.select);
  const card = target.closest("#calendar [data-seen]");
  if (!card || !(event.ctrlKey || event.metaKey || event.shiftKey)) return;
  event.preventDefault();
  event.stopPropagation();
  if (event.shiftKey) selectUpTo(card.dataset.target);
  else toggle(card.dataset.target);
}, { capture: true });
document.addEventListener("htmx:afterSettle", show);
