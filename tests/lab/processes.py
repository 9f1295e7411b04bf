# SPDX-License-Identifier: GPL-2.0-or-later
"""Which programs ran in a machine and how long, from the kernel's record of its processes (guest/trace.sh)."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence

_LVM = re.compile(r"lvm|(?:lv|vg|pv)[a-z]+")
_EVENT = re.compile(r"^ *.+-(\d+) +\[\d+\] [^ ]+ +(\d+\.\d+): sched_process_(fork|exec|exit): (.*)$", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Execution:
    """A program from its start to its end, or to the next program of the same process. Times are in seconds."""

    program: str
    process: int
    ancestors: frozenset[int]
    begin: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.begin


def executions(record: str) -> tuple[Execution, ...]:
    """What was executed, in the order of its start; what has not ended is left out."""
    ancestors: dict[int, frozenset[int]] = {}
    running: dict[int, tuple[str, float]] = {}
    found = []
    for text, moment, event, fields in _EVENT.findall(record):
        process, now = int(text), float(moment)
        own = ancestors.get(process, frozenset())
        if event == "fork":
            ancestors[int(fields.rpartition("child_pid=")[2])] = own | {process}
            continue
        if process in running:
            program, begin = running.pop(process)
            found.append(Execution(program, process, own, begin, now))
        if event == "exec":
            path = fields.removeprefix("filename=").partition(" pid=")[0]
            running[process] = (path.rpartition("/")[2], now)
    return tuple(sorted(found, key=lambda each: each.begin))


def longest(found: Iterable[Execution], program: str) -> Execution:
    return max((each for each in found if each.program == program), key=lambda each: each.seconds)


def below(found: Iterable[Execution], one: Execution) -> tuple[Execution, ...]:
    """What was executed by this execution, and by what it has executed."""
    return tuple(each for each in found if one.process in each.ancestors and one.begin <= each.begin <= one.end)


def lvm_calls(found: Iterable[Execution]) -> tuple[str, ...]:
    return tuple(each.program for each in found if _LVM.fullmatch(each.program))


def told(name: str, seconds: float, found: Sequence[Execution]) -> str:
    """A line with the time, the number of LVM's programs, and what took the longest."""
    programs = dict.fromkeys(each.program for each in found)
    sums = {program: sum(each.seconds for each in found if each.program == program) for program in programs}
    most = sorted(sums.items(), key=lambda item: -item[1])[:5]
    listed = ", ".join(f"{program} {spent:.1f} s" for program, spent in most)
    return f"{name}: {seconds:.1f} s, {len(lvm_calls(found))} LVM calls ({listed})"
