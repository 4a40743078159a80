"""Each storage in turn."""

from __future__ import annotations

import pytest

from tests.infra.storage import places


@pytest.fixture(params=["disk", "s3"])
def place(request: pytest.FixtureRequest, tmp_path):
    if request.param == "disk":
        return places.on_disk(tmp_path / "media")
    bucket = request.getfixturevalue("s3_bucket")
    return places.in_s3(bucket.client, bucket.name, tmp_path / "media" / "incoming")


@pytest.fixture
def storage(place):
    return place.storage
