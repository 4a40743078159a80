"""Real files, whole and broken, honest and not: what the probe says about each."""

from __future__ import annotations

import io
import json
import os
import random
import struct
import sys
import time
import wave
from fractions import Fraction
from pathlib import Path

import av
import pytest
from PIL import Image

from app.domain.media_rules import PhotoFacts, VideoFacts, photo_problems, video_problems
from app.infra import media_probe
from app.infra.media_probe import MESSAGES, probe_media
from tests.videos import make_video


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("probe")


@pytest.fixture(scope="module")
def clip(folder):
    """One second of 360 × 640 H.264 in MP4, its index at the end."""
    return make_video(folder / "clip.mp4", seconds=1)


def encode(path: Path, codec: str, *, container: str | None = None, options: dict[str, str] | None = None, width: int = 360,
           height: int = 360, fps: Fraction = Fraction(25), frames: int = 25, pixels: str = "yuv420p") -> Path:
    """A short video of grey frames with these properties."""
    codec_options = {"preset": "ultrafast"} if codec in ("libx264", "libx265") else {}
    if codec == "libx265":
        codec_options["x265-params"] = "log-level=none"
    with av.open(str(path), "w", format=container, options=options or {}) as output:
        stream = output.add_stream(codec, rate=fps, options=codec_options)
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        for number in range(frames):
            frame = av.VideoFrame.from_image(Image.new("RGB", (width, height), (number * 255 // frames, 90, 90))).reformat(format=pixels)
            frame.pts, frame.time_base = number, 1 / fps
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return path


def problem_of(path: Path) -> str:
    probe = probe_media(str(path))
    assert probe.facts is None and probe.poster is None
    assert probe.problem.field == "media"
    assert probe.problem.code.removeprefix("video_") in MESSAGES and probe.problem.message in MESSAGES.values()
    return probe.problem.code


def facts_of(path: Path) -> VideoFacts:
    probe = probe_media(str(path))
    assert probe.problem is None, probe.problem
    return probe.facts


# What TikTok takes, and what it does not


@pytest.mark.parametrize(("name", "codec", "container", "expected"), [
    ("a.mp4", "libx264", None, ("mp4", "h264")),
    ("b.mp4", "libx265", None, ("mp4", "hevc")),
    ("c.mp4", "libvpx-vp9", None, ("mp4", "vp9")),
    ("d.mov", "libx264", None, ("mov", "h264")),
    ("e.mov", "libx265", None, ("mov", "hevc")),
    ("f.webm", "libvpx", None, ("webm", "vp8")),
    ("g.webm", "libvpx-vp9", None, ("webm", "vp9")),
])
def test_a_video_that_tiktok_takes_has_no_problem(folder, name, codec, container, expected):
    facts = facts_of(encode(folder / name, codec, container=container))
    assert (facts.container, facts.codec) == expected
    assert (facts.width, facts.height, facts.size_bytes) == (360, 360, (folder / name).stat().st_size)
    assert facts.fps == pytest.approx(25, rel=0.02)
    assert facts.duration_seconds == pytest.approx(1, abs=0.1)
    assert list(video_problems(facts)) == []


@pytest.mark.parametrize(("name", "codec", "expected", "problems"), [
    ("h.mkv", "libx264", ("mkv", "h264"), ["video_container"]),
    ("i.avi", "libx264", ("avi", "h264"), ["video_container"]),
    ("j.avi", "mpeg4", ("avi", "mpeg4"), ["video_container", "video_codec"]),
    ("k.mp4", "mpeg4", ("mp4", "mpeg4"), ["video_codec"]),
    ("l.3gp", "libx264", ("3gp", "h264"), ["video_container"]),
    ("m.ts", "libx264", ("mpegts", "h264"), ["video_container"]),
    ("n.flv", "libx264", ("flv", "h264"), ["video_container"]),
])
def test_a_video_of_another_kind_is_recognised_and_refused_by_the_rules(folder, name, codec, expected, problems):
    facts = facts_of(encode(folder / name, codec))
    assert (facts.container, facts.codec) == expected
    assert [problem.code for problem in video_problems(facts)] == problems


@pytest.mark.parametrize("fps", [Fraction(24000, 1001), Fraction(30), Fraction(60000, 1001), Fraction(60), Fraction(15)])
def test_frame_rates_are_read_as_they_are(folder, fps):
    facts = facts_of(encode(folder / f"fps-{fps.numerator}.mp4", "libx264", fps=fps, frames=30))
    assert facts.fps == pytest.approx(float(fps), abs=0.02)
    assert [p.code for p in video_problems(facts)] == ([] if fps > 23 else ["video_frame_rate"])


def test_facts_are_those_of_the_bytes_and_not_of_the_name(folder, clip):
    for name in ("holiday.webm", "holiday", "holiday.m3u8", "-i.mp4", "a b “ü” ☕ %d.mp4"):
        copy = folder / name
        copy.write_bytes(clip.read_bytes())
        facts = facts_of(copy)
        assert (facts.container, facts.codec, facts.width, facts.height) == ("mp4", "h264", 360, 640), name


# Orientation


def turned(clip: Path, path: Path, degrees: int) -> Path:
    """The clip with another matrix in its track header, as phones write it."""
    one = 0x10000
    matrix = {90: (0, one, -one, 0), 180: (-one, 0, 0, -one), 270: (0, -one, one, 0)}[degrees]
    content = bytearray(clip.read_bytes())
    start = content.index(b"tkhd") + 4 + 40
    a, b, c, d = matrix
    content[start:start + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 0x40000000)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(("degrees", "size"), [(90, (640, 360)), (180, (360, 640)), (270, (640, 360))])
def test_a_turned_video_has_the_size_that_people_see(folder, clip, degrees, size):
    probe = probe_media(str(turned(clip, folder / f"turned-{degrees}.mp4", degrees)))
    assert (probe.facts.width, probe.facts.height) == size
    assert Image.open(io.BytesIO(probe.poster)).size == size


def test_the_poster_of_a_turned_video_is_upright(folder):
    """A video that was red above and blue below before its header turned it by half."""
    path = folder / "two-colours.mp4"
    image = Image.new("RGB", (360, 640), (220, 30, 30))
    image.paste((30, 30, 220), (0, 320, 360, 640))
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 360, 640, "yuv420p"
        for _ in range(25):
            output.mux(stream.encode(av.VideoFrame.from_image(image)))
        output.mux(stream.encode())
    red_above = Image.open(io.BytesIO(probe_media(str(path)).poster))
    blue_above = Image.open(io.BytesIO(probe_media(str(turned(path, folder / "two-turned.mp4", 180))).poster))
    red_left_or_right = Image.open(io.BytesIO(probe_media(str(turned(path, folder / "two-right.mp4", 90))).poster))

    def is_red(picture, x, y):
        r, _, b = picture.getpixel((x, y))
        return r > b

    assert is_red(red_above, 180, 100) and not is_red(red_above, 180, 540)
    assert is_red(blue_above, 180, 540) and not is_red(blue_above, 180, 100)
    # Turned clockwise, what was above is at the right.
    assert is_red(red_left_or_right, 540, 180) and not is_red(red_left_or_right, 100, 180)


# Poster


@pytest.mark.parametrize(("width", "height", "size"), [(360, 360, (360, 360)), (1080, 1920, (360, 640)), (1920, 1080, (640, 360))])
def test_the_poster_is_a_jpeg_of_at_most_640_pixels_a_side(folder, width, height, size):
    probe = probe_media(str(encode(folder / f"{width}x{height}.mp4", "libx264", width=width, height=height, frames=10)))
    poster = Image.open(io.BytesIO(probe.poster))
    assert (poster.format, poster.mode, poster.size) == ("JPEG", "RGB", size)
    assert (probe.facts.width, probe.facts.height) == (width, height), "facts are those of the video"


def test_the_poster_leaves_nothing_on_disk(clip, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(media_probe.tempfile, "tempdir", None)
    assert probe_media(str(clip)).poster
    assert list(tmp_path.iterdir()) == []


# Broken


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_cut_off_file_with_its_index_at_the_end_is_incomplete(folder, clip, share):
    content = clip.read_bytes()
    path = folder / f"cut-{share}.mp4"
    path.write_bytes(content[:int(len(content) * share)])
    assert problem_of(path) == "video_truncated"


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
def test_a_cut_off_file_with_its_index_in_front_is_incomplete(folder, share):
    whole = folder / "faststart.mp4"
    if not whole.exists():
        encode(whole, "libx264", options={"movflags": "faststart"}, frames=250)
    content = whole.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    path = folder / f"faststart-{share}.mp4"
    path.write_bytes(content[:int(len(content) * share)])
    assert problem_of(path) == "video_truncated"
    assert facts_of(whole).duration_seconds == pytest.approx(10, abs=0.1)


@pytest.mark.parametrize(("name", "content", "problem"), [
    ("empty.mp4", b"", "video_not_media"),
    ("text.mp4", b"I am a video, believe me.\n" * 400, "video_not_media"),
    ("page.mp4", b"<!doctype html><title>Not found</title>" * 40, "video_not_media"),
    ("random.mp4", random.Random(1).randbytes(300_000), "video_not_media"),
    ("zeros.mp4", bytes(300_000), "video_not_media"),
    ("head.mp4", b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2avc1mp41", "video_truncated"),
    ("script.sh", b"#!/bin/sh\nexit 0\n", "video_not_media"),
    ("program.mp4", Path(sys.executable).resolve().read_bytes()[:200_000], "video_not_media"),
])
def test_what_is_no_media_is_told_apart(folder, name, content, problem):
    (folder / name).write_bytes(content)
    assert problem_of(folder / name) == problem


def test_a_file_that_is_not_there_is_a_problem_too(folder):
    assert problem_of(folder / "nowhere.mp4") == "video_broken"


def test_damage_in_the_middle_is_no_crash(folder, clip):
    content = bytearray(clip.read_bytes())
    dice = random.Random(7)
    for place in dice.sample(range(40, len(content)), 300):
        content[place] = dice.randrange(256)
    path = folder / "damaged.mp4"
    path.write_bytes(content)
    probe = probe_media(str(path))
    assert (probe.facts is None) == (probe.problem is not None)


# Pictures and sound


@pytest.mark.parametrize("kind", ["GIF", "BMP"])
def test_a_picture_that_is_no_photo_is_not_media(folder, kind):
    path = folder / f"picture-{kind}.mp4"
    Image.new("RGB", (400, 400), (200, 100, 50)).save(path, kind)
    assert problem_of(path) == "video_not_media"


@pytest.mark.parametrize(("kind", "problems"), [("JPEG", []), ("WEBP", []), ("PNG", ["photo_format"])])
def test_a_photo_is_known_by_its_bytes_whatever_its_name(folder, kind, problems):
    path = folder / f"photo-{kind}.mp4"
    Image.new("RGB", (400, 300), (200, 100, 50)).save(path, kind)
    probe = probe_media(str(path))
    assert probe.facts == PhotoFacts(kind.lower(), 400, 300, path.stat().st_size)
    assert [p.code for p in photo_problems(probe.facts)] == problems
    assert Image.open(io.BytesIO(probe.poster)).format == "JPEG"


@pytest.mark.parametrize(("size", "problems"), [
    ((1080, 1920), []), ((1920, 1080), []), ((1081, 1081), ["photo_dimensions"]), ((400, 1921), ["photo_dimensions"]),
])
def test_a_photo_fits_into_1080p_either_way(folder, size, problems):
    path = folder / f"photo-{size[0]}x{size[1]}.jpg"
    Image.new("RGB", size, (20, 100, 50)).save(path, "JPEG")
    assert [p.code for p in photo_problems(probe_media(str(path)).facts)] == problems


def test_a_photo_that_lies_on_its_side_is_measured_and_shown_upright(folder):
    path, exif = folder / "side.jpg", Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (400, 300)).save(path, "JPEG", exif=exif)
    probe = probe_media(str(path))
    assert (probe.facts.width, probe.facts.height) == (300, 400) == Image.open(io.BytesIO(probe.poster)).size


def test_a_photo_cut_off_in_the_middle_is_broken(folder):
    path = folder / "whole.jpg"
    Image.effect_noise((400, 400), 90).convert("RGB").save(path, "JPEG")
    (folder / "half.jpg").write_bytes(path.read_bytes()[:5000])
    assert problem_of(folder / "half.jpg") == "video_broken"


def test_a_picture_that_unfolds_to_gigabytes_is_not_even_begun(folder):
    path = folder / "bomb.png"
    Image.new("1", (30_000, 30_000)).save(path, "PNG")
    assert path.stat().st_size < 1_000_000
    assert problem_of(path) == "video_too_many_pixels"


def test_a_moving_gif_is_not_a_video(folder):
    frames = [Image.new("P", (400, 400), n * 20) for n in range(10)]
    frames[0].save(folder / "moving.gif", save_all=True, append_images=frames[1:], duration=40)
    assert problem_of(folder / "moving.gif") == "video_not_media"


def test_sound_alone_is_not_a_video(folder):
    with wave.open(str(folder / "sound.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(44_100)
        sound.writeframes(bytes(88_200))
    assert problem_of(folder / "sound.wav") == "video_no_video"


@pytest.mark.parametrize(("name", "codec"), [("song.mp3", "libmp3lame"), ("song.m4a", "aac"), ("song.mp4", "aac")])
def test_a_song_is_not_a_video(folder, name, codec):
    assert problem_of(song(folder / name, codec)) == "video_no_video"


def test_the_cover_of_a_song_is_not_a_video(folder):
    cover = io.BytesIO()
    Image.new("RGB", (400, 400), (200, 100, 50)).save(cover, "JPEG")
    picture = b"\x00image/jpeg\x00\x03\x00" + cover.getvalue()
    frame = b"APIC" + struct.pack(">IH", len(picture), 0) + picture
    size = bytes((len(frame) >> shift) & 0x7F for shift in (21, 14, 7, 0))
    path = folder / "covered.mp3"
    path.write_bytes(b"ID3\x03\x00\x00" + size + frame + song(folder / "bare.mp3", "libmp3lame").read_bytes())
    with av.open(str(path)) as container:
        assert container.streams.video, "FFmpeg shows the cover as a video"
    assert problem_of(path) == "video_no_video"


def song(path: Path, codec: str) -> Path:
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=44_100)
        frame = av.AudioFrame(format="fltp", layout="stereo", samples=stream.codec_context.frame_size or 1152)
        frame.sample_rate = 44_100
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        for _ in range(60):
            frame.pts = None
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return path


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
    monkeypatch.setattr(media_probe, "TIMEOUT_SECONDS", 0.5)
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
    monkeypatch.setattr(media_probe.sys, "executable", str(child))
    assert problem_of(clip) == "video_broken"


def test_the_child_lives_under_limits(clip, tmp_path, monkeypatch):
    """Asks a child that looks at its own limits instead of at a file."""
    child = tmp_path / "child"
    child.write_text(f"""#!{sys.executable}
import json, resource, sys
sys.path.insert(0, {str(Path(media_probe.__file__).parents[2])!r})
from app.infra import media_probe_child

def inspect(path, poster):
    limits = [resource.getrlimit(kind)[1] for kind in (resource.RLIMIT_AS, resource.RLIMIT_CPU)]
    open({str(tmp_path / "limits")!r}, "w").write(json.dumps(limits))
    bytearray(4 * 2 ** 30)

media_probe_child.inspect = inspect
media_probe_child.main("x", "y")
""", encoding="utf-8")
    child.chmod(0o700)
    monkeypatch.setattr(media_probe.sys, "executable", str(child))
    assert problem_of(clip) == "video_broken", "4 GB are more than it may have"
    memory, processor = json.loads((tmp_path / "limits").read_text())
    assert 2**30 <= memory <= 4 * 2**30
    assert 0 < processor <= media_probe.TIMEOUT_SECONDS


def test_the_child_imports_nothing_of_the_application():
    text = Path(media_probe.__file__).with_name("media_probe_child.py").read_text(encoding="utf-8")
    assert "from app" not in text and "import app" not in text
