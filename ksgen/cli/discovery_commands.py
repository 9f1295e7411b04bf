# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands of machines: `ksgen discover`, `ksgen discovered`, `ksgen adopt` and `ksgen verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ksgen.cli.arguments import ONE_HOSTS, PASSWORDS, SETTINGS, json_option
from ksgen.cli.completion import complete_group, complete_hosts
from ksgen.cli.publish_commands import publishing
from ksgen.cli.serve_commands import CA, SERVER, TOKEN, token_option

_FACTS = click.option(
    "--facts",
    multiple=True,
    type=click.Path(exists=True),
    metavar="FILE",
    help="File that the script of `ksgen facts` has printed, or a directory of them; default: ask `ksgen serve`.",
)


# A rack is switched on in it, and machines that are forgotten boot their disk at night.
_DURATION = "2h"


@click.command(context_settings=SETTINGS)
@ONE_HOSTS
@click.option("--for", "duration", default=_DURATION, show_default=True, metavar="TIME", help="90m, 2h or 1d.")
@click.option(
    "--then",
    type=click.Choice(("poweroff", "disk")),
    default="poweroff",
    show_default=True,
    help="What a machine does that has told what it is: it switches itself off, or boots its disk.",
)
@click.option(
    "--group",
    default="all",
    show_default=True,
    shell_complete=complete_group,
    help="Group whose install tree, server and installer arguments are used.",
)
@click.option("--end", "is_end", is_flag=True, help="End a discovery that is running; the inventory is not read.")
@click.option("--no-wait", is_flag=True, help="Publish and return; no token is needed, and nothing is shown.")
@SERVER
@token_option(is_required=False)
@CA
@publishing
def discover(
    hosts: str,
    duration: str,
    then: str,
    group: str,
    is_end: bool,
    no_wait: bool,
    server: str,
    token: Path | None,
    ca: Path | None,
    directory: Path,
    **options: Any,
) -> None:
    """Discover machines that no host describes: until the end of TIME they boot an installer that only looks at them.

    Nothing is written to their disks. They tell `ksgen serve` what they are, and switch themselves off; those that have
    told are shown here. Hosts of the inventory boot as before. Ctrl-C ends the discovery: docs/deployment.md.
    """
    from ksgen.cli import discovering, machines

    if is_end:
        discovering.end(directory)
    source = machines.Source((), server, token, ca)
    discovering.discover(
        discovering.options(hosts, directory, options), discovering.Period(duration, then, group, source, not no_wait)
    )


@click.command(context_settings=SETTINGS)
@ONE_HOSTS
@_FACTS
@click.option("--yaml", "as_yaml", is_flag=True, help="Print them as hosts of an inventory.")
@SERVER
@token_option(is_required=False)
@CA
@PASSWORDS
@json_option("Print them as JSON on standard output.")
def discovered(
    hosts: str,
    facts: tuple[str, ...],
    as_yaml: bool,
    server: str,
    token: Path | None,
    ca: Path | None,
    passwords: tuple[str, ...],
    as_json: bool,
) -> None:
    """Show the machines that have been discovered and that no host of the inventory describes.

    `ksgen adopt` writes one into the inventory.
    """
    from ksgen.cli import discovering, machines

    discovering.discovered(hosts, machines.Source(facts, server, token, ca), as_yaml, passwords, as_json)


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
