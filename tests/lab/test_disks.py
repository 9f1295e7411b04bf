# SPDX-License-Identifier: GPL-2.0-or-later
"""The right disk, among disks that are somebody's: what %pre picks, what it says when it stops, what is untouched."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from disk_machines import DOMAIN, MACHINES, MIRROR, bluestore, want, wwn, zfs_label

from lab.kickstart_job import job, node_disk, rendered
from lab.machine import GIB, Disk, Machine, digest, power_cut, run
from lab.root import Kernel
from lab.test_storage import assert_made

pytestmark = pytest.mark.lab

PROGRAM = Path(__file__).resolve().parents[2] / "org_ovirt_node" / "programs" / "disks.py"
_FILL = {machine.name: machine.fill for machine in MACHINES}
SYSTEM = "printf 'label: gpt\\n,1G,L\\n,,L\\n' | sfdisk -q $1; udevadm settle; mkfs.ext4 -q ${1}1\n"
SYSTEM += "vgcreate -q old ${1}2; lvcreate -q -n root -L 4g old; mkfs.xfs -q /dev/old/root"
# What udev does in an installer as soon as it sees a complete group; the lab has no systemd that would run it.
ACTIVATED = '"vgchange -q -aay old || :; udevadm settle"'
# Under its own name nothing could be installed beside it.
OTHER_NODE = _FILL["node"] + "\nvgrename -q onn old-node"
STICK = "4C530001"
MODEL = "ST480FP0021"


FOREIGN = (
    "error: foreign: {0} belongs to {1} in {0}; needed: a disk that no other system uses\n"
    "  cure: correct node_disk; if this is given up, wipe the disk by hand: wipefs -a\n"
    "  to erase it anyway: node_erase: [{2}]"
)


def several(names: str, model: str) -> str:
    return (
        f"error: several-disks: {names} have model {model}; needed: one disk\n"
        "  cure: add to node_disk what tells them apart: wwn, path or size"
    )


@dataclasses.dataclass(frozen=True)
class Lot:
    """The disks of a machine: the first is the node's, the others are not. `fills` put on them what is there.

    The script of a fill finds its disk as $1 and the one after it as $2. `refused` are wishes that stop the
    installation, with what they say: {1} is the name of the first disk, {all} are all names.
    """

    disks: tuple[Disk, ...]
    fills: dict[int, str]
    refused: dict[str, tuple[dict[str, Any], str]]

    def links(self) -> list[str]:
        return [f"/dev/disk/by-id/wwn-{d.wwn}" if d.wwn else "/dev/disk/by-id/usb-*0:0" for d in self.disks]

    def machine(self, kernel: Kernel, vm_root: Path) -> Machine:
        return Machine(kernel=kernel, root=vm_root, disks=self.disks)

    def files(self) -> list[Path]:
        return [disk.file for disk in self.disks]


def scsi(directory: Path, number: int, size: int = 80 * GIB, model: str | None = None) -> Disk:
    file = directory / f"disk{number}.raw"
    return Disk(file, size, "scsi", f"S3EVNX0K00{number}", f"0x5000c500a1b2c30{number}", model)


def shared_storage(directory: Path) -> Lot:
    """An empty disk beside those of a storage server, and a stick."""
    disks = [scsi(directory, number) for number in range(1, 6)]
    for number, made_by in {2: bluestore, 3: zfs_label}.items():
        with disks[number].file.open("wb") as file:
            file.truncate(disks[number].size)
            for place, data in made_by(disks[number].size).items():
                file.seek(place)
                file.write(data)
    stick = Disk(directory / "stick.raw", 8 * GIB, "usb", STICK, more=("removable=on",))
    refused = {
        "storage-domain": (
            want(wwn(2)),
            f"error: storage-domain: the volume group {DOMAIN} on {{2}} is a storage domain of oVirt: tagged "
            "MDT_CLASS=Data and 2 more; needed: a disk without virtual machines on it\n"
            "  cure: correct node_disk; if the domain is given up, destroy it in the engine and wipe the disk there",
        ),
        "ceph": (want(wwn(3)), FOREIGN.format("{3}", "Ceph: ceph_bluestore", "ceph")),
        "zfs": (want(wwn(4)), FOREIGN.format("{4}", "ZFS: zfs_member", "zfs")),
        "gluster": (want(wwn(5)), FOREIGN.format("{5}", "Gluster: engine/.glusterfs", "gluster")),
        "stick": (
            want({"serial": STICK}),
            "error: removable: {6} is removable (USB); needed: a fixed disk\n"
            "  cure: name an internal disk in node_disk",
        ),
        "same-model": (want({"model": "QEMU HARDDISK"}), several("{all}", "QEMU HARDDISK")),
    }
    fills = {1: _FILL["storage-domain"], 4: _FILL["gluster-brick"], 5: "mkfs.vfat $1"}
    return Lot((*disks, stick), fills, refused)


def old_hosts(directory: Path) -> Lot:
    """A disk with an old system beside a mirror, another node, and an empty disk of the same model and size."""
    disks = (
        scsi(directory, 1, model=MODEL),
        scsi(directory, 2, 4 * GIB),
        scsi(directory, 3, 4 * GIB),
        scsi(directory, 4),
        scsi(directory, 5, model=MODEL),
    )
    refused = {
        "half-a-mirror": (
            want(wwn(2)),
            "error: reaches-out: the array data on {2} is also on {3}; needed: nothing that spans other "
            "disks\n  cure: correct node_disk; if the array is given up, remove it by hand",
        ),
        "another-node": (
            want(wwn(4)),
            "error: node-layers: {4} carries a node: volume group old-node, old-node/node-4.5.6-1, "
            "old-node/node-4.5.6-1+1, old-node/pool00, old-node/root; needed: an empty disk\n"
            "  cure: set node_reinstall: true to reinstall it, including all images",
        ),
        "same-model": (want({"model": MODEL}), several("{1}, {5}", MODEL)),
    }
    return Lot(disks, {0: SYSTEM, 1: MIRROR, 3: OTHER_NODE}, refused)


LOTS = [pytest.param(shared_storage, id="shared-storage"), pytest.param(old_hosts, id="old-hosts")]

# Each fill is a job of its own for its disks; what it has put together is taken down before the next.
_FILL_RUN = """\
modprobe -a btrfs raid1 xfs ext4
n=0
while read -r number first second; do
    bash -exc ". ./fill$number" fill "$(readlink -f $first)" "$(readlink -f $second)" || exit
    udevadm settle; umount /mnt; vgchange -q -an; mdadm -q --stop --scan
done <fills
exit 0
"""
_REFUSED_RUN = """\
lsblk -dnro NAME,SERIAL | grep -v ' $' >$OUT/names
for name in *.json; do
    python3 -S disks.py $name 1 1 >$OUT/$name; echo $? >$OUT/$name.status
done
"""


def fill(lot: Lot, machine: Machine) -> None:
    links = [*lot.links(), "/dev/null"]
    lines = "".join(f"{number} {links[number]} {links[number + 1]}\n" for number in lot.fills)
    scripts = {f"fill{number}": f"{text}\n" for number, text in lot.fills.items()}
    result = run(machine, {"run": _FILL_RUN, "fills": lines, **scripts}, timeout=120)
    assert result.status == 0, result.console


def digests(lot: Lot) -> list[str]:
    return [digest(file) for file in lot.files()]


@pytest.mark.parametrize("lot_of", LOTS)
def test_right_disk_or_none(lot_of: Any, vm_root: Path, kernel: Kernel, tmp_path: Path) -> None:
    lot = lot_of(tmp_path)
    machine = lot.machine(kernel, vm_root)
    fill(lot, machine)
    before = digests(lot)

    wishes = {f"{name}.json": json.dumps(wanted) for name, (wanted, _) in lot.refused.items()}
    result = run(machine, {"run": _REFUSED_RUN, "disks.py": PROGRAM, **wishes}, timeout=120)
    named = {serial: name for name, serial in map(str.split, result.text("names").splitlines())}
    names = [named[str(disk.serial)] for disk in lot.disks]
    for name, (_, text) in lot.refused.items():
        said = [line.removeprefix("ovirt-node: ") for line in result.text(f"{name}.json").splitlines()]
        assert result.text(f"{name}.json.status") == "1\n"
        assert said[0] == "the installation stops here; nothing has been written to any disk."
        why = "\n".join(line for line in said if line.startswith(("error", "  cure", "  to erase")))
        assert why == text.format("", *names, all=", ".join(sorted(names)))
    assert digests(lot) == before

    kickstart = rendered(tmp_path, node_disk=node_disk(lot.disks[0]), node_firmware="bios", node_pre=ACTIVATED)
    result = run(machine, job(kickstart), timeout=200)
    assert result.status == 0, result.console
    assert_made(kickstart, result)
    assert digests(lot)[1:] == before[1:]


@pytest.mark.parametrize("number", range(3))
def test_installed_again_after_a_power_cut(number: int, vm_root: Path, kernel: Kernel, tmp_path: Path) -> None:
    """At a moment that LAB_SEED repeats, while disks are looked at, wiped, partitioned or made."""
    moment = power_cut(40, number)
    disks = (scsi(tmp_path, 1), scsi(tmp_path, 2))
    lot = Lot(disks, {0: SYSTEM, 1: _FILL["storage-domain"]}, {})
    machine = lot.machine(kernel, vm_root)
    fill(lot, machine)
    domain = digest(disks[1].file)
    kickstart = rendered(tmp_path, node_disk=node_disk(lot.disks[0]), node_firmware="bios", node_pre=ACTIVATED)
    run(machine, job(kickstart), timeout=200, until="lab: the job begins", more_seconds=moment)
    result = run(machine, job(kickstart), timeout=200)
    assert result.status == 0, result.console
    assert_made(kickstart, result)
    assert digest(disks[1].file) == domain
