# SPDX-License-Identifier: GPL-2.0-or-later
"""From the variables of an inventory to typed hosts: which are nodes, and what is wrong with them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ksgen.expressions import Expressions, Rendered
from ksgen.host.across import across
from ksgen.host.host import Host, Shape
from ksgen.host.inclusion import Inclusion
from ksgen.host.nodes import certain, missing_everywhere, select_nodes
from ksgen.host.places import KEY
from ksgen.host.releases import release_problems
from ksgen.host.rules import NO_LOGIN, host_problems, identity_problems
from ksgen.host.shapes import Plain
from ksgen.host.shapes import shape as shape_of
from ksgen.host.validation import validation_problem
from ksgen.host.vaulted import unopened, unopened_entry
from ksgen.inventory import HostEntry, Inventory
from ksgen.problems import Problem
from ksgen.variables import PREFIX, Identity, Settings, settings_of

_OF_IDENTITY = frozenset(PREFIX + name for name in Identity.model_fields)


def read_hosts(
    inventory: Inventory, slowly: bool = False, chosen: Collection[str] | None = None
) -> tuple[tuple[Host, ...], list[Problem]]:
    """Type and check the variables of every host.

    A host with an error is left out, unless its plan can be shown: the layout policy alone has found the error, or that
    no user can log in. `slowly`: each host is checked by itself, whatever it has in common with others. Of hosts that
    are not `chosen`, if that is given, only the identity is read, and compared with those of the chosen ones.
    """
    inventory = unopened(inventory)
    hosts, identities, problems = [], [], []
    seen: dict[str, _First] = {}
    read = Plain()
    nodes, others = select_nodes(inventory)
    problems += others
    expressions, of_others = Expressions(inventory), Expressions(inventory, _OF_IDENTITY.__contains__)
    files = Inclusion(inventory)
    for raw in nodes:
        if chosen is not None and raw.name not in chosen and (known := _identity_alone(of_others.rendered(raw), read)):
            identities.append(known)
            continue
        rendered = files.included(expressions.rendered(raw))
        entry = unopened_entry(rendered.entry)
        values = read.of(entry)
        data = values.plain
        shape = None if slowly or rendered.problems else shape_of(entry, values)
        host, found = _alike(entry, data, shape, seen), list[Problem]()
        if host is None:
            host, found = _read_host(entry, data, shape)
        if rendered.failed:
            host, found = None, _beside(rendered, found)
        problems += certain(entry, (*rendered.problems, *found))
        if host is not None:
            hosts.append(host)
            if host.shape and not found:
                seen.setdefault(host.shape.key, _First(host.shape.key, host.settings))
        identities.append((entry, host.settings.identity if host else _identity(data)))
    problems += [*across(identities), *release_problems(hosts)]
    return tuple(hosts), missing_everywhere(inventory, nodes, problems)


def _identity_alone(rendered: Rendered, read: Plain) -> tuple[HostEntry, Identity] | None:
    """The identity of a host, None where something is wrong with it: a full read reports it."""
    if rendered.problems:
        return None
    try:
        entry = unopened_entry(rendered.entry)
        return entry, Identity.model_validate(read.of(entry, _OF_IDENTITY).plain)
    except ValidationError:
        return None


def _beside(rendered: Rendered, found: Iterable[Problem]) -> list[Problem]:
    """What is wrong in a host beside the variables that have no value, as far as it can be told without them."""
    written = rendered.entry.variables
    return [
        problem
        for problem in found
        if (name := re.split(r"[.\[]", problem.variable or "", maxsplit=1)[0]) in written
        or (problem.code == "variable-missing" and name not in rendered.failed)
    ]


def _identity(data: Mapping[str, object]) -> Identity:
    """What can be read of the identity of a host that has errors elsewhere."""
    readable = dict(data)
    while True:
        try:
            return Identity.model_validate(readable)
        except ValidationError as error:
            for details in error.errors(include_url=False, include_input=False):
                name, *below = details["loc"]
                value = readable.get(str(name))
                if isinstance(value, list) and below and isinstance(below[0], int):
                    readable[str(name)] = [None if n == below[0] else one for n, one in enumerate(value)]
                else:
                    readable.pop(str(name), None)


class _First(NamedTuple):
    """What the first host of a shape leaves for the others: their key in one place in memory, and settings to copy."""

    key: str
    settings: Settings


def _alike(
    entry: HostEntry, data: Mapping[str, object], shape: Shape | None, seen: Mapping[str, _First]
) -> Host | None:
    """A host of the shape of one that has nothing wrong: only what is its own is read and checked."""
    first = seen.get(shape.key) if shape else None
    if shape is None or first is None or entry.is_incomplete:
        return None
    try:
        identity = Identity.model_validate(data)
    except ValidationError:  # a full read reports it
        return None
    settings = first.settings.model_copy(update=dict(identity))
    host = Host(entry.name, settings, entry, Shape(first.key, shape.values))
    return None if any(identity_problems(host)) else host


def _read_host(entry: HostEntry, data: Mapping[str, object], shape: Shape | None) -> tuple[Host | None, list[Problem]]:
    """A host with what is wrong with it. It has its shape if that is no error: its kickstart can be like others'."""
    try:
        settings = settings_of(dict(data))
    except ValidationError as error:
        found = [validation_problem(entry, details) for details in error.errors(include_url=False) if _counts(details)]
        # What the reader of the file has told of a value is its whole trouble.
        told = {problem.mark for variable in entry.variables.values() for problem in variable.problems}
        return None, [problem for problem in found if problem.mark not in told]
    if entry.is_incomplete:
        return None, []
    host = Host(entry.name, settings, entry)
    problems = list(host_problems(host))
    if any(problem.severity == "error" and problem.code != NO_LOGIN for problem in problems):
        return None, problems
    problems += [host.layout_problem(finding) for finding in host.plan.findings]
    has_errors = any(problem.severity == "error" for problem in problems)
    return (host if has_errors else dataclasses.replace(host, shape=shape)), problems


def _counts(details: ErrorDetails) -> bool:
    """Not reported again: a key that is not a string; a mapping that does not match the allowed words."""
    is_odd_key = details["type"] == "invalid_key" or (
        details["loc"][-1:] == (KEY,) and not isinstance(details["input"], str)
    )
    return not is_odd_key and not (details["type"] == "literal_error" and isinstance(details["input"], dict))
