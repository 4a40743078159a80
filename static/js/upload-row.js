// One file's line below a dropzone: name, progress, pause and resume, cancel, and what is wrong with it. Markup: the template in
// macros/forms.html, dropzone(). A global, as window.ResumableUpload is. Its state is waiting, running, paused, or over.

const UNITS = ["B", "KB", "MB", "GB"];
const SENT_AND_GONE = new Map([
  [401, "You have been signed out. Sign in again and choose the file again."],
  [403, "This page is too old. Reload it and choose the file again."],
]);

function formatBytes(bytes) {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(bytes, 1)) / 3));
  return `${(bytes / 1000 ** power).toFixed(power > 1 ? 1 : 0)} ${UNITS[power]}`;
}

function formatRemaining(seconds) {
  return seconds < 60 ? `${Math.max(1, Math.round(seconds))} s left` : `${Math.round(seconds / 60)} min left`;
}

window.UploadRow = class {
  #upload = null;
  #since = null;

  // says: changed(), announce(text), result(row, html) -> problem or "", left(row)
  constructor(template, file, kind, endpoint, says) {
    Object.assign(this, { file, kind, endpoint, says, state: "waiting" });
    this.element = template.content.firstElementChild.cloneNode(true);
    const find = (name) => this.element.querySelector(name);
    find("[data-upload-name]").textContent = file.name;
    this.bar = find("progress");
    this.bar.setAttribute("aria-label", `Upload of ${file.name}`);
    this.status = find("[data-dropzone-status]");
    this.problem = find("[data-upload-problem]");
    this.main = find("[data-upload-pause]");
    this.main.addEventListener("click", () => this.#press());
    this.cancelButton = find("[data-upload-cancel]");
    this.cancelButton.addEventListener("click", () => this.#cancel());
    this.cancelButton.setAttribute("aria-label", `Cancel the upload of ${file.name}`);
    this.#show("Waiting for its turn…", 0, null);
  }

  get isActive() {
    return this.state !== "over";
  }

  start() {
    this.state = "running";
    this.#upload ??= new window.ResumableUpload(this.file, this.endpoint, {
      started: () => this.#showStart(),
      progress: (sent, total) => this.#showProgress(sent, total),
      checking: () => this.#show("Uploaded. Checking the file…", null, null),
      retrying: () => this.#show("The connection is lost. Trying again…", this.bar.value, "Pause"),
      lost: () => this.#showStop("The connection is lost. What has arrived is kept."),
      ended: (status, html) => this.#finish(status, html),
    });
    this.#upload.start();
  }

  // A problem that is known before a byte was sent, or is the answer to all of them.
  refuse(text) {
    this.state = "over";
    this.element.classList.add("upload--refused");
    this.bar.hidden = true;
    this.main.hidden = true;
    this.status.textContent = text;
    this.cancelButton.textContent = "Dismiss";
    this.cancelButton.setAttribute("aria-label", `Dismiss ${this.file.name}`);
    if (text) this.says.announce(`${this.file.name}: ${text}`);
    this.says.changed();
  }

  #press() {
    if (this.state === "running" && !this.#upload.isPaused) {
      this.#upload.pause();
      this.state = "paused";
      this.#showStop("Paused. What has arrived is kept.");
    } else {
      this.state = "waiting";
      this.#show("Waiting for its turn…", this.bar.value, null);
    }
    this.says.changed();
  }

  #cancel() {
    this.#upload?.cancel();
    this.#leave();
  }

  #leave() {
    this.state = "over";
    this.says.left(this);
  }

  #finish(status, html) {
    if (status === 200) {
      const problem = this.says.result(this, html);
      if (problem) this.refuse(problem);
      else this.#leave();
    } else if (status === 413 || status === 422) {
      this.refuse("");
      window.htmx.swap(this.problem, html, { swapStyle: "innerHTML" });
    } else {
      this.refuse(SENT_AND_GONE.get(status) ?? "The upload did not work. Choose the file again.");
    }
  }

  #showStart() {
    this.#since = null;
    this.#show("Starting…", this.bar.value || null, "Pause");
  }

  #showStop(text) {
    this.#show(text, this.bar.value, "Resume");
    this.says.announce(`${this.file.name}: ${text}`);
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
  #show(text, percent, press) {
    this.status.textContent = text;
    if (percent === null) this.bar.removeAttribute("value");
    else this.bar.value = percent;
    this.main.hidden = press === null;
    this.main.textContent = press ?? "";
    this.main.setAttribute("aria-label", `${press ?? ""} the upload of ${this.file.name}`);
  }
};
