# SPDX-License-Identifier: GPL-2.0-or-later
"""What is wrong with the input, where it is, and how to correct it.

Problems are data: every step of ksgen returns them, the command prints all of them at once, in file order.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Literal

from ksgen.problems.codes import ALL
from ksgen.redaction import may_hold_secret, secrets

Severity = Literal["error", "warning"]
_KEY_LINES = 100  # a private key has as many at most: RSA of 8192 bits


@dataclasses.dataclass(frozen=True, order=True)
class Mark:
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
    whole site. `variable` names the setting as its author wrote it (`node_volumes./var`). `shared` says that the
    value is defined in a group, so that other hosts may meet the same problem at the same place. `secret` keeps the
    source line from being shown.
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


def _users(hosts: list[str]) -> str:
    """`node01, node02 and 38 more`."""
    shown = hosts if len(hosts) <= 3 else hosts[:2]
    rest = len(hosts) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")


def _headline(first: Problem, hosts: list[str]) -> str:
    parts = [f"{first.mark}: {first.severity}"]
    if first.host and not first.shared:
        parts.append(first.host)
    if first.variable:
        parts.append(first.variable)
    parts.append(first.message)
    return ": ".join(parts) + (f" (used by {_users(hosts)})" if first.shared and hosts else "")


def _excerpt(mark: Mark, sources: Mapping[str, str]) -> list[str]:
    """The line a mark points at and a caret below it.

    Nothing for a file that is not at hand, an endless line, and one that may hold a secret.
    """
    lines = sources.get(mark.file, "").split("\n")
    if mark.line > len(lines):
        return []
    line = lines[mark.line - 1].rstrip("\r")
    if not line.strip() or len(line) > 200 or not line.isprintable():
        return []
    above = lines[max(0, mark.line - 1 - _KEY_LINES) : mark.line - 1]
    if may_hold_secret(line) or secrets([*above, line])[-1]:
        return []
    width = max(1, min(mark.length, len(line) - mark.column + 1))
    gutter = f"{mark.line:5} | "
    return [gutter + line, " " * (len(gutter) - 2) + "| " + " " * (mark.column - 1) + "^" * width]


def to_text(problems: Iterable[Problem], sources: Mapping[str, str]) -> list[str]:
    """The problems as lines for a person; `sources` (file name: text) adds the source line with a caret.

    What several hosts have from one group is shown once, with the hosts that use it.
    """
    grouped: dict[tuple[object, ...], list[Problem]] = {}
    for problem in problems:
        key = dataclasses.astuple(dataclasses.replace(problem, host=None if problem.shared else problem.host))
        grouped.setdefault(key, []).append(problem)
    lines = []
    for alike in grouped.values():
        lines.append(_headline(alike[0], [p.host for p in alike if p.host]))
        if not alike[0].secret:
            lines += _excerpt(alike[0].mark, sources)
        if alike[0].hint:
            lines.append(f"  hint: {alike[0].hint}")
    return lines
