"""Photo posts (section 6): only by URL, 1 to 35 pictures, straight to the profile or into the inbox."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from app.sandbox import checks, ids
from app.sandbox.errors import BAD_MODE, BAD_POST_INFO, BAD_SOURCE, INVALID, ApiError
from app.sandbox.gateway import Call, api, json_body
from app.sandbox.posting import get_puller, json_body_or_empty, part
from app.sandbox.records import PROCESSING_DOWNLOAD, Publish

photos = Blueprint("photos", __name__)

MAX_PICTURES = 35
_DRAFT_VERSION = (31, 8)


@api(photos, "/v2/post/publish/content/init/", "content_init")
def content_init(call: Call) -> dict[str, Any]:
    body = json_body_or_empty()
    info, source = part(body, "post_info"), part(body, "source_info")
    direct = body.get("post_mode") != "MEDIA_UPLOAD"
    urls = source.get("photo_images")

    def check_body() -> None:
        json_body()
        check_photo_body(call, body)

    steps: dict[str, checks.Step] = {
        "body": check_body,
        "ownership": lambda: checks.check_ownership(call, urls if isinstance(urls, list) else []),
    }
    if direct:
        steps |= {"caps": lambda: checks.check_direct_caps(call), "privacy": lambda: checks.check_privacy(call, info),
                  "unaudited": lambda: checks.check_unaudited(call, info)}
    else:
        steps["caps"] = lambda: check_draft(call)
    checks.judge(call, "video.publish" if direct else "video.upload", steps)
    return accept(call, body, direct=direct)


def check_photo_body(call: Call, body: dict[str, Any]) -> None:
    if body.get("media_type") != "PHOTO" or body.get("post_mode") not in ("DIRECT_POST", "MEDIA_UPLOAD"):
        raise ApiError(INVALID, BAD_MODE)
    info = checks.object_at(body, "post_info", BAD_POST_INFO)
    checks.check_text(info, "title", 90)
    checks.check_text(info, "description", 4_000)
    checks.check_flags(info)
    checks.check_flags(body)
    source = checks.object_at(body, "source_info", BAD_SOURCE)
    urls = source.get("photo_images")
    if source.get("source") != "PULL_FROM_URL" or not isinstance(urls, list) or not 1 <= len(urls) <= MAX_PICTURES:
        raise ApiError(INVALID, BAD_SOURCE)
    if not all(isinstance(url, str) and url for url in urls):
        raise ApiError(INVALID, BAD_SOURCE)
    if not 0 <= checks.int_at(source, "photo_cover_index") < len(urls):
        raise ApiError(INVALID, BAD_SOURCE)


def check_draft(call: Call) -> None:
    """MEDIA_UPLOAD needs the creator's TikTok app at 31.8 or newer."""
    checks.check_inbox_caps(call)
    numbers = tuple(int(part) for part in call.user.app_version.split(".") if part.isdecimal())
    if numbers < _DRAFT_VERSION:
        raise ApiError("app_version_check_failed")


def accept(call: Call, body: dict[str, Any], *, direct: bool) -> dict[str, Any]:
    info, source = body["post_info"], body["source_info"]
    if not direct:  # only the texts are carried into the editor
        info = {name: info[name] for name in ("title", "description") if name in info}
    prefix = "p_inbox_url" if call.switches.inbox_photo_prefix and not direct else "p_pub_url"
    publish = call.world.add_publish(Publish(
        publish_id=f"{prefix}~v2.{ids.snowflake(call.now)}", creator_id=call.user.id, kind="photo", direct=direct,
        source="PULL_FROM_URL", status=PROCESSING_DOWNLOAD, created_at=call.now, urls=list(source["photo_images"]),
        post_info={**info, **aigc_of(call, body), "photo_cover_index": source["photo_cover_index"]},
    ))
    call.publish_id = publish.publish_id
    get_puller().submit(publish)
    return {"publish_id": publish.publish_id}


def aigc_of(call: Call, body: dict[str, Any]) -> dict[str, bool]:
    """Which of two places takes effect is UNCONFIRMED; the other one is ignored."""
    where = call.switches.photo_aigc_in
    top, inner = body.get("is_aigc") is True, body["post_info"].get("is_aigc") is True
    return {"is_aigc": {"top": top, "post_info": inner, "either": top or inner}[where]}
