# SPDX-License-Identifier: GPL-2.0-or-later
"""Expressions and vaulted values become values: what `node_` variables need, and nothing else.

They are evaluated in a child process (see child.py), which this one asks for some hosts at a time.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from typing import Any

from ksgen.expressions.bounds import OMIT
from ksgen.expressions.child import Child, Died, limited_time
from ksgen.expressions.scope import Outcome, Scope, Site, Text, stopped, texts
from ksgen.inventory import HostEntry, Inventory, Variable
from ksgen.problems import Finding, Mark, Problem
from ksgen.syntax import Node, is_dynamic


@dataclasses.dataclass(frozen=True)
class Rendered:
    """A host whose `node_` variables are values; `failed` are those that have no value and were removed."""

    entry: HostEntry
    problems: tuple[Problem, ...] = ()
    failed: frozenset[str] = frozenset()


# A part of the work: the place of a host in the inventory, and which of the texts that its wanted variables have.
_Part = tuple[int, tuple[int, ...]]
_NAME_ALONE = re.compile(r"\s*\{\{\s*([A-Za-z_]\w*)\s*\}\}\s*", re.ASCII)
# So many hosts are sent to the child at a time, while this process works on those before them.
_MAX_BATCH = 64
# A text that has ended so many children is not tried again for other hosts.
_MAX_DEATHS = 2


class Expressions:
    """Renders the hosts of one inventory, in a child process. For one thread.

    `is_wanted` says which variables become values; by default ksgen's own.
    """

    def __init__(self, inventory: Inventory, is_wanted: Callable[[str], bool] | None = None) -> None:
        self._inventory = inventory
        self._is_wanted = is_wanted = is_wanted or inventory.is_own
        self._places = {id(entry): place for place, entry in enumerate(inventory.hosts)}
        self._texts = functools.lru_cache(2 * _MAX_BATCH)(lambda place: _texts(is_wanted, inventory.hosts[place]))
        self._child = Child(functools.partial(_serve, inventory, is_wanted))
        self._batch = 1
        self._sent: list[_Part] = []  # what the child has been asked, and has not answered
        self._answers: dict[int, list[Outcome]] = {}
        self._deaths: collections.Counter[str] = collections.Counter()

    def rendered(self, entry: HostEntry) -> Rendered:
        """The host with values where expressions and vaulted values stood. `entry` is one of the inventory's own."""
        wanted = _wanted(self._is_wanted, entry)
        if not wanted:
            return Rendered(entry)
        place = self._places[id(entry)]
        if place not in self._answers:
            self._collect()
        if place not in self._answers:
            self._send(place)
            self._collect()
        if not self._sent and self._batch > 2:
            # The child works on the next hosts while this process works on these.
            self._send(max(self._answers) + 1)
        return _with_values(entry, wanted, self._answers.pop(place))

    def _send(self, place: int) -> None:
        """Ask for some hosts from one on."""
        places = range(place, len(self._inventory.hosts))
        some = itertools.islice((n for n in places if _wanted(self._is_wanted, self._inventory.hosts[n])), self._batch)
        self._batch = min(2 * self._batch, _MAX_BATCH)
        self._sent = [(n, self._worth_trying(n)) for n in some]
        if self._sent:
            self._child.send(self._sent)

    def _worth_trying(self, place: int) -> tuple[int, ...]:
        numbered = enumerate(self._texts(place))
        return tuple(n for n, text in numbered if self._deaths[str(text.node.value)] < _MAX_DEATHS)

    def _collect(self) -> None:
        """Wait for the answers to what was sent."""
        sent, self._sent = self._sent, []
        if not sent:
            return
        for (place, numbers), outcomes in zip(sent, self._outcomes(sent), strict=True):
            found = dict(zip(numbers, outcomes, strict=True))
            texts = self._texts(place)
            self._answers[place] = [found.get(n) or self._stopped(place, text) for n, text in enumerate(texts)]

    def _outcomes(self, parts: list[_Part]) -> list[list[Outcome]]:
        """The answers to parts that the child has been sent. If it dies, each text is tried alone."""
        try:
            return self._received()
        except Died:
            return [[self._alone(place, number) for number in numbers] for place, numbers in parts]

    def _alone(self, place: int, number: int) -> Outcome:
        text = self._texts(place)[number]
        while self._deaths[str(text.node.value)] < _MAX_DEATHS:
            self._child.send([(place, (number,))])
            try:
                return self._received()[0][0]
            except Died as died:
                self._deaths[str(text.node.value)] += 1
                if died.of_limit:
                    break
        return self._stopped(place, text)

    def _received(self) -> list[list[Outcome]]:
        while True:
            message = self._child.receive()
            if not isinstance(message, Sealing):
                answers: list[list[Outcome]] = message
                return answers
            self._child.send(self._inventory.opener.open(message.ciphertext))

    def _stopped(self, place: int, text: Text) -> Outcome:
        return stopped(self._inventory.hosts[place].name, text, self._inventory.sources)


@dataclasses.dataclass(frozen=True)
class Sealing:
    """The child's request for a decrypted text: only its parent asks for passwords."""

    ciphertext: str


def _serve(inventory: Inventory, is_wanted: Callable[[str], bool], connection: Connection) -> None:
    """Answer requests until there are no more: the life of the child."""
    opened = functools.cache(functools.partial(_opened, connection))
    site = Site(inventory, opened)
    while True:
        answers = []
        for place, numbers in connection.recv():
            entry = inventory.hosts[place]
            scope, found = Scope(site, entry), _texts(is_wanted, entry)
            outcomes = []
            for number in numbers:
                with limited_time():
                    outcomes.append(scope.outcome(found[number]))
            answers.append(outcomes)
        connection.send(answers)


def _opened(connection: Connection, ciphertext: str) -> str | Finding:
    connection.send(Sealing(ciphertext))
    opened: str | Finding = connection.recv()
    return opened


def _wanted(is_wanted: Callable[[str], bool], entry: HostEntry) -> list[Variable]:
    return [v for name, v in entry.variables.items() if v.is_dynamic and is_wanted(name)]


def _texts(is_wanted: Callable[[str], bool], entry: HostEntry) -> list[Text]:
    """The texts of a host that have to become values."""
    wanted = _wanted(is_wanted, entry)
    return [text for variable in wanted for text in texts(Text(variable.node, variable.name, variable))]


def _with_values(entry: HostEntry, wanted: Sequence[Variable], outcomes: Sequence[Outcome]) -> Rendered:
    """The host with the outcomes of the texts in its wanted variables, in their order."""
    variables = dict(entry.variables)
    problems: list[Problem] = []
    failed = set()
    following = iter(outcomes)
    for variable in wanted:
        before = len(problems)
        node = _filled(variable.node, following, problems, entry)
        if len(problems) > before:
            failed.add(variable.name)
        if node is None or variable.name in failed:
            del variables[variable.name]
        else:
            is_moved = node.mark != variable.node.mark
            is_shared = _source(entry, variable.node)[1] if is_moved else variable.is_shared
            variables[variable.name] = dataclasses.replace(variable, node=node, is_dynamic=False, is_shared=is_shared)
    return Rendered(dataclasses.replace(entry, variables=variables), tuple(problems), frozenset(failed))


def _source(entry: HostEntry, node: Node) -> tuple[Node, bool]:
    """What a person has written as the value of a template: of `{{ name }}` alone, the value of that variable.

    And whether several hosts have it from there.
    """
    seen: set[str] = set()
    is_shared = False
    while isinstance(node.value, str) and not node.literal and (found := _NAME_ALONE.fullmatch(node.value)):
        variable = entry.variables.get(found[1])
        if variable is None or found[1] in seen:
            break
        seen.add(found[1])
        node, is_shared = variable.node, variable.is_shared
    return node, is_shared


def _filled(node: Node, outcomes: Iterator[Outcome], problems: list[Problem], entry: HostEntry) -> Node | None:
    """A node with outcomes instead of its texts; None if it is omitted, or has a problem."""
    value = node.value
    if not is_dynamic(node):
        return node
    if isinstance(value, dict):
        children = {key: _filled(child, outcomes, problems, entry) for key, child in value.items()}
        kept = {key: child for key, child in children.items() if child is not None}
        return Node(kept, node.mark, node.key_mark, None, node.literal, node.odd_keys, node.is_secret)
    if isinstance(value, tuple):
        items = [_filled(child, outcomes, problems, entry) for child in value]
        kept_items = tuple(item for item in items if item is not None)
        return Node(kept_items, node.mark, node.key_mark, None, node.literal, (), node.is_secret)
    outcome = next(outcomes)
    if outcome.problem is not None:
        problems.append(outcome.problem)
        return None
    if outcome.value is OMIT:
        return None
    written = node if outcome.is_secret else _source(entry, node)[0]
    return _as_node(outcome.value, written, node.key_mark, outcome.is_secret, outcome.secrets)


def _as_node(value: Any, template: Node, key_mark: Mark | None, is_secret: bool, secrets: tuple[str, ...] = ()) -> Node:
    """A value as a tree that points at where it is written; its braces mean themselves."""
    if isinstance(value, dict):
        value = {key: _as_node(child, template, None, is_secret) for key, child in value.items()}
    elif isinstance(value, list):
        value = tuple(_as_node(child, template, None, is_secret) for child in value)
    return Node(value, template.mark, key_mark, None, True, (), is_secret, secrets)
