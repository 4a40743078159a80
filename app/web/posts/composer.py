"""What the composer shows: accounts, the chosen video or photos, and TikTok's panel for the chosen account."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.errors import DomainError
from app.domain.media_rules import MediaKind, duration_problem
from app.domain.post_rules import (
    CAPTION_MAX_UNITS,
    CONSENT_TEXT,
    MUSIC_URL,
    PHOTO_DESCRIPTION_MAX_UNITS,
    PHOTO_TITLE_MAX_UNITS,
    PHOTOS_MAX,
    CreatorInfo,
)
from app.models import MediaFile
from app.queries.accounts import AccountRow, list_accounts
from app.queries.posts import media_of
from app.services import posts
from app.services.accounts import load_account
from app.web.access import member
from app.web.media import ChosenMedia, chosen
from app.web.posts.forms import AUDIENCE_LABELS, ComposerForm
from app.wiring import wiring


@dataclass(frozen=True, slots=True)
class Panel:
    """TikTok's part of the form: the creator as TikTok sees them now, or why there is none."""

    form: ComposerForm
    account: AccountRow | None
    creator: CreatorInfo | None
    problem: str | None
    too_long: str | None
    kind: MediaKind | None = None
    """What the post shows; none while nothing is chosen."""
    consent_text: str = CONSENT_TEXT
    music_url: str = MUSIC_URL

    @property
    def audience_label(self) -> str:
        return AUDIENCE_LABELS[self.kind or MediaKind.VIDEO]


@dataclass(frozen=True, slots=True)
class Composer:
    """The whole page."""

    form: ComposerForm
    accounts: tuple[AccountRow, ...]
    videos: tuple[ChosenMedia, ...]
    photos: tuple[ChosenMedia, ...]
    panel: Panel
    upload_max_bytes: int
    caption_max: int = CAPTION_MAX_UNITS
    description_max: int = PHOTO_DESCRIPTION_MAX_UNITS
    title_max: int = PHOTO_TITLE_MAX_UNITS
    photos_max: int = PHOTOS_MAX

    @property
    def text_max(self) -> int:
        return self.description_max if self.panel.kind is MediaKind.PHOTO else self.caption_max


def load_composer(form: ComposerForm) -> Composer:
    """Everything for the form as it stands; a sole account is chosen already."""
    accounts = tuple(a for a in list_accounts(member().workspace_id) if a.connection != "disconnected")
    usable = [a for a in accounts if a.may_publish]
    if form.account_id.data is None and len(usable) == 1:
        form.account_id.data = usable[0].account_id
    files = media_of(member().workspace_id, form.media_ids)
    form.media_file_id.data = [file.id for file in files]
    shown = [chosen(file) for file in files]
    videos, photos = (tuple(each for each in shown if each.media.kind is kind) for kind in (MediaKind.VIDEO, MediaKind.PHOTO))
    return Composer(form, accounts, videos, photos, load_panel(form, accounts, files), wiring().settings.upload_max_bytes)


def load_panel(form: ComposerForm, accounts: tuple[AccountRow, ...] | None = None, files: list[MediaFile] | None = None) -> Panel:
    """Asks TikTok for the creator's settings each time it is shown, as TikTok demands."""
    known = list_accounts(member().workspace_id) if accounts is None else accounts
    media = media_of(member().workspace_id, form.media_ids) if files is None else files
    kind = media[0].kind if media else None
    duration = media[0].duration_seconds if media else None  # read before the connection is given back
    account = next((a for a in known if a.account_id == form.account_id.data), None)
    if account is None:
        return Panel(form, None, None, None, None, kind)
    try:
        creator = posts.creator_info(load_account(member().workspace_id, account.account_id), wiring().accounts)
    except DomainError as error:
        return Panel(form, account, None, error.message, None, kind)
    form.offer(creator)
    too_long = duration_problem(duration or 0, creator.max_video_seconds, creator.nickname)
    return Panel(form, account, creator, None, too_long.message if too_long else None, kind)
