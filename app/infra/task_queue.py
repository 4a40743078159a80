"""The queue of jobs and the engine's pulse in Redis. Both may be emptied at any moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from redis import Redis, RedisError
from rq import Queue
from rq.serializers import JSONSerializer

ADVANCE = "app.jobs.publishing.advance_target"
ADVANCE_TIMEOUT_SECONDS = 3700
"""TikTok's upload addresses live an hour; nothing runs longer than that."""
ADVANCE_IMPORT = "app.jobs.media.advance_import"
QUEUED_KEY = "oncue:queued:"
IMPORT_KEY = "oncue:import-queued:"
QUEUED_SECONDS = 15
BEAT_KEY = "oncue:beat"
BEAT_GATE_KEY = "oncue:beat:gate"


class QueueName(StrEnum):
    """Queues by urgency; a worker serves them in the order that it is started with."""

    BEAT = "beat"
    PUBLISH = "publish"
    MEDIA = "media"


FOLLOW = "follow"
"""The slower lane of PUBLISH: when much is due at once, a post's time is more pressing than a question about another."""


class RedisTaskQueue:
    """Jobs carry one id, as JSON; marks keep the queue free of doubles, the lease keeps them harmless."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def queue(self, name: QueueName) -> Queue:
        return Queue(name.value, connection=self._redis, serializer=JSONSerializer)

    def lanes(self, name: QueueName) -> list[Queue]:
        """What a worker on this queue serves, the most urgent first."""
        follow = [Queue(FOLLOW, connection=self._redis, serializer=JSONSerializer)] if name is QueueName.PUBLISH else []
        return [self.queue(name), *follow]

    def advance(self, target_ids: Sequence[int], *, is_urgent: bool = True) -> None:
        """Enqueue one step for each target that has none in the queue or running.

        The mark that says so ends by itself: a worker that dies between taking a job and taking the lease
        must not keep the target from being queued again. A double that slips through finds nothing to claim.
        """
        urgent, follow = self.lanes(QueueName.PUBLISH)
        self._enqueue(urgent if is_urgent else follow, ADVANCE, QUEUED_KEY, target_ids)

    def advanced(self, target_id: int) -> None:
        """The step is over: the target may be queued again."""
        self._redis.delete(f"{QUEUED_KEY}{target_id}")

    def advance_imports(self, import_ids: Sequence[int]) -> None:
        """Enqueue one step for each import that has none in the queue or running."""
        self._enqueue(self.queue(QueueName.MEDIA), ADVANCE_IMPORT, IMPORT_KEY, import_ids)

    def advanced_import(self, import_id: int) -> None:
        """The step is over: the import may be queued again."""
        self._redis.delete(f"{IMPORT_KEY}{import_id}")

    def _enqueue(self, queue: Queue, func: str, key: str, ids: Sequence[int]) -> None:
        if not ids:
            return
        with self._redis.pipeline(transaction=False) as pipe:
            for row_id in ids:
                pipe.set(f"{key}{row_id}", 1, ex=QUEUED_SECONDS, nx=True)
            is_new = pipe.execute()
        queue.enqueue_many([
            Queue.prepare_data(func, args=(row_id,), timeout=ADVANCE_TIMEOUT_SECONDS, ttl=QUEUED_SECONDS, result_ttl=0, failure_ttl=0)
            for row_id, new in zip(ids, is_new, strict=True) if new
        ])

    def pass_gate(self, width: timedelta) -> bool:
        """True for the first caller within `width`: beats that piled up while no worker ran do nothing."""
        return bool(self._redis.set(BEAT_GATE_KEY, 1, px=int(width.total_seconds() * 1000), nx=True))

    def record_beat(self, now: datetime) -> None:
        self._redis.set(BEAT_KEY, now.timestamp())

    def last_beat_at(self) -> datetime | None:
        """When the engine last looked for due work; None when unknown or Redis can't be had."""
        try:
            raw = self._redis.get(BEAT_KEY)
        except RedisError:
            return None
        return _instant(raw)


def _instant(raw: object) -> datetime | None:
    return datetime.fromtimestamp(float(raw), UTC) if isinstance(raw, bytes | str) else None
