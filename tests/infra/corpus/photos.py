"""Photos of each format, orientation, depth and size, and those that TikTok or Oncue can't take."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import pillow_heif
from PIL import Image

from tests.infra.corpus.sample import Sample

LOW = ("photo_low_resolution",)
FORMAT, SIZE, ROTATED = "photo_format", "photo_dimensions", "photo_rotated"
ORIENTATION = 0x0112


def picture(mode: str = "RGB", size: tuple[int, int] = (400, 300)) -> Image.Image:
    """Dark at the upper left, light at the lower right."""
    width, height = size
    grey = Image.linear_gradient("L").resize(size)
    across = Image.linear_gradient("L").rotate(90).resize((width, height))
    return Image.merge("RGB", (grey, across, grey)).convert(mode)


def saved(path: Path, form: str, mode: str = "RGB", size: tuple[int, int] = (400, 300), **options: Any) -> None:
    """A picture in this format."""
    if form == "HEIF":
        pillow_heif.from_pillow(picture(mode, size)).save(path, quality=60, enc_params={"preset": "ultrafast"}, **options)
    else:
        picture(mode, size).save(path, form, **options)


def _photo(name: str, form: str, *problems: str, container: str = "", mode: str = "RGB", size: tuple[int, int] = (400, 300),
           **options: Any) -> Sample:
    facts = {"container": container or form.lower(), "width": size[0], "height": size[1], "is_rotated": False}
    return Sample(name, partial(saved, form=form, mode=mode, size=size, **options), facts, problems, LOW if min(size) < 720 else ())


FORMATS = (
    _photo("best.jpg", "JPEG", size=(1080, 1350)),
    _photo("progressive.jpg", "JPEG", progressive=True),
    _photo("grey.jpg", "JPEG", mode="L"),
    _photo("four-inks.jpg", "JPEG", mode="CMYK"),
    _photo("lossy.webp", "WEBP"),
    _photo("lossless.webp", "WEBP", lossless=True),
    _photo("see-through.webp", "WEBP", mode="RGBA"),
    _photo("screen.png", "PNG", FORMAT),
    _photo("see-through.png", "PNG", FORMAT, mode="RGBA"),
    _photo("grey-and-alpha.png", "PNG", FORMAT, mode="LA"),
    _photo("black-and-white.png", "PNG", FORMAT, mode="1"),
    _photo("palette.png", "PNG", FORMAT, mode="P", transparency=0),
    _photo("sixteen-bits-grey.png", "PNG", FORMAT, mode="I;16"),
    _photo("phone.heic", "HEIF", FORMAT, container="heic"),
    _photo("phone-see-through.heic", "HEIF", FORMAT, container="heic", mode="RGBA"),
    _photo("modern.avif", "AVIF", FORMAT),
    _photo("still.gif", "GIF", FORMAT, mode="P"),
    _photo("windows.bmp", "BMP", FORMAT),
    _photo("jpeg-called.png", "JPEG"),
    _photo("png-called.jpg", "PNG", FORMAT),
    _photo("large.jpg", "JPEG", SIZE, size=(4032, 3024)),
    _photo("large.heic", "HEIF", FORMAT, SIZE, container="heic", size=(1200, 1100)),
    _photo("upright-limit.jpg", "JPEG", size=(1080, 1920)),
    _photo("one-too-wide.jpg", "JPEG", SIZE, size=(1081, 1081)),
    _photo("one-too-long.jpg", "JPEG", SIZE, size=(1080, 1921)),
    _photo("one-pixel.jpg", "JPEG", size=(1, 1)),
    Sample("scan.tiff", partial(saved, form="TIFF"), refused="photo_unsupported"),
    Sample("layers.psd", lambda path: path.write_bytes(b"8BPS\x00\x01" + bytes(400)), refused="photo_unsupported"),
    Sample("new.jxl", lambda path: path.write_bytes(b"\xff\x0a" + bytes(400)), refused="photo_unsupported"),
    Sample("old.jp2", partial(saved, form="JPEG2000"), refused="photo_unsupported"),
    Sample("raw.cr3", lambda path: path.write_bytes(b"\x00\x00\x00\x18ftypcrx \x00\x00\x00\x01crx isom" + bytes(400)),
           refused="photo_unsupported"),
)


def oriented(path: Path, value: int, form: str = "JPEG", size: tuple[int, int] = (400, 300)) -> None:
    """A picture whose EXIF says how it is to be turned."""
    exif = Image.Exif()
    exif[ORIENTATION] = value
    if form == "HEIF":
        # As iPhones do: libheif turns it by a property of its own, and the EXIF that says the same is left out of account.
        pillow_heif.from_pillow(picture(size=size)).save(path, quality=60, exif=exif.tobytes())
    else:
        picture(size=size).save(path, form, exif=exif)


TURNED = (
    *(Sample(f"exif-{value}.jpg", partial(oriented, value=value),
             {"width": 300 if value >= 5 else 400, "height": 400 if value >= 5 else 300, "is_rotated": value != 1},
             (ROTATED,) if value != 1 else (), LOW) for value in range(1, 9)),
    Sample("exif-0.jpg", partial(oriented, value=0), {"width": 400, "is_rotated": False}, (), LOW),
    Sample("exif-77.jpg", partial(oriented, value=77), {"width": 400, "is_rotated": False}, (), LOW),
    Sample("exif-6.webp", partial(oriented, value=6, form="WEBP"), {"width": 300, "is_rotated": True}, (ROTATED,), LOW),
    Sample("exif-6.png", partial(oriented, value=6, form="PNG"), {"width": 300, "is_rotated": True}, (FORMAT, ROTATED), LOW),
    Sample("exif-6.avif", partial(oriented, value=6, form="AVIF"), {"width": 300, "is_rotated": True}, (FORMAT, ROTATED), LOW),
    Sample("exif-6.heic", partial(oriented, value=6, form="HEIF"), {"width": 300, "height": 400, "is_rotated": False}, (FORMAT,), LOW),
    Sample("exif-broken.jpg", partial(saved, form="JPEG", exif=b"Exif\x00\x00MM\x00*\x00\x00\xff\xff"), {"is_rotated": False}, (), LOW),
)


def moving(path: Path, form: str, **options: Any) -> None:
    """Three pictures, one after the other."""
    first, *others = [Image.new("RGB", (80, 60), (n * 80, 90, 120)) for n in range(3)]
    first.save(path, form, save_all=True, append_images=others, **options)


def _padded(path: Path, size_bytes: int) -> None:
    """A photo behind whose end something lies: as large as that, on a disk that need not hold the zeros."""
    saved(path, "JPEG")
    with path.open("r+b") as file:
        file.truncate(size_bytes)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def sixteen_bits(path: Path) -> None:
    """A PNG with 16 bits for each of red, green and blue, which Pillow can't write."""
    row = b"\x00" + b"".join(struct.pack(">3H", x * 600, 30_000, 65_535) for x in range(100))
    header = struct.pack(">IIBBBBB", 100, 50, 16, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(row * 50)) + _chunk(b"IEND", b""))


@cache
def _bytes_of(form: str) -> bytes:
    buffer = io.BytesIO()
    if form == "HEIF":
        pillow_heif.from_pillow(picture()).save(buffer, quality=60)
    else:
        picture("P" if form == "GIF" else "RGB").save(buffer, form)
    return buffer.getvalue()


def _half(form: str) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(_bytes_of(form)[:len(_bytes_of(form)) * 6 // 10])


SPECIAL = (
    Sample("sixteen-bits.png", sixteen_bits, {"container": "png", "width": 100}, (FORMAT,), LOW),
    Sample("with-depth.mpo.jpg", lambda path: moving(path, "MPO"), {"container": "jpeg"}, (), LOW),
    Sample("moving.gif", lambda path: moving(path, "GIF", duration=40), refused="photo_animated"),
    Sample("moving.webp", lambda path: moving(path, "WEBP", duration=40), refused="photo_animated"),
    Sample("moving.png", lambda path: moving(path, "PNG", duration=40), refused="photo_animated"),
    Sample("moving.avif", lambda path: moving(path, "AVIF", duration=40), refused="photo_animated"),
    Sample("moving.heics", lambda path: path.write_bytes(b"\x00\x00\x00\x18ftypmsf1\x00\x00\x00\x00msf1hevc" + bytes(200)),
           refused="photo_animated"),
    Sample("twenty-megabytes.jpg", partial(_padded, size_bytes=20_000_000), {"size_bytes": 20_000_000}, (), LOW),
    Sample("over-twenty-megabytes.jpg", partial(_padded, size_bytes=20_000_001), {"size_bytes": 20_000_001}, ("photo_size",), LOW),
    Sample("over-a-hundred-megabytes.jpg", partial(_padded, size_bytes=100_000_001), refused="photo_too_large"),
    Sample("cut.jpg", _half("JPEG"), refused="photo_truncated"),
    Sample("cut.png", _half("PNG"), refused="photo_truncated"),
    Sample("cut.gif", _half("GIF"), refused="photo_truncated"),
    Sample("cut.bmp", _half("BMP"), refused="photo_truncated"),
    Sample("cut.webp", _half("WEBP"), refused="photo_broken"),
    Sample("cut.heic", _half("HEIF"), refused="photo_broken"),
    Sample("cut.avif", _half("AVIF"), refused="photo_broken"),
    Sample("only-a-head.jpg", lambda path: path.write_bytes(b"\xff\xd8\xff\xe0"), refused="photo_broken"),
    Sample("photo-and-archive.jpg", lambda path: path.write_bytes(_bytes_of("JPEG") + b"PK\x03\x04" + bytes(30)), {"container": "jpeg"}, (),
           LOW),
)

PHOTOS = (*FORMATS, *TURNED, *SPECIAL)
