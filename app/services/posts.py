"""Posts: written, scheduled, moved, canceled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from app.domain.errors import DomainError, ErrorKind, Problem, raise_if, refuse
from app.domain.lifecycle import CANCELABLE, TargetState
from app.domain.media_rules import MediaKind
from app.domain.post_rules import (
    CONSENT_TEXT,
    CreatorInfo,
    PostMode,
    TargetChoices,
    caption_problems,
    choice_problems,
    cover_moment_problems,
    media_set_problems,
    schedule_problems,
    title_problems,
)
from app.domain.preflight import next_due
from app.domain.retry import decide
from app.models import MediaFile, Post, PostPhoto, PostTarget, TikTokAccount, db
from app.services.accounts import AccountPorts, load_account, posting_problem, with_token
from app.services.history import record_event
from app.services.media import check_live, load_media, post_problems
from app.services.ports import TikTokError
from app.services.publishing import move
from app.services.transactions import let_go, writing


@dataclass(frozen=True, slots=True)
class NewPost:
    """What the composer sends. `creation_key` is made with the form: the same key twice makes one post.

    `media_file_ids` are one video, or photos in their order; `cover` is the place of the photo that stands for all,
    `cover_timestamp_ms` the moment of the video that does; without one it is the first frame.
    `consented_at` is when the person agreed to TikTok's terms, if that was before the post is made.
    """

    account_id: int
    media_file_ids: tuple[int, ...]
    caption: str
    scheduled_at: datetime
    choices: TargetChoices
    creation_key: str
    title: str = ""
    cover: int = 0
    cover_timestamp_ms: int | None = None
    consented_at: datetime | None = None


def schedule_post(new: NewPost, *, workspace_id: int, actor_id: int, ports: AccountPorts, creator: CreatorInfo | None = None) -> int:
    """Make a post with one target and schedule it; returns the post's id.

    Everything is checked against the creator's settings as TikTok tells them now, or has told them a moment ago (`creator`).
    Raises DomainError with all problems that could be found, each with its field.
    """
    if existing := _post_of_key(workspace_id, new.creation_key):
        return existing
    account = load_account(workspace_id, new.account_id)
    media = [load_media(workspace_id, media_file_id) for media_file_id in new.media_file_ids]
    raise_if(_media_problems(media))
    kind, duration, account_id = media[0].kind, media[0].duration_seconds, account.id
    problems = _content_problems(new, kind, duration, ports.utcnow())
    if new.choices.mode is PostMode.INBOX:
        raise_if([*problems, *account_problems(account, new.choices.mode)])
    else:
        try:
            creator = creator or creator_info(account, ports)
        except DomainError as error:
            raise DomainError([*problems, *error.problems], error.kind) from error
        raise_if([*problems, *choice_problems(new.choices, creator, kind, duration)])
    try:
        return _insert(new, kind, account_id, workspace_id, actor_id, ports.utcnow())
    except IntegrityError:
        # The same form arrived twice at once; the other one was first.
        if existing := _post_of_key(workspace_id, new.creation_key):
            return existing
        raise


def check_post(new: NewPost, media: Sequence[MediaFile], creator: CreatorInfo | None, now: datetime) -> list[Problem]:
    """What `schedule_post` would refuse, the account's own state apart; without `creator`, as far as it can be told without TikTok."""
    if problems := _media_problems(media):
        return problems
    kind, duration = media[0].kind, media[0].duration_seconds
    problems = _content_problems(new, kind, duration, now)
    if creator is not None and new.choices.mode is PostMode.DIRECT:
        problems += choice_problems(new.choices, creator, kind, duration)
    return problems


def _media_problems(media: Sequence[MediaFile]) -> list[Problem]:
    return [*media_set_problems([m.kind for m in media]), *(problem for m in media for problem in post_problems(m))]


def _content_problems(new: NewPost, kind: MediaKind, duration: float | None, now: datetime) -> list[Problem]:
    return [*title_problems(new.title, kind), *caption_problems(new.caption, kind), *_cover_problems(new),
            *cover_moment_problems(new.cover_timestamp_ms, kind, duration), *schedule_problems(new.scheduled_at, now)]


def creator_info(account: TikTokAccount, ports: AccountPorts) -> CreatorInfo:
    """What TikTok allows this creator now; must be asked each time a form for a post is shown or sent.

    Raises DomainError with field `account_id`: not connected, not permitted, or TikTok can't be asked.
    """
    if problems := account_problems(account, PostMode.DIRECT):
        raise DomainError(problems, ErrorKind.CONFLICT)
    account_id = account.id
    let_go()
    try:
        return with_token(account_id, ports.tiktok.creator_info, ports)
    except TikTokError as error:
        raise DomainError(Problem(f"creator_info_{error.code}", decide(error.code, 1).text, "account_id"),
                          ErrorKind.UNAVAILABLE) from error


def account_problems(account: TikTokAccount, mode: PostMode) -> tuple[Problem, ...]:
    """Why nothing can be posted to this account in this way: not connected, or not permitted."""
    problem = posting_problem(account.nickname, account.connection, account.scopes, mode)
    return (problem,) if problem else ()


def _cover_problems(new: NewPost) -> Iterator[Problem]:
    if not 0 <= new.cover < len(new.media_file_ids):
        yield Problem("cover_not_found", "The cover must be one of the photos.", "cover")


def cancel_target(*, workspace_id: int, target_id: int, actor_id: int, now: datetime) -> None:
    """Take a target off the schedule for good. Raises DomainError `target_started` once publishing has begun."""
    target = load_target(workspace_id, target_id)
    state, post_id, account_id = target.state, target.post_id, target.account_id
    with writing() as session:
        if state not in CANCELABLE or not move(session, target_id, state, TargetState.CANCELED, due_at=None):
            raise _started()
        record_event(session, "target.canceled", workspace_id=workspace_id, at=now, actor_id=actor_id,
                     post_id=post_id, account_id=account_id)


def load_target(workspace_id: int, target_id: int) -> PostTarget:
    """The target, if it is this workspace's. Raises DomainError `target_not_found`."""
    target = db.session.scalar(sa.select(PostTarget).where(
        PostTarget.id == target_id, PostTarget.workspace_id == workspace_id))
    if target is None:
        raise refuse("target_not_found", "This post does not exist any more.", kind=ErrorKind.NOT_FOUND)
    return target


def _insert(new: NewPost, kind: MediaKind, account_id: int, workspace_id: int, actor_id: int, now: datetime) -> int:
    with writing() as session:
        check_live(session, workspace_id, new.media_file_ids)
        post = Post(workspace_id=workspace_id, media_file_id=new.media_file_ids[new.cover], title=new.title, caption=new.caption,
                    cover_timestamp_ms=new.cover_timestamp_ms, creation_key=new.creation_key, created_by_id=actor_id, created_at=now)
        session.add(post)
        session.flush()
        if kind is MediaKind.PHOTO:
            session.add_all(PostPhoto(post_id=post.id, position=n, media_file_id=m) for n, m in enumerate(new.media_file_ids))
        choices = new.choices
        session.add(PostTarget(
            workspace_id=workspace_id, post_id=post.id, account_id=account_id, state=TargetState.SCHEDULED,
            scheduled_at=new.scheduled_at, due_at=next_due(new.scheduled_at, now), mode=choices.mode, privacy_level=choices.privacy_level,
            allow_comment=choices.allow_comment, allow_duet=choices.allow_duet, allow_stitch=choices.allow_stitch,
            auto_add_music=choices.auto_add_music,
            consent_text=CONSENT_TEXT, consent_at=new.consented_at or now, consent_by_id=actor_id,
        ))
        record_event(session, "post.scheduled", workspace_id=workspace_id, at=now, actor_id=actor_id, post_id=post.id,
                     account_id=account_id, scheduled_at=new.scheduled_at.isoformat())
        post_id = post.id
    return post_id


def _post_of_key(workspace_id: int, creation_key: str) -> int | None:
    return db.session.scalar(sa.select(Post.id).where(Post.workspace_id == workspace_id, Post.creation_key == creation_key))


def _started() -> DomainError:
    return refuse("target_started", "Publishing has begun or is over, so this can't be changed any more.",
                  kind=ErrorKind.CONFLICT)
