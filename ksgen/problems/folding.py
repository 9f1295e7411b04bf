# SPDX-License-Identifier: GPL-2.0-or-later
"""One fault is said once: the problems that several hosts have from one place, folded, as text and as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from ksgen.problems.report import Mark, Problem
from ksgen.redaction import may_hold_secret, secrets

_KEY_LINES = 100  # a private key has as many at most: RSA of 8192 bits
# The fault is the password's, or that there is no ansible-core: one for all vaulted values and files.
_OF_THE_VAULT = frozenset({"vault-no-password", "vault-no-library", "vault-password-file", "vault-wrong-password"})

# A name that Ansible only warns about; an inventory written by a program has it for every host.
_OF_A_NAME = frozenset({"reserved-name", "variable-name"})


@dataclasses.dataclass(frozen=True)
class Fold:
    """One fault: the first of its problems, and the hosts that meet it; none if it is the whole site's.

    `is_alike`: all of them have the same message. `places`: how many there are.
    """

    first: Problem
    hosts: tuple[str, ...]
    is_alike: bool = True
    places: int = 1

    def to_json(self) -> dict[str, object]:
        """The fault as `ksgen --json` prints it: `host` if it is one host's alone, `hosts` in any case."""
        host = self.hosts[0] if len(self.hosts) == 1 else None
        return {**self.first.to_json(), "host": host, "hosts": list(self.hosts)}


def folded(problems: Iterable[Problem]) -> tuple[Fold, ...]:
    """The faults behind problems, in the order of their first ones."""
    alike: dict[tuple[object, ...], list[Problem]] = {}
    for problem in problems:
        alike.setdefault(_fault(problem), []).append(problem)
    return tuple(map(_fold, alike.values()))


def _fault(problem: Problem) -> tuple[object, ...]:
    """What the problems of one fault have in common.

    The message of a shared value may differ from host to host: it may be computed from the host's name.
    """
    if problem.code in _OF_THE_VAULT:
        return (problem.code,)
    if problem.code in _OF_A_NAME and problem.severity == "warning":
        return problem.code, problem.variable
    common = (problem.code, problem.severity, problem.mark, problem.variable)
    return common if problem.shared and problem.host else (*common, problem.message, problem.hint)


def _fold(problems: list[Problem]) -> Fold:
    hosts = tuple(dict.fromkeys(problem.host for problem in problems if problem.host))
    return Fold(
        problems[0],
        hosts,
        len({problem.message for problem in problems}) == 1,
        len({problem.mark for problem in problems}),
    )


def to_text(problems: Iterable[Problem], sources: Mapping[str, str]) -> list[str]:
    """The faults as lines for a person; `sources` (file name: text) adds the source line with a caret."""
    lines = []
    for fold in folded(problems):
        lines.append(_headline(fold))
        if not fold.first.secret:
            lines += _excerpt(fold.first.mark, sources)
        if fold.first.hint:
            lines.append(f"  hint: {fold.first.hint}")
    return lines


# The JSON of `ansible-inventory --list`, whose lines no person has written.
_PIPED = "<stdin>"


def _headline(fold: Fold) -> str:
    """The place first; of piped JSON the host and its variable first, and the place last."""
    first = fold.first
    is_of_one = len(fold.hosts) == 1 and not first.shared
    is_piped = first.mark.file == _PIPED and first.host is not None
    names = [first.host] if first.host and (is_of_one or is_piped) else []
    names += [first.variable] if first.variable else []
    scope = _scope(fold, is_of_one)
    if is_piped:
        return ": ".join([*names, first.severity, first.message]) + f"{scope} ({first.mark})"
    return ": ".join([f"{first.mark}: {first.severity}", *names, first.message]) + scope


def _scope(fold: Fold, is_of_one: bool) -> str:
    """Whom else the fault concerns."""
    parts = [f"in {fold.places} places"] if fold.places > 1 else []
    if fold.hosts and not is_of_one:
        if fold.is_alike or fold.places > 1:
            parts.append(f"{'used by' if fold.first.shared else 'for'} {_users(fold.hosts)}")
        else:
            parts.append(f"for {fold.hosts[0]}; likewise for {_users(fold.hosts[1:])}")
    return f" ({'; '.join(parts)})" if parts else ""


def _users(hosts: tuple[str, ...]) -> str:
    """`node01, node02 and 38 more`."""
    shown = hosts if len(hosts) <= 3 else hosts[:2]
    rest = len(hosts) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")


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
