"""What TikTok's servers send us. The path must not contain the word "tiktok", nor may any that is registered with it."""

from __future__ import annotations

import logging

from flask import Blueprint, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import RequestEntityTooLarge

from app import clock
from app.services.incoming_webhooks import receive_webhook
from app.services.ports import WebhookRefused
from app.web.security import csrf
from app.wiring import wiring

log = logging.getLogger(__name__)

blueprint = Blueprint("hooks", __name__, url_prefix="/hooks")
csrf.exempt(blueprint)  # the signature says who sent it; there is no session

SIGNATURE = "TikTok-Signature"
BODY_MAX = 64 * 1024
STATUS = {"body_malformed": 400, "client_key_unknown": 403}
"""By code; all others are about the signature."""


@blueprint.post("/events")
def events() -> tuple[dict[str, str], int]:
    """A webhook: 200 once it is kept, known or not. What could not be kept is 503, and TikTok delivers it again."""
    request.max_content_length = BODY_MAX
    now = clock.utcnow()
    try:
        receive_webhook(wiring().webhooks.read(request.headers.get(SIGNATURE), request.get_data(), now), now)
    except RequestEntityTooLarge:
        return {"error": "body_too_large"}, 413
    except WebhookRefused as refusal:
        log.warning("webhook refused", extra={"code": refusal.code})
        return {"error": refusal.code}, STATUS.get(refusal.code, 401)
    except SQLAlchemyError:
        log.exception("webhook not kept")
        return {"error": "not_kept"}, 503
    return {"status": "received"}, 200
