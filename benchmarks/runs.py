# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands that are compared, run in turn on one site; each round begins with an empty output directory."""

from __future__ import annotations

import dataclasses
import filecmp
import re
import shutil
import statistics
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from benchmarks import cobbler, flattening, measure, sites
from benchmarks.measure import KSGEN, PYTHON, Time

HERE = Path(__file__).parent
LIMIT_SCRIPT = HERE / "limit" / "render.py"
FULL, AGAIN, CHANGED, LIMITED, ARMED, LIMIT, SCRIPT, COBBLER = (
    "full", "again", "changed", "limited", "armed", "limit", "script", "cobbler",
)  # fmt: skip
# The script starts a process for each host.
SCRIPT_HOSTS = 40
FLATTENERS: Mapping[str, Callable[[Path, Path, Path], tuple[Path, Path]]] = {
    "flat": flattening.of_inventory,
    "examples": flattening.of_resolved,
}


class DifferenceError(Exception):
    """Another kickstart than ksgen's was written."""


@dataclasses.dataclass(frozen=True)
class Case:
    """A site that is measured."""

    site: str
    hosts: int
    addon: bool


def medians(rounds: list[dict[str, Time]]) -> dict[str, Time]:
    """Of each command, over all rounds."""
    return {
        name: Time(
            statistics.median(times[name].elapsed for times in rounds),
            statistics.median(times[name].processor for times in rounds),
        )
        for name in rounds[0]
    }


def rounds(case: Case, count: int, cobbler_source: Path | None = None) -> list[dict[str, Time]]:
    """All commands, so many times in turn; Cobbler's renderer if there is its source."""
    with measure.directory() as directory:
        inventory = sites.SITES[case.site](directory, case.hosts, case.addon)
        return [_round(case, inventory, directory, cobbler_source) | _script_round(case) for _ in range(count)]


def _round(case: Case, inventory: Path, directory: Path, cobbler_source: Path | None) -> dict[str, Time]:
    out, host, original = directory / "out", sites.first_host(inventory), inventory.read_text()
    full: list[str | Path] = [*KSGEN, inventory, "-o", out]
    times = {FULL: measure.timed(full), AGAIN: measure.timed(full)}
    source, template = FLATTENERS[case.site](inventory, out / "ks", directory)
    times[LIMIT] = measure.timed([*PYTHON, LIMIT_SCRIPT, source, template, directory / "limit"])
    compare(out / "ks", directory / "limit")
    if cobbler_source and case.site == "flat":
        times[COBBLER] = _cobbler(cobbler_source, inventory, out / "ks", directory / "cobbler")
    inventory.write_text(with_one_change(original))
    times[CHANGED] = measure.timed(full)
    # The host that is written now gets its own values back.
    inventory.write_text(original)
    times[LIMITED] = measure.timed([*full, "--limit", host])
    _put_kernel(out)
    times[ARMED] = measure.timed([*KSGEN, "arm", inventory, host, "-o", out])
    for path in (out, directory / "limit", directory / "cobbler", directory / "run"):
        shutil.rmtree(path, ignore_errors=True)
    return times


def _script_round(case: Case) -> dict[str, Time]:
    """The script that an operator would write, for one host. Its template is for one kind of host only."""
    if case.site != "flat":
        return {}
    with measure.directory() as directory:
        inventory = sites.flat(directory, SCRIPT_HOSTS, case.addon)
        time = measure.timed([*PYTHON, HERE / "script" / "render.py", inventory, directory / "out"])
    return {SCRIPT: Time(time.elapsed / SCRIPT_HOSTS, time.processor / SCRIPT_HOSTS)}


def _cobbler(source: Path, inventory: Path, ours: Path, directory: Path) -> Time:
    """Cobbler's renderer for one host: it measures itself, without its start."""
    seconds = cobbler.seconds(source, inventory, ours, directory)
    written = [path.name for path in (directory / "ks").iterdir()]
    compare(ours, directory / "ks", written)
    return Time(seconds / len(written), seconds / len(written))


def _put_kernel(out: Path) -> None:
    """Create the kernel file that `arm` requires in the published tree; there is no install tree to copy it from."""
    kernel = out / "boot" / "el9" / "vmlinuz"
    kernel.parent.mkdir(parents=True)
    kernel.touch()


def with_one_change(inventory: str) -> str:
    """An inventory in which one host has another disk."""
    changed, count = re.subn(r'(?<=wwn: ")0x5\w{6}', "0x500a075", inventory, count=1)
    assert count
    return changed


def compare(ours: Path, theirs: Path, names: Collection[str] = ()) -> None:
    """Compare kickstarts byte for byte: those of these files, or all."""
    if not names and {path.name for path in ours.iterdir()} != {path.name for path in theirs.iterdir()}:
        raise DifferenceError(f"{theirs.name}: the kickstarts of other hosts")
    names = names or [path.name for path in ours.iterdir()]
    _, different, unreadable = filecmp.cmpfiles(ours, theirs, names, shallow=False)
    if different or unreadable:
        raise DifferenceError(f"{theirs.name}: not what ksgen writes: {', '.join([*different, *unreadable][:3])}")
