"""What browsers load: small, ours or as its makers published it, and from nowhere else."""

from __future__ import annotations

import hashlib
import re

import pytest

from tests.architecture.tree import ROOT, relative

STATIC = ROOT / "static"
VENDOR = STATIC / "vendor"
OWN_SCRIPTS = tuple(sorted((STATIC / "js").rglob("*.js")))
OWN_STYLES = tuple(sorted((STATIC / "css").rglob("*.css")))
SCRIPT_BUDGET_BYTES, SCRIPT_LINES = 60_000, 150


def table() -> dict[str, str]:
    """Path and hash of each row of the table of what others made."""
    rows = re.findall(r"^\| `([^`]+)` \|.*\| `([0-9a-f]{64})` \|$", (VENDOR / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    return dict(rows)


@pytest.mark.parametrize(("name", "sha256"), [*table().items()], ids=[*table()])
def test_a_file_of_others_is_as_it_was_published(name, sha256):
    assert hashlib.sha256((STATIC / name).read_bytes()).hexdigest() == sha256


def test_every_file_of_others_is_in_the_table():
    present = {path.relative_to(STATIC).as_posix() for path in VENDOR.rglob("*") if path.is_file()} - {"vendor/README.md"}
    assert present <= set(table())


def test_every_maker_s_licence_lies_beside():
    assert [folder.name for folder in VENDOR.iterdir() if folder.is_dir() and not (folder / "LICENSE").exists()] == []


def test_our_own_scripts_stay_small():
    assert OWN_SCRIPTS
    assert sum(path.stat().st_size for path in OWN_SCRIPTS) < SCRIPT_BUDGET_BYTES


@pytest.mark.parametrize("path", OWN_SCRIPTS, ids=relative)
def test_a_script_does_one_thing(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= SCRIPT_LINES


@pytest.mark.parametrize("path", OWN_SCRIPTS, ids=relative)
def test_a_script_runs_nothing_that_it_was_told(path):
    text = re.sub(r"/\*.*?\*/|(?<!:)//.*", "", path.read_text(encoding="utf-8"), flags=re.DOTALL if False else 0)
    assert re.findall(r"\beval\(|new Function|\.innerHTML\s*=|document\.write|\.outerHTML\s*=|insertAdjacentHTML|console\.log", text) == []


@pytest.mark.parametrize("path", OWN_SCRIPTS, ids=relative)
def test_a_script_that_a_page_loads_is_not_imported_too(path):
    # An import has no version in its address: the browser would run the module a second time, and keep an old one for a day.
    assert re.findall(r"^\s*import\b.*|\bimport\(", path.read_text(encoding="utf-8"), re.MULTILINE) == []


@pytest.mark.parametrize("path", OWN_SCRIPTS + OWN_STYLES, ids=relative)
def test_nothing_is_loaded_from_another_host(path):
    text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    text = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("//"))
    assert [url for url in re.findall(r"https?://[^\s\"')]+", text) if not url.startswith("http://www.w3.org/")] == []
    assert re.findall(r"(?:@import|url\()\s*[\"']?//", text) == []


@pytest.mark.parametrize("path", OWN_STYLES, ids=relative)
def test_what_a_stylesheet_refers_to_exists(path):
    text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"url\(\s*[\"']?([^\"')]+)", text):
        if not target.startswith(("data:", "#")):
            assert (path.parent / target.split("?")[0].split("#")[0]).resolve().exists(), target


@pytest.mark.parametrize("path", OWN_STYLES, ids=relative)
def test_a_stylesheet_wins_by_order_and_not_by_force(path):
    text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    reduced = re.sub(r"@media[^{]*prefers-reduced-motion[^{]*\{(?:[^{}]|\{[^{}]*\})*\}", "", text)
    forced = [line for line in reduced.splitlines() if "!important" in line]
    assert [line for line in forced if "[hidden]" not in line and "visually-hidden" not in line and "display: none" not in line] == []


@pytest.mark.parametrize("path", sorted(STATIC.glob("*.svg")), ids=relative)
def test_a_drawing_holds_no_script(path):
    assert re.findall(r"<script|\son\w+=|javascript:|<foreignObject", path.read_text(encoding="utf-8")) == []


def test_icons_are_in_alphabetical_order_and_each_once():
    names = re.findall(r'<symbol id="([^"]+)"', (STATIC / "icons.svg").read_text(encoding="utf-8"))
    assert names == sorted(set(names))
