// Mirrors what is typed into the phone. data-preview-source="<name>" on the control, data-preview-target="<name>" on the
// element that shows it; #tags and @mentions stand out. A poster of new media goes to img[data-preview-poster].

const MARKED = /([#@][\p{L}\p{N}_.]+)/u;

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

function showPoster(url) {
  for (const image of document.querySelectorAll("img[data-preview-poster]")) {
    image.hidden = !url;
    if (url) image.src = url;
    else image.removeAttribute("src");
  }
  document.querySelectorAll("[data-preview-empty-note]").forEach((note) => note.toggleAttribute("hidden", Boolean(url)));
}

const mirrorAll = (root) => root.querySelectorAll("[data-preview-source]").forEach(mirror);
document.addEventListener("input", ({ target }) => target.matches?.("[data-preview-source]") && mirror(target));
document.addEventListener("media:ready", ({ detail }) => showPoster(detail.posterUrl));
document.addEventListener("media:cleared", () => showPoster(null));
document.addEventListener("htmx:load", ({ detail: { elt } }) => mirrorAll(elt.parentElement ?? elt));
mirrorAll(document);
