# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures ksgen against other ways to make the same files, and prints each ratio with its target.

Commands are run from start to exit, in turn, on tmpfs; a figure is a ratio of medians. The limit is a script that does
nothing but fill a template (limit/render.py), and its output is compared with ksgen's. Memory is measured in runs of
its own.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import curve, measure, ratios, shares, startup
from benchmarks.figures import table
from benchmarks.runs import Case, DifferenceError
from benchmarks.sites import SITES

HOSTS = (2000, 10_000)
ROUNDS = 3
QUICK_HOSTS = (200,)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a single round with few hosts, to see that it works")
    parser.add_argument("--hosts", type=int, nargs="+", default=[], help=f"numbers of hosts; default: {HOSTS}")
    parser.add_argument("--rounds", type=int, default=0, help=f"runs of each command; default: {ROUNDS}")
    parser.add_argument("--site", choices=SITES, nargs="+", default=[*SITES], help="default: all")
    parser.add_argument("--addon", choices=("true", "false"), nargs="+", default=["true", "false"])
    parser.add_argument(
        "--all",
        action="store_true",
        help=f"also what docs/performance.md shows: runs with 10 to {curve.HOSTS[-1]:,} hosts, and where the time goes",
    )
    parser.add_argument(
        "--most", type=int, default=curve.HOSTS[-1], metavar="HOSTS", help="with --all: not more hosts than this"
    )
    parser.add_argument(
        "--cobbler", type=Path, metavar="DIR", help="Cobbler's source, release 3.3; an environment is made in DIR/.venv"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures and all times")
    return parser.parse_args()


def _cases(given: argparse.Namespace) -> Iterator[Case]:
    for site in given.site:
        for hosts in given.hosts or (QUICK_HOSTS if given.quick else HOSTS):
            yield from (Case(site, hosts, addon == "true") for addon in given.addon)


def _machine() -> dict[str, Any]:
    """What the figures depend on."""
    model = re.search(r"^model name\s*: (.*)", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return {
        "processors": len(os.sched_getaffinity(0)),
        "processor": model[1] if model else platform.machine(),
        "python": platform.python_version(),
        "load": os.getloadavg()[0],
    }


def _ratios(given: argparse.Namespace) -> dict[str, Any]:
    figures, times = [], []
    for case in _cases(given):
        found, record = ratios.measured(case, given.rounds or (1 if given.quick else ROUNDS), given.cobbler)
        figures += found
        times.append(record)
        print(*table(found), sep="\n", flush=True)
    return {"figures": [figure.to_json() for figure in figures], "times": times}


def _commands(given: argparse.Namespace) -> dict[str, Any]:
    figures = [*startup.figures(1 if given.quick else startup.ROUNDS)]
    print(*table(figures), sep="\n", flush=True)
    return {"commands": [figure.to_json() for figure in figures]}


def _curve(given: argparse.Namespace) -> dict[str, Any]:
    points = []
    for hosts in curve.QUICK_HOSTS if given.quick else curve.HOSTS:
        if hosts > given.most:
            break
        point = curve.point(hosts)
        points.append(point)
        print(f"{hosts:>7,} hosts {point.elapsed:8.2f} s {point.memory / ratios.MB:6.0f} MB", flush=True)
    figures = [*curve.figures(points)]
    print(*table(figures), sep="\n", flush=True)
    return {
        "curve": [dataclasses.asdict(point) for point in points],
        "many": [figure.to_json() for figure in figures],
    }


def _shares(given: argparse.Namespace) -> dict[str, Any]:
    found = shares.measured(shares.QUICK_HOSTS if given.quick else shares.HOSTS)
    print(*(f"  {name:<24} {share:6.1%}" for name, share in found.items()), sep="\n")
    return {"shares": found}


def main() -> None:
    given, begin = _options(), time.monotonic()
    record: dict[str, Any] = {"machine": _machine()}
    measure.compile_modules()
    try:
        record |= _commands(given) | _ratios(given)
        if given.all:
            record |= _curve(given) | _shares(given)
    except (measure.CommandError, DifferenceError) as error:
        sys.exit(f"benchmarks: {error}")
    record["minutes"] = round((time.monotonic() - begin) / 60)
    print(f"measured in {record['minutes']} minutes")
    if given.json:
        given.json.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
