# SPDX-License-Identifier: GPL-2.0-or-later
"""Completion and help in an inventory or a file of variables, from the schema of the `node_` variables.

The text may be half typed, so that it is read by its indentation and not as YAML.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ksgen.lsp.offers import Cursor, Offer
from ksgen.variables import PREFIX, variables_schema

_KEY = re.compile(r"^(?P<indent>\s*(?:- +)*)(?P<quote>[\"']?)(?P<key>[\w.\[\]:-]+?)(?P=quote)\s*:(?:\s|$)")
_BEING_TYPED = re.compile(r"^\s*(?:- +)*[\w/]*$")
_WORD = r"[A-Za-z_]\w*"
_Schema = Mapping[str, Any]


@functools.cache
def _schema() -> _Schema:
    return variables_schema()


def offers(cursor: Cursor) -> Iterator[Offer]:
    """The variables, the keys of one that is a mapping, or the words that a variable takes."""
    path = _path(cursor)
    value = _KEY.match(cursor.before)
    if value:
        found = _at([*path, value.group("key")])
        yield from (Offer(word, "value") for word in _words(found))
    elif _BEING_TYPED.match(cursor.before):
        inside = next((key for key in reversed(path) if key.startswith(PREFIX)), None)
        if inside is not None:
            for name, schema in _keys(_at(path)).items():
                yield Offer(name, "variable", _told(name, schema), f"{name}: ")
        elif not path or path[-1] not in ("hosts", "children"):
            for name, schema in _schema()["properties"].items():
                yield Offer(name, "variable", _told(name, schema), f"{name}: ")


def help_at(cursor: Cursor) -> str | None:
    """What the variable or key at the cursor is, as Markdown."""
    match = _KEY.match(cursor.text)
    word = cursor.word(_WORD)
    name = match.group("key") if match and word == match.group("key") else word
    above = _path(Cursor(cursor.lines, cursor.line, len(match.group("indent")) if match else cursor.column))
    schema = _at([*above, name]) if match else _schema()["properties"].get(name)
    return _told(name, schema) if schema else None


def _path(cursor: Cursor) -> list[str]:
    """The keys that the line of the cursor is below, by their indentation."""
    limit = len(cursor.text) - len(cursor.text.lstrip()) if cursor.text.strip() else cursor.column
    limit += len(match.group()) if (match := re.match(r"(?:- +)+", cursor.text.lstrip())) else 0
    keys: list[str] = []
    for line in reversed(cursor.lines[: cursor.line]):
        found = _KEY.match(line)
        if found is None or line.lstrip().startswith("#"):
            continue
        # The item of a list may begin at the indentation of the key that the list belongs to.
        indent = len(found.group("indent"))
        if indent < limit:
            keys.append(found.group("key"))
            limit = len(line) - len(line.lstrip()) if "-" in found.group("indent") else indent
            limit += "-" in found.group("indent")
    return keys[::-1]


def _at(path: list[str]) -> _Schema | None:
    """The schema of what a path of keys leads to; only from a variable on something is known."""
    start = next((place for place, key in enumerate(path) if key.startswith(PREFIX)), None)
    if start is None:
        return None
    found: _Schema | None = _schema()["properties"].get(path[start])
    for key in path[start + 1 :]:
        found = _keys(found).get(key)
    return found


def _parts(schema: _Schema | None) -> Iterator[_Schema]:
    """A schema and all that it may also be: its alternatives, its definition, the items of a list."""
    if schema is None:
        return
    yield schema
    below = [*schema.get("anyOf", ()), schema.get("items")]
    if "$ref" in schema:
        below.append(_schema()["$defs"][schema["$ref"].rpartition("/")[2]])
    for part in below:
        if isinstance(part, dict):
            yield from _parts(part)


def _keys(schema: _Schema | None) -> dict[str, _Schema]:
    return {name: found for part in _parts(schema) for name, found in part.get("properties", {}).items()}


def _words(schema: _Schema | None) -> Iterator[str]:
    for part in _parts(schema):
        yield from (str(word) for word in (*part.get("enum", ()), *((part["const"],) if "const" in part else ())))
        if part.get("type") == "boolean":
            yield from ("true", "false")


def _told(name: str, schema: _Schema) -> str:
    parts = list(_parts(schema))
    description = next((part["description"] for part in parts if part.get("description")), "")
    default = next((json.dumps(part["default"]) for part in parts if part.get("default") not in (None, [], {})), None)
    words = " ".join(f"`{word}`" for word in _words(schema))
    lines = (f"**{name}**", description, f"default: `{default}`" if default else "", words and f"one of: {words}")
    return "\n\n".join(filter(None, lines))
