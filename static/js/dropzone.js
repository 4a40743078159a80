// Uploads a chosen or dropped file with real progress. Markup: macros/forms.html, dropzone(). js/resumable.js sends it and brings
// an HTML fragment for [data-dropzone-result]; the root of a good one says data-media-id and, if there is one,
// data-poster-url. Says media:ready {mediaId, posterUrl} and media:cleared on the dropzone, both bubble.

const UNITS = ["B", "KB", "MB", "GB"];

function formatBytes(bytes) {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(bytes, 1)) / 3));
  return `${(bytes / 1000 ** power).toFixed(power > 1 ? 1 : 0)} ${UNITS[power]}`;
}

function formatRemaining(seconds) {
  return seconds < 60 ? `${Math.max(1, Math.round(seconds))} s left` : `${Math.round(seconds / 60)} min left`;
}

function toast(message) {
  document.dispatchEvent(new CustomEvent("toast", { detail: { category: "error", message } }));
}

class Dropzone {
  #upload = null;
  #since = null;

  constructor(root) {
    this.root = root;
    this.input = root.querySelector("input[type=file]");
    this.panel = root.querySelector("[data-dropzone-progress]");
    this.bar = this.panel.querySelector("progress");
    this.status = root.querySelector("[data-dropzone-status]");
    this.pause = root.querySelector("[data-dropzone-pause]");
    this.result = root.querySelector("[data-dropzone-result]");
    this.input.addEventListener("change", () => this.#take(this.input.files));
    this.pause.addEventListener("click", () => this.#togglePause());
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

  #take([file]) {
    if (!file || this.#upload) return;
    this.root.querySelector("[data-dropzone-name]").textContent = file.name;
    this.result.replaceChildren();
    this.#upload = new window.ResumableUpload(file, this.root.dataset.uploadUrl, {
      started: () => this.#showStart(),
      progress: (sent, total) => this.#showProgress(sent, total),
      checking: () => this.#show("Uploaded. Checking the file…", null, null),
      lost: () => this.#show("The connection is lost. What has arrived is kept.", this.bar.value, "Resume"),
      ended: (status, html) => this.#finish(status, html),
    });
    this.#showStart();
    this.#setBusy(true);
    this.#upload.begin();
  }

  #togglePause() {
    if (this.#upload.isPaused) {
      this.#upload.start();
      return;
    }
    this.#upload.pause();
    this.#show("Paused. What has arrived is kept.", this.bar.value, "Resume");
  }

  #showStart() {
    this.#since = null;
    this.#show("Starting…", null, "Pause");
  }

  #showProgress(sent, total) {
    this.#since ??= { sent, at: performance.now() };
    const speed = (sent - this.#since.sent) / ((performance.now() - this.#since.at) / 1000);
    const percent = Math.floor((sent / total) * 100);
    const parts = [`${percent} %`, `${formatBytes(sent)} of ${formatBytes(total)}`];
    if (speed > 0) parts.push(`${formatBytes(speed)}/s`, formatRemaining((total - sent) / speed));
    if (sent < total) this.#show(parts.join(" · "), percent, "Pause");
    else this.#show("Uploaded. Checking the file…", null, null);
  }

  // Without a percentage the bar shows that something goes on; without words for it nothing can be paused.
  #show(text, percent, pauseLabel) {
    this.status.textContent = text;
    if (percent === null) this.bar.removeAttribute("value");
    else this.bar.value = percent;
    this.pause.hidden = pauseLabel === null;
    this.pause.textContent = pauseLabel ?? "";
  }

  #finish(status, html) {
    this.#reset();
    if (![200, 413, 422].includes(status)) {
      toast(status === 401 ? "You have been signed out. Sign in again and choose the file again." : "The upload did not work. Try it again.");
      return;
    }
    window.htmx.swap(this.result, html, { swapStyle: "innerHTML" });
    const media = this.result.querySelector("[data-media-id]");
    this.root.classList.toggle("dropzone--done", Boolean(media));
    if (media) this.#say("media:ready", { mediaId: media.dataset.mediaId, posterUrl: media.dataset.posterUrl ?? null });
  }

  #cancel() {
    this.#upload?.cancel();
    this.#reset();
    this.input.focus();
  }

  #clear() {
    this.result.replaceChildren();
    this.root.classList.remove("dropzone--done");
    this.#say("media:cleared", {});
    this.input.focus();
  }

  #reset() {
    this.#upload = null;
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
