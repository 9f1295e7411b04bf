# SPDX-License-Identifier: GPL-2.0-or-later
"""The templates of boot files and of the servers' files, and the gate that every value passes."""

from __future__ import annotations

from pathlib import Path

import jinja2

from ksgen.templates import GateError, environment
from ksgen.variables import is_plain

# What stands for a note, and is nowhere else in a file.
_NOTE = "\x00"


class Words(str):
    """Text with spaces that ksgen itself composed from values that have passed the gate."""


def _gate(value: object) -> str:
    """Every value in a boot file passes through here: a word that all of them read alike; others are refused."""
    if isinstance(value, (Words, jinja2.Undefined)):
        return str(value)
    text = str(value) if isinstance(value, (int, Path)) else value
    if not isinstance(text, str) or (text and not is_plain(text)):
        raise GateError(f"{value!r} cannot be written to a boot file")
    return text


class BootTemplates:
    """The templates below netboot/: those in the site's directory override the built-in ones."""

    def __init__(self, own: Path | None = None) -> None:
        self._environment = environment(own, _gate)
        self._is_builtin = own is None
        self._around_notes: dict[tuple[str, ...], list[str]] = {}

    def render(self, name: str, **values: object) -> str:
        return self._environment.get_template(f"netboot/{name}").render(values)

    def disk_file(self, name: str, note: Words, kernel: str = "", initrd: str = "") -> str:
        """The boot file of a host that is not armed; of the built-in templates only the note differs between hosts."""
        values = {"arming": None, "kernel": kernel, "initrd": initrd}
        if not self._is_builtin:
            return self.render(name, note=note, **values)
        around = self._around_notes.get((name, kernel, initrd))
        if around is None:
            around = self.render(name, note=Words(_NOTE), **values).split(_NOTE)
            self._around_notes[name, kernel, initrd] = around
        return note.join(around)
