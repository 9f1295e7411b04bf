# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the time of a run goes: which part of ksgen is at work, by sampling.

shares.py HOSTS DIRECTORY        as a program: a run of ksgen in one process; prints the samples as JSON

Every two milliseconds of processor time the stack is looked at. A sample counts for the subpackage of ksgen or of the
add-on that is innermost on the stack, so with the libraries that it calls; imports are counted by themselves.
"""

from __future__ import annotations

import collections
import contextlib
import io
import json
import os
import signal
import sys
import types
from collections.abc import Iterator
from pathlib import Path

from benchmarks import measure, sites

HOSTS = 2000
QUICK_HOSTS = 100
_EVERY = 0.002  # seconds of processor time
_OWN = ("ksgen", "org_ovirt_node")
_SELF = Path(__file__).resolve()


def measured(hosts: int) -> dict[str, float]:
    """The shares of a run with the site `flat`, the largest first."""
    with measure.directory() as directory:
        inventory = sites.flat(directory, hosts, True)
        command: list[str | Path] = [*measure.PYTHON, "-m", "benchmarks.shares", inventory, directory / "out"]
        counted: dict[str, int] = json.loads(measure.printed(command, "", {}))
    total = sum(counted.values())
    return {name: count / total for name, count in sorted(counted.items(), key=lambda item: -item[1])}


def _part(frame: types.FrameType | None) -> str:
    """What a stack counts for."""
    modules = [*_modules(frame)]
    if any(module.startswith("importlib.") for module in modules):
        return "imports"
    own = next((module for module in modules if module.split(".")[0] in _OWN), "imports")
    return ".".join(own.split(".")[:2])


def _modules(frame: types.FrameType | None) -> Iterator[str]:
    """The modules on a stack, the innermost first, without this one."""
    while frame is not None:
        if frame.f_code.co_filename != str(_SELF):
            yield str(frame.f_globals.get("__name__", ""))
        frame = frame.f_back


def main() -> None:
    """Run ksgen in this process, on one processor, so that it starts no others."""
    hosts, directory = sys.argv[1:]
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    samples: collections.Counter[str] = collections.Counter()
    signal.signal(signal.SIGPROF, lambda _, frame: samples.update([_part(frame)]))
    signal.setitimer(signal.ITIMER_PROF, _EVERY, _EVERY)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        from ksgen.cli import main as ksgen

        sys.argv = ["ksgen", hosts, "-o", directory]
        ksgen()
    signal.setitimer(signal.ITIMER_PROF, 0)
    if not Path(directory).exists():
        sys.exit("ksgen has written nothing")
    json.dump(samples, sys.stdout)


if __name__ == "__main__":
    main()
