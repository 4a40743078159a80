"""A person's word on a post whose outcome nobody else knows: it is live, or it is not and shall be published again."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.domain.errors import DomainError, ErrorKind, refuse
from app.domain.lifecycle import TargetState
from app.models import PostTarget
from app.services.history import record_event
from app.services.publishing.targets import FORGOTTEN, move, released
from app.services.transactions import writing

LINK = re.compile(r"https?://[^\s/]+/@[\w.]+/(?:video|photo)/(\d{6,24})(?:[/?#]\S*)?")
"""What TikTok's "Copy link" gives: /@name/video/number, with whatever follows."""


def confirm_live(*, workspace_id: int, target_id: int, link: str, actor_id: int, now: datetime) -> None:
    """It is live: published, with the link if one is given.

    Raises DomainError `link_invalid` with field `link`, `target_decided` when it is not in doubt any more.
    """
    link = link.strip()
    match = LINK.fullmatch(link)
    if link and not match:
        raise refuse("link_invalid", "That is not a link to a TikTok post. Copy it from the post: it looks like "
                     "https://www.tiktok.com/@name/video/7601234567890123456.", "link")
    values = {"permalink": link.split("?")[0], "tiktok_post_id": match[1]} if match else {}
    with writing() as session:
        target = _load(session, workspace_id, target_id)
        _decide(session, target, TargetState.PUBLISHED, **released(
            due_at=None, published_at=now, problem_code=None, problem_text=None, upload_url_sealed=None, **values))
        record_event(session, "target.confirmed", workspace_id=workspace_id, at=now, actor_id=actor_id, post_id=target.post_id,
                     account_id=target.account_id, link=link)


def publish_again(*, workspace_id: int, target_id: int, actor_id: int, now: datetime) -> None:
    """It is not live: forget what was begun at TikTok, and publish it anew at once.

    The only way on which Oncue sends a post a second time without TikTok's own FAILED, and only a person can take it.
    Raises DomainError `target_decided` when it is not in doubt any more.
    """
    with writing() as session:
        target = _load(session, workspace_id, target_id)
        _decide(session, target, TargetState.FAILED, **released(
            due_at=None, problem_code="not_live", problem_text="Somebody looked: it is not live."))
        move(session, target_id, TargetState.FAILED, TargetState.SCHEDULED, scheduled_at=now, due_at=now, failed_tries=0, polls=0,
             problem_code=None, problem_text=None, **FORGOTTEN)
        record_event(session, "target.published_again", workspace_id=workspace_id, at=now, actor_id=actor_id,
                     post_id=target.post_id, account_id=target.account_id)


def _load(session: Session, workspace_id: int, target_id: int) -> PostTarget:
    target = session.get(PostTarget, target_id)
    if target is None or target.workspace_id != workspace_id:
        raise refuse("target_not_found", "This post does not exist any more.", kind=ErrorKind.NOT_FOUND)
    return target


def _decide(session: Session, target: PostTarget, following: TargetState, **values: Any) -> None:
    if target.state is not TargetState.UNCONFIRMED or not move(session, target.id, TargetState.UNCONFIRMED, following, **values):
        raise _decided()


def _decided() -> DomainError:
    return refuse("target_decided", "TikTok has said meanwhile what became of this post.", kind=ErrorKind.CONFLICT)
