"""What is no media, what names other files, and what unfolds to more than a machine has."""

from __future__ import annotations

import io
import random
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PIL import Image

from tests.infra.corpus.photos import _chunk, saved
from tests.infra.corpus.sample import Sample, film, song

NOT_MEDIA, NO_VIDEO, TOO_MANY = "video_not_media", "video_no_video", "photo_too_many_pixels"


def _of(content: bytes | str) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content.encode() if isinstance(content, str) else content)


def _zip() -> bytes:
    """Zeros, packed into a thousandth."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("film.mp4", bytes(5_000_000))
    return archive.getvalue()


NOTHING = (
    Sample("no-bytes.mp4", _of(b""), refused=NOT_MEDIA),
    Sample("one-byte.mp4", _of(b"\x00"), refused=NOT_MEDIA),
    Sample("zeros.mp4", _of(bytes(300_000)), refused=NOT_MEDIA),
    Sample("random.mp4", _of(random.Random(1).randbytes(300_000)), refused=NOT_MEDIA),
    Sample("text.mp4", _of("I am a video, believe me.\n" * 400), refused=NOT_MEDIA),
    Sample("text-that-begins-like-a-bitmap.bmp", _of("BMW drivers of the world, unite!\n" * 40), refused=NOT_MEDIA),
    Sample("page.mp4", _of("<!doctype html><title>Not found</title>" * 40), refused=NOT_MEDIA),
    Sample("drawing.svg", _of('<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'), refused=NOT_MEDIA),
    Sample("paper.pdf", _of(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n" * 20), refused=NOT_MEDIA),
    Sample("archive.mp4", lambda path: path.write_bytes(_zip()), refused=NOT_MEDIA),
    Sample("script.sh", _of("#!/bin/sh\nexit 0\n"), refused=NOT_MEDIA),
    Sample("program.mp4", lambda path: path.write_bytes(Path(sys.executable).resolve().read_bytes()[:200_000]), refused=NOT_MEDIA),
    Sample("bare.h264", partial(film, container="h264"), refused=NOT_MEDIA),
    Sample("bare.ivf", partial(film, codec="libsvtav1"), refused=NOT_MEDIA),
)

LISTS = (
    Sample("list.m3u8", _of("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1.0,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n"),
           refused=NOT_MEDIA),
    Sample("list-of-files.m3u8", _of("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1.0,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"),
           refused=NOT_MEDIA),
    Sample("list.ffconcat", _of("ffconcat version 1.0\nfile '/etc/passwd'\n"), refused=NOT_MEDIA),
    Sample("stream.sdp", _of("v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n"
                             "a=rtpmap:96 H264/90000\n"), refused=NOT_MEDIA),
    Sample("list.mpd", _of('<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period/></MPD>'), refused=NOT_MEDIA),
    Sample("metadata.txt", _of(";FFMETADATA1\ntitle=x\n"), refused=NOT_MEDIA),
)

NAMES = (
    *(Sample(name, partial(film, container="mp4"), {"container": "mp4"}, (), ("video_low_resolution",))
      for name in ("-i.mp4", "a b “ü” ☕ %d.mp4", "concat:a|b.mp4", "film.m3u8")),
)


def covered(path: Path) -> None:
    """A song with a picture of its cover, which FFmpeg calls a video."""
    song(path, "libmp3lame")
    cover = io.BytesIO()
    Image.new("RGB", (400, 400), (200, 100, 50)).save(cover, "JPEG")
    content = b"\x00image/jpeg\x00\x03\x00" + cover.getvalue()
    frame = b"APIC" + struct.pack(">IH", len(content), 0) + content
    size = bytes((len(frame) >> shift) & 0x7F for shift in (21, 14, 7, 0))
    path.write_bytes(b"ID3\x03\x00\x00" + size + frame + path.read_bytes())


SOUNDS = (
    *(Sample(name, partial(song, codec=codec), refused=NO_VIDEO) for name, codec in (
        ("sound.wav", "pcm_s16le"), ("song.mp3", "libmp3lame"), ("song.m4a", "aac"), ("song.mp4", "aac"), ("song.flac", "flac"),
        ("song.ogg", "libopus"))),
    Sample("covered.mp3", covered, refused=NO_VIDEO),
)


def png_of(path: Path, width: int, height: int, *chunks: bytes) -> None:
    """A PNG that promises this size and holds a few of its zeros."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + b"".join(chunks) + _chunk(b"IDAT", zlib.compress(bytes(10_000_000)))
                     + _chunk(b"IEND", b""))


def patched(path: Path, form: str, where: bytes, offset: int, content: bytes) -> None:
    """A small picture whose header says another size."""
    saved(path, form, "P" if form == "GIF" else "RGB")
    found = bytearray(path.read_bytes())
    start = found.index(where) + offset
    found[start:start + len(content)] = content
    path.write_bytes(found)


def whole_bomb(path: Path) -> None:
    """Just too many pixels, all of them there, in a hundredth of their size."""
    Image.new("1", (10_001, 10_000)).save(path, "PNG")


def _huge_film(path: Path) -> None:
    """A film whose frames say that they have 16,000 pixels a side."""
    film(path, "mjpeg", pixels="yuvj420p", frames=2)
    content = path.read_bytes().replace(b"\xff\xc0\x00\x11\x08" + struct.pack(">HH", 640, 360),
                                        b"\xff\xc0\x00\x11\x08" + struct.pack(">HH", 16_000, 16_000))
    start = content.index(b"strf") + 12
    path.write_bytes(content[:start] + struct.pack("<ii", 16_000, 16_000) + content[start + 8:])


BOMBS = (
    Sample("bomb-50000.png", partial(png_of, width=50_000, height=50_000), refused=TOO_MANY),
    Sample("bomb-2147483647.png", partial(png_of, width=2**31 - 1, height=2**31 - 1), refused=TOO_MANY),
    Sample("bomb-whole.png", whole_bomb, refused=TOO_MANY),
    Sample("bomb-of-words.png", lambda path: png_of(path, 100, 100, _chunk(b"zTXt", b"a\x00\x00" + zlib.compress(bytes(5_000_000)))),
           refused="photo_broken"),
    Sample("bomb.gif", partial(patched, form="GIF", where=b"GIF8", offset=6, content=struct.pack("<HH", 65_000, 65_000)), refused=TOO_MANY),
    Sample("bomb.jpg", partial(patched, form="JPEG", where=b"\xff\xc0", offset=5, content=struct.pack(">HH", 65_000, 65_000)),
           refused=TOO_MANY),
    Sample("bomb.bmp", partial(patched, form="BMP", where=b"BM", offset=18, content=struct.pack("<ii", 60_000, 60_000)), refused=TOO_MANY),
    Sample("bomb.heic", partial(patched, form="HEIF", where=b"ispe", offset=8, content=struct.pack(">II", 30_000, 30_000)),
           refused=TOO_MANY),
    Sample("bomb.avi", _huge_film, refused="video_too_many_pixels"),
    Sample("picture-that-is-a-script.gif", _of("GIF89a=1;alert(document.domain)//" + " " * 400), refused="photo_broken"),
)

HOSTILE = (*NOTHING, *LISTS, *NAMES, *SOUNDS, *BOMBS)
