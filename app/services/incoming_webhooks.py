"""What TikTok tells by itself: kept once, and a reason to ask, never the truth about a post.

TikTok promises neither order nor single delivery. So no target changes its state by a webhook's words: it becomes due,
and the engine asks TikTok how it stands now. Source of the events: TikTok's webhook events and status pages.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.domain.lifecycle import TargetState
from app.models import IncomingWebhook, PostTarget, TikTokAccount
from app.services.accounts import end_authorization
from app.services.ports import Webhook
from app.services.transactions import writing

log = logging.getLogger(__name__)

REMOVED = "authorization.removed"
ABOUT_A_POST = frozenset({
    "post.publish.complete", "post.publish.failed", "post.publish.inbox_delivered", "post.publish.publicly_available",
    "post.publish.no_longer_publicaly_available",  # misspelt by TikTok, and the one before it is not
})
WAITS_FOR_TIKTOK = (TargetState.PROCESSING, TargetState.UNCONFIRMED, TargetState.IN_INBOX)


@dataclass(frozen=True, slots=True)
class Removal:
    """What a reason of `authorization.removed` means."""

    text: str
    is_final: bool = False
    """The account is gone, changed or banned: its tokens are of no more use to anybody."""


REMOVALS = {
    "0": Removal("TikTok ended the permission without saying why"),
    "1": Removal("The creator removed Oncue in TikTok"),
    "2": Removal("TikTok says that this account was deleted", is_final=True),
    "3": Removal("TikTok says that the age of this account's creator was changed", is_final=True),
    "4": Removal("TikTok says that this account was banned", is_final=True),
    "5": Removal("The permission was withdrawn through this Oncue's TikTok app"),
}


def receive_webhook(webhook: Webhook, now: datetime) -> bool:
    """Keep a webhook and do what follows from it, both or neither; False for one known already, which does nothing."""
    with writing() as session:
        is_new = _keep(session, webhook, now)
        if is_new and webhook.event in ABOUT_A_POST:
            _ask_now(session, webhook, now)
        elif is_new and webhook.event == REMOVED and webhook.open_id:
            removal = REMOVALS.get(str(webhook.content.get("reason")), REMOVALS["0"])
            end_authorization(session, webhook.open_id, ended_at=webhook.happened_at, reason=removal.text,
                              is_final=removal.is_final, now=now)
    log.info("webhook received", extra={"event": webhook.event, "publish_id": webhook.publish_id, "is_new": is_new})
    return is_new


def _keep(session: Session, webhook: Webhook, now: datetime) -> bool:
    try:
        with session.begin_nested():
            session.add(IncomingWebhook(
                idempotency_key=_idempotency_key(webhook), event=webhook.event, open_id=webhook.open_id,
                publish_id=webhook.publish_id, content=webhook.content, happened_at=webhook.happened_at, received_at=now,
            ))
    except IntegrityError:
        return False
    return True


def _idempotency_key(webhook: Webhook) -> str:
    parts = (webhook.event, webhook.open_id, webhook.publish_id, webhook.post_id, int(webhook.happened_at.timestamp()))
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _ask_now(session: Session, webhook: Webhook, now: datetime) -> None:
    """Make the target due, if the engine would ask about it later or no more; a worker that asks already may finish."""
    if not webhook.publish_id or not webhook.open_id:
        return
    of_creator = sa.select(TikTokAccount.id).where(TikTokAccount.open_id == webhook.open_id)
    is_open = sa.or_(PostTarget.state.in_(WAITS_FOR_TIKTOK),
                     sa.and_(PostTarget.state == TargetState.PUBLISHED, PostTarget.permalink.is_(None)))
    session.execute(sa.update(PostTarget).where(
        PostTarget.publish_id == webhook.publish_id, PostTarget.account_id.in_(of_creator), is_open,
        sa.or_(PostTarget.due_at.is_(None), PostTarget.due_at > now),
    ).values(due_at=now).execution_options(synchronize_session=False))
