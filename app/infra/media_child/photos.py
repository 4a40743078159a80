"""Still pictures: what they are, and how they become JPEGs."""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from io import BytesIO
from typing import Any

from PIL import Image, ImageCms

from app.infra.media_child.answers import Unusable

MAX_PIXELS = 100_000_000
"""Looked at before anything is decoded: a small file can unfold to gigabytes."""
MAX_BYTES = 100_000_000
POSTER_SIDE = 640
MAX_SHORT_SIDE, MAX_LONG_SIDE = 1080, 1920
QUALITY, POSTER_QUALITY = 90, 82
ORIENTATION = 0x0112
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_90,
}
"""What brings a picture of each EXIF orientation upright; 1 is upright, any other value means nothing."""
SIGNATURES = {b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n": "PNG", b"GIF87a": "GIF", b"GIF89a": "GIF"}
HEIF_BRANDS = {b"heic": "HEIF", b"heix": "HEIF", b"heim": "HEIF", b"heis": "HEIF", b"mif1": "HEIF", b"avif": "AVIF", b"avis": "AVIF"}
SEQUENCE_BRANDS = {b"msf1", b"hevc", b"hevx", b"hevm", b"hevs"}
BMP_HEADERS = {12, 40, 52, 56, 64, 108, 124}
UNSUPPORTED = {
    b"II*\x00": "TIFF or camera raw", b"MM\x00*": "TIFF or camera raw", b"8BPS": "Photoshop", b"\xff\x0a": "JPEG XL",
    b"\x00\x00\x00\x0cJXL ": "JPEG XL", b"\x00\x00\x00\x0cjP  ": "JPEG 2000",
}
"""Recognised to be named. A camera's raw file is a TIFF that holds a thumbnail, which would pass for the photo."""


def is_photo(path: str) -> bool:
    """Whether the bytes begin as a still picture, one that Pillow reads for us or another."""
    return _format(path) is not None


def inspect_photo(path: str, poster_path: str) -> dict[str, Any]:
    """The facts of `domain.media_rules.PhotoFacts`; writes the poster. Raises Unusable."""
    with _opened(path) as image:
        width, height = image.size
        orientation = _orientation(image)
        scale = min(1.0, POSTER_SIDE / width, POSTER_SIDE / height)
        _as_rgb(image, scale, orientation).save(poster_path, "JPEG", quality=POSTER_QUALITY)
        return {
            "container": {"HEIF": "heic", "MPO": "jpeg"}.get(str(image.format), str(image.format).lower()),
            "width": height if orientation >= 5 else width,
            "height": width if orientation >= 5 else height,
            "size_bytes": os.path.getsize(path),
            "is_rotated": orientation != 1,
        }


def save_for_tiktok(path: str, jpeg_path: str) -> None:
    """A JPEG within 1080 × 1920 or 1920 × 1080: upright, in sRGB, on white, without a word about where it was taken. Raises Unusable."""
    with _opened(path) as image:
        short, long = sorted(image.size)
        scale = min(1.0, MAX_SHORT_SIDE / short, MAX_LONG_SIDE / long)
        _as_rgb(image, scale, _orientation(image)).save(jpeg_path, "JPEG", quality=QUALITY)


def _format(path: str) -> str | None:
    """Pillow's name of the format that the bytes begin with, or `unsupported <name>` or `sequence`."""
    with open(path, "rb") as file:
        head = file.read(64)
    for signature, name in SIGNATURES.items():
        if head.startswith(signature):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in BMP_HEADERS:
        return "BMP"
    for signature, name in UNSUPPORTED.items():
        if head.startswith(signature):
            return f"unsupported {name}"
    return _format_of_family(head) if head[4:8] == b"ftyp" else None


def _format_of_family(head: bytes) -> str | None:
    # MP4's family: the brand says whether it is a film, a picture, or a series of pictures.
    brand, brands = head[8:12], head[8:min(len(head), int.from_bytes(head[:4], "big"))]
    if brand == b"crx ":
        return "unsupported camera raw"
    if brand in SEQUENCE_BRANDS:
        return "sequence"
    return "AVIF" if brand == b"mif1" and b"avif" in brands else HEIF_BRANDS.get(brand)


def _opened(path: str) -> Image.Image:
    """The picture, not yet decoded. Raises Unusable when that would be too much, or would show a part of it only."""
    form = _format(path) or ""
    if form == "sequence":
        raise Unusable("photo_animated")
    if form.startswith("unsupported "):
        raise Unusable("photo_unsupported", kind=form.removeprefix("unsupported "))
    if os.path.getsize(path) > MAX_BYTES:
        raise Unusable("photo_too_large")
    if form == "HEIF":
        import pillow_heif  # a phone's photos only

        pillow_heif.register_heif_opener(thumbnails=False)
    Image.MAX_IMAGE_PIXELS = None  # the limit below says more than a warning
    image = Image.open(path, formats=(form,))
    if image.width * image.height > MAX_PIXELS:
        raise Unusable("photo_too_many_pixels", width=image.width, height=image.height)
    # A HEIC may hold more pictures beside its first, and a JPEG its depth; nothing moves in them.
    if form not in ("HEIF", "JPEG") and getattr(image, "is_animated", False):
        raise Unusable("photo_animated")
    return image


def _orientation(image: Image.Image) -> int:
    """EXIF's orientation; 1, upright, when it is missing, means nothing or can't be read."""
    with suppress(OSError, SyntaxError, ValueError, LookupError, TypeError, struct.error):
        found = image.getexif().get(ORIENTATION, 1)
        return found if found in UPRIGHT else 1
    return 1


def _as_rgb(image: Image.Image, scale: float, orientation: int) -> Image.Image:
    """Decoded whole, scaled, on white, in sRGB, upright; a picture without anything that was written beside it."""
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    image.draft(None, (size[0] * 2, size[1] * 2))  # a JPEG is decoded no larger than needed
    try:
        image.load()
    except OSError as error:
        raise Unusable("photo_truncated" if "truncated" in str(error) else "photo_broken") from None
    profile = image.info.get("icc_profile")
    plain = _in_eight_bits(image)
    if plain.size != size:
        plain = plain.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    plain = _in_srgb(_on_white(plain), profile)
    return plain.transpose(UPRIGHT[orientation]) if orientation in UPRIGHT else plain


def _in_eight_bits(image: Image.Image) -> Image.Image:
    """L, LA, RGB, RGBA or CMYK."""
    if image.mode.startswith("I") or image.mode == "F":
        # Only 16-bit greys come as these: all but the darkest of them would turn white.
        return image.convert("I").point(lambda value: value * (1 / 257)).convert("L")
    if image.has_transparency_data:
        return image if image.mode in ("LA", "RGBA") else image.convert("RGBA")
    return image if image.mode in ("L", "RGB", "CMYK") else image.convert("L" if image.mode == "1" else "RGB")


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode not in ("LA", "RGBA"):
        return image
    white = Image.new("L" if image.mode == "LA" else "RGB", image.size, "white")
    white.paste(image.convert(white.mode), mask=image.getchannel("A"))
    return white


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if profile:
        # A profile that can't be read, or is of another kind of picture, is as good as none.
        with suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            if converted is not None:
                image = converted
    rgb = image.convert("RGB")
    rgb.info.clear()
    return rgb
