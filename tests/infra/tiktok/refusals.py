"""What the client raises."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.services.ports import TikTokError


def refusal(call: Callable[..., object], *args: object, **kwargs: object) -> TikTokError:
    with pytest.raises(TikTokError) as caught:
        call(*args, **kwargs)
    return caught.value
