"""Steps of files that are fetched from the web."""

from __future__ import annotations

from app.services import media_imports
from app.wiring import wiring


def advance_import(import_id: int) -> None:
    """Fetch, probe and keep one file."""
    try:
        media_imports.advance_import(import_id, wiring().media_imports)
    finally:
        wiring().tasks.advanced_import(import_id)
