"""Sending the bytes: chunk after chunk from storage, in constant memory, resumable at every chunk."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, BinaryIO

from app.domain.lifecycle import TargetState
from app.domain.media_rules import CONTAINERS
from app.domain.retry import next_poll
from app.domain.upload_plan import Chunk, UploadPlan, plan_upload, resume_offset
from app.models import Step
from app.services.accounts import with_token
from app.services.ports import TikTokError, VideoInit
from app.services.publishing import status
from app.services.publishing.attempts import attempt
from app.services.publishing.ports import PublishingPorts
from app.services.publishing.targets import LEASE, HandedOver, Work, keep, released, shift
from app.services.transactions import writing

log = logging.getLogger(__name__)

BLOCK = 256 * 1024
REPORT_SECONDS = 1.0
"""How often progress is written and the lease renewed, at most."""


def begin(work: Work, ports: PublishingPorts) -> None:
    """Announce the video, commit the receipt before the first byte, and send it. Raises as `send` does."""
    request = VideoInit(work.mode, work.caption, work.privacy_level, work.allow_comment, work.allow_duet, work.allow_stitch,
                        plan_upload(work.lead.size_bytes), work.cover_timestamp_ms)
    receipt = attempt(work, Step.INIT, lambda: with_token(
        work.account_id, lambda token: ports.tiktok.init_video(token, request), ports.accounts), ports)
    assert receipt.upload_url is not None
    log.info("init accepted", extra={"publish_id": receipt.publish_id})
    send(work, receipt.upload_url, 0, ports, publish_id=receipt.publish_id, uploaded_bytes=0,
         upload_url_sealed=ports.cipher.seal(receipt.upload_url), problem_code=None, problem_text=None)


def send(work: Work, upload_url: str, offset: int, ports: PublishingPorts, **columns: Any) -> None:
    """Send everything from `offset` on; when TikTok has it all the target is processing. `columns` are committed before the first byte.

    Raises TikTokError when a chunk is refused, LeaseLost when the target was taken over meanwhile.
    """
    plan = plan_upload(work.lead.size_bytes)
    attempt(work, Step.UPLOAD, lambda: _send_chunks(work, plan, upload_url, offset, ports), ports, **columns)
    now = ports.utcnow()
    with writing() as session:
        shift(session, work, TargetState.PROCESSING, **released(
            due_at=now + next_poll(0, timedelta(0)), sent_at=now, uploaded_bytes=work.lead.size_bytes, upload_url_sealed=None,
            failed_tries=0, polls=0, problem_code=None, problem_text=None))
    log.info("upload complete")


def resume(work: Work, ports: PublishingPorts) -> None:
    """Go on with an upload that was interrupted: TikTok says how far it got, or that it is over."""
    assert work.publish_id is not None and work.upload_url_sealed is not None
    publish_id = work.publish_id
    answer = attempt(work, Step.STATUS, lambda: with_token(
        work.account_id, lambda token: ports.tiktok.fetch_status(token, publish_id), ports.accounts), ports)
    plan = plan_upload(work.lead.size_bytes)
    offset = resume_offset(plan, answer.uploaded_bytes or 0)
    if answer.status != "PROCESSING_UPLOAD" or offset >= work.lead.size_bytes:
        status.take_over_from_upload(work, answer, ports)
        return
    log.info("upload resumed", extra={"offset": offset})
    send(work, ports.cipher.open(work.upload_url_sealed), offset, ports)


def _send_chunks(work: Work, plan: UploadPlan, upload_url: str, offset: int, ports: PublishingPorts) -> None:
    content_type = CONTAINERS[work.lead.container]
    with ports.storage.open(work.lead.storage_key) as file:
        progress = _Progress(work, ports)
        for chunk in plan.chunks(offset):
            body = _blocks(file, chunk, progress)
            complete = ports.tiktok.put_chunk(upload_url, chunk, plan.size, content_type, body)
            if not complete:
                progress.report(chunk.last + 1)
        if not complete:
            raise TikTokError("upload_416", message="TikTok waits for more than the file has")


def _blocks(file: BinaryIO, chunk: Chunk, progress: _Progress) -> Iterator[bytes]:
    file.seek(chunk.first)
    position = chunk.first
    while position <= chunk.last:
        block = file.read(min(BLOCK, chunk.last + 1 - position))
        if not block:
            raise TikTokError("media_missing", message="the file is shorter than it was")
        yield block
        position += len(block)
        progress.at(position)


class _Progress:
    """Writes how far an upload is, at most once a second, and renews the lease with it."""

    def __init__(self, work: Work, ports: PublishingPorts) -> None:
        self._work = work
        self._ports = ports
        self._reported = time.monotonic()

    def at(self, position: int) -> None:
        if self._ports.is_stopping():
            raise HandedOver
        if time.monotonic() - self._reported >= REPORT_SECONDS:
            self.report(position)

    def report(self, position: int) -> None:
        self._reported = time.monotonic()
        with writing() as session:
            keep(session, self._work, uploaded_bytes=position, lease_until=self._ports.utcnow() + LEASE)
