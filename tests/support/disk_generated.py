# SPDX-License-Identifier: GPL-2.0-or-later
"""Machines that no lab has, drawn at random: disks, partitions, LVM, RAID, multipath, data of other systems, faults.

What their programs print is consistent where a kernel makes it so, such as that what is on a disk is below it in lsblk;
the rest is as odd as it comes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, NamedTuple

from disk_facts import GIB, Answering, node, signatures
from hypothesis import strategies as st

from ksgen.variables import SizeRange
from org_ovirt_node.programs import disks

SIZES = (8 * GIB, 64 * GIB, 480 * 10**9, 960 * 10**9)
FOREIGN = ("zfs_member", "ceph_bluestore", "VMFS_volume_member", "gfs2", "oracleasm", "bcache", "LVM1_member")
OTHERS = ("swap", "ntfs", "iso9660", "iso9660", "isw_raid_member", "BitLocker", "of_tomorrow", "jbd")
FILESYSTEMS = ("xfs", "ext4", "btrfs")
PARTITION_TYPES = (None, "4fbd7e29-9d25-41b8-afd0-062c0ceff05d", "6a898cc3-1dd2-11b2-99a6-080020736631", "0xfb", "0x83")
GROUPS = ("onn", "system", "data", "2f6dbb18-3f4c-4b73-9a5d-0f2b8a1c9d3e", "gluster_vg", "ceph-1")
GROUP_TAGS = ("", "RHAT_storage_domain,MDT_CLASS=Data", "imgbased:vg", "site")
VOLUME_TAGS = ("", "imgbased:layer", "ceph.osd_id=3")
LOOKS = (
    disks.Look(),
    disks.Look(),
    disks.Look(("data/images/dom_md",)),
    disks.Look((".glusterfs", "engine/.glusterfs")),
    disks.Look(why="mount(2) system call failed: Structure needs cleaning.", word="unmountable"),
    disks.Look(("a/dom_md",), "not all of it was searched within 300 seconds", "unsearched"),
)
IO_ERROR = disks.Output(1, "", "wipefs: error: probing initialization failed: Input/output error\n")
FAULTS: dict[str, disks.Output] = {
    "lsblk": disks.Output(32, "", "lsblk: failed to access sysfs directory\n"),
    "pvs": disks.Output(5, "", "  WARNING: ignoring metadata\n  Failed to read metadata\n"),
    "lvs": disks.Output(0, '{"report": [', ""),
    "mdadm": disks.Output(1, "", "mdadm: No md superblock detected\n"),
}


class Machine(Answering):
    """A machine to which everything can be done: what is done to it succeeds."""

    def __init__(
        self, nodes: Sequence[dict[str, Any]], looks: dict[str, disks.Look], faults: Sequence[str], **more: Any
    ):
        super().__init__(*nodes, **more)
        self.looks, self.faults = looks, faults
        self.files: dict[str, str] = {"/proc/filesystems": "nodev\tproc\n\txfs\n"}

    def run(self, *argv: str) -> disks.Output:
        return FAULTS[argv[0]] if argv[0] in self.faults else super().run(*argv)

    def directories(self, device: str, fstype: str, others: Sequence[str] = ()) -> disks.Look:
        return self.looks.get(device, disks.Look())

    def read(self, path: str) -> str:
        return self.files.get(path, "")

    def write(self, path: str, text: str) -> None:
        self.files[path] = text

    def remove(self, path: str) -> None:
        del self.files[path]

    def resolve(self, link: str) -> str:
        return "/dev/there"

    def say(self, terminal: str, text: str) -> bool:
        return True

    def pause(self, seconds: float) -> None:
        pass


class Case(NamedTuple):
    """A machine as often as it is asked for, and what an inventory requests of it: the arguments of disks.Wanted."""

    machine: Callable[[], Machine]
    wanted: dict[str, Any]


class _Builder:
    """The programs' answers, as the devices of a machine are drawn."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.udev: dict[str, dict[str, str]] = {}
        self.wipefs: dict[str, Any] = {}
        self.mdadm: dict[str, str] = {}
        self.looks: dict[str, disks.Look] = {}
        self.members: dict[str, list[tuple[str, dict[str, Any]]]] = {}
        self.arrays: dict[str, list[tuple[str, dict[str, Any]]]] = {}
        self.count = 0

    def one_of(self, *values: Any) -> Any:
        return self.random.choice(values)

    def rarely(self) -> bool:
        return self.random.random() < 0.1

    def number(self) -> int:
        self.count += 1
        return self.count

    def fill(self, holder: dict[str, Any], depth: int = 0) -> None:
        """Put something on a device; what the kernel makes of it is below it."""
        path = holder["path"]
        kind = self.one_of("nothing", "filesystem", "filesystem", "pv", "pv", "raid", "luks", "foreign", "other")
        if kind == "filesystem":
            fstype = self.one_of(*FILESYSTEMS)
            uuid = self.one_of("7c10e32f", f"uuid-{path}") if fstype == "btrfs" else ""
            self.wipefs[path] = signatures(fstype, uuid=uuid)
            self.looks[path] = self.one_of(*LOOKS)
            holder["mountpoints"] = ["/mnt/x"] if self.rarely() else [None]
        elif kind == "pv" and depth < 2:
            self.wipefs[path] = signatures("LVM2_member", *(["xfs"] if self.rarely() else []))
            if not self.rarely():  # else LVM hides it
                self.members.setdefault(self.one_of(*GROUPS), []).append((path, holder))
        elif kind == "raid" and depth < 1:
            self.wipefs[path] = signatures("linux_raid_member")
            self.arrays.setdefault(self.one_of("1:1:1:1", "2:2:2:2"), []).append((path, holder))
        elif kind == "luks":
            self.wipefs[path] = signatures("crypto_LUKS")
            if depth < 1 and self.one_of(True, False):
                name = f"dm-{self.number()}"
                opened = node(name, "crypt")
                self.udev[name] = {"DM_NAME": f"secret{name}", "DM_UUID": f"CRYPT-LUKS2-{name}"}
                holder.setdefault("children", []).append(opened)
                self.fill(opened, depth + 1)
        elif kind in ("foreign", "other"):
            found = self.one_of(*(FOREIGN if kind == "foreign" else OTHERS))
            self.wipefs[path] = signatures(found)
            if found == "swap" and self.one_of(True, False):
                holder["mountpoints"] = ["[SWAP]"]

    def partitions(self, disk: dict[str, Any]) -> None:
        self.wipefs[disk["path"]] = signatures(self.one_of("gpt", "dos"), *(["LVM2_member"] if self.rarely() else []))
        for number in range(self.one_of(1, 2)):
            name = f"{disk['name']}{number + 1}"
            part = node(name, "part", parttype=self.one_of(*PARTITION_TYPES))
            disk.setdefault("children", []).append(part)
            self.fill(part)

    def assemble_arrays(self) -> None:
        for uuid, members in self.arrays.items():
            level, missing = self.one_of("raid1", "raid0", "raid5"), self.one_of(0, 0, 1)
            said = (
                f"MD_LEVEL={level}\nMD_DEVICES={len(members) + missing}\nMD_NAME=host:data{uuid[0]}\nMD_UUID={uuid}\n"
            )
            self.mdadm.update({path: f"{said}MD_DEV_UUID={n}\n" for n, (path, _) in enumerate(members)})
            if self.one_of(True, True, False):
                running = node(f"md{uuid[0]}", level)
                for _, holder in members:
                    holder.setdefault("children", []).append(running)
                self.fill(running, 1)

    def activate_volumes(self) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
        """The rows of pvs and lvs."""
        physical: list[dict[str, str]] = []
        logical: list[dict[str, str]] = []
        while any(name not in {row["vg_name"] for row in physical} for name in self.members):
            name = next(name for name in self.members if name not in {row["vg_name"] for row in physical})
            uuid, tags, missing = f"u-{name}", self.one_of(*GROUP_TAGS), self.one_of("0", "0", "0", "1")
            members = list(self.members[name])
            for path, _ in members:
                row = {
                    "pv_name": path,
                    "vg_name": name,
                    "vg_uuid": uuid,
                    "vg_tags": tags,
                    "vg_missing_pv_count": missing,
                }
                physical.append(row)
            for number in range(self.one_of(0, 1, 2)):
                volume = f"{self.one_of('root', 'lv-data', 'gluster_lv')}{number}"
                logical.append({"vg_uuid": uuid, "lv_name": volume, "lv_tags": self.one_of(*VOLUME_TAGS)})
                if missing == "0" and self.one_of(True, True, False):
                    kernel = f"dm-{self.number()}"
                    mapper = f"{name.replace('-', '--')}-{volume.replace('-', '--')}"
                    active = node(kernel, "lvm", path=f"/dev/mapper/{mapper}")
                    self.udev[kernel] = {"DM_NAME": mapper, "DM_UUID": f"LVM-{uuid.replace('-', '')}{number}"}
                    for _, holder in members:
                        holder.setdefault("children", []).append(active)
                    self.fill(active, 2)
        return physical, logical


def cases() -> st.SearchStrategy[Case]:
    """Evenly drawn: what is rare, as Hypothesis draws it, would be met far more often than what is usual."""
    return st.builds(_case, st.randoms(use_true_random=True))


def _case(random: Random) -> Case:
    build = _Builder(random)
    luns: list[dict[str, Any]] = []
    roots: list[dict[str, Any]] = []
    for number in range(build.one_of(1, 1, 1, 2, 2, 2, 3, 3, 3, 0)):
        digits = f"5000c500a1b2c30{number + 1}"
        serial = "0123456789" if build.rarely() else f"S3EVNX0K00{number + 1}"
        identity = {"wwn": None if build.rarely() else f"0x{digits}", "serial": serial, "size": build.one_of(*SIZES)}
        more = {"ro": build.rarely(), "rm": build.rarely(), "model": build.one_of("ST480FP0021", "INTEL SSD")}
        paths = build.one_of(1, 1, 1, 1, 1, 2)
        kept = [node(f"sd{chr(97 + len(roots) + n)}", **identity, **more) for n in range(paths)]
        for path in kept:
            place = f"/dev/disk/by-path/pci-0000:00:03.0-scsi-0:0:{path['name']}:0"
            sysfs = f"/devices/{'usb1' if build.rarely() else 'pci0000:00'}/block/{path['name']}"
            build.udev[path["name"]] = {"ID_SERIAL": f"3{digits}", "DEVLINKS": place, "DEVPATH": sysfs}
        first = kept[0]
        build.one_of(build.partitions, build.fill)(first)
        if build.rarely() if paths == 1 else build.one_of(True, False):
            name = f"dm-{build.number()}"
            build.udev[name] = {"DM_NAME": f"mpath{number}", "DM_UUID": f"mpath-3{digits}"}
            mapped = node(name, "mpath", path=f"/dev/mapper/mpath{number}", children=first.pop("children", []))
            for path in kept:
                path["children"] = [mapped]
        elif paths > 1:
            for path in kept[1:]:
                build.wipefs[path["path"]] = build.wipefs.get(first["path"], "")
        if build.rarely():
            build.wipefs.update({path["path"]: IO_ERROR for path in kept})
        roots += kept
        luns.append(first)
    build.assemble_arrays()
    physical, logical = build.activate_volumes()
    faults = [program for program in FAULTS if random.random() < 0.02]
    nodes = json.dumps(roots)  # each run gets devices of its own

    def machine() -> Machine:
        answers = {"udev": build.udev, "wipefs": build.wipefs, "mdadm": build.mdadm, "pvs": physical, "lvs": logical}
        return Machine(json.loads(nodes), build.looks, faults, **answers)

    return Case(machine, _wanted(build, luns))


def _wanted(build: _Builder, luns: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Mostly disks that are there."""
    asked = []
    for lun in build.random.choices(luns, k=build.one_of(1, 1, 2)) if luns else [node("sdz", serial="S0000")]:
        keys = {"wwn": lun["wwn"]} if lun["wwn"] and build.one_of(True, True, False) else {"serial": lun["serial"]}
        if build.rarely():
            keys["serial"] = "S3EVNX0K009"
        if build.rarely():
            keys["model"] = "ST480FP0021"
        if build.one_of(True, False):
            smallest = build.one_of(None, lun["size"] // 2, lun["size"], lun["size"] + 1)
            keys["size"] = SizeRange.model_construct(min=smallest, max=None)
        asked.append(keys)
    return {
        "disk": asked,
        "vg": build.one_of("onn", "hypervisor"),
        "reinstall": build.one_of(True, False),
        "multipath": build.one_of(True, False, False),
        "erase": build.one_of([], [], ["luks", "unmountable"], ["gluster", "ceph", "zfs"], list(disks.ERASABLE)),
        "local_disks": ["35000c500a1b2c301"] if build.rarely() else [],
    }
