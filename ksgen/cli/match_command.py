# SPDX-License-Identifier: GPL-2.0-or-later
"""`ksgen facts`."""

from __future__ import annotations

import click

from ksgen.cli.arguments import SETTINGS


@click.command("facts", context_settings=SETTINGS)
def print_facts_script() -> None:
    """Print the script that collects the facts of a machine: its disks, what is on them, and its NICs.

    Run it as root on the machine, in an installer's shell, on a live medium or on the installed system. It prints the
    facts as JSON on standard output, and writes to no disk.
    """
    from ksgen.match import facts_script

    click.echo(facts_script(), nl=False)
