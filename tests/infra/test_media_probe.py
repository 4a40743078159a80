"""What is seen of a file beside its verdict: facts by its bytes, upright pictures of it, and frames of it."""

from __future__ import annotations

import io
from pathlib import Path

import av
import pytest
from PIL import Image

from app.infra import media_probe
from app.infra.media_child import videos
from app.infra.media_pictures import take_frame
from app.infra.media_probe import probe_media
from tests.infra.corpus.sample import film
from tests.infra.corpus.videos import with_matrix
from tests.videos import make_video


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("probe")


@pytest.fixture(scope="module")
def clip(folder):
    """One second of 360 × 640 H.264 in MP4, its index at the end."""
    return make_video(folder / "clip.mp4", seconds=1)


# Orientation


def turned(clip: Path, path: Path, degrees: int) -> Path:
    """The clip with another matrix in its track header, as phones write it."""
    matrix = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}[degrees]
    path.write_bytes(with_matrix(clip.read_bytes(), matrix))
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
    probe = probe_media(str(film(folder / f"{width}x{height}.mp4", size=(width, height))))
    poster = Image.open(io.BytesIO(probe.poster))
    assert (poster.format, poster.mode, poster.size) == ("JPEG", "RGB", size)
    assert (probe.facts.width, probe.facts.height) == (width, height), "facts are those of the video"


def test_the_poster_leaves_nothing_on_disk(clip, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(media_probe.tempfile, "tempdir", None)
    assert probe_media(str(clip)).poster
    assert list(tmp_path.iterdir()) == []


# Strip and frames


def brightening(path: Path, *, keyframes: int, seconds: int = 4) -> Path:
    """A film that goes from black to white, with a keyframe every so many frames."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25, options={"preset": "ultrafast", "g": str(keyframes), "sc_threshold": "0"})
        stream.width, stream.height, stream.pix_fmt = 360, 640, "yuv420p"
        for number in range(25 * seconds):
            grey = number * 255 // (25 * seconds)
            output.mux(stream.encode(av.VideoFrame.from_image(Image.new("RGB", (360, 640), (grey, grey, grey)))))
        output.mux(stream.encode())
    return path


def brightness(jpeg: bytes, x: int, y: int = 50) -> int:
    return Image.open(io.BytesIO(jpeg)).convert("L").getpixel((x, y))


@pytest.mark.parametrize("keyframes", [1, 12, 1000])
def test_a_strip_shows_ten_moments_in_order_however_far_apart_the_keyframes_are(folder, keyframes):
    strip = probe_media(str(brightening(folder / f"key-{keyframes}.mp4", keyframes=keyframes))).strip
    assert Image.open(io.BytesIO(strip)).size == (900, 160)
    seen = [brightness(strip, 45 + 90 * number) for number in range(10)]
    assert seen == pytest.approx([255 * (number + 0.5) / 10 for number in range(10)], abs=9)


def test_the_strip_of_a_turned_video_is_upright(folder, clip):
    strip = probe_media(str(turned(clip, folder / "turned-strip.mp4", 90))).strip
    assert Image.open(io.BytesIO(strip)).size == (900, 51)


def test_a_strip_that_takes_too_long_is_done_without(folder, clip, monkeypatch):
    monkeypatch.setattr(videos, "STRIP_SECONDS", 0.0)
    with videos.opened(str(clip)) as opened:
        videos.save_strip(opened, str(folder / "none.jpg"))
    assert not (folder / "none.jpg").exists()


def test_the_frame_of_a_moment_is_the_one_that_is_shown_then(folder):
    path = brightening(folder / "moments.mp4", keyframes=30)
    for moment in (40, 2520):
        assert brightness(take_frame(str(path), moment), 180) == pytest.approx(moment / 40 * 255 / 100, abs=6), moment
    assert brightness(take_frame(str(path), 60_000), 180) == pytest.approx(252, abs=6), "after the end the last one"
    assert Image.open(io.BytesIO(take_frame(str(path), 0))).size == (360, 640)
