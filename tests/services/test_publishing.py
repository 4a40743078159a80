"""A target from its hour to its permalink."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app import clock
from app.models import PostTarget, db
from app.services.publishing import advance
from tests import factories


@pytest.fixture
def scene(app, tiktok, frozen, alice, video_path):
    account_id = factories.connect_account(app, alice, tiktok)
    media_id = factories.make_media(app, alice, video_path)

    def schedule(**options):
        return factories.make_post(app, alice, account_id=account_id, media_file_id=media_id,
                                   scheduled_at=clock.utcnow() + timedelta(minutes=2), **options)
    return schedule


def step(app, target_id):
    with app.app_context():
        advance(target_id, factories.wired(app).publishing)
        return db.session.get_one(PostTarget, target_id)


def test_goes_out_once_and_gets_its_permalink(app, tiktok, frozen, scene):
    post = scene(allow_comment=True)
    frozen.advance(minutes=2)
    target = step(app, post.target_id)
    assert target.state == "processing"
    frozen.advance(seconds=5)
    target = step(app, post.target_id)
    assert target.state == "published"
    assert target.permalink == f"{tiktok.url}/@northbound/video/{target.tiktok_post_id}"
    assert len(tiktok.posts()) == 1
