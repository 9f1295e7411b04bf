# SPDX-License-Identifier: GPL-2.0-or-later
"""Arguments and options that several commands have.

The commands are declared apart from what they do, here and in *_command.py and *_commands.py: help, version and
completion import these modules and click, and a command imports the rest when it runs.
"""

from __future__ import annotations

from collections.abc import Callable

import click

# More hosts than these require confirmation: a glob or a group may match more than was intended.
ARMED_UNASKED = 4
SETTINGS = {"help_option_names": ["-h", "--help"]}

HOSTS = click.argument("hosts", nargs=-1, required=True, metavar="HOSTS", type=click.Path(allow_dash=True))
ONE_HOSTS = click.argument("hosts", metavar="HOSTS", type=click.Path(allow_dash=True))
PASSWORDS = click.option(
    "--vault-password-file",
    "passwords",
    multiple=True,
    metavar="FILE",
    help="File with the vault password, or an executable that prints it.",
)


def json_option(words: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option("--json", "as_json", is_flag=True, help=words)


JSON = json_option("Print problems as JSON on standard output.")


def efi_dir_given(_: click.Context, __: click.Parameter, given: str | None) -> str | None:
    if given is None:
        return None
    from org_ovirt_node.layout import is_efi_dir

    if not is_efi_dir(given):
        raise click.BadParameter(f"{given!r} is not the name of a directory below EFI/, such as almalinux")
    return given
