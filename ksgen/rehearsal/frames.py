# SPDX-License-Identifier: GPL-2.0-or-later
"""A switch with VLANs and LACP, as a function of frames: what arrives, and what is sent for it. Nothing is read here.

Ports are those of the machine's NICs; each VLAN leads to one interface of this machine. It works without the kernel's
bonding and 802.1Q modules, which not every machine has.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

# IEEE 802.1Q, 9.6; IEEE 802.3, annexes 57A and 57B.
_TAGGED = b"\x81\x00"
_SLOW_PROTOCOLS = b"\x88\x09"
_LACP_ADDRESS = bytes.fromhex("0180c2000002")
_LACP_SUBTYPE = 1
_VLAN_BITS = 0x0FFF
# IEEE 802.1AX-2020, 6.4.2: an LACPDU has the actor's part at 16 and the partner's at 36 of its frame, each behind a
# byte for its kind and one for its length; the collector's follows, and the rest of 110 bytes is zero.
_ACTOR, _PART = slice(18, 36), 18
_ACTOR_TLV, _PARTNER_TLV, _COLLECTOR_TLV = bytes((1, 20)), bytes((2, 20)), bytes((3, 16))
_COLLECTOR_REST = bytes(14)
_LACPDU = 110
# The bits of a state: activity, timeout (short), aggregation, synchronization, collecting, distributing.
_SHORT, _IN_USE = 0x02, 0x3D
_STATE = 14  # of a part
_SYNCHRONIZED = 0x08
_SYSTEM = bytes.fromhex("8000025e00ffff01")  # priority, and an address assigned locally
_KEY = b"\x00\x01"


@dataclasses.dataclass(frozen=True)
class Link:
    """A port. Those of one `bond` are one link; `has_lacp`: only while the machine says so by LACP."""

    bond: str = ""
    has_lacp: bool = False


@dataclasses.dataclass(frozen=True)
class ToPort:
    """A frame for the machine."""

    port: int
    frame: bytes


@dataclasses.dataclass(frozen=True)
class ToVlan:
    """A frame for the interface of a VLAN, without its tag; 0 is that of frames without one."""

    vlan: int
    frame: bytes


class Switch:
    """Learns behind which port an address is, for each VLAN."""

    def __init__(self, links: Sequence[Link]) -> None:
        self._links = links
        self._learned: dict[tuple[int, bytes], int] = {}
        # Ports whose bond the machine has joined.
        self._joined: set[int] = set()

    def from_port(self, port: int, frame: bytes) -> ToPort | ToVlan | None:
        """What becomes of a frame of the machine: an answer, a frame for a VLAN, or nothing."""
        link = self._links[port]
        if frame[12:14] == _SLOW_PROTOCOLS:
            return self._lacp(port, frame) if link.has_lacp else None
        if link.has_lacp and port not in self._joined:
            return None
        vlan, plain = _untagged(frame)
        self._learned[vlan, frame[6:12]] = port
        return ToVlan(vlan, plain)

    def from_vlan(self, vlan: int, frame: bytes) -> Iterator[ToPort]:
        """What becomes of a frame for the machine."""
        tagged = frame if not vlan else frame[:12] + _TAGGED + vlan.to_bytes(2, "big") + frame[12:]
        port = self._learned.get((vlan, frame[:6]))
        if port is not None and self._is_open(port):
            yield ToPort(port, tagged)
            return
        seen = set()
        for number, link in enumerate(self._links):
            if self._is_open(number) and (not link.bond or link.bond not in seen):
                seen.add(link.bond)
                yield ToPort(number, tagged)

    def unplugged(self, port: int) -> None:
        """A port has lost its link."""
        self._joined.discard(port)

    def _is_open(self, port: int) -> bool:
        return not self._links[port].has_lacp or port in self._joined

    def _lacp(self, port: int, frame: bytes) -> ToPort | None:
        """The partner's answer: it agrees with what the machine says, as soon as it says so."""
        theirs = frame[_ACTOR]
        if len(theirs) != _PART or frame[14] != _LACP_SUBTYPE:
            return None
        if theirs[_STATE] & _SYNCHRONIZED:
            self._joined.add(port)
        else:
            self._joined.discard(port)
        own = _SYSTEM + _KEY + b"\x80\x00" + (port + 1).to_bytes(2, "big") + bytes((_IN_USE | _SHORT,)) + bytes(3)
        body = bytes((_LACP_SUBTYPE, 1)) + _ACTOR_TLV + own + _PARTNER_TLV + theirs
        body += _COLLECTOR_TLV + _COLLECTOR_REST
        source = _SYSTEM[2:7] + bytes((port + 2,))
        return ToPort(port, _LACP_ADDRESS + source + _SLOW_PROTOCOLS + body.ljust(_LACPDU, b"\0"))


def _untagged(frame: bytes) -> tuple[int, bytes]:
    if frame[12:14] != _TAGGED:
        return 0, frame
    return int.from_bytes(frame[14:16], "big") & _VLAN_BITS, frame[:12] + frame[16:]
