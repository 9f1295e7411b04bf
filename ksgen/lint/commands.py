# SPDX-License-Identifier: GPL-2.0-or-later
"""What the grammar of a release says of a line, in words that help: what is wrong, since when, and what instead."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterator

from ksgen.grammar import SECTIONS, Check, Found, Kickstart
from ksgen.lint import arguments, history, options, urls
from ksgen.lint.history import INSTEAD, INSTEAD_OF_OPTIONS, NAMES
from ksgen.lint.said import GRAMMAR, Row, Said, row
from ksgen.problems import Finding
from ksgen.variables import nearest

_LISTED = 8  # as many options fit into a hint


def _unknown_command(said: Said) -> Finding:
    older, newer = history.elsewhere(said.release)
    release = NAMES[said.release]
    if said.name in older:
        cure = INSTEAD.get(said.name, "remove it")
        return Finding("command-removed", f"{release} has no command {said.name!r} any more", hint=cure)
    if said.name in newer:
        return Finding("command-too-new", f"{release} does not have command {said.name!r} yet")
    cure = nearest(said.name, history.known(said.release))
    return Finding("command-unknown", f"unknown command {said.name!r}", hint=cure)


def _unknown_option(said: Said) -> Finding:
    older, newer = history.options_elsewhere(said.name, said.release)
    release, option = NAMES[said.release], said.word
    cure = INSTEAD_OF_OPTIONS.get((said.name, option))
    if option in older or cure:
        return Finding("option-removed", f"{said.name} of {release} has no option {option} any more", hint=cure)
    if option in newer:
        return Finding("option-too-new", f"{said.name} of {release} does not have option {option} yet")
    own = history.options(said.name, said.release)
    cure = nearest(option, own) or (f"one of: {', '.join(sorted(own))}" if 0 < len(own) <= _LISTED else "remove it")
    return Finding("option-unknown", f"{said.name} has no option {option}", hint=cure)


def _instead(said: Said) -> str:
    return INSTEAD.get(said.word, "")


def _instead_or_nothing(said: Said) -> str:
    return INSTEAD.get(said.word, "remove it")


def _instead_of_option(said: Said) -> str:
    return INSTEAD_OF_OPTIONS.get((said.name, said.word), "remove it")


def _section_meant(said: Said) -> str:
    return nearest(said.word, SECTIONS) or f"one of: {', '.join(sorted(SECTIONS))}"


# What pykickstart and argparse say, in the order in which it is looked for, and what is reported instead.
_ROWS: tuple[Row, ...] = (
    (r"Unknown command: ", _unknown_command),
    row(r"(\S+) has been removed\.$", "command-removed", "{release} has no command {word!r} any more", _instead),
    row(
        r".*The (\S+) command has been deprecated",
        "command-deprecated",
        "command {word!r} does nothing in {release} any more",
        _instead_or_nothing,
    ),
    row(
        r".*The (\S+) option has been deprecated",
        "option-deprecated",
        "option {word} of {name} does nothing in {release} any more",
        _instead_of_option,
    ),
    (r"(?:unrecognized arguments|no such option): (--?[\w-]+)", _unknown_option),
    (r"Unexpected arguments to \S+ command: \['(--[\w-]+)", _unknown_option),
    row(
        r"The (--\S+) option on line \d+ will be deprecated .* preferred alias (--\S+?)\.?$",
        "ends-with-el9",
        "option {word} of {name} has been renamed",
        lambda said: said.other,
    ),
    row(r"Unknown kickstart section: (\S+)", "section-unknown", "unknown section {word!r}", _section_meant),
    row(
        r"(Section \S+ does not end with %end)",
        "section-without-end",
        "{word}",
        "write %end on a line of its own",
    ),
    row(
        r"No closing quotation",
        "quote-not-closed",
        "a quotation mark in this line is not closed",
        "close it, or quote it",
    ),
)
_EXPLAINED = tuple((re.compile(pattern), explain) for pattern, explain in (*_ROWS, *arguments.ROWS))


# pykickstart says of some what history.ending() says of all, with a cure.
_ENDING = re.compile(r"The (?:option \S+|\S+ command) will be deprecated")


def tell(said: Finding, text: str, release: str) -> Finding | None:
    """What the grammar says of a line, in words that help; `text` is that line. None for what `ending` says."""
    if _ENDING.match(said.message):
        return None
    name = (text.split() or [""])[0]
    rows = ((pattern.match(said.message), explain) for pattern, explain in _EXPLAINED)
    found = next((explain(Said(match, text, name, release)) for match, explain in rows if match), None)
    if found is None:
        return Finding(said.code, "the grammar does not allow it", said.severity)
    return dataclasses.replace(found, severity=said.severity)


# --- commands that are given twice -----------------------------------------------------------------------------------

# Of these Anaconda keeps the last and forgets the others without a word.
_ONCE = (
    "rootpw", "lang", "keyboard", "timezone", "bootloader", "clearpart", "autopart", "liveimg", "url", "selinux",
    "authselect", "firstboot", "firewall", "services", "reqpart",
)  # fmt: skip


def twice(ks: Kickstart) -> Iterator[Found]:
    for name in _ONCE:
        for command in ks.all(name)[1:]:
            message = f"a second {name}; only the last one is used, without a warning"
            yield Found(command.line, message, "remove one of them")
    for names in _ONE_OF:
        given = sorted((command for command in ks.commands if command.name in names), key=lambda one: one.line)
        for before, command in itertools.pairwise(given):
            if command.name != before.name:
                message = f"{command.name} after {before.name}; only the last one is used, without a warning"
                yield Found(command.line, message, "remove one of them")


# One setting each, by several commands (pykickstart, commands/displaymode.py and reboot.py).
_ONE_OF = (("text", "cmdline", "graphical"), ("reboot", "poweroff", "halt", "shutdown"))


__all__ = ["CHECKS", "GRAMMAR", "tell", "twice"]

CHECKS = (
    *history.CHECKS,
    *options.CHECKS,
    *urls.CHECKS,
    Check("command-twice", "warning", twice, "pykickstart, parser.py: handleCommand"),
)
