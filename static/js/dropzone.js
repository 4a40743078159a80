// Uploads a chosen or dropped file with real progress. Markup: macros/forms.html, dropzone(). The server answers 201 or
// 422 with an HTML fragment for [data-dropzone-result]; the root of a good one says data-media-id and, if there is one,
// data-poster-url. Says media:ready {mediaId, posterUrl} and media:cleared on the dropzone, both bubble.

const UNITS = ["B", "KB", "MB", "GB"];

function formatBytes(bytes) {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(bytes, 1)) / 3));
  return `${(bytes / 1000 ** power).toFixed(power > 1 ? 1 : 0)} ${UNITS[power]}`;
}

function formatRemaining(seconds) {
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s left`;
  return `${Math.round(seconds / 60)} min left`;
}

function csrfHeaders() {
  return JSON.parse(document.body.getAttribute("hx-headers") ?? "{}");
}

function toast(message) {
  document.dispatchEvent(new CustomEvent("toast", { detail: { category: "error", message } }));
}

class Dropzone {
  #xhr = null;

  constructor(root) {
    this.root = root;
    this.input = root.querySelector("input[type=file]");
    this.panel = root.querySelector("[data-dropzone-progress]");
    this.bar = this.panel.querySelector("progress");
    this.status = root.querySelector("[data-dropzone-status]");
    this.result = root.querySelector("[data-dropzone-result]");
    this.input.addEventListener("change", () => this.#take(this.input.files));
    root.querySelector("[data-dropzone-cancel]").addEventListener("click", () => this.#cancel());
    root.addEventListener("click", (event) => event.target.closest("[data-dropzone-clear]") && this.#clear());
    this.#listenToDrag(root.querySelector("[data-dropzone-target]"));
  }

  #listenToDrag(target) {
    for (const type of ["dragenter", "dragover", "dragleave", "drop"]) {
      target.addEventListener(type, (event) => {
        event.preventDefault();
        const isOver = type === "dragover" || type === "dragenter";
        this.root.classList.toggle("dropzone--over", isOver);
        if (type === "drop") this.#take(event.dataTransfer.files);
      });
    }
  }

  #take(files) {
    if (!files.length || this.#xhr) return;
    const data = new FormData();
    const taken = this.input.multiple ? [...files] : [files[0]];
    for (const file of taken) data.append(this.input.name, file);
    const more = taken.length > 1 ? ` and ${taken.length - 1} more` : "";
    this.root.querySelector("[data-dropzone-name]").textContent = taken[0].name + more;
    this.#send(data);
  }

  #send(data) {
    const xhr = new XMLHttpRequest();
    const startedAt = performance.now();
    this.#xhr = xhr;
    xhr.open("POST", this.root.dataset.uploadUrl);
    xhr.setRequestHeader("HX-Request", "true");
    for (const [name, value] of Object.entries(csrfHeaders())) xhr.setRequestHeader(name, value);
    xhr.upload.addEventListener("progress", (event) => this.#showProgress(event, startedAt));
    xhr.upload.addEventListener("load", () => {
      this.bar.removeAttribute("value");
      this.status.textContent = "Uploaded. Checking the file…";
    });
    xhr.addEventListener("load", () => this.#finish(xhr));
    xhr.addEventListener("error", () => toast("Could not reach Oncue. The upload stopped; choose the file again."));
    xhr.addEventListener("loadend", () => this.#reset());
    this.result.replaceChildren();
    this.status.textContent = "Starting…";
    this.bar.removeAttribute("value");
    this.#setBusy(true);
    xhr.send(data);
  }

  #showProgress({ loaded, total }, startedAt) {
    const speed = loaded / ((performance.now() - startedAt) / 1000);
    const percent = Math.floor((loaded / total) * 100);
    this.bar.value = percent;
    this.status.textContent = [
      `${percent} %`,
      `${formatBytes(loaded)} of ${formatBytes(total)}`,
      `${formatBytes(speed)}/s`,
      formatRemaining((total - loaded) / speed),
    ].filter(Boolean).join(" · ");
  }

  #finish(xhr) {
    if (xhr.status !== 201 && xhr.status !== 422) {
      toast(xhr.status === 413 ? "That file is too large for Oncue." : "The upload did not work. Try it again.");
      return;
    }
    window.htmx.swap(this.result, xhr.responseText, { swapStyle: "innerHTML" });
    const media = this.result.querySelector("[data-media-id]");
    this.root.classList.toggle("dropzone--done", Boolean(media));
    if (media) this.#say("media:ready", { mediaId: media.dataset.mediaId, posterUrl: media.dataset.posterUrl ?? null });
  }

  #cancel() {
    this.#xhr?.abort();
    this.input.focus();
  }

  #clear() {
    this.result.replaceChildren();
    this.root.classList.remove("dropzone--done");
    this.#say("media:cleared", {});
    this.input.focus();
  }

  #reset() {
    this.#xhr = null;
    this.input.value = "";
    this.#setBusy(false);
  }

  #setBusy(isBusy) {
    this.panel.hidden = !isBusy;
    this.root.classList.toggle("dropzone--busy", isBusy);
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
