# SPDX-License-Identifier: GPL-2.0-or-later
"""What a %pre writes for an %include, checked like the commands of the file itself."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from ksgen.grammar import Grammar, Kickstart, Numbered, Section, view
from ksgen.lint import network
from ksgen.lint.checking import check, grammar_of

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


def adds_network_only(kickstart: Kickstart) -> bool:
    """Whether all that is included, and is not there to be read, is `network` commands that a %pre here writes."""
    included = set(_INCLUDES.findall(kickstart.text))
    if not included or "%ksappend" in kickstart.text:
        return False
    lines = [row for section in kickstart.all_sections("%pre") for row in _literal(section)]
    into = {target.removesuffix(_BEFORE_NAMES) for _, _, target in lines}
    return included <= into and all(
        line.split()[:1] in ([], ["network"]) or line.startswith("#")
        for _, line, target in lines
        if target.removesuffix(_BEFORE_NAMES) in included
    )


def _written(section: Section, included: Collection[str]) -> Iterator[tuple[int, str, bool]]:
    """The lines with `network` that a script writes, and whether as they are included."""
    for number, line, target in _literal(section):
        if line.split()[:1] == ["network"] and target.removesuffix(_BEFORE_NAMES) in included:
            yield number, line, target in included


def _literal(section: Section) -> Iterator[tuple[int, str, str]]:
    """The lines of here-documents that the shell does not expand, with their number and the file that they go into."""
    word = target = ""
    for number, line in section.lines if section.is_shell else ():
        if word:
            if line == word:
                word = ""
            else:
                yield number, line, target
        elif (literal := _LITERAL.search(line)) and (into := _INTO.search(line)):
            word, target = next(filter(None, literal.groups())), into.group(1)
