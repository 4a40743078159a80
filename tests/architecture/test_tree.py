"""What lies in the tree, and what must not: dependencies, settings, and whose machine it was written on."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import fields

import pytest

from app.cli import shown_default
from app.settings import Settings
from tests.architecture.tree import ROOT, pyproject, relative, text_files

LOCKS = {"requirements.lock": ROOT / "requirements.lock", "requirements-dev.lock": ROOT / "requirements-dev.lock"}
RUNTIME = [re.match(r"[\w.-]+", line)[0].lower() for line in pyproject()["project"]["dependencies"]]
EXTRAS = [re.match(r"[\w.-]+", line)[0].lower() for extra in pyproject()["project"]["optional-dependencies"].values() for line in extra]
DEVELOPMENT = [re.match(r"[\w.-]+", line)[0].lower() for line in pyproject()["dependency-groups"]["dev"]]


PINNED = re.compile(r"(?P<name>[\w.-]+)(?:\[[\w,-]+\])?==(?P<version>[^\s;]+)( ; [^-]+)?(\s+--hash=sha256:[0-9a-f]{64})+\s*")


def lines(name: str) -> list[str]:
    text = LOCKS[name].read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def locked(name: str) -> dict[str, set[str]]:
    """Versions of each requirement in a lock file; more than one where they differ by platform."""
    found: dict[str, set[str]] = {}
    for line in lines(name):
        if pinned := PINNED.fullmatch(line):
            found.setdefault(pinned["name"].lower(), set()).add(pinned["version"])
    return found


@pytest.mark.parametrize("lock", [*LOCKS])
def test_a_lock_file_pins_everything_with_hashes(lock):
    assert len(lines(lock)) > 20
    assert [line.split()[0] for line in lines(lock) if not PINNED.fullmatch(line)] == []


@pytest.mark.parametrize("lock", [*LOCKS])
def test_a_lock_file_does_not_say_where_packages_come_from(lock):
    text = LOCKS[lock].read_text(encoding="utf-8")
    assert re.findall(r"(?i)https?:|--(?:extra-)?index|--find-links|--trusted-host|\bfile:| @ ", text) == []


def test_lock_files_cover_every_direct_dependency():
    assert [name for name in RUNTIME if name not in locked("requirements.lock")] == []
    assert [name for name in RUNTIME + EXTRAS + DEVELOPMENT if name not in locked("requirements-dev.lock")] == []


def test_tests_run_on_the_versions_that_run():
    runtime, development = locked("requirements.lock"), locked("requirements-dev.lock")
    assert {name: versions for name, versions in runtime.items() if development.get(name) != versions} == {}


def explained() -> dict[str, list[str]]:
    """The cells of each line of docs/dependencies.md, by name."""
    text = (ROOT / "docs/dependencies.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w.-]+)` \| (.+) \| (.+) \|$", text, re.MULTILINE)
    return {name: [what_for, why] for name, what_for, why in rows}


def test_every_dependency_is_explained_and_nothing_else_is():
    assert set(explained()) == set(RUNTIME + EXTRAS + DEVELOPMENT)


def test_every_explanation_says_what_for_and_why_this_one():
    assert [name for name, (what_for, why) in explained().items() if len(what_for) < 4 or len(why.split()) < 4] == []


# Settings


def settings_rows() -> list[tuple[str, ...]]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    between = text.split("<!-- settings -->")[1].split("<!-- /settings -->")[0].strip().splitlines()
    cells = [tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in between]
    assert [cell.strip() for cell in cells[0]] == ["Variable", "Default", "Meaning"]
    return cells[2:]


def test_the_readme_lists_every_setting_as_it_is():
    assert settings_rows() == [(f"`{f.metadata['env']}`", shown_default(f.default), f.metadata["about"]) for f in fields(Settings)]


def test_help_lists_every_setting(tmp_path):
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "--help"]
    help_text = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True,
                               env={**os.environ, "ONCUE_INSTANCE": str(tmp_path)}).stdout
    shown = " ".join(help_text.split())
    for f in fields(Settings):
        about = f.metadata["about"].replace("`", "")
        assert f"{f.metadata['env']} {about} [{shown_default(f.default)}]" in shown


def test_settings_have_names_of_their_own():
    names = [f.metadata["env"] for f in fields(Settings)]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[A-Z][A-Z0-9_]+", name) and not name.endswith("_FILE") for name in names)


# Whose machine


def found_in_files(*patterns: str) -> dict[str, list[str]]:
    """What matches, by file."""
    pattern = re.compile("|".join(patterns))
    found = {relative(path): pattern.findall(path.read_text(encoding="utf-8")) for path in text_files()}
    assert len(found) > 200
    return {name: matches for name, matches in found.items() if matches}


def test_no_file_tells_of_the_machine_that_it_was_written_on():
    homes = "|".join(["work", "home", "root", "Users", "workspace", "mnt"])
    # Not part of an address or of a pattern: a path that begins at the root.
    assert found_in_files(rf"(?<![\w.*}}/:]){re.escape('/')}(?:{homes})/[\w.-]+") == {}


def test_no_file_holds_a_key():
    assert found_in_files(r"-----BEGIN [A-Z ]*PRIVATE KEY-----", r"\bAKIA[0-9A-Z]{16}\b", r"\bgh[pousr]_[A-Za-z0-9]{36}\b",
                          r"\bxox[bap]-[\w-]{20,}") == {}


def test_the_top_level_holds_what_it_should():
    allowed = {"app", "templates", "static", "migrations", "tests", "docs", "deploy", "wsgi.py", "pyproject.toml", "README.md", "Makefile",
               "LICENSE", "requirements.lock", "requirements-dev.lock", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"}
    made_by_tools = {"instance", "output", "node_modules"}
    present = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    assert present - allowed - made_by_tools - {"__pycache__"} == set()
