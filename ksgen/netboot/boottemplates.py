# SPDX-License-Identifier: GPL-2.0-or-later
"""The templates of boot files and of the servers' files, and the gate that every value passes."""

from __future__ import annotations

from pathlib import Path

import jinja2

from ksgen.templates import GateError, environment
from ksgen.variables import is_plain


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

    def render(self, name: str, **values: object) -> str:
        return self._environment.get_template(f"netboot/{name}").render(values)
