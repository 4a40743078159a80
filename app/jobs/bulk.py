"""Files of posts whose rows become posts."""

from __future__ import annotations

from app import clock
from app.services.bulk import advance_bulk, due_bulk_imports
from app.wiring import wiring


def advance_due() -> None:
    """Go on with every confirmed file, wherever whoever was at it has stopped."""
    for import_id in due_bulk_imports(clock.utcnow()):
        while advance_bulk(import_id, wiring().bulk):
            pass
