# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands that show what an inventory means: `plan`, `explain` and `graph`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from ksgen.cli.arguments import HOSTS, ONE_HOSTS, PASSWORDS, SETTINGS, json_option
from ksgen.cli.completion import complete_host, complete_hosts


@click.command(context_settings=SETTINGS)
@ONE_HOSTS
@click.argument("host", required=False, shell_complete=complete_hosts)
@PASSWORDS
@json_option("Print the plans as JSON on standard output.")
def plan(hosts: str, host: str | None, passwords: tuple[str, ...], as_json: bool) -> None:
    """Show the storage layout of HOST: devices, free space, how many images fit. Of several hosts: a line for each.

    HOST is a host, a group or a glob; without it, all hosts are shown.
    """
    from ksgen.cli import showing

    showing.plan(hosts, host, passwords, as_json)


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
    from ksgen.cli import explaining

    explaining.explain(hosts, host, variable, passwords, as_json)


@click.command(context_settings=SETTINGS)
@HOSTS
def graph(hosts: Sequence[str]) -> None:
    """Show the groups and hosts of an inventory as a tree."""
    from ksgen.cli import showing

    showing.graph(hosts)
