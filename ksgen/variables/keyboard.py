# SPDX-License-Identifier: GPL-2.0-or-later
"""Keyboard layouts that Anaconda knows: keymaps of the console, and layouts of X."""

from __future__ import annotations

import difflib
import functools
import re
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator

from ksgen.variables.values import a_text, refuse, shown

_OF_X = re.compile(r"([^ ()]+) ?\(([^ ()]+)\)")
# Shorter words are near too many layouts.
_SHORTEST_WITH_A_GUESS = 4
_NEAR = 0.75


@functools.cache
def known_layouts() -> frozenset[str]:
    """Every name, as it is written in the recorded list, and as EL's package kbd calls the keymap of a layout of X."""
    text = Path(__file__).with_name("keyboards.txt").read_text(encoding="utf-8")
    names = {line for line in text.splitlines() if not line.startswith("#")}
    return frozenset(names | {_OF_X.sub(r"\1-\2", name) for name in names})


def keyboard(value: object) -> str:
    """A layout; Anaconda takes one that it does not know for `us`."""
    text = a_text(value, "us")
    if _of_x(text) not in known_layouts():
        refuse("keyboard", f"{shown(text)} is not a keyboard layout that Anaconda knows", _cure(text))
    return text


def _of_x(text: str) -> str:
    """A layout of X as the list has it, with a blank; any other text as it is."""
    match = _OF_X.fullmatch(text)  # `sub` would begin at each character of a long text
    return f"{match[1]} ({match[2]})" if match else text


def _cure(text: str) -> str:
    usual = _of_language(text)
    if usual:
        return f"it is the name of a language; its keyboard layout is {usual!r}"
    if text.lower() in known_layouts():
        return f"did you mean {text.lower()!r}?"
    # Layouts of other countries have the same variants.
    likely = [name for name in known_layouts() if name[:2] == text[:2].lower()]
    close = difflib.get_close_matches(text, likely, n=1, cutoff=_NEAR) if len(text) >= _SHORTEST_WITH_A_GUESS else []
    return f"did you mean {close[0]!r}?" if close else "write one like us, de-nodeadkeys or 'cz (qwerty)'"


def _of_language(text: str) -> str:
    """The layout that langtable has for a language or locale, such as `en_US.UTF-8`."""
    import langtable  # half a second of reading XML, which only a wrong name costs

    found = langtable.list_keyboards(languageId=text.partition(".")[0]) if re.match(r"[a-z]{2,3}(_|\b)", text) else []
    return next((layout for layout in map(_of_x, found) if layout in known_layouts()), "")


Keyboard = Annotated[str, BeforeValidator(keyboard)]
