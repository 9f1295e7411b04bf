# SPDX-License-Identifier: GPL-2.0-or-later
"""Findings that only follow from another one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from ksgen.grammar import Numbered
from ksgen.lint import certificates, commands

_GRAMMAR_CODES = frozenset(code for code, _, _ in commands.GRAMMAR)


def without_echoes(findings: Sequence[Numbered]) -> Iterator[Numbered]:
    """The findings without those that only follow from another of them."""
    unrendered = [found for found in findings if found[1].code == "template-unrendered"]
    if unrendered:
        yield from unrendered
        return
    lines = _Lines.of(findings)
    left = [found for found in findings if not any(follows(found[0], found[1].code, lines) for follows in _ECHOES)]
    yield from _folded(left, "template-left-over")


def _folded(findings: Sequence[Numbered], code: str) -> Iterator[Numbered]:
    """The findings with all of a code in the first of them."""
    lines = [line for line, finding in findings if finding.code == code]
    for line, finding in findings:
        if finding.code != code:
            yield line, finding
        elif line == min(lines):
            others = len(lines) - 1
            more = f", and {others} more line{'s have' if others > 1 else ' has'} one" if others else ""
            yield line, dataclasses.replace(finding, message=finding.message + more)


@dataclasses.dataclass(frozen=True)
class _Lines:
    """Where the findings stand that others follow from."""

    section_inside: frozenset[int]
    mount_twice: frozenset[int]
    unreadable: Mapping[int, str]
    ending: frozenset[int]
    team: frozenset[int]
    certificates: frozenset[int]

    @classmethod
    def of(cls, findings: Sequence[Numbered]) -> _Lines:
        def lines(code: str) -> frozenset[int]:
            return frozenset(line for line, finding in findings if finding.code == code)

        unreadable = {line: finding.code for line, finding in findings if finding.code in _UNREADABLE}
        twice = lines("mount-twice") | lines("device-twice")
        ending, sections = lines("ends-with-el9"), lines(certificates.OPTION)
        return cls(lines("section-word-inside"), twice, unreadable, ending, lines("network-team"), sections)


_UNREADABLE = ("template-left-over", "line-continued")


def _is_after_broken_section(line: int, code: str, lines: _Lines) -> bool:
    """Below the word of a section inside a script the grammar reads something else than was meant."""
    return code in _GRAMMAR_CODES and any(line >= first for first in lines.section_inside)


def _has_place_elsewhere(line: int, code: str, lines: _Lines) -> bool:
    """pykickstart names no line for what the check of the same code has found at its line."""
    return code == "ends-with-el9" and not line and any(lines.ending)


def _is_of_team(line: int, code: str, lines: _Lines) -> bool:
    """That EL10 has no teams is nothing to a machine that must not have one."""
    return code == "ends-with-el9" and line in lines.team


def _is_mount_again(line: int, code: str, lines: _Lines) -> bool:
    """The grammar, too, says it of a second mount point or device of one name."""
    return code == "kickstart-grammar" and line in lines.mount_twice


def _is_of_unreadable_line(line: int, code: str, lines: _Lines) -> bool:
    """What else is wrong in a line that is not meant as it reads."""
    return lines.unreadable.get(line, code) != code


def _is_unknown_to_grammar(line: int, code: str, lines: _Lines) -> bool:
    """Older versions of pykickstart do not know the options of %certificate."""
    return code in _GRAMMAR_CODES and line in lines.certificates


_ECHOES = (
    _is_after_broken_section,
    _has_place_elsewhere,
    _is_of_team,
    _is_mount_again,
    _is_of_unreadable_line,
    _is_unknown_to_grammar,
)
