"""TikTok's Content Posting and user API.

Sources: TikTok's references for creator info, direct post, media transfer, status and user info.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from fnmatch import fnmatch
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx

from app.domain.post_rules import CreatorInfo, PostMode, PrivacyLevel
from app.domain.upload_plan import Chunk
from app.infra.tiktok import payloads
from app.infra.tiktok.transport import timeout, translated
from app.services.ports import (
    CreatorProfile,
    InitReceipt,
    ListedVideo,
    PhotoInit,
    PublishStatus,
    TikTokError,
    VideoInit,
    VideoList,
)

VIDEO_INIT_PATHS = {PostMode.DIRECT: "/v2/post/publish/video/init/", PostMode.INBOX: "/v2/post/publish/inbox/video/init/"}
LISTED_FIELDS = "id,create_time,video_description,title,share_url"
LISTED_MAX = 20
AVATAR_MAX_BYTES = 2_000_000
T = TypeVar("T")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class TikTokClient:
    """One per process; its connections are kept open between calls. Safe to share between threads."""

    def __init__(self, *, api_url: str, web_url: str, upload_hosts: Iterable[str], timeout_seconds: float = 20,
                 upload_timeout_seconds: float = 120, transport: httpx.BaseTransport | None = None) -> None:
        self._api_url = api_url
        self._web_url = web_url
        self._upload_hosts = tuple(upload_hosts)
        # A chunk takes as long as the line needs; only silence is an error. The answer to a chunk of 128 MB
        # can take a while, because the host stores it first.
        self._upload_timeout = timeout(upload_timeout_seconds)
        # trust_env=False: a proxy variable must not see access tokens.
        self._http = httpx.Client(timeout=timeout(timeout_seconds), follow_redirects=False, transport=transport, trust_env=False)

    def close(self) -> None:
        self._http.close()

    def creator_info(self, access_token: str) -> CreatorInfo:
        """What the creator allows now. Limit: 20 a minute per token."""
        data, log_id = self._call("/v2/post/publish/creator_info/query/", access_token, json={})
        return _understood(lambda: CreatorInfo(
            username=data["creator_username"],
            nickname=data["creator_nickname"],
            avatar_url=data.get("creator_avatar_url", ""),
            privacy_options=_privacy_options(data["privacy_level_options"]),
            comment_disabled=bool(data["comment_disabled"]),
            duet_disabled=bool(data["duet_disabled"]),
            stitch_disabled=bool(data["stitch_disabled"]),
            max_video_seconds=int(data["max_video_post_duration_sec"]),
            log_id=log_id,
        ))

    def user_info(self, access_token: str, scopes: Iterable[str]) -> CreatorProfile:
        """Who the token belongs to; asks only for fields that the scopes cover."""
        fields = ["open_id", "display_name", "avatar_url"]
        if "user.info.profile" in set(scopes):
            fields.append("username")
        data, _ = self._call("/v2/user/info/", access_token, method="GET", params={"fields": ",".join(fields)})
        return _understood(lambda: CreatorProfile(
            open_id=data["user"]["open_id"],
            nickname=data["user"].get("display_name") or "TikTok account",
            avatar_url=data["user"].get("avatar_url") or "",
            username=data["user"].get("username"),
        ))

    def fetch_avatar(self, url: str) -> bytes:
        """The picture behind an avatar address, at most 2 MB."""
        content = bytearray()
        with translated(), self._http.stream("GET", url) as response:
            if response.status_code != 200:
                raise TikTokError("avatar_unavailable", http_status=response.status_code)
            for block in response.iter_bytes():
                content += block
                if len(content) > AVATAR_MAX_BYTES:
                    raise TikTokError("avatar_too_large")
        return bytes(content)

    def init_video(self, access_token: str, request: VideoInit) -> InitReceipt:
        """Announce a video file. Nothing is visible before its bytes are in. Limit: 6 a minute per token."""
        data, log_id = self._call(VIDEO_INIT_PATHS[request.mode], access_token, json=payloads.video_init(request))
        return _understood(lambda: InitReceipt(data["publish_id"], data["upload_url"], log_id))

    def init_photos(self, access_token: str, request: PhotoInit) -> InitReceipt:
        """Have TikTok fetch photos and post them: not to be repeated when its outcome is unknown. Limit: 6 a minute per token."""
        data, log_id = self._call("/v2/post/publish/content/init/", access_token, json=payloads.photo_init(request))
        return _understood(lambda: InitReceipt(data["publish_id"], None, log_id))

    def put_chunk(self, upload_url: str, chunk: Chunk, total: int, content_type: str, body: Iterable[bytes]) -> bool:
        """Send one chunk; True at the 201 that says that all of the file is there."""
        self._check_upload_url(upload_url)
        headers = {
            "Content-Type": content_type,
            "Content-Length": str(chunk.size),
            "Content-Range": f"bytes {chunk.first}-{chunk.last}/{total}",
        }
        with translated():
            response = self._http.put(upload_url, content=body, headers=headers, timeout=self._upload_timeout)
        if response.status_code in (201, 206):
            return response.status_code == 201
        raise TikTokError(
            f"upload_{response.status_code}", http_status=response.status_code,
            log_id=response.headers.get("x-tt-logid"), received=payloads.received_bytes(response.headers.get("content-range")),
        )

    def fetch_status(self, access_token: str, publish_id: str) -> PublishStatus:
        """Where a publish id stands. Limit: 30 a minute per token."""
        data, log_id = self._call("/v2/post/publish/status/fetch/", access_token, json={"publish_id": publish_id})
        return _understood(lambda: PublishStatus(
            status=data["status"],
            fail_reason=data.get("fail_reason") or None,
            # TikTok's own spelling; bare 19-digit numbers, which Python reads exactly.
            post_ids=tuple(str(i) for i in data.get("publicaly_available_post_id") or ()),
            uploaded_bytes=data.get("uploaded_bytes"),
            log_id=log_id,
        ))

    def list_videos(self, access_token: str) -> VideoList:
        """The creator's latest 20 public posts, newest first. Needs the scope video.list. Limit: 600 a minute."""
        data, log_id = self._call("/v2/video/list/", access_token, params={"fields": LISTED_FIELDS}, json={"max_count": LISTED_MAX})
        return _understood(lambda: VideoList(tuple(
            ListedVideo(str(v["id"]), datetime.fromtimestamp(int(v["create_time"]), UTC),
                        v.get("video_description") or v.get("title") or "", v.get("share_url") or "")
            for v in data["videos"]), log_id))

    def permalink(self, username: str, post_id: str, *, is_photo: bool) -> str:
        """Observed, not documented by TikTok: /@name/video/id, for photos /@name/photo/id."""
        return f"{self.profile_url(username)}/{'photo' if is_photo else 'video'}/{post_id}"

    def profile_url(self, username: str) -> str:
        return f"{self._web_url}/@{username}"

    def _call(self, path: str, access_token: str, method: str = "POST", **kwargs: Any) -> tuple[dict[str, Any], str | None]:
        headers = {"Authorization": f"Bearer {access_token}"}
        if method == "POST":
            headers["Content-Type"] = "application/json; charset=UTF-8"
        with translated():
            response = self._http.request(method, self._api_url + path, headers=headers, **kwargs)
        return _read_envelope(response)

    def _check_upload_url(self, upload_url: str) -> None:
        # The address carries a secret and our bytes; it must lead where TikTok's uploads are.
        try:
            parts = urlsplit(upload_url)
            names = (parts.hostname or "", f"{parts.hostname}:{parts.port}")
        except ValueError:
            raise TikTokError("upload_host_refused", message="not an address") from None
        secure = parts.scheme == "https" or parts.hostname in LOOPBACK
        if not secure or not any(fnmatch(name, pattern) for pattern in self._upload_hosts for name in names):
            raise TikTokError("upload_host_refused", message=f"{parts.hostname} is not in TIKTOK_UPLOAD_HOSTS")


def _read_envelope(response: httpx.Response) -> tuple[dict[str, Any], str | None]:
    """`data` and the log id of an answer; decides by error.code, whatever the HTTP status."""
    try:
        body = json.loads(response.content)
        error = body["error"]
        code, log_id = error["code"], error.get("log_id") or error.get("logid")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise TikTokError("unreadable", http_status=response.status_code,
                          log_id=response.headers.get("x-tt-logid")) from None
    if code != "ok":
        message = str(error.get("message", ""))
        # Observed, not documented: the generic code with the real one as its message, right after init above all.
        known_as = "invalid_publish_id" if message == "invalid_publish_id" else str(code)
        raise TikTokError(known_as, http_status=response.status_code, log_id=log_id, message=message)
    return body.get("data") or {}, log_id


def _understood(build: Callable[[], T]) -> T:
    try:
        return build()
    except (KeyError, TypeError, ValueError) as error:
        raise TikTokError("unreadable", http_status=200, message=f"a field is missing or odd: {error}") from error


def _privacy_options(names: Iterable[str]) -> tuple[PrivacyLevel, ...]:
    # A level that TikTok adds one day can't be offered before we know what it means.
    known = set(PrivacyLevel)
    return tuple(PrivacyLevel(name) for name in names if name in known)
