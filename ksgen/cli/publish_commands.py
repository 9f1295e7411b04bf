# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands that publish from the inventory, `render` and `arm`, and those of the published tree."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ksgen.cli.arguments import ARMED_UNASKED, HOSTS, JSON, ONE_HOSTS, PASSWORDS, SETTINGS
from ksgen.cli.completion import complete_hosts
from ksgen.targets import VERSIONS

if TYPE_CHECKING:
    from ksgen.netboot import Given

_OUTPUT = click.option(
    "-o", "--output", "directory", default="out", show_default=True, type=click.Path(path_type=Path),
    help="Directory of the published tree.",
)  # fmt: skip
# Options that `disarm` accepted earlier; scripts that still pass them keep working.
_NOT_NEEDED = tuple(
    click.option(option, multiple=True, hidden=True, expose_value=False)
    for option in ("--templates", "--tree", "--images", "--run", "--vault-password-file")
)


def _directory(_: click.Context, __: click.Parameter, given: str | None) -> Given:
    if given is None:
        return None
    from ksgen.netboot import NONE

    if given == NONE:
        return NONE
    if not Path(given).is_dir():
        raise click.BadParameter(f"{given!r} is neither a directory nor {NONE!r}")
    return Path(given)


def _trees(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> dict[str, Given]:
    found: dict[str, Given] = {}
    for text in given:
        from ksgen.netboot import NONE

        release, equals, path = text.partition("=")
        if not equals or release not in VERSIONS or not (path == NONE or Path(path).is_dir()):
            raise click.BadParameter(
                f"{text!r} is not RELEASE=DIR, with {' or '.join(VERSIONS)} and an existing directory"
            )
        found[release] = Path(path) if path != NONE else NONE
    return found


def _file(_: click.Context, parameter: click.Parameter, given: str | None) -> Given:
    """A file that nginx reads. It need not be readable here: a private key often is readable by root only."""
    if given is None:
        return None
    from ksgen.netboot import NONE

    if given == NONE and parameter.name == "certificate":
        return NONE
    try:
        mode = Path(given).stat().st_mode
    except PermissionError:
        return Path(given)
    except OSError as error:
        raise click.BadParameter(f"{given}: {error.strerror}") from error
    if stat.S_ISDIR(mode):
        raise click.BadParameter(f"{given} is a directory")
    return Path(given)


def publishing(command: Callable[..., None]) -> Callable[..., None]:
    """The options of where and what is published."""
    path = click.Path(path_type=Path)
    for option in reversed((
        click.option("-o", "--output", "directory", default="out", show_default=True, type=path,
                     help="Directory to publish into."),
        click.option("--templates", callback=_directory, metavar="DIR",
                     help="Directory of templates that override the built-in ones; remembered, `none` resets."),
        click.option("--tree", "trees", multiple=True, callback=_trees, metavar="EL=DIR",
                     help="Install tree of a release; remembered, `EL=none` resets."),
        click.option("--images", callback=_directory, metavar="DIR",
                     help="Directory of node images that nginx serves; remembered, `none` resets."),
        click.option("--run", type=path, help="Directory for logs and leases; remembered; default: beside the output."),
        click.option("--certificate", callback=_file, metavar="FILE",
                     help="TLS certificate for nginx; remembered, `none` resets it and the key."),
        click.option("--key", callback=_file, metavar="FILE", help="Private key of the certificate; remembered."),
        PASSWORDS,
    )):  # fmt: skip
        command = option(command)
    return command


def _publishing(command: Callable[..., None]) -> Callable[..., None]:
    """The options that render and arm share."""
    for option in reversed((
        publishing,
        click.option("--dry-run", is_flag=True, help="Write nothing; exit 1 if something would change."),
        click.option("--check-slowly", is_flag=True,
                     help="Check every host in full, not one of those that differ only in names, addresses and disks."),
        JSON,
    )):  # fmt: skip
        command = option(command)
    return command


@click.command(context_settings=SETTINGS)
@HOSTS
@click.option(
    "--limit",
    metavar="PATTERN",
    shell_complete=complete_hosts,
    help="Comma-separated hosts, groups or globs: write only these.",
)
@click.option("--diff", "show_diff", is_flag=True, help="Show the changes as a unified diff.")
@_publishing
@click.option("--check", "only_check", is_flag=True, help="Like --dry-run, but exit 1 only on errors.")
def render(dry_run: bool, only_check: bool, **options: Any) -> None:
    """Check the inventory and publish a kickstart and boot files for each host; with errors nothing is written."""
    from ksgen.cli import publishing

    publishing.render(dry_run or only_check, only_check, options)


@click.command(context_settings=SETTINGS)
@ONE_HOSTS
@click.argument("names", metavar="HOST...", nargs=-1, required=True, shell_complete=complete_hosts)
@click.option("-i", "--inventory", "more", multiple=True, metavar="HOSTS", help="Additional inventory of the site.")
@click.option("--until", metavar="TIME", help="90m, 6h, 2d or 2026-05-04T18:00; default: 6h.")
@click.option("--reinstall", is_flag=True, help="This once as with node_reinstall: a node on the disks is erased.")
@click.option(
    "--yes",
    is_flag=True,
    help=f"Do not ask for confirmation, which more than {ARMED_UNASKED} hosts require.",
)
@_publishing
def arm(
    hosts: str,
    names: tuple[str, ...],
    more: tuple[str, ...],
    until: str | None,
    reinstall: bool,
    yes: bool,
    **options: Any,
) -> None:
    """Arm each HOST: until TIME it can boot the installer once, which erases its disks. All others boot their disk.

    HOST is a host, a group or a glob ('node0*'), or `all`. The hosts and their disks are listed; arming more than a few
    requires confirmation.
    """
    from ksgen.cli import publishing

    publishing.arm([hosts, *more], names, until, reinstall, yes, options)


@click.command(context_settings=SETTINGS)
@ONE_HOSTS
@click.argument("names", metavar="HOST...", nargs=-1, required=True, shell_complete=complete_hosts)
@_OUTPUT
@click.option(
    "--ended",
    is_flag=True,
    help="Only hosts whose arming has expired or was withdrawn; with `all` a discovery that is over, too.",
)
@click.option("--dry-run", is_flag=True, help="Write nothing; exit 1 if something would change.")
@JSON
def disarm(hosts: str, names: tuple[str, ...], directory: Path, ended: bool, dry_run: bool, as_json: bool) -> None:
    """Disarm each HOST: it boots its disk again.

    HOST is a host, a group or a glob ('node0*'), or `all`. The inventory is read only to resolve groups and globs; it
    may be invalid or missing, and HOST may no longer be in it.
    """
    from ksgen.cli import disarming

    disarming.disarm(hosts, names, directory, ended, dry_run, as_json)


for _option in _NOT_NEEDED:
    disarm = _option(disarm)


@click.command(context_settings=SETTINGS)
@ONE_HOSTS
@_OUTPUT
@click.option(
    "--run",
    type=click.Path(path_type=Path),
    help="Directory where nginx records fetched kickstarts; default: remembered.",
)
@click.option("--templates", hidden=True, expose_value=False)
@click.option("--tree", multiple=True, hidden=True, expose_value=False)
@click.option("--images", hidden=True, expose_value=False)
@PASSWORDS
@JSON
def armed(hosts: str, directory: Path, run: Path | None, passwords: tuple[str, ...], as_json: bool) -> None:
    """Show which hosts are armed, until when, and the status of each.

    This is the state of the published tree. If the inventory can be read, changes that it would cause are noted.
    """
    from ksgen.cli import disarming

    disarming.armed(hosts, directory, run, passwords, as_json)
