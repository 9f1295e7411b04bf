# SPDX-License-Identifier: GPL-2.0-or-later
"""What is wrong with a YAML text before or while its grammar is read."""

from __future__ import annotations

import re

import yaml

from ksgen.problems import Mark, Problem
from ksgen.syntax.nodes import MAX_FILE_BYTES

# Nobody writes or reads such a line; a ciphertext or a key in one line has a few thousand characters.
MAX_LINE = 1024 * 1024

# What YAML 1.1 does not allow in a text, and the line breaks that no editor shows as such (5.1 and 5.4).
_UNPRINTABLE = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|\r(?!\n)"
)

# libyaml's words for the commonest mistakes -> what cures them.
_CURES = {
    "mapping values are not allowed in this context": "check the indentation; a value with ': ' in it needs quotes",
    "could not find expected ':'": "end the key with a colon, and check the indentation",
    "did not find expected key": "check the indentation; write a value that begins with a quote in quotes as a whole",
    "did not find expected '-' indicator": "check the indentation of this line and the list above it",
    "found character that cannot start any token": "write the value in quotes",
    "found unexpected end of stream": "close the open quote",
    "found unknown escape character": "use single quotes, or write each backslash twice",
}

# What libyaml says after `key:value`, which is a text in YAML, and of which line: of this one, or of one below it.
_AFTER_A_COLON = frozenset({"mapping values are not allowed in this context", "could not find expected ':'"})
_UNSPACED = re.compile(r"(\s*(?:- )?)([A-Za-z_]\w*):[^\s:/]")


def decode(data: bytes, file: str) -> str | Problem:
    """The text, if it is UTF-8 as Ansible requires."""
    if len(data) > MAX_FILE_BYTES:
        return Problem(
            "file-too-large", f"more than {MAX_FILE_BYTES // 2**20} MiB", Mark(file, 1), hint="split the inventory"
        )
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return Problem("not-utf-8", "the text is UTF-16, and must be UTF-8", Mark(file, 1), hint="save it as UTF-8")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        good = data[: error.start].decode()
        mark = Mark(file, good.count("\n") + 1, len(good) - good.rfind("\n"))
        return Problem(
            "not-utf-8", f"the byte 0x{data[error.start]:02x} is not UTF-8", mark, hint="save the file as UTF-8"
        )
    return text


def unfit(text: str, file: str) -> Problem | None:
    """What is wrong with a text before any grammar."""
    if text.startswith("\ufeff"):
        return Problem(
            "byte-order-mark",
            "the text begins with a byte order mark (U+FEFF)",
            Mark(file, 1),
            hint="save it as UTF-8 without BOM",
        )
    character = _UNPRINTABLE.search(text)
    if character:
        start, code = character.start(), ord(character[0])
        mark = Mark(file, text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start))
        hint = f'remove it, or write it as "\\u{code:04x}" in double quotes'
        return Problem(
            "control-character",
            f"the character U+{code:04X} is not allowed in YAML",
            mark,
            hint="end each line with a line feed" if code == 0x0D else hint,
        )
    for number, line in enumerate(text.split("\n"), 1) if len(text) > MAX_LINE else ():
        if len(line) > MAX_LINE:
            return Problem(
                "line-too-long",
                f"a line of {len(line):,} characters; the limit is {MAX_LINE:,}",
                Mark(file, number),
                hint="break it, or keep such a value in a file of its own",
            )
    return None


def syntax(error: yaml.YAMLError, text: str, file: str) -> Problem:
    """libyaml's complaint as a problem."""
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "not YAML")
    at = getattr(error, "problem_mark", None)
    if at is None:
        return Problem("yaml-syntax", problem, Mark(file, 1))
    lines = text.split("\n")
    line = lines[at.line] if at.line < len(lines) else ""
    mark = Mark(file, at.line + 1, at.column + 1)
    if ("\t" in line[: at.column + 1] and "token" in problem) or "tab character" in problem:
        return Problem(
            "tab",
            "a tab, but YAML allows only spaces for indentation",
            mark._replace(column=line.find("\t") + 1),
            hint="replace the tab with spaces",
        )
    if problem in _AFTER_A_COLON and (unspaced := _unspaced(lines, at.line)) is not None:
        number, key = unspaced
        message, hint = f"no space after the colon of {key.group(2)!r}", f"write {key.group(2)}: and a space"
        place = Mark(file, number + 1, key.start(2) + 1, len(key.group(2)) + 1)
        return Problem("yaml-syntax", message, place, hint=hint)
    if at.line and at.line >= len(lines) - 1 and not line.strip():
        return _cut_off(error, problem, text.rstrip(), file)
    return Problem("yaml-syntax", problem, mark, hint=_CURES.get(problem))


def _unspaced(lines: list[str], at: int) -> tuple[int, re.Match[str]] | None:
    """The line at or before the one where libyaml stopped that has a key whose colon has no space after it."""
    before = [number for number in range(at, -1, -1) if number < len(lines) and lines[number].strip()][:2]
    for number in reversed(before):
        key = _UNSPACED.match(lines[number])
        if key is not None:
            return number, key
    return None


def _cut_off(error: yaml.YAMLError, problem: str, text: str, file: str) -> Problem:
    """The problem that a text ends too early, at what is still open in it, or at its last character."""
    opened = getattr(error, "context_mark", None)
    last = text.count("\n") + 1
    if opened is not None and opened.line < last:
        mark = Mark(file, opened.line + 1, opened.column + 1)
    else:
        mark = Mark(file, last, len(text) - text.rfind("\n") - 1)
    return Problem(
        "yaml-syntax", problem, mark, hint=_CURES.get(problem, "close what is still open before the end of the file")
    )
