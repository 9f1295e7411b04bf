# SPDX-License-Identifier: GPL-2.0-or-later
"""Variables that a command sets for all nodes, whatever the inventory says: to install them in another way."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from ksgen.host.nodes import is_skipped
from ksgen.inventory import HostEntry, Inventory, Variable
from ksgen.syntax import Node
from ksgen.variables import PREFIX


def overridden(site: Inventory, values: Mapping[str, str | bool]) -> Inventory:
    """The inventory with these values for its nodes; a problem with one is at the line of what it replaces."""
    return dataclasses.replace(site, hosts=tuple(_entry(entry, values) for entry in site.hosts))


def _entry(entry: HostEntry, values: Mapping[str, str | bool]) -> HostEntry:
    # A host that is skipped would become one that lacks everything, and a plain host has no image.
    kind = entry.variables.get(f"{PREFIX}kind")
    if is_skipped(entry) or (kind is not None and kind.node.value != "node") or not entry.variables:
        return entry
    variables = {name: _variable(name, value, entry) for name, value in values.items()}
    return dataclasses.replace(entry, variables={**entry.variables, **variables})


def _variable(name: str, value: str | bool, entry: HostEntry) -> Variable:
    written = entry.variables.get(name)
    node = Node(value, written.node.mark if written else entry.mark, literal=True)
    if written:
        return dataclasses.replace(written, node=node, is_dynamic=False)
    origin = next(iter(entry.variables.values())).origin
    return Variable(name, node, entry.mark, origin, is_shared=False)
