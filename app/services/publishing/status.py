"""Following a post after its bytes are in: processing, published, its id, or the reason why not."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.domain.lifecycle import TargetState, is_legal
from app.domain.media_rules import MediaKind
from app.domain.post_rules import PostMode, PrivacyLevel
from app.domain.retry import FOLLOW_FOR, PROCESSING_PATIENCE, Action, decide, next_inbox_look, next_poll
from app.models import Step
from app.services.accounts import with_token
from app.services.history import record_event
from app.services.ports import ListedVideo, PublishStatus, TikTokError
from app.services.publishing import reconcile
from app.services.publishing.attempts import attempt
from app.services.publishing.ports import PublishingPorts
from app.services.publishing.targets import FORGOTTEN, NotYet, Work, keep, released, shift
from app.services.transactions import writing

log = logging.getLogger(__name__)

S = TargetState
ASK_SLOWLY = timedelta(hours=1)
LINK_PATIENCE = timedelta(minutes=30)
"""How long the post id is awaited before TikTok's list of posts is searched for it."""
DOUBT_TEXT = "It may be live: look at the creator's profile before anything else. Oncue will not send it again by itself."
UNCONFIRMED_TEXT = ("TikTok has had the post for hours without saying what became of it. Look at the creator's profile; "
                    "Oncue keeps asking and will not send it again.")


def follow(work: Work, ports: PublishingPorts) -> None:
    """Ask TikTok where a sent post stands and write the answer down. Raises TikTokError, LeaseLost."""
    publish_id = work.publish_id or reconcile.find_publish_id(work)
    if publish_id is None:
        _look_for_it(work, ports)
        return
    try:
        answer = attempt(work, Step.STATUS, lambda: with_token(
            work.account_id, lambda token: ports.tiktok.fetch_status(token, publish_id), ports.accounts), ports)
    except TikTokError:
        if work.state is not S.UNCONFIRMED or (found := reconcile.find_listed(work, ports)) is None:
            raise
        _apply_published(work, _listed_columns(found), ports)
    else:
        _apply(work, answer, ports)


def take_over_from_upload(work: Work, answer: PublishStatus, ports: PublishingPorts) -> None:
    """The upload turned out to be over, though its last answer never came: go on from what TikTok says."""
    if answer.status == "FAILED":
        _apply(work, answer, ports)
        return
    now = ports.utcnow()
    with writing() as session:
        shift(session, work, S.PROCESSING, **released(
            due_at=now, sent_at=now, upload_url_sealed=None, uploaded_bytes=work.lead.size_bytes, failed_tries=0, polls=0,
            problem_code=None, problem_text=None))


def _apply(work: Work, answer: PublishStatus, ports: PublishingPorts) -> None:
    if answer.status == "FAILED":
        _apply_failure(work, answer, ports)
    elif answer.status == "PUBLISH_COMPLETE":
        post_id = answer.post_ids[0] if answer.post_ids else None
        _apply_published(work, _link_columns(work, post_id, ports) if post_id else _look_for_link(work, ports), ports)
    elif answer.status == "SEND_TO_USER_INBOX":
        _apply_delivered(work, ports)
    elif work.state is S.UNCONFIRMED:
        _look_for_it(work, ports)
    else:
        _ask_again(work, ports)


def _apply_published(work: Work, link: dict[str, str | None], ports: PublishingPorts) -> None:
    now = ports.utcnow()
    published_at = work.published_at or now
    values = released(
        due_at=None if link else _next_look(work, published_at, now), polls=work.polls + 1, failed_tries=0,
        published_at=published_at, problem_code=None, problem_text=None, upload_url_sealed=None, **link,
    )
    with writing() as session:
        if work.state is S.PUBLISHED:
            keep(session, work, **values)
        else:
            shift(session, work, S.PUBLISHED, **values)
            record_event(session, "target.published", workspace_id=work.workspace_id, at=now, post_id=work.post_id,
                         account_id=work.account_id)
    log.info("published", extra={"publish_id": work.publish_id, "has_link": bool(link)})


def _apply_delivered(work: Work, ports: PublishingPorts) -> None:
    """The draft waits in the creator's TikTok app, and is no post before the creator makes it one."""
    now = ports.utcnow()
    sent_at = work.sent_at or now
    pause = next_inbox_look(now - sent_at)
    values = released(due_at=now + pause if pause else None, polls=work.polls + 1, failed_tries=0, sent_at=sent_at,
                      problem_code=None, problem_text=None)
    with writing() as session:
        if work.state is S.IN_INBOX:
            keep(session, work, **values)
            return
        shift(session, work, S.IN_INBOX, **values)
        record_event(session, "target.delivered", workspace_id=work.workspace_id, at=now, post_id=work.post_id, account_id=work.account_id)
    log.info("draft delivered", extra={"publish_id": work.publish_id})


def _look_for_it(work: Work, ports: PublishingPorts) -> None:
    """Nobody tells what became of it: look into TikTok's list of the creator's posts."""
    if found := reconcile.find_listed(work, ports):
        _apply_published(work, _listed_columns(found), ports)
    else:
        _ask_again(work, ports)


def _look_for_link(work: Work, ports: PublishingPorts) -> dict[str, str | None]:
    """The link of a live post whose id TikTok keeps back for long, from its list; a failed look is not worth a word."""
    if work.published_at is None or ports.utcnow() - work.published_at < LINK_PATIENCE:
        return {}
    try:
        found = reconcile.find_listed(work, ports)
    except (TikTokError, NotYet):
        return {}
    return _listed_columns(found) if found else {}


def _next_look(work: Work, published_at: datetime, now: datetime) -> datetime | None:
    """When to ask for the post id again; None when it will never come, or has been waited for long enough."""
    waited = now - published_at
    may_be_public = work.mode is PostMode.INBOX or work.privacy_level is PrivacyLevel.PUBLIC
    if not may_be_public or waited > FOLLOW_FOR:
        return None
    polls = 0 if work.published_at is None else work.polls
    return now + next_poll(polls, waited)


def _link_columns(work: Work, post_id: str, ports: PublishingPorts) -> dict[str, str | None]:
    link = ports.tiktok.permalink(work.username, post_id, is_photo=work.kind is MediaKind.PHOTO)
    return {"tiktok_post_id": post_id, "permalink": link if work.username else None}


def _listed_columns(found: ListedVideo) -> dict[str, str | None]:
    return {"tiktok_post_id": found.post_id, "permalink": found.share_url.split("?")[0] or None}


def _apply_failure(work: Work, answer: PublishStatus, ports: PublishingPorts) -> None:
    reason = answer.fail_reason or "failed_without_reason"
    decision = decide(reason, work.failed_tries + 1)
    if decision.action is not Action.RESTART or (not is_legal(work.state, S.PUBLISHING) and work.state is not S.PUBLISHING):
        fail(work, reason, decision.text, ports)
        return
    # TikTok has said that there is no post, which alone permits to send it again.
    values = released(due_at=ports.utcnow() + decision.delay, failed_tries=work.failed_tries + 1,
                      problem_code=reason, problem_text=decision.text) | FORGOTTEN
    with writing() as session:
        if work.state is S.PUBLISHING:
            keep(session, work, **values)
        else:
            shift(session, work, S.PUBLISHING, **values)


def fail(work: Work, code: str, text: str, ports: PublishingPorts) -> None:
    """The end without a post, with its reason; a post that is live already only stops being asked about."""
    now = ports.utcnow()
    with writing() as session:
        if work.state is S.PUBLISHED:
            keep(session, work, **released(due_at=None))
            return
        shift(session, work, S.FAILED, **released(due_at=None, problem_code=code, problem_text=text, upload_url_sealed=None))
        record_event(session, "target.failed", workspace_id=work.workspace_id, at=now, post_id=work.post_id,
                     account_id=work.account_id, code=code, text=text)
    log.warning("target failed", extra={"code": code})


def doubt(work: Work, code: str, text: str, ports: PublishingPorts) -> None:
    """TikTok may have the post, but its word can't be had: never send it again, keep asking for a day, and say so."""
    now = ports.utcnow()
    asks_on = now - (work.sent_at or now) < FOLLOW_FOR
    # Without a publish id a webhook or the list of posts tells soon, or nobody ever does.
    pause = ASK_SLOWLY if work.publish_id else next_poll(0, timedelta(0))
    values = released(due_at=now + pause if asks_on else None, failed_tries=0, polls=0, problem_code=code,
                      problem_text=f"{text} {DOUBT_TEXT}")
    with writing() as session:
        if work.state in (S.PUBLISHED, S.IN_INBOX):
            keep(session, work, **released(due_at=None))
        elif work.state is S.UNCONFIRMED:
            keep(session, work, **values)
        else:
            _unconfirm(session, work, values | {"sent_at": work.sent_at or now}, now)


def _ask_again(work: Work, ports: PublishingPorts) -> None:
    assert work.sent_at is not None
    now = ports.utcnow()
    waited = now - work.sent_at
    values = released(due_at=now + next_poll(work.polls + 1, waited), polls=work.polls + 1, failed_tries=0)
    if work.state is S.UNCONFIRMED and waited > FOLLOW_FOR:
        values["due_at"] = None
    with writing() as session:
        if work.state is S.PROCESSING and waited > PROCESSING_PATIENCE:
            _unconfirm(session, work, values | {"problem_code": "unconfirmed", "problem_text": UNCONFIRMED_TEXT}, now)
        else:
            keep(session, work, **values)


def _unconfirm(session: Session, work: Work, values: dict[str, Any], now: datetime) -> None:
    shift(session, work, S.UNCONFIRMED, **values)
    record_event(session, "target.unconfirmed", workspace_id=work.workspace_id, at=now, post_id=work.post_id,
                 account_id=work.account_id)

