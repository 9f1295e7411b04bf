# SPDX-License-Identifier: GPL-2.0-or-later
"""`ksgen rehearse`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from ksgen.cli.arguments import ONE_HOSTS, PASSWORDS, SETTINGS, json_option
from ksgen.cli.completion import complete_hosts
from ksgen.targets import VERSIONS

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_DIRECTORY = click.Path(exists=True, file_okay=False, path_type=Path)


def _of_release(
    ctx: click.Context, parameter: click.Parameter, given: tuple[str, ...]
) -> tuple[tuple[str | None, Path], ...]:
    """(release, path) of `el9=PATH`; the release is None where a boot ISO has none."""
    found: list[tuple[str | None, Path]] = []
    for text in given:
        release, equals, path = text.partition("=")
        is_named = bool(equals) and release in VERSIONS
        if parameter.name == "trees":
            if not is_named:
                raise click.BadParameter(f"{text!r} is not RELEASE=DIR, with {' or '.join(VERSIONS)}")
            found.append((release, _DIRECTORY.convert(path, parameter, ctx)))
        else:
            file = _FILE.convert(path if is_named else text, parameter, ctx)
            found.append((release if is_named else None, file))
    return tuple(found)


def _complete_of_release(_: click.Context, parameter: click.Parameter, word: str) -> list[CompletionItem]:
    """The releases, then what the shell knows."""
    releases = [CompletionItem(f"{release}=") for release in VERSIONS if f"{release}=".startswith(word)]
    kind = "dir" if parameter.name == "trees" else "file"
    has_release = word.partition("=")[0] in VERSIONS
    return [*releases, *([CompletionItem(word, type=kind)] if has_release or kind == "file" else [])]


# As rehearsal.REPLACEABLE, which this module does not import: a test compares them.
_REPLACEABLE = ("disks", "nics")


@click.command("rehearse", context_settings=SETTINGS)
@ONE_HOSTS
@click.argument("names", metavar="[HOST]...", nargs=-1, shell_complete=complete_hosts)
@click.option("-i", "--inventory", "more", multiple=True, metavar="HOSTS", help="Additional inventory of the site.")
@click.option(
    "--boot-iso", "isos", multiple=True, metavar="[EL=]FILE", callback=_of_release,
    shell_complete=_complete_of_release,
    help="Boot ISO of the installer of a release; by default of the one that is in it.",
)  # fmt: skip
@click.option(
    "--tree", "trees", multiple=True, metavar="EL=DIR", callback=_of_release,
    shell_complete=_complete_of_release,
    help="Install tree of a release instead, served at node_tree_url.",
)  # fmt: skip
@click.option("--image", metavar="FILE", type=_FILE, help="The node image, served at node_image_url.")
@click.option(
    "--images", metavar="DIR", type=_DIRECTORY, help="Directory of node images with the names in node_image_url."
)
@click.option(
    "--shapes", is_flag=True,
    help="One host of each shape: those that differ in their identity alone. Without installer: list them.",
)  # fmt: skip
@click.option(
    "--replace", multiple=True, type=click.Choice(_REPLACEABLE),
    help="Rehearse with other identities where QEMU does not have those of the inventory.",
)  # fmt: skip
@click.option("--memory", type=click.IntRange(min=2048), metavar="MIB", help="Memory; default: what the host needs.")
@click.option("--minutes", type=click.IntRange(min=1), help="Limit of each of two boots; default: 60, emulated 240.")
@click.option(
    "--work", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Directory for the disks."
)
@click.option("--keep", is_flag=True, help="Leave the machine running at the end, and the files; Ctrl-C ends it.")
@click.option("--console", is_flag=True, help="Show the serial console while it is written.")
@PASSWORDS
@json_option("Print steps and problems as JSON on standard output.")
def rehearse(hosts: str, **options: Any) -> None:
    """Install each HOST in a virtual machine as published, boot it, and compare it with the inventory.

    The machine has the disks, NICs and networks of the inventory; nothing of this machine's disks or networks is used.
    HOST is a host, a group or a glob. It takes minutes with KVM, and hours without.
    """
    from ksgen.cli import rehearsing

    rehearsing.rehearse(rehearsing.Options(hosts=hosts, **options))
