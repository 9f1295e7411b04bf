# SPDX-License-Identifier: GPL-2.0-or-later
"""Which value a host gets: Ansible's order of groups and layers.

From weakest to strongest (VARIABLE_PRECEDENCE of ansible-core, and VariableManager.get_vars): `all` inline, the other
groups inline, group_vars of `all`, group_vars of the others, the host inline, host_vars. Groups go by depth, priority,
name; a group is one deeper than the deepest group that it is below. With several inventories the directory goes before
the group: group_vars beside a later inventory win, whatever the group.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from ksgen.inventory.declared import DeclaredGroup, DeclaredHost, Layer, Variable, merged
from ksgen.problems import Mark, Problem

MAX_GROUP_DEPTH = 100


def attach(groups: Mapping[str, DeclaredGroup], hosts: Mapping[str, DeclaredHost]) -> None:
    """Put groups without a parent under `all`, and hosts without a group of their own into `ungrouped`."""
    has_parent = {child for group in groups.values() for child in group.children}
    everything, ungrouped = groups["all"], groups["ungrouped"]
    for group in groups.values():
        if group.name != "all" and group.name not in has_parent:
            everything.children[group.name] = group.mark
    for host in hosts.values():
        if host.groups.keys() - {"all", "ungrouped"}:
            host.groups.pop("ungrouped", None)
            ungrouped.hosts.pop(host.name, None)
        else:
            host.groups["ungrouped"] = None
            ungrouped.hosts[host.name] = None


def cut_loops(groups: Mapping[str, DeclaredGroup]) -> list[Problem]:
    """Remove and report the memberships that close a circle."""
    problems: list[Problem] = []
    finished: set[str] = set()
    for start in groups:
        if start in finished:
            continue
        way = {start: iter(list(groups[start].children.items()))}
        while way:
            name = next(reversed(way))
            child, mark = next(way[name], (None, Mark("", 1)))
            if child is None:
                finished.add(name)
                del way[name]
            elif child in way:
                del groups[name].children[child]
                problems.append(
                    Problem(
                        "group-loop",
                        f"{child!r} is below {name!r}, which is below {child!r}"
                        if child != name
                        else f"{child!r} is below itself",
                        mark,
                        hint="remove one of the two",
                    )
                )
            elif child not in finished:
                way[child] = iter(list(groups[child].children.items()))
    return problems


def depths(groups: Mapping[str, DeclaredGroup]) -> tuple[dict[str, int], list[Problem]]:
    """The depth of each group: the longest way from `all`."""
    waiting = dict.fromkeys(groups, 0)
    for group in groups.values():
        for child in group.children:
            waiting[child] += 1
    result = dict.fromkeys(groups, 0)
    ready = [name for name, count in waiting.items() if not count]
    problems = []
    while ready:
        name = ready.pop()
        for child, mark in groups[name].children.items():
            result[child] = max(result[child], result[name] + 1)
            waiting[child] -= 1
            if not waiting[child]:
                ready.append(child)
                if result[child] > MAX_GROUP_DEPTH:
                    problems.append(
                        Problem("nested-too-deep", f"more than {MAX_GROUP_DEPTH} levels of nested groups", mark)
                    )
    return result, problems[:1]


class Precedence:
    """Merges; what hosts of the same groups have in common is merged once."""

    def __init__(
        self,
        groups: Mapping[str, DeclaredGroup],
        depth: Mapping[str, int],
        group_files: Mapping[str, tuple[Layer, ...]],
    ) -> None:
        self._groups, self._depth, self._files = groups, depth, group_files
        self._parents: dict[str, list[str]] = {name: [] for name in groups}
        for group in groups.values():
            for child in group.children:
                self._parents[child].append(group.name)
        self._shared: dict[tuple[str, ...], tuple[tuple[str, ...], Layer, dict[str, Variable]]] = {}

    def _order(self, name: str) -> tuple[int, int, str]:
        return self._depth[name], self._groups[name].priority, name

    def _with_ancestors(self, names: tuple[str, ...]) -> set[str]:
        found = set(names)
        left = list(names)
        while left:
            for parent in self._parents[left.pop()]:
                if parent not in found:
                    found.add(parent)
                    left.append(parent)
        return found

    def _of_groups(self, direct: tuple[str, ...]) -> tuple[tuple[str, ...], Layer, dict[str, Variable]]:
        """For hosts of these groups: all their groups, what those give them, and the same as finished variables."""
        known = self._shared.get(direct)
        if known is not None:
            return known
        names = sorted(self._with_ancestors(direct) - {"all"}, key=self._order)
        layer = self._groups["all"].variables
        for name in names:
            layer = merged(layer, self._groups[name].variables)
        for files in self._files.get("all", ()):
            layer = merged(layer, files)
        for files_of_groups in zip(*(self._files[name] for name in names if name in self._files), strict=True):
            for files in files_of_groups:
                layer = merged(layer, files)
        self._shared[direct] = tuple(sorted(names)), layer, {name: top(stack) for name, stack in layer.items()}
        return self._shared[direct]

    def of(self, host: DeclaredHost, files: tuple[Layer, ...]) -> tuple[tuple[str, ...], dict[str, Variable]]:
        """The names of the host's groups, and its variables."""
        names, below, variables = self._of_groups(tuple(sorted(host.groups)))
        own = host.variables
        for layer in files:
            own = merged(own, layer)
        variables = variables.copy()
        for name, stack in own.items():
            lost = below.get(name)
            variables[name] = top(stack + lost) if lost else top(stack)
        return names, variables


def top(stack: tuple[Variable, ...]) -> Variable:
    """The winner, knowing what it overrode."""
    return stack[0] if len(stack) == 1 else dataclasses.replace(stack[0], overrides=stack[1:])
