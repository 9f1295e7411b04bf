# SPDX-License-Identifier: GPL-2.0-or-later
"""How the ISO of a site grows with its hosts, and how long it takes to write: `python -m benchmarks.stick BOOT IMAGE`.

BOOT is a boot ISO of EL9, IMAGE a node image; small ones as tests/support makes them show the same growth.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import sites
from benchmarks.figures import Figure, table

HOSTS = 1000
# A kickstart and a row in the index, in blocks of 2 KiB: 1,000 hosts are less than one per cent of an image.
TARGET_KIB = 16


def measured(boot: Path, image: Path, hosts: int) -> Iterator[Figure]:
    """The growth of the ISO for each host, and the seconds that it takes."""
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        inventory = sites.flat(work, hosts, addon=True)
        alone, _ = _written(boot, image, work, inventory, ("--limit", sites.first_host(inventory)))
        size, seconds = _written(boot, image, work, inventory, ())
    growth = (size - alone) / (hosts - 1) / 1024
    yield Figure("growth of the ISO of a site for each host", growth, ("at most", TARGET_KIB), " KiB", "flat", hosts)
    yield Figure("ksgen iso --site", seconds, None, " s", "flat", hosts)


def _written(boot: Path, image: Path, work: Path, inventory: Path, more: Sequence[str]) -> tuple[int, float]:
    """The bytes of an ISO, and the seconds until it was there."""
    begin, output = time.monotonic(), work / "site.iso"
    command = [sys.executable, "-m", "ksgen", "iso", "--boot-iso", str(boot), "--image", str(image)]
    command += ["-o", str(output), "--site", str(inventory), *more]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return output.stat().st_size, time.monotonic() - begin


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.stick", description=__doc__)
    parser.add_argument("boot", type=Path, metavar="BOOT")
    parser.add_argument("image", type=Path, metavar="IMAGE")
    parser.add_argument("--hosts", type=int, default=HOSTS)
    given = parser.parse_args()
    print(*table(measured(given.boot, given.image, given.hosts)), sep="\n")


if __name__ == "__main__":
    main()
