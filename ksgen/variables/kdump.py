# SPDX-License-Identifier: GPL-2.0-or-later
"""The memory that is reserved for the kernel that writes the dump of a crashed one.

The add-on of the installer (com_redhat_kdump) raises less than its minimum silently, and lowers more than the machine
has: its common.py, getMemoryBounds().
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator

from ksgen.variables.values import nearest, parse_size, refuse, shown

_MIB = 2**20
KDUMP_MIN = 160 * _MIB  # x86-64; the add-on has 512 MiB for aarch64
_OFF = "write false, without quotes"


def kdump_memory(value: object) -> Literal["auto"] | int | None:
    """`auto`, a size in bytes, or None for false."""
    if value is False or value is None:
        return None
    if value is True or (isinstance(value, str) and value.lower() in ("true", "yes", "on")):
        refuse("value-unknown", f"{shown(value)} is neither auto nor a size nor false", "write auto")
    if value == "auto":
        return "auto"
    if isinstance(value, str) and not any(map(str.isdigit, value)):
        cure = _OFF if value.lower() in ("false", "no", "off", "none") else nearest(value, ("auto",)) or "write auto"
        refuse("value-unknown", f"{shown(value)} is neither auto nor a size nor false", cure)
    if isinstance(value, int) and value > 0:
        refuse("size-unit", f"{shown(value)} has no unit", f"write the unit: {shown(value)} MiB")
    size = parse_size(value)
    if size == 0:
        refuse("size-zero", "a dump needs memory of its own", "write false, or auto")
    if size < KDUMP_MIN:
        message = f"{shown(value)} is below the minimum of {KDUMP_MIN // _MIB} MiB"
        refuse("kdump-memory", message, "write auto, or 512 MiB for a machine with much memory")
    if size % _MIB:
        refuse("kdump-memory", f"{shown(value)} is not a whole number of MiB", f"write {-(-size // _MIB)} MiB")
    return size


KdumpMemory = Annotated[Literal["auto"] | int | None, BeforeValidator(kdump_memory)]
