"""Words are found whatever their case, accents and forms; nothing in them is a wildcard."""

from __future__ import annotations

import pytest

from app.domain.search import contains_pattern, fold


@pytest.mark.parametrize(("text", "folded"), [
    ("Café ÉTÉ.MP4", "cafe ete.mp4"), ("Straße", "strasse"), ("ΣΊΣΥΦΟΣ", fold("σίσυφος")), ("İstanbul", "istanbul"), ("ＡＢＣ", "abc"),
    ("Ёлка", "елка"), ("e\u0301", "e"), ("서울", "서울"), ("", ""),
])
def test_case_accents_and_forms_make_no_difference(text, folded):
    assert fold(text) == folded and fold(folded) == folded


def test_nothing_that_is_searched_is_a_wildcard():
    assert contains_pattern("50%_off\\") == "%50\\%\\_off\\\\%"
