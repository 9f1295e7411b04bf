# SPDX-License-Identifier: GPL-2.0-or-later
"""Where each value of a host comes from, what it overrode, and by which of Ansible's rules."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from ksgen.inventory import Group, HostEntry, Inventory, Origin, Variable
from ksgen.problems import Mark
from ksgen.redaction import HASH, SECRET, names_secret, redacted
from ksgen.syntax import Node, Vaulted, holds_secret, plain
from ksgen.variables import SECRETS

# Ansible's layers (its documentation, "Understanding variable precedence"): the winner's, the loser's.
_LAYER_WORDS = {
    ("group_vars", "group"): "group_vars files take precedence over the groups of the inventory file",
    ("host", "group"): "host variables take precedence over group variables",
    ("host", "group_vars"): "variables set at the host take precedence over group_vars",
    ("host", "host"): "of several entries of a host, the later one takes precedence",
    ("host_vars", "group"): "host_vars files take precedence over groups",
    ("host_vars", "group_vars"): "host_vars files take precedence over group_vars",
    ("host_vars", "host"): "host_vars files take precedence over the inventory file",
}


@dataclasses.dataclass(frozen=True)
class Overridden:
    """A value that was overridden, where it is defined, and why."""

    value: object
    mark: Mark
    origin: Origin
    because: str


@dataclasses.dataclass(frozen=True)
class Explanation:
    """A variable of a host: the value, its place, what it overrode, nearest first, and whether ksgen reads it."""

    name: str
    value: object
    mark: Mark
    origin: Origin
    overrides: tuple[Overridden, ...]
    is_own: bool

    def to_json(self) -> dict[str, object]:
        """As `ksgen explain --json` prints it."""
        return {
            "value": self.value,
            "ksgen": self.is_own,
            "from": f"{self.mark.file}:{self.mark.line}",
            "overrides": [
                {"value": lost.value, "from": f"{lost.mark.file}:{lost.mark.line}", "because": lost.because}
                for lost in self.overrides
            ],
        }


def explain_host(entry: HostEntry, site: Inventory, rendered: Mapping[str, Node]) -> tuple[Explanation, ...]:
    """Explain all variables of a host, by name. `rendered` has the values of those whose expressions were rendered."""
    return tuple(_explanation(entry.variables[name], site, rendered) for name in sorted(entry.variables))


def _explanation(variable: Variable, site: Inventory, rendered: Mapping[str, Node]) -> Explanation:
    overrides, winner = [], variable
    for lost in variable.overrides:
        because = why(winner, lost, site.groups)
        overrides.append(Overridden(shown(variable.name, lost.node), lost.node.mark, lost.origin, because))
        winner = lost
    value = shown(variable.name, rendered.get(variable.name, variable.node))
    return Explanation(
        variable.name, value, variable.node.mark, variable.origin, tuple(overrides), site.is_own(variable.name)
    )


def why(winner: Variable, loser: Variable, groups: Mapping[str, Group]) -> str:
    """The rule by which one value won over the next."""
    kinds = (winner.origin.kind, loser.origin.kind)
    if kinds in _LAYER_WORDS:
        return _LAYER_WORDS[kinds]
    if winner.origin == loser.origin:
        return "the later file takes precedence where a value is set twice"
    if loser.origin.name == "all":
        return "every group takes precedence over all"
    return _group_rule(groups[winner.origin.name], groups[loser.origin.name])


def _group_rule(winner: Group, loser: Group) -> str:
    if winner.depth != loser.depth:
        return f"{winner.name} is nested deeper than {loser.name} (level {winner.depth} over {loser.depth})"
    if winner.priority != loser.priority:
        return f"ansible_group_priority {winner.priority} of {winner.name} wins over {loser.priority} of {loser.name}"
    if winner.name > loser.name:
        return f"on one level, the alphabetically later group name takes precedence: {winner.name} over {loser.name}"
    return "variables next to a later inventory take precedence"


def shown(name: str, node: Node) -> object:
    """The value as it may be shown: without hashes, what a vault holds, and what looks like a secret."""
    if isinstance(node.value, Vaulted):
        return "(vaulted)"
    return SECRET if holds_secret(node) and name not in SECRETS else _without_secrets(name, plain(node))


def _without_secrets(name: str, value: object) -> object:
    if isinstance(value, dict) and "__ansible_vault" in value:
        return "(vaulted)"
    if isinstance(value, dict):
        return {str(key): _without_secrets(str(key), child) for key, child in value.items()}
    if isinstance(value, list):
        return [_without_secrets(name, child) for child in value]
    if name in SECRETS and value is not None:
        return HASH
    if names_secret(name) and value is not None:
        return SECRET
    if isinstance(value, (int, float, bool, type(None))):
        return value
    return "\n".join(redacted(str(value).split("\n")))
