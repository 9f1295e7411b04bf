# SPDX-License-Identifier: GPL-2.0-or-later
"""The place of a value of a host: its line in the inventory, and a problem at it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

from ksgen.inventory import HostEntry
from ksgen.problems import Finding, Mark, Problem
from ksgen.redaction import SECRET, may_hold_secret, names_secret
from ksgen.syntax import Node, holds_secret
from ksgen.variables import PREFIX, PRIVATE, SHOWN_LONGEST, shown

Location = tuple[str | int, ...]
# How pydantic ends the location of a key.
KEY = "[key]"
# What is said of any secret, and quotes none.
_QUOTE_NOTHING = frozenset({"script-secret", "argument-secret"})


@dataclasses.dataclass(frozen=True)
class Place:
    """The place of a value of a host: the mark, the path as its author wrote it, and whether others share it.

    `is_secret`: the line must not be shown. `is_hidden`: nothing of the value may be.
    """

    mark: Mark
    path: str | None
    is_shared: bool
    is_secret: bool = False
    is_hidden: bool = False


def path_text(location: Location) -> str:
    """`node_network[0].gateway4`, `node_volumes./var`."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if part.isprintable() and len(part) <= SHOWN_LONGEST else shown(part)
            text += f".{name}" if text else name
    return text


def locate(entry: HostEntry, location: Location, is_key: bool = False) -> Place:
    """Find the value at a location (or its key), or the nearest thing around it that is written down."""
    variable = entry.variables.get(str(location[0])) if location else None
    if variable is None:
        return Place(entry.mark, path_text(location) or None, is_shared=False)
    node, found = variable.node, [location[0]]
    for part in location[1:]:
        below = _child(node, part)
        if below is None:
            found += [p for p in location[len(found) :] if not isinstance(p, int)]
            break
        found += [part] if below is not node else []
        node = below
    key_mark = variable.key_mark if node is variable.node else node.key_mark
    mark = key_mark if is_key and key_mark else node.mark
    if holds_secret(variable.node):
        return Place(mark, variable.name, variable.is_shared, is_secret=True, is_hidden=True)
    return Place(mark, path_text(tuple(found)), variable.is_shared, (mark.file, mark.line) in _secret_lines(entry))


def _secret_lines(entry: HostEntry) -> set[tuple[str, int]]:
    """The lines of the inventory that must not be shown: they hold a secret, though the problem may be beside it.

    What looks like a secret is looked for where a line is shown (problems.py).
    """
    return {
        (node.mark.file, node.mark.line)
        for name, variable in entry.variables.items()
        for node in (
            *_secrets(variable.node, name in PRIVATE or names_secret(name)),
            *(_contents(variable.node) if name == f"{PREFIX}files" else ()),
        )
    }


def _contents(files: Node) -> Iterator[Node]:
    """What is in files of a node: it can be anything."""
    for file in files.value if isinstance(files.value, tuple) else (files,):
        if isinstance(file.value, Mapping):
            yield from (child for key, child in file.value.items() if key in ("content", "base64"))


def _secrets(node: Node, is_named: bool) -> Iterator[Node]:
    if isinstance(node.value, Mapping):
        for name, child in node.value.items():
            yield from _secrets(child, is_named or names_secret(name))
    elif isinstance(node.value, tuple):
        for child in node.value:
            yield from _secrets(child, is_named)
    elif is_named or node.is_secret:
        yield node


def secret_texts(node: Node, is_named: bool = False) -> Iterator[str]:
    """The texts of a value that come out of a vault, or have the name of a secret (`is_named`)."""
    if isinstance(node.value, Mapping):
        for name, child in node.value.items():
            yield from (name,) if node.is_secret else ()
            yield from secret_texts(child, is_named or names_secret(name))
    elif isinstance(node.value, tuple):
        for child in node.value:
            yield from secret_texts(child, is_named)
    elif (node.is_secret or is_named) and node.value is not None:
        yield str(node.value)


def _doubtful(node: Node, is_named: bool) -> Iterator[str]:
    """The texts of a value that no message repeats, as long as one quotes them: by their names or by their looks."""
    if isinstance(node.value, Mapping):
        for name, child in node.value.items():
            yield from _doubtful(child, is_named or names_secret(name))
    elif isinstance(node.value, tuple):
        for child in node.value:
            yield from _doubtful(child, is_named)
    elif isinstance(node.value, str) and node.value and (is_named or may_hold_secret(node.value)):
        yield node.value
        yield node.value[: SHOWN_LONGEST - 4]


def _child(node: Node, part: str | int) -> Node | None:
    if isinstance(node.value, Mapping):
        # One value may stand for a list of one.
        return node if part == 0 else node.value.get(str(part))
    if isinstance(node.value, tuple):
        return node.value[part] if isinstance(part, int) and part < len(node.value) else None
    return node if part == 0 else None


def problem_at(entry: HostEntry, location: Location, finding: Finding) -> Problem:
    """A finding at the line of this value, or of its key; of a secret one it tells nothing."""
    is_key = finding.code == "variable-unknown" or location[-1:] == (KEY,)
    place = locate(entry, tuple(part for part in location if part != KEY), is_key)
    message, hint = finding.message, finding.hint or ""
    if place.is_hidden and finding.code not in _QUOTE_NOTHING:
        message, hint = f"this secret value is not valid here ({finding.code} in docs/problems.md)", ""
    elif location and (variable := entry.variables.get(str(location[0]))):
        for text in _doubtful(variable.node, names_secret(variable.name)):
            message, hint = message.replace(text, SECRET), hint.replace(text, SECRET)
    finding = dataclasses.replace(finding, message=message, hint=hint)
    return finding.at(place.mark, entry.name, place.path, place.is_shared, place.is_secret)
