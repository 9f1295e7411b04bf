# SPDX-License-Identifier: GPL-2.0-or-later
"""Files with commands that a %pre writes for an %include, and that no %include reads or a later line empties."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ksgen.grammar import Check, Found, Kickstart, Section
from ksgen.lint import history

_INTO = re.compile(r"(?<![<>&0-9])(?P<how>>>?)\s*[\"']?(?P<path>/[\w./-]+)[\"']?")
_HERE_DOCUMENT = re.compile(r"<<-?\s*[\"'\\]?(\w+)")
_ECHO = re.compile(r"""^\s*(?:echo|printf)\s+(?:-\w+\s+)*["']?(?P<text>.*)""")
_OPENS = re.compile(r"(?:^|;|&&|\|\|)\s*(?:if|for|while|until|case|function)\b|\(\)\s*\{|^\s*\{")
_CLOSES = re.compile(r"(?:^|;)\s*(?:fi|done|esac)\b|^\s*\}")


class _Write(NamedTuple):
    """A line that writes commands of a kickstart into a file; `depth` counts the conditions and loops around it."""

    line: int
    path: str
    is_appended: bool
    depth: int


def _is_command(text: str, release: str) -> bool:
    """Whether a text looks like a command with options, or one that stands alone."""
    words = text.strip().strip("\"'").split()
    if not words or words[0] not in history.known(release):
        return False
    return len(words) == 1 or any(word.startswith(("--", "/", "pv.", "raid.")) for word in words[1:])


def _writes(section: Section, release: str) -> Iterator[_Write]:
    depth = 0
    waiting, opened = "", None  # the end of the here-document, and the write that it is
    for number, text in section.lines if section.is_shell else ():
        if waiting:
            if text.strip() == waiting:
                waiting, opened = "", None
            elif opened and _is_command(text, release):
                yield opened
                opened = None
            continue
        if text.lstrip().startswith("#"):
            continue
        depth += len(_OPENS.findall(text))
        into, document = _INTO.search(text), _HERE_DOCUMENT.search(text)
        write = _Write(number, into["path"], into["how"] == ">>", depth) if into else None
        if document:
            waiting, opened = document.group(1), write
        elif write:
            echo = _ECHO.match(_INTO.sub("", text))
            if echo and _is_command(echo["text"], release):
                yield write
        depth = max(0, depth - len(_CLOSES.findall(text)))


def _included(ks: Kickstart) -> set[str]:
    return set(re.findall(r"^[ \t]*%include[ \t]+[\"']?(\S+?)[\"']?(?:\s|$)", ks.text, re.MULTILINE))


def unused(ks: Kickstart) -> Iterator[Found]:
    """Only files whose name is nowhere else: another script may use it. `NAME.wanted` beside NAME is a scratch file."""
    for section in ks.all_sections("%pre"):
        paths: dict[str, list[int]] = {}
        for write in _writes(section, ks.release):
            paths.setdefault(write.path, []).append(write.line)
        for path, lines in paths.items():
            is_beside = path.rpartition(".")[0] in _included(ks)
            if not is_beside and all(path not in text or _only_writes(text, path) for text in ks.text.split("\n")):
                message = f"no %include reads {path}, into which this %pre writes commands"
                yield Found(lines[0], message, f"add: %include {path}")


def _only_writes(text: str, path: str) -> bool:
    """Whether a line does nothing with a file but to write, make or empty it."""
    rest = _INTO.sub(lambda match: "" if match["path"] == path else match.group(), text)
    return path not in rest or re.match(r"\s*(?:#|rm\s|touch\s|:\s|truncate\s|chmod\s)", text) is not None


def overwritten(ks: Kickstart) -> Iterator[Found]:
    """A `>` after commands have been written: of two in branches or loops it is not known which one runs."""
    included = _included(ks)
    for section in ks.all_sections("%pre"):
        first: dict[str, int] = {}
        for write in _writes(section, ks.release):
            if write.path not in included or write.depth:
                continue
            if write.path in first and not write.is_appended and not _is_read(section, write.path):
                message = f"'>' discards what line {first[write.path]} has written into {write.path}"
                yield Found(write.line, message, "append with '>>'")
            first.setdefault(write.path, write.line)


def _is_read(section: Section, path: str) -> bool:
    """Whether a script uses a file that it writes: copies, sorts or shows it."""
    return any(path in _INTO.sub("", text) and not text.lstrip().startswith("#") for _, text in section.shell)


CHECKS = (
    Check("include-unused", "warning", unused, "pykickstart, parser.py: %include"),
    Check("include-overwritten", "warning", overwritten, "POSIX, Shell Command Language, 2.7.2"),
)
