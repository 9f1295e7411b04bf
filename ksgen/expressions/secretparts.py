# SPDX-License-Identifier: GPL-2.0-or-later
"""Which parts of a rendered text are secret: `echo {{ password }} | kinit` is to be reviewed without the password."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import nodes

from ksgen.inventory import Variable
from ksgen.syntax import Node, Vaulted, is_template

MAX_CHAIN = 50  # variables in a chain of dependencies


class SecretParts:
    """Finds the secret parts in the texts of one host.

    `parsed` gives the tree of a template, `opened` the text behind a ciphertext; `is_named` says whether a variable has
    the name of a secret.
    """

    def __init__(
        self,
        variables: Mapping[str, Variable],
        parsed: Callable[[str], nodes.Template],
        opened: Callable[[str], object],
        is_named: Callable[[str], bool],
    ) -> None:
        self._variables, self._parsed, self._opened = variables, parsed, opened
        self._is_named = is_named

    def of(self, node: Node, name: str = "", depth: int = 0) -> frozenset[str] | None:
        """The secret parts of what the value of a node becomes; None where it can only be secret as a whole."""
        value = node.value
        if depth > MAX_CHAIN:
            return None
        if isinstance(value, Vaulted):
            opened = self._opened(value.ciphertext)
            return frozenset({opened}) if isinstance(opened, str) else None
        if not isinstance(value, str):
            return None if self._holds_secret(node, name, depth) else frozenset()
        if node.is_secret or self._is_named(name):
            return None if is_template(value) and not node.literal else frozenset({value})
        if node.literal or not is_template(value):
            return frozenset()
        found: set[str] = set()
        for statement in self._parsed(value).body:
            children = statement.nodes if isinstance(statement, nodes.Output) else [statement]
            for child in children:
                parts = self._of_expression(child, depth)
                if parts is None:
                    return None
                found |= parts
        return frozenset(found)

    def _of_expression(self, child: nodes.Node, depth: int) -> frozenset[str] | None:
        if isinstance(child, nodes.TemplateData):
            return frozenset()
        if isinstance(child, nodes.Name):
            variable = self._variables.get(child.name)
            return self.of(variable.node, child.name, depth + 1) if variable else frozenset()
        for name in child.find_all(nodes.Name):
            variable = self._variables.get(name.name)
            if variable and self._holds_secret(variable.node, name.name, depth):
                return None
        return frozenset()

    def _holds_secret(self, node: Node, name: str, depth: int) -> bool:
        value: Any = node.value
        if isinstance(value, Mapping):
            return any(self._holds_secret(child, str(key), depth) for key, child in value.items())
        if isinstance(value, tuple):
            return any(self._holds_secret(child, name, depth) for child in value)
        return self.of(node, name, depth + 1) != frozenset()
