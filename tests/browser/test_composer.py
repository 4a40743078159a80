"""Media in the composer, as people bring it: large, interrupted, many at once, and in the wrong format."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
import socket
import sqlite3
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, expect

from tests.servers import free_port, wait_for
from tests.videos import make_photo

pytestmark = pytest.mark.browser
SIZE = 200_000_000


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def padded(clip: Path, path: Path, size: int) -> Path:
    """The clip with a box behind it that players skip; most of it is a hole in the file."""
    content = clip.read_bytes()
    with path.open("wb") as file:
        file.write(content + (size - len(content)).to_bytes(4, "big") + b"free")
        file.seek(size - 8)
        file.write(b"the end.")
    return path


class Wire:
    """A way to the server that can be cut: connections that stand are reset, new ones refused."""

    def __init__(self, port: int):
        self._target, self._ends, self._server = port, [], None
        self.port = free_port()
        self.mend()

    def mend(self) -> None:
        self._server = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._server,), daemon=True).start()

    def cut(self) -> None:
        for each in (self._server, *self._ends):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._ends.clear()

    def _accept(self, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = server.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                self._ends += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._relay, args=(source, sink), daemon=True).start()

    @staticmethod
    def _relay(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while block := source.recv(262_144):
                sink.sendall(block)
            sink.shutdown(socket.SHUT_WR)


@pytest.fixture
def wire(house):
    wire = Wire(house.port)
    yield wire
    wire.cut()


def drop(page: Page, paths: list[Path]) -> None:
    """Let go of files over the form, as a file manager's drag does."""
    files = [{"name": path.name, "content": base64.b64encode(path.read_bytes()).decode()} for path in paths]
    transfer = page.evaluate_handle("""(files) => {
        const transfer = new DataTransfer();
        for (const { name, content } of files) {
            transfer.items.add(new File([Uint8Array.from(atob(content), (c) => c.charCodeAt(0))], name, { type: "image/jpeg" }));
        }
        return transfer;
    }""", files)
    for kind in ("dragenter", "dragover", "drop"):
        page.dispatch_event("[data-dropzone-target]", kind, {"dataTransfer": transfer})


def names(page: Page) -> list[str]:
    return page.locator("[data-photo]").evaluate_all("tiles => tiles.map((tile) => tile.dataset.mediaName)")


def now_is_its_hour(house, post_id: int) -> None:
    """Nobody waits for the next full minute."""
    with contextlib.closing(sqlite3.connect(house.instance / "oncue.sqlite3", timeout=10)) as database:
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        database.execute("UPDATE post_targets SET scheduled_at = :now, due_at = :now WHERE post_id = :post_id",
                         {"now": now, "post_id": post_id})
        database.commit()


def test_200_mb_arrive_identical_after_the_network_was_cut_and_the_page_reloaded(visitor, house, wire, tmp_path, clip):
    big = padded(clip, tmp_path / "festival.mp4", SIZE)
    visitor.sign_in()
    composer = f"http://localhost:{wire.port}/posts/new"
    page = visitor.page
    page.goto(composer)
    starts: list[int] = []
    page.on("request", lambda request: starts.append(int(request.headers["upload-offset"])) if request.method == "PATCH" else None)
    throttle = visitor.context.new_cdp_session(page)
    throttle.send("Network.enable")
    throttle.send("Network.emulateNetworkConditions",
                  {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 40_000_000})
    status = page.locator("[data-dropzone-status]")
    page.locator("input[type=file]").set_input_files(big)
    expect(status).to_contain_text(re.compile(r"[456]\d %"), timeout=30_000)
    wire.cut()
    expect(status).to_contain_text("The connection is lost. Trying again…")
    with pytest.raises(PlaywrightError, match="ERR_CONNECTION_REFUSED"):
        page.reload()
    before = len(starts)
    throttle.detach()
    wire.mend()
    page.goto(composer)
    expect(page.get_by_text("1 upload was interrupted: festival.mp4. Choose the same again to go on.")).to_be_visible()
    page.locator("input[type=file]").set_input_files(big)
    expect(page.locator("#media-chosen")).to_contain_text("festival.mp4", timeout=30_000)
    assert starts[0] == 0 and len(starts) == before + 1 and 0.3 * SIZE < starts[-1] < 0.8 * SIZE, starts
    [kept] = (house.instance / "media").rglob(f"{sha256(big)}.mp4")
    assert kept.stat().st_size == SIZE and sha256(kept) == sha256(big)
    page.reload()
    expect(page.get_by_text("was interrupted")).to_have_count(0)
    visitor.complaints = [c for c in visitor.complaints if not re.search(r"net::ERR_|423|409", c)]  # the browser's own notes


def test_five_photos_are_dropped_in_put_into_order_and_posted_with_their_cover(visitor, house, tmp_path):
    house.sandbox.switch(allow_http_pull=True, verified_properties="localhost")
    photos = [make_photo(tmp_path / f"photo{number}.jpg", number, (720, 1280)) for number in range(5)]
    visitor.sign_in()
    visitor.connect("lumen.studio")
    page = visitor.go("/posts/new")
    drop(page, photos)
    tiles = page.locator("[data-photo]")
    expect(tiles).to_have_count(5, timeout=30_000)
    expect(page.locator("[data-upload]")).to_have_count(0)
    assert names(page) == [f"photo{n}.jpg" for n in range(5)] and page.get_by_label("photo0.jpg is the cover").is_checked()

    tiles.nth(4).locator("[data-photo-handle]").drag_to(tiles.nth(0).locator("[data-photo-handle]"), target_position={"x": 8, "y": 20})
    wait_for(lambda: page.wait_for_timeout(50) or names(page)[0] == "photo4.jpg")
    page.get_by_label("photo3.jpg is the cover").check()
    page.keyboard.press("Alt+ArrowLeft")
    expect(page.locator("[data-photos-voice]")).to_have_text("photo3.jpg is now photo 4 of 5.")
    page.get_by_role("button", name="Move photo3.jpg earlier").click()
    page.get_by_role("button", name="Remove photo0.jpg").click()
    order = ["photo4.jpg", "photo3.jpg", "photo1.jpg", "photo2.jpg"]
    assert names(page) == order, names(page)
    expect(page.locator("[data-preview-carousel] img")).to_have_count(4)

    page.locator('label:has-text("@lumen.studio") input').check(force=True)
    page.get_by_label("Title").fill("Four mornings")
    page.get_by_label("Description").fill("From dark to bright #coffee")
    page.get_by_label("Who can see these photos").select_option(label="Followers")
    page.get_by_label("Let TikTok add music to the photos").check()
    assert page.get_by_label("Duet").count() == 0
    visitor.shoot("composer-photos")
    page.get_by_role("button", name="Schedule").last.click()
    page.wait_for_url(re.compile(r"/posts/\d+$"))
    visitor.shoot("post-photos")
    now_is_its_hour(house, int(page.url.rsplit("/", 1)[1]))
    [post] = wait_for(lambda: page.wait_for_timeout(200) or house.sandbox.posts(username="lumen.studio"), seconds=30)
    hashes = {sha256(path): path.name for path in photos}
    assert [hashes[image["sha256"]] for image in post["images"]] == order
    assert (post["options"]["photo_cover_index"], post["options"]["auto_add_music"], post["caption"]) == (1, True, "Four mornings")


def test_a_png_is_converted_by_one_click(visitor, house, tmp_path):
    Image.new("RGB", (900, 1600), (20, 140, 90)).save(tmp_path / "leaf.png")
    visitor.sign_in()
    page = visitor.go("/posts/new")
    page.locator("input[type=file]").set_input_files(tmp_path / "leaf.png")
    expect(page.get_by_text("This is a PNG picture")).to_be_visible(timeout=20_000)
    visitor.shoot("composer-png")
    page.get_by_role("button", name="Convert for TikTok").first.click()
    expect(page.locator("[data-photo]")).to_contain_text("leaf.jpg", timeout=20_000)
    expect(page.get_by_text("This is a PNG picture")).to_have_count(0)
    expect(page.locator("[data-photos-voice]")).to_have_text("leaf.png is converted.")
    assert page.get_by_label("leaf.jpg is the cover").is_checked()
