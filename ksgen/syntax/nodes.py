# SPDX-License-Identifier: GPL-2.0-or-later
"""The tree that a YAML or JSON text is read into: ordinary values, each with its place in the text."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping
from typing import NamedTuple

from ksgen.problems import Mark

# An inventory nests about ten levels; a tree that can be walked by recursion needs some bound.
MAX_DEPTH = 100
# What aliases may add to one file. 10,000 hosts that share a value of 50 nodes need half of it.
MAX_ALIASED_NODES = 1_000_000
# Ten times the `ansible-inventory --list` of 10,000 hosts with 40 variables each (12 MB).
MAX_FILE_BYTES = 128 * 1024 * 1024


@dataclasses.dataclass(frozen=True, slots=True)
class Vaulted:
    """A value that only the vault's password opens."""

    ciphertext: str = dataclasses.field(repr=False)


Scalar = str | int | float | bool | None | datetime.date | Vaulted
Value = Scalar | tuple["Node", ...] | Mapping[str, "Node"]


class Node(NamedTuple):
    """A value and its place.

    `key_mark` is the place of the key if the value is in a mapping. `source` is how a scalar that is no string was
    written. `literal` says that braces in it mean themselves (`!unsafe`). `odd_keys` are the keys of a mapping that are
    no strings; the mapping has them as they are, as Ansible would. `is_secret`: it comes out of a vault, or out of a
    variable with the name of a secret, and no message may repeat it. `secrets` are the parts of such a text that are
    secret, none where all of it is.
    """

    value: Value
    mark: Mark
    key_mark: Mark | None = None
    source: str | None = None
    literal: bool = False
    odd_keys: tuple[Node, ...] = ()
    is_secret: bool = False
    secrets: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Node({'(vaulted)' if self.is_secret else repr(self.value)}, {self.mark})"

    @property
    def name_mark(self) -> Mark:
        """The place of the name of the value, or of the value itself if it has none."""
        return self.key_mark or self.mark


def plain(node: Node) -> object:
    """The ordinary Python value; what is vaulted as `ansible-inventory` prints it."""
    value = node.value
    if isinstance(value, dict):
        return {key: plain(child) for key, child in value.items()}
    if isinstance(value, tuple):
        return [plain(child) for child in value]
    if isinstance(value, Vaulted):
        return {"__ansible_vault": value.ciphertext}
    return value


def holds_secret(node: Node) -> bool:
    """Whether the value, or a part of it, comes out of a vault."""
    if node.is_secret:
        return True
    value = node.value
    children = value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else ()
    return any(holds_secret(child) for child in children)


def as_secret(node: Node) -> Node:
    """The same tree, secret all the way down."""
    value = node.value
    if isinstance(value, dict):
        value = {key: as_secret(child) for key, child in value.items()}
    elif isinstance(value, tuple):
        value = tuple(as_secret(child) for child in value)
    keys = tuple(key._replace(is_secret=True) for key in node.odd_keys)
    return node._replace(value=value, odd_keys=keys, is_secret=True)


def kind(node: Node) -> str:
    """What the value is, in words for a message."""
    value = node.value
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, tuple):
        return "a list"
    if isinstance(value, str):
        return "a string"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.date):
        return "a date"
    return "a vaulted value" if isinstance(value, Vaulted) else "a number"
