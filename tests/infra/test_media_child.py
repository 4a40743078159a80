"""The process that opens strangers' files: what it may reach and use, and that it may die."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from dataclasses import asdict
from pathlib import Path

import pytest

from app.infra import media_child, media_decoding
from app.infra.media_decoding import MESSAGES
from app.infra.media_probe import probe_media
from tests.architecture.tree import ROOT
from tests.videos import make_video


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("child")


@pytest.fixture(scope="module")
def clip(folder):
    """One second of 360 × 640 H.264 in MP4, its index at the end."""
    return make_video(folder / "clip.mp4", seconds=1)


def problem_of(path: Path) -> str:
    probe = probe_media(str(path))
    assert probe.facts is None and probe.poster is None
    assert probe.problem.field == "media" and probe.problem.code in MESSAGES
    return probe.problem.code


# Files that name other files


@pytest.mark.parametrize("suffix", [".m3u8", ""])
@pytest.mark.parametrize("script", [
    "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:1.0,\n{name}\n#EXT-X-ENDLIST\n",
    "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1.0,\n{path}\n#EXT-X-ENDLIST\n",
    "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1.0,\nfile://{path}\n#EXT-X-ENDLIST\n",
    "ffconcat version 1.0\nfile {name}\nduration 1\n",
    "ffconcat version 1.0\nfile '{path}'\n",
    ('<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet mimeType="video/mp4">'
     '<Representation id="1" bandwidth="1"><BaseURL>{name}</BaseURL></Representation></AdaptationSet></Period></MPD>'),
], ids=["playlist relative", "playlist absolute", "playlist file:", "concat relative", "concat absolute", "dash"])
def test_a_list_that_names_a_local_file_is_not_followed(folder, clip, script, suffix):
    path = folder / f"list{suffix}"
    path.write_text(script.format(name=clip.name, path=clip), encoding="utf-8")
    accessed = os.stat(clip).st_atime_ns
    os.utime(clip, ns=(0, os.stat(clip).st_mtime_ns))
    assert problem_of(path) == "video_not_media"
    assert os.stat(clip).st_atime_ns == 0, "nobody has read it"
    os.utime(clip, ns=(accessed, os.stat(clip).st_mtime_ns))


def test_a_file_s_name_is_never_an_address(folder, clip, monkeypatch):
    monkeypatch.chdir(folder)
    for address in (f"concat:{clip}", "http://127.0.0.1:9/clip.mp4", "subfile,,start,0,end,0,,:clip.mp4", f"crypto:{clip}", "pipe:0"):
        assert problem_of(Path(address)) == "video_broken", address


# A child that misbehaves


def test_a_child_that_hangs_is_given_up(tmp_path, monkeypatch):
    pipe = tmp_path / "pipe.mp4"
    os.mkfifo(pipe)  # nobody will ever write into it
    monkeypatch.setattr(media_decoding, "TIMEOUT_SECONDS", 0.5)
    started = time.monotonic()
    assert problem_of(pipe) == "video_broken"
    assert time.monotonic() - started < 5
    with pytest.raises(OSError, match="No such device"):  # what an open pipe says when nobody reads it
        os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)


@pytest.mark.parametrize("script", [
    "exit 1", "kill -KILL $$", "kill -SEGV $$", "echo not json", "echo '{\"problem\":'", "echo; exit 0",
])
def test_a_child_that_dies_or_babbles_is_a_problem_and_no_exception(clip, tmp_path, monkeypatch, script):
    child = tmp_path / "child"
    child.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    child.chmod(0o700)
    monkeypatch.setattr(media_decoding.sys, "executable", str(child))
    assert problem_of(clip) == "video_broken"


def test_what_a_child_dies_of_after_its_answer_is_not_worth_a_good_file(clip, tmp_path, monkeypatch):
    answer = json.dumps(asdict(probe_media(str(clip)).facts))
    child = tmp_path / "child"
    child.write_text(f"#!/bin/sh\necho '{answer}'\nprintf poster > \"$5\"\nkill -SEGV $$\n", encoding="utf-8")
    child.chmod(0o700)
    monkeypatch.setattr(media_decoding.sys, "executable", str(child))
    probe = probe_media(str(clip))
    assert (probe.facts.codec, probe.poster, probe.strip) == ("h264", b"poster", None)


def test_the_child_lives_under_limits_and_knows_no_secret(clip, tmp_path, monkeypatch):
    """Asks a child that looks at itself instead of at a file."""
    child = tmp_path / "child"
    child.write_text(f"""#!{sys.executable}
import json, os, resource, sys
sys.path.insert(0, {str(ROOT)!r})
from app.infra.media_child import __main__ as child

def probe(path, poster, strip):
    limits = [resource.getrlimit(kind)[1] for kind in (resource.RLIMIT_AS, resource.RLIMIT_CPU)]
    open({str(tmp_path / "found")!r}, "w").write(json.dumps([*limits, dict(os.environ)]))
    bytearray(4 * 2 ** 30)

child.TASKS["probe"] = probe
child.main("probe", {str(clip)!r}, "y", "z")
""", encoding="utf-8")
    child.chmod(0o700)
    monkeypatch.setattr(media_decoding.sys, "executable", str(child))
    monkeypatch.setenv("SECRET_KEY", "very-secret")
    assert problem_of(clip) == "video_broken", "4 GB are more than it may have"
    memory, processor, environment = json.loads((tmp_path / "found").read_text())
    assert 2**30 <= memory <= 4 * 2**30
    assert 0 < processor <= media_decoding.TIMEOUT_SECONDS
    assert "SECRET_KEY" not in environment


def test_the_child_imports_nothing_of_the_application():
    for path in Path(media_child.__file__).parent.glob("*.py"):
        for line in path.read_text(encoding="utf-8").splitlines():
            assert not re.match(r"\s*(from|import) app(?!\.infra\.media_child)", line), (path, line)


def test_a_file_that_is_not_there_is_a_problem_too(folder):
    assert problem_of(folder / "nowhere.mp4") == "video_broken"
