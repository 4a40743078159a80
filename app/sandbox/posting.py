"""creator_info, Direct Post of a video and the status of a publish (sections 3, 4, 9)."""

from __future__ import annotations

import secrets
from typing import Any

from flask import Blueprint, current_app

from app.sandbox import caps, checks, ids
from app.sandbox.chunks import BOUNDS, check_plan
from app.sandbox.creators import privacy_options
from app.sandbox.errors import BAD_POST_INFO, BAD_SOURCE, INVALID, ApiError
from app.sandbox.gateway import Call, api, json_body
from app.sandbox.lifecycle import fail, settle, visible_ids
from app.sandbox.pull import Puller
from app.sandbox.records import FAILED, PROCESSING_DOWNLOAD, PROCESSING_UPLOAD, Creator, Publish
from app.sandbox.signed_urls import avatar_url
from app.sandbox.world import World

posting = Blueprint("posting", __name__)

POSTING_SCOPES = ("video.upload", "video.publish")


@api(posting, "/v2/post/publish/creator_info/query/", "creator_info", scopes=("video.publish",), bucket="creator_info")
def creator_info(call: Call) -> dict[str, Any]:
    """The three “can't post now” codes come with HTTP 200, deliberately (section 3)."""
    refusal = caps.direct_refusal(call.world, call.user, call.now)
    info = describe_creator(call.world, call.user)
    if refusal:
        data = {"empty": {}, "absent": None, "filled": info}[call.switches.creator_info_cap_data]
        raise ApiError(refusal, status=200, data=data)
    return info


def describe_creator(world: World, creator: Creator) -> dict[str, Any]:
    return {
        "creator_avatar_url": avatar_url(world, creator), "creator_username": creator.username,
        "creator_nickname": creator.nickname, "privacy_level_options": privacy_options(creator),
        "comment_disabled": creator.comment_disabled, "duet_disabled": creator.private or creator.duet_disabled,
        "stitch_disabled": creator.private or creator.stitch_disabled,
        "max_video_post_duration_sec": creator.max_seconds,
    }


@api(posting, "/v2/post/publish/video/init/", "video_init")
def video_init(call: Call) -> dict[str, Any]:
    body = json_body_or_empty()
    info, source = part(body, "post_info"), part(body, "source_info")

    def check_body() -> None:
        checks.object_at(json_body(), "post_info", BAD_POST_INFO)
        checks.check_video_info(info)
        check_source(call, source)

    checks.judge(call, "video.publish", {
        "body": check_body,
        "caps": lambda: checks.check_direct_caps(call),
        "unaudited": lambda: checks.check_unaudited(call, info),
        "privacy": lambda: checks.check_privacy(call, info),
        "ownership": lambda: checks.check_ownership(call, source_urls(source)),
    })
    return accept_video(call, info, source, direct=True)


def json_body_or_empty() -> dict[str, Any]:
    """The body for steps that may run before the body's own step; that one reports what is wrong with it."""
    try:
        return json_body()
    except ApiError:
        return {}


def part(body: dict[str, Any], name: str) -> dict[str, Any]:
    found = body.get(name)
    return found if isinstance(found, dict) else {}


def source_urls(source: dict[str, Any]) -> list[str]:
    return [str(source.get("video_url", ""))] if source.get("source") == "PULL_FROM_URL" else []


def check_source(call: Call, source: dict[str, Any]) -> None:
    """`source_info` of a video (section 4.2)."""
    if source.get("source") == "FILE_UPLOAD":
        size, chunk, count = (checks.int_at(source, name) for name in ("video_size", "chunk_size", "total_chunk_count"))
        check_plan(size, chunk, count, BOUNDS[call.switches.chunk_bounds])
    elif source.get("source") == "PULL_FROM_URL":
        if not isinstance(source.get("video_url"), str) or not source["video_url"]:
            raise ApiError(INVALID, BAD_SOURCE)
    else:
        raise ApiError(INVALID, BAD_SOURCE)


def accept_video(call: Call, info: dict[str, Any], source: dict[str, Any], *, direct: bool) -> dict[str, Any]:
    """Write the publish down; from here on TikTok finishes on its own once it has the bytes."""
    if source["source"] == "PULL_FROM_URL":
        return accept_pull(call, info, source["video_url"], direct=direct)
    publish = call.world.add_publish(Publish(
        publish_id=f"v_{'pub' if direct else 'inbox'}_file~{'v2-1' if direct else 'v2'}.{ids.snowflake(call.now)}",
        creator_id=call.user.id, kind="video", direct=direct, source="FILE_UPLOAD", status=PROCESSING_UPLOAD,
        created_at=call.now, post_info=dict(info), video_size=source["video_size"], chunk_size=source["chunk_size"],
        chunk_count=source["total_chunk_count"], upload_id=str(ids.snowflake(call.now)),
        upload_token=secrets.token_hex(16), upload_expires_at=call.now + call.switches.upload_url_seconds,
    ))
    call.publish_id = publish.publish_id
    return {"publish_id": publish.publish_id, "upload_url": upload_url(call.world, publish)}


def upload_url(world: World, publish: Publish) -> str:
    """At most 256 characters (section 4.3); the token is in the URL, there is no Authorization header."""
    return f"{world.base_url()}/video/?upload_id={publish.upload_id}&upload_token={publish.upload_token}"


def accept_pull(call: Call, info: dict[str, Any], url: str, *, direct: bool) -> dict[str, Any]:
    publish = call.world.add_publish(Publish(
        publish_id=f"v_{'pub' if direct else 'inbox'}_url~v2.{ids.snowflake(call.now)}",
        creator_id=call.user.id, kind="video", direct=direct, source="PULL_FROM_URL", status=PROCESSING_DOWNLOAD,
        created_at=call.now, post_info=dict(info), urls=[url],
    ))
    call.publish_id = publish.publish_id
    get_puller().submit(publish)
    return {"publish_id": publish.publish_id}


def get_puller() -> Puller:
    found: Puller = current_app.extensions["sandbox_puller"]
    return found


@api(posting, "/v2/post/publish/inbox/video/init/", "inbox_init")
def inbox_init(call: Call) -> dict[str, Any]:
    """A draft (section 5): the body has only `source_info`; a `post_info` is neither refused nor used."""
    source = part(json_body_or_empty(), "source_info")

    def check_body() -> None:
        json_body()
        check_source(call, source)

    checks.judge(call, "video.upload", {
        "body": check_body,
        "caps": lambda: checks.check_inbox_caps(call),
        "ownership": lambda: checks.check_ownership(call, source_urls(source)),
    })
    return accept_video(call, {}, source, direct=False)


@api(posting, "/v2/post/publish/cancel/", "cancel", scopes=POSTING_SCOPES)
def cancel(call: Call) -> None:
    """Section 7.2: for slow downloads; an answer without `data`. Whether uploads can be cancelled is UNCONFIRMED."""
    publish = find_publish(call)
    settle(call.world, publish)
    with call.world.lock:
        allowed = publish.source == "PULL_FROM_URL" or call.switches.cancel_uploads
        if not publish.is_processing or not allowed:
            raise ApiError("publish_not_cancellable")
        fail(call.world, publish, "publish_cancelled", call.now)


@api(posting, "/v2/post/publish/status/fetch/", "status", scopes=POSTING_SCOPES, bucket="status")
def status_fetch(call: Call) -> dict[str, Any]:
    """HTTP 200 and code `ok` even when the publish FAILED (section 9)."""
    publish = find_publish(call)
    settle(call.world, publish)
    data: dict[str, Any] = {"status": publish.status, "publicaly_available_post_id": visible_ids(call.world, publish)}
    if publish.status == FAILED:
        data["fail_reason"] = publish.fail_reason
    counted = publish.received
    if call.switches.uploaded_bytes_as == "last_index" and counted:
        counted -= 1
    data["uploaded_bytes" if publish.source == "FILE_UPLOAD" else "downloaded_bytes"] = counted
    return data


def find_publish(call: Call) -> Publish:
    """The publish that the body names, if this creator made it and it is not too old."""
    publish_id = json_body().get("publish_id")
    if not isinstance(publish_id, str) or not publish_id:
        raise ApiError(INVALID, "The publish_id is empty or incorrect")
    publish = call.world.publishes.get(publish_id)
    kept = call.switches.publish_id_seconds
    if publish is None or (kept and call.now > publish.created_at + kept):
        unknown = call.switches.unknown_publish_code
        raise ApiError(INVALID if unknown == "invalid_params" else unknown, "invalid_publish_id")
    call.publish_id = publish_id
    if publish.creator_id != call.user.id:
        raise ApiError("token_not_authorized_for_specified_publish_id")
    return publish
