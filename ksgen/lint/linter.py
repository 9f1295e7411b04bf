# SPDX-License-Identifier: GPL-2.0-or-later
"""Kickstart files -> what is wrong with them, each problem at its line and file."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ksgen.grammar import SIZE_LIMIT, Check, Grammar, Kickstart, KickstartFile, Numbered, include, read_file, view
from ksgen.lint import storage
from ksgen.lint.checking import CHECKS, MANY_RULES, check, grammar_of
from ksgen.lint.echoes import without_echoes
from ksgen.lint.switches import disabled_in
from ksgen.lint.targets import release_of, written_for_other
from ksgen.lint.written import adds_network_only, check_written
from ksgen.problems import ALL, Finding, Mark, Problem, Report
from ksgen.targets import Kind, Machine
from ksgen.variables import nearest


class Judged(NamedTuple):
    """A file, and the release and the machine whose rules were applied to it."""

    file: str
    release: str
    machine: Machine


class Linter:
    """Checks kickstart files; keeps one grammar for each release. `release` None goes by each file's `#version=`,
    `kind` "any" by what is in the file."""

    def __init__(self, release: str | None = None, disabled: Collection[str] = (), kind: Kind = "any") -> None:
        self._release = release
        self._disabled = frozenset(disabled)
        self._kind = kind
        self._grammars: dict[str, Grammar] = {}

    def lint(self, file: KickstartFile) -> list[Problem]:
        """Everything that is wrong with a file and what it includes."""
        return self.judge(file)[0]

    def judge(self, file: KickstartFile) -> tuple[list[Problem], Judged | None]:
        """The same, and what the file was taken for; None for one that cannot be read."""
        problems = list(file.problems)
        if not file.sources:
            return problems, None
        off = disabled_in(file.text)
        grammar, said, kickstart = self._read(file)
        switched_off = self._disabled | off.everywhere
        checks = [one for one in CHECKS if one.code not in MANY_RULES & switched_off]
        findings = without_echoes(tuple(_findings(file, grammar, said, kickstart, checks)))
        problems += [_problem(*found, file) for found in findings if not off.covers(*found)]
        problems += [_unknown_code(line, code, file) for line, code in off.unknown]
        found = [problem for problem in problems if problem.code not in switched_off]
        return found, Judged(file.sources[0][0], kickstart.release, kickstart.machine)

    def lint_text(self, name: str, text: str) -> list[Problem]:
        """The same for a text that stands for the file of a name."""
        return self.lint(include(name, text, _included))

    def _read(self, file: KickstartFile) -> tuple[Grammar, tuple[Numbered, ...], Kickstart]:
        release = self._release or release_of(file.text)
        grammar = self.grammar(release)
        said = grammar.read(file.text)
        kickstart = view(release, file.text, grammar.commands, said, file.is_whole)
        kickstart = dataclasses.replace(kickstart, kind=self._kind)
        if not file.is_whole and adds_network_only(kickstart):
            kickstart = dataclasses.replace(kickstart, is_whole=True, rejected=kickstart.rejected | {"network"})
        if kickstart.machine != "other":
            kickstart = dataclasses.replace(kickstart, devices=storage.devices(grammar.handler, {}, None))
        return grammar, said, kickstart

    def grammar(self, release: str) -> Grammar:
        """The grammar of a release, made once: that takes as long as checking several kickstarts."""
        if release not in self._grammars:
            self._grammars[release] = Grammar(release)
        return self._grammars[release]


def _findings(
    file: KickstartFile, grammar: Grammar, said: Sequence[Numbered], kickstart: Kickstart, checks: Sequence[Check]
) -> Iterator[Numbered]:
    yield from written_for_other(file.text, kickstart.release)
    yield from grammar_of(said, kickstart)
    yield from check(kickstart, checks)
    yield from check_written(grammar, kickstart)


@dataclasses.dataclass(frozen=True)
class Linted:
    """What is wrong with kickstart files, the texts that were read (file name: text), and what each was taken for."""

    report: Report
    sources: dict[str, str]
    files: tuple[Judged, ...]


def lint(paths: Sequence[Path], linter: Linter, stdin: BinaryIO | None = None) -> Linted:
    """The problems of kickstart files. `-` is what comes by `stdin`."""
    report, sources, judged = Report(), dict[str, str](), list[Judged]()
    for path in paths:
        file = read_file(path) if stdin is None or str(path) != "-" else _from_stream(stdin)
        problems, one = linter.judge(file)
        report.extend(problems)
        sources.update(file.sources)
        judged += [one] if one else []
    return Linted(report, sources, tuple(judged))


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


_OF_PASSWORDS = ("password-readable", "password-no-hash", "password-hash-as-text", "password-hash-weak")


def _problem(line: int, finding: Finding, file: KickstartFile) -> Problem:
    return finding.at(file.origin(line), secret=finding.code in _OF_PASSWORDS)


def _unknown_code(line: int, code: str, file: KickstartFile) -> Problem:
    message, hint = f"unknown check {code!r}", nearest(code, ALL) or None
    return Problem("disable-unknown", message, file.origin(line), "warning", hint=hint)
