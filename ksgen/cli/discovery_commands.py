# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands that compare machines with the inventory: `ksgen adopt` and `ksgen verify`."""

from __future__ import annotations

from pathlib import Path

import click

from ksgen.cli.arguments import ONE_HOSTS, PASSWORDS, SETTINGS, json_option
from ksgen.cli.completion import complete_group, complete_hosts
from ksgen.cli.serve_commands import CA, SERVER, TOKEN, token_option

_FACTS = click.option(
    "--facts",
    multiple=True,
    type=click.Path(exists=True),
    metavar="FILE",
    help="File that the script of `ksgen facts` has printed, or a directory of them; default: ask `ksgen serve`.",
)


@click.command(context_settings=SETTINGS)
@ONE_HOSTS
@click.argument("mac")
@click.option("--as", "name", required=True, metavar="NAME", help="Name of the new host, such as node17.example.com.")
@click.option("--group", required=True, shell_complete=complete_group, help="Group of the inventory that it comes to.")
@_FACTS
@SERVER
@token_option(is_required=False)
@CA
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@PASSWORDS
def adopt(
    hosts: str,
    mac: str,
    name: str,
    group: str,
    facts: tuple[str, ...],
    server: str,
    token: Path | None,
    ca: Path | None,
    yes: bool,
    passwords: tuple[str, ...],
) -> None:
    """Write the machine with the MAC address MAC into the inventory, as a host of a group: docs/deployment.md.

    The lines are shown as a diff and confirmed first; no other line of the file changes. They have the boot NIC, and
    the disk that the installer would take; other NICs and disks are comments. The inventory is checked with the new
    host: with errors nothing is written.
    """
    from ksgen.cli import adopting, machines

    source = machines.Source(facts, server, token, ca)
    adopting.adopt(adopting.Adoption(hosts, mac, name, group, source, yes, passwords))


@click.command(context_settings=SETTINGS)
@ONE_HOSTS
@click.argument("names", metavar="[HOST...]", nargs=-1, shell_complete=complete_hosts)
@SERVER
@TOKEN
@CA
@PASSWORDS
@json_option("Print the differences as JSON on standard output.")
def verify(
    hosts: str,
    names: tuple[str, ...],
    server: str,
    token: Path,
    ca: Path | None,
    passwords: tuple[str, ...],
    as_json: bool,
) -> None:
    """Compare each HOST with what its machine has reported last: NICs, disks, serial number and firmware.

    A difference is shown at its line of the inventory, with the value to write there, and the exit status is 1. HOST
    is a host, a group or a glob ('node0*'); default: all of them.
    """
    from ksgen.cli import verifying

    verifying.verify(verifying.Question(hosts, names, server, token, ca, passwords, as_json))
