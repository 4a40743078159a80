"""Files of every sort through the upload: kept or refused in words, and never an error of ours."""

from __future__ import annotations

import io

from app.domain.media_rules import MediaKind
from app.models import MediaFile, db
from tests.infra.corpus import BY_NAME

NAMES = ("best.mp4", "vp8.webm", "av1.mp4", "cut-at-0.5.mp4", "turned-90.mp4", "rate-10.mp4", "no-bytes.mp4", "random.mp4", "list.m3u8",
         "archive.mp4", "covered.mp3", "bomb-50000.png", "bomb.avi", "moving.gif", "film-and-page.mp4")


def test_every_sort_of_file_is_answered(app, as_alice, tmp_path):
    for name in NAMES:
        BY_NAME[name].make(path := tmp_path / name)
        answer = as_alice.post("/media/", data={"file": (io.BytesIO(path.read_bytes()), name)}, content_type="multipart/form-data",
                               headers={"X-CSRFToken": as_alice.csrf, "HX-Request": "true"})
        assert answer.status_code == (201 if BY_NAME[name].is_good else 422), name
    with app.app_context():
        kept = db.session.query(MediaFile).all()
        assert len(kept) == sum(BY_NAME[name].is_good for name in NAMES)
        assert all(media.strip_key for media in kept if media.kind is MediaKind.VIDEO)
