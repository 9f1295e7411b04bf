# SPDX-License-Identifier: GPL-2.0-or-later
"""Tables of bad input and of what ksgen says of it: tests/data/*-traps.txt. `make traps` writes what it says anew.

=== name
the input, in the form that the table's test reads
--- says
the messages
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

import pytest

DATA = Path(__file__).parents[1] / "data"
_SAYS = "--- says\n"


@dataclasses.dataclass(frozen=True)
class Entry:
    """A row of a table: its input, and the messages, without a newline at the end."""

    file: str
    name: str
    given: str
    says: str

    def agrees(self, said: str, request: pytest.FixtureRequest) -> None:
        """The messages are those of the table, or with --write-traps become those of the table."""
        if request.config.getoption("--write-traps"):
            _write(self, said)
        else:
            assert said == self.says, "review the difference, then: make traps"


def entries(file: str) -> list[Entry]:
    """The rows of a table."""
    found = []
    for part in re.split(r"^=== ", (DATA / file).read_text(), flags=re.MULTILINE)[1:]:
        name, _, rest = part.partition("\n")
        given, says, messages = rest.partition(_SAYS)
        assert says, f"{file}: {name} has no line {_SAYS}"
        found.append(Entry(file, name, given, messages.rstrip("\n")))
    assert len({entry.name for entry in found}) == len(found), f"{file}: two rows of one name"
    return found


def parameters(file: str, of: Callable[[Entry], object] = lambda entry: entry) -> list[object]:
    """The rows of a table for parametrize, each as `of` makes it."""
    return [pytest.param(of(entry), id=entry.name) for entry in entries(file)]


def _write(entry: Entry, said: str) -> None:
    path = DATA / entry.file
    before, row, after = path.read_text().partition(f"=== {entry.name}\n{entry.given}{_SAYS}")
    assert row
    end = re.search(r"^=== |\Z", after, re.MULTILINE)
    assert end
    blank = after[: end.start()].removeprefix(entry.says).removeprefix("\n")
    path.write_text(before + row + (f"{said}\n" if said else "") + blank + after[end.start() :])
