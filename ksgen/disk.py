# SPDX-License-Identifier: GPL-2.0-or-later
"""A disk by its identity, and the stable link under which udev shows it."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from ksgen.values import Line, Size, parse_size, refuse

# How much smaller or larger than its name a disk may be: "480 GB" of one maker are not those of another.
NOMINAL_PERCENT = 3

# The forms of ID_WWN in udev's 60-persistent-storage.rules: SCSI and ATA, then NVMe.
_WWN = re.compile(r"(?:0x|naa\.|wwn-0x)([0-9a-f]{16}(?:[0-9a-f]{16})?)|(?:nvme-)?((?:eui|uuid|nvme)\.[0-9a-f-]{8,})")
_KERNEL_NAME = re.compile(r"(/dev/)?(sd[a-z]+|vd[a-z]+|nvme\d+n\d+|dm-\d+|md\d+)(p?\d+)?")
_LINK = re.compile(r"/dev/disk/by-(?:id|path)/[A-Za-z0-9#+.:=@_-]+")
_SERIAL = re.compile(r"[A-Za-z0-9._+-]{4,64}")


def _wwn(value: object) -> str:
    """`0x5000c500a1b2c3d4`, or `eui.…` of an NVMe disk, as `lsblk -o NAME,WWN` prints it."""
    match = _WWN.fullmatch(value.lower()) if isinstance(value, str) else None
    if match is None:
        refuse("disk-wwn", f"{value!r} is not a WWN", "write it in quotes as `lsblk -o NAME,WWN` prints it")
    return f"0x{match.group(1)}" if match.group(1) else str(match.group(2))


def _serial(value: object) -> str:
    if not isinstance(value, str) or not _SERIAL.fullmatch(value):
        cure = "write it in quotes as `lsblk -o NAME,SERIAL` prints it"
        refuse("disk-serial", f"{value!r} is not the serial number of a disk", cure)
    return value


def _path(value: object) -> str:
    """A link below /dev/disk/by-path or by-id; the name alone is one of by-path."""
    cure = "write wwn: or serial:, or a link of /dev/disk/by-path"
    if isinstance(value, str) and _KERNEL_NAME.fullmatch(value):
        refuse("disk-kernel-name", f"{value!r} names another disk after the next boot", cure)
    link = value if isinstance(value, str) and value.startswith("/") else f"/dev/disk/by-path/{value}"
    if not isinstance(value, str) or not _LINK.fullmatch(link) or ".." in link:
        refuse("disk-path", f"{value!r} is not a link to a disk", cure)
    return link


class SizeRange(BaseModel):
    """The sizes that a disk may have, in bytes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    min: Size | None = None
    max: Size | None = None

    @model_validator(mode="after")
    def _is_ordered(self) -> SizeRange:
        if self.min is not None and self.max is not None and self.min > self.max:
            refuse("disk-size-range", "min is larger than max")
        return self


def _size_range(value: object) -> Any:
    """A nominal size stands for what disks of that name really have."""
    if isinstance(value, (dict, SizeRange)):
        return value
    nominal = parse_size(value)
    return SizeRange.model_construct(
        min=nominal * (100 - NOMINAL_PERCENT) // 100, max=nominal * (100 + NOMINAL_PERCENT) // 100
    )


class Disk(BaseModel):
    """A disk, by what is printed on it or where it is plugged in; every key that is given has to be true."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    wwn: Annotated[str, BeforeValidator(_wwn)] | None = None
    serial: Annotated[str, BeforeValidator(_serial)] | None = None
    path: Annotated[str, BeforeValidator(_path)] | None = None
    model: Line | None = None
    size: Annotated[SizeRange, BeforeValidator(_size_range)] | None = Field(default=None)

    @model_validator(mode="after")
    def _names_a_disk(self) -> Disk:
        if not (self.wwn or self.serial or self.path):
            refuse("disk-not-named", "nothing here names one disk", "add wwn:, serial: or path:")
        return self

    @property
    def link(self) -> str:
        """The link, or for a serial number the pattern of links, by which Anaconda finds the disk."""
        if self.wwn and self.wwn.startswith("0x"):
            return f"/dev/disk/by-id/wwn-{self.wwn}"
        if self.wwn:
            return f"/dev/disk/by-id/nvme-{self.wwn}"
        if self.path:
            return self.path
        return f"/dev/disk/by-id/*[-_]{self.serial}"

    @property
    def smallest_size(self) -> int | None:
        """The size it has at least, in bytes, as far as it is known."""
        return self.size.min if self.size else None

    @property
    def identities(self) -> tuple[tuple[str, str], ...]:
        """What no disk of another host can have: (key, value) pairs."""
        return tuple((key, value) for key, value in (("wwn", self.wwn), ("serial", self.serial)) if value)
