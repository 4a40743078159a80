"""`advance`: claim a due target and make the step that its state asks for."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.domain.errors import Problem
from app.domain.lifecycle import IN_FLIGHT, TargetState
from app.domain.media_rules import MediaKind
from app.domain.retry import MAX_TRIES, Action, decide
from app.log import log_context
from app.models import Connection, PostTarget, TikTokAccount, db
from app.services.history import record_event
from app.services.ports import TikTokError
from app.services.publishing import pull, status, upload
from app.services.publishing.last_check import find_obstacle
from app.services.publishing.ports import PublishingPorts
from app.services.publishing.preflight import check_ahead
from app.services.publishing.targets import FORGOTTEN, HandedOver, LeaseLost, NotYet, Work, claim, keep, load_work, released, shift
from app.services.transactions import let_go, writing

log = logging.getLogger(__name__)

POISON_DELAY = timedelta(minutes=1)
CERTAIN = frozenset({"media_missing"})
"""Besides the upload host's own refusals: errors after which TikTok can't have all of the file."""
SENDERS = {MediaKind.VIDEO: upload.begin, MediaKind.PHOTO: pull.send}
"""How each kind gets to TikTok."""


def advance(target_id: int, ports: PublishingPorts) -> None:
    """Make the next step of a due target, if nobody else is at it. Running it too often is harmless."""
    with log_context(target_id=target_id):
        with writing() as session:
            lease_token = claim(session, target_id, ports.utcnow())
        if lease_token is not None:
            _work_on(load_work(target_id, lease_token), ports)


def _work_on(work: Work, ports: PublishingPorts) -> None:
    try:
        _step(work, ports)
    except LeaseLost:
        log.warning("lease lost")
        with writing() as session:
            work.settle(session)
    except HandedOver:
        log.info("handed over")
        _rest(work, timedelta(0), ports)
    except Exception:
        # A bug must not spin: the target rests a minute, and the error goes to the log and the job's record.
        _rest(work, POISON_DELAY, ports)
        raise


def _step(work: Work, ports: PublishingPorts) -> None:
    try:
        if work.state is TargetState.SCHEDULED:
            check_ahead(work, ports)
        elif work.state is TargetState.PUBLISHING:
            _publish(work, ports)
        else:
            status.follow(work, ports)
    except NotYet as wait:
        _wait(work, wait.limit.code, wait.limit.text, wait.turn)
    except TikTokError as error:
        _after_error(work, error, ports)


def _publish(work: Work, ports: PublishingPorts) -> None:
    if work.publish_id is not None:
        upload.resume(work, ports)
    elif work.pulled_at is not None:
        pull.doubt(work, ports)
    elif problem := find_obstacle(work, ports):
        _hold(work, problem, ports)
    else:
        SENDERS[work.kind](work, ports)


def _hold(work: Work, problem: Problem, ports: PublishingPorts) -> None:
    now = ports.utcnow()
    with writing() as session:
        shift(session, work, TargetState.MISSED, **released(due_at=None, problem_code=problem.code, problem_text=problem.message))
        record_event(session, "target.missed", workspace_id=work.workspace_id, at=now, post_id=work.post_id,
                     account_id=work.account_id, code=problem.code, text=problem.message)
    log.warning("target held", extra={"code": problem.code})


def _after_error(work: Work, error: TikTokError, ports: PublishingPorts) -> None:
    """Write what the table of `domain.retry` says about this error."""
    decision = decide(error.code, work.failed_tries + 1)
    log.warning("step failed", extra={"code": error.code, "log_id": error.log_id, "action": decision.action.value})
    now, nothing_sent = ports.utcnow(), _nothing_sent(work)
    again = {"failed_tries": work.failed_tries + 1}
    if decision.action is Action.RECONNECT:
        _mark_reconnect(work)
    if decision.action in (Action.HOLD, Action.RECONNECT) and nothing_sent:
        _hold(work, Problem(error.code, decision.text), ports)
    elif decision.action in (Action.WAIT, Action.RESTART):
        forgotten = FORGOTTEN if decision.action is Action.RESTART and work.state is TargetState.PUBLISHING else {}
        _wait(work, error.code, decision.text, now + decision.delay, **again, **forgotten)
    elif decision.action is Action.RECONNECT and work.failed_tries < MAX_TRIES:
        # TikTok has the bytes; whether they became a post can be asked again once the creator is back.
        _wait(work, error.code, decision.text, now + decision.delay, **again)
    elif nothing_sent or error.code in CERTAIN or error.code.startswith("upload_"):
        status.fail(work, error.code, decision.text, ports)
    else:
        status.doubt(work, error.code, decision.text, ports)


def _wait(work: Work, code: str, text: str, until: datetime, **columns: Any) -> None:
    """Come back later: as scheduled, and so editable, while TikTok knows nothing of the post."""
    values = released(due_at=until, **columns)
    if work.state in IN_FLIGHT:  # what is live already, or in doubt, has its own words
        values |= {"problem_code": code, "problem_text": text}
    forgets = "publish_id" in columns
    is_unsent = work.state is TargetState.PUBLISHING and (forgets or _nothing_sent(work))
    with writing() as session:
        if is_unsent:
            shift(session, work, TargetState.SCHEDULED, **values)
        else:
            keep(session, work, **values)


def _nothing_sent(work: Work) -> bool:
    """Whether TikTok knows nothing of it yet; init may have answered within this very step."""
    if work.state is not TargetState.PUBLISHING:
        return False
    publish_id = db.session.scalar(sa.select(PostTarget.publish_id).where(PostTarget.id == work.target_id))
    let_go()
    return publish_id is None


def _mark_reconnect(work: Work) -> None:
    with writing() as session:
        session.execute(sa.update(TikTokAccount).where(
            TikTokAccount.id == work.account_id, TikTokAccount.connection == Connection.CONNECTED
        ).values(connection=Connection.NEEDS_RECONNECT))


def _rest(work: Work, pause: timedelta, ports: PublishingPorts) -> None:
    with writing() as session:
        work.settle(session)
        session.execute(sa.update(PostTarget).where(
            PostTarget.id == work.target_id, PostTarget.lease_token == work.lease_token
        ).values(**released(due_at=ports.utcnow() + pause)))
