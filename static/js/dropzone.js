// Takes files that are chosen, dropped or pasted, and uploads two at a time. Markup: macros/forms.html, dropzone(). A file's line is
// js/upload-row.js. The answer is an HTML fragment whose root says data-media-id and data-media-kind: photos go into the list that
// data-photos-in selects, in the order in which they came, anything else into [data-dropzone-result].
// Hears files:given {files} from js/drop-area.js. Says media:ready {mediaId, kind, posterUrl} and media:cleared, both bubble.

const AT_ONCE = 2;
const PHOTO = /^image\/|\.(heic|heif|jpe?g|png|webp)$/i;
const MIXED = "A TikTok post has one video or up to 35 photos, not both. Remove what is chosen to use this instead.";
const ONE_VIDEO = "A TikTok post has one video. Remove the one that is chosen to use this instead.";
const kindOf = (file) => (PHOTO.test(file.type || file.name) ? "photo" : "video");
let sequence = 0;

class Dropzone {
  #rows = [];

  constructor(root) {
    this.root = root;
    this.input = root.querySelector("input[type=file]");
    this.list = root.querySelector("[data-dropzone-rows]");
    this.template = root.querySelector("[data-dropzone-row]");
    this.voice = root.querySelector("[data-dropzone-voice]");
    this.result = root.querySelector("[data-dropzone-result]");
    this.photos = document.querySelector(root.dataset.photosIn || ":not(*)");
    this.input.addEventListener("change", () => this.#take(this.input.files));
    root.addEventListener("click", (event) => event.target.closest("[data-dropzone-clear]") && this.#clear(event));
    root.closest("form")?.addEventListener("submit", (event) => this.#holdBack(event));
    document.addEventListener("photos:changed", () => this.#showRoom());
    root.addEventListener("files:given", ({ detail }) => this.#take(detail.files));
  }

  #take(files) {
    const isBusy = this.#rows.some((row) => row.isActive);
    const taken = this.input.multiple ? [...files] : isBusy ? [] : [...files].slice(0, 1);
    this.#rows.filter((row) => !row.isActive).forEach((row) => this.#leave(row));
    taken.forEach((file) => this.#add(file));
    this.input.value = "";
    this.#next();
  }

  #add(file) {
    const isHere = (row) => row.isActive && ["name", "size", "lastModified"].every((key) => row.file[key] === file[key]);
    if (this.#rows.some(isHere)) return;
    const kind = kindOf(file);
    const refusal = this.photos ? this.#refusal(kind) : "";
    const row = new window.UploadRow(this.template, file, kind, this.root.dataset.uploadUrl, {
      changed: () => this.#next(),
      announce: (text) => (this.voice.textContent = text),
      result: (done, html) => this.#place(done, html),
      left: (done) => this.#leave(done),
    });
    row.sequence = sequence++;
    this.#rows.push(row);
    this.list.append(row.element);
    if (refusal) row.refuse(refusal);
  }

  // Why one more of this kind can't be part of the post. The server judges by the bytes; this saves their way.
  #refusal(kind, self = null) {
    const coming = this.#rows.filter((row) => row.isActive && row !== self);
    const videos = this.result.querySelectorAll("[data-media-id]").length + coming.filter((row) => row.kind === "video").length;
    const photos = this.photos.children.length + coming.filter((row) => row.kind === "photo").length;
    if (kind === "photo" ? videos : photos) return MIXED;
    if (kind === "video" && videos) return ONE_VIDEO;
    const most = Number(this.photos.dataset.max);
    return kind === "photo" && photos >= most ? `TikTok takes ${most} photos in a post. Remove one to add this.` : "";
  }

  #next() {
    const running = this.#rows.filter((row) => row.state === "running").length;
    this.#rows.filter((row) => row.state === "waiting").slice(0, Math.max(0, AT_ONCE - running)).forEach((row) => row.start());
    this.#showRoom();
  }

  #place(row, html) {
    const root = new DOMParser().parseFromString(html, "text/html").querySelector("[data-media-id]");
    const { mediaId, mediaKind: kind, posterUrl } = root.dataset;
    const refusal = this.photos ? this.#refusal(kind, row) : "";
    if (refusal) return `It is in your library now, but not in this post. ${refusal}`;
    if (this.photos && kind === "photo") {
      if (this.photos.querySelector(`[data-media-id="${CSS.escape(mediaId)}"]`)) return "This photo is in the post already.";
      window.htmx.swap(this.photos, html, { swapStyle: "beforeend" });
      const tile = this.photos.lastElementChild;
      tile.dataset.sequence = row.sequence;
      [...this.photos.children].find((other) => Number(other.dataset.sequence) > row.sequence)?.before(tile);
    } else {
      window.htmx.swap(this.result, html, { swapStyle: this.input.multiple && !this.photos ? "beforeend" : "innerHTML" });
    }
    this.voice.textContent = `${row.file.name} is uploaded.`;
    this.#say("media:ready", { mediaId, kind, posterUrl: posterUrl ?? null });
    return "";
  }

  #leave(row) {
    if (row.element.contains(document.activeElement)) this.input.focus();
    row.element.remove();
    this.#rows = this.#rows.filter((other) => other !== row);
    this.#next();
  }

  #clear(event) {
    event.preventDefault();
    this.result.replaceChildren();
    this.#showRoom();
    this.#say("media:cleared", {});
    this.input.focus();
  }

  #holdBack(event) {
    const count = this.#rows.filter((row) => row.isActive).length;
    if (!count) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const message = `Wait until ${count === 1 ? "the upload is" : `${count} uploads are`} done, or cancel ${count === 1 ? "it" : "them"}.`;
    document.dispatchEvent(new CustomEvent("toast", { detail: { category: "error", message } }));
  }

  // Where a video is, or one is coming, there is no room for more; beside photos there is.
  #showRoom() {
    const takesOne = !this.input.multiple || Boolean(this.photos);
    const isComing = (kind) => this.#rows.some((row) => row.isActive && row.kind === kind);
    const hasResult = Boolean(this.result.querySelector("[data-media-id]"));
    this.root.classList.toggle("dropzone--done", hasResult && takesOne);
    this.root.classList.toggle("dropzone--busy", takesOne && (isComing("video") || (!this.photos && isComing("photo"))));
    this.root.classList.toggle("dropzone--more", Boolean(this.photos) && (this.photos.children.length > 0 || isComing("photo")));
  }

  #say(type, detail) {
    this.root.dispatchEvent(new CustomEvent(type, { bubbles: true, detail }));
  }
}

const mounted = new WeakSet();
function mount(root) {
  for (const element of root.querySelectorAll("[data-dropzone]")) {
    if (mounted.has(element)) continue;
    mounted.add(element);
    new Dropzone(element);
  }
}

mount(document);
document.addEventListener("htmx:load", ({ detail: { elt } }) => mount(elt.parentElement ?? elt));
