# SPDX-License-Identifier: GPL-2.0-or-later
"""A disk by its identity, and the stable link under which udev shows it."""

from __future__ import annotations

import functools
import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, model_validator

from ksgen.variables.values import STRICT, Line, Size, parse_size, refuse, shown

# How much smaller or larger than its name a disk may be: "480 GB" of one maker are not those of another.
NOMINAL_PERCENT = 3

# The forms of ID_WWN in udev's 60-persistent-storage.rules: SCSI and ATA, then NVMe (the kernel's wwid_show()).
_WWN = re.compile(
    r"(?:0x|naa\.|wwn-0x)([0-9a-f]{16}(?:[0-9a-f]{16})?)"
    r"|(?:nvme-)?(eui\.[0-9a-f]{16}(?:[0-9a-f]{16})?|uuid\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|nvme\.[0-9a-f]{4}-[0-9a-f]+-[0-9a-f]+-[0-9a-f]{8})"
)
# The kernel's Documentation/admin-guide/devices.txt; /dev/mapper has names that an installer does not know yet.
_KERNEL_NAME = re.compile(
    r"(/dev/)?((sd|hd|vd|xvd|dasd)[a-z]+\d*|(nvme\d+n|mmcblk|pmem|nbd)\d+(p\d+)?|(dm-|md|loop|sr|ram)\d+(p\d+)?|mapper/.*)"
)
# udev writes the bus first, `pci-0000:00:1f.2-ata-1`.
_LINK = re.compile(r"/dev/disk/by-(?:id|path)/[A-Za-z0-9]+-[A-Za-z0-9#+.:=@_-]+")
_PARTITION = re.compile(r"-part[0-9]+")
_LINK_OF_WWN = re.compile(r"/dev/disk/by-id/(?:wwn-|nvme-)")
_SERIAL = re.compile(r"[A-Za-z0-9._+-]{4,64}")
# A WWN without its prefix or a digit; and what is not a serial number: a WWN, the name of a link.
_WWN_DIGITS = (16, 32)
_NEARLY_WWN = re.compile(
    r"(?:/dev/disk/by-id/)?(?:wwn-0x|wwn-|0x|naa[.-]?|(?:nvme-)?eui[.-]?)?([0-9a-f]{8,40}|[0-9a-f]{2}(?::[0-9a-f]{2}){7,15})"
)
_PREFIXED_WWN = re.compile(r"(?:0x|wwn-|naa\.|(?:nvme-)?eui\.)[0-9a-f]")
_LINK_NAME = re.compile(r"(?:ata|scsi|nvme|usb|virtio|wwn|dm|md)-.*[_-]")


def _wwn(value: object) -> str:
    """`0x5000c500a1b2c3d4`, or `eui.…` of an NVMe disk, as `lsblk -o NAME,WWN` prints it."""
    match = _WWN.fullmatch(value.lower()) if isinstance(value, str) else None
    if match is None:
        refuse("disk-wwn", _no_wwn(value), _wwn_cure(value))
    digits = match.group(1) or match.group(2).partition(".")[2]
    if not digits.strip("0-"):
        refuse(
            "disk-wwn", f"{shown(value)} is the placeholder of disks without a WWN", "write serial: or path: instead"
        )
    return f"0x{match.group(1)}" if match.group(1) else str(match.group(2))


def _no_wwn(value: object) -> str:
    """What is wrong with it: often digits are missing."""
    match = _NEARLY_WWN.fullmatch(value.lower()) if isinstance(value, str) else None
    digits = len(match.group(1).replace(":", "")) if match else 0
    if digits in (0, *_WWN_DIGITS):
        return f"{shown(value)} is not a WWN"
    return f"{shown(value)} has {digits} hex digits; a WWN has 16 or 32"


def _wwn_cure(value: object) -> str:
    cure = "write it in quotes as `lsblk -o NAME,WWN` prints it"
    if isinstance(value, int) and not isinstance(value, bool) and 2**59 < value < 2**64:
        return f'write it in quotes; as a number it is "0x{value:016x}"'
    match = _NEARLY_WWN.fullmatch(value.lower()) if isinstance(value, str) else None
    if match and isinstance(value, str):
        digits = match.group(1).replace(":", "")
        prefix = "eui." if "eui" in value.lower() else "0x"
        return f'write "{prefix}{digits}"' if len(digits) in _WWN_DIGITS else cure
    return f"{cure}; a serial number is serial:" if _is_serial(value) else cure


def _serial(value: object) -> str:
    cure = "write it in quotes as `lsblk -o NAME,SERIAL` prints it"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        refuse("disk-serial", f"{shown(value)} is a number to YAML", cure)
    if not isinstance(value, str) or not _SERIAL.fullmatch(value):
        refuse("disk-serial", f"{shown(value)} is not the serial number of a disk", cure)
    if _PREFIXED_WWN.match(value.lower()):
        refuse("disk-serial", f"{shown(value)} is a WWN, not a serial number", f'write wwn: "{value}"')
    if _LINK_NAME.match(value):
        link = f"/dev/disk/by-id/{value}"
        refuse("disk-serial", f"{shown(value)} is the name of a link, not a serial number", f"write path: {link}")
    return value


def _is_serial(value: object) -> bool:
    return isinstance(value, str) and value.isalnum() and _SERIAL.fullmatch(value) is not None


def _path(value: object) -> str:
    """A link below /dev/disk/by-path or by-id; the name alone is one of by-path."""
    cure = "write wwn: or serial:, or a link of /dev/disk/by-path"
    if isinstance(value, str) and _KERNEL_NAME.fullmatch(value):
        refuse("disk-kernel-name", f"{shown(value)} is not a stable device name", cure)
    link = value if isinstance(value, str) and value.startswith("/") else f"/dev/disk/by-path/{value}"
    if not isinstance(value, str) or not _LINK.fullmatch(link) or ".." in link:
        refuse("disk-path", f"{shown(value)} is not a link to a disk", cure)
    if _PARTITION.search(link):
        refuse("disk-path", f"{shown(value)} is a partition, not a disk", "leave out '-part' and the number")
    return link


def _not_empty(value: str) -> str:
    if not value.strip():
        refuse("text-empty", "the string is empty", "remove it")
    return value


def node_link(number: int) -> str:
    """The link under which the program disks.py makes a host's disk known, whatever it was found by."""
    return f"/dev/disk/by-node/system{number}"


class SizeRange(BaseModel):
    """The sizes that a disk may have, in bytes."""

    model_config = STRICT

    min: Size | None = None
    max: Size | None = None

    @model_validator(mode="after")
    def _is_ordered(self) -> SizeRange:
        if self.min is not None and self.max is not None and self.min > self.max:
            refuse("disk-size-range", "min is larger than max")
        return self


def _size_range(value: object) -> Any:
    """A nominal size matches the sizes that disks of that name really have."""
    if isinstance(value, (dict, SizeRange)):
        return value
    return _nominal_range(value) if isinstance(value, str) else _sizes_of(parse_size(value))


# Hosts have disks of a few sizes.
@functools.lru_cache(maxsize=256)
def _nominal_range(text: str) -> SizeRange:
    return _sizes_of(parse_size(text))


def _sizes_of(nominal: int) -> SizeRange:
    if nominal == 0:
        refuse("size-zero", "no disk has a size of 0", "remove it, or write a size: 480 GB")
    return SizeRange.model_construct(
        min=nominal * (100 - NOMINAL_PERCENT) // 100, max=nominal * (100 + NOMINAL_PERCENT) // 100
    )


class Disk(BaseModel):
    """A disk, by what is printed on it or where it is plugged in; every key that is given has to be true."""

    model_config = STRICT

    wwn: Annotated[str, BeforeValidator(_wwn)] | None = None
    serial: Annotated[str, BeforeValidator(_serial)] | None = None
    path: Annotated[str, BeforeValidator(_path)] | None = None
    model: Annotated[Line, AfterValidator(_not_empty)] | None = None
    size: Annotated[SizeRange, BeforeValidator(_size_range)] | None = Field(default=None)

    @model_validator(mode="before")
    @classmethod
    def _is_a_mapping(cls, value: Any) -> Any:
        """What is wrong with a path alone is said of it as a path."""
        if isinstance(value, str) and value.strip() == value and value:
            key = "wwn" if _WWN.fullmatch(value.lower()) else "path"
            link = _wwn(value) if key == "wwn" else _path(value)
            refuse("wrong-type", f"{shown(value)} is not a mapping", f"write {{{key}: {shown(link)}}}")
        return value

    @model_validator(mode="after")
    def _names_a_disk(self) -> Disk:
        if not (self.wwn or self.serial or self.path):
            refuse("disk-not-named", "nothing here identifies a single disk", "add wwn:, serial: or path:")
        return self

    @property
    def link(self) -> str:
        """The link that udev gives it, or for a serial number a pattern of links: to be read by people."""
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
        """What no other disk can have: (key, value) pairs. A link by identity counts as what it is made of."""
        is_by_id = self.path is not None and self.path.startswith("/dev/disk/by-id/")
        linked = _LINK_OF_WWN.sub("", self.path) if is_by_id and self.path else None
        found = (("wwn", self.wwn), ("serial", self.serial), ("path", linked if linked != self.wwn else None))
        return tuple((key, value) for key, value in found if value)
