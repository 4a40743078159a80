// One file on its way up by tus: it goes on by itself after a lost connection, and after a reload when the same file is chosen
// again. Then it asks for the result at the upload's address + /result, until it is there.
// A global, as tus is: an import's address would carry no version.

const RETRY_DELAYS = [0, 1000, 2000, 4000, 8000, 15000, 30000, 30000];
const ASK_AGAIN_MS = 1000;
const LIFETIME_MS = 24 * 3600 * 1000; // services/uploads.py: LIFETIME

function htmxHeaders() {
  return { "HX-Request": "true", ...JSON.parse(document.body.getAttribute("hx-headers") ?? "{}") };
}

window.ResumableUpload = class {
  #tus;
  #isOver = false;
  #isLost = false;
  #hasLooked = false;
  #says;
  #goOn = () => this.#isLost && this.start();

  // says: started(), progress(sent, total), checking(), retrying(), lost(), ended(status, html)
  constructor(file, endpoint, says) {
    this.#says = says;
    this.isPaused = false;
    this.#tus = new window.tus.Upload(file, {
      endpoint,
      headers: htmxHeaders(),
      metadata: { filename: file.name },
      retryDelays: RETRY_DELAYS,
      onShouldRetry: (error) => this.#mayRetry(error.originalResponse),
      onProgress: (sent, total) => this.#isOver || says.progress(sent, total),
      onSuccess: () => this.#askForResult(),
      onError: (error) => this.#fail(error.originalResponse),
    });
    window.addEventListener("online", this.#goOn);
  }

  async start() {
    this.isPaused = this.#isLost = false;
    this.#says.started();
    if (!this.#hasLooked) {
      const [previous] = await this.#tus.findPreviousUploads();
      if (this.#isOver || this.isPaused) return;
      this.#hasLooked = true;
      if (previous) this.#tus.resumeFromPreviousUpload(previous);
    }
    this.#tus.start();
  }

  pause() {
    this.isPaused = true;
    this.#tus.abort();
  }

  cancel() {
    this.#end();
    // Should nobody hear of it, the upload ends by itself after a day.
    this.#tus.abort(true).catch(() => {});
  }

  async #askForResult() {
    if (this.#isOver) return;
    this.#says.checking();
    try {
      const response = await fetch(`${this.#tus.url}/result`, { headers: htmxHeaders() });
      if (response.status === 202) setTimeout(() => this.#askForResult(), ASK_AGAIN_MS);
      else this.#end(response.status, await response.text());
    } catch {
      this.#fail(null);
    }
  }

  #isFinal(response) {
    const status = response?.getStatus() ?? 0;
    return status >= 400 && status < 500 && status !== 409 && status !== 423;
  }

  #mayRetry(response) {
    if (this.#isFinal(response) || !navigator.onLine) return false;
    if (!response) this.#says.retrying();
    return true;
  }

  // What has no answer, or none that is final, can go on later: everything that arrived is kept.
  #fail(response) {
    if (this.#isOver) return;
    if (this.#isFinal(response)) {
      this.#end(response.getStatus(), response.getBody());
      return;
    }
    this.isPaused = this.#isLost = true;
    this.#says.lost();
  }

  #end(status = 0, html = "") {
    if (this.#isOver) return;
    this.#isOver = true;
    window.removeEventListener("online", this.#goOn);
    if (!status) return;
    this.#forget();
    this.#says.ended(status, html);
  }

  // Only now: until its result was here, the same file chosen again goes on instead of beginning anew.
  async #forget() {
    for (const { urlStorageKey } of await this.#tus.findPreviousUploads()) window.tus.defaultOptions.urlStorage.removeUpload(urlStorageKey);
  }

  // What a reload or another visit has left unfinished: [{name, forget()}].
  static async interrupted() {
    const { urlStorage } = window.tus.defaultOptions;
    const left = [];
    for (const known of await urlStorage.findAllUploads()) {
      const forget = () => urlStorage.removeUpload(known.urlStorageKey);
      if (Date.now() - new Date(known.creationTime) > LIFETIME_MS) forget();
      else left.push({ name: known.metadata.filename, forget });
    }
    return left;
  }
};
