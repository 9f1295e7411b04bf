# SPDX-License-Identifier: GPL-2.0-or-later
"""Options that a command or the header of a section has twice, or that contradict each other: the last one wins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ksgen.grammar import Check, Found, Kickstart, value
from ksgen.lint import history

# The actions of argparse that set a value; others add to a list.
_SETTING = ("_StoreAction", "_StoreConstAction", "_StoreFalseAction", "_StoreTrueAction")

# Another check says it of these.
_ELSEWHERE = frozenset({("clearpart", "type")})


class _Given(NamedTuple):
    """An option as it is written, where its value goes, and what a flag sets there."""

    option: str
    place: str
    is_flag: bool
    sets: object = None

    def overrides(self, other: _Given) -> bool:
        """Whether the value of another option for the same place is lost."""
        return self is not other and (not self.is_flag or self.sets != other.sets)


def _given(args: tuple[str, ...], actions: Mapping[str, Any]) -> Iterator[_Given]:
    for argument in args:
        option = argument.partition("=")[0]
        action = _action(option, actions) if option.startswith("--") else None
        if action is not None and type(action).__name__ in _SETTING:
            is_flag = type(action).__name__ != "_StoreAction"
            yield _Given(option, action.dest, is_flag, action.const if is_flag else None)


def _action(option: str, actions: Mapping[str, Any]) -> Any:
    """The action of an option; argparse takes the beginning of one for the whole."""
    if option in actions:
        return actions[option]
    meant = {id(action): action for name, action in actions.items() if name.startswith(option)}
    return next(iter(meant.values())) if len(meant) == 1 else None


def twice(ks: Kickstart) -> Iterator[Found]:
    written = [
        *((command.name, command.args, command.line) for command in ks.commands),
        *((section.kind, section.args, section.line) for section in ks.sections),
    ]
    for name, args, line in written:
        if len(args) < 2:
            continue
        first: dict[str, _Given] = {}
        for one in _given(args, history.actions(name, ks.release)):
            other = first.setdefault(one.place, one)
            if one.overrides(other) and (name, one.place) not in _ELSEWHERE:
                yield Found(line, *_said(other, one))


def _said(other: _Given, one: _Given) -> tuple[str, str]:
    if not one.is_flag:
        return f"option {one.option!r} is given twice; only the last one is used", "remove one of them"
    return f"{other.option} and {one.option} contradict each other; only the last one is used", "remove one of them"


def ignored(ks: Kickstart) -> Iterator[Found]:
    """Options of volumes that Anaconda does not look at beside others, or without them."""
    for command in ks.all("logvol"):
        if value(command, "pool_name") and not value(command, "thin_volume"):
            message = "--poolname has no effect without --thin: this is a plain logical volume beside the pool"
            yield Found(command.line, message, "add --thin")
    for command in ks.all("logvol", "part", "partition"):
        size = value(command, "recommended") and value(command, "size")
        if size:
            message = f"--size={size} has no effect with --recommended: the size of swap follows from the memory"
            yield Found(command.line, message, "remove one of them")


CHECKS = (
    Check("option-twice", "warning", twice, "argparse, store actions"),
    Check("option-ignored", "warning", ignored, "pyanaconda, custom_partitioning.py"),
)
