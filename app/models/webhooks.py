"""What TikTok has told the app."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, intpk, short


class IncomingWebhook(Base):
    """One webhook, once, however often it was delivered; written when it arrives and never touched after that.

    It belongs to no workspace: one TikTok app serves them all. Neither its signature nor a secret is kept.
    """

    __tablename__ = "incoming_webhooks"

    id: Mapped[intpk]
    idempotency_key: Mapped[str] = mapped_column(sa.String(64), unique=True)
    event: Mapped[short]
    open_id: Mapped[short | None]
    publish_id: Mapped[short | None]
    content: Mapped[dict[str, Any]]
    happened_at: Mapped[datetime]
    received_at: Mapped[datetime]
