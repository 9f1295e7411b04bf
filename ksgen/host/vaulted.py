# SPDX-License-Identifier: GPL-2.0-or-later
"""The password of `node_bmc`, which no kickstart and no boot file has.

Before anything is evaluated, a password that comes out of a vault is replaced by the mark of one. So no run needs the
password of the vault for it, and nothing that ksgen writes or prints can have it. Those that log in to controllers ask
for it by `opened_passwords`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Mapping

from ksgen.expressions import Expressions
from ksgen.host.places import problem_at
from ksgen.inventory import STDIN, HostEntry, Inventory
from ksgen.problems import Finding, Problem
from ksgen.syntax import Node, Vaulted, is_template
from ksgen.variables import FROM_VAULT, PREFIX

BMC = f"{PREFIX}bmc"
_PASSWORD = "password"
_ONE_LINE = "encrypt it without a line break: printf %s … | ansible-vault encrypt_string --stdin-name password"
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def unopened(inventory: Inventory) -> Inventory:
    """The inventory without these passwords."""
    if not any(BMC in entry.variables for entry in inventory.hosts):
        return inventory
    return dataclasses.replace(inventory, hosts=tuple(unopened_entry(entry) for entry in inventory.hosts))


def unopened_entry(entry: HostEntry) -> HostEntry:
    """A host without them. A password that is written down stays, and the type of the variable refuses it."""
    variable = entry.variables.get(BMC)
    node = variable.node.value.get(_PASSWORD) if variable and isinstance(variable.node.value, Mapping) else None
    if variable is None or node is None or not _is_vaulted(node, entry, frozenset()):
        return entry
    assert isinstance(variable.node.value, Mapping)
    marked = node._replace(value={FROM_VAULT: Node("", node.mark)}, is_secret=False, secrets=())
    whole = variable.node._replace(value={**variable.node.value, _PASSWORD: marked})
    return dataclasses.replace(entry, variables={**entry.variables, BMC: dataclasses.replace(variable, node=whole)})


def opened_passwords(inventory: Inventory, names: Collection[str]) -> tuple[dict[str, str], list[Problem]]:
    """The passwords of the controllers of hosts, by the host's name, and why others stay closed.

    `names` are those of hosts that read_hosts has accepted.
    """
    expressions = Expressions(inventory, BMC.__eq__)
    passwords: dict[str, str] = {}
    problems: list[Problem] = []
    for entry in inventory.hosts:
        if entry.name not in names or BMC not in entry.variables:
            continue
        rendered = expressions.rendered(entry)
        problems += rendered.problems
        variable = rendered.entry.variables.get(BMC)
        node = variable.node.value.get(_PASSWORD) if variable and isinstance(variable.node.value, Mapping) else None
        if rendered.problems or node is None:
            continue
        if isinstance(node.value, str) and node.value and node.value.isprintable():
            passwords[entry.name] = node.value
        else:
            finding = Finding("bmc-password", "the password in the vault is not a text of one line", hint=_ONE_LINE)
            problems.append(problem_at(entry, (BMC, _PASSWORD), finding))
    return passwords, problems


def _is_vaulted(node: Node, entry: HostEntry, seen: frozenset[str]) -> bool:
    """Whether a value comes out of a vault, directly or by the variables of its expression.

    `ansible-inventory --list` has decrypted what is in vaulted files: of a value on standard input it is not known.
    """
    value = node.value
    if isinstance(value, Vaulted) or node.is_secret or node.mark.file == STDIN:
        return True
    if isinstance(value, Mapping):
        return any(_is_vaulted(child, entry, seen) for child in value.values())
    if isinstance(value, tuple):
        return any(_is_vaulted(child, entry, seen) for child in value)
    if not isinstance(value, str) or node.literal or not is_template(value):
        return False
    names = {name for name in _NAME.findall(value) if name in entry.variables} - seen
    return any(_is_vaulted(entry.variables[name].node, entry, seen | names) for name in names)
