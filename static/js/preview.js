// Mirrors the post into the phone. data-preview-source="<name>" on a control, data-preview-target="<name>" on the element that
// shows it; #tags and @mentions stand out. Shows a video's poster or the frame that is to be its cover, or photos side by side.

const MARKED = /([#@][\p{L}\p{N}_.]+)/u;
const STRIP_FRAMES = 10;
const one = (name) => document.querySelector(`[data-preview-${name}]`);

function render(target, text) {
  const parts = text.split(MARKED).filter(Boolean);
  target.replaceChildren(
    ...parts.map((part) => {
      if (!MARKED.test(part)) return document.createTextNode(part);
      const tag = document.createElement("span");
      tag.className = "phone__tag";
      tag.textContent = part;
      return tag;
    }),
  );
}

function mirror(source) {
  const text = source.value || source.dataset.previewEmpty || "";
  const name = CSS.escape(source.dataset.previewSource);
  document.querySelectorAll(`[data-preview-target="${name}"]`).forEach((target) => render(target, text));
}

// Exactly one of the phone's pictures is to be seen, or the note that there is none.
function reveal(name) {
  for (const other of ["poster", "video", "frame", "carousel", "empty-note"]) one(other)?.toggleAttribute("hidden", other !== name);
  one("count")?.toggleAttribute("hidden", name !== "carousel" || one("carousel").children.length < 2);
}

function showPoster(url) {
  const video = one("video");
  if (video?.hasAttribute("src")) {
    video.removeAttribute("src");
    video.load();
  }
  if (url) one("poster").src = url;
  else one("poster").removeAttribute("src");
  reveal(url ? "poster" : "empty-note");
}

// The frame from the strip is there at once, the video's own follows when the browser can play it.
function showMoment({ ms, lastMs, stripUrl, videoUrl }) {
  const [video, frame] = [one("video"), one("frame")];
  if (video.getAttribute("src") !== videoUrl) {
    video.src = videoUrl;
    video.preload = "auto";
  }
  video.currentTime = ms / 1000;
  if (video.readyState >= HTMLMediaElement.HAVE_METADATA) {
    reveal("video");
  } else if (stripUrl) {
    const place = Math.min(STRIP_FRAMES - 1, Math.floor((ms / lastMs) * STRIP_FRAMES));
    frame.style.backgroundImage = `url("${stripUrl}")`;
    frame.style.backgroundPosition = `${(place / (STRIP_FRAMES - 1)) * 100}% 50%`;
    reveal("frame");
  }
}

function showCarousel({ urls, cover }) {
  const carousel = one("carousel");
  if (!urls.length && carousel.hidden) return;
  carousel.replaceChildren(
    ...urls.map((url, place) => Object.assign(document.createElement("img"), { src: url, alt: `Photo ${place + 1}`, draggable: false })),
  );
  reveal(urls.length ? "carousel" : "empty-note");
  carousel.scrollLeft = carousel.clientWidth * cover;
  count();
}

function count() {
  const carousel = one("carousel");
  const place = Math.round(carousel.scrollLeft / Math.max(1, carousel.clientWidth)) + 1;
  one("count").textContent = `${place} / ${carousel.children.length}`;
}

const mirrorAll = (root) => root.querySelectorAll("[data-preview-source]").forEach(mirror);
document.addEventListener("input", ({ target }) => target.matches?.("[data-preview-source]") && mirror(target));
document.addEventListener("media:ready", ({ detail }) => detail.kind === "video" && showPoster(detail.posterUrl));
document.addEventListener("media:cleared", () => showPoster(null));
document.addEventListener("cover:moved", ({ detail }) => showMoment(detail));
document.addEventListener("photos:changed", ({ detail }) => showCarousel(detail));
document.addEventListener("htmx:load", ({ detail: { elt } }) => mirrorAll(elt.parentElement ?? elt));
one("video")?.addEventListener("seeked", ({ target }) => target.hasAttribute("src") && reveal("video"));
one("carousel")?.addEventListener("scroll", count, { passive: true });
if (one("carousel")?.children.length > 1) count();
mirrorAll(document);
