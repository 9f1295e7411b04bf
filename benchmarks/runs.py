# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands that are compared, run in turn on one site; each round begins with an empty output directory."""

from __future__ import annotations

import dataclasses
import filecmp
import re
import shutil
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks import flattening, measure, sites
from benchmarks.measure import KSGEN, PYTHON, Time

HERE = Path(__file__).parent
FULL, AGAIN, CHANGED, LIMITED, ARMED, LIMIT, SCRIPT = (
    "full", "again", "changed", "limited", "armed", "limit", "script",
)  # fmt: skip
# The script starts a process for each host.
SCRIPT_HOSTS = 40
FLATTENERS: Mapping[str, Callable[[Path, Path, Path], tuple[Path, Path]]] = {
    "flat": flattening.of_inventory,
    "examples": flattening.of_resolved,
}


class DifferenceError(Exception):
    """The limit has written another kickstart than ksgen."""


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


def rounds(case: Case, count: int) -> list[dict[str, Time]]:
    """All commands, so many times in turn."""
    with measure.directory() as directory:
        inventory = sites.SITES[case.site](directory, case.hosts, case.addon)
        return [{**_round(case, inventory, directory), **_script_round(case)} for _ in range(count)]


def _round(case: Case, inventory: Path, directory: Path) -> dict[str, Time]:
    out, host, original = directory / "out", sites.first_host(inventory), inventory.read_text()
    full: list[str | Path] = [*KSGEN, inventory, "-o", out]
    times = {FULL: measure.timed(full), AGAIN: measure.timed(full)}
    source, template = FLATTENERS[case.site](inventory, out / "ks", directory)
    times[LIMIT] = measure.timed([*PYTHON, HERE / "limit" / "render.py", source, template, directory / "limit"])
    compare(out / "ks", directory / "limit")
    inventory.write_text(with_one_change(original))
    times[CHANGED] = measure.timed(full)
    # The host that is written now gets its own values back.
    inventory.write_text(original)
    times[LIMITED] = measure.timed([*full, "--limit", host])
    _put_kernel(out)
    times[ARMED] = measure.timed([*KSGEN, "arm", inventory, host, "-o", out])
    for path in (out, directory / "limit", directory / "run"):
        shutil.rmtree(path, ignore_errors=True)
    return times


def _script_round(case: Case) -> dict[str, Time]:
    """The script that an operator would write. Its template is for one kind of host only."""
    if case.site != "flat":
        return {}
    with measure.directory() as directory:
        inventory = sites.flat(directory, SCRIPT_HOSTS, case.addon)
        return {SCRIPT: measure.timed([*PYTHON, HERE / "script" / "render.py", inventory, directory / "out"])}


def _put_kernel(out: Path) -> None:
    """What `arm` wants to see in the published tree; a run copies it from an install tree, which there is none of."""
    kernel = out / "boot" / "el9" / "vmlinuz"
    kernel.parent.mkdir(parents=True)
    kernel.touch()


def with_one_change(inventory: str) -> str:
    """An inventory in which one host has another disk."""
    changed, count = re.subn(r'(?<=wwn: ")0x5\w{6}', "0x500a075", inventory, count=1)
    assert count
    return changed


def compare(ours: Path, theirs: Path) -> None:
    """Compare all kickstarts byte for byte."""
    names = {path.name for path in ours.iterdir()}
    if names != {path.name for path in theirs.iterdir()}:
        raise DifferenceError("the limit has written the kickstarts of other hosts")
    _, different, unreadable = filecmp.cmpfiles(ours, theirs, names, shallow=False)
    if different or unreadable:
        raise DifferenceError(f"the limit has written other kickstarts: {', '.join([*different, *unreadable][:3])}")
