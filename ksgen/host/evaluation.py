# SPDX-License-Identifier: GPL-2.0-or-later
"""All variables of hosts, as Ansible has them: for templates of a site, which may use those that are not ksgen's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ksgen.expressions import Expressions
from ksgen.host.host import Host
from ksgen.host.vaulted import unopened
from ksgen.inventory import Inventory
from ksgen.syntax import Node


def all_variables(inventory: Inventory, hosts: Iterable[Host]) -> dict[str, Mapping[str, Node]]:
    """By host: the values by name. One whose expression needs what only Ansible has is left out."""
    inventory = unopened(inventory)
    entries = {entry.name: entry for entry in inventory.hosts}
    expressions = Expressions(inventory, any_name)
    found: dict[str, Mapping[str, Node]] = {}
    for host in hosts:
        rendered = expressions.rendered(entries[host.name])
        found[host.name] = {name: variable.node for name, variable in rendered.entry.variables.items()}
    return found


def any_name(_name: str) -> bool:
    """For Expressions: every variable becomes a value."""
    return True
