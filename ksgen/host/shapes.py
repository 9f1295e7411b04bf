# SPDX-License-Identifier: GPL-2.0-or-later
"""Hosts that differ in their identity alone: a shape, and the values that make a host of it this one.

What has been checked for one host of a shape need not be checked for the others: their names, addresses, MAC addresses
and disks are of the same types, written alike, and related alike to each other and to everything else. Whatever is not
known to be so is part of the shape, and a host that is alone in its shape is checked in full.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple, TypeAlias

from pydantic import ValidationError

from ksgen.host.host import Host, Shape
from ksgen.host.networks import Network, address, addresses_in, interface, neighbours, relation
from ksgen.host.vaulted import BMC
from ksgen.inventory import HostEntry, Variable
from ksgen.redaction import may_hold_secret, names_secret
from ksgen.syntax import Node, holds_secret, plain
from ksgen.variables import PREFIX, is_claimed, settings_of

# What becomes of an identity value: (kind, value) -> what stands in its place.
_Put: TypeAlias = Callable[[str, Any], object]

# How an identity value is written that is printed as it is, and that no lexer and no check treats specially.
_WRITTEN = {
    "name": re.compile(r"(?!localhost)[a-z](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*"),
    "mac": re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}"),
    "wwn": re.compile(r"(?:0x|eui\.)(?:[0-9a-f]{16}|[0-9a-f]{32})"),
    "serial": re.compile(r"[A-Z0-9][A-Z0-9_-]{3,30}"),
    "initiator": re.compile(r"iqn\.[0-9]{4}-(?:0[1-9]|1[0-2])\.[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?:[a-z0-9.-]+"),
}
_NAME_LONGEST = 63
_INITIATOR_LONGEST = 128
_NEIGHBOURS_TRIED = 300  # addresses; more hosts of one network have one each


class _Hole(NamedTuple):
    """Where an identity value was; values that are the same have the same number."""

    kind: str
    number: int
    around: str = ""

    def __repr__(self) -> str:
        return f"<{self.kind} {self.number} {self.around}>"  # without the quotes that every text has


class Values(NamedTuple):
    """The plain values of a host's `node_` variables, and what in them is secret."""

    plain: dict[str, object]
    secrecy: dict[str, object]


class Plain:
    """Variables -> plain values. What hosts have from one place is looked at once."""

    def __init__(self) -> None:
        # By the id of a variable, which stays its own because the variable is kept.
        self._shared: dict[int, tuple[Variable, object, object]] = {}

    def of(self, entry: HostEntry, names: Collection[str] | None = None) -> Values:
        """All `node_` variables of a host, or those with these names."""
        found = Values({}, {})
        for name, variable in entry.variables.items():
            if is_claimed(name) if names is None else name in names:
                _, found.plain[name], secrecy = self._shared.get(id(variable)) or self._read(variable)
                if secrecy is not None:
                    found.secrecy[name] = secrecy
        return found

    def _read(self, variable: Variable) -> tuple[Variable, object, object]:
        node = variable.node
        read = (variable, plain(node), _secret_parts(node) if holds_secret(node) else None)
        # An expression has a value for each host, which is a variable of its own.
        if variable.is_shared and not node.literal:
            self._shared[id(variable)] = read
        return read


def shape(entry: HostEntry, read: Values) -> Shape | None:
    """The shape of a host with these variables, None where one of its values is a part of what it shares."""
    data = read.plain
    identity = _Identity(data)
    numbers: dict[str, int] = {}

    def put(kind: str, value: Any) -> object:
        own = identity.own(kind, value)
        return value if own is None else _Hole(kind, numbers.setdefault(own.text, len(numbers)), own.around)

    name = put("name", entry.name)
    # What is not in the texts of a host is not a part of its shape.
    secrecy = {variable: found for variable, found in read.secrecy.items() if variable != BMC}
    shared = {variable: value for variable, value in _replaced(data, put).items() if variable != BMC}
    try:
        key = repr((name, shared, secrecy))
    except ValueError:  # a number with so many digits that Python does not print it
        return None
    values = tuple(numbers)
    if not isinstance(name, _Hole) or any(value in key for value in values):
        return None
    # An address that hosts share can be in the network of one and outside that of another.
    related = [relation(one, identity.networks) for one in _shared_addresses(key)] if identity.networks else []
    return Shape(f"{key} {related}" if any(related) else key, values)


_shared_addresses = functools.lru_cache(maxsize=1024)(addresses_in)


def stand_in(host: Host) -> tuple[Host, tuple[str, ...]] | None:
    """A host of the same shape that does not exist, and its values, which are nowhere else.

    None if there can be none: in a network without an address that is left.
    """
    assert host.shape
    data = Plain().of(host.entry).plain
    identity = _Identity(data)
    others: dict[str, str] = {}

    def put(kind: str, value: Any) -> object:
        own = identity.own(kind, value)
        if own is None:
            return value
        if own.text not in others:
            taken = (*host.shape.values, *others.values()) if host.shape else ()
            others[own.text] = identity.other(kind, own.text, len(others), lambda one: one in taken or one in key)
        return others[own.text] + value[len(own.text) :]

    key = host.shape.key
    name = put("name", host.name)
    try:
        settings = settings_of(_replaced(data, put))
    except ValidationError:
        return None
    return Host(str(name), settings, host.entry), tuple(others[value] for value in host.shape.values)


class _Own(NamedTuple):
    """An identity value as it is printed, and what around it is a part of the shape."""

    text: str
    around: str = ""


class _Identity:
    """The values of a host that are its own; `networks` are those of its addresses."""

    def __init__(self, data: Mapping[str, object]) -> None:
        found: dict[Network, None] = {}
        interfaces = data.get(f"{PREFIX}network")
        for one in interfaces if isinstance(interfaces, list) else (interfaces,):
            for key in ("ipv4", "ipv6"):
                text = one.get(key) if isinstance(one, dict) else None
                parsed = interface(text) if isinstance(text, str) else None
                if parsed:
                    found[parsed[1]] = None
        self.networks = tuple(found)

    def own(self, kind: str, value: Any) -> _Own | None:
        """A value as one of the host's own; None if it is shared, written in another way, or named like a secret."""
        if not isinstance(value, str):
            return None
        if kind == "interface":
            parsed = interface(value)
            return _Own(parsed[0], f"{value[len(parsed[0]) :]} {self._place(parsed[0])}") if parsed else None
        if kind == "neighbour":
            # A gateway, or a name server in a network of the host's own; others are the same for many networks.
            place = self._place(value)
            return _Own(value, place) if place else None
        if not _WRITTEN[kind].fullmatch(value):
            return None
        if kind == "wwn":
            # The link of a disk has another name for each form.
            return _Own(value, f"{value[:2]} {len(value)}")
        if kind == "name":
            return None if len(value) > _NAME_LONGEST or names_secret(value) else _Own(value)
        if kind == "initiator":
            return None if len(value) > _INITIATOR_LONGEST or may_hold_secret(value) else _Own(value)
        return _Own(value)

    def _place(self, text: str) -> str:
        known = address(text)
        return relation(known, self.networks) if known else ""

    def other(self, kind: str, text: str, number: int, is_taken: Callable[[str], bool]) -> str:
        """Another value in the place of an identity value, one that no host has; `number` keeps them apart."""
        if kind in ("interface", "neighbour"):
            known = address(text)
            assert known
            some = itertools.islice(neighbours(known, self.networks), _NEIGHBOURS_TRIED)
            return next((one for one in some if not is_taken(one)), text)
        if kind == "name":
            return f"no-host-{number}.ksgen.invalid"
        if kind == "mac":
            return f"02:5e:9a:7b:c1:{number:02x}"
        if kind == "serial":
            return f"KSGENDISK{number:03}"
        if kind == "initiator":
            return f"iqn.2001-04.invalid.ksgen:no-initiator-{number}"
        prefix = "0x" if text.startswith("0x") else "eui."
        return prefix + f"5a1e9b7d{number:0{len(text) - len(prefix) - 8}x}"


def _replaced(data: Mapping[str, object], put: _Put) -> dict[str, object]:
    """The variables with other values in the place of those that are a host's own."""
    found = dict(data)
    for key, kind in (
        (f"{PREFIX}mac", "mac"),
        (f"{PREFIX}hostname", "name"),
        (f"{PREFIX}iscsi_initiator", "initiator"),
        (f"{PREFIX}serial", "serial"),
    ):
        if key in found:
            found[key] = put(kind, found[key])
    for key, one in ((f"{PREFIX}disk", _disk), (f"{PREFIX}network", _interface)):
        value = found.get(key)
        if isinstance(value, list):
            found[key] = [one(item, put) for item in value]
        elif value is not None:
            found[key] = one(value, put)
    return found


def _disk(disk: object, put: _Put) -> object:
    if not isinstance(disk, dict):
        return disk
    return {key: put(key, value) if key in ("wwn", "serial") else value for key, value in disk.items()}


def _interface(interface: object, put: _Put) -> object:
    if not isinstance(interface, dict):
        return interface
    found = dict(interface)
    for key, value in interface.items():
        if key in ("ipv4", "ipv6"):
            found[key] = put("interface", value)
        elif key in ("gateway4", "gateway6"):
            found[key] = put("neighbour", value)
        elif key == "dns" and isinstance(value, list):
            found[key] = [put("neighbour", one) for one in value]
        elif key == "routes" and isinstance(value, list):
            found[key] = [_route(one, put) for one in value]
        elif key == "mac":
            found[key] = put("mac", value)
        elif key in ("bond", "bridge", "vlan") and isinstance(value, dict):
            found[key] = {name: _lower(below, put) for name, below in value.items()}
    return found


def _route(route: object, put: _Put) -> object:
    if not isinstance(route, dict):
        return route
    return {key: put("neighbour", value) if key == "via" else value for key, value in route.items()}


def _lower(value: object, put: _Put) -> object:
    """The members of a bond or bridge, or the parent of a VLAN, of which those given by MAC address are replaced."""
    if isinstance(value, list):
        return [put("mac", one) for one in value]
    return put("mac", value)


def _secret_parts(node: Node) -> object:
    """What of a value is secret."""
    value = node.value
    if isinstance(value, Mapping):
        return {key: _secret_parts(child) for key, child in value.items()}
    if isinstance(value, tuple):
        return [_secret_parts(child) for child in value]
    return (node.is_secret, node.secrets)
