# SPDX-License-Identifier: GPL-2.0-or-later
"""What of Jinja's syntax is read, and how Ansible reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from jinja2 import nodes
from jinja2.lexer import TOKEN_STRING, TOKEN_VARIABLE_BEGIN, TOKEN_VARIABLE_END, Lexer

from ksgen.expressions.bounds import MAX_TOKENS


class AnsibleLexer(Lexer):
    """Leaves backslashes in {{ }} alone, as Ansible does: YAML has read them already."""

    def tokeniter(self, *arguments: Any, **options: Any) -> Iterator[tuple[int, str, str]]:
        is_inside = False
        for line, token, value in super().tokeniter(*arguments, **options):
            if token in (TOKEN_VARIABLE_BEGIN, TOKEN_VARIABLE_END):
                is_inside = token == TOKEN_VARIABLE_BEGIN
            yield line, token, value.replace("\\", "\\\\") if is_inside and token == TOKEN_STRING else value


STATEMENTS: Mapping[type[nodes.Node], str] = {
    nodes.Macro: "macro", nodes.CallBlock: "call", nodes.FilterBlock: "filter", nodes.Include: "include",
    nodes.Import: "import", nodes.FromImport: "import", nodes.Extends: "extends", nodes.Block: "block",
    nodes.AssignBlock: "set without =", nodes.ScopedEvalContextModifier: "autoescape",
}  # fmt: skip

_NAME = re.compile(r"\{\{ ?([A-Za-z_]\w*) ?\}\}", re.ASCII)
_CONSTANTS = frozenset({"true", "True", "false", "False", "none", "None", "not", "self"})


def plain_names(text: str) -> list[str]:
    """Text and name by turns, if a template has nothing else in it: no code is made for the commonest ones."""
    if len(text) > MAX_TOKENS:
        return []
    parts = _NAME.split(text.removesuffix("\n"))
    is_plain = not any("{{" in part or "{%" in part or "{#" in part for part in parts[::2])
    return parts if is_plain and _CONSTANTS.isdisjoint(parts[1::2]) and "\r" not in text else []
