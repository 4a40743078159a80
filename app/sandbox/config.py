"""What has to be known before the sandbox starts; everything else is a switch (`app.sandbox.switches`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from app.sandbox.switches import SWITCH_NAMES, Switches


@dataclass(frozen=True)
class SandboxConfig:
    """Identity and place of one sandbox.

    An empty `url` means: whatever host the request came in on. `switches` overrides defaults of `Switches` by name.
    """

    directory: Path
    url: str = ""
    client_key: str = "sbxoncuelocalkey"
    client_secret: str = "sandbox-secret"
    redirect_uris: tuple[str, ...] = ()
    switches: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        Switches().changed(self.switches)  # an unknown name or a bad value shall stop the start, not a later request

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> SandboxConfig:
        """Read `SANDBOX_*`; each switch `name` is `SANDBOX_NAME`."""

        def text(name: str, default: str) -> str:
            return environ.get(f"SANDBOX_{name}", "").strip() or default

        named = ((name, environ.get(f"SANDBOX_{name.upper()}")) for name in SWITCH_NAMES)
        return cls(
            directory=Path(text("DIR", "instance/sandbox")),
            url=text("URL", "").rstrip("/"),
            client_key=text("CLIENT_KEY", cls.client_key),
            client_secret=text("CLIENT_SECRET", cls.client_secret),
            redirect_uris=split_list(environ.get("SANDBOX_REDIRECT_URIS", "")),
            switches={name: value for name, value in named if value},
        )


def split_list(text: str) -> tuple[str, ...]:
    """The parts of a comma list, without blanks."""
    return tuple(part.strip() for part in text.split(",") if part.strip())
