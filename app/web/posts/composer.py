"""What the composer shows: accounts, the chosen video, and TikTok's panel for the chosen account."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.errors import DomainError
from app.domain.media_rules import duration_problem, duration_text
from app.domain.post_rules import CAPTION_MAX_UNITS, CONSENT_TEXT, MUSIC_URL, CreatorInfo
from app.models import MediaFile
from app.queries.accounts import AccountRow, list_accounts
from app.services import posts
from app.services.accounts import load_account
from app.services.media import load_media
from app.web.access import member
from app.web.posts.forms import ComposerForm
from app.wiring import wiring


@dataclass(frozen=True, slots=True)
class Panel:
    """TikTok's part of the form: the creator as TikTok sees them now, or why there is none."""

    form: ComposerForm
    account: AccountRow | None
    creator: CreatorInfo | None
    problem: str | None
    too_long: str | None
    consent_text: str = CONSENT_TEXT
    music_url: str = MUSIC_URL


@dataclass(frozen=True, slots=True)
class Composer:
    """The whole page."""

    form: ComposerForm
    accounts: tuple[AccountRow, ...]
    media: MediaFile | None
    duration: str
    panel: Panel
    upload_max_bytes: int
    caption_max: int = CAPTION_MAX_UNITS


def load_composer(form: ComposerForm) -> Composer:
    """Everything for the form as it stands; a sole account is chosen already."""
    accounts = tuple(a for a in list_accounts(member().workspace_id) if a.connection != "disconnected")
    usable = [a for a in accounts if a.may_publish]
    if form.account_id.data is None and len(usable) == 1:
        form.account_id.data = usable[0].account_id
    media = _media(form)
    return Composer(form, accounts, media, duration_text(media.duration_seconds or 0) if media else "", load_panel(form, accounts),
                    wiring().settings.upload_max_bytes)


def load_panel(form: ComposerForm, accounts: tuple[AccountRow, ...] | None = None) -> Panel:
    """Asks TikTok for the creator's settings each time it is shown, as TikTok demands."""
    known = list_accounts(member().workspace_id) if accounts is None else accounts
    account = next((a for a in known if a.account_id == form.account_id.data), None)
    if account is None:
        return Panel(form, None, None, None, None)
    try:
        creator = posts.creator_info(load_account(member().workspace_id, account.account_id), wiring().accounts)
    except DomainError as error:
        return Panel(form, account, None, error.message, None)
    form.offer(creator)
    media = _media(form)
    too_long = duration_problem(media.duration_seconds or 0, creator.max_video_seconds, creator.nickname) if media else None
    return Panel(form, account, creator, None, too_long.message if too_long else None)


def _media(form: ComposerForm) -> MediaFile | None:
    if form.media_file_id.data is None:
        return None
    try:
        return load_media(member().workspace_id, form.media_file_id.data)
    except DomainError:
        form.media_file_id.data = None
        return None
