# SPDX-License-Identifier: GPL-2.0-or-later
"""Addresses and networks as numbers, and how they are related: fast enough for each host of a large site."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Sequence
from typing import NamedTuple

_INTERFACE = re.compile(r"([0-9a-f.:]+)/([1-9][0-9]{0,2})")
_ADDRESSES = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f]*:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*")


class Address(NamedTuple):
    """An IP address: its number, and how many bits it has, 32 or 128."""

    bits: int
    number: int


class Network(NamedTuple):
    """A network: the bits of its addresses, of its prefix, and the number that they begin with."""

    bits: int
    prefix: int
    start: int

    @property
    def below(self) -> int:
        return self.bits - self.prefix

    def holds(self, address: Address) -> bool:
        return address.bits == self.bits and address.number >> self.below == self.start


def address(text: str) -> Address | None:
    """The address that a text is, None if it is none, or is not written as it is printed."""
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    try:
        packed = socket.inet_pton(family, text)
    except (OSError, ValueError):
        return None
    # IPv6 addresses that end like those of IPv4 are printed in more than one way.
    is_usual = socket.inet_ntop(family, packed) == text and not (":" in text and "." in text)
    return Address(8 * len(packed), int.from_bytes(packed, "big")) if is_usual else None


def interface(text: str) -> tuple[str, Network] | None:
    """The address and the network of `10.0.1.11/24`."""
    match = _INTERFACE.fullmatch(text)
    own = address(match[1]) if match else None
    prefix = int(match[2]) if match else 0
    if match is None or own is None or prefix > own.bits:
        return None
    return match[1], Network(own.bits, prefix, own.number >> (own.bits - prefix))


def relation(own: Address, networks: Sequence[Network]) -> str:
    """In which of the networks an address is, and whether it is the first or the last there; "" if in none."""
    found = []
    for number, network in enumerate(networks):
        if network.holds(own):
            rest, last = own.number & ((1 << network.below) - 1), (1 << network.below) - 1
            found.append(f"{number}{'first' if not rest else 'last' if rest == last else ''}")
    return ",".join(found)


def neighbours(own: Address, networks: Sequence[Network]) -> Iterator[str]:
    """Addresses that are related to the networks as this one is, from the end of the smallest one."""
    inside = [network for network in networks if network.holds(own)]
    smallest = max(inside, key=lambda network: network.prefix)
    first = smallest.start << smallest.below
    for number in range(first + (1 << smallest.below) - 1, first, -1):
        if relation(Address(own.bits, number), networks) == relation(own, networks):
            packed = number.to_bytes(own.bits // 8, "big")
            yield socket.inet_ntop(socket.AF_INET6 if own.bits == 128 else socket.AF_INET, packed)


def addresses_in(text: str) -> list[Address]:
    """What in a text may be an address."""
    return [found for one in _ADDRESSES.findall(text) if (found := address(one.lower().strip("."))) is not None]
