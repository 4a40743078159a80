"""One creator and one video, from which most posts of these tests are made."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest

from app import clock
from tests import factories


@pytest.fixture
def scene(app, tiktok, frozen, alice, video_path):
    """A connected creator, a video, and a way to schedule it two minutes ahead."""
    account_id = factories.connect_account(app, alice, tiktok)
    media_id = factories.make_media(app, alice, video_path)

    def schedule(**options):
        options = {"account_id": account_id, "media_file_id": media_id, **options}
        post = factories.make_post(app, alice, scheduled_at=clock.utcnow() + timedelta(minutes=2), **options)
        return post.target_id
    return SimpleNamespace(schedule=schedule, account_id=account_id, media_id=media_id, person=alice)
