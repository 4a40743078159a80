"""A post's page: its targets with their next steps, and one timeline of what happened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from app.domain.lifecycle import CANCELABLE, TargetState, is_legal
from app.domain.media_rules import duration_text
from app.domain.post_rules import PRIVACY_LABELS, PostMode, PrivacyLevel
from app.models import Step
from app.queries.posts import AttemptRow, EventRow, PostDetail, TargetDetail
from app.services.ports import TikTok
from app.web.cards import Card, make_card
from app.web.times import ShownTime, shown

S = TargetState

STEP_WORDS = {Step.CREATOR_INFO: "Asked what the creator allows", Step.INIT: "Announced the post to TikTok",
              Step.UPLOAD: "Sent the video", Step.STATUS: "Asked TikTok how it stands",
              Step.LIST: "Looked for it among the creator's posts"}
EVENT_WORDS = {
    "post.scheduled": "scheduled this post", "target.moved": "chose another time", "target.canceled": "canceled it",
    "target.published": "published it",
    "target.delivered": "put it into the creator's TikTok inbox", "target.failed": "could not publish it", "target.missed": "held it back",
    "target.confirmed": "saw that it is live", "target.published_again": "saw that it is not live and published it again",
    "target.unconfirmed": "is not sure what became of it", "target.warned": "found something that would keep it from going out",
}


EVENT_TONES = {"target.published": "ok", "target.delivered": "ok", "target.failed": "bad", "target.missed": "bad",
               "target.unconfirmed": "bad", "target.warned": "bad"}


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One line of the timeline; `tone` is ok, bad or plain."""

    at: ShownTime
    text: str
    detail: str
    tone: str


@dataclass(frozen=True, slots=True)
class TargetView:
    """One target with what a person can do about it."""

    detail: TargetDetail
    card: Card
    audience: str
    allowed: str
    is_draft: bool
    """It goes to the creator's inbox, where TikTok's own editor asks for audience and interactions."""
    may_get_link: bool
    profile_url: str
    published: ShownTime | None
    local: datetime
    can_move: bool
    can_cancel: bool


@dataclass(frozen=True, slots=True)
class PostPage:
    """Everything that the page shows."""

    post: PostDetail
    duration: str | None
    """Of a video; photos have none."""
    targets: tuple[TargetView, ...]
    timeline: tuple[TimelineEntry, ...]
    refresh_seconds: int | None


def make_post_page(post: PostDetail, zone: str, now: datetime, tiktok: TikTok) -> PostPage:
    """The page of a post at this moment."""
    targets = tuple(_target(t, zone, now, tiktok) for t in post.targets)
    waits = [t.card.refresh_seconds for t in targets if t.card.refresh_seconds is not None]
    duration = duration_text(post.media.duration_seconds) if post.media.duration_seconds else None
    return PostPage(post, duration, targets, _timeline(post, zone, now), min(waits, default=None))


def _target(detail: TargetDetail, zone: str, now: datetime, tiktok: TikTok) -> TargetView:
    row = detail.row
    allowed = [name for name in ("comment", "duet", "stitch") if getattr(detail, f"allow_{name}")]
    return TargetView(
        detail=detail, card=make_card(row, zone, now),
        audience=PRIVACY_LABELS[detail.privacy_level] if detail.privacy_level else "not chosen",
        is_draft=detail.mode is PostMode.INBOX,
        may_get_link=detail.mode is PostMode.INBOX or detail.privacy_level is PrivacyLevel.PUBLIC,
        allowed=", ".join(allowed).capitalize() or "Nothing",
        profile_url=tiktok.profile_url(row.username) if row.username else "",
        local=max(row.scheduled_at, now).astimezone(ZoneInfo(zone)),
        published=shown(detail.published_at, zone, now) if detail.published_at else None,
        can_move=row.state is S.SCHEDULED or (is_legal(row.state, S.SCHEDULED) and row.state is not S.PUBLISHING),
        can_cancel=row.state in CANCELABLE,
    )


def _timeline(post: PostDetail, zone: str, now: datetime) -> tuple[TimelineEntry, ...]:
    entries = [(event.at, _event_entry(event, zone, now)) for event in post.events]
    for target in post.targets:
        entries += [(a.started_at, _attempt_entry(a, zone, now)) for a in _without_repeats(target.attempts)]
    return tuple(entry for _, entry in sorted(entries, key=lambda pair: pair[0]))


def _event_entry(event: EventRow, zone: str, now: datetime) -> TimelineEntry:
    tone = EVENT_TONES.get(event.kind, "plain")
    detail = event.data.get("text", "")
    if after := event.data.get("after") or event.data.get("scheduled_at"):
        detail = f"for {shown(datetime.fromisoformat(after), zone, now).text}"
    return TimelineEntry(shown(event.at, zone, now), f"{event.actor or 'Oncue'} {EVENT_WORDS.get(event.kind, event.kind)}", detail, tone)


def _attempt_entry(attempt: AttemptRow, zone: str, now: datetime) -> TimelineEntry:
    if attempt.code is None:
        said = "under way"
    elif attempt.code == "ok":
        said = attempt.detail or "ok"
    else:
        said = f"{attempt.code}{f' (HTTP {attempt.http_status})' if attempt.http_status else ''}"
    if attempt.log_id:
        said += f" · log id {attempt.log_id}"
    tone = "plain" if attempt.code in (None, "ok") else "bad"
    return TimelineEntry(shown(attempt.started_at, zone, now), STEP_WORDS[attempt.step], said, tone)


def _without_repeats(attempts: tuple[AttemptRow, ...]) -> list[AttemptRow]:
    """Of many equal status answers in a row the last one stays: it is the news."""
    kept: list[AttemptRow] = []
    for attempt in attempts:
        same = kept and kept[-1].step is attempt.step is Step.STATUS and (kept[-1].code, kept[-1].detail) == (attempt.code, attempt.detail)
        if same:
            kept[-1] = attempt
        else:
            kept.append(attempt)
    return kept
