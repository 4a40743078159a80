"""Whether TikTok could fetch photos from here: Oncue asks its own public address, as TikTok would."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from app.domain.reach import NO_FILE, Answer, Check, Standing, address_checks, file_check, photo_checks
from app.services.transactions import let_go

CHECK_PHOTO = "/pull/check.jpeg"
PREFIX = "/pull/"


class OwnAddress(Protocol):
    """Our public address, seen from here. All together takes a few seconds at most; what did not come by then is trouble."""

    def standing(self) -> Standing: ...
    def get(self, path: str, *, first_bytes: int | None = None) -> Answer: ...


@dataclass(frozen=True, slots=True)
class ReachPorts:
    base_url: str
    own: OwnAddress
    verification_files: Mapping[str, str]
    photo: bytes
    """What is behind CHECK_PHOTO."""


def check_reach(ports: ReachPorts) -> list[Check]:
    """Each thing that has to be so, in the order in which to mend them."""
    let_go()
    whole = ports.own.get(CHECK_PHOTO)
    part = ports.own.get(CHECK_PHOTO, first_bytes=100) if not whole.trouble else whole
    files = [file_check(name, content, ports.own.get(PREFIX + name) if not whole.trouble else whole)
             for name, content in ports.verification_files.items()]
    return [*address_checks(ports.base_url, ports.own.standing()), *photo_checks(whole, part, ports.photo), *(files or [NO_FILE])]
