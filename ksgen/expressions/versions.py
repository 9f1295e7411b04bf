# SPDX-License-Identifier: GPL-2.0-or-later
"""Ansible's test `version`: two versions compared as one of three schemes has it."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "=": operator.eq, "eq": operator.eq, "<": operator.lt, "lt": operator.lt, "<=": operator.le,
    "le": operator.le, ">": operator.gt, "gt": operator.gt, ">=": operator.ge, "ge": operator.ge, "!=": operator.ne,
    "<>": operator.ne, "ne": operator.ne,
}  # fmt: skip


def _loose(text: str) -> list[Any]:
    """Numbers and words by turns, as distutils' LooseVersion: everything is a version."""
    parts = [part for part in re.split(r"(\d+|[a-z]+|\.)", text) if part and part != "."]
    return [int(part) if part.isdigit() else part for part in parts]


_STRICT = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?(?:([ab])(\d+))?", re.ASCII)


def _strict(text: str) -> tuple[Any, ...]:
    """Two or three numbers, perhaps with a or b and a number, as distutils' StrictVersion."""
    found = _STRICT.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a version such as 1.2, 1.2.3 or 1.2b1")
    before = (found[4], int(found[5])) if found[4] else ("final", 0)
    return int(found[1]), int(found[2]), int(found[3] or 0), before


_SEMANTIC = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?", re.ASCII)


def _semantic(text: str) -> tuple[Any, ...]:
    """A version of semver.org: a pre-release comes before its release, words after numbers."""
    found = _SEMANTIC.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a semantic version such as 1.2.3 or 1.2.3-rc.1")
    before = [(0, int(word), "") if word.isdigit() else (1, 0, word) for word in (found[4] or "").split(".") if word]
    return int(found[1]), int(found[2]), int(found[3]), not before, before


_SCHEMES: Mapping[str, Callable[[str], Any]] = {
    "loose": _loose, "strict": _strict, "semver": _semantic, "semantic": _semantic,
}  # fmt: skip


def compare_versions(
    value: object, version: object, operator: str = "eq", strict: bool | None = None, version_type: str | None = None
) -> bool:
    """Whether a version is equal to another one, or what else `operator` says."""
    if strict is not None and version_type is not None:
        raise ValueError("strict and version_type are mutually exclusive")
    if not value or not version:
        raise ValueError("a version is empty")
    if operator not in _OPERATORS:
        raise ValueError(f"{operator!r} is not one of {', '.join(_OPERATORS)}")
    scheme = version_type or ("strict" if strict else "loose")
    if scheme not in _SCHEMES:
        raise ValueError(f"the version_type {scheme!r} is not supported; {', '.join(_SCHEMES)} are")
    return _OPERATORS[operator](_SCHEMES[scheme](str(value)), _SCHEMES[scheme](str(version)))
