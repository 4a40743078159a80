"""The media library as its user meets it: files dropped in, found, described, deleted."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.videos import make_photo

pytestmark = pytest.mark.browser


def test_files_are_brought_in_found_described_and_deleted(visitor, tmp_path, clip):
    photos = [make_photo(tmp_path / name, number, (720, 1280)) for number, name in enumerate(("Harbour.jpg", "Café.jpg"), 7)]
    (tmp_path / "notes.mp4").write_text("no video at all")
    visitor.sign_in()
    page = visitor.go("/library/")
    if not page.locator("#library-file").is_visible():
        page.get_by_text("Add files").click()
    page.locator("#library-file").set_input_files([*photos, clip, tmp_path / "notes.mp4"])
    wall = page.locator("#library-grid")
    for name in ("Harbour.jpg", "Café.jpg", clip.name):
        expect(wall.get_by_role("link", name=name)).to_be_visible(timeout=30_000)
    expect(page.get_by_text("This is not a video file or a photo")).to_be_visible(timeout=20_000)
    visitor.shoot("library")

    page.get_by_role("searchbox").fill("cafe")
    page.wait_for_url(re.compile("cafe"))
    expect(wall.locator("li")).to_have_count(1)
    wall.get_by_role("link", name="Café.jpg").click()
    page.get_by_label("Name").fill("Corner table.jpg")
    page.get_by_label("Alt text").fill("Two cups on a table by the window")
    page.get_by_role("button", name="Save").click()
    visitor.shoot("library-file")
    visitor.go("/library/?q=window")
    expect(wall.get_by_role("link", name="Corner table.jpg")).to_be_visible()

    wall.get_by_role("link", name="Corner table.jpg").click()
    page.get_by_role("link", name="Delete…").click()
    page.get_by_role("button", name="Delete").click()
    page.wait_for_url(re.compile(r"/library/(\?.*)?$"))
    expect(wall.get_by_role("link", name="Corner table.jpg")).to_have_count(0)
    visitor.complaints = [c for c in visitor.complaints if "422" not in c]  # the browser's own note on notes.mp4
