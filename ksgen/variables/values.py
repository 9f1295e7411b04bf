# SPDX-License-Identifier: GPL-2.0-or-later
"""The scalars of an inventory: what an operator writes, what it means, and what is said when it means nothing.

Each type parses and checks; a `PydanticCustomError` carries the stable problem code as its type and, in its context,
the hint. Messages never repeat a secret.
"""

from __future__ import annotations

import datetime
import difflib
import re
from collections.abc import Iterable
from typing import Annotated, NoReturn

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from ksgen.redaction import may_hold_secret

# What all models of variables have. They are built when a value is checked first, which is often never.
STRICT = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


def refuse(code: str, message: str, hint: str = "") -> NoReturn:
    """Refuse a value; `message` and `hint` are final texts."""
    raise PydanticCustomError(code, "{message}", {"message": message, "hint": hint})


def refuse_repeated(code: str, texts: list[str]) -> list[str]:
    """The texts of a list; one that is in it twice is refused."""
    for index, text in enumerate(texts):
        if text in texts[:index]:
            refuse(code, f"{text} is listed twice", "remove one of them")
    return texts


SHOWN_LONGEST = 60


def shown(value: object) -> str:
    """A value as shown in a message: as YAML has it, on one line, not too long.

    What may hold a secret is not repeated: neither a text that looks like it nor what is inside a mapping or list.
    """
    if isinstance(value, (dict, list, tuple)):
        return "a mapping" if isinstance(value, dict) else "a list"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, datetime.date):
        return value.isoformat()
    try:
        text = repr(value)
    except ValueError:  # int() keeps 4300 digits (sys.int_info)
        return "an infinite number"
    if isinstance(value, str) and may_hold_secret(value):
        return "this value"
    return text if len(text) <= SHOWN_LONGEST else text[: SHOWN_LONGEST - 3] + "..."


def a_text(value: object, example: str) -> str:
    if not isinstance(value, str):
        is_written = isinstance(value, (int, float, datetime.date)) and not isinstance(value, bool)
        what = "it in quotes" if is_written else "one"
        refuse("wrong-type", f"{shown(value)} is not a string", f"write {what}: {example}")
    return value


# --- sizes -----------------------------------------------------------------------------------------------------------

_UNITS = {
    "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40, "PiB": 2**50,
    "KB": 10**3, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "PB": 10**15,
}  # fmt: skip
SIZE_LIMIT = 2**63  # bytes; lvcreate(8): "the maximum size is 8 EiB"
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([A-Za-z]+)")


def parse_size(value: object) -> int:
    """`10 GiB`, `500 MB`, `1.92 TB` or 0, in bytes."""
    if isinstance(value, int) and not isinstance(value, bool):
        if value == 0:
            return 0
        if value > 0:
            # As many digits as a count of bytes has, of a file for example.
            likely = "B" if value >= _UNITS["MiB"] else "GiB"
            refuse("size-unit", f"{shown(value)} has no unit", f"write the unit: {shown(value)} {likely}")
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        refuse("size", f"{shown(value)} is not a size", "write a number and a unit: 10 GiB, 500 MB, 1.92 TB")
    number, unit = match.groups()
    if unit not in _UNITS:
        refuse("size-unit", f"{shown(value)} has an unknown unit", "units are MiB, GiB, TiB and MB, GB, TB")
    whole, _, fraction = number.partition(".")
    if len(number) > SHOWN_LONGEST or int(whole) * _UNITS[unit] >= SIZE_LIMIT:
        refuse("size", f"{shown(value)} is more than LVM can handle, which is 8 EiB")
    divisor: int = 10 ** len(fraction)
    return int(whole + fraction) * _UNITS[unit] // divisor


def _positive_size(value: object) -> int:
    size = parse_size(value)
    if size == 0:
        refuse("size-zero", "nothing here can have a size of 0", "remove it, or write a size: 10 GiB")
    return size


Size = Annotated[int, BeforeValidator(_positive_size), Field(json_schema_extra={"type": ["string", "integer"]})]

# --- plain text ------------------------------------------------------------------------------------------------------

# Controls, surrogates, and what reorders or hides text on a screen (Unicode, UAX 9 and "Trojan Source").
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
LINE_LONGEST = 4096  # characters; more than any of these values has, a long SSH key among them


def one_line(value: str) -> str:
    """Text that is allowed in one line of a kickstart."""
    found = _HIDDEN.search(value)
    if found:
        name = f"U+{ord(found.group()):04X}"
        refuse("hidden-character", f"contains the character {name} at position {found.start() + 1}", "remove it")
    if len(value) > LINE_LONGEST:
        refuse("text-too-long", f"{len(value)} characters exceed the limit of {LINE_LONGEST} for one line")
    return value


Line = Annotated[str, AfterValidator(one_line)]

# pykickstart, parser.py: _readSection() ends or acts at these, and Anaconda replaces %ksappend beforehand. Other words
# are left alone, so that a script can write "%wheel ALL=(ALL) ALL".
_SECTION = re.compile(
    r"\s*%(?:end|include|ksappend|packages|pre|pre-install|post|onerror|traceback|certificate|addon|anaconda)(?!\S)"
)
SCRIPT_LONGEST = 1024 * 1024


def script(value: object) -> str:
    """A script for a section of the kickstart: pykickstart acts on lines in it that begin with a section's word."""
    if not isinstance(value, str):  # nothing of it is quoted: it may be one of the secrets that scripts have
        refuse("wrong-type", "a script must be a string", 'write it in quotes, or below "|": "systemctl enable sshd"')
    text = value
    if not text.strip():
        refuse("script-empty", "the script is empty", "remove it")
    interpreter = text.split("\n")[0].removeprefix("#!").strip()
    if text.startswith("#!") and " " in interpreter:
        message = "Anaconda takes the whole first line as the path of the interpreter, without arguments"
        refuse("script-interpreter", message, "write #!/usr/bin/python3")
    for number, line in enumerate(text.split("\n"), 1):
        if _SECTION.match(line):
            refuse(
                "section-word-in-script",
                f"line {number} begins with {line.split()[0]!r}, which Anaconda interprets inside scripts too",
                "begin the line with something else",
            )
        found = _HIDDEN.search(line.replace("\t", " "))
        if found:
            name = f"U+{ord(found.group()):04X}"
            refuse("hidden-character", f"line {number} contains the character {name}", "remove it")
    if len(text) > SCRIPT_LONGEST:
        refuse("text-too-long", f"{len(text)} characters exceed the limit of {SCRIPT_LONGEST} for a script")
    return text.rstrip("\n") + "\n"


Script = Annotated[str, BeforeValidator(script)]


def in_script(line: str) -> bool:
    """Whether a line can be in a script of a kickstart as it is; blanks and tabs may be anywhere in it."""
    return not _SECTION.match(line) and not _HIDDEN.search(line.replace("\t", " "))


def nearest(word: str, known: Iterable[str], prefix: str = "") -> str:
    """`did you mean …?` for a word that is nearly a known one, else nothing. A prefix that all share does not count."""
    names = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.removeprefix(prefix).lower(), names, n=1, cutoff=0.6)
    return f"did you mean {prefix + names[close[0]]!r}?" if close else ""
