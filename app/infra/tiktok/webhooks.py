"""Reading TikTok's webhooks: the signature first, then the envelope, whose content is JSON inside a string.

Source: TikTok's webhook overview for the envelope; `post.publish.*` is described with the status endpoint.
"""

from __future__ import annotations

import hmac
import json
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from app.infra.tiktok.webhook_signature import signature_problem
from app.log import cleaned
from app.services.ports import Webhook, WebhookRefused

LATEST = 2**33
"""The last second that is taken for one (year 2242): anything later fits no column."""
TEXT_MAX = 255


@dataclass(frozen=True, slots=True)
class WebhookReader:
    """Reads what was sent to one TikTok app."""

    client_key: str
    client_secret: str = field(repr=False)

    def read(self, signature: str | None, body: bytes, now: datetime) -> Webhook:
        """The webhook, when it is TikTok's and this app's.

        Raises WebhookRefused `signature_…`, `body_malformed` or `client_key_unknown`.
        """
        if problem := signature_problem(signature, body, client_secret=self.client_secret, now=now):
            raise WebhookRefused(problem)
        try:
            envelope = _json_object(body.decode())
            webhook = _webhook(envelope)
        except (ValueError, RecursionError) as error:
            raise WebhookRefused("body_malformed") from error
        if not hmac.compare_digest(envelope["client_key"].encode(), self.client_key.encode()):
            raise WebhookRefused("client_key_unknown")
        return webhook


def _webhook(envelope: dict[str, Any]) -> Webhook:
    event, created = envelope.get("event"), envelope.get("create_time")
    if not isinstance(event, str) or not _text(event) or not _text(envelope.get("client_key")):
        raise ValueError("event and client_key are texts")
    if type(created) is not int or not 0 <= created < LATEST:
        raise ValueError("create_time is a number of seconds")
    content = cleaned(_json_object(envelope.get("content", "{}")))
    return Webhook(
        event=event, happened_at=datetime.fromtimestamp(created, UTC), open_id=_text(envelope.get("user_openid")),
        publish_id=_text(content.get("publish_id")), post_id=_text(content.get("post_id")), content=content,
    )


def _json_object(text: object) -> dict[str, Any]:
    if not isinstance(text, str):
        raise ValueError("not a text")  # noqa: TRY004 any way of being malformed is the same to the caller
    found = json.loads(text, parse_constant=_finite, parse_float=_finite)
    if not isinstance(found, dict):
        raise ValueError("not an object")  # noqa: TRY004 as above
    return found


def _finite(text: str) -> float:
    # Python reads NaN and 1e999; no database takes them back.
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("not a number")
    return number


def _text(value: object) -> str | None:
    """A text or a number (post ids come as either) as a column takes it; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value)
    return text if 0 < len(text) <= TEXT_MAX and text.isprintable() else None
