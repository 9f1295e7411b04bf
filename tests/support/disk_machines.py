# SPDX-License-Identifier: GPL-2.0-or-later
"""Machines whose disks were recorded: what is plugged in, what is on it, and what an inventory wants of them.

tests/support/record_disks.py makes them in virtual machines and writes what it saw to tests/data/disks.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).parents[1] / "data" / "disks"
GIB = 2**30


@dataclasses.dataclass(frozen=True)
class Plugged:
    """A disk: its QEMU device with what identifies it; `paths` times, with `is_absent` only while it is filled."""

    device: str
    size: int = 64 * GIB
    paths: int = 1
    is_read_only: bool = False
    is_absent: bool = False
    bytes: Callable[[int], dict[int, bytes]] | None = None


@dataclasses.dataclass(frozen=True)
class Machine:
    """`fill` puts on the disks, $1 and $2, what is on them; `start` runs when they are seen again, in another boot."""

    name: str
    disks: tuple[Plugged, ...]
    wanted: dict[str, dict[str, Any]]
    fill: str = ""
    start: str = ""


def scsi(number: int, more: str = "", **keywords: Any) -> Plugged:
    """A disk whose WWN and serial number end in its number."""
    return Plugged(f"scsi-hd,wwn=0x5000c500a1b2c30{number},serial=S3EVNX0K00{number}{more}", **keywords)


_ANY = {"wwn": None, "serial": None, "path": None, "model": None, "smallest": None, "largest": None}


def want(*disks: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What the resolver reads, as JSON has it."""
    plain = {"version": 3, "group": "onn", "reinstall": False, "multipath": False, "addon": "none"}
    plain |= {"erase": [], "keep": []}
    return {**plain, "disks": [{**_ANY, **disk} for disk in disks], **more}


def wwn(number: int, **more: Any) -> dict[str, Any]:
    return {"wwn": f"0x5000c500a1b2c30{number}", **more}


FIRST = {"first": want(wwn(1))}
PAIR = {"first": want(wwn(1)), "pair": want(wwn(1), wwn(2))}
MIRROR = (
    "mdadm -q --create /dev/md/data --run --assume-clean --level=1 --raid-devices=2 $1 $2; mkfs.xfs -q /dev/md/data"
)
DOMAIN = "2f6dbb18-3f4c-4b73-9a5d-0f2b8a1c9d3e"
PARTITION = "printf 'label: gpt\\n,,L\\n' | sfdisk -q $1 && udevadm settle\n"


def zfs_label(size: int) -> dict[int, bytes]:
    """Two labels with the uberblocks that blkid counts; the nvlist is left out."""
    uberblock = struct.pack("<QQQQQ", 0x00BAB10C, 5000, 4, 0, 1700000000)
    return {label + (128 << 10) + n * 1024: uberblock for label in (0, 256 << 10) for n in range(8)}


def bluestore(size: int) -> dict[int, bytes]:
    return {0: b"bluestore block device\n6c9a2f1e-0d4b-4a0f-9c1d-5a6f0d9d7b11\n"}


def iso9660(size: int) -> dict[int, bytes]:
    return {0x8000: b"\x01CD001\x01\x00" + b" " * 32 + b"OVIRT-NODE".ljust(32), 0x8800: b"\xffCD001\x01"}


def intel_raid(size: int) -> dict[int, bytes]:
    return {size - 1024: b"Intel Raid ISM Cfg Sig. 1.3.00"}


def oracle_asm(size: int) -> dict[int, bytes]:
    return {32: b"ORCLDISKDATA1".ljust(32, b"\0")}


def lvm1(size: int) -> dict[int, bytes]:
    return {0: b"HM\x01\0" + b"\0" * 40 + b"a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6"}


def erased(*words: str) -> dict[str, dict[str, Any]]:
    """Refused first; then installed, since node_erase has these words."""
    return {**FIRST, "erase": want(wwn(1), erase=list(words))}


# A disk with a node on it.
NODE = (
    PARTITION + "vgcreate -q --addtag imgbased:vg onn ${1}1\n"
    "lvcreate -q -T -L 20g --poolmetadatasize 64m onn/pool00; lvchange -q --addtag imgbased:pool onn/pool00\n"
    "for v in root node-4.5.6-1 node-4.5.6-1+1; do lvcreate -q -T -V 10g -n $v onn/pool00; done\n"
    "lvchange -q --addtag imgbased:init onn/root; lvchange -q --addtag imgbased:layer onn/node-4.5.6-1\n"
    "lvchange -q --addtag imgbased:layer onn/node-4.5.6-1+1; lvcreate -q -n swap -L 1g onn\n"
    "mkswap -q /dev/onn/swap"
)
MACHINES = (
    Machine(
        "one-disk",
        (scsi(1, ",product=ST480FP0021"),),
        {
            "serial-wrong": want({"serial": "S3EVNX0K009"}),
            "serial-of-another": want(wwn(1, serial="S3EVNX0K009")),
            "model-wrong": want(wwn(1, model="INTEL SSDSC2BB48")),
            "path-wrong": want({"path": "/dev/disk/by-path/pci-0000:00:1f.2-ata-1"}),
            "too-small": want(wwn(1, smallest=120 * GIB)),
            "too-large": want(wwn(1, smallest=10 * GIB, largest=60 * GIB)),
            "not-that-size": want(wwn(1, smallest=120 * GIB, largest=120 * GIB)),
            "multipath": want({"serial": "S3EVNX0K009"}, multipath=True),
            "by-path": want({"path": "/dev/disk/by-path/pci-0000:00:03.0-scsi-0:0:1:0"}),
            "by-serial-and-model": want({"serial": "S3EVNX0K001", "model": "ST480FP0021"}),
            "first": want(wwn(1, smallest=60 * GIB, largest=70 * GIB)),
        },
    ),
    Machine("no-disk", (), FIRST),
    Machine(
        "two-equal",
        (scsi(1, ",serial=0123456789"), scsi(2, ",serial=0123456789")),
        {
            "either": want({"serial": "0123456789"}),
            "twice": want(wwn(1), {"path": "/dev/disk/by-id/wwn-0x5000c500a1b2c301"}),
            **PAIR,
        },
    ),
    Machine(
        "sizes-differ",
        (scsi(1, ",serial=0123456789", size=32 * GIB), scsi(2, ",serial=0123456789")),
        {"larger": want({"serial": "0123456789", "smallest": 60 * GIB, "largest": 70 * GIB})},
    ),
    Machine(
        "nvme",
        (Plugged("nvme-ns,eui64=0x0025385b71b02841"), scsi(2)),
        # The kernel does not believe QEMU's EUI (NVME_QUIRK_BOGUS_NID), and makes a WWID of what else it knows.
        {
            "eui": want({"wwn": "eui.0025385b71b02841"}),
            "wwid": want({"wwn": "nvme.1b36-6e766d652d30-51454d55204e564d65204374726c-00000001"}),
        },
        start="modprobe nvme; sleep 2",
    ),
    Machine(
        "virtio",
        (Plugged("virtio-blk-pci,serial=vm-disk-1"), Plugged("virtio-blk-pci,serial=vm-disk-2")),
        {
            "multipath": want({"serial": "vm-disk-1"}, multipath=True),
            "serial": want({"serial": "vm-disk-2"}),
        },
    ),
    Machine(
        "usb-stick",
        (Plugged("usb-storage,id=stick,serial=4C530001,removable=on"), scsi(1)),
        {"stick": want({"serial": "4C530001"})},
        start="modprobe -a xhci-pci usb-storage; sleep 5",
    ),
    Machine("removable", (scsi(1, ",removable=on"),), FIRST),
    Machine("read-only", (scsi(1, is_read_only=True),), FIRST),
    Machine(
        "multipath",
        (scsi(1, paths=2), scsi(2)),
        {"not-asked-for": want(wwn(1)), "asked-for": want(wwn(1), multipath=True)},
        start="modprobe -a dm-multipath dm-service-time dm-round-robin",
    ),
    Machine(
        "old-system",
        (scsi(1), scsi(2)),
        FIRST,
        fill="printf 'label: gpt\\n,1G,L\\n,,L\\n' | sfdisk -q $1; udevadm settle; mkfs.ext4 -q ${1}1\n"
        "vgcreate -q system ${1}2; lvcreate -q -n root -L 4g system; lvcreate -q -n swap -L 1g system\n"
        "mkfs.xfs -q /dev/system/root; mkswap -q /dev/system/swap; vgcreate -q spare $2",
        start="vgchange -q -ay system; udevadm settle; swapon /dev/system/swap",
    ),
    Machine(
        "storage-domain",
        (scsi(1),),
        {"first": want(wwn(1)), "reinstall": want(wwn(1), reinstall=True)},
        fill=f"vgcreate -q {DOMAIN} $1; vgchange -q --addtag RHAT_storage_domain --addtag MDT_CLASS=Data {DOMAIN}\n"
        f"vgchange -q --addtag MDT_TYPE=FCP {DOMAIN}; for v in metadata ids inbox outbox leases master xleases\n"
        f"do lvcreate -q -an -Zn -n $v -L 128m {DOMAIN}; done",
    ),
    Machine("domain-untagged", (scsi(1),), FIRST, fill="vgcreate -q 91c4a7d2-5e0b-4f68-b1a3-7d9e2c5f8046 $1"),
    Machine(
        "file-domain",
        (scsi(1),),
        FIRST,
        fill=PARTITION + "mkfs.ext4 -q ${1}1; mount ${1}1 /mnt\n"
        "mkdir -p /mnt/data/7d0e4f5a-9a3c-4c25-8f6b-1f2e3d4c5b6a/dom_md; umount /mnt",
    ),
    Machine(
        "group-across",
        (scsi(1), scsi(2)),
        PAIR,
        fill="vgcreate -q data $1 $2; lvcreate -q -n all -l 100%FREE data; mkfs.xfs -q /dev/data/all",
        start="vgchange -q -ay data",
    ),
    Machine(
        "group-missing",
        (scsi(1), scsi(2, is_absent=True)),
        FIRST,
        fill="vgcreate -q lost $1 $2; lvcreate -q -an -Zn -n all -l 100%FREE lost",
    ),
    Machine(
        "copied-volume",
        (scsi(1), scsi(2)),
        {"first": want(wwn(1)), "second": want(wwn(2)), "pair": want(wwn(1), wwn(2))},
        fill=f"vgcreate -q {DOMAIN} $1; vgchange -q --addtag RHAT_storage_domain {DOMAIN}\n"
        "dd if=$1 of=$2 bs=1M count=4 conv=notrunc,fsync",
    ),
    Machine(
        "mirror",
        (scsi(1, size=4 * GIB), scsi(2, size=4 * GIB)),
        PAIR,
        fill=MIRROR,
    ),
    Machine(
        "half-mirror",
        (scsi(1, size=4 * GIB), scsi(2, size=4 * GIB, is_absent=True)),
        FIRST,
        fill=MIRROR,
        start="mdadm --run /dev/md127",
    ),
    Machine(
        "half-stripe",
        (scsi(1, size=4 * GIB), scsi(2, size=4 * GIB, is_absent=True)),
        FIRST,
        fill="mdadm -q --create /dev/md/data --run --level=0 --raid-devices=2 $1 $2",
    ),
    Machine(
        "node",
        (scsi(1),),
        {"first": want(wwn(1)), "reinstall": want(wwn(1), reinstall=True)},
        fill=NODE,
        start="vgchange -q -ay onn",
    ),
    Machine(
        "node-beside",
        (scsi(1), scsi(2)),
        {"same-name": want(wwn(1), group="onn"), "other-name": want(wwn(1), group="onn2")},
        fill='set -- "$2"; ' + NODE,
        start="vgchange -q -ay onn",
    ),
    Machine("zfs", (scsi(1, bytes=zfs_label),), FIRST),
    Machine(
        "zfs-partition",
        (scsi(1),),
        FIRST,
        fill="printf 'label: gpt\\n,,6A898CC3-1DD2-11B2-99A6-080020736631\\n' | sfdisk -q $1",
    ),
    Machine("ceph", (scsi(1, bytes=bluestore),), FIRST),
    Machine(
        "ceph-volume",
        (scsi(1),),
        FIRST,
        fill="vgcreate -q ceph-3d7e0b4f-9f3c-4a4e-8f2d-2c1b0a9f8e7d $1; "
        "lvcreate -q -an -Zn --addtag ceph.osd_id=3 -n osd-block-1 -l 100%FREE $(vgs --noheadings -o vg_name)",
    ),
    Machine(
        "ceph-disk",
        (scsi(1),),
        FIRST,
        fill="printf 'label: gpt\\n,,4FBD7E29-9D25-41B8-AFD0-062C0CEFF05D\\n' | sfdisk -q $1",
    ),
    Machine(
        "gluster-volume",
        (scsi(1),),
        FIRST,
        fill="vgcreate -q gluster_vg_sdb $1; lvcreate -q -an -Zn -n gluster_lv_engine -L 10g gluster_vg_sdb",
    ),
    Machine(
        "gluster-brick",
        (scsi(1),),
        FIRST,
        fill="mkfs.xfs -q $1; mount $1 /mnt; mkdir -p /mnt/engine/.glusterfs; umount /mnt",
    ),
    Machine("iso", (scsi(1, bytes=iso9660),), FIRST),
    Machine(
        "medium",
        (scsi(1),),
        FIRST,
        fill=PARTITION + "mkfs.xfs -q ${1}1",
        start="mkdir -p /run/install/repo; mount -o ro,norecovery ${1}1 /run/install/repo",
    ),
    Machine("firmware-raid", (scsi(1, bytes=intel_raid),), FIRST),
    Machine(
        "mounted", (scsi(1),), FIRST, fill=PARTITION + "mkfs.xfs -q ${1}1", start="mount -o ro,norecovery ${1}1 /mnt"
    ),
    Machine("btrfs-across", (scsi(1), scsi(2)), PAIR, fill="modprobe btrfs; mkfs.btrfs -q $1 $2"),
    Machine("oracle-asm", (scsi(1, bytes=oracle_asm),), erased("oracleasm")),
    Machine("lvm1", (scsi(1, bytes=lvm1),), FIRST),
    Machine(
        "deep-brick",
        (scsi(1),),
        FIRST,
        fill="vgcreate -q storage $1; lvcreate -q -n srv -L 8g storage; mkfs.xfs -q /dev/storage/srv\n"
        "mount /dev/storage/srv /mnt; mkdir -p /mnt/srv/gluster/bricks/data/brick/.glusterfs/00/01; umount /mnt",
        start="vgchange -q -ay storage",
    ),
    Machine(
        "deep-domain",
        (scsi(1),),
        {**FIRST, "erase": want(wwn(1), erase=["gluster", "unmountable", "unsearched"])},
        fill=PARTITION + "mkfs.ext4 -q ${1}1; mount ${1}1 /mnt\n"
        "mkdir -p /mnt/data/images/rhev/7d0e4f5a-9a3c-4c25-8f6b-1f2e3d4c5b6a/dom_md; umount /mnt",
    ),
    Machine(
        # The power was cut: neither journal has been replayed.
        "power-cut",
        (scsi(1),),
        FIRST,
        fill="printf 'label: gpt\\n,8G,L\\n,,L\\n' | sfdisk -q $1; udevadm settle\n"
        "mkfs.xfs -q ${1}1; mkfs.ext4 -q ${1}2; mkdir -p /mnt/a /mnt/b; mount ${1}1 /mnt/a; mount ${1}2 /mnt/b\n"
        "for d in /mnt/a /mnt/b; do mkdir -p $d/home/user; cp -r /etc $d/; sync; touch $d/home/user/last\n"
        "xfs_io -F -x -c 'shutdown -f' $d; umount $d; done\n"
        "xfs_logprint -t ${1}1 | head -8; dumpe2fs -h ${1}2 | grep features",
    ),
    Machine(
        "power-cut-domain",
        (scsi(1),),
        FIRST,
        fill="mkfs.xfs -q $1; mount $1 /mnt; mkdir -p /mnt/images/7d0e4f5a-9a3c-4c25-8f6b-1f2e3d4c5b6a/dom_md; sync\n"
        "xfs_freeze -f /mnt; xfs_freeze -u /mnt; touch /mnt/images/last; xfs_io -x -c 'shutdown -f' /mnt; umount /mnt\n"
        "xfs_logprint -t $1 | head -8",
    ),
    Machine(
        "damaged",
        (scsi(1),),
        erased("unmountable"),
        fill="mkfs.ext4 -q $1; sync; dd if=/dev/zero of=$1 bs=4096 seek=1 count=1 conv=notrunc",
    ),
    Machine(
        "inactive-volume",
        (scsi(1),),
        erased("inactive-volumes"),
        fill="vgcreate -q old-group $1; lvcreate -q -n root -L 4g old-group; mkfs.xfs -q /dev/old-group/root\n"
        # Otherwise udev activates it as soon as it sees it.
        "lvcreate -q -T -L 4g old-group/pool; lvcreate -q -T -V 8g -n thin old-group/pool\n"
        "vgchange -q --setautoactivation n old-group",
    ),
    Machine(
        "virtual-disk",
        (scsi(1),),
        erased("virtual-disks"),
        fill="vgcreate -q guests $1; lvcreate -q -n guest1 -L 4g guests\n"
        "printf 'label: gpt\\n,,L\\n' | sfdisk -q /dev/guests/guest1",
        start="vgchange -q -ay guests",
    ),
    Machine(
        "luks",
        (scsi(1),),
        erased("luks"),
        fill=PARTITION + "echo -n pass | cryptsetup -q luksFormat --pbkdf pbkdf2 --pbkdf-force-iterations 1000 ${1}1 -",
        start="echo -n pass | cryptsetup open ${1}1 secret -",
    ),
    Machine(
        "tower",
        (scsi(1, size=4 * GIB), scsi(2, size=4 * GIB), scsi(3)),
        {"pair": want(wwn(1), wwn(2), erase=["luks"])},
        fill="mdadm -q --create /dev/md/tower --run --assume-clean --level=1 --raid-devices=2 $1 $2\n"
        "echo -n pass | cryptsetup -q luksFormat --pbkdf pbkdf2 --pbkdf-force-iterations 1000 /dev/md/tower -\n"
        "echo -n pass | cryptsetup open /dev/md/tower secret -; vgcreate -q inner /dev/mapper/secret\n"
        "lvcreate -q -n swap -L 512m inner; lvcreate -q -n more -L 512m inner; mkswap -q /dev/inner/swap\n"
        "vgcreate -q other $3",
        start="echo -n pass | cryptsetup open /dev/md127 secret -; vgchange -q -ay inner; udevadm settle\n"
        "swapon /dev/inner/swap",
    ),
)
