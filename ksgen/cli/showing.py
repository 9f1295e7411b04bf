# SPDX-License-Identifier: GPL-2.0-or-later
"""What `plan`, `explain` and `graph` do: they show what an inventory means."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

import click
from rich.console import Console

from ksgen.cli import picture
from ksgen.cli.edges import DONE, PIPE_WIDTH, PROBLEMS, show_problems
from ksgen.cli.selection import limited, read, unknown_host
from ksgen.host import explain_default, explain_host, read_hosts, shown_plan
from ksgen.variables import misspelt


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


def explain(hosts: str, host: str, variable: str | None, passwords: tuple[str, ...], as_json: bool) -> None:
    """Print the values of a host, or one of them or its default, and exit."""
    site, report = read([hosts], passwords)
    entry = next((entry for entry in site.hosts if entry.name == host), None)
    if entry is None:
        raise click.UsageError(unknown_host("host", host, [one.name for one in site.hosts]))
    if variable is not None and variable not in entry.variables:
        default = explain_default(variable)
        if default is None:
            meant = misspelt(variable)
            cure = f"; did you mean {meant!r}?" if meant else ""
            raise click.UsageError(f"{host} has no variable {variable!r}{cure}")
        click.echo(json.dumps({variable: default.to_json()}, indent=1) if as_json else picture.default_text(default))
        sys.exit(DONE)
    explanations, problems = explain_host(entry, site)
    report.extend(problems)
    found = [one for one in explanations if variable in (None, one.name)]
    if as_json:
        click.echo(json.dumps({one.name: one.to_json() for one in found}, indent=1))
    else:
        for one in found:
            click.echo("\n".join(picture.explanation_text(one)))
    show_problems([p for p in report.problems if p.host in (host, None)], site.sources, as_json=False)
    sys.exit(PROBLEMS if report.errors_of([host]) else DONE)


def graph(hosts: Sequence[str]) -> None:
    """Print the tree of groups and hosts, and exit."""
    site, report = read(hosts)
    Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False).print(picture.group_tree(site))
    show_problems(report.problems, site.sources, as_json=False)
    sys.exit(PROBLEMS if report.has_errors else DONE)
