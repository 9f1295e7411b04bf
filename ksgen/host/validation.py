# SPDX-License-Identifier: GPL-2.0-or-later
"""Validation errors of pydantic as messages for users, at the line of the value."""

from __future__ import annotations

from typing import Any

from pydantic_core import ErrorDetails

from ksgen.host.places import Location, problem_at
from ksgen.inventory import HostEntry
from ksgen.problems import Finding, Problem
from ksgen.variables import (
    PRIVATE,
    Bond,
    Bridge,
    DhcpRange,
    Disk,
    Interface,
    SizeRange,
    User,
    Vlan,
    misspelt,
    nearest,
    shown,
)

_TYPE_WORDS = {
    "string_type": "a text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}


def validation_problem(entry: HostEntry, details: ErrorDetails) -> Problem:
    """One of pydantic's errors, as a problem of this host. AssertionError: of a kind that no variable can have."""
    location: Location = details["loc"]
    if location[:1] == ("node_dhcp",):
        # What comes second names a branch of the type, not a place in the data.
        location = (*location[:1], *location[2:])
    code, message, hint = _words(location, details)
    return problem_at(entry, location, Finding(code, message, hint=hint))


def _words(location: Location, details: ErrorDetails) -> tuple[str, str, str]:
    kind, found = details["type"], details["input"]
    context: dict[str, Any] = details.get("ctx") or {}
    text = "this value" if location[:1] and location[0] in PRIVATE else shown(found)
    name = location[-1] if location else ""
    if "message" in context:
        return kind, str(context["message"]), str(context["hint"])
    if kind == "missing":
        known = f"add {name}: to the host, or to a group for all of its hosts" if len(location) == 1 else f"add {name}:"
        return "variable-missing", "required variable is not set", known
    if kind == "extra_forbidden":
        if len(location) == 1:
            return "variable-unknown", "unknown variable", f"did you mean {misspelt(str(name))!r}?"
        known_names = _known_names(location)
        return "variable-unknown", "unknown variable", nearest(str(name), known_names) or _listing(known_names)
    if kind == "literal_error":
        return "value-unknown", f"{text} is not one of {context['expected'].replace(' or ', ', ')}", ""
    if kind in _TYPE_WORDS:
        return "wrong-type", f"{text} is not {_TYPE_WORDS[kind]}", _type_cure(kind, found)
    if kind in ("greater_than_equal", "less_than_equal"):
        bound, word = next((context[key], key) for key in ("ge", "le") if key in context)
        limit = "below the minimum" if word == "ge" else "above the maximum"
        return "value-range", f"{text} is {limit} of {bound}", ""
    if kind == "too_short":
        return "list-empty", "the list is empty", "add an entry"
    if kind == "string_unicode":
        return "hidden-character", "contains an unpaired surrogate", "remove it"
    raise AssertionError(f"no message for {kind} at {location}")


def _type_cure(kind: str, found: object) -> str:
    if kind == "list_type":
        return "write it in brackets, as a list"
    if kind == "string_type" and not isinstance(found, (list, dict, type(None))):
        return "write it in quotes"
    is_quoted = isinstance(found, str) and (found in ("true", "false") if kind == "bool_type" else found.isdecimal())
    return "without quotes" if kind in ("bool_type", "int_type") and is_quoted else ""


def _known_names(location: Location) -> list[str]:
    """The names that may stand where an unknown one was found."""
    tops: dict[str, Any] = {
        "node_network": Interface, "node_disk": Disk, "node_users": User, "node_dhcp": DhcpRange,
        "bond": Bond, "vlan": Vlan, "bridge": Bridge, "size": SizeRange,
    }  # fmt: skip
    model = next(tops[str(part)] for part in reversed(location[:-1]) if part in tops)
    return list(model.model_fields)


def _listing(names: list[str]) -> str:
    return f"one of: {', '.join(names)}"
