# SPDX-License-Identifier: GPL-2.0-or-later
"""Shell completion of hosts and groups, from the inventory that is already on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from ksgen.inventory import Inventory


def complete_host(ctx: click.Context, _: click.Parameter, word: str) -> list[str]:
    """The hosts that begin with a word."""
    return [name for name in _hosts(ctx) if name.startswith(word)]


def complete_group(ctx: click.Context, _: click.Parameter, word: str) -> list[str]:
    """The groups that begin with a word."""
    return [name for name in sorted(_site(ctx).groups) if name.startswith(word) and name != "ungrouped"]


def complete_hosts(ctx: click.Context, _: click.Parameter, word: str) -> list[str]:
    """The hosts and groups that begin with a word, or with what follows its last comma."""
    before, comma, begin = word.rpartition(",")
    groups = dict.fromkeys(group for groups in _hosts(ctx).values() for group in groups)
    names = [*_hosts(ctx), *sorted(groups), "all"]
    return [before + comma + name for name in names if name.startswith(begin)]


def _hosts(ctx: click.Context) -> dict[str, tuple[str, ...]]:
    """The hosts of the inventory, with their groups."""
    return {entry.name: entry.groups for entry in _site(ctx).hosts}


def _site(ctx: click.Context) -> Inventory:
    """The inventory; standard input is not read for it."""
    given = ctx.params.get("hosts") or ctx.params.get("site") or ()
    paths = [path for path in ([given] if isinstance(given, str) else given) if path != "-"]
    from ksgen import inventory

    site, _ = inventory.read(paths)
    return site


def complete_hosts_and_files(ctx: click.Context, parameter: click.Parameter, word: str) -> list[CompletionItem]:
    """The hosts and groups that begin with a word, or the files, which the shell completes."""
    names = [] if "/" in word else complete_hosts(ctx, parameter, word)
    return [*map(CompletionItem, names), CompletionItem(word, type="file")]
