"""Photos: TikTok fetches them from an address of ours that belongs to one try and ends with it.

TikTok has no idempotency key, and once it has fetched the photos it posts them by itself. So the address is the fence: a try
whose answer was lost is over when its address is taken back before anybody fetched from it, and may then be repeated. Once
fetched, nobody but TikTok knows the outcome: the target is `unconfirmed`, and is never sent again by itself.
"""

from __future__ import annotations

import logging
import secrets
from datetime import timedelta

import sqlalchemy as sa

from app.domain.lifecycle import TargetState
from app.domain.media_rules import PHOTO_TYPES
from app.domain.retry import Action, decide, next_poll
from app.models import MediaFile, PostPhoto, PostTarget, Step, db
from app.services.accounts import with_token
from app.services.ports import InitReceipt, PhotoInit, TikTokError
from app.services.publishing import reconcile, status
from app.services.publishing.attempts import attempt
from app.services.publishing.ports import PublishingPorts
from app.services.publishing.targets import LeaseLost, Work, keep, released, shift
from app.services.transactions import let_go, writing

log = logging.getLogger(__name__)

ADDRESS_LIFE = timedelta(hours=2)
"""TikTok gives up fetching after one hour."""
LOST = "TikTok has fetched the photos, but its answer was lost."
NO_ADDRESS = {"pull_token": None, "pull_until": None, "pulled_at": None}


def send(work: Work, ports: PublishingPorts) -> None:
    """Have TikTok fetch the photos; when it has accepted, the target is processing.

    Raises NotYet while the word on another post is awaited, TikTokError when TikTok refused, LeaseLost when the target was
    taken over meanwhile.
    """
    reconcile.wait_for_word(work, ports.utcnow())
    token = secrets.token_hex(16)
    if not _change_address(work, pull_token=token, pull_until=ports.utcnow() + ADDRESS_LIFE):
        doubt(work, ports)
        return
    try:
        receipt = _init(work, token, ports)
    except TikTokError as error:
        _after_error(work, error, ports)
        return
    now = ports.utcnow()
    with writing() as session:
        shift(session, work, TargetState.PROCESSING, **released(
            due_at=now + next_poll(0, timedelta(0)), publish_id=receipt.publish_id, sent_at=now, failed_tries=0, polls=0,
            problem_code=None, problem_text=None))
    log.info("photos accepted", extra={"publish_id": receipt.publish_id})


def doubt(work: Work, ports: PublishingPorts) -> None:
    """A try's answer was lost and the photos were fetched: TikTok may have made a post of them."""
    status.doubt(work, "outcome_unknown", LOST, ports)


def fetched_photo(token: str, position: int, ports: PublishingPorts, *, is_look: bool = False) -> tuple[str, str, int] | None:
    """Storage key, content type and size of a photo that TikTok fetches; None when the address has ended.

    That it was fetched is committed before the first byte is handed out. Who only looks gets none, and is not noted.
    """
    now = ports.utcnow()
    is_open = (PostTarget.pull_token == token, PostTarget.pull_until > now)
    if is_look:
        post_id = db.session.scalar(sa.select(PostTarget.post_id).where(*is_open))
    else:
        with writing() as session:
            post_id = session.scalar(sa.update(PostTarget).where(*is_open)
                                     .values(pulled_at=sa.func.coalesce(PostTarget.pulled_at, now)).returning(PostTarget.post_id)
                                     .execution_options(synchronize_session=False))
    photo = None if post_id is None else db.session.execute(
        sa.select(MediaFile.storage_key, MediaFile.container, MediaFile.size_bytes)
        .join(PostPhoto, PostPhoto.media_file_id == MediaFile.id)
        .where(PostPhoto.post_id == post_id, PostPhoto.position == position)).one_or_none()
    let_go()
    return (photo.storage_key, PHOTO_TYPES[photo.container], photo.size_bytes) if photo else None


def _init(work: Work, token: str, ports: PublishingPorts) -> InitReceipt:
    urls = tuple(ports.photo_url(token, position, photo.container) for position, photo in enumerate(work.photos))
    cover = next(n for n, photo in enumerate(work.photos) if photo.media_file_id == work.lead.media_file_id)
    request = PhotoInit(work.mode, work.title, work.caption, work.privacy_level, work.allow_comment, work.auto_add_music, urls, cover)
    return attempt(work, Step.INIT, lambda: with_token(
        work.account_id, lambda access_token: ports.tiktok.init_photos(access_token, request), ports.accounts), ports)


def _after_error(work: Work, error: TikTokError, ports: PublishingPorts) -> None:
    if not error.may_have_arrived:
        # TikTok's own no: whatever it looked at, it has made nothing of it.
        with writing() as session:
            keep(session, work, **NO_ADDRESS)
        raise error
    decision = decide(error.code, work.failed_tries + 1)
    log.warning("answer lost", extra={"code": error.code, "log_id": error.log_id})
    if decision.action is Action.WAIT:
        # Not back to scheduled, where people may edit: if TikTok fetches meanwhile, it was sent.
        with writing() as session:
            keep(session, work, **released(due_at=ports.utcnow() + decision.delay, failed_tries=work.failed_tries + 1,
                                           problem_code=error.code, problem_text=decision.text))
    elif _change_address(work, **NO_ADDRESS):
        status.fail(work, error.code, decision.text, ports)
    else:
        doubt(work, ports)


def _change_address(work: Work, **columns: object) -> bool:
    """End the address of the try before, if there was one, unless somebody has fetched from it. Raises LeaseLost."""
    with writing() as session:
        mine = (PostTarget.id == work.target_id, PostTarget.lease_token == work.lease_token)
        changed = session.execute(sa.update(PostTarget).where(*mine, PostTarget.pulled_at.is_(None)).values(**columns))
        if changed.rowcount:  # type: ignore[attr-defined]  # a CursorResult, typed as Result
            work.settle(session)
            return True
        if session.scalar(sa.select(PostTarget.id).where(*mine)) is None:
            raise LeaseLost
        work.settle(session)
    return False
