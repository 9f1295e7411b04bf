# SPDX-License-Identifier: GPL-2.0-or-later
"""The inventory that the arguments name, and the hosts that they select."""

from __future__ import annotations

import fnmatch
import os
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TextIO

import click

from ksgen import inventory
from ksgen.inventory import Inventory, Opener, password_files
from ksgen.problems import Report
from ksgen.variables import is_claimed, nearest


def read(
    paths: Sequence[str],
    passwords: Sequence[str] = (),
    stdin: TextIO | None = None,
    instead: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Inventory, Report]:
    """The inventory of files or directories, and what is wrong with it. `instead` (path: text) stands for files."""
    report = Report()
    opener = Opener(password_files(passwords, os.environ))
    site, found = inventory.read(
        list(paths), stdin=stdin or sys.stdin, opener=opener, is_own=is_claimed, instead=instead
    )
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
