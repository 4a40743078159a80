"""How words are compared when people search: without case, accents and compatibility forms."""

from __future__ import annotations

import unicodedata

ESCAPE = "\\"


def fold(text: str) -> str:
    """`Café ÉTÉ.MP4` -> `cafe ete.mp4`. No database does that alike for every language, so what is searched is stored folded."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if not unicodedata.combining(c))).casefold()


def contains_pattern(words: str) -> str:
    """A LIKE pattern, to be used with ESCAPE, that finds these words anywhere in a folded text and takes nothing in them as a wildcard."""
    folded = fold(words)
    for character in (ESCAPE, "%", "_"):
        folded = folded.replace(character, ESCAPE + character)
    return f"%{folded}%"
