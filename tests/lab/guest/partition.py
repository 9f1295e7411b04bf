# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs in a machine of the lab: storage commands of a kickstart, executed with blivet as Anaconda executes them.

Usage: partition.py COMMANDS MOUNTS. Everything is mounted below /mnt/sysroot; MOUNTS tells what and how.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import blivet
from blivet import udev
from blivet.arch import is_efi
from blivet.flags import flags
from blivet.formats import get_format
from blivet.formats.disklabel import DiskLabel
from blivet.partitioning import do_partitioning, grow_lvm
from blivet.size import Size

SYSROOT = Path("/mnt/sysroot")
# Anaconda's reqpart (pyanaconda, modules/storage/platform.py).
REQPART = ("efi", "/boot/efi", 600) if is_efi() else ("biosboot", "", 1)
ESP_OPTIONS = "defaults,uid=0,gid=0,umask=077,shortname=winnt"


def mib(number: int) -> Size:
    return Size(f"{number} MiB")


class Executor:
    """The commands of one kickstart, in Anaconda's order (CustomPartitioningTask)."""

    def __init__(self, commands: dict[str, Any]) -> None:
        self.commands = commands
        self.aliases: dict[str, str] = {}
        self.storage = blivet.Blivet()
        # ignoredisk --only-use: all other disks, and what LVM finds on them, are not there.
        self.storage.exclusive_disks = [name for link in commands["drives"] for name in udev.resolve_glob(link)]
        assert self.storage.exclusive_disks, f"udev knows none of {commands['drives']}"
        self.storage.reset()
        self.disks = [self.find(link) for link in commands["drives"]]

    def find(self, name: str) -> Any:
        device = self.storage.devicetree.resolve_device(self.aliases.get(name, name))
        if device is None:
            # A partition gets its own name when it gets its place; `pv.01` is the one that it was asked for by.
            asked = (d for d in self.storage.devices if getattr(d, "req_name", None) == name)
            device = next(asked, None)
        assert device is not None, f"blivet finds no {name}"
        # As Anaconda does: a path leads to its map.
        return device.children[0] if device.format.type == "multipath_member" else device

    def execute(self) -> None:
        # clearpart --all --initlabel
        for disk in self.disks:
            self.storage.recursive_remove(disk)
            self.storage.initialize_disk(disk)
        if self.commands["reqpart"]:
            kind, mount_point, size = REQPART
            fmt = get_format(kind, mountpoint=mount_point or None, mountopts=ESP_OPTIONS if mount_point else None)
            request = self.storage.new_partition(fmt=fmt, size=mib(size), parents=self.disks[:1])
            self.storage.create_device(request)
        for part in self.commands["part"]:
            self.part(part)
        do_partitioning(self.storage, boot_disk=self.disks[0])
        for raid in self.commands["raid"]:
            self.raid(raid)
        for group in self.commands["volgroup"]:
            self.volgroup(group)
        for volume in self.commands["logvol"]:
            self.logvol(volume)
        grow_lvm(self.storage)
        self.storage.do_it()

    def part(self, data: dict[str, Any]) -> None:
        name, named = data["mountpoint"], {}
        kind, mount_point = data["fstype"], None
        if name.startswith(("raid.", "pv.")):
            kind, named = "mdmember" if name.startswith("raid.") else "lvmpv", {"name": name}
        elif name.startswith("/"):
            mount_point = name
        request = self.storage.new_partition(
            fmt=get_format(kind, mountpoint=mount_point),
            size=mib(data["size"]),
            grow=bool(data["grow"]),
            parents=[self.find(data["disk"])],
            **named,
        )
        self.storage.create_device(request)

    def raid(self, data: dict[str, Any]) -> None:
        name = data["mountpoint"]
        if name.startswith("pv."):
            self.aliases[name] = data["device"]
        members = [self.find(member) for member in data["members"]]
        request = self.storage.new_mdarray(
            fmt=get_format(data["fstype"], mountpoint=name if name.startswith("/") else None),
            name=data["device"],
            level=data["level"],
            parents=members,
            member_devices=len(members),
            total_devices=len(members),
        )
        self.storage.create_device(request)

    def volgroup(self, data: dict[str, Any]) -> None:
        request = self.storage.new_vg(parents=[self.find(name) for name in data["physvols"]], name=data["vgname"])
        self.storage.create_device(request)
        if data["reserved_space"]:
            request.reserved_space = mib(data["reserved_space"])
        elif data["reserved_percent"]:
            request.reserved_percent = data["reserved_percent"]

    def logvol(self, data: dict[str, Any]) -> None:
        mount_point = data["mountpoint"] if data["mountpoint"].startswith("/") else None
        above = f"{data['vgname']}-{data['pool_name']}" if data["thin_volume"] else data["vgname"]
        kind = None if data["thin_pool"] else "swap" if data["mountpoint"] == "swap" else data["fstype"]
        more = {"metadata_size": mib(data["metadata_size"])} if data["thin_pool"] else {}
        options = {"mountopts": data["fsopts"]} if data["fsopts"] else {}
        request = self.storage.new_lv(
            fmt=get_format(kind, mountpoint=mount_point, **options),
            name=data["name"],
            parents=[self.find(above)],
            size=mib(data["size"]),
            thin_pool=bool(data["thin_pool"]),
            thin_volume=bool(data["thin_volume"]),
            grow=bool(data["grow"]),
            **more,
        )
        self.storage.create_device(request)

    def mounts(self) -> list[dict[str, str]]:
        found = [device for device in self.storage.devices if getattr(device.format, "mountpoint", None)]
        return [
            {
                "target": device.format.mountpoint,
                "source": device.path,
                "uuid": device.format.uuid,
                "fstype": device.format.mount_type,
                "options": device.format.options or "defaults",
            }
            for device in sorted(found, key=lambda device: device.format.mountpoint)
        ]


def mount(rows: list[dict[str, str]]) -> None:
    for row in rows:
        target = SYSROOT / row["target"].lstrip("/")
        target.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", row["fstype"], "-o", row["options"], row["source"], target], check=True)


def main() -> None:
    commands, mounts = sys.argv[1:]
    logging.basicConfig(filename="/job/out/blivet.log", level=logging.DEBUG)
    # As Anaconda sets them: maps are called mpatha, and clearpart asked for GPT.
    flags.multipath_friendly_names = True
    DiskLabel.set_default_label_type("gpt")
    executor = Executor(json.loads(Path(commands).read_text()))
    executor.execute()
    rows = executor.mounts()
    Path(mounts).write_text(json.dumps(rows))
    mount(rows)


if __name__ == "__main__":
    main()
