// Counts UTF-16 units, as TikTok does: a control with data-char-counter="<id of the counter>", and a counter with
// data-max and a [data-count]. What is said aloud waits until typing pauses.

const timers = new WeakMap();
const spoken = new Map();

function announce(counter, text) {
  clearTimeout(timers.get(counter));
  timers.set(counter, setTimeout(() => {
    if (spoken.get(counter.id) === text) return;
    spoken.set(counter.id, text);
    let voice = counter.querySelector("[data-count-voice]");
    if (!voice) {
      voice = document.createElement("span");
      voice.className = "visually-hidden";
      voice.dataset.countVoice = "";
      voice.setAttribute("aria-live", "polite");
      counter.append(voice);
    }
    voice.textContent = text;
  }, 900));
}

function count(control, isTyping) {
  const counter = document.getElementById(control.dataset.charCounter);
  if (!counter) return;
  const max = Number(counter.dataset.max);
  const used = control.value.length;
  counter.querySelector("[data-count]").textContent = used.toLocaleString("en");
  counter.classList.toggle("counter--over", used > max);
  counter.classList.toggle("counter--near", used <= max && used > max * 0.9);
  if (!isTyping) return;
  if (used > max) announce(counter, `${used - max} characters too many`);
  else if (used > max * 0.9) announce(counter, `${max - used} characters left`);
}

document.addEventListener("input", ({ target }) => target.matches?.("[data-char-counter]") && count(target, true));
const countAll = (root) => root.querySelectorAll("[data-char-counter]").forEach((control) => count(control, false));
countAll(document);
document.addEventListener("htmx:load", ({ detail: { elt } }) => countAll(elt.parentElement ?? elt));
