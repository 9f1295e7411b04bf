# SPDX-License-Identifier: GPL-2.0-or-later
"""What the commands of ksgen share: reading the inventory, selecting hosts, printing problems."""

from __future__ import annotations

import fnmatch
import json
import os
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn, TextIO

import click
from rich.console import Console
from rich.text import Text

from ksgen import inventory
from ksgen.inventory import Inventory, Opener, password_files
from ksgen.problems import Problem, Report, folded, to_text
from ksgen.variables import is_claimed, nearest

# 0 done; 1 the input has problems, or a dry run found a difference; 2 wrong usage, which is click's own.
DONE, PROBLEMS = 0, 1
_NAMES_SHOWN = 4
PIPE_WIDTH = 120  # columns, if standard output is not a terminal


def read(paths: Sequence[str], passwords: Sequence[str] = (), stdin: TextIO | None = None) -> tuple[Inventory, Report]:
    report = Report()
    opener = Opener(password_files(passwords, os.environ))
    site, found = inventory.read(list(paths), stdin=stdin or sys.stdin, opener=opener, is_own=is_claimed)
    report.extend(found)
    return site, report


def limited(site: Inventory, limit: str | None) -> frozenset[str]:
    """The names of the hosts that a pattern selects. Raises a usage error if it matches no host."""
    names = frozenset(entry.name for entry in site.hosts)
    if limit is None:
        return names
    groups = {entry.name: entry.groups for entry in site.hosts}
    chosen: set[str] = set()
    for pattern in filter(None, limit.split(",")):
        found = matching(pattern, groups)
        if not found:
            raise click.UsageError(unknown_host("host or group", pattern, [*groups, *site.groups]))
        chosen |= found
    return frozenset(chosen)


def matching(pattern: str, groups: Mapping[str, Collection[str]]) -> frozenset[str]:
    """The hosts that a pattern matches: a host, a group, a glob of either, or `all`. `groups`: of each host."""
    return frozenset(
        name
        for name, those in groups.items()
        if pattern == "all" or any(fnmatch.fnmatchcase(word, pattern) for word in (name, *those))
    )


def unknown_host(what: str, word: str, names: Iterable[str]) -> str:
    """What is said of a name that no host or group has; a short name is completed."""
    longer = [name for name in names if name.startswith(f"{word}.")]
    cure = f"did you mean {longer[0]!r}?" if len(longer) == 1 else nearest(word, names)
    return f"no {what} named {word!r}" + (f"; {cure}" if cure else "")


def show_problems(
    problems: Sequence[Problem], sources: Mapping[str, str], as_json: bool, more: Mapping[str, object] | None = None
) -> None:
    """Print problems as text, or as JSON together with `more`."""
    if as_json:
        click.echo(json.dumps({"problems": [fold.to_json() for fold in folded(problems)], **(more or {})}, indent=1))
        return
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    for line in to_text(problems, sources if console.is_terminal else {}):
        text = Text(line)
        text.highlight_words([": error:"], "red")
        text.highlight_words([": warning:"], "yellow")
        text.highlight_words([": note:"], "cyan")
        console.print(text)


def count(problems: Sequence[Problem]) -> str:
    return counted(len(folded(problems)), "error")


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def names_text(names: Sequence[str]) -> str:
    """The names of a few hosts, or how many there are."""
    return ", ".join(names) if len(names) <= _NAMES_SHOWN else counted(len(names), "host")


def files_text(updated: int, removed: int, directory: Path, would: str = "") -> str:
    """`43 files updated, 1 removed in out`; `would`: "would be " for a dry run."""
    if not updated and not removed:
        return f"nothing {'would change' if would else 'has changed'} in {directory}"
    parts = [f"{counted(updated, 'file')} {would}updated"] if updated else []
    parts += [f"{removed if updated else counted(removed, 'file')} {would}removed"] if removed else []
    return ", ".join(parts) + f" in {directory}"


def talk(message: str) -> None:
    click.echo(message, err=True)


def stop(message: str) -> NoReturn:
    talk(message)
    sys.exit(PROBLEMS)
