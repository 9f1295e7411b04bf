# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures ksgen against other ways to make the same files, and prints each ratio with its target.

Commands are run from start to exit, in turn, on tmpfs; a figure is a ratio of medians. The limit is a script that does
nothing but fill a template (limit/render.py), and its output is compared with ksgen's. Memory is measured in runs of
its own.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks import measure, ratios
from benchmarks.figures import Figure, table
from benchmarks.runs import Case, DifferenceError
from benchmarks.sites import SITES

HOSTS = (2000, 10_000)
ROUNDS = 3
QUICK_HOSTS = (200,)
# Once, of the first site: it takes gigabytes of tmpfs.
MANY_HOSTS = 100_000


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a single round with few hosts, to see that it works")
    parser.add_argument("--hosts", type=int, nargs="+", default=[], help=f"numbers of hosts; default: {HOSTS}")
    parser.add_argument("--rounds", type=int, default=0, help=f"runs of each command; default: {ROUNDS}")
    parser.add_argument("--site", choices=SITES, nargs="+", default=[*SITES], help="default: all")
    parser.add_argument("--addon", choices=("true", "false"), nargs="+", default=["true", "false"])
    parser.add_argument("--many", action="store_true", help=f"measure the memory of {MANY_HOSTS} hosts too")
    parser.add_argument(
        "--cobbler", type=Path, metavar="DIR", help="Cobbler's source, release 3.3; an environment is made in DIR/.venv"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures and all times")
    return parser.parse_args()


def _cases(given: argparse.Namespace) -> Iterator[Case]:
    for site in given.site:
        for hosts in given.hosts or (QUICK_HOSTS if given.quick else HOSTS):
            yield from (Case(site, hosts, addon == "true") for addon in given.addon)


def main() -> None:
    given = _options()
    figures: list[Figure] = []
    times = []
    try:
        for case in _cases(given):
            found, record = ratios.measured(case, given.rounds or (1 if given.quick else ROUNDS), given.cobbler)
            figures += found
            times.append(record)
            print(*table(found), sep="\n", flush=True)
        if given.many:
            figures.append(ratios.memory(Case("flat", MANY_HOSTS, True)))
            print(*table(figures[-1:]), sep="\n")
    except (measure.CommandError, DifferenceError) as error:
        sys.exit(f"benchmarks: {error}")
    if given.json:
        record = {"figures": [figure.to_json() for figure in figures], "times": times}
        given.json.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
