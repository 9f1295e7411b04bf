# SPDX-License-Identifier: GPL-2.0-or-later
"""Local disks that the installation leaves alone, and multipath too: bricks, local storage domains."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from ksgen.variables.values import a_text, refuse, refuse_repeated, shown

# As node_disk has them, and as multipath does: NAA names with the digit 3 of their page, and otherwise ID_SERIAL.
_WWN = re.compile(r"(?:0x|naa\.|wwn-0x|3)([0-9a-f]{16}(?:[0-9a-f]{16})?)")
_OTHER = re.compile(r"(?:(?:eui|nvme|uuid)\.[0-9A-Za-z._-]{8,128}|[A-Za-z0-9][A-Za-z0-9_.:+-]{5,127})")
_KERNEL_NAME = re.compile(r"(?:/dev/.*|(?:sd|vd|hd|nvme|dm-)[a-z0-9]*)")


def local_disk(value: object) -> str:
    """The WWID of a disk as multipath has it, whichever way it is written."""
    text = a_text(value, '"0x5000c500a1b2c3d4"')
    found = _WWN.fullmatch(text.lower())
    if found:
        return "3" + found.group(1)
    if not _OTHER.fullmatch(text) or _KERNEL_NAME.fullmatch(text):
        hint = "its WWN in quotes as `lsblk -o NAME,WWN` prints it, or ID_SERIAL of `udevadm info` for an ATA disk"
        refuse("local-disk", f"{shown(text)} is not the WWID of a disk", hint)
    return text


def _once(wwids: list[str]) -> list[str]:
    return refuse_repeated("local-disk-twice", wwids)


LocalDisks = Annotated[list[Annotated[str, BeforeValidator(local_disk)]], AfterValidator(_once)]
