"""The sandbox as people see it: home, profiles, posts that play, pictures."""

from __future__ import annotations

import io
import time
import zlib
from datetime import UTC, datetime
from functools import lru_cache

from flask import Blueprint, Flask, Response, abort, render_template, request, send_file
from PIL import Image, ImageDraw, ImageFont

from app.sandbox.creators import privacy_options
from app.sandbox.drafts import drafts_of
from app.sandbox.lifecycle import settle_all
from app.sandbox.media import cover_frame
from app.sandbox.records import Creator, Post
from app.sandbox.signed_urls import refuse_expired
from app.sandbox.world import World, get_world

pages = Blueprint("pages", __name__)

_PRIVACY_WORDS = {
    "PUBLIC_TO_EVERYONE": "Everyone", "MUTUAL_FOLLOW_FRIENDS": "Friends", "FOLLOWER_OF_CREATOR": "Followers",
    "SELF_ONLY": "Only me",
}
_OPTION_WORDS = {
    "disable_comment": "Comments off", "disable_duet": "Duet off", "disable_stitch": "Stitch off",
    "brand_organic_toggle": "Promotional content", "brand_content_toggle": "Paid partnership",
    "is_aigc": "Creator labeled as AI-generated", "auto_add_music": "Music added",
}


def register_filters(app: Flask) -> None:
    """Words for values that the templates show."""
    app.add_template_filter(lambda at: datetime.fromtimestamp(at, UTC).strftime("%d %b %Y, %H:%M:%S UTC"), "moment")
    app.add_template_filter(lambda level: _PRIVACY_WORDS.get(level, level), "privacy")
    app.add_template_filter(option_words, "option_words")
    app.add_template_filter(file_size)


def file_size(size: int) -> str:
    return f"{size / 1_000_000:,.1f} MB" if size >= 1_000_000 else f"{size / 1_000:,.1f} kB"


def option_words(options: dict[str, object]) -> list[str]:
    return [word for name, word in _OPTION_WORDS.items() if options.get(name) is True]


@pages.get("/")
def home() -> str:
    world = get_world()
    settle_all(world)
    counts = {creator.id: len(world.posts_of(creator.id)) for creator in world.creators}
    return render_template("home.html", creators=list(world.creators), counts=counts)


@pages.get("/@<username>")
def profile(username: str) -> str:
    """Everybody sees the public posts; `?view=owner` shows the creator's own view with drafts and private posts."""
    world, creator = get_world(), creator_or_404(username)
    settle_all(world)
    as_owner = request.args.get("view") == "owner"
    posts = [post for post in world.posts_of(creator.id) if as_owner or post.is_public(world.now())]
    return render_template("profile.html", creator=creator, posts=posts, as_owner=as_owner, now=world.now(),
                           drafts=drafts_of(world, creator.id) if as_owner else [],
                           levels=privacy_options(creator), has_grant=world.grants.get(creator.id) is not None)


@pages.get("/@<username>/<any(video, photo):kind>/<int:post_id>")
def post_page(username: str, kind: str, post_id: int) -> str:
    world, creator = get_world(), creator_or_404(username)
    settle_all(world)
    post = world.posts.get(str(post_id))
    as_owner = request.args.get("view") == "owner"
    if post is None or post.creator_id != creator.id or post.kind != kind or post.deleted:
        abort(404)
    if not as_owner and not post.is_public(world.now()):
        abort(404)
    return render_template("post.html", creator=creator, post=post, as_owner=as_owner, now=world.now())


@pages.get("/media/<int:post_id>/<int:index>")
def media_file(post_id: int, index: int) -> Response:
    """The uploaded bytes, untouched; Range requests work, so a browser can seek."""
    world = get_world()
    post = post_or_404(world, post_id)
    if index >= len(post.files):
        abort(404)
    kind = post.content_type if post.kind == "video" else picture_type(post.files[index])
    return send_file(world.media_dir / post.files[index], mimetype=kind, conditional=True, etag=True)


def picture_type(name: str) -> str:
    return "image/webp" if name.endswith(".webp") else "image/jpeg"


@pages.get("/cover/<int:post_id>.jpg")
def cover(post_id: int) -> Response:
    world = get_world()
    refuse_expired(world)
    post = post_or_404(world, post_id)
    if post.kind == "photo":
        chosen = int(str(post.options.get("photo_cover_index", 0)))
        return send_file(world.media_dir / post.files[chosen], mimetype=picture_type(post.files[chosen]))
    path = world.media_dir / f"{post_id}.cover.jpg"
    if not path.exists():
        at_ms = int(str(post.options.get("video_cover_timestamp_ms", 0)))
        path.write_bytes(cover_frame(world.media_dir / post.files[0], at_ms))
    return send_file(path, mimetype="image/jpeg")


@pages.get("/avatar/<creator_id>/<int:size>.png")
def avatar(creator_id: str, size: int) -> Response:
    """Initials on a colour of the account's own, drawn here."""
    world = get_world()
    refuse_expired(world)
    creator = world.creators.get(creator_id)
    if creator is None or not 16 <= size <= 1080:
        abort(404)
    response = Response(draw_avatar(creator.id, initials(creator), size), content_type="image/png")
    response.headers["Cache-Control"] = "public, max-age=600"
    return response


def initials(creator: Creator) -> str:
    words = [word for word in creator.nickname.split() if word[0].isalnum()] or [creator.username]
    return "".join(word[0] for word in words[:2]).upper()


@lru_cache(maxsize=256)
def draw_avatar(seed: str, letters: str, size: int) -> bytes:
    hue = zlib.crc32(seed.encode()) % 360
    top, bottom = f"hsl({hue}, 58%, 58%)", f"hsl({(hue + 40) % 360}, 62%, 38%)"
    mask = Image.linear_gradient("L").resize((size, size))
    image = Image.composite(Image.new("RGB", (size, size), bottom), Image.new("RGB", (size, size), top), mask)
    ImageDraw.Draw(image).text((size / 2, size / 2), letters, fill="white", anchor="mm",
                               font=ImageFont.load_default(size * 0.38))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pages.get("/healthz")
def health() -> dict[str, object]:
    return {"status": "ok", "now": get_world().now(), "time": time.time()}


@pages.app_errorhandler(404)
def not_found(error: Exception) -> tuple[str, int]:
    return render_template("not_found.html"), 404


def creator_or_404(username: str) -> Creator:
    creator = get_world().creator(username)
    if creator is None:
        abort(404)
    return creator


def post_or_404(world: World, post_id: int) -> Post:
    post = world.posts.get(str(post_id))
    if post is None or post.deleted:
        abort(404)
    return post
