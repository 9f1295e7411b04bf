# SPDX-License-Identifier: GPL-2.0-or-later
"""Words that mean the same in every boot file: in PXELINUX, GRUB and iPXE, in nginx.conf and to the kernel."""

from __future__ import annotations

import re

# What every boot loader, the kernel and a URL take as it stands. iPXE expands `${`, GRUB reads quotes and backslashes
# anew, nginx compares a token with what the client wrote.
_PLAIN = re.compile(r"[A-Za-z0-9@_+=:;,./?&%~^*!()\[\]-]+")
ODD_CHARACTER = "contains a character that boot loaders interpret differently"
PLAIN_MARKS = "letters, digits and the punctuation of a URL"


def is_plain(word: str) -> bool:
    """Whether a word is allowed in every boot file, and means the same in all of them."""
    return _PLAIN.fullmatch(word) is not None


def argument_name(argument: str) -> str:
    """An argument in a message, without a value, which may be a password; without a name it may be the rest of one."""
    name, equals, _ = argument.partition("=")
    return f"{name}=" if equals and is_plain(name) else "an argument"
