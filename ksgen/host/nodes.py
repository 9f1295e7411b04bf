# SPDX-License-Identifier: GPL-2.0-or-later
"""Which hosts of an inventory are nodes, and what can be said of those whose variables could not all be read."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import re
from collections.abc import Iterable, Sequence

from ksgen.host.rules import NO_LOGIN
from ksgen.inventory import HostEntry, Inventory
from ksgen.problems import Problem
from ksgen.variables import PREFIX, misspelt, parse_mac

# A host is a node if it has one of these.
_MAKE_A_NODE = ("node_mac", "node_disk")
_NAMES_LISTED = 3
# What follows from a variable that is missing, perhaps only because its file cannot be read.
_OF_ALL = frozenset({"variable-missing", NO_LOGIN})
_OF_ABSENCE = frozenset({"variable-missing", "undefined-name"})


def select_nodes(inventory: Inventory) -> tuple[list[HostEntry], list[Problem]]:
    """The hosts to install, and a note on the others: an inventory of Ansible's holds hosts of every kind."""
    nodes = [entry for entry in inventory.hosts if is_node(entry)]
    skipped = [entry for entry in inventory.hosts if is_skipped(entry)]
    problems = []
    if inventory.hosts and not nodes and not any(entry.is_incomplete for entry in inventory.hosts):
        message = "no host of the inventory is a node: none has node_mac or node_disk"
        hint = "set both for each host that is to be installed"
        problems.append(Problem("no-nodes", message, inventory.hosts[0].mark, hint=hint))
    elif skipped:
        names = ", ".join(entry.name for entry in skipped[:_NAMES_LISTED])
        more = f" and {len(skipped) - _NAMES_LISTED} more" if len(skipped) > _NAMES_LISTED else ""
        message = f"skipped, because neither node_mac nor node_disk is set: {names}{more}"
        hint = "set node_kind: none for hosts that are not nodes; --limit names the hosts of a run"
        problems.append(Problem("host-skipped", message, skipped[0].mark, "warning", hint=hint))
    return nodes, problems


def boot_mac(entry: HostEntry) -> str:
    """The MAC address in node_mac of a host that may have errors elsewhere; empty if there is none to be read."""
    mac = entry.variables.get(f"{PREFIX}mac")
    with contextlib.suppress(ValueError):
        return parse_mac(mac.node.value) if mac is not None else ""
    return ""


def is_node(entry: HostEntry) -> bool:
    """A misspelt variable of ksgen's says that the host is meant to be one."""
    if _is_declared_none(entry):
        return False
    return any(name in entry.variables for name in _MAKE_A_NODE) or any(map(misspelt, entry.variables))


def is_skipped(entry: HostEntry) -> bool:
    """Whether nothing says what the host is, although everything about it could be read."""
    return not is_node(entry) and not _is_declared_none(entry) and not entry.is_incomplete


def _is_declared_none(entry: HostEntry) -> bool:
    kind = entry.variables.get("node_kind")
    return kind is not None and kind.node.value == "none"


def certain(entry: HostEntry, problems: Iterable[Problem]) -> list[Problem]:
    """The problems of a host that are there whatever could not be read: those of values that are written down."""
    if not entry.is_incomplete:
        return list(problems)
    return [
        problem
        for problem in problems
        if problem.code not in _OF_ABSENCE
        and re.split(r"[.\[]", problem.variable or "", maxsplit=1)[0] in entry.variables
    ]


def missing_everywhere(inventory: Inventory, nodes: Sequence[HostEntry], problems: Iterable[Problem]) -> list[Problem]:
    """The problems; a required variable that no node has is one fault, unless each needs its own."""
    found = list(problems)
    top = inventory.groups.get("all")
    if top is None or not top.mark.file:  # a list of hosts may leave it out
        return found
    absences = [(problem.code, problem.variable) for problem in found if problem.code in _OF_ALL]
    everywhere = {
        absence
        for absence, count in collections.Counter(absences).items()
        if count == len(nodes) > 1 and absence[1] not in _MAKE_A_NODE
    }
    return [
        dataclasses.replace(problem, mark=top.mark) if (problem.code, problem.variable) in everywhere else problem
        for problem in found
    ]
