# SPDX-License-Identifier: GPL-2.0-or-later
"""Disks of machines in QEMU: sparse files, with the identity that udev shows for them in the machine."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

_BLOCK = 512  # bytes; the unit of st_blocks
_DEVICES = {"virtio": "virtio-blk-pci", "scsi": "scsi-hd", "sata": "ide-hd", "nvme": "nvme", "usb": "usb-storage"}
_CONTROLLERS = {"scsi": "virtio-scsi-pci,id=disks", "usb": "qemu-xhci"}


@dataclasses.dataclass(frozen=True)
class Disk:
    """A disk, in a sparse file that is made when it is not there. `size` is bytes.

    `bus` is virtio, scsi, sata, nvme or usb. SCSI and SATA disks have a `wwn` (`0x` and 16 digits) and a `model`. Only
    a SCSI disk has several `paths`, and only a SATA disk a `port`, from 1, of the controller that the machine q35 has
    at 00:1f.2. `more` are further properties of QEMU's device.
    """

    file: Path
    size: int
    bus: str = "virtio"
    serial: str | None = None
    wwn: str | None = None
    model: str | None = None
    paths: int = 1
    port: int | None = None
    is_read_only: bool = False
    more: tuple[str, ...] = ()


def make(disk: Disk) -> None:
    """Make the file of a disk, unless it is there."""
    if not disk.file.exists():
        with disk.file.open("wb") as file:
            file.truncate(disk.size)


def device_names(disks: Sequence[Disk]) -> set[str]:
    """The devices of QEMU that these disks are."""
    names = {_DEVICES[disk.bus] for disk in disks}
    return names | {_CONTROLLERS[disk.bus].partition(",")[0] for disk in disks if disk.bus in _CONTROLLERS}


def arguments(disks: Sequence[Disk]) -> list[str]:
    """QEMU's arguments for disks."""
    buses = [disk.bus for disk in disks]
    command = [word for bus, device in _CONTROLLERS.items() if bus in buses for word in ("-device", device)]
    place = 0
    for number, disk in enumerate(disks):
        for path in range(disk.paths):
            drive = f"disk{number}-{path}"
            options = f"if=none,id={drive},file={disk.file},format=raw,cache=unsafe,discard=unmap,detect-zeroes=unmap"
            options += ",file.locking=off" if disk.paths > 1 else ""
            options += ",readonly=on" if disk.is_read_only else ""
            command += ["-drive", options]
            for device in _devices(disk, drive, number, place):
                command += ["-device", ",".join(device)]
            place += 1
    return command


def _devices(disk: Disk, drive: str, number: int, place: int) -> Iterator[list[str]]:
    serial = disk.serial or (f"nvme-{number}" if disk.bus == "nvme" else None)
    named = [f"serial={serial}"] if serial else []
    yield [_DEVICES[disk.bus], f"drive={drive}", *named, *_properties(disk, place), *disk.more]


def _properties(disk: Disk, place: int) -> Iterator[str]:
    if disk.bus == "scsi":
        yield f"bus=disks.0,scsi-id={place}"
        yield from [f"wwn={disk.wwn}"] if disk.wwn else []
        yield from [f"product={disk.model}"] if disk.model else []
        yield from ["share-rw=on"] if disk.paths > 1 else []
    elif disk.bus == "sata":
        yield from [f"bus=ide.{disk.port - 1}"] if disk.port else []
        yield from [f"wwn={disk.wwn}"] if disk.wwn else []
        yield from [f"model={disk.model}"] if disk.model else []


def digest(file: Path) -> str:
    """Of all bytes of a disk that are not zero, with their places: the holes of a sparse file are zeros too."""
    total, block = hashlib.sha256(), 2**16
    with file.open("rb") as opened:
        end, place = opened.seek(0, os.SEEK_END), 0
        while place < end:
            try:
                place = os.lseek(opened.fileno(), place, os.SEEK_DATA) // block * block
            except OSError:
                break
            data = os.pread(opened.fileno(), block, place)
            if data.strip(b"\0"):
                total.update(place.to_bytes(8, "big") + data)
            place += block
    return total.hexdigest()


def allocated(file: Path) -> int:
    """The bytes that a sparse file takes."""
    return file.stat().st_blocks * _BLOCK
