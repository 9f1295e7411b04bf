# SPDX-License-Identifier: GPL-2.0-or-later
"""What pykickstart's own help says of the commands, sections and options of a release."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Mapping
from typing import Any

from pykickstart.base import DeprecatedCommand, RemovedCommand

from ksgen.grammar.releases import Grammar


@dataclasses.dataclass(frozen=True)
class Option:
    """An option: all its names, what it means, and the words that it takes where pykickstart has a list of them."""

    names: tuple[str, ...]
    text: str
    takes_value: bool
    words: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Entry:
    """A command or section: what it means, what it takes without an option name, and its options."""

    name: str
    text: str
    options: tuple[Option, ...] = ()

    def option(self, name: str) -> Option | None:
        return next((option for option in self.options if name in option.names), None)


@dataclasses.dataclass(frozen=True)
class Manual:
    """What a release has; commands that it has given up are left out."""

    commands: Mapping[str, Entry]
    sections: Mapping[str, Entry]


@functools.cache
def manual(release: str) -> Manual:
    grammar = Grammar(release)
    commands = {
        name: _entry(name, getattr(command, "op", None), _lists(name, command))
        for name, command in sorted(grammar.handler.commands.items())
        if not isinstance(command, (DeprecatedCommand, RemovedCommand))
    }
    return Manual(commands, {name: _entry(name, parser, {}) for name, parser in sorted(grammar.sections.items())})


def _lists(name: str, command: Any) -> dict[str, tuple[str, ...]]:
    """The words of options that pykickstart keeps in lists of its commands."""
    found = {
        ("network", "--bootproto"): getattr(command, "bootprotoList", ()),
        ("autopart", "--type"): getattr(command, "typeMap", ()),
    }
    return {option: tuple(map(str, words)) for (owner, option), words in found.items() if owner == name}


def _entry(name: str, parser: Any, lists: Mapping[str, tuple[str, ...]]) -> Entry:
    """`parser` is the command's argparse, or None of one without arguments."""
    if parser is None:
        return Entry(name, "")
    actions = [action for action in parser._actions if not getattr(action, "deprecated", None)]
    options = [
        Option(
            tuple(action.option_strings),
            _plain(action.help),
            action.nargs != 0,
            next((lists[word] for word in action.option_strings if word in lists), ()),
        )
        for action in actions
        if action.option_strings
    ]
    taken = [_plain(action.help) for action in actions if not action.option_strings]
    return Entry(name, "\n\n".join(filter(None, (_plain(parser.description), *taken))), tuple(options))


_MARKUP = (
    (re.compile(r"^\.\. version(?:added|changed|deprecated):: .*$", re.MULTILINE), ""),
    (re.compile(r"^\.\. (?:note|warning|code-block)::[ \t]*", re.MULTILINE), ""),
    (re.compile(r"``"), "`"),
    (re.compile(r"::[ \t]*$", re.MULTILINE), ":"),
    (re.compile(r"\n{3,}"), "\n\n"),
)


def _plain(text: str | None) -> str:
    """pykickstart's reStructuredText as Markdown."""
    found = "\n".join(line.strip() for line in (text or "").split("\n"))
    for pattern, instead in _MARKUP:
        found = pattern.sub(instead, found)
    return found.strip()
