# SPDX-License-Identifier: GPL-2.0-or-later
"""Time and memory against the number of hosts, of the site `flat`."""

from __future__ import annotations

import dataclasses
import shutil
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import flattening, measure, ratios, sites
from benchmarks.figures import Figure, Target
from benchmarks.measure import KSGEN, PYTHON, Time
from benchmarks.runs import LIMIT_SCRIPT, Case

HOSTS = (10, 100, 1000, 10_000, 100_000)
QUICK_HOSTS = (10, 100)
# "In proportion": the time of a host may grow by a tenth when there are ten times as many.
_IN_PROPORTION: Target = ("at most", 1.1)
# Up to so many hosts a run is short, so the median of three counts.
_REPEATED_TO = 1000


@dataclasses.dataclass(frozen=True)
class Point:
    """A full run of ksgen, and of the limit: seconds, and bytes."""

    hosts: int
    elapsed: float
    processor: float
    limit: float
    memory: int


def point(hosts: int) -> Point:
    """Measure with so many hosts. At most one output directory is on tmpfs at a time."""
    with measure.directory() as directory:
        inventory, out = sites.flat(directory, hosts, True), directory / "out"
        full: list[str | Path] = [*KSGEN, inventory, "-o", out]
        times, limits = [], []
        for _ in range(3 if hosts <= _REPEATED_TO else 1):
            times.append(measure.timed(full))
            source, template = flattening.of_inventory(inventory, out / "ks", directory)
            shutil.rmtree(out)
            limits.append(measure.timed([*PYTHON, LIMIT_SCRIPT, source, template, directory / "limit"]).elapsed)
            shutil.rmtree(directory / "limit")
        memory = measure.peak_memory(full)
    median = Time(
        statistics.median(time.elapsed for time in times), statistics.median(time.processor for time in times)
    )
    return Point(hosts, median.elapsed, median.processor, statistics.median(limits), memory)


def figures(points: Sequence[Point]) -> Iterator[Figure]:
    """What the curve says about the targets: the memory, and the time with the most hosts."""
    for point in points:
        figure = ratios.memory_figure(Case("flat", point.hosts, True), point.memory)
        if figure.target:
            yield figure
    if len(points) > 1:
        *_, fewer, most = points
        ratio = most.elapsed / most.hosts / (fewer.elapsed / fewer.hosts)
        what = f"time for each host / with {fewer.hosts:,} hosts"
        yield Figure(what, ratio, _IN_PROPORTION, site="flat", hosts=most.hosts)
