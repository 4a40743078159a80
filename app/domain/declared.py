"""What programs say of files before they send them, read strictly."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from app.domain.errors import Problem, raise_if
from app.domain.media_rules import ALSO_CALLED, CONTENT_TYPES, DeclaredFacts

MIME_TYPES = (*CONTENT_TYPES.values(), *ALSO_CALLED)
"""Content types that may be announced: what TikTok takes, what can be converted to it, and other names of these."""
LARGEST = 10**15


def is_picture(content_type: str) -> bool:
    """Whether a type among MIME_TYPES is that of a photo."""
    return content_type.startswith("image/")


def parse_declared(values: Mapping[str, Any]) -> DeclaredFacts:
    """The facts, None where nothing was said. Raises DomainError with a problem per field that is unknown or no such value."""
    raise_if([Problem("declared_unknown", f"There is no fact “{str(name)[:50]}”. Declare only {', '.join(FACTS)}.", str(name)[:50])
              for name in values if name not in FACTS]
             + [Problem("declared_malformed", f"{name} must be {FACTS[name][0]}.", name)
                for name, value in values.items() if name in FACTS and value is not None and not FACTS[name][1](value)])
    return DeclaredFacts(**values)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < LARGEST


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < LARGEST


FACTS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "content_type": ("a content type such as video/mp4", lambda value: isinstance(value, str) and len(value) <= 100),
    "size_bytes": ("a whole number above zero", _is_whole),
    "width": ("a whole number of pixels above zero", _is_whole),
    "height": ("a whole number of pixels above zero", _is_whole),
    "duration_seconds": ("a number of seconds", _is_number),
    "sha256": ("64 hexadecimal digits", lambda value: isinstance(value, str) and re.fullmatch(r"[0-9a-fA-F]{64}", value) is not None),
}
