"""The few figures that stand around every page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from app.domain.lifecycle import TargetState
from app.models import Connection, PostTarget, TikTokAccount, db

TROUBLE = (TargetState.FAILED, TargetState.MISSED, TargetState.UNCONFIRMED)
TROUBLE_DAYS = 7


@dataclass(frozen=True, slots=True)
class Overview:
    """Counts for the navigation, and the next post to go."""

    posts_in_trouble: int
    accounts_in_trouble: int
    next_post_at: datetime | None


def load_overview(workspace_id: int, now: datetime) -> Overview:
    """One statement."""
    targets = sa.select(PostTarget.id).where(PostTarget.workspace_id == workspace_id)
    row = db.session.execute(sa.select(
        sa.select(sa.func.count()).select_from(targets.where(
            sa.or_(PostTarget.state.in_(TROUBLE), PostTarget.finding_code.is_not(None)),
            PostTarget.scheduled_at > now - timedelta(days=TROUBLE_DAYS)).subquery()).scalar_subquery(),
        sa.select(sa.func.count()).select_from(TikTokAccount).where(
            TikTokAccount.workspace_id == workspace_id, TikTokAccount.connection == Connection.NEEDS_RECONNECT).scalar_subquery(),
        sa.select(sa.func.min(PostTarget.scheduled_at)).where(
            # Without a beginning it would walk through all that was ever published to find the first that waits.
            PostTarget.scheduled_at > now - timedelta(days=TROUBLE_DAYS),
            PostTarget.workspace_id == workspace_id, PostTarget.state == TargetState.SCHEDULED).scalar_subquery(),
    )).one()
    return Overview(*row)
