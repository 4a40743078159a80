// What the composer asks for follows what the post shows: a title for photos, longer text, other interactions. Markup: posts/new.html.
// Says media:kind on the form when the post becomes one of another kind or another video, for TikTok's panel.

const form = document.querySelector("[data-composer]");
const caption = form?.querySelector("[data-photo-max]");

function adapt(kind) {
  form.dataset.kind = kind;
  for (const part of form.querySelectorAll("[data-for-kind]")) {
    part.querySelectorAll("input, textarea, select").forEach((control) => (control.disabled = part.dataset.forKind !== kind));
  }
  const variant = kind === "photo" ? "photo" : "video";
  form.querySelector(`label[for="${caption.id}"]`).textContent = caption.dataset[`${variant}Label`];
  const counter = document.getElementById(caption.dataset.charCounter);
  counter.dataset.max = caption.dataset[`${variant}Max`];
  counter.querySelector("[data-count-max]").textContent = Number(counter.dataset.max).toLocaleString("en");
  caption.dispatchEvent(new Event("input", { bubbles: true }));
}

function follow({ type }) {
  const kind = form.querySelector("[data-photo]") ? "photo" : form.querySelector("#media-chosen") ? "video" : "";
  const isAnotherVideo = kind === "video" && type === "media:ready";
  if (kind === form.dataset.kind && !isAnotherVideo) return;
  adapt(kind);
  form.dispatchEvent(new CustomEvent("media:kind", { bubbles: true }));
}

if (form) {
  adapt(form.dataset.kind);
  for (const type of ["media:ready", "media:cleared", "photos:changed"]) document.addEventListener(type, follow);
}
