"""Photos that TikTok would refuse, made into JPEGs that it takes and that look the same."""

from __future__ import annotations

import io
from pathlib import Path

import pillow_heif
import pytest
from PIL import Image, ImageCms, ImageOps

from app.domain.errors import DomainError
from app.domain.media_rules import CONVERTIBLE, file_problems
from app.infra.media_child import photos
from app.infra.media_pictures import convert_photo, take_frame
from app.infra.media_probe import probe_media
from tests.infra.corpus import BY_NAME, CORPUS

pillow_heif.register_heif_opener()
CONVERTIBLE_NAMES = [sample.name for sample in CORPUS if sample.problems and set(sample.problems) <= CONVERTIBLE]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pictures")


def made(folder: Path, name: str) -> Path:
    BY_NAME[name].make(folder / name)
    return folder / name


def opened(path: Path) -> Image.Image:
    return Image.open(io.BytesIO(path.read_bytes()))


def converted(path: Path) -> Image.Image:
    """In this process, without the child's start: the same code."""
    result = path.with_suffix(".converted")
    photos.save_for_tiktok(str(path), str(result))
    return opened(result)


def rough(image: Image.Image) -> list[tuple[int, ...]]:
    """Its colours in the four corners and the middle."""
    small = image.convert("RGB").resize((5, 5), Image.Resampling.BOX)
    return [small.getpixel(place) for place in ((0, 0), (4, 0), (2, 2), (0, 4), (4, 4))]


def assert_alike(found: Image.Image, expected: Image.Image) -> None:
    for one, other in zip(rough(found), rough(expected), strict=True):
        assert one == pytest.approx(other, abs=8)


@pytest.mark.parametrize("name", CONVERTIBLE_NAMES)
def test_what_can_be_converted_becomes_a_jpeg_without_a_problem(folder, name):
    image = converted(made(folder, name))
    assert (image.format, image.mode, dict(image.getexif())) == ("JPEG", "RGB", {}) and "icc_profile" not in image.info
    short, long = sorted(image.size)
    assert short <= 1080 and long <= 1920


def test_there_are_many_sorts_of_them():
    assert len(CONVERTIBLE_NAMES) >= 25


@pytest.mark.parametrize(("name", "size"), [
    ("large.jpg", (1440, 1080)), ("large.heic", (1178, 1080)), ("one-too-long.jpg", (1079, 1920)), ("exif-6.png", (300, 400)),
])
def test_a_photo_fits_afterwards_and_keeps_its_shape(folder, name, size):
    path = made(folder, name)
    first, again = convert_photo(str(path)), convert_photo(str(path))
    assert first == again, "the same bytes for the same photo"
    (folder / "result.jpg").write_bytes(first)
    facts = probe_media(str(folder / "result.jpg")).facts
    assert (facts.width, facts.height) == size and file_problems(facts) == []
    assert_alike(Image.open(io.BytesIO(first)), ImageOps.exif_transpose(opened(path)))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_upright_however_it_lay(folder, orientation):
    path = made(folder, f"exif-{orientation}.jpg")
    assert_alike(converted(path), ImageOps.exif_transpose(opened(path)))


@pytest.mark.parametrize(("mode", "clear", "shown"), [
    ("RGBA", (255, 0, 0, 0), (255, 255, 255)), ("RGBA", (255, 0, 0, 128), (255, 127, 127)), ("LA", (0, 0), (255, 255, 255)),
])
def test_what_is_see_through_becomes_white(folder, mode, clear, shown):
    path = folder / "clear.png"
    Image.new(mode, (64, 64), clear).save(path)
    assert converted(path).getpixel((30, 30)) == pytest.approx(shown, abs=4)


def test_sixteen_bits_of_grey_keep_their_bright_half(folder):
    path = folder / "grey16.png"
    image = Image.new("I;16", (64, 64), 257 * 200)
    image.save(path)
    assert converted(path).getpixel((30, 30)) == pytest.approx((200, 200, 200), abs=3)


def test_colours_of_another_profile_look_as_they_did(folder):
    """A profile whose red is everybody's green: what looks at numbers alone sees red."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = profile.replace(b"rXYZ", b"####", 1).replace(b"gXYZ", b"rXYZ", 1).replace(b"####", b"gXYZ", 1)
    path = folder / "profile.png"
    Image.new("RGB", (64, 64), (255, 0, 0)).save(path, icc_profile=swapped)
    red, green, blue = converted(path).getpixel((30, 30))
    assert green > 240 and red < 40 and blue < 40


def test_a_profile_that_is_rubbish_is_as_good_as_none(folder):
    path = folder / "rubbish.png"
    Image.new("RGB", (64, 64), (255, 0, 0)).save(path, icc_profile=b"rubbish" * 30)
    assert converted(path).getpixel((30, 30)) == pytest.approx((254, 0, 0), abs=4)


@pytest.mark.parametrize(("name", "code"), [
    ("cut.png", "photo_truncated"), ("bomb-50000.png", "photo_too_many_pixels"), ("moving.gif", "photo_animated"),
    ("cut.heic", "photo_broken"),
])
def test_what_can_t_be_converted_is_told_as_it_is_when_it_comes_in(folder, name, code):
    with pytest.raises(DomainError) as refused:
        convert_photo(str(made(folder, name)))
    assert refused.value.code == code


@pytest.mark.parametrize(("name", "code"), [
    ("cut-at-0.5.mp4", "video_truncated"), ("song.mp3", "video_no_video"), ("text.mp4", "video_not_media"),
])
def test_a_frame_that_is_not_there_is_told(folder, name, code):
    with pytest.raises(DomainError) as refused:
        take_frame(str(made(folder, name)), 0)
    assert refused.value.code == code
