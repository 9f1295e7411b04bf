# SPDX-License-Identifier: GPL-2.0-or-later
"""What `plan` and `graph` do: they show layouts and groups."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

import click
from rich.console import Console

from ksgen.cli import picture
from ksgen.cli.edges import DONE, PIPE_WIDTH, PROBLEMS, show_problems
from ksgen.cli.selection import limited, read
from ksgen.host import read_hosts, shown_plan


def plan(hosts: str, host: str | None, passwords: tuple[str, ...], as_json: bool) -> None:
    """Print the layouts of the hosts that a pattern selects, and exit."""
    site, report = read([hosts], passwords)
    known, found = read_hosts(site)
    report.extend(found)
    chosen = limited(site, host)
    wanted = [h for h in known if h.name in chosen]
    problems = [p for p in report.problems if p.host in chosen or p.host is None]
    plans = [(one, shown_plan(one)) for one in wanted]
    if as_json:
        by_name = {one.name: plan for one, plan in plans}
        shown = {
            entry.name: picture.plan_json(by_name.get(entry.name), [p for p in problems if p.host == entry.name])
            for entry in site.hosts
            if entry.name in chosen
        }
        click.echo(json.dumps(shown, indent=1))
        show_problems([p for p in problems if p.host is None], site.sources, as_json=False)
    else:
        console = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)
        if len(plans) == 1:
            console.print(picture.plan_picture(*plans[0]))
        elif plans:
            console.print(picture.plan_table(plans))
        show_problems(problems, site.sources, as_json=False)
    sys.exit(PROBLEMS if any(p.severity == "error" for p in problems) else DONE)


def graph(hosts: Sequence[str]) -> None:
    """Print the tree of groups and hosts, and exit."""
    site, report = read(hosts)
    Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False).print(picture.group_tree(site))
    show_problems(report.problems, site.sources, as_json=False)
    sys.exit(PROBLEMS if report.has_errors else DONE)
