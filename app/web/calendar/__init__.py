"""The calendar: month, week, list and day, and moving posts about in them."""

from app.web.calendar import cards, moves, views
from app.web.calendar.blueprint import blueprint

__all__ = ["blueprint", "cards", "moves", "views"]
