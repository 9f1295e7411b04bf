# SPDX-License-Identifier: GPL-2.0-or-later
"""What the grammar of a release says of a line, in words that help: what is wrong, since when, and what instead."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

from ksgen.grammar import SECTIONS, Check, Found, Kickstart
from ksgen.lint import history
from ksgen.lint.history import INSTEAD, INSTEAD_OF_OPTIONS, NAMES, PYKICKSTART
from ksgen.problems import Finding, Severity
from ksgen.variables import nearest

# What tell() makes of what the grammar itself says: code, severity, source.
GRAMMAR: tuple[tuple[str, Severity, str], ...] = (
    ("command-removed", "error", PYKICKSTART),
    ("command-deprecated", "warning", PYKICKSTART),
    ("command-too-new", "error", PYKICKSTART),
    ("command-unknown", "error", PYKICKSTART),
    ("option-removed", "error", PYKICKSTART),
    ("option-deprecated", "warning", PYKICKSTART),
    ("option-too-new", "error", PYKICKSTART),
    ("option-unknown", "error", PYKICKSTART),
    ("section-unknown", "error", "pykickstart, parser.py"),
    ("section-without-end", "error", "pykickstart, parser.py"),
    ("quote-not-closed", "error", "pykickstart, parser.py: shlex"),
    ("kickstart-grammar", "error", "pykickstart of the release"),
)
_SEVERITIES = {code: severity for code, severity, _ in GRAMMAR}


class Said(NamedTuple):
    """What the grammar says of a line: the words that a row has matched, and the line with its command."""

    match: re.Match[str]
    name: str
    release: str

    @property
    def word(self) -> str:
        """The command, option or section that the grammar names."""
        return self.match.group(1) if self.match.re.groups else self.name


Explain: TypeAlias = Callable[[Said], Finding]


def _as(code: str, words: str, cure: str | Callable[[Said], str]) -> Explain:
    """A finding with these words, in which the word, the command and the release are filled in."""

    def explain(said: Said) -> Finding:
        message = words.format(word=said.word, name=said.name, release=NAMES[said.release])
        return Finding(code, message, _SEVERITIES[code], cure if isinstance(cure, str) else cure(said) or None)

    return explain


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
    if option in older:
        cure = INSTEAD_OF_OPTIONS.get((said.name, option))
        return Finding("option-removed", f"{said.name} of {release} has no option {option} any more", hint=cure)
    if option in newer:
        return Finding("option-too-new", f"{said.name} of {release} does not have option {option} yet")
    known = history.known(said.release).get(said.name)
    cure = nearest(option, history.options_of(known)) if known else ""
    return Finding("option-unknown", f"{said.name} has no option {option}", hint=cure)


def _instead(said: Said) -> str:
    return INSTEAD.get(said.word, "")


def _instead_or_nothing(said: Said) -> str:
    return INSTEAD.get(said.word, "remove it")


def _instead_of_option(said: Said) -> str:
    return INSTEAD_OF_OPTIONS.get((said.name, said.word), "remove it")


def _section_meant(said: Said) -> str:
    return nearest(said.word, SECTIONS) or f"one of: {', '.join(sorted(SECTIONS))}"


# What pykickstart and argparse say, in the order in which it is looked for, and what is told instead.
_SAYINGS: tuple[tuple[str, Explain], ...] = (
    (r"Unknown command: ", _unknown_command),
    (r"(\S+) has been removed\.$", _as("command-removed", "{release} has no command {word!r} any more", _instead)),
    (
        r".*The (\S+) command has been deprecated",
        _as("command-deprecated", "command {word!r} does nothing in {release} any more", _instead_or_nothing),
    ),
    (
        r".*The (\S+) option has been deprecated",
        _as("option-deprecated", "option {word} of {name} does nothing in {release} any more", _instead_of_option),
    ),
    (r"(?:unrecognized arguments|no such option): (--?[\w-]+)", _unknown_option),
    (r"Unknown kickstart section: (\S+)", _as("section-unknown", "unknown section {word!r}", _section_meant)),
    (
        r"(Section \S+ does not end with %end)",
        _as("section-without-end", "{word}", "write %end on a line of its own"),
    ),
    (
        r"No closing quotation",
        _as("quote-not-closed", "a quotation mark in this line is not closed", "close it, or quote it"),
    ),
)
_EXPLAINED = tuple((re.compile(pattern), explain) for pattern, explain in _SAYINGS)


# pykickstart says of some what history.ending() says of all, with a cure.
_ENDING = re.compile(r"The (?:option \S+|\S+ command) will be deprecated")


def tell(said: Finding, text: str, release: str) -> Finding | None:
    """What the grammar says of a line, in words that help; `text` is that line. None for what `ending` says."""
    if _ENDING.match(said.message):
        return None
    name = (text.split() or [""])[0]
    for pattern, explain in _EXPLAINED:
        match = pattern.match(said.message)
        if match:
            return explain(Said(match, name, release))
    return Finding(said.code, said.message or "the grammar does not allow it", said.severity)


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


CHECKS = (
    *history.CHECKS,
    Check("command-twice", "warning", twice, "pykickstart, parser.py: handleCommand"),
)
