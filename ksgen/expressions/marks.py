# SPDX-License-Identifier: GPL-2.0-or-later
"""The place in a file of the word of an expression that a problem is about."""

from __future__ import annotations

from collections.abc import Mapping

from jinja2 import Environment
from jinja2.lexer import Lexer

from ksgen.expressions.bounds import Refused
from ksgen.problems import Mark
from ksgen.syntax import Node

_LEXER = Lexer(Environment(trim_blocks=True))


def mark(node: Node, refused: Refused, sources: Mapping[str, str]) -> Mark:
    """The place that a refusal is about; `sources` are the texts of files."""
    if not isinstance(node.value, str) or node.is_secret:
        return node.mark
    return _exact_mark(node, *_offset(node.value, refused), sources)


def _offset(template: str, refused: Refused) -> tuple[int, int]:
    """The place in a template of the word that a refusal is about, and how long it is."""
    offset, begin = 0, None
    try:
        for line, kind, value in _LEXER.tokeniter(template, None):
            at = template.find(value, offset)
            offset = at + len(value) if at >= 0 else offset
            if refused.line is not None and line < refused.line:
                continue
            if begin is None and kind in ("variable_begin", "block_begin"):
                begin = at, 2
            is_word = kind in ("name", "integer", "string") and value.strip("'\"") == refused.word
            if is_word:
                return at, len(value)
    except Exception:  # of a template that Jinja cannot read: as far as it can
        pass
    found = template.find("{")
    return begin or (max(found, 0), 1)


def _exact_mark(node: Node, offset: int, length: int, sources: Mapping[str, str]) -> Mark:
    """The place of a part of a text in its file; that of the text where it is written in another way than it reads."""
    mark, text = node.mark, str(node.value)
    lines = sources.get(mark.file, "").split("\n")
    number = mark.line - 1
    line = lines[number] if number < len(lines) else ""
    for start in (mark.column - 1, mark.column):  # plain, or behind a quote
        if line[start : start + len(text)] == text:
            return Mark(mark.file, mark.line, start + offset + 1, length)
    above = text.count("\n", 0, offset)
    begin = text.rfind("\n", 0, offset) + 1
    row = text[begin:].split("\n", 1)[0]
    below = lines[number + 1 + above] if number + 1 + above < len(lines) else ""
    if row and below.strip() == row.strip() and "\n" in text:
        shift = len(below) - len(below.lstrip()) - (len(row) - len(row.lstrip()))
        return Mark(mark.file, mark.line + 1 + above, shift + offset - begin + 1, length)
    word = text[offset : offset + length]
    if line.count(word, mark.column - 1) == 1:
        return Mark(mark.file, mark.line, line.index(word, mark.column - 1) + 1, length)
    return mark
