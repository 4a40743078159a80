"""Whether TikTok could fetch photos from where Oncue stands, and what to do where it could not.

Source: TikTok, media transfer guide, PULL_FROM_URL: https only, a domain name and no IP address, no redirect, a verified property.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}


class CheckState(StrEnum):
    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that has to be so: what was found, and what to do unless it is fine."""

    title: str
    state: CheckState
    found: str
    advice: str = ""


class Standing(StrEnum):
    """What a host's name is, and where it leads as seen from this machine."""

    PUBLIC = "public"
    ADDRESS = "address"
    INSIDE = "inside"
    LEADS_INSIDE = "leads_inside"
    NOT_FOUND = "not_found"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one request, redirects not followed; `trouble` says in words why nothing came."""

    status: int = 0
    headers: Mapping[str, str] | None = None
    """By lower-case names."""
    body: bytes = b""
    trouble: str = ""

    def header(self, name: str) -> str:
        return (self.headers or {}).get(name, "")


def address_checks(base_url: str, standing: Standing) -> list[Check]:
    """What the address itself says."""
    parts = urlsplit(base_url)
    is_https, port = parts.scheme == "https", parts.port or DEFAULT_PORTS[parts.scheme]
    https = Check("https", CheckState.OK if is_https else CheckState.FAILED, f"PUBLIC_URL begins with {parts.scheme}://.",
                  "" if is_https else "TikTok fetches over https only. Put a server with a certificate in front of Oncue, and its address"
                  " into PUBLIC_URL.")
    usual = port == DEFAULT_PORTS[parts.scheme]
    default_port = Check("Port", CheckState.OK if usual else CheckState.UNKNOWN, f"It is {'the usual one' if usual else port}.",
                         "" if usual else "TikTok does not say whether it fetches from other ports than 443. Use that one, to be sure.")
    return [https, _host_check(parts.hostname or "", standing), default_port]


def _host_check(host: str, standing: Standing) -> Check:
    state, found, advice = {
        Standing.PUBLIC: (CheckState.OK, f"{host} leads to a public address.", ""),
        Standing.ADDRESS: (CheckState.FAILED, f"{host} is an IP address.", "TikTok fetches from domain names only. Give Oncue one."),
        Standing.INSIDE: (CheckState.FAILED, f"{host} is a name of this machine or of a private network.",
                          "TikTok can't find it. Give Oncue a public domain name and put it into PUBLIC_URL."),
        Standing.LEADS_INSIDE: (CheckState.UNKNOWN, f"Seen from here, {host} leads into a private network.",
                                "That is fine if public DNS says otherwise. Ask for the name from outside."),
        Standing.NOT_FOUND: (CheckState.FAILED, f"Seen from here, {host} has no address.", "Add it to your domain's DNS."),
    }[standing]
    return Check("Domain name", state, found, advice)


def photo_checks(whole: Answer, part: Answer, photo: bytes) -> list[Check]:
    """What a photo's address answered, asked for all of it and for its first hundred bytes."""
    nothing = f"Oncue got no answer from its own address: {whole.trouble}"
    if whole.trouble:
        reached = Check("Photo", CheckState.UNKNOWN, nothing, "Some networks don't lead back to themselves. If a phone without your Wi-Fi"
                        " opens the address, TikTok can too; else look at the server in front of Oncue.")
        return [reached, *(Check(title, CheckState.UNKNOWN, "Not looked at.") for title in ("No redirect", "Type", "Parts"))]
    redirects = 300 <= whole.status < 400
    is_ours = whole.status == 200 and whole.body == photo
    found = f"It was answered with HTTP {whole.status}."
    return [
        Check("Photo", _ok(is_ours), "The check photo arrived." if is_ours else found if whole.status != 200 else "Something else arrived.",
              "" if is_ours else "PUBLIC_URL must lead to this Oncue, without a login or a firewall's page in front of /pull/."),
        Check("No redirect", _ok(not redirects), f"It leads on to {whole.header('location')[:200]}." if redirects else "None.",
              "Put the address that it leads on to into PUBLIC_URL." if redirects else ""),
        _type_check(whole, is_ours),
        _part_check(part, photo, is_ours),
    ]


def _type_check(whole: Answer, is_ours: bool) -> Check:
    if not is_ours:
        return Check("Type", CheckState.UNKNOWN, "Not looked at.")
    kind = whole.header("content-type")
    return Check("Type", _ok(kind == "image/jpeg"), f"It says {kind or 'nothing'}.",
                 "" if kind == "image/jpeg" else "Have the server in front of Oncue leave the header Content-Type as it is.")


def _part_check(part: Answer, photo: bytes, is_ours: bool) -> Check:
    if not is_ours or part.trouble:
        return Check("Parts", CheckState.UNKNOWN, f"No answer: {part.trouble}" if part.trouble else "Not looked at.")
    is_part = part.status == 206 and part.body == photo[:100] and part.header("content-range") == f"bytes 0-99/{len(photo)}"
    return Check("Parts", _ok(is_part), "Parts of a file can be fetched." if is_part else f"A part was answered with HTTP {part.status}.",
                 "" if is_part else "Have the server in front of Oncue pass the header Range on.")


def file_check(name: str, content: str, answer: Answer) -> Check:
    """What a verification file's address answered."""
    title = f"Verification file {name}"
    if answer.trouble:
        return Check(title, CheckState.UNKNOWN, f"No answer: {answer.trouble}")
    is_there = answer.status == 200 and answer.body.decode("utf-8", "replace").strip() == content
    return Check(title, _ok(is_there), "It is there." if is_there else f"It was answered with HTTP {answer.status}.",
                 "" if is_there else "PUBLIC_URL must lead to this Oncue, and nothing in front of it may answer for this file.")


NO_FILE = Check("Verification file", CheckState.OK, "None is set, which is right where the domain was verified by DNS.",
                "To verify the prefix instead, set TIKTOK_VERIFICATION_FILES to the name of the file that TikTok gives you.")


def _ok(is_so: bool) -> CheckState:
    return CheckState.OK if is_so else CheckState.FAILED
