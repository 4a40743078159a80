"""The calendar's blueprint; its routes are in views, cards and moves."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("calendar", __name__)
