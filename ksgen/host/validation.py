# SPDX-License-Identifier: GPL-2.0-or-later
"""Validation errors of pydantic as messages for users, at the line of the value."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from pydantic_core import ErrorDetails

from ksgen.host.places import Location, problem_at
from ksgen.inventory import HostEntry
from ksgen.problems import Finding, Problem
from ksgen.variables import (
    PRIVATE,
    REMOVED,
    Bmc,
    Bond,
    Bridge,
    DhcpRange,
    Disk,
    Driver,
    Firewall,
    Interface,
    MachineChecks,
    Modules,
    NodeFile,
    Proxy,
    Repository,
    Route,
    Services,
    SizeRange,
    User,
    Vlan,
    misspelt,
    nearest,
    shown,
)

# Blanks mean something in their lines.
_SCRIPTS = (("node_pre",), ("node_post_site",), ("node_post_group",), ("node_post",), ("node_files",), ("node_repos",))
_WITH_BLANKS = frozenset({"user-gecos"})
_QUOTED = re.compile("'([^']*)'")
_TYPE_WORDS = {
    "string_type": "a string",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}


def validation_problem(entry: HostEntry, details: ErrorDetails) -> Problem:
    """One of pydantic's errors, as a problem of this host. KeyError: of a kind that no variable can have."""
    location: Location = details["loc"]
    if location[:1] == ("node_dhcp",):
        # What comes second names a branch of the type, not a place in the data.
        location = (*location[:1], *location[2:])
    context: dict[str, Any] = details.get("ctx") or {}
    kind = details["type"]
    finding = _refused(kind, context) if "message" in context else _WORDS[kind](location, details, context)
    return problem_at(entry, location, _padded(finding, location, details))


def _padded(finding: Finding, location: Location, details: ErrorDetails) -> Finding:
    """What is wrong with a refused text may be the blanks around it, which a person does not see."""
    value = details["input"]
    has_blanks = isinstance(value, str) and value.strip() and value != value.strip(" \t")
    if not has_blanks or location[:1] in _SCRIPTS or finding.code in _WITH_BLANKS:
        return finding
    return Finding("blanks-around", f"{_text(location, details)} has blanks around it", hint="remove the blanks")


# Where it is, pydantic's own words, and what it tells of the bounds.
_Words: TypeAlias = Callable[[Location, ErrorDetails, Mapping[str, Any]], Finding]


def _refused(code: str, context: Mapping[str, Any]) -> Finding:
    """What a type of ours refuses has its code and its words already."""
    return Finding(code, str(context["message"]), hint=str(context["hint"]))


def _missing(location: Location, _details: ErrorDetails, _context: Mapping[str, Any]) -> Finding:
    whose = " to the host, or to a group for all of its hosts" if len(location) == 1 else ""
    name = location[-1] if location else ""
    return Finding("variable-missing", "required variable is not set", hint=f"add {name}:{whose}")


def _unknown(location: Location, _details: ErrorDetails, _context: Mapping[str, Any]) -> Finding:
    name = str(location[-1])
    if len(location) == 1 and name in REMOVED:
        return Finding("variable-removed", "variable was removed", hint=REMOVED[name])
    if len(location) == 1:
        return Finding("variable-unknown", "unknown variable", hint=f"did you mean {misspelt(name)!r}?")
    known = _known_names(location)
    return Finding("variable-unknown", "unknown variable", hint=nearest(name, known) or _listing(known))


def _other_word(location: Location, details: ErrorDetails, context: Mapping[str, Any]) -> Finding:
    words = context["expected"].replace(" or ", ", ")
    message = f"{_text(location, details)} is not one of {words}"
    return Finding("value-unknown", message, hint=_meant(shown(details["input"]).strip("'"), _QUOTED.findall(words)))


def _meant(text: str, words: Sequence[str]) -> str:
    """The word that a text was meant to be: in capitals, the number of a release alone, or misspelt."""
    if text.lower() in words:
        return f"write {text.lower()}, in lower case"
    return next((f"write {word}" for word in words if word == f"el{text}"), "") or nearest(text, words)


def _other_type(location: Location, details: ErrorDetails, _context: Mapping[str, Any]) -> Finding:
    kind = details["type"]
    message = f"{_text(location, details)} is not {_TYPE_WORDS[kind]}"
    return Finding("wrong-type", message, hint=_type_cure(location, kind, details["input"]))


def _below(location: Location, details: ErrorDetails, context: Mapping[str, Any]) -> Finding:
    message = f"{_text(location, details)} is below the minimum of {context['ge']}"
    return Finding("value-range", message, hint=f"write {context['ge']} or more")


def _above(location: Location, details: ErrorDetails, context: Mapping[str, Any]) -> Finding:
    message = f"{_text(location, details)} is above the maximum of {context['le']}"
    return Finding("value-range", message, hint=f"write {context['le']} or less")


def _empty(_location: Location, _details: ErrorDetails, _context: Mapping[str, Any]) -> Finding:
    return Finding("list-empty", "the list is empty", hint="add an entry")


def _half_a_character(_location: Location, _details: ErrorDetails, _context: Mapping[str, Any]) -> Finding:
    return Finding("hidden-character", "contains an unpaired surrogate", hint="remove it")


_WORDS: Mapping[str, _Words] = {
    "missing": _missing,
    "extra_forbidden": _unknown,
    "literal_error": _other_word,
    **dict.fromkeys(_TYPE_WORDS, _other_type),
    "greater_than_equal": _below,
    "less_than_equal": _above,
    "too_short": _empty,
    "string_unicode": _half_a_character,
}


def _text(location: Location, details: ErrorDetails) -> str:
    """The value in a message; what may be a password is not repeated."""
    return "this value" if location[:1] and location[0] in PRIVATE else shown(details["input"])


def _type_cure(location: Location, kind: str, found: object) -> str:
    if kind == "dict_type":
        return "write names with values: {NAME: VALUE}"
    if _TYPE_WORDS[kind] == "a mapping":
        return f"write a mapping of {', '.join(_known_names((*location, '')))}"
    if kind == "list_type":
        return "write it in brackets, as a list"
    if kind == "string_type" and not isinstance(found, (list, dict, type(None))):
        return "write it in quotes"
    if kind == "bool_type" and found not in ("true", "false"):
        return "write true or false"
    is_quoted = isinstance(found, str) and (kind == "bool_type" or found.isdecimal())
    return "without quotes" if kind in ("bool_type", "int_type") and is_quoted else ""


def _known_names(location: Location) -> list[str]:
    """The names that may stand where an unknown one was found."""
    tops: dict[str, Any] = {
        "node_network": Interface, "node_disk": Disk, "node_users": User, "node_dhcp": DhcpRange,
        "node_files": NodeFile, "node_repos": Repository, "node_drivers": Driver, "node_modules": Modules,
        "node_services": Services,
        "node_bmc": Bmc, "node_checks": MachineChecks,
        "node_firewall": Firewall, "node_proxy": Proxy, "routes": Route,
        "bond": Bond, "vlan": Vlan, "bridge": Bridge, "size": SizeRange,
    }  # fmt: skip
    model = next(tops[str(part)] for part in reversed(location[:-1]) if part in tops)
    return [field.alias or name for name, field in model.model_fields.items()]


def _listing(names: list[str]) -> str:
    return f"one of: {', '.join(names)}"
