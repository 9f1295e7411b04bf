# SPDX-License-Identifier: GPL-2.0-or-later
"""The ratios of a site's runs, with their targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks import cobbler, measure, runs, sites
from benchmarks.figures import Figure, Target
from benchmarks.measure import KSGEN, Time
from benchmarks.runs import AGAIN, ARMED, CHANGED, COBBLER, FULL, LIMIT, LIMITED, SCRIPT, Case

OF_LIMIT: Target = ("at least", 0.5)
OF_SCRIPT: Target = ("at least", 200)
OF_COBBLER: Target = ("at least", 2.5)
# Parts of the time of a full run.
OF_FULL: Mapping[str, tuple[str, Target]] = {
    AGAIN: ("again, nothing changed / full run", ("at most", 0.75)),
    CHANGED: ("again, one host changed / full run", ("at most", 0.75)),
    LIMITED: ("--limit of one host / full run", ("at most", 0.5)),
    ARMED: ("arm of one host / full run", ("at most", 0.5)),
}
MB = 1_000_000
MEMORY: Mapping[int, Target] = {10_000: ("at most", 400), 100_000: ("at most", 2500)}


def figures(case: Case, times: Mapping[str, Time]) -> Iterator[Figure]:
    """The figures of a site, from the medians of its runs."""
    here: dict[str, Any] = {"site": case.site, "hosts": case.hosts, "addon": case.addon}
    full = times[FULL]
    speed = case.hosts / full.elapsed
    processor = f"{full.elapsed:.2f} s, {full.processor:.2f} s of processor time"
    yield Figure("full run", speed, unit=" hosts/s", note=processor, **here)
    limit = times[LIMIT]
    note = f"processor time: {limit.processor / full.processor:.3f}"
    yield Figure("hosts/s / the limit's", limit.elapsed / full.elapsed, OF_LIMIT, note=note, **here)
    if SCRIPT in times:
        script = 1 / times[SCRIPT].elapsed
        note = f"script: {script:.1f} hosts/s"
        yield Figure("hosts/s / those of a script with ksvalidator", speed / script, OF_SCRIPT, note=note, **here)
        known = COBBLER not in times
        of_cobbler = cobbler.KNOWN_SPEED if known else 1 / times[COBBLER].elapsed
        note = cobbler.KNOWN_NOTE if known else f"Cobbler: {of_cobbler:.0f} hosts/s"
        yield Figure("hosts/s / those of Cobbler's renderer", speed / of_cobbler, OF_COBBLER, note=note, **here)
    for name, (what, target) in OF_FULL.items():
        note = f"processor time: {times[name].processor / full.processor:.2f}"
        yield Figure(what, times[name].elapsed / full.elapsed, target, note=note, **here)


def memory(case: Case) -> Figure:
    """The memory of a full run."""
    with measure.directory() as directory:
        inventory = sites.SITES[case.site](directory, case.hosts, case.addon)
        return memory_figure(case, measure.peak_memory([*KSGEN, inventory, "-o", directory / "out"]))


def memory_figure(case: Case, peak: int) -> Figure:
    what, target = "memory of a full run, peak of the sum of PSS", MEMORY.get(case.hosts)
    return Figure(what, peak / MB, target, " MB", case.site, case.hosts, case.addon)


def measured(case: Case, rounds: int, cobbler_source: Path | None = None) -> tuple[list[Figure], dict[str, Any]]:
    """All figures of a site, and the times that they are from."""
    times = runs.rounds(case, rounds, cobbler_source)
    record = [{name: [t.elapsed, t.processor] for name, t in one.items()} for one in times]
    return [*figures(case, runs.medians(times)), memory(case)], {
        "site": case.site,
        "hosts": case.hosts,
        "addon": case.addon,
        "rounds": record,
    }
