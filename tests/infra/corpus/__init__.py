"""Good and bad files, made by PyAV, Pillow and by hand, each with the verdict that it must get."""

from __future__ import annotations

from tests.infra.corpus.hostile import HOSTILE
from tests.infra.corpus.photos import PHOTOS
from tests.infra.corpus.sample import Sample
from tests.infra.corpus.videos import VIDEOS

CORPUS: tuple[Sample, ...] = (*VIDEOS, *PHOTOS, *HOSTILE)
BY_NAME = {sample.name: sample for sample in CORPUS}

__all__ = ["BY_NAME", "CORPUS", "Sample"]
