# SPDX-License-Identifier: GPL-2.0-or-later
"""JSON text -> the same tree that YAML is read into.

Python's json module tells no places, and libyaml is no JSON parser: it limits keys to 1,024 characters and does not
know surrogate pairs.
"""

from __future__ import annotations

import bisect
import dataclasses
import enum
import json
import re
from collections.abc import Callable

from ksgen.problems import Mark, Problem
from ksgen.syntax.nodes import MAX_DEPTH, Node, Scalar, Vaulted

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
        self.starts = [0, *(newline.end() for newline in re.finditer("\n", text))]

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
    """A mapping, or what Ansible writes as a mapping of one: a vaulted value, a string that is not a template."""
    if len(value) == 1:
        vaulted, unsafe = value.get("__ansible_vault"), value.get("__ansible_unsafe")
        if vaulted is not None and isinstance(vaulted.value, str):
            return Node(Vaulted(vaulted.value), mark, key_mark)
        if unsafe is not None and isinstance(unsafe.value, str):
            return Node(unsafe.value, unsafe.mark, key_mark, literal=True)
    return Node(value, mark, key_mark)


class _Wants(enum.Enum):
    """What may come next, in words."""

    VALUE = "a value"
    FIRST_VALUE = "a value or ]"
    KEY = "a key in double quotes"
    FIRST_KEY = "a key in double quotes or }"
    COLON = "a colon"
    COMMA = "a comma or the end of the collection"
    END = "the end of the text"


_KEYS = (_Wants.KEY, _Wants.FIRST_KEY)
_VALUES = (_Wants.VALUE, _Wants.FIRST_VALUE)


@dataclasses.dataclass(slots=True)
class _Open:
    """A collection that is still open. `key` waits for its value; `own_key_mark` is of the collection's own key."""

    values: dict[str, Node] | list[Node]
    start: int
    own_key_mark: Mark | None
    key: str = ""
    key_mark: Mark | None = None


class _Reader:
    def __init__(self, text: str, file: str) -> None:
        self.text, self.places = text, _Text(text, file)
        self.problems: list[Problem] = []
        self.open: list[_Open] = []
        self.root: Node | None = None
        self.wants = _Wants.VALUE
        # A sign is taken, or False where it cannot stand.
        self.signs: dict[str, Callable[[int], bool]] = {
            "{": self.begin_mapping,
            "}": self.end_mapping,
            "[": self.begin_list,
            "]": self.end_list,
            ":": self.colon,
            ",": self.comma,
        }

    def stop(self, offset: int) -> _Stop:
        character, wanted = self.text[offset : offset + 1], self.wants.value
        return _Stop(
            "json-syntax",
            f"{character!r} where {wanted} should be" if character else f"the input ends where {wanted} should be",
            offset if character else len(self.text.rstrip()),
        )

    @property
    def key_mark(self) -> Mark | None:
        return self.open[-1].key_mark if self.open else None

    def place(self, node: Node) -> None:
        """Put a finished value where it belongs."""
        if not self.open:
            self.root, self.wants = node, _Wants.END
            return
        collection = self.open[-1]
        if isinstance(collection.values, list):
            collection.values.append(node)
        else:
            collection.values[collection.key] = node
        self.wants = _Wants.COMMA

    def take_key(self, token: str, start: int, end: int) -> None:
        key, mark = _scalar("string", token, start), self.places.mark(start, end)
        collection = self.open[-1]
        assert isinstance(collection.values, dict)
        assert isinstance(key, str)
        first = collection.values.get(key)
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
        collection.key, collection.key_mark = key, mark
        self.wants = _Wants.COLON

    def begin_mapping(self, start: int) -> bool:
        return self.begin({}, start, _Wants.FIRST_KEY)

    def begin_list(self, start: int) -> bool:
        return self.begin([], start, _Wants.FIRST_VALUE)

    def begin(self, values: dict[str, Node] | list[Node], start: int, wants: _Wants) -> bool:
        if self.wants not in _VALUES:
            return False
        if len(self.open) >= MAX_DEPTH:
            raise _Stop("nested-too-deep", f"more than {MAX_DEPTH} levels of nesting", start, "use fewer levels")
        self.open.append(_Open(values, start, self.key_mark))
        self.wants = wants
        return True

    def end_mapping(self, _: int) -> bool:
        if self.wants not in (_Wants.COMMA, _Wants.FIRST_KEY):
            return False
        collection = self.open[-1]
        if not isinstance(collection.values, dict):
            return False
        self.open.pop()
        self.place(_finish(collection.values, self.begin_mark(collection), collection.own_key_mark))
        return True

    def end_list(self, _: int) -> bool:
        if self.wants not in (_Wants.COMMA, _Wants.FIRST_VALUE):
            return False
        collection = self.open[-1]
        if not isinstance(collection.values, list):
            return False
        self.open.pop()
        self.place(Node(tuple(collection.values), self.begin_mark(collection), collection.own_key_mark))
        return True

    def begin_mark(self, collection: _Open) -> Mark:
        return self.places.mark(collection.start, collection.start + 1)

    def colon(self, _: int) -> bool:
        if self.wants is not _Wants.COLON:
            return False
        self.wants = _Wants.VALUE
        return True

    def comma(self, _: int) -> bool:
        if self.wants is not _Wants.COMMA:
            return False
        self.wants = _Wants.KEY if isinstance(self.open[-1].values, dict) else _Wants.VALUE
        return True

    def read(self) -> None:
        offset = 0
        match = _TOKEN.match
        while True:
            token = match(self.text, offset)
            if token is None:
                offset = _BLANK.match(self.text, offset).end()  # type: ignore[union-attr]  # matches nothing too
                if offset == len(self.text) and self.wants is _Wants.END:
                    return
                raise self.stop(offset)
            kind = token.lastgroup or ""
            start, offset = token.start(kind), token.end()
            self.take(kind, token[kind], start, offset)

    def take(self, kind: str, token: str, start: int, end: int) -> None:
        if kind == "sign":
            if not self.signs[token](start):
                raise self.stop(start)
        elif kind == "string" and self.wants in _KEYS:
            self.take_key(token, start, end)
        elif self.wants in _VALUES:
            value, mark = _scalar(kind, token, start), self.places.mark(start, end)
            self.place(Node(value, mark, self.key_mark, None if kind == "string" else token))
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
