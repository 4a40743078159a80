"""Media in a bucket of S3, or of anything that speaks its protocol. The only rooms that know boto3 are this one and `s3_file`."""

from __future__ import annotations

import io
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from app.infra.storage.incoming import IncomingDirectory
from app.infra.storage.s3_file import S3File, translated
from app.services.ports import IncomingFile

MB = 1024 * 1024
PART = 16 * MB
"""10,000 parts are S3's limit, which leaves room for 160 GB; a part that fails is sent again alone."""
PARTS_AT_ONCE = 4
CONNECTIONS = 64
"""Every hand of a worker may hold one open while it uploads."""


def connect(*, endpoint_url: str, region: str, access_key_id: str, secret_access_key: str) -> Any:
    """A client for many threads; it connects when it is first used. Without keys boto3 looks where it always does."""
    # Here and not above, because Oncue runs without boto3 when media is on disk.
    import boto3
    from botocore.config import Config

    for name in ("boto3", "botocore", "s3transfer"):
        # At DEBUG they write dozens of lines for each request, with its signature among them.
        logging.getLogger(name).setLevel(logging.INFO)
    config = Config(
        connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 4}, max_pool_connections=CONNECTIONS,
        # The newer checksums are unknown to many servers that speak S3. A signature over each body, which all of them check, does the same.
        request_checksum_calculation="when_required", response_checksum_validation="when_required",
        s3={"payload_signing_enabled": True, "addressing_style": "path" if endpoint_url else "auto"},
    )
    session = boto3.session.Session(aws_access_key_id=access_key_id or None, aws_secret_access_key=secret_access_key or None)
    return session.client("s3", endpoint_url=endpoint_url or None, region_name=region, config=config)


class S3Storage:
    """Keys are names below `prefix`; a key that would leave it is a ValueError.

    FileNotFoundError says that there is no such object, any other OSError that the bucket can't be asked.
    """

    def __init__(self, client: Any, *, bucket: str, prefix: str, incoming: Path) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._incoming = IncomingDirectory(incoming.resolve())

    def incoming(self) -> IncomingFile:
        """On this machine's disk, for the probe needs a file, and the key needs the hash of all of it."""
        return self._incoming.new_file()

    def keep(self, incoming: IncomingFile, key: str) -> None:
        """Make an incoming file permanent under `key`. An object appears whole or not at all, so one of this size is it."""
        if self.size(key) == incoming.size_bytes:
            return
        from boto3.s3.transfer import TransferConfig

        config = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART, max_concurrency=PARTS_AT_ONCE)
        with translated(key):
            # By name: parts are read from disk while they are sent, so memory does not grow with the file.
            self._client.upload_file(incoming.local_path, self._bucket, self._name(key), Config=config)

    def write(self, key: str, content: bytes) -> None:
        with translated(key):
            self._client.put_object(Bucket=self._bucket, Key=self._name(key), Body=content)

    def open(self, key: str) -> BinaryIO:
        """A file whose bytes are fetched where and when they are read."""
        return io.BufferedReader(S3File(self._client, self._bucket, self._name(key)), buffer_size=256 * 1024)

    @contextmanager
    def local(self, key: str, *, copy_up_to: int) -> Iterator[str | None]:
        """A copy, gone when the context ends; None when it is larger. Raises FileNotFoundError."""
        size = self.size(key)
        if size is None:
            raise FileNotFoundError(key)
        if size > copy_up_to:
            yield None
            return
        with self._incoming.new_file() as copy, self.open(key) as content:
            shutil.copyfileobj(content, copy, MB)
            yield copy.local_path

    def size(self, key: str) -> int | None:
        """Bytes under `key`, or None when there is nothing."""
        name = self._name(key)
        try:
            with translated(key):
                return int(self._client.head_object(Bucket=self._bucket, Key=name)["ContentLength"])
        except FileNotFoundError:
            # The same answer comes when the bucket is not there, and that must not make posts fail for a lost file.
            self.check()
            return None

    def delete(self, key: str) -> None:
        with translated(key):
            self._client.delete_object(Bucket=self._bucket, Key=self._name(key))

    def check(self) -> None:
        """Raises OSError when the bucket is not there or can't be asked."""
        try:
            with translated(self._bucket):
                self._client.head_bucket(Bucket=self._bucket)
        except FileNotFoundError as error:
            raise OSError(f"S3 has no bucket {self._bucket!r}") from error

    def sweep_incoming(self, older_than: float) -> int:
        """Remove what a killed process left behind before that moment (seconds since 1970), here and in the bucket; how many."""
        removed = self._incoming.sweep(older_than)
        with translated(self._prefix):
            pages = self._client.get_paginator("list_multipart_uploads").paginate(Bucket=self._bucket, Prefix=self._prefix)
            for upload in (upload for page in pages for upload in page.get("Uploads", [])):
                if upload["Initiated"].timestamp() < older_than:
                    self._client.abort_multipart_upload(Bucket=self._bucket, Key=upload["Key"], UploadId=upload["UploadId"])
                    removed += 1
        return removed

    def close(self) -> None:
        self._client.close()

    def _name(self, key: str) -> str:
        if any(part in ("", os.curdir, os.pardir) for part in key.split("/")):
            raise ValueError(f"a storage key may not leave its directory: {key!r}")
        return self._prefix + key
