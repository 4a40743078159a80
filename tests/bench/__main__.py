"""`make bench`: what Oncue's figures are on this machine, on a whole instance with shipped settings.

Prints figures and ratios beside their aims; never fails because a machine is slow.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.bench import burst, lateness, uploading
from tests.house import running_house

BENCHES = {"lateness": lateness.run, "uploading": uploading.run, "burst": burst.run}


def main(names: list[str]) -> None:
    for name in names or BENCHES:
        with tempfile.TemporaryDirectory(prefix="oncue-bench-") as directory:
            instance = Path(directory, "instance")
            instance.mkdir()
            with running_house(instance) as house:
                BENCHES[name](house)


main(sys.argv[1:])
