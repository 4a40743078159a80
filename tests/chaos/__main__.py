"""`make chaos`: the long form on both databases. Prints what happened; fails when an invariant did not hold.

CHAOS_SEED, CHAOS_TARGETS, CHAOS_ACCOUNTS, CHAOS_KILLS, CHAOS_SECONDS and CHAOS_DATABASES choose another run.
"""

from __future__ import annotations

import os
import secrets
import sys

from tests.chaos.run import OUTPUT, Plan, run

CHOSEN = ("targets", "accounts", "kills", "seconds", "workers", "hands", "speed")


def main() -> int:
    chosen = {name: int(os.environ[f"CHAOS_{name.upper()}"]) for name in CHOSEN if os.environ.get(f"CHAOS_{name.upper()}")}
    seed = int(os.environ.get("CHAOS_SEED") or secrets.randbelow(10**6))
    print(f"seed {seed}; logs in {OUTPUT.relative_to(OUTPUT.parents[1])}", flush=True)  # noqa: T201 what it is run for
    failed = False
    for database in os.environ.get("CHAOS_DATABASES", "sqlite,postgresql").split(","):
        report = run(Plan(seed, **chosen), database)
        print(report, flush=True)  # noqa: T201 what it is run for
        failed = failed or bool(report.complaints)
    if failed:
        print(f"an invariant did not hold; run it again: CHAOS_SEED={seed} make chaos", flush=True)  # noqa: T201 what it is run for
    return int(failed)


sys.exit(main())
