# SPDX-License-Identifier: GPL-2.0-or-later
"""What is wrong with the input, where it is, and how to correct it.

Problems are data: every step of ksgen returns them, the command prints all of them at once, in file order. What is one
fault for several hosts is said once (folding.py).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Literal, NamedTuple

from ksgen.problems.codes import ALL

Severity = Literal["error", "warning", "note"]


class Mark(NamedTuple):
    """A place in a file that a person wrote; `line` and `column` count from 1, `length` is in characters."""

    file: str
    line: int
    column: int = 1
    length: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclasses.dataclass(frozen=True)
class Finding:
    """What is wrong, before it has a place in a file: the one who knows the place makes it a Problem."""

    code: str
    message: str
    severity: Severity = "error"
    hint: str | None = None

    def at(
        self,
        mark: Mark,
        host: str | None = None,
        variable: str | None = None,
        shared: bool = False,
        secret: bool = False,
    ) -> Problem:
        """The problem at a place; see Problem for what else can be said of it."""
        return Problem(self.code, self.message, mark, self.severity, host, variable, self.hint or None, shared, secret)


@dataclasses.dataclass(frozen=True)
class Problem:
    """One problem that the user has to act on.

    `code` is stable and listed in codes.py. `host` is the host that meets the problem, None for one of the
    whole site. `variable` names the setting as its author wrote it (`node_volumes./var`). `shared` says that several
    hosts have the value, or the template, from this place, so that they may meet the same fault there. `secret` keeps
    the source line from being shown.
    """

    code: str
    message: str
    mark: Mark
    severity: Severity = "error"
    host: str | None = None
    variable: str | None = None
    hint: str | None = None
    shared: bool = False
    secret: bool = False

    def __post_init__(self) -> None:
        if "\n" in self.message or "\n" in (self.hint or ""):
            raise ValueError(f"a message is one line: {self.message!r}")
        if self.code not in ALL:
            raise ValueError(f"{self.code} is not listed in codes.py")

    def to_json(self) -> dict[str, object]:
        """The problem as `ksgen --json` prints it."""
        return {
            "file": self.mark.file,
            "line": self.mark.line,
            "column": self.mark.column,
            "host": self.host,
            "variable": self.variable,
            "severity": self.severity,
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
        }


class Report:
    """All problems of one run."""

    def __init__(self) -> None:
        self._problems: dict[Problem, None] = {}

    def add(self, problem: Problem) -> None:
        self._problems[problem] = None

    def extend(self, problems: Iterable[Problem]) -> None:
        for problem in problems:
            self.add(problem)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All of them, sorted by file, line, column; those at one place in the order they were found."""
        return tuple(sorted(self._problems, key=lambda problem: problem.mark))

    @property
    def has_errors(self) -> bool:
        return any(problem.severity == "error" for problem in self._problems)

    def errors_of(self, hosts: Iterable[str]) -> tuple[Problem, ...]:
        """The errors that stop a run for these hosts only: theirs, and those of the whole site."""
        wanted = {None, *hosts}
        return tuple(p for p in self.problems if p.severity == "error" and p.host in wanted)
