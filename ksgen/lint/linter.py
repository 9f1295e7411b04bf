# SPDX-License-Identifier: GPL-2.0-or-later
"""Any kickstart -> what is wrong with it, each problem at its line and file."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from ksgen.grammar import (
    SIZE_LIMIT,
    Check,
    Grammar,
    Kickstart,
    KickstartFile,
    Numbered,
    Section,
    include,
    read_file,
    view,
)
from ksgen.lint import commands, disks, layout, network, node, people, scripts, storage
from ksgen.problems import ALL, Finding, Mark, Problem, Report
from ksgen.redaction import without_secrets
from ksgen.variables import nearest

CHECKS: tuple[Check, ...] = (
    *scripts.CHECKS,
    *commands.CHECKS,
    *disks.CHECKS,
    *layout.CHECKS,
    *network.CHECKS,
    *people.CHECKS,
    *node.CHECKS,
)
RELEASES = ("el9", "el10")
_DEFAULT_RELEASE = "el9"


def grammar_of(said: Sequence[Numbered], kickstart: Kickstart) -> Iterator[Numbered]:
    """What the grammar says, in words that help, each at its line."""
    lines = kickstart.text.splitlines() if said else []
    for number, one in said:
        line = lines[number - 1] if 0 < number <= len(lines) else ""
        told = commands.tell(one, line, kickstart.release)
        if told is not None:
            yield number, _shown(told, line)


def check(kickstart: Kickstart, checks: Sequence[Check] = CHECKS) -> Iterator[Numbered]:
    """Everything that the checks find."""
    lines = kickstart.text.split("\n")
    for one in checks:
        for found in one.decide(kickstart):
            line = lines[found.line - 1] if 0 < found.line <= len(lines) else ""
            severity = found.severity or one.severity
            yield found.line, _shown(Finding(found.code or one.code, found.message, severity, found.hint), line)


def _shown(finding: Finding, line: str) -> Finding:
    """The same without the secrets of the line that it is about, as a terminal can show it."""
    message, hint = without_secrets(finding.message, line), finding.hint
    return dataclasses.replace(finding, message=_printable(message), hint=_printable(hint) if hint else None)


def _printable(text: str) -> str:
    """What was quoted from a file may hold anything."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


# --- what a script writes --------------------------------------------------------------------------------------------

# A here-document that the shell does not expand, and the file that it goes into.
_LITERAL = re.compile(r"<<\s*(?:'([^']+)'|\"([^\"]+)\"|\\(\w+))")
_INTO = re.compile(r"(?<![<>])>>?\s*([^\s<>|;&]+)")
_INCLUDES = re.compile(r"^[ \t]*%include[ \t]+(\S+)", re.MULTILINE)
# What ksgen's own %pre reads, puts names of cards in the place of MAC addresses, and writes.
_BEFORE_NAMES = ".wanted"
_NAMED_LATER = "network-member-mac"


def check_written(grammar: Grammar, kickstart: Kickstart) -> Iterator[Numbered]:
    """What is wrong with `network` commands that a %pre writes for an %include, each at its line of the text.

    The grammar reads them, so that what it has read before is gone from it.
    """
    included = set(_INCLUDES.findall(kickstart.text)) if "<<" in kickstart.text else set()
    if not included:
        return
    found = [row for section in kickstart.all_sections("%pre") for row in _written(section, included)]
    if not found:
        return
    rows = [""] * max(number for number, _, _ in found)
    for number, text, _ in found:
        rows[number - 1] = text
    text = "\n".join(rows) + "\n"
    said = grammar.read(text)
    piece = view(kickstart.release, text, grammar.commands, said, is_whole=False)
    named_later = {number for number, _, is_final in found if not is_final}
    for line, finding in (*grammar_of(said, piece), *check(piece, network.CHECKS)):
        if finding.code != _NAMED_LATER or line not in named_later:
            yield line, finding


def _written(section: Section, included: Collection[str]) -> Iterator[tuple[int, str, bool]]:
    """The lines with `network` that a script writes, and whether as they are included."""
    word = target = ""
    for number, line in section.lines if section.is_shell else ():
        if word:
            if line == word:
                word = ""
            elif line.split()[:1] == ["network"] and target.removesuffix(_BEFORE_NAMES) in included:
                yield number, line, target in included
        elif (literal := _LITERAL.search(line)) and (into := _INTO.search(line)):
            word, target = next(filter(None, literal.groups())), into.group(1)


# --- switching checks off --------------------------------------------------------------------------------------------

_DISABLE = re.compile(r"#\s*ksgen:\s*disable(-next)?\s*=\s*([\w,\s-]*)")


@dataclasses.dataclass(frozen=True)
class Disabled:
    """The codes that are switched off: everywhere, and in single lines."""

    everywhere: frozenset[str] = frozenset()
    lines: frozenset[tuple[int, str]] = frozenset()
    unknown: tuple[tuple[int, str], ...] = ()

    def covers(self, line: int, finding: Finding) -> bool:
        return finding.code in self.everywhere or (line, finding.code) in self.lines


def disabled_in(text: str) -> Disabled:
    """`# ksgen: disable=CODE,…` on a line of its own is for the whole file, after a command for that line;
    `# ksgen: disable-next=CODE,…` is for the line below."""
    if "ksgen:" not in text:
        return Disabled()
    everywhere: set[str] = set()
    lines: set[tuple[int, str]] = set()
    unknown: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        match = _DISABLE.search(line)
        if match is None:
            continue
        codes = [code for code in re.split(r"[,\s]+", match.group(2)) if code]
        unknown += [(number, code) for code in codes if code not in ALL]
        if match.group(1):
            lines.update((number + 1, code) for code in codes)
        elif line[: match.start()].strip():
            lines.update((number, code) for code in codes)
        else:
            everywhere.update(codes)
    return Disabled(frozenset(everywhere), frozenset(lines), tuple(unknown))


# --- files -----------------------------------------------------------------------------------------------------------


class Linter:
    """Checks kickstart files; keeps one grammar for each release. `release` None goes by each file's `#version=`."""

    def __init__(self, release: str | None = None, disabled: Collection[str] = ()) -> None:
        self._release = release
        self._disabled = frozenset(disabled)
        self._grammars: dict[str, Grammar] = {}

    def lint(self, file: KickstartFile) -> list[Problem]:
        """Everything that is wrong with a file and what it includes."""
        problems = list(file.problems)
        if not file.sources:
            return problems
        release = self._release or release_of(file.text)
        if release not in self._grammars:
            self._grammars[release] = Grammar(release)
        grammar = self._grammars[release]
        said = grammar.read(file.text)
        kickstart = view(release, file.text, grammar.commands, said, file.is_whole)
        if kickstart.installs_node:
            kickstart = dataclasses.replace(kickstart, devices=storage.devices(grammar.handler, {}, None))
        off = disabled_in(file.text)
        findings = [*grammar_of(said, kickstart), *check(kickstart), *check_written(grammar, kickstart)]
        problems += [_problem(*found, file) for found in without_echoes(findings) if not off.covers(*found)]
        problems += [_unknown_code(line, code, file) for line, code in off.unknown]
        switched_off = self._disabled | off.everywhere
        return [problem for problem in problems if problem.code not in switched_off]


def lint(
    paths: Sequence[Path],
    release: str | None = None,
    disabled: Collection[str] = (),
    stdin: BinaryIO | None = None,
) -> tuple[Report, dict[str, str]]:
    """The problems of kickstart files, and the texts that were read (file name: text). `-` is what comes by `stdin`."""
    linter, report, sources = Linter(release, disabled), Report(), dict[str, str]()
    for path in paths:
        file = read_file(path) if stdin is None or str(path) != "-" else _from_stream(stdin)
        report.extend(linter.lint(file))
        sources.update(file.sources)
    return report, sources


STDIN = "<stdin>"


def _from_stream(stream: BinaryIO) -> KickstartFile:
    """A kickstart that has no place; what it includes is looked for in the present directory."""
    data = stream.read(SIZE_LIMIT + 1)
    content: str | Problem
    try:
        content = data.decode()
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        content = Problem("not-utf-8", "not UTF-8, which Anaconda requires", Mark(STDIN, line))
    if len(data) > SIZE_LIMIT:
        message = f"a kickstart has at most {SIZE_LIMIT} bytes"
        content = Problem("file-too-large", message, Mark(STDIN, 1))
    return include(STDIN, content, _included)


def _included(path: Path) -> str | Problem:
    file = read_file(path)
    return dict(file.sources)[str(path)] if file.sources else file.problems[0]


def release_of(text: str) -> str:
    """The release that a kickstart is for by its own word, `#version=RHEL10`; else the older one."""
    match = re.search(r"^#\s*version\s*=\s*(?:RHEL|EL)?(\d+)\b", text, re.MULTILINE | re.IGNORECASE)
    name = f"el{match.group(1)}" if match else _DEFAULT_RELEASE
    return name if name in RELEASES else _DEFAULT_RELEASE


_GRAMMAR_CODES = frozenset(code for code, _, _ in commands.GRAMMAR)


def without_echoes(findings: Sequence[Numbered]) -> Iterator[Numbered]:
    """The findings without those that only follow from another of them."""
    lines = _Lines.of(findings)
    for line, finding in findings:
        if not any(follows(line, finding.code, lines) for follows in _ECHOES):
            yield line, finding


@dataclasses.dataclass(frozen=True)
class _Lines:
    """Where the findings stand that others follow from."""

    section_inside: frozenset[int]
    mount_twice: frozenset[int]
    unreadable: Mapping[int, str]
    ending: frozenset[int]

    @classmethod
    def of(cls, findings: Sequence[Numbered]) -> _Lines:
        def lines(code: str) -> frozenset[int]:
            return frozenset(line for line, finding in findings if finding.code == code)

        unreadable = {line: finding.code for line, finding in findings if finding.code in _UNREADABLE}
        return cls(lines("section-word-inside"), lines("mount-twice"), unreadable, lines("ends-with-el9"))


_UNREADABLE = ("template-left-over", "line-continued")


def _is_after_broken_section(line: int, code: str, lines: _Lines) -> bool:
    """Below the word of a section inside a script the grammar reads something else than was meant."""
    return code in _GRAMMAR_CODES and any(line >= first for first in lines.section_inside)


def _has_place_elsewhere(line: int, code: str, lines: _Lines) -> bool:
    """pykickstart names no line for what the check of the same code has found at its line."""
    return code == "ends-with-el9" and not line and any(lines.ending)


def _is_mount_again(line: int, code: str, lines: _Lines) -> bool:
    """The grammar, too, refuses a second mount point of one name."""
    return code == "kickstart-grammar" and line in lines.mount_twice


def _is_of_unreadable_line(line: int, code: str, lines: _Lines) -> bool:
    """What else is wrong in a line that is not meant as it reads."""
    return lines.unreadable.get(line, code) != code


_ECHOES = (_is_after_broken_section, _has_place_elsewhere, _is_mount_again, _is_of_unreadable_line)


def _problem(line: int, finding: Finding, file: KickstartFile) -> Problem:
    return finding.at(file.origin(line), secret=finding.code in ("password-readable", "password-no-hash"))


def _unknown_code(line: int, code: str, file: KickstartFile) -> Problem:
    message, hint = f"unknown check {code!r}", nearest(code, ALL) or None
    return Problem("disable-unknown", message, file.origin(line), "warning", hint=hint)
