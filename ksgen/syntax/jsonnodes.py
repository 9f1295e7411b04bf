# SPDX-License-Identifier: GPL-2.0-or-later
"""JSON text -> the same tree that YAML is read into.

Python's json module tells no places, and libyaml is no JSON parser: it limits keys to 1,024 characters and does not
know surrogate pairs.
"""

from __future__ import annotations

import bisect
import json
import re

from ksgen.problems import Mark, Problem
from ksgen.syntax.nodes import MAX_DEPTH, Node, Scalar, Value, Vaulted

_TOKEN = re.compile(
    r'[ \t\n\r]*(?:(?P<string>"[^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*")'
    r"|(?P<sign>[{}\[\],:])"
    r"|(?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)"
    r"|(?P<word>true|false|null))"
)
_BLANK = re.compile(r"[ \t\n\r]*")
_WORDS = {"true": True, "false": False, "null": None}
_SURROGATE = re.compile("[\ud800-\udfff]")
_MAX_NUMBER = 100  # as in yamlnodes


def is_json(text: str) -> bool:
    """Whether Ansible would read the text as JSON, which it tries first."""
    if not text[:4096].lstrip(" \t\n\r").startswith("{"):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


class _Stop(Exception):
    def __init__(self, code: str, message: str, offset: int, hint: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.offset, self.hint = code, message, offset, hint


class _Text:
    """The mark of an offset."""

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.starts = [0, *(found.end() for found in re.finditer("\n", text))]

    def mark(self, start: int, end: int) -> Mark:
        line = bisect.bisect_right(self.starts, start)
        return Mark(self.file, line, start - self.starts[line - 1] + 1, end - start)


def _scalar(kind: str, token: str, start: int) -> Scalar:
    if kind == "word":
        return _WORDS[token]
    if kind == "number":
        if len(token) > _MAX_NUMBER:
            raise _Stop("not-a-value", f"a number of {len(token)} characters", start, "write it in quotes")
        return int(token) if token.lstrip("-").isdigit() else float(token)
    if "\\" not in token:
        value = token[1:-1]
    else:
        try:
            value = json.loads(token)
        except ValueError:
            raise _Stop("json-syntax", "a string with an unknown escape sequence", start) from None
    if not value.isascii() and _SURROGATE.search(value):
        raise _Stop("control-character", "an unpaired surrogate", start, "write the character itself")
    return value


def _finish(value: dict[str, Node], mark: Mark, key_mark: Mark | None) -> Node:
    """A mapping, or what Ansible writes as a mapping of one: a vaulted value, a text that is no template."""
    if len(value) == 1:
        vaulted, unsafe = value.get("__ansible_vault"), value.get("__ansible_unsafe")
        if vaulted is not None and isinstance(vaulted.value, str):
            return Node(Vaulted(vaulted.value), mark, key_mark)
        if unsafe is not None and isinstance(unsafe.value, str):
            return Node(unsafe.value, unsafe.mark, key_mark, literal=True)
    return Node(value, mark, key_mark)


class _Reader:
    def __init__(self, text: str, file: str) -> None:
        self.text, self.places = text, _Text(text, file)
        self.problems: list[Problem] = []
        # An open collection: its values, where it begins, the mark of its key, the keys it waits for a value with.
        self.open: list[tuple[dict[str, Node] | list[Node], int, Mark | None]] = []
        self.keys: list[tuple[str, Mark] | None] = []
        self.root: Node | None = None
        self.wants = "value"  # value, value or ], key, key or }, colon, comma, end

    def stop(self, offset: int) -> _Stop:
        found = self.text[offset : offset + 1]
        wanted = {
            "value or ]": "a value or ]",
            "value": "a value",
            "key": "a key in double quotes",
            "key or }": "a key in double quotes or }",
            "colon": "a colon",
            "comma": "a comma or the end of the collection",
            "end": "the end of the text",
        }[self.wants]
        return _Stop(
            "json-syntax",
            f"{found!r} where {wanted} should be" if found else f"the input ends where {wanted} should be",
            offset if found else len(self.text.rstrip()),
        )

    def put(self, value: Value, start: int, end: int, source: str | None) -> None:
        key = self.keys[-1] if self.open else None
        self.place(Node(value, self.places.mark(start, end), key[1] if key else None, source))

    def place(self, node: Node) -> None:
        if not self.open:
            self.root, self.wants = node, "end"
            return
        collection = self.open[-1][0]
        if isinstance(collection, list):
            collection.append(node)
        else:
            key = self.keys[-1]
            assert key is not None
            collection[key[0]] = node
        self.wants = "comma"

    def take_key(self, token: str, start: int, end: int) -> None:
        key, mark = _scalar("string", token, start), self.places.mark(start, end)
        collection = self.open[-1][0]
        assert isinstance(collection, dict)
        assert isinstance(key, str)
        first = collection.get(key)
        if first is not None:
            assert first.key_mark is not None
            self.problems.append(
                Problem(
                    "duplicate-key",
                    f"{key!r} is on line {first.key_mark.line} already",
                    mark,
                    hint="keep one of the two; Ansible would use the last one",
                )
            )
        self.keys[-1] = (key, mark)
        self.wants = "colon"

    def sign(self, sign: str, start: int) -> bool:
        """Take a bracket, comma or colon; False where it cannot stand."""
        if sign in "{[":
            if not self.wants.startswith("value"):
                return False
            if len(self.open) >= MAX_DEPTH:
                raise _Stop("nested-too-deep", f"more than {MAX_DEPTH} levels of nesting", start, "use fewer levels")
            key = self.keys[-1] if self.open else None
            self.open.append(({} if sign == "{" else [], start, key[1] if key else None))
            self.keys.append(None)
            self.wants = "key or }" if sign == "{" else "value or ]"
            return True
        if sign == ":":
            if self.wants != "colon":
                return False
            self.wants = "value"
            return True
        if not self.open:
            return False
        collection, begin, key_mark = self.open[-1]
        is_mapping = isinstance(collection, dict)
        if sign == ",":
            if self.wants != "comma":
                return False
            self.wants = "key" if is_mapping else "value"
            return True
        if sign != ("}" if is_mapping else "]") or self.wants not in ("comma", f"key or {sign}", f"value or {sign}"):
            return False
        self.open.pop()
        self.keys.pop()
        mark = self.places.mark(begin, begin + 1)
        self.place(
            _finish(collection, mark, key_mark)
            if isinstance(collection, dict)
            else Node(tuple(collection), mark, key_mark)
        )
        return True

    def read(self) -> None:
        offset = 0
        match = _TOKEN.match
        while True:
            found = match(self.text, offset)
            if found is None:
                offset = _BLANK.match(self.text, offset).end()  # type: ignore[union-attr]  # matches nothing too
                if offset == len(self.text) and self.wants == "end":
                    return
                raise self.stop(offset)
            kind = found.lastgroup or ""
            start, offset = found.start(kind), found.end()
            token = found[kind]
            if kind == "sign":
                if not self.sign(token, start):
                    raise self.stop(start)
            elif kind == "string" and self.wants.startswith("key"):
                self.take_key(token, start, offset)
            elif self.wants.startswith("value"):
                self.put(_scalar(kind, token, start), start, offset, None if kind == "string" else token)
            else:
                raise self.stop(start)


def parse_json(text: str, file: str) -> tuple[Node | None, list[Problem]]:
    """Read one JSON text; no node when it cannot be read."""
    reader = _Reader(text, file)
    try:
        reader.read()
    except _Stop as stopped:
        mark = reader.places.mark(stopped.offset, stopped.offset + 1)
        return None, [*reader.problems, Problem(stopped.code, stopped.message, mark, hint=stopped.hint)]
    return reader.root, reader.problems
