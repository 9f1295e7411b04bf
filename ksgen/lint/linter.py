# SPDX-License-Identifier: GPL-2.0-or-later
"""Any kickstart -> what is wrong with it, each problem at its line and file."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from ksgen.grammar import (
    SIZE_LIMIT,
    Check,
    Complaint,
    Grammar,
    Kickstart,
    KickstartFile,
    Section,
    include,
    read_file,
    view,
)
from ksgen.lint import commands, disks, layout, network, node, people, scripts, storage
from ksgen.problems import ALL, Mark, Problem, Report, Severity
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


@dataclasses.dataclass(frozen=True)
class Told:
    """Something wrong in a line of a text."""

    line: int
    code: str
    message: str
    hint: str
    severity: Severity


def grammar_of(complaints: Sequence[Complaint], kickstart: Kickstart) -> Iterator[Told]:
    """The grammar's complaints, told."""
    lines = kickstart.text.splitlines() if complaints else []
    for position, complaint in enumerate(complaints):
        number = complaint.line
        if not number:
            before = sum(other.message == complaint.message for other in complaints[:position])
            number = _line_of_double(complaint.message, before, kickstart)
        line = lines[number - 1] if 0 < number <= len(lines) else ""
        told = commands.tell(complaint, line, kickstart.release)
        message = _printable(without_secrets(told.message, line))
        yield Told(number, told.code, message, _printable(told.hint), told.severity)


_DOUBLE = re.compile(r"with the (?:name|mountpoint|mount point) (\S+) has already been defined")
# pykickstart's word for what a command makes.
_NOUNS = {
    "btrfs": "btrfs volume", "logvol": "logical volume", "network": "network device", "part": "A partition",
    "partition": "A partition", "raid": "RAID device", "sshkey": "ssh user", "user": "A user",
}  # fmt: skip
_NAMES = ("name", "device", "mountpoint", "vgname", "username")


def _line_of_double(message: str, before: int, kickstart: Kickstart) -> int:
    """The line of a command that says what another has said; pykickstart does not tell it. 0 where it is not found."""
    match = _DOUBLE.search(message)
    if match is None:
        return 0
    word = match.group(1).strip("\"'")
    same: dict[str, list[int]] = {}
    for command in kickstart.commands:
        is_meant = _NOUNS.get(command.name, command.name) in message
        if is_meant and any(command.values.get(name) == word for name in _NAMES):
            same.setdefault(command.name, []).append(command.line)
    lines = next((lines for lines in same.values() if len(lines) > before + 1), [])
    return lines[before + 1] if lines else 0


def check(kickstart: Kickstart, checks: Sequence[Check] = CHECKS) -> Iterator[Told]:
    """Everything that the checks find."""
    lines = kickstart.text.split("\n")
    for one in checks:
        for found in one.decide(kickstart):
            line = lines[found.line - 1] if 0 < found.line <= len(lines) else ""
            message, hint = _printable(without_secrets(found.message, line)), _printable(found.hint)
            yield Told(found.line, found.code or one.code, message, hint, found.severity or one.severity)


def _printable(text: str) -> str:
    """Words as a terminal can show them: what was quoted from a file may hold anything."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


# --- what a script writes --------------------------------------------------------------------------------------------

# A here-document that the shell does not expand, and the file that it goes into.
_LITERAL = re.compile(r"<<\s*(?:'([^']+)'|\"([^\"]+)\"|\\(\w+))")
_INTO = re.compile(r"(?<![<>])>>?\s*([^\s<>|;&]+)")
_INCLUDES = re.compile(r"^[ \t]*%include[ \t]+(\S+)", re.MULTILINE)
# What ksgen's own %pre reads, puts names of cards in the place of MAC addresses, and writes.
_BEFORE_NAMES = ".wanted"
_NAMED_LATER = "network-member-mac"


def check_written(grammar: Grammar, kickstart: Kickstart) -> Iterator[Told]:
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
    complaints = grammar.read(text)
    piece = view(kickstart.release, text, grammar.commands, complaints, is_whole=False)
    named_later = {number for number, _, is_final in found if not is_final}
    for told in (*grammar_of(complaints, piece), *check(piece, network.CHECKS)):
        if told.code != _NAMED_LATER or told.line not in named_later:
            yield told


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

    def covers(self, told: Told) -> bool:
        return told.code in self.everywhere or (told.line, told.code) in self.lines


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
        complaints = grammar.read(file.text)
        kickstart = view(release, file.text, grammar.commands, complaints, file.is_whole)
        if kickstart.installs_node:
            kickstart = dataclasses.replace(kickstart, devices=storage.devices(grammar.handler, {}, None))
        off = disabled_in(file.text)
        told = [*grammar_of(complaints, kickstart), *check(kickstart), *check_written(grammar, kickstart)]
        problems += [_problem(one, file) for one in without_echoes(told) if not off.covers(one)]
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


def without_echoes(told: Sequence[Told]) -> Iterator[Told]:
    """What is reported, without what only follows from another of it."""
    inside = [one.line for one in told if one.code == "section-word-inside"]
    mounts = {one.line for one in told if one.code == "mount-twice"}
    unreadable = {one.line: one.code for one in told if one.code in ("template-left-over", "line-continued")}
    has_place = any(one.code == "ends-with-el9" and one.line for one in told)
    for one in told:
        follows = (
            (one.code in _GRAMMAR_CODES and any(one.line >= line for line in inside))
            or (one.code == "ends-with-el9" and not one.line and has_place)
            or (one.code == "kickstart-grammar" and one.line in mounts)
            or unreadable.get(one.line, one.code) != one.code
        )
        if not follows:
            yield one


def _problem(told: Told, file: KickstartFile) -> Problem:
    secret = told.code in ("password-readable", "password-no-hash")
    mark = file.origin(told.line)
    return Problem(told.code, told.message, mark, told.severity, hint=told.hint or None, secret=secret)


def _unknown_code(line: int, code: str, file: KickstartFile) -> Problem:
    message, hint = f"unknown check {code!r}", nearest(code, ALL) or None
    return Problem("disable-unknown", message, file.origin(line), "warning", hint=hint)
