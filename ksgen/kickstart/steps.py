# SPDX-License-Identifier: GPL-2.0-or-later
"""A step of the script that puts a site's variables on its nodes, and how its commands are written."""

from __future__ import annotations

import dataclasses
import shlex

_INDENT = "    "


@dataclasses.dataclass(frozen=True)
class Step:
    """What a variable puts on the node: lines of POSIX shell, printed under a title.

    `touches_initramfs`: dracut has to run after it; `drivers` are kernel modules that the initramfs must then have.
    """

    variable: str
    title: str
    commands: tuple[str, ...]
    touches_initramfs: bool = False
    drivers: tuple[str, ...] = ()


def checked(command: str, message: str, cure: str) -> tuple[str, ...]:
    """A command that ends the installation where it fails, with what failed and what to do, on two lines."""
    return (f"{command} ||", f"{_INDENT}fail {shlex.quote(message)} {shlex.quote(cure)}")


def indented(*lines: str) -> tuple[str, ...]:
    """Lines inside of a loop or condition."""
    return tuple(_INDENT + line for line in lines)
