# SPDX-License-Identifier: GPL-2.0-or-later
"""How long short commands take, against the start of Python and pykickstart alone: python -m benchmarks.startup.

A figure is the ratio of two medians of processor time. All commands run in turn, in the same interpreter, and with
compiled modules, as an installed ksgen has them.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks import measure
from benchmarks.figures import Figure, Target, table
from benchmarks.measure import PYTHON

CHECKOUT = Path(__file__).resolve().parents[1]
SITE = "examples/hosts.yaml"
HOST = "node01.a.example.com"
KICKSTART = f"tests/data/goldens/{HOST}.ks"
ROUNDS = 15
# As pip installs it: the name of the variable for completion follows from it.
KSGEN = (str(Path(sys.executable).with_name("ksgen")),)

OF_PYTHON: Target = ("at most", 8)
OF_PYKICKSTART: Target = ("at most", 2.5)
# What ksvalidator does of it: the handler of the release of KICKSTART reads it.
_READER = """
import sys
from pykickstart.parser import KickstartParser
from pykickstart.version import makeVersion
KickstartParser(makeVersion("RHEL9"), followIncludes=False).readKickstart(sys.argv[1])
"""


@dataclasses.dataclass(frozen=True)
class Run:
    """A command, and what is added to its environment; `beside` is the yardstick: its time and the target."""

    what: str
    command: Sequence[str]
    beside: tuple[Run, Target] | None = None
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)


def _completing(line: str) -> dict[str, str]:
    """The environment in which a shell asks for the words that may end a line."""
    return {"_KSGEN_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}


_START = Run("python -c pass", (*PYTHON, "-c", "pass"))
_READ = Run("pykickstart reading FILE", (*PYTHON, "-c", _READER, KICKSTART))
RUNS = (
    _START,
    *(Run(f"ksgen {word}", (*KSGEN, word), (_START, OF_PYTHON)) for word in ("--version", "--help")),
    *(
        Run(what, KSGEN, (_START, OF_PYTHON), _completing(line))
        for what, line in (
            ("completion of a command", "ksgen re"),
            ("completion of an option", "ksgen render --"),
            ("completion of a host", f"ksgen plan {SITE} node01.a"),
        )
    ),
    _READ,
    Run("ksgen lint FILE", (*KSGEN, "lint", KICKSTART), (_READ, OF_PYKICKSTART)),
    Run("ksgen plan of a host", (*KSGEN, "plan", SITE, HOST), (_READ, OF_PYKICKSTART)),
    Run("ksgen explain of a host", (*KSGEN, "explain", SITE, HOST), (_READ, OF_PYKICKSTART)),
)


def processor_times(rounds: int) -> dict[str, float]:
    """The medians of all runs by their names, in seconds."""
    times: dict[str, list[float]] = {run.what: [] for run in RUNS}
    with measure.directory() as modules:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(modules)}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for number in range(rounds + 1):
            for run in RUNS:
                time = _processor_time(run, environment)
                times[run.what] += [time] if number else []  # the first one compiles the modules
    return {what: statistics.median(found) for what, found in times.items()}


def _processor_time(run: Run, environment: Mapping[str, str]) -> float:
    process = subprocess.Popen(
        run.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=CHECKOUT,
        env={**environment, **run.environment},
    )  # fmt: skip
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise measure.CommandError(f"{run.what} failed: exit code {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def figures(rounds: int = ROUNDS) -> Iterator[Figure]:
    """The ratios, each with its target."""
    times = processor_times(rounds)
    for run in RUNS:
        if run.beside:
            beside, target = run.beside
            own, other = times[run.what], times[beside.what]
            note = f"{1000 * own:.0f} ms; {1000 * other:.0f} ms"
            yield Figure(f"{run.what} / {beside.what}", own / other, target, note=note)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="benchmarks.startup", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"runs of each command; default: {ROUNDS}")
    print(*table(figures(parser.parse_args().rounds)), sep="\n")


if __name__ == "__main__":
    main()
