# SPDX-License-Identifier: GPL-2.0-or-later
"""Values that are not what they look like: what YAML 1.1 makes of them, what only Ansible could still make of them."""

from __future__ import annotations

import dataclasses
import datetime
import json
import re
from collections.abc import Iterator

from ksgen.problems import Problem
from ksgen.syntax.nodes import Node, Vaulted

_TEMPLATE = re.compile(r"\{[{%#]")


def is_template(text: str) -> bool:
    """Whether Ansible would take a text for a template."""
    return ("{" in text and _TEMPLATE.search(text) is not None) or text.startswith("#jinja2:")


def is_dynamic(node: Node) -> bool:
    """Whether the value, or a part of it, is a template or vaulted: something that a host has to make a value of."""
    value = node.value
    if type(value) is str:
        return not node.literal and is_template(value)
    if isinstance(value, dict):
        return any(is_dynamic(child) for child in value.values())
    if isinstance(value, tuple):
        return any(is_dynamic(child) for child in value)
    return isinstance(value, Vaulted)


def _quoted(source: str) -> str:
    return json.dumps(source, ensure_ascii=False)


def shown(source: str) -> str:
    """How it is written, on one line."""
    return source if source.isprintable() else ascii(source)


def _number(path: str, node: Node, is_ours: bool) -> Problem | None:
    source, value = shown(node.source or ""), node.value
    if ":" in source:
        return Problem(
            "number-with-colons",
            f"YAML reads {source} as the number {value}",
            node.mark,
            variable=path,
            hint=f"write it in quotes: {_quoted(source)}",
        )
    if not is_ours or repr(value) == source:
        return None
    return Problem(
        "number-rewritten",
        f"{source} is read as the number {value!r}",
        node.mark,
        variable=path,
        hint=f"write {_quoted(source)} in quotes, or {value!r} for the number",
    )


def _scalar(path: str, node: Node, is_ours: bool) -> Problem | None:
    value = node.value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _number(path, node, is_ours)
    if not is_ours:
        return None
    if isinstance(value, datetime.date):
        return Problem(
            "date-not-text",
            f"YAML reads {shown(node.source or '')} as a date",
            node.mark,
            variable=path,
            hint=f"write it in quotes: {_quoted(node.source or '')}",
        )
    return None


def _key(path: str, key: Node, is_ours: bool) -> Problem | None:
    problem = (
        _number(path, key, False) if isinstance(key.value, int | float) and not isinstance(key.value, bool) else None
    )
    if problem is None and is_ours:
        source = shown(key.source or "")
        problem = Problem(
            "key-not-text",
            f"YAML reads the key {source or 'nothing'} as {as_read(key)}",
            key.mark,
            variable=path,
            hint=f"write it in quotes: {_quoted(source)}",
        )
    return problem


def as_read(key: Node) -> str:
    """What YAML makes of a key that is no text."""
    if isinstance(key.value, bool):
        return "true" if key.value else "false"
    return {type(None): "null", datetime.date: "a date", datetime.datetime: "a date"}.get(type(key.value), "a number")


def _walk(path: str, node: Node, is_ours: bool) -> Iterator[Problem]:
    value = node.value
    if isinstance(value, dict):
        for key in node.odd_keys:
            problem = _key(path, key, is_ours)
            if problem:
                yield problem
        for name, child in value.items():
            yield from _walk(f"{path}.{name}", child, is_ours)
    elif isinstance(value, tuple):
        for index, child in enumerate(value):
            yield from _walk(f"{path}[{index}]", child, is_ours)
    else:
        problem = _scalar(path, node, is_ours)
        if problem:
            yield problem


def problems_in(name: str, node: Node, is_own: bool) -> tuple[Problem, ...]:
    """What to say about the value of a variable; less about one that is not ksgen's own."""
    if type(node.value) is str:
        return ()
    problems = tuple(_walk(name, node, is_own))
    return tuple(map(_discreet, problems)) if node.is_secret else problems


def _discreet(problem: Problem) -> Problem:
    """The same of a value that no message may repeat."""
    message = "this vaulted value is not the string that it looks like"
    return dataclasses.replace(problem, message=message, hint="write it in quotes, and encrypt it again")
