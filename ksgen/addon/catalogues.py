# SPDX-License-Identifier: GPL-2.0-or-later
"""The add-on's translations, compiled as gettext reads them.

The image has them compiled, so that it needs no gettext where it is made. Also a program, for the add-on's RPM package,
and therefore of the standard library alone:

    catalogues.py LANGUAGE.po LANGUAGE.mo
"""

from __future__ import annotations

import ast
import struct
import sys
from pathlib import Path

# gettext's manual, "The Format of GNU MO Files"
_MAGIC, _REVISION = 0x950412DE, 0
_HEADER = struct.Struct("<7I")
_STRING = struct.Struct("<2I")


def read(text: str) -> dict[str, str]:
    """The texts of a .po file with their translations; the header is that of the empty one. No plural forms."""
    texts: dict[str, str] = {}
    source, words, is_translation = "", [""], False
    for line in (*text.splitlines(), 'msgid ""'):
        keyword, _, rest = line.partition(" ")
        if keyword == "msgid":
            if is_translation:
                texts[source] = "".join(words)
            words, is_translation = [_word(rest)], False
        elif keyword == "msgstr":
            source, words, is_translation = "".join(words), [_word(rest)], True
        elif line.startswith('"'):
            words.append(_word(line))
    return texts


def _word(quoted: str) -> str:
    """PO files quote as C does; what they escape here, Python reads in the same way."""
    return str(ast.literal_eval(quoted))


def compiled(texts: dict[str, str]) -> bytes:
    """The .mo file: both columns sorted by the text; one that is not translated is left out."""
    pairs = sorted((text.encode(), words.encode()) for text, words in texts.items() if words)
    at = _HEADER.size + 2 * len(pairs) * _STRING.size
    index, strings = b"", b""
    for string in (string for column in zip(*pairs, strict=True) for string in column):
        index += _STRING.pack(len(string), at + len(strings))
        strings += string + b"\0"
    first = _HEADER.size
    header = _HEADER.pack(_MAGIC, _REVISION, len(pairs), first, first + len(pairs) * _STRING.size, 0, at)
    return header + index + strings


if __name__ == "__main__":
    Path(sys.argv[2]).write_bytes(compiled(read(Path(sys.argv[1]).read_text(encoding="utf-8"))))
