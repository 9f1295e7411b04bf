# SPDX-License-Identifier: GPL-2.0-or-later
"""`ksgen install`."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ksgen.cli.arguments import ONE_HOSTS, PASSWORDS, SETTINGS
from ksgen.cli.bmc_command import MEDIA_LISTEN
from ksgen.cli.completion import complete_hosts
from ksgen.cli.serve_commands import CA, SERVER, TOKEN

VIAS = ("hand", "pxe", "media")
_DURATION = re.compile(r"([1-9][0-9]{0,4})([smh])")
_SECONDS = {"s": 1, "m": 60, "h": 3600}


def _seconds(_: click.Context, __: click.Parameter, given: str) -> float:
    match = _DURATION.fullmatch(given)
    if match is None:
        raise click.BadParameter(f"{given!r} is not a duration, such as 90s, 15m or 2h")
    return float(match[1]) * _SECONDS[match[2]]


def _options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed((
        ONE_HOSTS,
        click.argument("names", metavar="HOST...", nargs=-1, required=True, shell_complete=complete_hosts),
        click.option("-o", "--output", "directory", default="out", show_default=True,
                     type=click.Path(path_type=Path), help="Directory of the published tree."),
        click.option("--via", type=click.Choice(VIAS), default="hand", show_default=True,
                     help="How machines are switched on: by a person, or by their controllers (`ksgen bmc`)."),
        click.option("--listen", default=MEDIA_LISTEN, show_default=True, metavar="ADDRESS:PORT",
                     help="Where `media` serves the media to the controllers."),
        click.option("--at-once", type=click.IntRange(min=1), default=8, show_default=True,
                     help="How many hosts are installed at once."),
        click.option("--max-failures", type=click.IntRange(min=0), metavar="K",
                     help="Begin no more hosts when more than K have failed."),
        click.option("--boot-within", default="15m", show_default=True, callback=_seconds, metavar="TIME",
                     help="For how long a machine may take to ask for its kernel: 90s, 15m, 2h."),
        click.option("--give-up-after", default="30m", show_default=True, callback=_seconds, metavar="TIME",
                     help="For how long a host may be silent or late before it has failed."),
        click.option("--take-over", is_flag=True, help="Also hosts that another run of this command has."),
        click.option("--skip-preflight", is_flag=True, help="Do not run `ksgen preflight` before."),
        click.option("--yes", is_flag=True, help="Do not ask."),
        SERVER, TOKEN, CA, PASSWORDS,
    )):  # fmt: skip
        command = option(command)
    return command


@click.command("install", context_settings=SETTINGS)
@_options
def install(**options: Any) -> None:
    """Install each HOST, some at once, and follow them until they are up: docs/deployment.md.

    HOST is a host, a group or a glob ('node0*'). Their disks are erased, after a question. Each is armed, switched on,
    and followed by what it reports to `ksgen serve`, which has to know the token as one of the role `operate`. Ctrl-C
    disarms what has not begun; the same command goes on later. Exit 1 if a host is not up in the end.
    """
    from ksgen.cli import installing

    installing.install(installing.Options(**options, is_reinstallation=False))


@click.command("reinstall", context_settings=SETTINGS)
@_options
def reinstall(**options: Any) -> None:
    """Install each HOST as `install` does, also where its disks hold a node: for this once as with `node_reinstall`.

    The permission ends with the arming: a host that is armed later is not erased if it holds a node.
    """
    from ksgen.cli import installing

    installing.install(installing.Options(**options, is_reinstallation=True))
