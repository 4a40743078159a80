// The scrubber under a video's frames: where it stands is the cover, in milliseconds, and is shown in the phone. At the very left
// nothing is sent, and TikTok takes the first frame. Markup: media/_chosen.html. Says cover:moved {ms, lastMs, stripUrl, videoUrl}.

function show(cover, isMoved) {
  const range = cover.querySelector("[data-cover-range]");
  const ms = Number(range.value);
  const words = ms ? `${(ms / 1000).toFixed(1)} s` : "First frame";
  cover.querySelector("[data-cover-time]").textContent = words;
  cover.querySelector("[data-cover-ms]").value = ms || "";
  range.setAttribute("aria-valuetext", words);
  if (!isMoved && !ms) return;
  const { lastMs, stripUrl, videoUrl } = cover.dataset;
  cover.dispatchEvent(new CustomEvent("cover:moved", { bubbles: true, detail: { ms, lastMs: Number(lastMs), stripUrl, videoUrl } }));
}

document.addEventListener("input", ({ target }) => {
  if (target.matches?.("[data-cover-range]")) show(target.closest("[data-cover]"), true);
});
const showAll = (root) => root.querySelectorAll("[data-cover]").forEach((cover) => show(cover, false));
showAll(document);
document.addEventListener("htmx:load", ({ detail: { elt } }) => showAll(elt.parentElement ?? elt));
