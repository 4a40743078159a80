// The photos of a carousel: dragged into order, moved by buttons or Alt and arrow keys, one of them the cover. Markup:
// posts/_photos.html, a tile is media/_photo.html. Says photos:changed {urls, cover} on the list, which bubbles.

class Photos {
  #cover = 0; // the place of the one that a person chose; until then the first

  constructor(block) {
    this.block = block;
    this.list = block.querySelector("[data-photos]");
    this.voice = block.querySelector("[data-photos-voice]");
    this.convertAll = block.querySelector("[data-photos-convert]");
    const animation = matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 150;
    // A long press on touch screens, so that a finger can still scroll the page.
    window.Sortable.create(this.list, { animation, handle: "[data-photo-handle]", delay: 250, delayOnTouchOnly: true,
      ghostClass: "photo--moving", onEnd: ({ item }) => this.#moved(item) });
    this.list.addEventListener("click", (event) => this.#press(event));
    this.list.addEventListener("keydown", (event) => this.#key(event));
    this.list.addEventListener("change", () => this.#choose());
    this.list.addEventListener("htmx:afterRequest", (event) => this.#converted(event));
    this.convertAll.addEventListener("click", (event) => this.#convertAll(event));
    this.#choose();
  }

  get tiles() {
    return [...this.list.children];
  }

  #radio(tile) {
    return tile.querySelector("[name=cover]");
  }

  #choose() {
    this.#cover = Math.max(0, this.tiles.findIndex((tile) => this.#radio(tile).checked));
    this.isChosen = this.#cover > 0;
    this.refresh();
  }

  #press(event) {
    const tile = event.target.closest("[data-photo]");
    const mover = event.target.closest("[data-photo-move]");
    if (mover) {
      event.preventDefault();
      this.#move(tile, Number(mover.dataset.photoMove), mover);
    } else if (event.target.closest("[data-photo-remove]")) {
      event.preventDefault();
      this.#remove(tile);
    }
  }

  #key(event) {
    const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (!event.altKey || !step) return;
    event.preventDefault();
    this.#move(event.target.closest("[data-photo]"), step, document.activeElement);
  }

  #move(tile, step, focused) {
    const other = step < 0 ? tile.previousElementSibling : tile.nextElementSibling;
    if (!other) return;
    if (step < 0) other.before(tile);
    else other.after(tile);
    this.#moved(tile);
    // A moved element loses the focus, and a button at the end of its way can't have it.
    (focused.disabled ? tile.querySelector("[data-photo-move]:enabled") : focused)?.focus();
  }

  #moved(tile) {
    this.refresh();
    this.voice.textContent = `${tile.dataset.mediaName} is now photo ${this.tiles.indexOf(tile) + 1} of ${this.tiles.length}.`;
  }

  #remove(tile) {
    const next = tile.nextElementSibling ?? tile.previousElementSibling;
    if (this.#radio(tile).checked) this.isChosen = false;
    tile.remove();
    this.refresh();
    this.voice.textContent = `${tile.dataset.mediaName} is removed. ${this.tiles.length} left.`;
    (next?.querySelector("[data-photo-remove]") ?? document.querySelector("[data-dropzone] input[type=file]"))?.focus();
  }

  #convertAll(event) {
    event.preventDefault();
    this.list.querySelectorAll("[data-photo-convert]:enabled").forEach((button) => button.click());
  }

  // Numbers, the cover's place and all that follows from them; the cover stays where it was when its tile was replaced.
  refresh() {
    const tiles = this.tiles;
    let cover = this.isChosen ? tiles.findIndex((tile) => this.#radio(tile).checked) : 0;
    if (cover < 0) cover = Math.min(this.#cover, tiles.length - 1);
    if (tiles.length) this.#radio(tiles[cover]).checked = true;
    this.#cover = cover;
    tiles.forEach((tile, place) => {
      tile.querySelector("[data-photo-number]").textContent = place + 1;
      this.#radio(tile).value = place;
      tile.classList.toggle("photo--cover", place === cover);
      tile.querySelector('[data-photo-move="-1"]').disabled = place === 0;
      tile.querySelector('[data-photo-move="1"]').disabled = place === tiles.length - 1;
    });
    this.block.hidden = tiles.length === 0;
    this.block.querySelector("[data-photos-count]").textContent = `${tiles.length} of ${this.list.dataset.max} photos`;
    this.convertAll.hidden = this.list.querySelectorAll("[data-photo-convert]").length < 2;
    const detail = { urls: tiles.map((tile) => tile.dataset.posterUrl), cover: this.#cover };
    this.list.dispatchEvent(new CustomEvent("photos:changed", { bubbles: true, detail }));
  }

  #converted({ detail: { successful, requestConfig } }) {
    const before = requestConfig.elt.closest("[data-photo]");
    if (!before || !successful) return;
    this.voice.textContent = `${before.dataset.mediaName} is converted.`;
    if (document.activeElement === document.body) this.#radio(this.tiles[this.#radio(before).value] ?? this.list)?.focus();
  }
}

const block = document.querySelector("[data-photos-block]");
const photos = block && new Photos(block);
document.addEventListener("htmx:load", ({ detail: { elt } }) => elt.matches?.("[data-photo]") && photos?.refresh());
document.addEventListener("media:ready", () => photos?.refresh());
