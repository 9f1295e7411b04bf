# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands that show what an inventory means: `plan`, `explain` and `graph`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

import click
from rich.console import Console

from ksgen.cli import picture
from ksgen.cli.completion import complete_host, complete_hosts
from ksgen.cli.edges import (
    DONE,
    HOSTS,
    ONE_HOSTS,
    PASSWORDS,
    PIPE_WIDTH,
    PROBLEMS,
    SETTINGS,
    json_option,
    limited,
    read,
    show_problems,
    unknown_host,
)
from ksgen.host import explain_default, explain_host, read_hosts
from ksgen.kickstart import shown_plan
from ksgen.variables import misspelt


@click.command(context_settings=SETTINGS)
@ONE_HOSTS
@click.argument("host", required=False, shell_complete=complete_hosts)
@PASSWORDS
@json_option("Print the plans as JSON on standard output.")
def plan(hosts: str, host: str | None, passwords: tuple[str, ...], as_json: bool) -> None:
    """Show the storage layout of HOST: devices, free space, how many images fit. Of several hosts: a line for each.

    HOST is a host, a group or a glob; without it, all hosts are shown.
    """
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


@click.command(context_settings=SETTINGS)
@ONE_HOSTS
@click.argument("host", shell_complete=complete_host)
@click.argument("variable", required=False)
@PASSWORDS
@json_option("Print the values as JSON on standard output.")
def explain(hosts: str, host: str, variable: str | None, passwords: tuple[str, ...], as_json: bool) -> None:
    """Show each value of HOST and its template, where it comes from, what it overrode, and why.

    Of a VARIABLE of ksgen that is not set, the default is shown, and where it is documented.
    """
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


@click.command(context_settings=SETTINGS)
@HOSTS
def graph(hosts: Sequence[str]) -> None:
    """Show the groups and hosts of an inventory as a tree."""
    site, report = read(hosts)
    Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False).print(picture.group_tree(site))
    show_problems(report.problems, site.sources, as_json=False)
    sys.exit(PROBLEMS if report.has_errors else DONE)
