# SPDX-License-Identifier: GPL-2.0-or-later
"""`ksgen serve`, which takes the reports of machines, `ksgen login` and `ksgen status`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import click

from ksgen.cli.arguments import HOSTS, ONE_HOSTS, PASSWORDS, SETTINGS, json_option
from ksgen.cli.completion import complete_hosts

_PATH = click.Path(path_type=Path)
_STATE = click.option(
    "--state",
    type=_PATH,
    default=lambda: os.environ.get("STATE_DIRECTORY") or "reports",
    show_default="reports",
    help="Directory of the database and the logins; in a systemd unit: $STATE_DIRECTORY.",
)
# As netboot.REPORTS_ADDRESS, which this module does not import: tests/cli/test_serve.py compares them.
_LISTEN = "127.0.0.1:8440"
# Where a command asks `ksgen serve`.
SERVER = click.option(
    "--server",
    default=f"http://{_LISTEN}",
    show_default=True,
    metavar="URL",
    envvar="KSGEN_SERVER",
    help="URL of `ksgen serve`; also $KSGEN_SERVER.",
)


def token_option(is_required: bool) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The file with the token; not required where a command may do without the server."""
    return click.option(
        "--token",
        type=_PATH,
        required=is_required,
        metavar="FILE",
        envvar="KSGEN_TOKEN",
        help="File with the token of `ksgen login`; also $KSGEN_TOKEN.",
    )


TOKEN = token_option(is_required=True)
CA = click.option(
    "--ca",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Certificate authority of the server, if the system does not know it.",
)
_DAYS = re.compile(r"([1-9][0-9]{0,3})d")


def _days(_: click.Context, __: click.Parameter, given: str) -> int:
    match = _DAYS.fullmatch(given)
    if match is None:
        raise click.BadParameter(f"{given!r} is not a number of days, such as 90d")
    return int(match[1])


@click.command(context_settings=SETTINGS)
@HOSTS
@click.option(
    "-o", "--output", "directory", default="out", show_default=True, type=_PATH, help="Directory of the published tree."
)
@_STATE
@click.option(
    "--database", metavar="FILE|URL", help="SQLite file, or postgresql://USER@HOST/NAME; default: in --state."
)
@click.option(
    "--listen",
    multiple=True,
    default=(_LISTEN,),
    show_default=_LISTEN,
    metavar="ADDRESS:PORT|unix:PATH",
    help="Where to listen; nginx.conf passes reports to the default. Not the loopback: TLS is required.",
)
@click.option(
    "--user-header",
    metavar="NAME",
    help="Header in which a proxy says who has logged in, such as X-Remote-User; believed on a Unix socket only.",
)
@click.option("--host", "names", multiple=True, metavar="NAME", help="Name by which people call it; *.example.com too.")
@click.option("--certificate", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="TLS certificate.")
@click.option("--key", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Its private key.")
@click.option(
    "--keep",
    default="90d",
    show_default=True,
    callback=_days,
    metavar="DAYS",
    help="Keep attempts for so long; the newest of each host stays.",
)
@click.option(
    "--notify",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="COMMAND",
    help="Run as `COMMAND HOST STATE` when a host is up or has failed, with the message on standard input.",
)
@PASSWORDS
def serve(
    hosts: tuple[str, ...],
    directory: Path,
    state: Path,
    database: str | None,
    listen: tuple[str, ...],
    user_header: str | None,
    names: tuple[str, ...],
    certificate: Path | None,
    key: Path | None,
    keep: int,
    notify: Path | None,
    passwords: tuple[str, ...],
) -> None:
    """Take the reports of machines that are installed, and show the state of each host: docs/deployment.md.

    Without it machines are installed as well; what they report is then lost.
    """
    from ksgen.cli import serving

    serving.serve(serving.Options(
        hosts, directory, state, database, listen, user_header, names, certificate, key, keep, notify, passwords
    ))  # fmt: skip


@click.command(context_settings=SETTINGS)
@click.argument("name")
@click.option(
    "--role", type=click.Choice(("read", "operate")), default="read", show_default=True, help="What the login may do."
)
@_STATE
@click.option(
    "-o",
    "--output",
    "target",
    type=_PATH,
    required=True,
    metavar="FILE",
    help="New file for the token, which only its owner can read.",
)
def login(name: str, role: str, state: Path, target: Path) -> None:
    """Make a token with which NAME may look at `ksgen serve`, or a new one in the place of the old.

    The token is written to FILE and nowhere else: the server keeps its hash.
    """
    from ksgen.cli import serving

    serving.login(name, role, state, target)


@click.command(context_settings=SETTINGS)
@ONE_HOSTS
@click.argument("names", metavar="[HOST...]", nargs=-1, shell_complete=complete_hosts)
@SERVER
@TOKEN
@CA
@click.option("--watch", is_flag=True, help="Show it again and again, until Ctrl-C.")
@click.option("--wait", is_flag=True, help="Wait until every host that was armed is up or has failed.")
@PASSWORDS
@json_option("Print what the server answers as JSON.")
def status(
    hosts: str,
    names: tuple[str, ...],
    server: str,
    token: Path,
    ca: Path | None,
    watch: bool,
    wait: bool,
    passwords: tuple[str, ...],
    as_json: bool,
) -> None:
    """Show how far the installation of each HOST is; exit 1 if one has failed or is silent.

    HOST is a host, a group or a glob ('node0*'); default: all of them.
    """
    from ksgen.cli import status as command

    command.show(command.Question(hosts, names, server, token, ca, watch, wait, passwords, as_json))
