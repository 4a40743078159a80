"""What the services need from outside, as Protocols, and the values that cross that border."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO, Protocol

from app.domain.errors import Problem
from app.domain.media_rules import PhotoFacts, VideoFacts
from app.domain.post_rules import CreatorInfo, PostMode, PrivacyLevel
from app.domain.upload_plan import Chunk, UploadPlan


class TikTokError(Exception):
    """A call to TikTok did not succeed.

    `code` is TikTok's own, or one of ours for what never became an answer: `unreachable` (nothing was sent),
    `timeout` and `broken` (the outcome is unknown), `unreadable` (an answer that is not TikTok's JSON),
    `upload_<status>` (the upload host answered with that HTTP status).
    """

    def __init__(self, code: str, *, http_status: int | None = None, log_id: str | None = None,
                 message: str = "", received: int | None = None) -> None:
        super().__init__(f"{code} (HTTP {http_status}, log id {log_id}): {message}")
        self.code = code
        self.http_status = http_status
        self.log_id = log_id
        self.message = message
        self.received = received
        """Bytes that the upload host says it has, where it says so."""

    @property
    def may_have_arrived(self) -> bool:
        """Whether TikTok can have done what it was asked for: the request was sent, and no answer of TikTok's own refused it."""
        return self.code in ("timeout", "broken", "unreadable") or (self.http_status or 0) >= 500


@dataclass(frozen=True, slots=True)
class TokenGrant:
    """A pair of tokens with their ends, as TikTok's token endpoint gave them."""

    open_id: str
    access_token: str
    refresh_token: str
    access_expires_at: datetime
    refresh_expires_at: datetime
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CreatorProfile:
    """Who a token belongs to; `username` needs the scope user.info.profile."""

    open_id: str
    nickname: str
    avatar_url: str
    username: str | None


@dataclass(frozen=True, slots=True)
class VideoInit:
    """Everything that a video's init can say; for the inbox TikTok takes the plan of the file alone."""

    mode: PostMode
    caption: str
    privacy_level: PrivacyLevel | None
    allow_comment: bool
    allow_duet: bool
    allow_stitch: bool
    plan: UploadPlan


@dataclass(frozen=True, slots=True)
class PhotoInit:
    """Everything that an init of photos can say; TikTok fetches them from `urls`."""

    mode: PostMode
    title: str
    description: str
    privacy_level: PrivacyLevel | None
    allow_comment: bool
    auto_add_music: bool
    urls: tuple[str, ...]
    cover_index: int


@dataclass(frozen=True, slots=True)
class InitReceipt:
    """TikTok's word that it has begun; `upload_url` is where a file goes, None when TikTok fetches the media itself."""

    publish_id: str
    upload_url: str | None
    log_id: str | None


@dataclass(frozen=True, slots=True)
class PublishStatus:
    """TikTok's word on one publish id; post ids are strings, for they exceed a double's precision."""

    status: str
    fail_reason: str | None
    post_ids: tuple[str, ...]
    uploaded_bytes: int | None
    log_id: str | None


@dataclass(frozen=True, slots=True)
class ListedVideo:
    """One public post as TikTok lists it; `description` is cut at 150 characters."""

    post_id: str
    created_at: datetime
    description: str
    share_url: str


@dataclass(frozen=True, slots=True)
class VideoList:
    """A creator's latest public posts."""

    videos: tuple[ListedVideo, ...]
    log_id: str | None


@dataclass(frozen=True, slots=True)
class Webhook:
    """One thing that TikTok tells by itself; `happened_at` is its word for when, in whole seconds."""

    event: str
    happened_at: datetime
    open_id: str | None
    publish_id: str | None
    post_id: str | None
    content: dict[str, Any]


class WebhookRefused(Exception):
    """What came is not a webhook of TikTok's for this app; `code` says why and is stable."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class FetchError(Exception):
    """A file could not be fetched from the web. `code` is stable, `text` is for people, `may_retry` says whether time may heal it.

    Codes: `url_invalid`, `url_forbidden`, `url_not_found`, `url_denied`, `url_refused`, `url_is_page`, `url_too_large`,
    `url_redirects`, `url_untrusted`; and, worth another try, `url_unreachable`, `url_unavailable`, `url_broken`, `url_too_slow`.
    """

    def __init__(self, code: str, text: str, *, may_retry: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.text = text
        self.may_retry = may_retry


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that has arrived, with the name that its address ends in."""

    name: str
    size_bytes: int


class WebFetch(Protocol):
    """Fetches public files, and nothing from inside one's own network. Both methods raise FetchError."""

    def check(self, url: str) -> None:
        """Refuse what could never be fetched (`url_invalid`, `url_forbidden`), and what can't be found now."""
        ...
    def fetch(self, url: str, write: Callable[[bytes], object], progress: Callable[[int, int | None], None]) -> Fetched:
        """Stream the file to `write`; `progress` hears what has arrived and, if known, of how much. Whatever they raise ends it."""
        ...


class TikTok(Protocol):
    """TikTok's posting API. Every method raises TikTokError."""

    def creator_info(self, access_token: str) -> CreatorInfo: ...
    def user_info(self, access_token: str, scopes: Iterable[str]) -> CreatorProfile: ...
    def fetch_avatar(self, url: str) -> bytes: ...
    def init_video(self, access_token: str, request: VideoInit) -> InitReceipt: ...
    def init_photos(self, access_token: str, request: PhotoInit) -> InitReceipt: ...
    def put_chunk(self, upload_url: str, chunk: Chunk, total: int, content_type: str, body: Iterable[bytes]) -> bool:
        """Send one chunk; True when TikTok says that it has all of the file."""
        ...
    def fetch_status(self, access_token: str, publish_id: str) -> PublishStatus: ...
    def list_videos(self, access_token: str) -> VideoList: ...
    def permalink(self, username: str, post_id: str, *, is_photo: bool) -> str: ...
    def profile_url(self, username: str) -> str: ...


class TikTokOAuth(Protocol):
    """TikTok's login. Methods that call TikTok raise TikTokError."""

    def new_verifier(self) -> str | None: ...
    def authorization_url(self, *, state: str, redirect_uri: str, verifier: str | None, ask_again: bool) -> str: ...
    def exchange(self, *, code: str, redirect_uri: str, verifier: str | None) -> TokenGrant: ...
    def refresh(self, refresh_token: str) -> TokenGrant: ...
    def revoke(self, access_token: str) -> None: ...


class Cipher(Protocol):
    """Seals secrets for the database; `open` accepts whatever any of the listed keys sealed."""

    def seal(self, text: str) -> str: ...
    def open(self, sealed: str) -> str: ...


class IncomingFile(Protocol):
    """A file on its way in, with the hash of all that was written. What becomes of it when it is closed says who gave it."""

    size_bytes: int

    @property
    def sha256(self) -> str: ...
    @property
    def local_path(self) -> str: ...
    def write(self, block: bytes) -> int: ...
    def sync(self) -> None: ...
    def close(self) -> None: ...


class Storage(Protocol):
    """Where media lives. Keys are paths with `/`, chosen by the caller."""

    def incoming(self) -> IncomingFile:
        """A new file, hashed while written, gone when closed unless it was kept."""
        ...
    def keep(self, incoming: IncomingFile, key: str) -> None: ...
    def write(self, key: str, content: bytes) -> None: ...
    def open(self, key: str) -> BinaryIO: ...
    def local(self, key: str, *, copy_up_to: int) -> AbstractContextManager[str | None]:
        """A path to these bytes on this machine while the context lasts; None when more than so many would have to be copied for it."""
        ...
    def size(self, key: str) -> int | None: ...
    def delete(self, key: str) -> None: ...


class Partials(Protocol):
    """Files that arrive in pieces, by their uploads' ids; they stay until they are discarded."""

    def hold(self, upload_id: str) -> IncomingFile:
        """The file, made if need be, open for more. Raises BlockingIOError while another holds it; a killed process holds nothing."""
        ...
    def size(self, upload_id: str) -> int: ...
    def discard(self, upload_id: str) -> None: ...
    def ids(self) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Probe:
    """What a media file is: its facts and a poster (JPEG), or the problem that makes it unusable.

    `strip` is one JPEG of ten frames of a video, side by side; None when they can't be had.
    """

    facts: VideoFacts | PhotoFacts | None
    poster: bytes | None
    problem: Problem | None
    strip: bytes | None = None


class MediaProbe(Protocol):
    def __call__(self, path: str) -> Probe: ...


class PhotoConverter(Protocol):
    def __call__(self, path: str) -> bytes:
        """A JPEG that TikTok takes, the same for the same photo. Raises DomainError."""
        ...


class FrameTaker(Protocol):
    def __call__(self, path: str, milliseconds: int) -> bytes:
        """A JPEG of the frame that a video shows at that moment. Raises DomainError."""
        ...


class PasswordHasher(Protocol):
    def hash(self, password: str) -> str: ...
    def verify(self, password_hash: str, password: str) -> bool: ...
    def needs_rehash(self, password_hash: str) -> bool: ...


class TaskQueue(Protocol):
    """The queue of jobs; everything in it may be lost at any moment."""

    def advance(self, target_ids: Sequence[int]) -> None: ...


Clock = Callable[[], datetime]
