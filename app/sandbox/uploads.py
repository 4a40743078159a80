"""`PUT` to the upload_url (section 7.1): chunks strictly in order, straight to disk, judged by status codes alone."""

from __future__ import annotations

import hmac
import re

from flask import Blueprint, Response, request

from app.sandbox.body import drain, receive
from app.sandbox.chunks import end_of_chunk
from app.sandbox.gateway import Call, endpoint
from app.sandbox.lifecycle import begin_processing
from app.sandbox.records import Publish

uploads = Blueprint("uploads", __name__)

CONTENT_TYPES = ("video/mp4", "video/quicktime", "video/webm")
_RANGE = re.compile(r"bytes (\d{1,13})-(\d{1,13})/(\d{1,13})")


class UploadError(Exception):
    """Ends the request with this status."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


@endpoint(uploads, "/video/", "upload", method="PUT")
def upload(call: Call) -> Response:
    publish = find_upload(call)
    try:
        if publish is None:
            raise UploadError(404, "unknown_upload")
        first, last = check_request(call, publish)
        return answer(call, publish, store_chunk(call, publish, first, last))
    except UploadError as error:
        drain()
        call.error_code = error.code
        return answer(call, publish, error.status)


def find_upload(call: Call) -> Publish | None:
    """By id and token, both from the URL; no Authorization header is part of this request."""
    publish = call.world.publish_of_upload(request.args.get("upload_id", ""))
    token = request.args.get("upload_token", "")
    if publish is None or not hmac.compare_digest(publish.upload_token.encode(), token.encode()):
        return None
    call.publish_id = publish.publish_id
    call.creator = call.world.creators.get(publish.creator_id)
    return publish


def check_request(call: Call, publish: Publish) -> tuple[int, int]:
    """First and last index of the chunk; UploadError with the documented status otherwise."""
    match = _RANGE.fullmatch(request.headers.get("Content-Range", ""))
    if match is None or request.mimetype not in CONTENT_TYPES or request.content_length is None:
        raise UploadError(400, "malformed_headers")
    first, last, total = (int(group) for group in match.groups())
    if total != publish.video_size or last < first or last >= total or request.content_length != last - first + 1:
        raise UploadError(400, "malformed_headers")
    if publish.arrived_at is None and not publish.is_processing:
        raise UploadError(404, "upload_ended")
    if publish.arrived_at is None and call.now >= publish.upload_expires_at:
        raise UploadError(403, "upload_url_expired")
    if last < publish.received:
        raise UploadError(call.switches.repeated_put_status, "range_already_stored")
    expected_end = end_of_chunk(first, publish.video_size, publish.chunk_size, publish.chunk_count)
    if first != publish.received or last + 1 != expected_end:
        raise UploadError(416, "range_mismatch")
    return first, last


def store_chunk(call: Call, publish: Publish, first: int, last: int) -> int:
    """Write the body at its place; the progress moves when all of it is there."""
    path = call.world.media_dir / f"{publish.upload_id}.video"
    stored = receive(path, first, last - first + 1)
    complete = stored == last - first + 1
    with call.world.lock:
        if publish.received != first or not publish.is_processing:
            raise UploadError(416, "range_mismatch")  # somebody else's request was faster: no parallelism
        if complete or call.switches.keep_partial_chunk:
            publish.received = first + stored
        if complete and publish.received == publish.video_size:
            publish.content_type, publish.files = request.mimetype, [path.name]
            begin_processing(call.world, publish)
        call.world.save_publish(publish)
    if not complete:
        raise UploadError(400, "body_too_short")
    return 206 if publish.received < publish.video_size else 201


def answer(call: Call, publish: Publish | None, status: int) -> Response:
    """No body; every response tells the progress (`bytes 0-{UPLOADED_BYTES}/{TOTAL}`)."""
    call.error_code = call.error_code or "ok"
    response = Response(b"", status)
    if publish is None:
        return response
    if status == 206 and publish.received == publish.video_size:
        response.status_code = 201
    uploaded = publish.received
    if call.switches.uploaded_bytes_as == "last_index" and uploaded:
        uploaded -= 1
    response.headers["Content-Range"] = f"bytes 0-{uploaded}/{publish.video_size}"
    return response
