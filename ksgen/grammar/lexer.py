# SPDX-License-Identifier: GPL-2.0-or-later
"""shlex.split() for the lines of kickstarts: the same words, but a line without quotes is not read letter by letter.

It has the name and the arguments of the one function that pykickstart uses of shlex.
"""

from __future__ import annotations

import functools
import re
import shlex

# Neither quotes, backslash nor comment, and no blank but those of shlex.
_PLAIN = re.compile(r"[ \t\r\n!$%&()*+,\-./0-9:;<=>?@A-Z\[\]^_`a-z{|}~]*")


def split(line: str, comments: bool = False) -> list[str]:
    """The words of a line. Raises ValueError for a quotation that nothing closes."""
    return line.split() if _PLAIN.fullmatch(line) else list(_lexed(line, comments))


@functools.lru_cache(maxsize=1024)
def _lexed(line: str, comments: bool) -> tuple[str, ...]:
    """Keys and options with blanks stand alike in the kickstarts of a site."""
    return tuple(shlex.split(line, comments))
