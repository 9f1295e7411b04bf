# SPDX-License-Identifier: GPL-2.0-or-later
"""A new host in the text of a YAML inventory: its lines are put below `hosts:` of its group, and no other line changes.

The place is found with PyYAML's nodes, which know where each one begins and ends. The text is not written again from
them: what a person has indented, quoted and commented stays as it is.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from ksgen.inventory import sources

STEP = 2  # spaces, where nothing in the file says how deep its author indents
_LINE_ENDS = re.compile(r"\r\n|\n")


@dataclasses.dataclass(frozen=True)
class Insertion:
    """The text of a file with the new host, the line of its name, from 1, and the bytes of the file without it."""

    file: str
    text: str
    line: int
    before: bytes = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True)
class NoPlace:
    """Why a group has no place for a host that lines can be put at: the file and line that say so, if any does."""

    message: str
    file: str = ""
    line: int = 0


@dataclasses.dataclass(frozen=True)
class _Place:
    """Where lines go: below so many lines of the file, indented by so many spaces.

    `keys` are still to be written above the host. `cut`: between these columns, the line above has what stands for
    nothing, as `{}` does. `has_gap`: an empty line is between the hosts.
    """

    below: int
    indent: int
    keys: tuple[str, ...] = ()
    step: int = STEP
    cut: tuple[int, int] = (0, 0)
    has_gap: bool = False


def with_host(paths: Sequence[str], group: str, entry: Sequence[str]) -> Insertion | NoPlace:
    """Put the lines of a host into the file that has its group. `entry`: its name with a colon, and its variables below
    it, indented by two spaces each. Raises OSError."""
    found: NoPlace | None = None
    files = (file for path in paths if path != "-" for file in sources.source(path)[0].files)
    for path in files:
        # Not Path.read_text, which turns the ends of lines into "\n".
        text = Path(path).read_bytes().decode("utf-8", "surrogateescape")
        for place in _places(text, group):
            if isinstance(place, _Place):
                return _inserted(path, text, place, entry)
            found = found or dataclasses.replace(place, file=sources.shown(path))
    return found or NoPlace(f"no file has a group {group!r} that a host could be written to")


def _inserted(path: str, text: str, place: _Place, entry: Sequence[str]) -> Insertion:
    lines = text.splitlines(keepends=True)
    ending = next(iter(_LINE_ENDS.findall(text)), "\n")
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += ending
    above = lines[: place.below]
    first, last = place.cut
    if first < last:
        above[-1] = f"{above[-1][:first].rstrip()}{above[-1][last:].rstrip()}{ending}"
    new = [f"{' ' * (place.indent + place.step * depth)}{key}" for depth, key in enumerate(place.keys)]
    indent = place.indent + place.step * len(place.keys)
    new += [""] if place.has_gap else []
    comments = next((n for n, line in enumerate(entry) if not line.startswith("#")), 0)
    number = len(above) + len(new) + comments + 1
    for line in entry:
        depth = len(line) - len(line.lstrip(" "))
        new.append(f"{' ' * (indent + depth * place.step // STEP)}{line.lstrip(' ')}".rstrip())
    after = "".join([*above, *(f"{line}{ending}" for line in new), *lines[place.below :]])
    return Insertion(path, after, number, text.encode("utf-8", "surrogateescape"))


# --- the place -------------------------------------------------------------------------------------------------------


def _places(text: str, group: str) -> Iterator[_Place | NoPlace]:
    """Every place of a group in a file, the best first: below other hosts, below `hosts:`, in the group."""
    try:
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError:
        return  # reading the inventory says why
    if not isinstance(root, yaml.MappingNode):
        return
    lines = text.splitlines()
    found = [_place(lines, key, body) for key, body in _groups(root) if key.value == group]
    yield from sorted(found, key=lambda place: (isinstance(place, NoPlace), len(getattr(place, "keys", ()))))


def _groups(mapping: yaml.MappingNode) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    """The groups of a file with what is below them, in its order; one may be named at several places."""
    for key, body in mapping.value:
        yield key, body
        children = _below(body, "children")
        if children is not None and isinstance(children[1], yaml.MappingNode):
            yield from _groups(children[1])


def _below(body: yaml.Node, name: str) -> tuple[yaml.Node, yaml.Node] | None:
    pairs = body.value if isinstance(body, yaml.MappingNode) else ()
    return next(((key, value) for key, value in pairs if key.value == name), None)


def _place(lines: Sequence[str], key: yaml.Node, body: yaml.Node) -> _Place | NoPlace:
    line = key.start_mark.line + 1
    step = _step(key, body)
    if _is_nothing(body):
        return _Place(_last_line(key, body), key.start_mark.column + STEP, ("hosts:",), cut=_columns(body))
    if not isinstance(body, yaml.MappingNode) or body.flow_style or not _is_behind(key, body):
        return NoPlace("the group is written in braces, or as an alias: lines cannot be put into it", line=line)
    hosts = _below(body, "hosts")
    if hosts is None:
        column = _column(body)
        return _Place(_end(lines, key, body, column), column, ("hosts:",), step)
    name, members = hosts
    if _is_nothing(members):
        return _Place(_last_line(name, members), name.start_mark.column + step, (), step, _columns(members))
    if not isinstance(members, yaml.MappingNode) or members.flow_style or not _is_behind(name, members):
        line = name.start_mark.line + 1
        return NoPlace("its hosts are written in braces, or as an alias: lines cannot be put below them", line=line)
    column = _column(members)
    inner = next((_step(one, value) for one, value in members.value if _is_block(value)), step)
    return _Place(_end(lines, name, members, column), column, (), inner, has_gap=_has_gaps(lines, members))


def _is_nothing(node: yaml.Node) -> bool:
    """Whether a node is an empty mapping, or nothing at all."""
    if isinstance(node, yaml.ScalarNode):
        return bool(node.tag == "tag:yaml.org,2002:null")
    return isinstance(node, yaml.MappingNode) and not node.value


def _is_block(node: yaml.Node) -> bool:
    return isinstance(node, yaml.MappingNode) and bool(node.value) and not node.flow_style


def _is_behind(key: yaml.Node, node: yaml.Node) -> bool:
    """Whether a value stands behind its key; that of an alias is elsewhere."""
    return bool(node.start_mark.index >= key.end_mark.index)


def _step(key: yaml.Node, body: yaml.Node) -> int:
    """By how many spaces what is below a key is indented."""
    if not isinstance(body, yaml.MappingNode) or not _is_block(body) or not _is_behind(key, body):
        return STEP
    return _column(body) - int(key.start_mark.column)


def _column(mapping: yaml.MappingNode) -> int:
    """The column of the keys of a mapping; an anchor in front of it is on the line above."""
    return int(mapping.value[0][0].start_mark.column)


def _columns(node: yaml.Node) -> tuple[int, int]:
    """From where to where an empty node is written on its line."""
    return node.start_mark.column, node.end_mark.column


def _last_line(key: yaml.Node, node: yaml.Node) -> int:
    """How many lines a key reaches down to, with its value."""
    if not _is_behind(key, node):
        return int(key.end_mark.line + 1)
    if isinstance(node, yaml.CollectionNode) and node.value and not node.flow_style:
        last = node.value[-1]
        return _last_line(*last) if isinstance(last, tuple) else _last_line(key, last)
    end = node.end_mark if node.end_mark.index > node.start_mark.index else key.end_mark
    return int(end.line + (1 if end.column else 0))


def _end(lines: Sequence[str], key: yaml.Node, node: yaml.Node, column: int) -> int:
    """How many lines a mapping reaches down to, with the comments at its end that are indented as it is, or deeper."""
    end = _last_line(key, node)
    while end and not lines[end - 1].strip():  # the end of a block scalar
        end -= 1
    while end < len(lines) and (text := lines[end].lstrip()).startswith("#") and len(lines[end]) - len(text) >= column:
        end += 1
    return end


def _has_gaps(lines: Sequence[str], members: yaml.MappingNode) -> bool:
    """Whether there is an empty line above the last of several hosts."""
    above = members.value[-1][0].start_mark.line - 1
    while above > 0 and lines[above].lstrip().startswith("#"):
        above -= 1
    return len(members.value) > 1 and not lines[above].strip()
