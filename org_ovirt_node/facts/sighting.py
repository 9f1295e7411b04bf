# SPDX-License-Identifier: GPL-2.0-or-later
"""What a machine tells of itself when it is discovered: its facts, and what is around it.

`discovery.py` writes it in the installer, `ksgen serve` keeps it, and `ksgen discovered` and `ksgen adopt` read it.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, Optional

from org_ovirt_node.facts import record
from org_ovirt_node.facts.record import FactsError, Record

FORMAT = "ovirt-node-discovery"
VERSION = 1  # rises whenever a key comes, goes or changes its meaning
# bytes: a machine with a hundred disks of eight paths each has 1.6 MB
LARGEST = 4 * 2**20
TEXT_LONGEST = 256  # characters of a name; 802.1AB allows 255 bytes
NEIGHBOURS_MOST = 256
_MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
# What nics.py asks of a NIC.
_ADDRESS, _OWN_ADDRESS = "/address", "/bonding_slave/perm_hwaddr"
# A number that every JSON reader keeps.
_LARGEST_NUMBER = 2**53 - 1


@dataclasses.dataclass(frozen=True)
class Neighbour:
    """What is at the other end of a NIC's cable, by LLDP (IEEE 802.1AB): the switch and its port."""

    nic: str
    chassis: str = ""
    port: str = ""
    port_description: str = ""
    system: str = ""
    vlan: Optional[int] = None

    def __str__(self) -> str:
        # The identity of some ports is their MAC address, which says nothing to a person.
        is_named = not (self.port_description and _MAC.fullmatch(self.port))
        return " ".join(filter(None, (self.system or self.chassis, self.port if is_named else self.port_description)))


@dataclasses.dataclass(frozen=True)
class Sighting:
    """A machine as it was seen. `booted_from`: the MAC address of the NIC that it booted from, empty if unknown;
    `memory`: bytes; `bmc`: the address of its controller by IPMI, empty if it has none or does not tell."""

    facts: Record
    boot: str = ""
    booted_from: str = ""
    firmware: str = ""
    memory: Optional[int] = None
    processors: Optional[int] = None
    processor: str = ""
    board: Mapping[str, str] = dataclasses.field(default_factory=dict)
    neighbours: tuple[Neighbour, ...] = ()
    bmc: str = ""

    def neighbour(self, nic: str) -> str:
        """What is at the other end of a NIC; empty if nothing was heard."""
        return next((str(each) for each in self.neighbours if each.nic == nic), "")


def addresses(sighting: Sighting) -> tuple[str, ...]:
    """The MAC addresses of a machine's NICs, the one that it booted from first."""
    found: dict[str, str] = {}
    for path, text in sorted(sighting.facts.files.items()):
        nic, own, _ = path.partition(_OWN_ADDRESS)
        # A NIC that is already in a bond shows the bond's address; its own is asked after it.
        if _MAC.fullmatch(text.strip().lower()) and (own or path.endswith(_ADDRESS)):
            found[nic if own else path[: -len(_ADDRESS)]] = text.strip().lower()
    return tuple(sorted(set(found.values()), key=lambda mac: (mac != sighting.booted_from, mac)))


def to_json(sighting: Sighting) -> dict[str, Any]:
    """What `of_json` reads."""
    names = [field.name for field in dataclasses.fields(Sighting) if field.name not in ("facts", "neighbours")]
    return {
        "format": FORMAT,
        "version": VERSION,
        **{name: getattr(sighting, name) for name in names},
        "neighbours": [dataclasses.asdict(each) for each in sighting.neighbours],
        "facts": record.to_json(sighting.facts),
    }


def read(text: str) -> Sighting:
    """A sighting as text. FactsError: with what is not understood in it."""
    return of_json(record.parsed(text))


def is_sighting(data: Any) -> bool:
    """Whether data calls itself one."""
    return isinstance(data, dict) and data.get("format") == FORMAT


def of_json(data: Any) -> Sighting:
    """What `to_json` has made; a newer program may say more. FactsError: with what is not understood in it."""
    if not is_sighting(data):
        raise FactsError(f"not what a discovered machine sends: 'format' is not {FORMAT!r}")
    if data.get("version") != VERSION:
        raise FactsError(f"version {data.get('version')!r} is not {VERSION}")
    board, neighbours = data.get("board", {}), data.get("neighbours", [])
    if not isinstance(board, dict) or not isinstance(neighbours, list) or len(neighbours) > NEIGHBOURS_MOST:
        raise FactsError("'board' is not an object, or 'neighbours' no list that is short enough")
    return Sighting(
        facts=record.of_json(data.get("facts")),
        boot=_text(data, "boot"),
        booted_from=_text(data, "booted_from"),
        firmware=_text(data, "firmware"),
        memory=_number(data, "memory"),
        processors=_number(data, "processors"),
        processor=_text(data, "processor"),
        board={str(name)[:TEXT_LONGEST]: _text(board, name) for name in board},
        neighbours=tuple(map(_neighbour, neighbours)),
        bmc=_text(data, "bmc"),
    )


def _neighbour(data: Any) -> Neighbour:
    if not isinstance(data, dict):
        raise FactsError("a neighbour is not an object")
    return Neighbour(
        nic=_text(data, "nic"),
        chassis=_text(data, "chassis"),
        port=_text(data, "port"),
        port_description=_text(data, "port_description"),
        system=_text(data, "system"),
        vlan=_number(data, "vlan"),
    )


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name, "")
    if not isinstance(value, str):
        raise FactsError(f"{name!r} is not a string")
    return value[:TEXT_LONGEST]


def _number(data: Mapping[str, Any], name: str) -> Optional[int]:
    value = data.get(name)
    if value is not None and (type(value) is not int or not 0 <= value <= _LARGEST_NUMBER):
        raise FactsError(f"{name!r} is not a number from 0")
    return value
