"""The queue of jobs and the engine's pulse in Redis. Both may be emptied at any moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from redis import Redis, RedisError
from rq import Queue, Worker
from rq.serializers import JSONSerializer

ADVANCE = "app.jobs.publishing.advance_target"
ADVANCE_TIMEOUT_SECONDS = 3700
"""TikTok's upload addresses live an hour; nothing runs longer than that."""
QUEUED_KEY = "oncue:queued:"
QUEUED_SECONDS = 15
BEAT_KEY = "oncue:beat"
SCHEDULER_KEY = "oncue:scheduler"
BEAT_GATE_KEY = "oncue:beat:gate"


@dataclass(frozen=True, slots=True)
class Pulse:
    """When the beat and the scheduler were last seen, and how many hands serve each queue."""

    beat_at: datetime | None
    scheduler_at: datetime | None
    hands: dict[str, int]


class QueueName(StrEnum):
    """Queues by urgency; a worker serves them in the order that it is started with."""

    BEAT = "beat"
    PUBLISH = "publish"


class RedisTaskQueue:
    """Jobs carry one id, as JSON; marks keep the queue free of doubles, the lease keeps them harmless."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def queue(self, name: QueueName) -> Queue:
        return Queue(name.value, connection=self._redis, serializer=JSONSerializer)

    def advance(self, target_ids: Sequence[int]) -> None:
        """Enqueue one step for each target that has none in the queue or running.

        The mark that says so ends by itself: a worker that dies between taking a job and taking the lease
        must not keep the target from being queued again. A double that slips through finds nothing to claim.
        """
        with self._redis.pipeline(transaction=False) as pipe:
            for target_id in target_ids:
                pipe.set(f"{QUEUED_KEY}{target_id}", 1, ex=QUEUED_SECONDS, nx=True)
            is_new = pipe.execute()
        self.queue(QueueName.PUBLISH).enqueue_many([
            Queue.prepare_data(ADVANCE, args=(target_id,), timeout=ADVANCE_TIMEOUT_SECONDS, ttl=QUEUED_SECONDS,
                               result_ttl=0, failure_ttl=0)
            for target_id, new in zip(target_ids, is_new, strict=True) if new
        ])

    def advanced(self, target_id: int) -> None:
        """The step is over: the target may be queued again."""
        self._redis.delete(f"{QUEUED_KEY}{target_id}")

    def pass_gate(self, width: timedelta) -> bool:
        """True for the first caller within `width`: beats that piled up while no worker ran do nothing."""
        return bool(self._redis.set(BEAT_GATE_KEY, 1, px=int(width.total_seconds() * 1000), nx=True))

    def record_scheduler(self, now: datetime) -> None:
        """The scheduler is alive."""
        self._redis.set(SCHEDULER_KEY, now.timestamp())

    def pulse(self) -> Pulse:
        """What is known of the processes; empty when Redis can't be had."""
        try:
            beat, scheduler = self._redis.mget(BEAT_KEY, SCHEDULER_KEY)
            hands = {name.value: Worker.count(queue=self.queue(name)) for name in QueueName}
        except RedisError:
            return Pulse(None, None, {})
        return Pulse(_instant(beat), _instant(scheduler), hands)

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
