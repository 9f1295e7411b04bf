# SPDX-License-Identifier: GPL-2.0-or-later
"""What the commands of ksgen share: how they read, choose, and tell."""

from __future__ import annotations

import fnmatch
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from ksgen import inventory
from ksgen.inventory import Inventory
from ksgen.problems import Problem, Report, to_text
from ksgen.vault import Opener, password_files
from org_ovirt_node.configuration import is_efi_dir

# 0 done; 1 the input has problems, or a dry run found a difference; 2 wrong usage, which is click's own.
DONE, PROBLEMS = 0, 1
PIPE_WIDTH = 120  # columns, where no terminal says how many there are
SETTINGS = {"help_option_names": ["-h", "--help"]}

HOSTS = click.argument("hosts", nargs=-1, required=True, metavar="HOSTS", type=click.Path(allow_dash=True))
ONE_HOSTS = click.argument("hosts", metavar="HOSTS", type=click.Path(allow_dash=True))
PASSWORDS = click.option(
    "--vault-password-file",
    "passwords",
    multiple=True,
    metavar="FILE",
    help="The password of vaulted values, or a program that prints it.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print problems as JSON on standard output.")


def read(paths: Sequence[str], passwords: Sequence[str] = ()) -> tuple[Inventory, Report]:
    report = Report()
    opener = Opener(password_files(passwords, os.environ))
    site, found = inventory.read(list(paths), stdin=sys.stdin, opener=opener)
    report.extend(found)
    return site, report


def limited(site: Inventory, limit: str | None) -> frozenset[str]:
    """The names of the hosts that a pattern means. Raises a usage error when it means none."""
    names = [entry.name for entry in site.hosts]
    if limit is None:
        return frozenset(names)
    chosen: set[str] = set()
    for pattern in filter(None, limit.split(",")):
        found = {
            entry.name
            for entry in site.hosts
            if fnmatch.fnmatchcase(entry.name, pattern) or any(fnmatch.fnmatchcase(g, pattern) for g in entry.groups)
        }
        if pattern == "all":
            found = set(names)
        if not found:
            raise click.UsageError(f"no host and no group is called {pattern!r}")
        chosen |= found
    return frozenset(chosen)


def host_names(hosts: str | None, word: str) -> list[str]:
    site, _ = inventory.read([hosts]) if hosts else (None, None)
    return [entry.name for entry in site.hosts if entry.name.startswith(word)] if site else []


def show_problems(problems: Sequence[Problem], sources: Mapping[str, str], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"problems": [problem.to_json() for problem in problems]}, indent=1))
        return
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    for line in to_text(problems, sources if console.is_terminal else {}):
        text = Text(line)
        text.highlight_words([": error:"], "red")
        text.highlight_words([": warning:"], "yellow")
        console.print(text)


def count(problems: Sequence[Any]) -> str:
    return f"{len(problems)} error{'' if len(problems) == 1 else 's'}"


def talk(message: str) -> None:
    click.echo(message, err=True)


def efi_dir_given(_: click.Context, __: click.Parameter, given: str | None) -> str | None:
    if given is not None and not is_efi_dir(given):
        raise click.BadParameter(f"{given!r} is not the name of a directory below EFI/, such as almalinux")
    return given
