# SPDX-License-Identifier: GPL-2.0-or-later
"""What an inventory declares: groups, hosts and variables with their places, before anything is merged."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable
from typing import Literal

from ksgen import syntax
from ksgen.inventory import naming, ranges
from ksgen.problems import Mark, Problem
from ksgen.syntax import Node, kind

MAX_HOSTS = ranges.MAX_NAMES
# How often hosts may be named: 100 groups for each host of a site of 10,000.
MAX_MENTIONS = 1_000_000

STDIN = "<stdin>"
STRUCTURE_KEYS = ("hosts", "children", "vars")


@dataclasses.dataclass(frozen=True, slots=True)
class Origin:
    """Where a variable is defined: in the entry of a host or group, or in its files next to the inventory."""

    kind: Literal["group", "group_vars", "host", "host_vars"]
    name: str

    def __str__(self) -> str:
        if self.kind == "host":
            return f"hosts {self.name}" if "[" in self.name else "host"
        return f"group {self.name}" if self.kind == "group" else f"{self.kind}/{self.name}"


@dataclasses.dataclass(frozen=True, slots=True)
class Variable:
    """A variable and its place.

    `is_shared`: several hosts may have it from this place. `overrides` is what lost against it, nearest first; none of
    those names its own. `problems` holds for every host that has the variable. `is_dynamic`: see surprises.is_dynamic.
    """

    name: str
    node: Node
    key_mark: Mark
    origin: Origin
    is_shared: bool
    overrides: tuple[Variable, ...] = ()
    problems: tuple[Problem, ...] = dataclasses.field(default=(), repr=False, compare=False)
    is_dynamic: bool = False


# Variables by name; of one name, the one with precedence comes first.
Layer = dict[str, tuple[Variable, ...]]


@dataclasses.dataclass
class DeclaredGroup:
    """A group while the inventory is read."""

    name: str
    mark: Mark
    children: dict[str, Mark] = dataclasses.field(default_factory=dict)
    hosts: dict[str, None] = dataclasses.field(default_factory=dict)
    variables: Layer = dataclasses.field(default_factory=dict)
    priority: int = 1  # Ansible's default


@dataclasses.dataclass
class DeclaredHost:
    """A host while the inventory is read."""

    name: str
    mark: Mark
    groups: dict[str, None] = dataclasses.field(default_factory=dict)
    variables: Layer = dataclasses.field(default_factory=dict)


def merged(below: Layer, above: Layer) -> Layer:
    """Two layers, the second one winning; Ansible replaces a value whole."""
    if not below:
        return above
    if not above:
        return below
    result = below.copy()
    for name, stack in above.items():
        lost = result.get(name)
        result[name] = stack if lost is None else stack + lost
    return result


@dataclasses.dataclass(frozen=True, slots=True)
class _Range:
    """An entry of several hosts: its pattern, place and group, the hosts, and the variables it sets."""

    pattern: str
    mark: Mark
    group: str
    hosts: frozenset[str]
    variables: frozenset[str]

    def clashes_with(self, other: _Range) -> bool:
        """Whether the two overlap as no author means it.

        A range within another one is for its exceptions; in groups of their own ranges may overlap, unless both set
        the same variable.
        """
        is_partial = not (self.hosts <= other.hosts or other.hosts <= self.hosts)
        return is_partial and (self.group == other.group or not self.variables.isdisjoint(other.variables))


class _Overlaps:
    """Reports the ranges that overlap with an earlier one."""

    def __init__(self, problems: list[Problem]) -> None:
        self._problems = problems
        self._ranges: dict[str, list[_Range]] = {}

    def add(self, later: _Range) -> None:
        earlier = dict.fromkeys(one for host in later.hosts for one in self._ranges.get(host, ()))
        for one in sorted(earlier, key=lambda one: one.mark):
            if later.clashes_with(one):
                first, *more = sorted(later.hosts & one.hosts)
                names = f"{first} and {len(more)} more are" if more else f"{first} is"
                message = f"{names} also in {one.pattern!r}, {one.mark.file}:{one.mark.line}"
                hint = "write ranges that do not overlap; of a variable that both set, the later value takes precedence"
                self._problems.append(Problem("ranges-overlap", message, later.mark, "warning", hint=hint))
        for host in later.hosts:
            self._ranges.setdefault(host, []).append(later)


class Declarations:
    """Collects what all inventory files declare, in file order."""

    def __init__(self, is_own: Callable[[str], bool]) -> None:
        self._is_own = is_own
        nowhere = Mark("", 1)
        self.groups = {name: DeclaredGroup(name, nowhere) for name in ("all", "ungrouped")}
        self.groups["all"].children["ungrouped"] = nowhere
        self.hosts: dict[str, DeclaredHost] = {}
        self.flawed: list[Variable] = []
        self._lost: set[tuple[str, str]] = set()  # ("group", name) and ("host", name); ("", "") for all hosts
        self.problems: list[Problem] = []
        self._mentions = 0
        self._overlaps = _Overlaps(self.problems)

    def report(self, code: str, message: str, mark: Mark, hint: str | None = None, host: str | None = None) -> None:
        self.problems.append(Problem(code, message, mark, host=host, hint=hint))

    # What could not be read

    def lose(self, origin: Origin | None = None) -> None:
        """Take note that variables of a group or host could not be read; without an origin: of any host."""
        self._lost.add((origin.kind.removesuffix("_vars"), origin.name) if origin else ("", ""))

    def has_lost(self, host: str, groups: Iterable[str]) -> bool:
        """Whether a host of these groups may have variables that could not be read."""
        if not self._lost:
            return False
        places = (("", ""), ("host", host), ("group", "all"), *(("group", group) for group in groups))
        return not self._lost.isdisjoint(places)

    # Names

    def texts(self, mapping: Node, what: str) -> Iterable[tuple[str, Node]]:
        """The entries of a mapping whose keys are strings; the others are reported."""
        assert isinstance(mapping.value, dict)
        for key in mapping.odd_keys:
            source = syntax.shown(key.source or "")
            self.report(
                "key-not-text",
                f"YAML reads {source or 'nothing'} as {syntax.as_read(key)}, but the name of a {what} must be a string",
                key.mark,
                f'write it in quotes: "{source}"' if source else f"write the name of the {what}",
            )
        for name, node in mapping.value.items():
            if isinstance(name, str):
                yield name, node

    def is_mapping(self, node: Node, what: str, hint: str | None = None) -> bool:
        """Whether there is a mapping to read; nothing at all is in order, anything else is reported."""
        if node.value is None or isinstance(node.value, dict):
            return node.value is not None
        self.report("not-a-mapping", f"{kind(node)}, but {what} must be a mapping", node.mark, hint)
        return False

    def group(self, name: str, mark: Mark) -> DeclaredGroup | None:
        """The group of that name, new or known; None if no group can have the name."""
        known = self.groups.get(name)
        if known is not None:
            if not known.mark.file:  # one of the two that are always there
                known.mark = mark
            return known
        if not naming.GROUP_NAME.fullmatch(name):
            fixed = naming.group_fixed(name)
            is_in_use = naming.USED_GROUP_NAME.fullmatch(name) is not None
            should = "should not" if is_in_use else "cannot"
            message = f"{name!r} {should} name a group: letters, digits and underscores only, and no digit first"
            hint = f"write {fixed}" if fixed else None
            self.problems.append(Problem("group-name", message, mark, "warning" if is_in_use else "error", hint=hint))
            if not is_in_use:
                return None
        self.groups[name] = DeclaredGroup(name, mark)
        return self.groups[name]

    def _host_names(self, pattern: str, mark: Mark) -> tuple[str, ...]:
        """The hosts that a pattern expands to; none if something is wrong with it."""
        sample = ranges.sample(pattern)
        if naming.host_and_port(sample):
            name, _, port = pattern.rpartition(":")
            name = name.strip("[]") if naming.is_ipv6(name.strip("[]")) else name
            self.report(
                "host-port",
                f"Ansible takes {pattern!r} for the host {name!r} with the port {port}",
                mark,
                f"name the host {name}, and set ansible_port: {port}",
            )
            return ()
        expanded = ranges.expand(pattern)
        if isinstance(expanded, ranges.Fault):
            place = (
                mark
                if mark.length < len(pattern)
                else mark._replace(
                    column=mark.column + expanded.start + (mark.length - len(pattern)) // 2,
                    length=expanded.length,
                )
            )
            self.report(expanded.code, expanded.message, place, expanded.hint)
            return ()
        if not naming.is_host(sample):
            self.report(
                "host-name",
                f"{pattern!r} is not a valid host name: only letters, digits, dots and hyphens are allowed",
                mark,
            )
            return ()
        return expanded

    def host(self, name: str, mark: Mark, group: DeclaredGroup) -> DeclaredHost:
        host = self.hosts.get(name)
        if host is None:
            host = self.hosts[name] = DeclaredHost(name, mark)
        host.groups[group.name] = None
        group.hosts[name] = None
        return host

    # Variables

    def variable(self, name: str, node: Node, origin: Origin, is_shared: bool) -> tuple[Variable, ...]:
        """The stack of a variable, which nothing has overridden yet."""
        problems = syntax.problems_in(name, node, self._is_own(name))
        # What Ansible has put out has the names that its inventory plugins give: NetBox's `serial` and `tags`.
        misnamed = None if node.mark.file == STDIN else naming.name_problem(name, node)
        if misnamed:
            problems = (misnamed, *problems)
        is_dynamic = syntax.is_dynamic(node)
        variable = Variable(name, node, node.name_mark, origin, is_shared, (), problems, is_dynamic)
        if problems:
            self.flawed.append(variable)
        return (variable,)

    def variables(self, mapping: Node, origin: Origin, is_shared: bool) -> Layer:
        """The variables of one mapping."""
        return {name: self.variable(name, node, origin, is_shared) for name, node in self.texts(mapping, "variable")}

    def _set_priority(self, group: DeclaredGroup, node: Node) -> None:
        value = node.value
        if isinstance(value, str) and re.fullmatch("-?[0-9]{1,18}", value):
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool):
            group.priority = value
        else:
            self.report("group-priority", f"{kind(node)}, but ansible_group_priority must be a whole number", node.mark)

    # The structure of YAML inventories

    def file(self, root: Node) -> None:
        """One file: groups by name, usually `all` alone."""
        if not isinstance(root.value, dict):
            self.lose()
            self.report(
                "not-a-mapping", f"{kind(root)}, but an inventory must be a mapping", root.mark, "begin with 'all:'"
            )
            return
        if "plugin" in root.value:
            self.lose()
            self.report(
                "inventory-plugin",
                "this file configures an inventory plugin, and ksgen does not run plugins",
                root.value["plugin"].name_mark,
                "pipe the output of Ansible to ksgen: ansible-inventory -i FILE --list | ksgen -",
            )
            return
        if "_meta" in root.value:
            self.lose()
            self.report(
                "inventory-list",
                "the output of ansible-inventory --list, which Ansible does not read as a file",
                root.mark,
                "give it on standard input: ksgen - < FILE",
            )
            return
        for name, node in self.texts(root, "group"):
            if name in STRUCTURE_KEYS:
                self.lose()
                self.report("unknown-key", f"{name!r} is not in any group", node.name_mark, "put it below 'all:'")
            else:
                self._group(name, node)

    def _group(self, name: str, node: Node) -> DeclaredGroup | None:
        group = self.group(name, node.name_mark)
        if group is None or not self.is_mapping(node, f"the group {name!r}", "write 'hosts:' below it"):
            if node.value is not None:
                self.lose()
            return group
        for key, section in self.texts(node, "key"):
            if key not in STRUCTURE_KEYS:
                self.lose()
                self.report(
                    "unknown-key",
                    f"{key!r} is not one of the keys of a group: hosts, children, vars",
                    section.name_mark,
                    naming.did_you_mean(key, STRUCTURE_KEYS)
                    or (f"put it below 'vars:' if it is a variable of {name!r}"),
                )
            elif key == "vars":
                self._group_vars(group, section)
            elif key == "children":
                self._children(group, section)
            else:
                self._hosts(group, section)
        return group

    def _group_vars(self, group: DeclaredGroup, section: Node) -> None:
        origin = Origin("group", group.name)
        if not self.is_mapping(section, "'vars'", "write 'name: value' below it"):
            if section.value is not None:
                self.lose(origin)
            return
        layer = self.variables(section, origin, True)
        priority = layer.pop("ansible_group_priority", None)
        if priority is not None:
            self._set_priority(group, priority[0].node)
        group.variables = merged(group.variables, layer)

    def _children(self, group: DeclaredGroup, section: Node) -> None:
        if not self.is_mapping(section, "'children'", "end each name with a colon: 'name:'"):
            if section.value is not None:
                self.lose()
            return
        for name, node in self.texts(section, "group"):
            child = self._group(name, node)
            if child is not None:
                self.child(group, child, node.name_mark)

    def child(self, group: DeclaredGroup, child: DeclaredGroup, mark: Mark) -> None:
        # Ansible takes hosts out of `ungrouped` again if that is part of a group, and out of the group with it.
        if child.name == "ungrouped" and group.name != "all":
            self.report(
                "ungrouped",
                f"'ungrouped' is below {group.name!r}; it is allowed only below 'all'",
                mark,
                "use a group of your own",
            )
        elif group.name == "ungrouped":
            self.report(
                "ungrouped",
                f"{child.name!r} is below 'ungrouped', which can contain only hosts",
                mark,
                "put it below 'all'",
            )
        else:
            group.children.setdefault(child.name, mark)

    def _hosts(self, group: DeclaredGroup, section: Node) -> None:
        if not self.is_mapping(section, "'hosts'", "end each name with a colon: 'name:'"):
            return
        for pattern, node in self.texts(section, "host"):
            mark = node.name_mark
            names = self._host_names(pattern, mark)
            self._mentions += len(names)
            if len(self.hosts) + len(names) > MAX_HOSTS + self._known(names) or self._mentions > MAX_MENTIONS:
                self.report(
                    "too-many-hosts",
                    f"more than {MAX_HOSTS:,} hosts, or hosts named more than {MAX_MENTIONS:,} times",
                    mark,
                    "split the inventory",
                )
                return
            has_variables = self.is_mapping(node, f"the host {pattern!r}", "write 'name: value' below it, or nothing")
            origin = Origin("host", pattern)
            layer = self.variables(node, origin, len(names) > 1) if has_variables else {}
            for name in names if node.value is not None and not has_variables else ():
                self.lose(Origin("host", name))
            if len(names) > 1:
                self._overlaps.add(_Range(pattern, mark, group.name, frozenset(names), frozenset(layer)))
            for name in names:
                host = self.host(name, mark, group)
                if layer:
                    host.variables = merged(host.variables, layer)

    def _known(self, names: tuple[str, ...]) -> int:
        """How many of the names are no new hosts; counted only where it matters."""
        if len(self.hosts) + len(names) <= MAX_HOSTS:
            return 0
        return sum(name in self.hosts for name in names)

    # The JSON of `ansible-inventory --list`

    def listing(self, root: Node) -> None:
        """The output of `ansible-inventory --list`, or of an inventory script."""
        if not isinstance(root.value, dict):
            self.report(
                "not-a-mapping",
                f"{kind(root)}, but the output of ansible-inventory --list must be a mapping",
                root.mark,
            )
            return
        for name, node in root.value.items():
            if name != "_meta":
                self._listed_group(name, node)
        meta = root.value.get("_meta")
        if meta is None or not self.is_mapping(meta, "'_meta'"):
            return
        assert isinstance(meta.value, dict)
        hostvars = meta.value.get("hostvars")
        if hostvars is None or not self.is_mapping(hostvars, "'hostvars'"):
            return
        assert isinstance(hostvars.value, dict)
        for name, node in hostvars.value.items():
            if name not in self.hosts:
                self.report(
                    "host-in-no-group",
                    f"{name!r} has variables but is not in any group, so Ansible ignores it",
                    node.name_mark,
                )
            elif self.is_mapping(node, f"the host {name!r}"):
                self.hosts[name].variables = self.variables(node, Origin("host", name), False)

    def _listed_group(self, name: str, node: Node) -> None:
        group = self.group(name, node.name_mark)
        if group is None or not self.is_mapping(node, f"the group {name!r}"):
            return
        assert isinstance(node.value, dict)
        for key, section in node.value.items():
            if key == "vars":
                self._group_vars(group, section)
            elif key not in STRUCTURE_KEYS:
                self.report(
                    "unknown-key",
                    f"{key!r} is not one of the keys of a group: hosts, children, vars",
                    section.name_mark,
                    naming.did_you_mean(key, STRUCTURE_KEYS),
                )
            elif not isinstance(section.value, tuple):
                self.report("not-a-list", f"{kind(section)}, but {key!r} must be a list of names here", section.mark)
            else:
                for item in section.value:
                    self._listed_name(group, key, item)

    def _listed_name(self, group: DeclaredGroup, key: str, item: Node) -> None:
        if not isinstance(item.value, str):
            self.report("key-not-text", f"{kind(item)}, but a name must be a string", item.mark)
        elif key == "hosts":
            if naming.is_host(item.value):
                self.host(item.value, item.mark, group)
            else:
                self.report(
                    "host-name",
                    f"{item.value!r} is not a valid host name: only letters, digits, dots and hyphens are allowed",
                    item.mark,
                )
        else:
            child = self.group(item.value, item.mark)
            if child is not None:
                self.child(group, child, item.mark)
