# SPDX-License-Identifier: GPL-2.0-or-later
"""Attributes, methods, filters and tests as expressions use them: which there are, what they cost, what fails."""

from __future__ import annotations

import functools
from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping, Sequence, ValuesView
from typing import Any, Protocol

from jinja2 import Environment, pass_environment
from jinja2.filters import do_unique
from jinja2.runtime import Undefined
from jinja2.utils import Namespace

from ksgen.expressions.bounds import Failed, Missing, Refused, Tripped, Work, failure
from ksgen.expressions.vocabulary import ATTRIBUTES, EXPANDING, KEEPS_MISSING, METHODS, TAKES_MISSING


class Guarding(Protocol):
    """What guarded() uses of the language."""

    work: Work
    is_strict: bool


class Method:
    """A method of a value, not yet called."""

    def __init__(self, owner: Any, name: str) -> None:
        self.owner, self.name = owner, name


ABSENT: Any = object()


def find_attribute(owner: object, name: str) -> object:
    """`owner.name`: a method or attribute that is read here, or ABSENT."""
    if isinstance(owner, Namespace):
        try:
            return getattr(owner, name)
        except AttributeError:
            return ABSENT
    for kind, methods in METHODS.items():
        if isinstance(owner, kind):
            if name in methods:
                return Method(owner, name)
            if name in ATTRIBUTES.get(kind, ()) and hasattr(owner, name):
                return getattr(owner, name)
            break
    return ABSENT


def unsafe(owner: object, name: str) -> Refused | None:
    """Why `owner.name` is not read although Python has it."""
    if not hasattr(type(owner), name):
        return None
    if isinstance(owner, list | dict) and not name.startswith("_"):
        message = f"{name!r} modifies a value, which expressions cannot do"
    else:
        message = f"{name!r} is not an attribute that expressions can use"
    return Refused("expression-unsafe", message, None, name, tells_values=True)


_LISTED = (Iterator, ItemsView, KeysView, ValuesView, range)


def run(name: str, function: Callable[..., Any], arguments: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """The result of a filter, test or method, in Ansible's terms: no iterators, a missing value instead of an error."""
    try:
        result = function(*arguments, **options)
        return list(result) if isinstance(result, _LISTED) else result
    except (RecursionError, MemoryError):
        raise
    except Tripped as tripped:
        return tripped.missing
    except Exception as error:
        return Failed(failure(name, error))


def guarded(name: str, function: Callable[..., Any], language: Guarding) -> Callable[..., Any]:
    """A filter or test that pays for its work."""
    special = 1 if hasattr(function, "jinja_pass_arg") else 0
    work = language.work

    @functools.wraps(function)
    def guarded(*arguments: Any, **options: Any) -> Any:
        given = [*arguments[special:], *options.values()]
        if name not in TAKES_MISSING:
            for value in given:
                if isinstance(value, Undefined):
                    return value
        if name == "format" and isinstance(given[0], str):
            work.fill(given[0], given[1:])
        elif name in EXPANDING:
            work.expand(given[0], given[1:])
        else:
            work.take(*given)
        work.spend(4)
        outer, language.is_strict = language.is_strict, name not in KEEPS_MISSING
        try:
            result = run(name, function, arguments, options)
        finally:
            language.is_strict = outer
        if isinstance(result, list) and name not in KEEPS_MISSING:
            return next((item for item in result if isinstance(item, Undefined)), result)
        return result

    return guarded


def default(value: Any, default_value: Any = "", boolean: bool = False) -> Any:
    return default_value if type(value) is Missing or (boolean and not value) else value


def defined(value: Any) -> Any:
    return value if isinstance(value, Failed) else not isinstance(value, Undefined)


def undefined(value: Any) -> Any:
    return value if isinstance(value, Failed) else isinstance(value, Undefined)


@pass_environment
def unique(environment: Environment, value: Any, case_sensitive: Any = None, attribute: Any = None) -> list[Any]:
    """Ansible's `unique`, which takes mappings and lists too."""
    try:
        return list(do_unique(environment, value, bool(case_sensitive), attribute))
    except TypeError:
        if case_sensitive is False or attribute:
            raise
    result: list[Any] = []
    for item in value:
        if item not in result:
            result.append(item)
    return result


class Undef:
    """Ansible's `undef(hint='…')`: a value that a host has to bring itself."""
