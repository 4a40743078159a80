"""Whether a webhook is TikTok's: `TikTok-Signature`, over the body as it came.

Source: TikTok's page on webhook verification. The header is `t=<unix seconds>,s=<hex>`, and s is the HMAC-SHA256 of
"t.body" under the client secret.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import datetime, timedelta

OLDEST = timedelta(hours=72)
"""As long as TikTok tries to deliver; whether it signs a later attempt anew is not documented."""
EARLIEST = timedelta(seconds=300)
"""How far ahead of ours TikTok's clock may be."""
SECONDS = re.compile(r"[0-9]{1,12}")


def signature_problem(header: str | None, body: bytes, *, client_secret: str, now: datetime) -> str | None:
    """Why the body is not to be trusted, as a stable code; None when TikTok signed it lately enough.

    Compares in constant time, and tells the age only of what is genuine. Without a client secret nothing is.
    """
    if not header:
        return "signature_missing"
    parts = dict(part.strip().partition("=")[::2] for part in header.split(","))
    signed_at, signature = parts.get("t", ""), parts.get("s", "")
    if not SECONDS.fullmatch(signed_at) or not signature:
        return "signature_malformed"
    expected = hmac.new(client_secret.encode(), f"{signed_at}.".encode() + body, hashlib.sha256).hexdigest()
    if not client_secret or not hmac.compare_digest(expected.encode(), signature.encode()):
        return "signature_wrong"
    return _age_problem(int(signed_at), now)


def _age_problem(signed_at: int, now: datetime) -> str | None:
    age = now.timestamp() - signed_at
    if age > OLDEST.total_seconds():
        return "signature_expired"
    return "signature_early" if -age > EARLIEST.total_seconds() else None
