# SPDX-License-Identifier: GPL-2.0-or-later
"""Expressions and vaulted values become values: what `node_` variables need, and nothing else.

Ansible renders a variable when it is used, over the other variables of the host. So a value that no `node_` variable
leads to is neither rendered nor opened, and never a problem.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ksgen.declared import Variable
from ksgen.expressions.bounds import MAX_STEPS, OMIT, Names, Refused, Tripped, no_value, size
from ksgen.expressions.evaluation import Evaluator, finished
from ksgen.expressions.language import Language
from ksgen.expressions.secretparts import SecretParts
from ksgen.inventory import Group, HostEntry, Inventory
from ksgen.naming import MAGIC_NAMES, did_you_mean
from ksgen.nodes import Node, Vaulted, holds_secret, plain
from ksgen.problems import Mark, Problem
from ksgen.redaction import names_secret
from ksgen.surprises import is_dynamic, is_template
from ksgen.vault import Sealed

PREFIX = "node_"
MAX_CHAIN = 50  # variables that need each other in a row

_LOOK_UPS = {
    "lookup": "asks the machine that Ansible runs on",
    "query": "asks the machine that Ansible runs on",
    "q": "asks the machine that Ansible runs on",
    "now": "gives another value each time",
    "lipsum": "gives another value each time",
    "hostvars": "reads other hosts' variables",
    "vars": "reads variables by names that are computed",
}


@dataclasses.dataclass(frozen=True)
class Rendered:
    """A host whose `node_` variables are values; `failed` are those that are none, and that it now lacks."""

    entry: HostEntry
    problems: tuple[Problem, ...] = ()
    failed: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True, slots=True)
class _Text:
    """A template or vaulted value and where it belongs."""

    node: Node
    path: str
    variable: Variable


class Expressions:
    """Renders the hosts of one inventory. For one thread."""

    def __init__(self, inventory: Inventory) -> None:
        self.language = Language()
        self.opener = inventory.opener
        self.sources = inventory.sources
        self._inventory = inventory
        self._groups: dict[str, Names] | None = None
        # By the id of a node, which is kept: its plain value, or None where it has to be evaluated; is it secret.
        self._plain: dict[int, tuple[Node, object, bool]] = {}

    def rendered(self, entry: HostEntry) -> Rendered:
        """The host with values where expressions and vaulted values stood."""
        wanted = [v for name, v in entry.variables.items() if v.is_dynamic and name.startswith(PREFIX)]
        return _Host(self, entry).rendered(wanted) if wanted else Rendered(entry)

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


def _names_secret(path: str) -> bool:
    """Whether a value is a secret by its name; of `node_` variables each says for itself what is one."""
    return not path.startswith(PREFIX) and names_secret(path)


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


class _Container:
    """A mapping or list with something to evaluate in it; see evaluation.Deferred."""

    def __init__(self, host: _Host, text: _Text) -> None:
        self._host, self._text = host, text
        self._whole: Any = None

    def __len__(self) -> int:
        value = self._text.node.value
        return len(value) if isinstance(value, dict | tuple) else 0

    def _child(self, key: object, child: Node) -> object:
        return self._host.value(_below(self._text, key, child))

    def item(self, key: object) -> object:
        value: Any = self._text.node.value
        if isinstance(value, tuple) and isinstance(key, int):
            key = range(len(value))[key]
        return self._child(key, value[key])

    def whole(self) -> Any:
        if self._whole is None:
            value = self._text.node.value
            self._host.spend(len(self))
            if isinstance(value, dict):
                self._whole = {key: _solid(self._child(key, child)) for key, child in value.items()}
            else:
                assert isinstance(value, tuple)
                self._whole = [_solid(self._child(index, child)) for index, child in enumerate(value)]
        return self._whole

    def keys(self) -> Iterable[object] | None:
        value = self._text.node.value
        return value.keys() if isinstance(value, dict) else None


def _below(text: _Text, key: object, child: Node) -> _Text:
    path = f"{text.path}[{key}]" if isinstance(key, int) else f"{text.path}.{key}"
    return _Text(child, path, text.variable)


def _is_container(value: object) -> bool:
    return type(value) is _Container


def _solid(value: object) -> object:
    return value.whole() if type(value) is _Container else value


class _Host:
    """The variables of one host, each evaluated once."""

    def __init__(self, expressions: Expressions, entry: HostEntry) -> None:
        self._expressions, self._entry = expressions, entry
        self._language = expressions.language
        self._evaluator = Evaluator(self._language, self, _is_container)
        # By the id of a node: what came of it, and whether it is secret.
        self._done: dict[int, tuple[object, bool]] = {}
        self._open: dict[int, str] = {}
        self._is_secret = False  # what has been read for the text at hand
        self._problems: list[Problem] = []
        self._parts = SecretParts(entry.variables, self._language.parsed, expressions.opener.open, _names_secret)

    def rendered(self, wanted: Sequence[Variable]) -> Rendered:
        variables = dict(self._entry.variables)
        failed = set()
        for variable in wanted:
            before = len(self._problems)
            node = self._node(_Text(variable.node, variable.name, variable))
            if len(self._problems) > before:
                failed.add(variable.name)
            if node is None or variable.name in failed:
                del variables[variable.name]
            else:
                variables[variable.name] = dataclasses.replace(variable, node=node, is_dynamic=False)
        entry = dataclasses.replace(self._entry, variables=variables)
        return Rendered(entry, tuple(self._problems), frozenset(failed))

    def _node(self, text: _Text) -> Node | None:
        """The value as a node; None if it is omitted, or is none, which is a problem then."""
        node = text.node
        value = node.value
        if not is_dynamic(node):
            return node
        if isinstance(value, dict):
            children = {key: self._node(_below(text, key, child)) for key, child in value.items()}
            kept = {key: child for key, child in children.items() if child is not None}
            return Node(kept, node.mark, node.key_mark, None, node.literal, node.odd_keys, node.is_secret)
        if isinstance(value, tuple):
            items = [self._node(_below(text, n, child)) for n, child in enumerate(value)]
            kept_items = tuple(item for item in items if item is not None)
            return Node(kept_items, node.mark, node.key_mark, None, node.literal, (), node.is_secret)
        return self._leaf(text)

    def _leaf(self, text: _Text) -> Node | None:
        self._language.work.left = MAX_STEPS
        self._is_secret = False
        try:
            value = _solid(self.value(text))
            size(value)
            value = finished(value)
            if value is OMIT:
                return None
            parts = self._parts.of(text.node) if self._is_secret and isinstance(value, str) else None
            return _as_node(value, text.node, text.node.key_mark, self._is_secret, tuple(sorted(parts or ())))
        except Tripped as tripped:
            refused = tripped.missing.reason
        except Refused as error:
            refused = error
        self._placed(refused, text)
        self._problems.append(self._problem(refused, text))
        return None

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
            return self._expressions.groups
        variable = entry.variables.get(name)
        if variable is not None:
            return self.value(_Text(variable.node, name, variable))
        if name in Language.GLOBALS:
            return Language.GLOBALS[name]
        return self._nothing(name)

    def _nothing(self, name: str) -> object:
        if name in _LOOK_UPS:
            message = f"{name!r} {_LOOK_UPS[name]}, and is not read here"
            raise Refused("look-up-not-read", message, "write the value into a variable of the host or a group", name)
        if name in MAGIC_NAMES:
            message = f"{name!r} is known only while Ansible runs"
            raise Refused("look-up-not-read", message, "write the value into a variable of the host or a group", name)
        known = [*self._entry.variables, "inventory_hostname", "inventory_hostname_short", "group_names", "groups"]
        hint = did_you_mean(name, known) or f"set it for the host or a group, or write {name} | default(…)"
        message = f"{name!r} is set neither for the host nor for its groups"
        return self._language.missing("undefined-name", message, hint, name)

    def value(self, text: _Text) -> object:
        """What a node stands for: its value, a _Container, or a Missing."""
        node = text.node
        value = node.value
        if node.is_secret or (not isinstance(value, dict | tuple) and _names_secret(text.path)):
            self._is_secret = True
        if type(value) is str:
            return self._evaluated(text) if not node.literal and is_template(value) else value
        if isinstance(value, dict | tuple):
            found, is_secret = self._expressions.plain(node)
            if found is None:
                return _Container(self, text)
            self._is_secret |= is_secret
            return found
        return self._evaluated(text) if isinstance(value, Vaulted) else value

    def _evaluated(self, text: _Text) -> object:
        """The value of a template or vaulted value. Raises Refused, with the place where it stands."""
        key = id(text.node)
        known = self._done.get(key)
        if known is None:
            known = self._evaluate(text, key)
            if not (isinstance(known[0], Refused) and known[0].code == "expression-too-long"):
                self._done[key] = known
        value, is_secret = known
        self._is_secret |= is_secret
        if isinstance(value, Refused):
            raise value
        return value

    def _evaluate(self, text: _Text, key: int) -> tuple[object, bool]:
        if key in self._open:
            way = [*list(self._open.values())[list(self._open).index(key) :], text.path]
            shown = " → ".join(way if len(way) < 8 else [*way[:3], "…", *way[-3:]])
            raise Refused("expression-cycle", f"{text.path} needs itself: {shown}", "write one of them out")
        if len(self._open) >= MAX_CHAIN:
            raise Refused("expression-too-long", f"more than {MAX_CHAIN} variables that need each other in a row")
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
            value = self._placed(Refused("expression-too-long", "too much inside each other", "write it shorter"), text)
        finally:
            del self._open[key]
        is_secret = self._is_secret
        self._is_secret, self._language.text = outer
        return value, is_secret

    def _template(self, text: _Text) -> object:
        value = text.node.value
        if isinstance(value, Vaulted):
            self._is_secret = True
            opened = self._expressions.opener.open(value.ciphertext)
            if isinstance(opened, Sealed):
                raise Refused(opened.code, opened.message, opened.hint)
            return opened  # Ansible renders no template in it
        assert isinstance(value, str)
        if value.startswith("#jinja2:"):
            message = "the first line changes Jinja's marks for Ansible, and ksgen knows the usual ones only"
            raise Refused("expression-syntax", message, "begin with another line")
        tree = self._language.parsed(value)
        return self._evaluator.template(tree, value[len(value.rstrip("\n")) :])

    # Problems

    def _placed(self, refused: Refused, text: _Text) -> Refused:
        """Say where it stands, if nobody has yet, and whether values that it may speak of are secret."""
        if refused.text is None:
            refused.text = text
        node = refused.text.node
        if node.is_secret or (self._is_secret and refused.tells_values):
            refused.is_secret = True
        return refused

    def _problem(self, refused: Refused, root: _Text) -> Problem:
        text = refused.text or root
        message, hint = refused.message, refused.hint
        if refused.is_secret:
            message, hint = "this expression works on a secret value, and fails", None
        if text.variable is not root.variable:
            message += f"; {root.path} needs it"
        return Problem(
            refused.code,
            message,
            self._mark(text, refused),
            host=self._entry.name,
            variable=text.path,
            hint=hint,
            shared=text.variable.is_shared,
            secret=text.node.is_secret,
        )

    def _mark(self, text: _Text, refused: Refused) -> Mark:
        node = text.node
        if not isinstance(node.value, str) or node.is_secret:
            return node.mark
        return _exact_mark(node, *self._offset(node.value, refused), self._expressions.sources)

    def _offset(self, template: str, refused: Refused) -> tuple[int, int]:
        """Where in a template the word stands that a refusal speaks of, and how long it is."""
        offset, begin = 0, None
        try:
            for line, kind, value in self._language.words(template):
                at = template.find(value, offset)
                offset = at + len(value) if at >= 0 else offset
                if refused.line is not None and line != refused.line:
                    continue
                if begin is None and kind in ("variable_begin", "block_begin"):
                    begin = at, 2
                is_word = kind in ("name", "integer", "string") and value.strip("'\"") == refused.word
                if is_word:
                    return at, len(value)
        except Exception:  # of a template that Jinja cannot read: as far as it can
            pass
        found = template.find("{")
        return begin or (max(found, 0), 1)


def _as_node(value: Any, template: Node, key_mark: Mark | None, is_secret: bool, secrets: tuple[str, ...] = ()) -> Node:
    """A value as a tree that points at the template it comes from; its braces mean themselves."""
    mark = template.mark
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                message = f"it gives a mapping with the key {key!r}, and keys are texts"
                raise Refused("key-not-text", message, tells_values=True)
        value = {key: _as_node(child, template, None, is_secret) for key, child in value.items()}
    elif isinstance(value, list):
        value = tuple(_as_node(child, template, None, is_secret) for child in value)
    elif isinstance(value, bytes):
        raise no_value(value)
    return Node(value, mark, key_mark, None, True, (), is_secret, secrets)


def _exact_mark(node: Node, offset: int, length: int, sources: Mapping[str, str]) -> Mark:
    """The place of a part of a text in its file; that of the text where it is written in another way than it reads."""
    mark, text = node.mark, str(node.value)
    lines = sources.get(mark.file, "").split("\n")
    number = mark.line - 1
    line = lines[number] if number < len(lines) else ""
    for start in (mark.column - 1, mark.column):  # plain, or behind a quote
        if line[start : start + len(text)] == text:
            return Mark(mark.file, mark.line, start + offset + 1, length)
    above = text.count("\n", 0, offset)
    begin = text.rfind("\n", 0, offset) + 1
    row = text[begin:].split("\n", 1)[0]
    below = lines[number + 1 + above] if number + 1 + above < len(lines) else ""
    if row and below.strip() == row.strip() and "\n" in text:
        shift = len(below) - len(below.lstrip()) - (len(row) - len(row.lstrip()))
        return Mark(mark.file, mark.line + 1 + above, shift + offset - begin + 1, length)
    word = text[offset : offset + length]
    if line.count(word, mark.column - 1) == 1:
        return Mark(mark.file, mark.line, line.index(word, mark.column - 1) + 1, length)
    return mark
