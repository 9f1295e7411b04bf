# SPDX-License-Identifier: GPL-2.0-or-later
"""Names of variables: which are ksgen's, and which are a near miss of one of them.

Other roles have variables that begin with `node_` too (node_exporter_version, node_labels): they are left alone.
"""

from __future__ import annotations

import functools

from ksgen.variables.settings import PREFIX, Settings

# Those of former versions, with the cure.
REMOVED = {"node_partitioning": "remove it: the node layout is always made of storage commands"}

# One slip for this many letters: below, words of other roles are too near (node_port, node_post).
_SHORTEST_WITH_A_SLIP = 5
_SHORTEST_WITH_TWO = 10


@functools.cache
def own_names() -> frozenset[str]:
    """The names of ksgen's variables."""
    return frozenset(PREFIX + name for name in Settings.model_fields)


@functools.cache
def misspelt(name: str) -> str | None:
    """The variable of ksgen's that a name was probably meant to be; None for one of ours, and for one of others.

    Probably: but for underscores, hyphens, capitals or a plural the same (node_time_zone); a slip or two in a long
    name (node_hostnmae); the beginning of ours, of at least two words (node_root_password).
    """
    if name in own_names() or not name.lower().startswith(PREFIX[:-1]):
        return None
    word = _plain(name)
    return next((own for own in sorted(own_names()) if _is_near(word, name, own)), None)


def is_claimed(name: str) -> bool:
    """Whether ksgen reads a variable of this name, or refuses it as removed or misspelt."""
    return name in own_names() or name in REMOVED or misspelt(name) is not None


def _plain(name: str) -> str:
    """`timezone` of `node_time_zone`."""
    return name.lower().replace("-", "_").removeprefix(PREFIX).removeprefix(PREFIX[:-1]).replace("_", "")


def _is_near(word: str, name: str, own: str) -> bool:
    other = _plain(own)
    if word == other or (f"{word}s" == other and len(word) >= _SHORTEST_WITH_A_SLIP) or word == f"{other}s":
        return True
    if own.startswith(f"{name.lower()}_") and name.removeprefix(PREFIX).count("_") >= 1:
        return True
    length = min(len(word), len(other))
    slips = 2 if length >= _SHORTEST_WITH_TWO else 1 if length >= _SHORTEST_WITH_A_SLIP else 0
    return abs(len(word) - len(other)) <= slips and distance(word, other) <= slips


def distance(one: str, two: str) -> int:
    """How many letters were added, lost, changed, or changed places (optimal string alignment)."""
    rows: list[list[int]] = [list(range(len(two) + 1))]
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(two, 1):
            costs = [rows[-1][j] + 1, row[j - 1] + 1, rows[-1][j - 1] + (a != b)]
            if i > 1 and j > 1 and a == two[j - 2] and one[i - 2] == b:
                costs.append(rows[-2][j - 2] + 1)
            row.append(min(costs))
        rows.append(row)
    return rows[-1][-1]
