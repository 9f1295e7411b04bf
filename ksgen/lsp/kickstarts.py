# SPDX-License-Identifier: GPL-2.0-or-later
"""Completion and help in a kickstart, whole or half typed: from pykickstart's help and the codes of lint."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ksgen import lint
from ksgen.grammar import Entry, Manual, Option
from ksgen.lsp.offers import Cursor, Offer
from ksgen.problems import ALL

_COMMAND = re.compile(r"\s*([a-z]\w*)\s")
_HEADER = re.compile(r"\s*(%[a-z-]+)(?:\s|$)")
_DISABLE = re.compile(r"#\s*ksgen:\s*disable(?:-next)?\s*=\s*[\w,\s-]*$")
_ADDONS = ("org_ovirt_node", "com_redhat_kdump", "org_fedora_oscap")


def offers(cursor: Cursor, manual: Manual) -> Iterator[Offer]:
    """What may be typed at the cursor; what is typed already is for the editor to compare."""
    if _DISABLE.search(cursor.before):
        yield from (Offer(code, "value", lint.described(code).meaning) for code in sorted(ALL))
        return
    header = _HEADER.match(cursor.before)
    if header and header.group() != cursor.before.rstrip():
        yield from _addons(cursor, header.group(1))
        yield from _arguments(cursor, manual.sections.get(header.group(1)))
    elif _section(cursor.lines[: cursor.line]) is not None:
        if "%end".startswith(cursor.before.strip()):
            yield Offer("%end", "section", "ends the section")
    elif command := _COMMAND.match(cursor.before):
        yield from _arguments(cursor, manual.commands.get(command.group(1)))
    elif "#" not in cursor.before:
        yield from (Offer(name, "section", entry.text) for name, entry in manual.sections.items())
        yield Offer("%include", "section", "reads another file in this place")
        yield from (Offer(name, "command", entry.text) for name, entry in manual.commands.items())


def _section(above: Sequence[str]) -> str | None:
    """The section that the line below these ones is in."""
    for line in reversed(above):
        header = _HEADER.match(line)
        if header and header.group(1) == "%end":
            return None
        if header and header.group(1) not in ("%include", "%ksappend"):
            return header.group(1)
    return None


def _addons(cursor: Cursor, section: str) -> Iterator[Offer]:
    if section == "%addon" and len(cursor.before.split()) <= 2 and not cursor.before.rstrip().endswith(_ADDONS):
        yield from (Offer(name, "value", "an add-on of Anaconda") for name in _ADDONS)


def _arguments(cursor: Cursor, entry: Entry | None) -> Iterator[Offer]:
    """The options of a command, or the words of the option that is being typed."""
    word = cursor.typed(r"\S+")
    name, is_given, _ = word.partition("=")
    for option in entry.options if entry else ():
        if is_given and name in option.names:
            yield from (Offer(one, "value") for one in option.words)
        elif not is_given:
            yield from (Offer(one, "option", option.text, _as_typed(one, option)) for one in option.names)


def _as_typed(name: str, option: Option) -> str:
    return f"{name}=" if option.takes_value and name.startswith("--") else name


def help_at(cursor: Cursor, manual: Manual) -> str | None:
    """What the word at the cursor means, as Markdown."""
    code = cursor.word(r"[a-z]+(?:-[a-z0-9]+)*")
    if "ksgen:" in cursor.text and code in ALL:
        known = lint.described(code)
        return f"**{code}**\n\n{known.meaning}" + (f"\n\nsource: {known.source}" if known.source else "")
    header = _HEADER.match(cursor.text + " ")
    command = _COMMAND.match(cursor.text + " ")
    entry = manual.sections.get(header.group(1)) if header else None
    if command and not header and _section(cursor.lines[: cursor.line]) is None:
        entry = manual.commands.get(command.group(1))
    return _told(cursor, entry) if entry else None


def _told(cursor: Cursor, entry: Entry) -> str | None:
    """The help of the option at the cursor, or of the command where the cursor is on it."""
    word = cursor.word(r"\S+")
    option = entry.option(word.partition("=")[0])
    if option:
        return f"**{', '.join(option.names)}** ({entry.name})\n\n{option.text}"
    return f"**{entry.name}**\n\n{entry.text}" if word == entry.name else None
