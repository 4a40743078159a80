"""Following a post after its bytes are in: processing, published, its id, or the reason why not."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.domain.lifecycle import TargetState, is_legal
from app.domain.post_rules import PrivacyLevel
from app.domain.retry import FOLLOW_FOR, PROCESSING_PATIENCE, Action, decide, next_poll
from app.models import Step
from app.services.accounts import with_token
from app.services.history import record_event
from app.services.ports import PublishStatus
from app.services.publishing.attempts import attempt
from app.services.publishing.ports import PublishingPorts
from app.services.publishing.targets import Work, keep, released, shift
from app.services.transactions import writing

log = logging.getLogger(__name__)

S = TargetState
ASK_SLOWLY = timedelta(hours=1)
DOUBT_TEXT = "It may be live: look at the creator's profile before anything else. Oncue will not send it again by itself."
UNCONFIRMED_TEXT = ("TikTok has had the video for hours without saying what became of it. Look at the creator's profile; "
                    "Oncue keeps asking and will not send it again.")


def follow(work: Work, ports: PublishingPorts) -> None:
    """Ask TikTok where a sent post stands and write the answer down. Raises TikTokError, LeaseLost."""
    assert work.publish_id is not None
    publish_id = work.publish_id
    answer = attempt(work, Step.STATUS, lambda: with_token(
        work.account_id, lambda token: ports.tiktok.fetch_status(token, publish_id), ports.accounts), ports)
    _apply(work, answer, ports)


def take_over_from_upload(work: Work, answer: PublishStatus, ports: PublishingPorts) -> None:
    """The upload turned out to be over, though its last answer never came: go on from what TikTok says."""
    if answer.status == "FAILED":
        _apply(work, answer, ports)
        return
    now = ports.utcnow()
    with writing() as session:
        shift(session, work, S.PROCESSING, **released(
            due_at=now, sent_at=now, upload_url_sealed=None, uploaded_bytes=work.size_bytes, failed_tries=0, polls=0,
            problem_code=None, problem_text=None))


def _apply(work: Work, answer: PublishStatus, ports: PublishingPorts) -> None:
    if answer.status == "FAILED":
        _apply_failure(work, answer, ports)
    elif answer.status == "PUBLISH_COMPLETE":
        _apply_published(work, answer, ports)
    else:
        _ask_again(work, ports)


def _apply_published(work: Work, answer: PublishStatus, ports: PublishingPorts) -> None:
    now = ports.utcnow()
    published_at = work.published_at or now
    values = released(
        due_at=_next_look(work, answer, published_at, now), polls=work.polls + 1, failed_tries=0,
        published_at=published_at, problem_code=None, problem_text=None, **_post_id_columns(work, answer, ports),
    )
    with writing() as session:
        if work.state is S.PUBLISHED:
            keep(session, work, **values)
        else:
            shift(session, work, S.PUBLISHED, **values)
            record_event(session, "target.published", workspace_id=work.workspace_id, at=now, post_id=work.post_id,
                         account_id=work.account_id)
    log.info("published", extra={"target_id": work.target_id, "publish_id": work.publish_id, "post_ids": len(answer.post_ids)})


def _next_look(work: Work, answer: PublishStatus, published_at: datetime, now: datetime) -> datetime | None:
    """When to ask for the post id again; None once it is known, will never come, or has been waited for long enough."""
    waited = now - published_at
    if answer.post_ids or work.privacy_level is not PrivacyLevel.PUBLIC or waited > FOLLOW_FOR:
        return None
    polls = 0 if work.published_at is None else work.polls
    return now + next_poll(polls, waited)


def _post_id_columns(work: Work, answer: PublishStatus, ports: PublishingPorts) -> dict[str, str | None]:
    if not answer.post_ids:
        return {}
    post_id = answer.post_ids[0]
    return {"tiktok_post_id": post_id, "permalink": ports.tiktok.permalink(work.username, post_id) if work.username else None}


def _apply_failure(work: Work, answer: PublishStatus, ports: PublishingPorts) -> None:
    reason = answer.fail_reason or "failed_without_reason"
    decision = decide(reason, work.failed_tries + 1)
    if decision.action is not Action.RESTART or (not is_legal(work.state, S.PUBLISHING) and work.state is not S.PUBLISHING):
        fail(work, reason, decision.text, ports)
        return
    # TikTok has said that there is no post, which alone permits to send it again.
    values = released(due_at=ports.utcnow() + decision.delay, failed_tries=work.failed_tries + 1, publish_id=None,
                      upload_url_sealed=None, uploaded_bytes=0, sent_at=None, problem_code=reason, problem_text=decision.text)
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
    log.warning("target failed", extra={"target_id": work.target_id, "code": code})


def doubt(work: Work, code: str, text: str, ports: PublishingPorts) -> None:
    """TikTok may have the post, but its word can't be had: never send it again, keep asking for a day, and say so."""
    now = ports.utcnow()
    asks_on = now - (work.sent_at or now) < FOLLOW_FOR
    values = released(due_at=now + ASK_SLOWLY if asks_on else None, failed_tries=0, problem_code=code, problem_text=f"{text} {DOUBT_TEXT}")
    with writing() as session:
        if work.state is S.PUBLISHED:
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
    with writing() as session:
        if work.state is S.PROCESSING and waited > PROCESSING_PATIENCE:
            _unconfirm(session, work, values | {"problem_code": "unconfirmed", "problem_text": UNCONFIRMED_TEXT}, now)
        else:
            keep(session, work, **values)


def _unconfirm(session: Session, work: Work, values: dict[str, Any], now: datetime) -> None:
    shift(session, work, S.UNCONFIRMED, **values)
    record_event(session, "target.unconfirmed", workspace_id=work.workspace_id, at=now, post_id=work.post_id,
                 account_id=work.account_id)

