# SPDX-License-Identifier: GPL-2.0-or-later
"""Where each value of a host comes from, what it overrode, and by which of Ansible's rules."""

from __future__ import annotations

import dataclasses
import datetime
import json
import re
from collections.abc import Mapping

from ksgen.expressions import Expressions
from ksgen.host.evaluation import any_name
from ksgen.host.vaulted import unopened
from ksgen.inventory import Group, HostEntry, Inventory, Origin, Variable
from ksgen.problems import Mark, Problem
from ksgen.redaction import HASH, SECRET, names_secret, redacted
from ksgen.syntax import Node, Vaulted, holds_secret, plain
from ksgen.variables import OF_NODES, PREFIX, SECRETS, settings_model
from org_ovirt_node.layout import size_text

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
# How a message ends that is about a variable in which another one is used (ksgen/expressions/scope.py).
_DEPENDING = re.compile(r"; (\S+) depends on it$")
_IF_NOT_SET = re.compile(r"[Ii]f not set, ([^;.(]*[^;.( ])")
# Variables whose defaults are those of the layout policy.
_OF_THE_POLICY = frozenset({"layout", "images", "root_size", "volumes", "swap_size", "filesystem", "vg", "pool"})


@dataclasses.dataclass(frozen=True)
class Overridden:
    """A value that was overridden, where it is defined, and why."""

    value: object
    mark: Mark
    origin: Origin
    because: str


@dataclasses.dataclass(frozen=True)
class Explanation:
    """A variable of a host: the value, its place, what it overrode, nearest first, and whether ksgen reads it.

    `template` is what is written where the value is computed, else None. `failure` is why there is no value.
    """

    name: str
    value: object
    mark: Mark
    origin: Origin
    overrides: tuple[Overridden, ...]
    is_own: bool
    template: object = None
    failure: str | None = None

    def to_json(self) -> dict[str, object]:
        """As `ksgen explain --json` prints it."""
        return {
            "value": self.value,
            "template": self.template,
            "error": self.failure,
            "ksgen": self.is_own,
            "from": f"{self.mark.file}:{self.mark.line}",
            "overrides": [
                {"value": lost.value, "from": f"{lost.mark.file}:{lost.mark.line}", "because": lost.because}
                for lost in self.overrides
            ],
        }


def explain_host(entry: HostEntry, site: Inventory) -> tuple[tuple[Explanation, ...], list[Problem]]:
    """Explain all variables of a host, by name, with the problems of ksgen's own.

    An expression in another variable may need what only Ansible has: it is no problem that it has no value here.
    """
    site = unopened(site)
    entry = next(host for host in site.hosts if host.name == entry.name)
    rendered = Expressions(site, any_name).rendered(entry)
    failures = {name: problem.message for problem in rendered.problems for name in (_top(problem),)}
    values = {name: variable.node for name, variable in rendered.entry.variables.items()}
    found = tuple(_explanation(entry.variables[name], site, values, failures) for name in sorted(entry.variables))
    return found, [problem for problem in rendered.problems if site.is_own(_top(problem))]


def _top(problem: Problem) -> str:
    """The variable that a problem stops, which may not be the one that it is in."""
    depending = _DEPENDING.search(problem.message)
    return re.split(r"[.\[]", depending[1] if depending else problem.variable or "", maxsplit=1)[0]


def _explanation(
    variable: Variable, site: Inventory, values: Mapping[str, Node], failures: Mapping[str, str]
) -> Explanation:
    overrides, winner = [], variable
    for lost in variable.overrides:
        because = why(winner, lost, site.groups)
        overrides.append(Overridden(shown(variable.name, lost.node), lost.node.mark, lost.origin, because))
        winner = lost
    written = shown(variable.name, variable.node)
    failure = failures.get(variable.name, "") if variable.is_dynamic else ""
    node = values.get(variable.name)
    value = None if failure else written if node is None else shown(variable.name, node)
    return Explanation(
        variable.name,
        value,
        variable.node.mark,
        variable.origin,
        tuple(overrides),
        site.is_own(variable.name),
        written if variable.is_dynamic and written != value else None,
        failure or None,
    )


@dataclasses.dataclass(frozen=True)
class Default:
    """What a variable that is not set has: the value, or how it follows from others; and where that is defined."""

    name: str
    value: object
    words: str
    source: str

    def to_json(self) -> dict[str, object]:
        """As `ksgen explain --json` prints it."""
        return {"value": self.value, "template": None, "error": None, "ksgen": True, "from": None,
                "default": f"{self.words}, from {self.source}", "overrides": []}  # fmt: skip


def has_no_effect(name: str, entry: HostEntry) -> bool:
    """Whether it is a variable of nodes, and the host a plain one."""
    return name in OF_NODES and _kind(entry) == "host"


def _kind(entry: HostEntry) -> object:
    kind = entry.variables.get(f"{PREFIX}kind")
    return kind.node.value if kind else None


def explain_default(name: str, entry: HostEntry) -> Default | None:
    """The default of one of ksgen's variables for a host; None for a name that is not one of them."""
    fields = settings_model(_kind(entry)).model_fields
    field = fields.get(name.removeprefix(PREFIX)) if name.startswith(PREFIX) else None
    if field is None:
        return None
    if has_no_effect(name, entry):
        return Default(name, None, "without effect on a plain host", "docs/hosts.md")
    source = "docs/layout.md" if name.removeprefix(PREFIX) in _OF_THE_POLICY else "docs/inventory.md"
    if field.is_required():
        return Default(name, None, "required, and without a default", source)
    value = field.get_default(call_default_factory=True)
    follows = _IF_NOT_SET.search(field.description or "")
    if value in (None, [], {}) and follows:
        return Default(name, value, follows[1], source)
    if isinstance(value, int) and name.endswith("_size"):
        return Default(name, value, f"default {size_text(value)}", source)
    words = "no default" if value is None else f"default {json.dumps(value, ensure_ascii=False)}"
    return Default(name, value, words, source)


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
    if isinstance(value, datetime.date):
        return value.isoformat()  # as ansible-inventory prints it
    return "\n".join(redacted(str(value).split("\n")))
