# SPDX-License-Identifier: GPL-2.0-or-later
"""The storage commands of rendered kickstarts, executed with blivet on disks, are the layout that was planned."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from ksgen.rehearsal import look
from lab.kickstart_job import Rendered, job, node_disk, rendered
from lab.machine import GIB, MIB, Disk, Machine, Result, allocated, run
from lab.root import Kernel
from org_ovirt_node.layout import BOOT_SPACE_MIN, free_space
from org_ovirt_node.layout.geometry import EXTENT

WWNS = ("0x5000c500a1b2c301", "0x5000c500a1b2c302")
WRITTEN = 300 * MIB
# Written and freed again: what is left of it in the backing file is what discard did not give back.
DISCARD = f"""
dd if=/dev/urandom of=/mnt/sysroot/var/more bs=1M count={WRITTEN // MIB} status=none; sync
lvs --noheadings -o data_percent onn/pool00 >$OUT/full
rm /mnt/sysroot/var/more; sync; fstrim /mnt/sysroot/var; sync
lvs --noheadings -o data_percent onn/pool00 >$OUT/after
"""

# QEMU's `wwn=0x5...` is the kernel's WWID 35...: NAA, and 5 for "IEEE registered".
MAP = f"readlink -e /dev/disk/by-node/system0 /dev/disk/by-id/dm-uuid-mpath-3{WWNS[0][2:]} >$OUT/map\n"


@dataclasses.dataclass(frozen=True)
class Case:
    """`more` are the variables of the inventory that make the case."""

    bus: str = "virtio"
    disks: int = 1
    paths: int = 1
    more: tuple[tuple[str, str], ...] = ()

    def kickstart(self, directory: Path) -> Rendered:
        return rendered(directory, node_disk=node_disk(*self._disks(directory)), **dict(self.more))

    def machine(self, kernel: Kernel, vm_root: Path, directory: Path) -> Machine:
        firmware = dict(self.more).get("node_firmware", "uefi")
        return Machine(kernel=kernel, root=vm_root, disks=self._disks(directory), firmware=firmware)

    def _disks(self, directory: Path) -> tuple[Disk, ...]:
        return tuple(
            Disk(
                directory / f"disk{number}.raw",
                80 * GIB,
                bus=self.bus,
                serial=f"lab-{number}",
                wwn=wwn if self.bus == "scsi" else None,
                paths=self.paths,
            )
            for number, wwn in enumerate(WWNS[: self.disks], 1)
        )


# The one that runs in `make test`.
QUICK = "minimal-xfs-uefi-virtio"


def case(name: str, **more: Any) -> Any:
    """`standard-xfs-bios`, and what stands beside it."""
    layout, filesystem, firmware, *_ = name.split("-")
    variables = {
        **({"node_kind": "host"} if layout == "host" else {"node_layout": layout}),
        "node_filesystem": filesystem,
        "node_firmware": firmware,
        **more.pop("more", {}),
    }
    marks = [] if name == QUICK else [pytest.mark.lab]
    return pytest.param(Case(more=tuple(variables.items()), **more), id=name, marks=marks)


MULTIPATH = {"node_multipath": "true"}
CASES = [
    case("standard-xfs-bios-virtio"),
    case("standard-xfs-uefi-scsi", bus="scsi"),
    case("standard-ext4-bios-scsi", bus="scsi"),
    case("standard-ext4-uefi-virtio"),
    case("minimal-xfs-bios-scsi", bus="scsi"),
    case("minimal-xfs-uefi-virtio"),
    case("minimal-ext4-bios-virtio"),
    case("minimal-ext4-uefi-scsi", bus="scsi"),
    case("standard-xfs-uefi-joined", disks=2),
    case("minimal-ext4-bios-joined", bus="scsi", disks=2),
    case("standard-xfs-uefi-multipath", bus="scsi", paths=2, more=MULTIPATH),
    case("minimal-xfs-bios-multipath", bus="scsi", paths=2, more=MULTIPATH),
    case("host-xfs-uefi-scsi", bus="scsi"),
    case("host-ext4-bios-virtio"),
    case("host-xfs-bios-joined", disks=2),
]


@pytest.mark.parametrize("case", CASES)
def test_layout_is_made_as_planned(case: Case, vm_root: Path, kernel: Kernel, tmp_path: Path) -> None:
    kickstart = case.kickstart(tmp_path)
    machine = case.machine(kernel, vm_root, tmp_path)
    is_node = kickstart.host.settings.is_node
    result = run(machine, job(kickstart, DISCARD * is_node + (MAP if case.paths > 1 else "")), timeout=200)
    assert result.status == 0, result.console
    assert_made(kickstart, result)
    assert_mounted(kickstart, result)
    if is_node:
        assert_discarded(kickstart, result, machine)
    if case.paths > 1:
        node, by_uuid = result.text("map").split()
        assert node == by_uuid


_SAYS = "lab: this is the boot loader of the mirror"
# What Anaconda does for a /boot on an array: the boot loader on each of its disks.
LOADER = f"""
boot=/mnt/sysroot/boot
mkdir -p $boot/grub
printf 'serial --unit=0\nterminal_output serial\necho "{_SAYS}"\nsleep 60\n' >$boot/grub/grub.cfg
for disk in /dev/disk/by-node/system*; do
    grub-install --target=i386-pc --boot-directory=$boot $(readlink -f $disk)
done
grub-install --target=x86_64-efi --efi-directory=$boot/efi --boot-directory=$boot --removable --no-nvram
cd /; umount -R /mnt/sysroot; vgchange -q -an; mdadm -q --stop --scan; sync
"""


@pytest.mark.lab
@pytest.mark.parametrize("kind", ["node", "host"])
def test_mirror_starts_from_either_disk(kind: str, vm_root: Path, kernel: Kernel, tmp_path: Path) -> None:
    case = Case(bus="scsi", disks=2, more=(("node_raid", "1"), ("node_kind", kind)))
    kickstart = case.kickstart(tmp_path)
    machine = case.machine(kernel, vm_root, tmp_path)
    result = run(machine, job(kickstart, LOADER), timeout=250)
    assert result.status == 0, result.console
    assert_made(kickstart, result)
    assert_mounted(kickstart, result)
    for disk in machine.disks:
        for firmware in ("bios", "uefi"):
            alone = run(Machine(disks=(disk,), firmware=firmware), timeout=40, until=_SAYS)
            assert alone.has_ended, f"{firmware} from {disk.serial}:\n{alone.console}"


def assert_made(kickstart: Rendered, result: Result) -> None:
    """The devices are the planned ones, to the byte."""
    found, wanted = made(result), planned(kickstart)
    for name in [name for name in wanted if name.startswith("mdarray")]:
        # mdadm chooses anew where the data of a member begin; the volume group is planned with room for that.
        assert abs(found.pop(name) - wanted.pop(name)) <= EXTENT
    assert found == wanted


def planned(kickstart: Rendered) -> dict[str, Any]:
    """What the plan says of each device that outlives the installation."""
    devices = kickstart.host.plan.devices
    sizes: dict[str, Any] = {}
    for device in devices:
        if device.kind == "partition":
            sizes[f"partition {device.filesystem}"] = sorted(
                d.size or 0 for d in devices if d.kind == "partition" and d.filesystem == device.filesystem
            )
        elif device.kind != "disk":
            sizes[f"{device.kind} {device.name}"] = device.size
    group = kickstart.host.plan.one("lvmvg")
    pools = kickstart.host.plan.of_kind("lvmthinpool")
    free = group.reserve if pools else free_space(group, devices)
    return {**sizes, "metadata": sum(pool.metadata_size or 0 for pool in pools), "reserve": free}


_KINDS = {"LVM2_member": "lvmpv", "vfat": "efi", "linux_raid_member": "mdmember"}
_BIOSBOOT = "21686148-6449-6e6f-744e-656564454649"  # GRUB's partition type, where grub-install puts its core


def made(result: Result) -> dict[str, Any]:
    """The same, of what is there."""
    found = json.loads(result.text("found.json"))
    sizes: dict[str, Any] = {}
    for row in found["lsblk"]:
        if row["type"] == "part":
            kind = "biosboot" if row["parttype"] == _BIOSBOOT else _KINDS.get(row["fstype"], row["fstype"])
            sizes.setdefault(f"partition {kind}", []).append(row["size"])
    for values in sizes.values():
        if isinstance(values, list):
            values.sort()
    sizes.update({f"mdarray {name}": size for name, size in found["arrays"].items()})
    (group,) = found["vgs"]
    sizes[f"lvmvg {group['vg_name']}"] = int(group["vg_size"])
    metadata = 0
    for row in found["lvs"]:
        if row["lv_name"].startswith("["):
            continue
        kind = {"thin-pool": "lvmthinpool", "thin": "lvmthinlv", "linear": "lvmlv"}[row["segtype"]]
        sizes[f"{kind} {row['lv_name']}"] = int(row["lv_size"])
        metadata = int(row["lv_metadata_size"] or metadata)
    return {**sizes, "metadata": metadata, "reserve": int(group["vg_free"])}


def assert_mounted(kickstart: Rendered, result: Result) -> None:
    """Each volume where the plan has it, with its file system and options, and /boot as large as imgbase wants it."""
    found = json.loads(result.text("found.json"))
    wanted = look.mounts(kickstart.host)
    mounts = {row["target"].removeprefix("/mnt/sysroot") or "/": row for row in found["mounts"]}
    assert sorted(mounts) == sorted(wanted)
    for path, device in wanted.items():
        row = mounts[path]
        assert row["fstype"] == look.filesystem(device)
        assert ("discard" in row["options"].split(",")) == ("discard" in (device.options or "").split(","))
        if device.kind == "lvmthinlv":
            assert row["source"] == look.mapped("onn", device.name)
    assert found["space"]["/mnt/sysroot/boot"] >= BOOT_SPACE_MIN


def assert_discarded(kickstart: Rendered, result: Result, machine: Machine) -> None:
    pool = kickstart.host.plan.one("lvmthinpool")
    full, after = (float(result.text(name)) for name in ("full", "after"))
    # Percent of the pool; ext4 goes on with its own tables meanwhile.
    assert full - after > 80 * WRITTEN / (pool.size or 0)
    # LVM fills the pool's metadata and its spare with zeros, in a way that allocates them.
    metadata = 2 * (pool.metadata_size or 0)
    assert sum(allocated(disk.file) for disk in machine.disks) < metadata + WRITTEN
