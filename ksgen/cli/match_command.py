# SPDX-License-Identifier: GPL-2.0-or-later
"""`ksgen facts` and `ksgen match`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from ksgen.cli.arguments import ONE_HOSTS, PASSWORDS, SETTINGS, json_option
from ksgen.cli.completion import complete_hosts_and_files


@click.command("facts", context_settings=SETTINGS)
def print_facts_script() -> None:
    """Print the script that collects the facts of a machine: its disks, what is on them, and its NICs.

    Run it as root on the machine, in an installer's shell, on a live medium or on the installed system. It prints the
    facts as JSON on standard output, and writes to no disk.
    """
    from ksgen.match import facts_script

    click.echo(facts_script(), nl=False)


@click.command("match", context_settings=SETTINGS)
@ONE_HOSTS
@click.argument("words", nargs=-1, required=True, metavar="[HOST]... FACTS...", shell_complete=complete_hosts_and_files)
@click.option(
    "--propose", is_flag=True, help="Print the inventory entries of machines that no host describes, as YAML."
)
@PASSWORDS
@json_option("Print verdicts and problems as JSON on standard output.")
def match_machines(hosts: str, words: Sequence[str], propose: bool, passwords: Sequence[str], as_json: bool) -> None:
    """Show which disk and which NIC each host would get on a machine, what would be lost, or why it would stop.

    FACTS are files that the script of `ksgen facts` has printed, or directories of them. HOST is a host, a group or a
    glob; without it, the host of each machine is found by the MAC addresses of its NICs, else by its disks.
    """
    from ksgen.cli import matching

    matching.match_machines(hosts, words, propose, passwords, as_json)
