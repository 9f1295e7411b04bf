# SPDX-License-Identifier: GPL-2.0-or-later
"""Takes the secrets out of the text of a published file before anybody is shown it.

What stands in a script of the site's own is found only where it looks like one of these.
"""

from __future__ import annotations

import re

# The hashes of crypt(5), whatever the method.
_HASH = re.compile(r"\$(?:[1567y]|gy|md5|sm3y?|2[abxy]?)\$[^\s'\",:]+")
_WORD = r"""(?:"[^"]*"|'[^']*'|[^\s"'])+"""
# `rootpw`, `sshpw` and the options of user, bootloader, part, logvol, raid, autopart, realm, rhsm: pykickstart's docs.
_PASSWORD_COMMAND = re.compile(r"^\s*(?:rootpw|sshpw)\s")
_PASSWORD_OPTION = re.compile(
    rf"(--(?:password|passphrase|one-time-password|proxy-password|activation-key|organization-key)(?:=|\s+)){_WORD}"
)
_URL_PASSWORD = re.compile(r"(://)[^/?#\s'\"@]*@")
_VALUE = r"""(?:"[^"]*"|'[^']*'|[^\s&'";#]+)"""
_SECRET_NAME = r"pass(?:word|wd|phrase)?|secret|token|(?:api|access|private)[_-]?key|signature|sig|credential|auth"
_NAMED = re.compile(rf"""([\w-]*(?:{_SECRET_NAME})["']?(?:=|:\s+)){_VALUE}""", re.IGNORECASE)
_HEADER = re.compile(r"\b(Authorization:\s*(?:\w+\s+)?|Bearer\s+|X-[\w-]*(?:Token|Key):\s*)[^\s'\"]+", re.IGNORECASE)
_KEY_BEGINS = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_KEY_ENDS = re.compile(r"-----END [A-Z ]*PRIVATE KEY-----")


def redacted(lines: list[str]) -> list[str]:
    """The lines as they may be shown, as many as there were."""
    shown = []
    in_key = False
    for line in lines:
        in_key = in_key or _KEY_BEGINS.search(line) is not None
        shown.append("(a private key)" if in_key else _line(line))
        in_key = in_key and _KEY_ENDS.search(line) is None
    return shown


def _line(line: str) -> str:
    if _PASSWORD_COMMAND.match(line) and not _HASH.search(line):
        line = _options_only(line)
    for pattern in (_PASSWORD_OPTION, _NAMED, _HEADER):
        line = pattern.sub(_without_value, line)
    line = _URL_PASSWORD.sub(r"\1(secret)@", line)
    return _HASH.sub("(a password hash)", line)


def _without_value(match: re.Match[str]) -> str:
    """What names the secret; a hash is left for the one who says that it is one."""
    return match.group() if _HASH.search(match.group()) else match.group(1) + "(secret)"


def _options_only(line: str) -> str:
    """`rootpw --plaintext WORD` without the word, wherever among the options it stands."""
    command, *words = re.findall(_WORD, line)
    return " ".join([command, *(word for word in words if word.startswith("--")), "(secret)"])
