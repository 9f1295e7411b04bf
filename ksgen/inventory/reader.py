# SPDX-License-Identifier: GPL-2.0-or-later
"""An Ansible inventory, read as Ansible reads it, and more strictly: hosts with their variables.

Where Ansible is silent or only warns, and a host would get a value that its author did not mean, there is a problem.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TextIO

from ksgen import syntax
from ksgen.inventory import ini, naming, precedence, sources, vault
from ksgen.inventory.declared import STDIN, Declarations, Layer, Origin, Variable, merged
from ksgen.problems import Finding, Mark, Problem
from ksgen.syntax import MAX_FILE_BYTES, Node, as_secret, kind

VarsKind = Literal["group_vars", "host_vars"]


@dataclasses.dataclass(frozen=True)
class HostEntry:
    """A host: where it is named first, its groups as Ansible's `group_names`, its variables.

    `is_incomplete`: a file or an entry that it may have variables from could not be read.
    """

    name: str
    mark: Mark
    groups: tuple[str, ...]
    variables: Mapping[str, Variable]
    is_incomplete: bool = False


@dataclasses.dataclass(frozen=True)
class Group:
    """A group with its own hosts, children and variables; `depth` and `priority` decide whose variables win."""

    name: str
    mark: Mark
    children: tuple[str, ...]
    hosts: tuple[str, ...]
    depth: int
    priority: int


@dataclasses.dataclass(frozen=True)
class Inventory:
    """Hosts in file order, groups by name, the text of every file that was read, what opens vaulted values, and which
    variables are ksgen's own.
    """

    hosts: tuple[HostEntry, ...] = ()
    groups: Mapping[str, Group] = dataclasses.field(default_factory=dict)
    sources: Mapping[str, str] = dataclasses.field(default_factory=dict)
    opener: vault.Opener = dataclasses.field(default_factory=vault.Opener, repr=False, compare=False)
    is_own: Callable[[str], bool] = dataclasses.field(default=naming.is_prefixed, repr=False, compare=False)


class _Reader:
    """Reads each file once and keeps its text, unless it was vaulted."""

    def __init__(self, opener: vault.Opener, is_own: Callable[[str], bool], instead: Mapping[str, str]) -> None:
        self.opener = opener
        self.instead = instead
        self.is_own = is_own
        self.declared = Declarations(is_own)
        self.problems = self.declared.problems
        self.texts: dict[str, str] = {}
        self._trees: dict[str, Node | None] = {}

    def tree(self, path: str, host: str | None = None, is_inventory: bool = False) -> Node | None:
        """The tree of a file; its problems are those of `host` alone if it is the host's own."""
        if path in self._trees:
            return self._trees[path]
        data = self.instead[path].encode() if path in self.instead else sources.read_bytes(path)
        node: Node | None = None
        found: list[Problem] = []
        name = sources.shown(path)
        if isinstance(data, Problem):
            found.append(data)
        elif data.startswith(vault.HEADER):
            node, found = self.vaulted(data, name)
        else:
            text = syntax.decode(data, name)
            if isinstance(text, Problem):
                found.append(text)
            else:
                self.texts[name] = text
                node, found = syntax.parse_yaml(text, name)
                if node is None and not found:
                    node = Node(None, Mark(name, 1))
                if is_inventory and (node is None or isinstance(node.value, str)) and ini.is_ini(text):
                    node, found = None, [ini.problem(path)]
        self.problems += [dataclasses.replace(problem, host=host) for problem in found]
        self._trees[path] = node
        return node

    def vaulted(self, data: bytes, name: str) -> tuple[Node | None, list[Problem]]:
        """The tree of a vaulted file. What is in it counts for its hosts, so that it has to be opened."""
        text = self.opener.open(data)
        if isinstance(text, Finding):
            return None, [text.at(Mark(name, 1))]
        node, found = syntax.parse_yaml(text, name)
        node = Node(None, Mark(name, 1)) if node is None and not found else node
        return as_secret(node) if node else None, [_discreet(problem) for problem in found]

    def inventory_file(self, path: str) -> None:
        root = self.tree(path, is_inventory=True)
        if root is None:
            self.declared.lose()
            return
        if root.value is None:
            self.declared.report(
                "empty-file",
                "the file is empty, but an inventory must be a mapping",
                Mark(root.mark.file, 1),
                "begin with 'all:'",
            )
        else:
            self.declared.file(root)

    def vars_files(self, paths: Sequence[str], origin: Origin) -> Layer:
        """The variables of one group or host from its files."""
        layer: Layer = {}
        is_group = origin.kind == "group_vars"
        for path in paths:
            root = self.tree(path, None if is_group else origin.name)
            if root is None:
                self.declared.lose(origin)
                continue
            if root.value is None:
                continue
            if not isinstance(root.value, dict):
                self.declared.lose(origin)
                self.declared.report(
                    "not-a-mapping",
                    f"{kind(root)}, but a variables file must be a mapping",
                    root.mark,
                    "write 'name: value'",
                    None if is_group else origin.name,
                )
                continue
            layer = merged(layer, self.declared.variables(root, origin, is_group))
            priority = root.value.get("ansible_group_priority") if is_group else None
            if priority is not None:
                self.declared.report(
                    "group-priority",
                    "ansible_group_priority has an effect only in the inventory file itself",
                    priority.name_mark,
                    f"set it in the vars of {origin.name!r} there",
                )
        return layer

    def stdin(self, stream: TextIO) -> None:
        buffer = getattr(stream, "buffer", None)
        if buffer is not None:
            text = syntax.decode(buffer.read(MAX_FILE_BYTES + 1), STDIN)
        else:
            text = syntax.decode(stream.read(MAX_FILE_BYTES + 1).encode("utf-8", "surrogatepass"), STDIN)
        if isinstance(text, Problem):
            self.problems.append(text)
            return
        self.texts[STDIN] = text
        if not text.lstrip().startswith("{"):
            found = "something else" if text.strip() else "nothing"
            self.declared.report(
                "not-json",
                f"{found}, but standard input must be the JSON of ansible-inventory --list",
                Mark(STDIN, 1),
                "name a YAML inventory by its file: ksgen FILE",
            )
            return
        root, problems = syntax.parse_json(text, STDIN)
        self.problems += problems
        if root is not None:
            self.declared.listing(root)


# Problems of a text that repeat nothing of it.
_SPEAK_OF_FORM = frozenset(
    {"yaml-syntax", "json-syntax", "tab", "line-too-long", "nested-too-deep", "second-document", "too-many-aliases"}
)


def _discreet(problem: Problem) -> Problem:
    """A problem of a vaulted file, without any of its content; the line counts in the decrypted text."""
    if problem.code in _SPEAK_OF_FORM:
        return dataclasses.replace(problem, secret=True)
    message = f"this line of the vaulted file cannot be read ({problem.code} in docs/problems.md)"
    return dataclasses.replace(problem, message=message, hint=None, secret=True)


def _layers(
    reader: _Reader, directories: Sequence[str], what: VarsKind, names: Sequence[str]
) -> dict[str, tuple[Layer, ...]]:
    """The variables of groups or hosts from the files beside each inventory; only of names that have any."""
    listed = [sources.VarsDirectory(os.path.join(directory, what), reader.problems) for directory in directories]
    result = {}
    for name in names:
        files = [directory.files(name) for directory in listed]
        if any(files):
            origin = Origin(what, name)
            result[name] = tuple(reader.vars_files(paths, origin) for paths in files)
    if what == "group_vars":
        known = frozenset(names)
        for directory in listed:
            for path, name in directory.unused(known.__contains__):
                reader.problems.append(
                    Problem(
                        "unknown-vars-file",
                        f"no group {name!r} in this inventory; this file is ignored",
                        Mark(sources.shown(path), 1),
                        severity="warning",
                        hint=naming.did_you_mean(name, names),
                    )
                )
    return result


def _value_problems(reader: _Reader, hosts: Sequence[HostEntry]) -> None:
    """Tell each host the problems of its variables; what no host has is reported once."""
    if not reader.declared.flawed:
        return
    met: set[int] = set()
    for host in hosts:
        for variable in host.variables.values():
            for problem in variable.problems:
                met.add(id(variable.node))
                reader.problems.append(dataclasses.replace(problem, host=host.name, shared=variable.is_shared))
    for variable in reader.declared.flawed:
        if id(variable.node) not in met:
            reader.problems += variable.problems


@contextlib.contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep Python's cycle collector still.

    Nothing becomes garbage while the tree grows, but the collector looks through it again and again: 180 instead of
    105 us per host for 10,000 hosts.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def read(
    paths: Sequence[str | Path],
    stdin: TextIO | None = None,
    *,
    opener: vault.Opener | None = None,
    is_own: Callable[[str], bool] = naming.is_prefixed,
    instead: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Inventory, list[Problem]]:
    """Read inventories as `ansible-inventory -i PATH -i PATH` does.

    `-` among the paths is the JSON of `ansible-inventory --list` on `stdin`. `opener` has the vault's passwords;
    `is_own` says which variables are ksgen's, of whose values more is said. `instead` (path: text) stands for files, as
    an editor has them.
    """
    with _collector_paused():
        reader = _Reader(opener or vault.Opener(), is_own, instead)
        directories = _read_inventories(reader, [os.fspath(path) for path in paths], stdin)
        inventory = _merge(reader, directories)
        _value_problems(reader, inventory.hosts)
        if paths and not inventory.hosts and not any(problem.severity == "error" for problem in reader.problems):
            first = next(iter(reader.texts), os.fspath(paths[0]))
            reader.declared.report("no-hosts", "the inventory has no hosts", Mark(first, 1), "add them below 'hosts:'")
    return inventory, reader.problems


def _read_inventories(reader: _Reader, paths: Sequence[str], stdin: TextIO | None) -> list[str]:
    """Read all inventories, and return the directories that may have group_vars/ and host_vars/, the strongest last."""
    directories: dict[str, None] = {}
    for path in paths:
        if path == "-":
            if stdin is None:
                raise ValueError("no standard input given")
            reader.stdin(stdin)
            continue
        source, problems = sources.source(path)
        reader.problems += problems
        if any(problem.severity == "error" for problem in problems):
            reader.declared.lose()
        for file in source.files:
            reader.inventory_file(file)
        # Ansible reads a directory once for every inventory in it; the last time decides.
        directories.pop(source.directory, None)
        directories[source.directory] = None
    return list(directories)


def _merge(reader: _Reader, directories: Sequence[str]) -> Inventory:
    declared = reader.declared
    for name in declared.hosts.keys() & declared.groups.keys():
        declared.report(
            "host-is-group",
            f"{name!r} is also the name of a group, and Ansible assigns the host's variables to the group",
            declared.hosts[name].mark,
            "rename one of the two",
        )
    precedence.attach(declared.groups, declared.hosts)
    loops = precedence.cut_loops(declared.groups)
    depth, too_deep = precedence.depths(declared.groups)
    reader.problems += [*loops, *too_deep]
    order = precedence.Precedence(
        declared.groups, depth, _layers(reader, directories, "group_vars", list(declared.groups))
    )
    host_files = _layers(reader, directories, "host_vars", list(declared.hosts))
    hosts = tuple(
        HostEntry(host.name, host.mark, groups, variables, declared.has_lost(host.name, groups))
        for host in declared.hosts.values()
        for groups, variables in (order.of(host, host_files.get(host.name, ())),)
    )
    groups = {
        group.name: Group(
            group.name, group.mark, tuple(group.children), tuple(group.hosts), depth[group.name], group.priority
        )
        for group in declared.groups.values()
    }
    return Inventory(hosts, groups, reader.texts, reader.opener, reader.is_own)
