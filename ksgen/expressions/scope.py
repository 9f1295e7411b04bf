# SPDX-License-Identifier: GPL-2.0-or-later
"""The variables of one host, as its expressions see them.

Ansible renders a variable when it is used, over the other variables of the host. So a value that no `node_` variable
leads to is neither rendered nor opened, and never a problem.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ksgen.expressions import marks
from ksgen.expressions.bounds import MAX_STEPS, Failed, Names, Refused, Tripped, finished, no_value, size
from ksgen.expressions.language import Deferred, Language
from ksgen.expressions.secretparts import SecretParts
from ksgen.inventory import MAGIC_NAMES, Group, HostEntry, Inventory, Variable, did_you_mean
from ksgen.problems import Finding, Mark, Problem
from ksgen.redaction import names_secret
from ksgen.syntax import Node, Vaulted, holds_secret, is_dynamic, is_template, plain

MAX_CHAIN = 50  # variables in a chain of dependencies

_LOOK_UPS = {
    "lookup": "queries the machine that Ansible runs on",
    "query": "queries the machine that Ansible runs on",
    "q": "queries the machine that Ansible runs on",
    "now": "gives a different value each time",
    "lipsum": "gives a different value each time",
    "hostvars": "reads other hosts' variables",
    "vars": "reads variables by names that are computed",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Text:
    """A template or vaulted value and where it belongs."""

    node: Node
    path: str
    variable: Variable

    def below(self, key: object, child: Node) -> Text:
        path = f"{self.path}[{key}]" if isinstance(key, int) else f"{self.path}.{key}"
        return Text(child, path, self.variable)


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """What comes of one text: a value, which may be OMIT, or a problem.

    `is_secret`: something secret has been read for it. `secrets`: the parts of it that are secret, if not all is.
    """

    value: object
    is_secret: bool = False
    secrets: tuple[str, ...] = ()
    problem: Problem | None = None


def texts(text: Text) -> Iterator[Text]:
    """The templates and vaulted values in a value, in the order in which they stand."""
    value = text.node.value
    if not is_dynamic(text.node):
        return
    if isinstance(value, dict):
        for key, child in value.items():
            yield from texts(text.below(key, child))
    elif isinstance(value, tuple):
        for index, child in enumerate(value):
            yield from texts(text.below(index, child))
    else:
        yield text


class Site:
    """What the hosts of an inventory share. For one thread."""

    def __init__(self, inventory: Inventory, opened: Callable[[str], str | Finding]) -> None:
        self.is_own = inventory.is_own
        self.language = Language()
        self.parsed = functools.lru_cache(256)(self.language.parsed)
        self.opened = opened
        self.sources = inventory.sources
        self._inventory = inventory
        self._groups: dict[str, Names] | None = None
        # By the id of a node, which is kept: its plain value, or None where it has to be evaluated; is it secret.
        self._plain: dict[int, tuple[Node, object, bool]] = {}

    @property
    def groups(self) -> dict[str, Names]:
        """The hosts of each group, in Ansible's order: level by level."""
        if self._groups is None:
            self._groups = {name: _members(name, self._inventory.groups) for name in self._inventory.groups}
        return self._groups

    def plain(self, node: Node) -> tuple[object, bool]:
        """The plain value of a mapping or list without anything to evaluate, else None; whether it is secret."""
        known = self._plain.get(id(node))
        if known is None:
            value = None if is_dynamic(node) or _has_named_secret(node) else plain(node)
            known = self._plain[id(node)] = (node, value, holds_secret(node))
        return known[1], known[2]


def _has_named_secret(node: Node) -> bool:
    if isinstance(node.value, dict):
        return any(names_secret(name) or _has_named_secret(child) for name, child in node.value.items())
    return isinstance(node.value, tuple) and any(map(_has_named_secret, node.value))


def _members(name: str, groups: Mapping[str, Group]) -> Names:
    """As ansible.inventory.group.Group.get_hosts."""
    seen, level = {name: None}, [name]
    while level:
        below = dict.fromkeys(child for group in level for child in groups[group].children if child not in seen)
        seen.update(below)
        level = list(below)
    return Names(dict.fromkeys(host for group in seen for host in groups[group].hosts))


class _Container(Deferred):
    """A mapping or list with something to evaluate in it."""

    def __init__(self, scope: Scope, text: Text) -> None:
        self._scope, self._text = scope, text
        self._whole: Any = None
        self.is_mapping = isinstance(text.node.value, dict)

    def item(self, key: object) -> object:
        value: Any = self._text.node.value
        if isinstance(value, tuple) and isinstance(key, int):
            key = range(len(value))[key]
        return self._scope.value(self._text.below(key, value[key]))

    def keys(self) -> list[str]:
        value = self._text.node.value
        return list(value) if isinstance(value, dict) else []

    def whole(self) -> Any:
        if self._whole is None:
            value = self._text.node.value
            if isinstance(value, dict):
                self._whole = {key: self._part(key, child) for key, child in value.items()}
            else:
                assert isinstance(value, tuple)
                self._whole = [self._part(index, child) for index, child in enumerate(value)]
        return self._whole

    def _part(self, key: object, child: Node) -> object:
        self._scope.spend(1)
        try:
            return _solid(self._scope.value(self._text.below(key, child)))
        except Refused as refused:
            if refused.finding.code == "expression-too-long":
                raise
            return Failed(refused)


def _solid(value: object) -> Any:
    return value.whole() if isinstance(value, Deferred) else value


class Scope:
    """The variables of one host, each evaluated once."""

    def __init__(self, site: Site, entry: HostEntry) -> None:
        self._site, self._entry = site, entry
        self._language = site.language
        # By the id of a node: what came of it, and whether it is secret.
        self._done: dict[int, tuple[object, bool]] = {}
        self._open: dict[int, str] = {}
        self._is_secret = False  # what has been read for the text at hand
        self._parts = SecretParts(entry.variables, site.parsed, site.opened, self._names_secret)

    def _names_secret(self, path: str) -> bool:
        """Whether a value is a secret by its name; each of ksgen's own variables says for itself what is one."""
        return not self._site.is_own(re.split(r"[.\[]", path, maxsplit=1)[0]) and names_secret(path)

    def outcome(self, text: Text) -> Outcome:
        """What comes of a text of the host."""
        self._language.variables = self
        self._language.work.left = MAX_STEPS
        self._is_secret = False
        try:
            value = _solid(self.value(text))
            size(value)
            value = finished(value)
            check(value)
            parts = self._parts.of(text.node) if self._is_secret and isinstance(value, str) else None
            return Outcome(value, self._is_secret, tuple(sorted(parts or ())))
        except Tripped as tripped:
            refused = tripped.missing.reason
        except Refused as error:
            refused = error
        self._placed(refused, text)
        return Outcome(None, problem=self._problem(refused, text))

    # What names and nodes stand for

    def spend(self, steps: int) -> None:
        self._language.work.spend(steps)

    def variable(self, name: str) -> object:
        """The value of a name in an expression."""
        entry = self._entry
        if name == "inventory_hostname":
            return entry.name
        if name == "inventory_hostname_short":
            return entry.name.split(".")[0]
        if name == "group_names":
            return list(entry.groups)
        if name == "groups":
            return self._site.groups
        variable = entry.variables.get(name)
        if variable is not None:
            return self.value(Text(variable.node, name, variable))
        if name in Language.GLOBALS:
            return Language.GLOBALS[name]
        return self._nothing(name)

    def _nothing(self, name: str) -> object:
        if name in _LOOK_UPS:
            message = f"{name!r} {_LOOK_UPS[name]}, and is not supported here"
            raise Refused("look-up-not-read", message, "write the value into a variable of the host or a group", name)
        if name in MAGIC_NAMES:
            message = f"{name!r} is set only while Ansible runs"
            raise Refused("look-up-not-read", message, "write the value into a variable of the host or a group", name)
        known = [*self._entry.variables, "inventory_hostname", "inventory_hostname_short", "group_names", "groups"]
        hint = did_you_mean(name, known) or f"set it for the host or a group, or write {name} | default(…)"
        message = f"{name!r} is not set for the host or its groups"
        return self._language.missing("undefined-name", message, hint, name)

    def value(self, text: Text) -> object:
        """The value of a node: its value, a _Container, or a Missing."""
        node = text.node
        value = node.value
        if node.is_secret or (not isinstance(value, dict | tuple) and self._names_secret(text.path)):
            self._is_secret = True
        if type(value) is str:
            return self._evaluated(text) if not node.literal and is_template(value) else value
        if isinstance(value, dict | tuple):
            found, is_secret = self._site.plain(node)
            if found is None:
                return _Container(self, text)
            self._is_secret |= is_secret
            return found
        return self._evaluated(text) if isinstance(value, Vaulted) else value

    def _evaluated(self, text: Text) -> object:
        """The value of a template or vaulted value. Raises Refused, with its place."""
        key = id(text.node)
        known = self._done.get(key)
        if known is None:
            known = self._evaluate(text, key)
            if not (isinstance(known[0], Refused) and known[0].finding.code == "expression-too-long"):
                self._done[key] = known
        value, is_secret = known
        self._is_secret |= is_secret
        if isinstance(value, Refused):
            raise value
        return value

    def _evaluate(self, text: Text, key: int) -> tuple[object, bool]:
        if key in self._open:
            way = [*list(self._open.values())[list(self._open).index(key) :], text.path]
            shown = " → ".join(way if len(way) < 8 else [*way[:3], "…", *way[-3:]])
            raise Refused("expression-cycle", f"{text.path} depends on itself: {shown}", "write one of them out")
        if len(self._open) >= MAX_CHAIN:
            raise Refused("expression-too-long", f"more than {MAX_CHAIN} variables in a chain of dependencies")
        self._open[key] = text.path
        outer, self._is_secret = (self._is_secret, self._language.text), text.node.is_secret
        self._language.text = text
        value: object
        try:
            value = self._template(text)
        except Tripped as tripped:
            value = tripped.missing
        except Refused as refused:
            value = self._placed(refused, text)
        except RecursionError:
            value = self._placed(Refused("expression-too-long", "nested too deeply", "simplify it"), text)
        finally:
            del self._open[key]
        is_secret = self._is_secret
        self._is_secret, self._language.text = outer
        return value, is_secret

    def _template(self, text: Text) -> object:
        value = text.node.value
        if isinstance(value, Vaulted):
            self._is_secret = True
            opened = self._site.opened(value.ciphertext)
            if isinstance(opened, Finding):
                raise Refused(opened.code, opened.message, opened.hint)
            return opened  # Ansible renders no template in it
        assert isinstance(value, str)
        if value.startswith("#jinja2:"):
            message = "the first line changes Jinja's delimiters, and ksgen supports only the default ones"
            raise Refused("expression-syntax", message, "remove this line")
        return self._language.evaluated(value)

    # Problems

    def _placed(self, refused: Refused, text: Text) -> Refused:
        """Add its place, if it has none, and whether values that it may mention are secret."""
        if refused.text is None:
            refused.text = text
        node = refused.text.node
        if node.is_secret or (self._is_secret and refused.tells_values):
            refused.is_secret = True
        return refused

    def _problem(self, refused: Refused, root: Text) -> Problem:
        text = refused.text or root
        finding = refused.finding
        if refused.is_secret:
            finding = Finding(finding.code, "this expression uses a secret value and fails")
        if text.variable is not root.variable:
            finding = dataclasses.replace(finding, message=f"{finding.message}; {root.path} depends on it")
        return _problem_of(self._entry.name, text, finding, marks.mark(text.node, refused, self._site.sources))


def check(value: object) -> None:
    """Refuse what no value of an inventory is."""
    if isinstance(value, dict):
        for key, child in value.items():
            if not isinstance(key, str):
                message = f"the result is a mapping with the key {key!r}, but keys must be strings"
                raise Refused("key-not-text", message, tells_values=True)
            check(child)
    elif isinstance(value, list):
        for child in value:
            check(child)
    elif isinstance(value, bytes):
        raise no_value(value)


def _problem_of(host: str, text: Text, finding: Finding, mark: Mark) -> Problem:
    return finding.at(mark, host, text.path, text.variable.is_shared, text.node.is_secret)


def stopped(host: str, text: Text, sources: Mapping[str, str]) -> Outcome:
    """What is said of an expression that was ended from outside."""
    refused = Refused("expression-too-long", "the expression exceeds the limits on time or memory", "simplify it")
    mark = marks.mark(text.node, refused, sources)
    return Outcome(None, problem=_problem_of(host, text, refused.finding, mark))
