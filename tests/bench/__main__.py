"""`make bench`: what Oncue's figures are on this machine, most of them on a whole instance with shipped settings.

Prints figures and ratios beside their aims; never fails because a machine is slow.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.bench import beat, burst, calendar, intake, lateness, library, neighbour, uploading
from tests.house import running_house

ON_AN_INSTANCE = {"lateness": lateness.run, "neighbour": neighbour.run, "uploading": uploading.run, "intake": intake.run,
                  "burst": burst.run, "calendar": calendar.run}
ALONE = {"beat": beat.run, "library": library.run}


def main(names: list[str]) -> None:
    for name in names or [*ALONE, *ON_AN_INSTANCE]:
        if name in ALONE:
            ALONE[name]()
            continue
        with tempfile.TemporaryDirectory(prefix="oncue-bench-") as directory:
            instance = Path(directory, "instance")
            instance.mkdir()
            with running_house(instance) as house:
                ON_AN_INSTANCE[name](house)


main(sys.argv[1:])
