# SPDX-License-Identifier: GPL-2.0-or-later
"""What UEFI remembers of its boot order: a card over IPv4, then a disk, as it is set on a real machine.

Left to itself OVMF tries PXE over IPv6 and http over both besides, and waits a minute for an answer to each. Formats:
UEFI specification 2.10, 3.1.3 (load options) and 10.3 (device paths); EDK2's VariableFormat.h (the store).
"""

from __future__ import annotations

import struct
import uuid

_GLOBAL = uuid.UUID("8be4df61-93ca-11d2-aa0d-00e098032b8c").bytes_le  # 3.3
# gEfiAuthenticatedVariableGuid, with which the store begins.
_STORE = uuid.UUID("aaf32c78-947b-439a-a180-2e144ec37792").bytes_le
_STORE_HEADER = 28  # bytes
_NON_VOLATILE_BOOT_RUNTIME = 0x7
_ADDED = 0x3F
_ACTIVE = 0x1
_PCI_ROOT = bytes.fromhex("02010c00d041030a00000000")
_END = bytes.fromhex("7fff0400")


def boot_order(empty: bytes, mac: str, card: int, disk: int) -> bytes:
    """The variables' flash with that order; `card` and `disk` are slots of the first PCI bus."""
    network = struct.pack("<BBH32sB", 3, 11, 37, bytes.fromhex(mac.replace(":", "")), 1)
    ipv4 = struct.pack("<BBH23x", 3, 12, 27)
    variables = (
        _variable("BootOrder", struct.pack("<HH", 0, 1))
        + _variable("Boot0000", _option("network", _pci(card) + network + ipv4))
        + _variable("Boot0001", _option("disk", _pci(disk)))
    )
    at = empty.index(_STORE) + _STORE_HEADER
    assert empty[at : at + len(variables)].strip(b"\xff") == b"", "the store has variables already"
    return empty[:at] + variables + empty[at + len(variables) :]


def _pci(slot: int) -> bytes:
    return _PCI_ROOT + struct.pack("<BBHBB", 1, 1, 6, 0, slot)


def _option(name: str, path: bytes) -> bytes:
    path += _END
    return struct.pack("<IH", _ACTIVE, len(path)) + _text(name) + path


def _variable(name: str, data: bytes) -> bytes:
    header = struct.pack(
        "<HBBIQ16xIII16s",
        0x55AA, _ADDED, 0, _NON_VOLATILE_BOOT_RUNTIME, 0, 0, len(_text(name)), len(data), _GLOBAL,
    )  # fmt: skip
    whole = header + _text(name) + data
    return whole + b"\xff" * (-len(whole) % 4)


def _text(text: str) -> bytes:
    return (text + "\0").encode("utf-16-le")
