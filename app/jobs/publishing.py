"""The beat and the steps that it sets off."""

from __future__ import annotations

from datetime import timedelta

from app import clock
from app.models import db
from app.queries.due import due_imports, due_targets
from app.services import accounts
from app.services.arriving import sweep_partials
from app.services.ports import TikTokError
from app.services.presigned import sweep_bucket
from app.services.publishing import advance
from app.services.uploads import expire_uploads
from app.wiring import wiring

GATE = timedelta(milliseconds=500)


def beat() -> None:
    """Enqueue a step for every target and every import that is due. Cheap, idempotent, and idle when a younger beat has just run."""
    tasks = wiring().tasks
    if not tasks.pass_gate(GATE):
        return
    now = clock.utcnow()
    urgent, others = due_targets(now, to_publish=True), due_targets(now, to_publish=False)
    imports = due_imports(now)
    db.session.rollback()
    tasks.advance(urgent)
    tasks.advance(others, is_urgent=False)
    tasks.advance_imports(imports)
    tasks.record_beat(now)


def advance_target(target_id: int) -> None:
    """Make the next step of one target."""
    try:
        advance(target_id, wiring().publishing)
    finally:
        wiring().tasks.advanced(target_id)


def refresh_tokens() -> None:
    """Renew every token that ends soon, so that no post has to wait for it."""
    ports = wiring().accounts
    for account_id in accounts.accounts_to_refresh(clock.utcnow()):
        try:
            accounts.access_token(account_id, ports)
        except TikTokError:
            continue  # logged and, if the permission is gone, stored with the account


def sweep_uploads() -> None:
    """Remove uploads whose time is over, and what the requests of killed processes left behind a day ago."""
    expire_uploads(wiring().uploads)
    sweep_bucket(wiring().presigned)
    sweep_partials(wiring().media_imports.partials)
    wiring().storage.sweep_incoming((clock.utcnow() - timedelta(days=1)).timestamp())
