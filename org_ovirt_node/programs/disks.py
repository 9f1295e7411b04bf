# SPDX-License-Identifier: GPL-2.0-or-later
"""Finds the disks of node_disk, and gives them the stable names /dev/disk/by-node/system0, system1 and so on.

Runs in %pre of the installer, standalone: one file, the standard library of Python 3.9. It changes nothing until it has
found every disk, and nothing on them that belongs to another system. Then it deactivates what is active on these disks,
links them, and wipes the metadata of LVM and RAID from them, which would make Anaconda fail. If it stops, the links are
missing, and Anaconda stops before it writes to a disk. Since Anaconda does not show why a %pre failed, the reason is
written to every terminal.
It also stops if the installer lacks the add-on that the kickstart requires: Anaconda itself ignores a section of an
unknown add-on.
Usage: disks.py WANTED [EVERY FOR]
WANTED is a file with the text that `written` makes of a Wanted. The reason is repeated EVERY so many seconds, FOR so
many.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from traceback import format_exc
from typing import Any, Optional

LINK = "/dev/disk/by-node/system"
ADDON = "/usr/share/anaconda/addons/org_ovirt_node"
# Where the reporter of the installation runs (report.py, PLACE).
REPORTS = "/run/ovirt-node-report"
RULES = "/run/udev/rules.d/99-ovirt-node-disks.rules"
REPEAT_EVERY = 30  # seconds
REPEAT_FOR = 900  # seconds: a quarter of an hour to come to the console
SETTLE = 120  # seconds, udevadm's own default
# On a machine with much to do, udev has settled before it made a link of rules that it had just been told to read.
LINK_TRIES, LINK_PAUSE = 3, 2  # times; seconds between them
ATTEMPTS = 3
BETWEEN_ATTEMPTS = 5  # seconds
# A device whose last path is gone may queue what is read from it for ever (dm-mpath, queue_if_no_path); a disk that
# fails takes some minutes.
ANSWER_SECONDS = 300
NO_ANSWER = 1000  # in the place of an exit status

# lsblk's TYPE is the prefix of a device-mapper UUID; RAID arrays are raid0, raid1 and so on.
STACKS = re.compile(r"disk|part|lvm|crypt|mpath|raid\d+|linear|md|dm")
ARRAY = re.compile(r"raid\d+|linear|md")
NOT_DISKS = re.compile(r"(?:zram|ram|nbd|fd|loop|sr|md|dm-)\d")
# multipath.conf(5), uid_attrs: the property of udev that is the WWID.
WWID = ((re.compile(r"sd"), "ID_SERIAL"), (re.compile(r"nvme"), "ID_WWN"), (re.compile(r"dasd"), "ID_UID"))

# vdsm's blockSD.py: STORAGE_UNREADY_DOMAIN_TAG begins with the other; MDT_ are the metadata of versions 2 to 4.
DOMAIN_TAGS = ("RHAT_storage_domain", "MDT_")
NODE_TAG = "imgbased:"
SHOWN = 5  # of the places, or volumes, in a message
PARTITION_TABLES = frozenset({"dos", "gpt"})
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# The words of node_erase. First those of owners: systems whose data no installation may erase unasked.
OWNERS = {
    "aix": "AIX",
    "bcache": "bcache",
    "ceph": "Ceph",
    "drbd": "DRBD",
    "exfs": "HPE EXFS",
    "gfs": "GFS",
    "gfs2": "GFS2",
    "gluster": "Gluster",
    "gpfs": "IBM GPFS",
    "hp-ux": "HP-UX",
    "ldm": "Windows dynamic disks",
    "mpool": "mpool",
    "nss": "Novell Storage Services",
    "ocfs": "OCFS",
    "ocfs2": "OCFS2",
    "oracleasm": "Oracle ASM",
    "refs": "Windows ReFS",
    "scoutfs": "ScoutFS",
    "storage-spaces": "Windows Storage Spaces",
    "stratis": "Stratis",
    "virsto": "VMware Virsto",
    "vmfs": "VMware VMFS",
    "vsan": "VMware vSAN",
    "vxfs": "Veritas VxFS",
    "zfs": "ZFS",
}
# Then those of what cannot be looked into, with the reason: there may be anything in it.
CLOSED = {
    "bitlocker": "it is encrypted with BitLocker",
    "dm-crypt": "it is encrypted with dm-crypt, without a header",
    "dm-integrity": "dm-integrity is layered over the data",
    "dm-snapshot": "it is a snapshot of another device",
    "filevault": "it is encrypted with FileVault",
    "inactive-arrays": "it is an array that is not running",
    "inactive-volumes": "logical volumes of it are not active",
    "journal": "it is the journal of a file system on another device",
    "luks": "it is encrypted with LUKS",
    "lvm1": "the installer does not support LVM1",
    "unknown": "disks.py does not know the signature",
    "unmountable": "the file system cannot be mounted, or not be read to its end",
    "unsearched": "the file system is too large to be searched to its end",
    "vdo": "VDO is layered over the data",
    "virtual-disks": "it is a logical volume with partitions in it, as virtual machines have",
}
ERASABLE = (*OWNERS, *CLOSED)

# What follows from a signature: one of these, or a word of ERASABLE, without which it is refused.
REUSE = "reuse"  # the former contents of an ordinary disk, or nothing by itself
LOOK = "look"  # mounted read-only and searched
LOOK_IF = "look-if"  # the same where the installer's kernel has this file system, else REUSE
ASSEMBLE = "assemble"  # lvm and mdadm say what it is a part of; wiped, or it is put together by itself
FIRMWARE = "firmware"
MEDIUM = "medium"  # refused where a whole disk has it

# Every type of blkid (util-linux 2.43, libblkid/src/superblocks and partitions); wipefs prints the same names.
BLKID_TYPES = {
    # partition tables
    **dict.fromkeys(("atari", "bsd", "dasd", "dos", "gpt", "mac", "minix", "PMBR"), REUSE),
    **dict.fromkeys(("sgi", "solaris", "sun", "ultrix", "unixware"), REUSE),
    "aix": "aix",  # not a table, but the mark of a physical volume of AIX
    # put together
    **dict.fromkeys(("linux_raid_member", "LVM2_member"), ASSEMBLE),
    "bcache": "bcache",
    "ceph_bluestore": "ceph",
    **dict.fromkeys(("drbd", "drbdmanage_control_volume", "drbdproxy_datalog"), "drbd"),
    "stratis": "stratis",
    "LVM1_member": "lvm1",
    "vdo": "vdo",
    "DM_integrity": "dm-integrity",
    "DM_snapshot_cow": "dm-snapshot",
    "DM_verity_hash": REUSE,  # hashes, and no data
    "zfs_member": "zfs",
    "mpool": "mpool",
    **dict.fromkeys(("adaptec_raid_member", "ddf_raid_member", "hpt37x_raid_member", "hpt45x_raid_member"), FIRMWARE),
    **dict.fromkeys(("isw_raid_member", "jmicron_raid_member", "lsi_mega_raid_member"), FIRMWARE),
    **dict.fromkeys(("nvidia_raid_member", "promise_fasttrack_raid_member"), FIRMWARE),
    **dict.fromkeys(("silicon_medley_raid_member", "via_raid_member"), FIRMWARE),
    # encrypted
    "crypto_LUKS": "luks",
    "BitLocker": "bitlocker",
    "cs_fvault2": "filevault",
    # file systems that several machines share
    "gfs": "gfs",
    "gfs2": "gfs2",
    "ocfs": "ocfs",
    "ocfs2": "ocfs2",
    "oracleasm": "oracleasm",
    "vxfs": "vxfs",
    **dict.fromkeys(("scoutfs_data", "scoutfs_meta"), "scoutfs"),
    **dict.fromkeys(("VMFS", "VMFS_volume_member"), "vmfs"),
    "nss": "nss",
    "ReFS": "refs",
    "exfs": "exfs",
    # file systems of one machine
    **dict.fromkeys(("ext2", "ext3", "ext4", "ext4dev", "xfs"), LOOK),
    "btrfs": LOOK_IF,
    **dict.fromkeys(("jbd", "xfs_external_log"), "journal"),
    **dict.fromkeys(("apfs", "bcachefs", "befs", "bfs", "exfat", "f2fs", "hfs", "hfsplus", "hpfs", "jfs"), REUSE),
    **dict.fromkeys(("nilfs2", "ntfs", "reiser4", "reiserfs", "sysv", "udf", "ufs", "vfat", "xenix", "zonefs"), REUSE),
    **dict.fromkeys(("cramfs", "erofs", "romfs", "squashfs", "squashfs3", "ubi", "ubifs"), REUSE),
    "iso9660": MEDIUM,
    **dict.fromkeys(("swap", "swsuspend"), REUSE),
}
# Of these one file system can lie on many disks, all with one UUID.
SPANNING = {"btrfs": "btrfs file system", "bcachefs": "bcachefs file system", "zfs_member": "ZFS pool"}
# Partition types that other machines may be using, whether blkid knows the contents or not: those of ceph-disk (ceph's
# ceph_volume/util/constants.py), of gptfdisk's parttypes.cc, and of util-linux's pt-gpt-partnames.h; 0xfb and 0x42 in
# an MBR.
PARTITION_TYPES = {
    **dict.fromkeys(("4fbd7e29-", "45b0969e-", "cafecafe-", "89c57f98-", "30cd0809-", "5ce17fce-"), "ceph"),
    **dict.fromkeys(("fb3aabf9-", "93b0052d-", "306e8683-", "7f4a666a-", "ec6d6385-", "01b41e1b-"), "ceph"),
    **dict.fromkeys(("166418da-", "86a32090-"), "ceph"),
    "6a898cc3-1dd2-11b2-": "zfs",
    "516e7cba-6ecf-11d6-": "zfs",
    "aa31e02a-400f-11db-": "vmfs",
    "0xfb": "vmfs",
    "381cfccc-7288-11e0-": "vsan",
    "77719a0c-a4a0-11e3-": "virsto",
    "37affc90-ef7d-4e96-": "gpfs",
    "e75caf8f-f680-4cee-": "storage-spaces",
    "5808c8aa-7e8f-42e0-": "ldm",
    "af9b60a0-1431-4f62-": "ldm",
    "0x42": "ldm",
    "75894c1e-3aeb-11d3-": "hp-ux",
    "e2a1e728-32e3-11d6-": "hp-ux",
    "ca7d7ccb-63ed-4c53-": "luks",  # also where the header is kept elsewhere
    "7ffec5c9-2d00-49b7-": "dm-crypt",
}
# Logical volumes: ceph-volume tags them; gluster-ansible, cockpit and gdeploy name them and their groups.
FOREIGN_VOLUME_TAGS = {"ceph.": "ceph"}
FOREIGN_NAMES = {"ceph-": "ceph", "gluster_": "gluster", "gluster-": "gluster", "rhgs_": "gluster", "rhs_": "gluster"}
# Directories that show what a file system holds, however it is named. With a domain inside, nothing is allowed.
DOMAIN_DIRECTORY = "dom_md"
INSIDE = {DOMAIN_DIRECTORY: "storage domain", ".glusterfs": "gluster"}
# How far a file system is searched; what is further down, or later, is not known.
INSIDE_SECONDS = 300
INSIDE_ENTRIES = 5_000_000
# With these options a mount replays no journal: xfs(5), ext4(5), btrfs(5).
PASSIVE_MOUNT = {
    "xfs": "ro,norecovery,nouuid",
    **dict.fromkeys(("ext3", "ext4", "ext4dev"), "ro,noload"),
    "ext2": "ro",
    "btrfs": "ro,rescue=nologreplay",
}


@dataclasses.dataclass(frozen=True)
class Kind:
    """How refusals of one code read."""

    found: str
    needed: str
    cure: str


KINDS = {
    "contract": Kind(
        "{file}, which lists the requested disks, cannot be parsed: {why}",
        "the text that belongs to this disks.py",
        "run ksgen again, so that the kickstart and the add-on are of one version, and do not edit this part",
    ),
    "addon-missing": Kind("the installer has no add-on for nodes: {why}", "{path}", "{cure}"),
    # Said by the kickstart, which calls this program where the add-on has it.
    "addon-too-old": Kind("the installer's add-on is older than this kickstart", "{path}", "{cure}"),
    "cannot-look": Kind(
        "{problem}", "a report of every disk", "look for disk errors in the kernel's messages; boot again"
    ),
    "unreadable": Kind(
        "{device} on {disk} cannot be read: {trouble}",
        "a look at what is on it",
        "look for disk errors in the kernel's messages; replace the disk",
    ),
    "no-disk": Kind("no disk has {wanted}{near}", "one disk", "correct node_disk, or connect the disk"),
    "several-disks": Kind(
        "{disks} have {wanted}", "one disk", "add to node_disk what tells them apart: wwn, path or size"
    ),
    "one-disk-twice": Kind("{disk} is {link} and {other}", "a disk for each", "correct node_disk"),
    "disk-size": Kind("{disk} has {size} bytes", "{range}", "correct node_disk: size, or connect the right disk"),
    "kept": Kind(
        "{disk} is a local disk that is kept", "another disk", "correct node_disk, or remove it from node_local_disks"
    ),
    "removable": Kind("{disk} is removable{bus}", "a fixed disk", "name an internal disk in node_disk"),
    "read-only": Kind(
        "{disk} is read-only", "a disk that can be written", "take away its write protection, or export it writable"
    ),
    "installation-medium": Kind(
        "{disk} is an installation medium ({why})", "another disk", "name another disk in node_disk"
    ),
    "in-use": Kind("{device} on {disk} is mounted at {mounts}", "a disk that is not in use", "unmount it in node_pre"),
    "stack-unknown": Kind(
        "{device} on {disk} is a {type}, which cannot be taken down here",
        "a disk that is not in use",
        "take it down in node_pre",
    ),
    "several-paths": Kind("{disk} are paths of one LUN", "one path, or multipath", "set node_multipath: true"),
    "multipath-map": Kind(
        "{disk} is used by the multipath map {map}", "a disk without a map, or multipath", "set node_multipath: true"
    ),
    "no-wwid": Kind(
        "{disk} has no WWID, so multipath ignores it", "a LUN", "set node_multipath: false, or correct node_disk"
    ),
    "storage-domain": Kind(
        "{what} on {disk} is a storage domain of oVirt: {why}",
        "a disk without virtual machines on it",
        "correct node_disk; if the domain is given up, destroy it in the engine and wipe the disk there",
    ),
    "foreign": Kind(
        "{disk} belongs to {owner}: {why}",
        "a disk that no other system uses",
        "correct node_disk; if this is given up, wipe the disk by hand: wipefs -a",
    ),
    "not-known": Kind(
        "what is in {what} on {disk} is not known: {why}",
        "a look at what is in it",
        "correct node_disk, or find out by hand what it is",
    ),
    "firmware-raid": Kind(
        "{disk} is a member of a firmware RAID ({why})",
        "a disk of its own",
        "take the disk out of the set in the firmware's setup; node_raid makes a mirror without it",
    ),
    "reaches-out": Kind(
        "the {kind} {name} on {disk} is also on {others}",
        "nothing that spans other disks",
        "correct node_disk; if the {kind} is given up, remove it by hand",
    ),
    # Of two devices with one label LVM takes one, and says nothing of the groups on the other.
    "hidden-volume": Kind(
        "{device} on {disk} is labelled as a physical volume, but LVM does not show it; it may be a copy of another",
        "a look at its volume group",
        "take the original or the copy away; if the copy is given up, wipe it by hand: wipefs -a",
    ),
    # blivet counts the names of disks that it must not touch, and LVM starts neither of two groups of one name.
    "group-name-taken": Kind(
        "another volume group {name} is on {disks}",
        "one of that name",
        "take that disk away from this machine; where nothing starts from it, rename the group: vgrename {uuid} OTHER",
    ),
    "node-layers": Kind(
        "{disk} carries a node: {why}",
        "an empty disk",
        "set node_reinstall: true to reinstall it, including all images",
    ),
    # While acting: the links are taken away again.
    "takedown-failed": Kind("{command} {outcome}", "exit status 0", "boot again; look at {log}"),
    "wipe-failed": Kind("{command} {outcome}", "exit status 0", "boot again; look at {log}"),
    "multipath-failed": Kind("{command} {outcome}", "exit status 0", "boot again; look at {log}"),
    "link-missing": Kind("{link} leads to {found}", "{wanted}", "boot again; look at {log}"),
}
AFTER_WIPING = frozenset({"wipe-failed", "multipath-failed", "link-missing"})
LOG = "/tmp/node-disks.log"


@dataclasses.dataclass(frozen=True)
class Refusal:
    """One reason to stop. `code` is stable; `word` of node_erase consents, where anything does."""

    code: str
    found: str
    needed: str
    cure: str
    word: str = ""


def refusal(code: str, **values: object) -> Refusal:
    kind = KINDS[code]
    found, needed, cure = (text.format_map(values) for text in (kind.found, kind.needed, kind.cure))
    return Refusal(code, found, needed, cure, str(values.get("word", "")))


@dataclasses.dataclass(frozen=True)
class WantedDisk:
    """What has to be true of one disk; None: anything. Sizes are bytes."""

    wwn: Optional[str] = None
    serial: Optional[str] = None
    path: Optional[str] = None
    model: Optional[str] = None
    smallest: Optional[int] = None
    largest: Optional[int] = None

    def __str__(self) -> str:
        parts = [f"{key} {value}" for key, value in self.named]
        return ", ".join([*parts, *([self.range] if self.range else [])])

    @property
    def named(self) -> tuple[tuple[str, str], ...]:
        keys = (("wwn", self.wwn), ("serial", self.serial), ("path", self.path), ("model", self.model))
        return tuple((key, value) for key, value in keys if value is not None)

    @property
    def range(self) -> str:
        if self.smallest is None and self.largest is None:
            return ""
        if self.smallest == self.largest:
            return f"{self.smallest} bytes"
        if self.largest is None:
            return f"at least {self.smallest} bytes"
        return f"{self.smallest or 0} to {self.largest} bytes"


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What a kickstart asks of this program: ksgen builds it and `written` writes it, `read` reads it here."""

    disks: tuple[WantedDisk, ...]
    group: str  # the volume group that the kickstart makes
    reinstall: bool = False  # whether a disk with a node on it may be erased
    multipath: bool = False
    addon: str = "none"  # how the add-on comes to the installer: one of ADDON_WAYS
    erase: tuple[str, ...] = ()  # what else may be erased: words of ERASABLE
    keep: tuple[str, ...] = ()  # WWIDs of disks that are never installed to, as multipath has them


CONTRACT = 3  # the version of the text; it rises whenever a key comes, goes or changes its meaning
ADDON_WAYS = ("updates", "tree", "none")


class ContractError(ValueError):
    """A text that `written` of this version has not made."""


def written(wanted: Wanted) -> str:
    """The text that `read` reads: JSON, a line for each key and for each disk."""
    values: dict[str, object] = {
        "version": CONTRACT,
        **vars(wanted),
        "erase": list(wanted.erase),
        "keep": list(wanted.keep),
    }
    del values["disks"]
    lines = [f"{json.dumps(key)}: {json.dumps(value)}," for key, value in values.items()]
    disks = ",\n  ".join(json.dumps(vars(disk)) for disk in wanted.disks)
    return "\n".join(["{", *(f" {line}" for line in lines), f' "disks": [\n  {disks}\n ]', "}"])


def read(text: str) -> Wanted:
    """What `written` has written. ContractError: with what is not understood in it."""
    try:
        data = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise ContractError(str(error)) from error
    version = data.get("version") if isinstance(data, dict) else None
    if version != CONTRACT:
        raise ContractError(f"version {version!r} is not {CONTRACT}")
    top: dict[str, tuple[type, ...]] = {"version": (int,), "group": (str,), "reinstall": (bool,), "multipath": (bool,)}
    top.update({"addon": (str,), "erase": (list,), "keep": (list,), "disks": (list,)})
    values = _exactly(data, "the text", top)
    text_or_none, number_or_none = (str, type(None)), (int, type(None))
    keys: dict[str, tuple[type, ...]] = dict.fromkeys(("wwn", "serial", "path", "model"), text_or_none)
    keys.update(dict.fromkeys(("smallest", "largest"), number_or_none))
    disks = [WantedDisk(**_exactly(disk, f"disk {number}", keys)) for number, disk in enumerate(values["disks"])]
    if not disks:
        raise ContractError("no disk is requested")
    for number, disk in enumerate(disks):
        if values["erase"] and not (disk.wwn or disk.serial or disk.path):
            raise ContractError(f"'erase' is set, but disk {number} has no wwn, serial or path")
    if not values["group"]:
        raise ContractError("'group' is empty")
    if values["addon"] not in ADDON_WAYS:
        raise ContractError(f"'addon' is {values['addon']!r}, which is not one of {_listed(ADDON_WAYS)}")
    for word in values["erase"]:
        if word not in list(ERASABLE):
            raise ContractError(f"'erase' has {word!r}, which is not one of {_listed(ERASABLE)}")
    for word in values["keep"]:
        if not isinstance(word, str) or not word:
            raise ContractError(f"'keep' has {word!r}, which is not a WWID")
    del values["version"]
    tuples = {"disks": tuple(disks), "erase": tuple(values["erase"]), "keep": tuple(values["keep"])}
    return Wanted(**{**values, **tuples})


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; Python itself takes the last of two equal keys."""
    values = dict(pairs)
    if len(values) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ContractError(f"{next(key for key in keys if keys.count(key) > 1)!r} is given twice")
    return values


def _exactly(values: object, what: str, keys: Mapping[str, tuple[type, ...]]) -> dict[str, Any]:
    """A JSON object that has these keys and no others, each with a value of one of its types."""
    if not isinstance(values, dict):
        raise ContractError(f"{what} is not an object")
    for key in values:
        if key not in keys:
            raise ContractError(f"{what} has the unknown key {key!r}")
    for key, types in keys.items():
        if key not in values:
            raise ContractError(f"{what} lacks the key {key!r}")
        if type(values[key]) not in types:  # a bool is an int for isinstance
            raise ContractError(f"{key!r} of {what} is {values[key]!r}, of the wrong type")
    return values


@dataclasses.dataclass(frozen=True)
class Device:
    """A block device. `parents` are the kernel names of what it is built on; `signatures`: all that blkid finds."""

    name: str
    path: str
    type: str
    size: int
    parents: tuple[str, ...]
    mounts: tuple[str, ...]
    is_read_only: bool
    is_removable: bool
    transport: str
    model: str
    wwn: str
    serials: tuple[str, ...]
    wwid: str
    links: tuple[str, ...]
    sysfs: str
    mapper_name: str
    mapper_uuid: str
    partition_type: str
    signatures: tuple[str, ...]
    filesystem_uuid: str
    trouble: str = ""  # why it could not be read

    @property
    def shown(self) -> str:
        """Its name in a message: dm-0 is not meaningful to a person."""
        return self.mapper_name or self.name


@dataclasses.dataclass(frozen=True)
class Group:
    """A volume group: the kernel names of its physical volumes, how many are not here, (name, tags) of its volumes."""

    name: str
    uuid: str
    tags: tuple[str, ...]
    members: tuple[str, ...]
    missing: int
    volumes: tuple[tuple[str, tuple[str, ...]], ...]


@dataclasses.dataclass(frozen=True)
class Array:
    """An array of md, running or not; `missing` members are not here."""

    name: str
    uuid: str
    level: str
    members: tuple[str, ...]
    missing: int


@dataclasses.dataclass(frozen=True)
class Inside:
    """A directory that a file system on a disk was seen to hold; its name is one of INSIDE."""

    device: str
    place: str


@dataclasses.dataclass(frozen=True)
class Unseen:
    """A file system of which not all was seen: why, and the word that consents."""

    device: str
    why: str
    word: str


@dataclasses.dataclass(frozen=True)
class Facts:
    """The machine's disks at one moment; `unread` says which looks failed, and how."""

    devices: tuple[Device, ...]
    groups: tuple[Group, ...]
    arrays: tuple[Array, ...]
    insides: tuple[Inside, ...] = ()
    unseen: tuple[Unseen, ...] = ()
    unread: tuple[str, ...] = ()
    physical_volumes: tuple[str, ...] = ()  # the kernel names of what LVM takes as such, with a group or without

    def device(self, name: str) -> Device:
        return next(device for device in self.devices if device.name == name)

    def find(self, path: str) -> Optional[Device]:
        return next((device for device in self.devices if path == device.path or path in device.links), None)

    def children(self, names: Iterable[str]) -> tuple[Device, ...]:
        parents = set(names)
        return tuple(device for device in self.devices if parents & set(device.parents))

    def stack(self, names: Iterable[str]) -> tuple[Device, ...]:
        """The devices and all that is on them."""
        stacked: dict[str, Device] = {}
        waiting = [self.device(name) for name in names]
        while waiting:
            device = waiting.pop(0)
            if device.name not in stacked:
                stacked[device.name] = device
                waiting += self.children([device.name])
        return tuple(stacked.values())

    def roots(self, name: str) -> frozenset[str]:
        """The disks below a device."""
        device = self.device(name)
        if not device.parents:
            return frozenset([name])
        return self.roots_of(device.parents)

    def roots_of(self, names: Iterable[str]) -> frozenset[str]:
        """The disks below several devices."""
        return frozenset[str]().union(*(self.roots(name) for name in names))


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A disk, or all paths of one LUN; `map` is what multipath has made of them."""

    paths: tuple[Device, ...]
    map: Optional[Device]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(path.name for path in self.paths)

    def __str__(self) -> str:
        return "+".join(self.names)


@dataclasses.dataclass(frozen=True)
class Mark:
    """A reason not to erase a disk: the word of node_erase that consents, how it shows, and in what."""

    word: str
    why: str
    what: str = ""


@dataclasses.dataclass(frozen=True)
class Link:
    """A name for a disk: what udev has to match, and the node that it then leads to."""

    name: str
    match: str
    node: str


@dataclasses.dataclass(frozen=True)
class Decision:
    """What to do, in this order: take down, wipe, start multipath, link. With refusals: nothing."""

    chosen: tuple[Candidate, ...] = ()
    takedown: tuple[tuple[str, ...], ...] = ()
    wipes: tuple[tuple[str, ...], ...] = ()
    multipath: tuple[tuple[str, ...], ...] = ()
    links: tuple[Link, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    allowed: tuple[Refusal, ...] = ()  # what node_erase consents to


@dataclasses.dataclass(frozen=True)
class Look:
    """What a search of a file system found: places of directories with a known name, and why it did not see them all.

    `word` is the one of node_erase that consents; empty: all of it was seen.
    """

    places: tuple[str, ...] = ()
    why: str = ""
    word: str = ""


@dataclasses.dataclass(frozen=True)
class Output:
    """What a program answered; `text` may be both streams in one."""

    status: int
    text: str
    complaints: str = ""


class Target:
    """The installer as the resolver may touch it. `patience`: seconds that a command may take."""

    def __init__(self, patience: float = ANSWER_SECONDS) -> None:
        self.patience = patience

    def run(self, *argv: str) -> Output:
        try:
            process = subprocess.Popen(
                argv,
                env={**os.environ, "LC_ALL": "C", "LANG": "C"},
                stdin=subprocess.DEVNULL,  # ours is this script
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
            )
        except OSError as error:
            return Output(127, "", f"{argv[0]}: {error.strerror}")
        try:
            text, complaints = process.communicate(timeout=self.patience)
        except subprocess.TimeoutExpired:
            # It is not waited for: while the kernel waits for a disk, a process does not even end when it is killed.
            process.kill()
            return Output(NO_ANSWER, "", f"gave no answer within {self.patience} seconds")
        return Output(process.returncode, text, complaints)

    def read(self, path: str) -> str:
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError:
            return ""

    def write(self, path: str, text: str) -> None:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def remove(self, path: str) -> None:
        with contextlib.suppress(OSError):
            os.remove(path)

    def resolve(self, link: str) -> str:
        """Where a link leads; empty when it leads to nothing."""
        return os.path.realpath(link) if os.path.exists(link) else ""

    def directories(self, device: str, fstype: str, others: Sequence[str] = ()) -> Look:
        """What is inside of a file system, which is not changed by it; `others`: all other devices that it is on."""
        options = ",".join([PASSIVE_MOUNT[fstype], *(f"device={other}" for other in others)])
        # Only here: its import takes longer than to look at an empty disk.
        import tempfile

        top = tempfile.mkdtemp(prefix="node-disks-")
        protected: list[str] = []
        try:
            for each in (device, *others):
                failed = self._protect(each, protected)
                if failed:
                    return Look(why=failed, word="unmountable")
            mounted = self.run("mount", "-t", fstype, "-o", options, device, top)
            if mounted.status:
                # The kernel's messages may be gone when this is read.
                lines = [line for line in mounted.complaints.splitlines() if "dmesg(1)" not in line]
                why = last_line("\n".join(lines)).replace(f"{top}: ", "")
                return Look(why=f"mount {why}" if mounted.status == NO_ANSWER else why, word="unmountable")
            try:
                return search(top)
            finally:
                self.run("umount", top)
        finally:
            for each in protected:
                self.run("blockdev", "--setrw", each)
            # Never what is below it: that may still be the disk.
            with contextlib.suppress(OSError):
                os.rmdir(top)

    def _protect(self, device: str, protected: list[str]) -> str:
        """Make a device read-only and note it; why that failed, or nothing.

        ext4 notes errors in the superblock even if it is mounted read-only.
        """
        asked = self.run("blockdev", "--getro", device)
        if not asked.status and asked.text.strip() == "0":
            asked = self.run("blockdev", "--setro", device)
            if not asked.status:
                protected.append(device)
        return last_line(asked.complaints) if asked.status else ""

    def say(self, terminal: str, text: str) -> bool:
        """Best effort: a terminal may be gone, or hold back; its line discipline may be off."""
        try:
            file = os.open(f"/dev/{terminal}", os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError:
            return False
        try:
            os.write(file, text.replace("\n", "\r\n").encode("ascii", "backslashreplace"))
        except OSError:
            return False
        finally:
            os.close(file)
        return True

    def pause(self, seconds: float) -> None:
        time.sleep(seconds)


def search(
    top: str,
    most: int = INSIDE_ENTRIES,
    seconds: float = INSIDE_SECONDS,
    clock: Callable[[], float] = time.monotonic,
    skipped: Collection[str] = (),
) -> Look:
    """The directories below `top` with a name of INSIDE, the nearest first: no link is followed.

    It does not leave the file system either, if `skipped` has the places below `top` at which another is mounted.
    """
    end, entries = clock() + seconds, 0
    places: list[str] = []
    waiting = collections.deque([""])
    while waiting:
        place = waiting.popleft()
        try:
            with os.scandir(os.path.join(top, place)) as listing:
                for entry in listing:
                    entries += 1
                    if entries > most or clock() > end:
                        limit = f"{most} entries" if entries > most else f"{seconds} seconds"
                        return Look(tuple(places), f"not all of it was searched within {limit}", "unsearched")
                    if not entry.is_dir(follow_symlinks=False):
                        continue
                    below = os.path.join(place, entry.name)
                    if below in skipped:
                        continue
                    if entry.name in INSIDE:
                        places.append(_printable(below))
                    else:
                        waiting.append(below)
        except OSError as error:
            return Look(tuple(places), f"{_printable(place) or '/'}: {error.strerror}", "unmountable")
    return Look(tuple(places))


def _printable(place: str) -> str:
    """A file name may hold anything."""
    return place if place.isprintable() else repr(place)[1:-1]


# Looking

COLUMNS = "NAME,KNAME,PATH,TYPE,SIZE,RO,RM,TRAN,MODEL,SERIAL,WWN,PARTTYPE,MOUNTPOINTS"
LSBLK = ("lsblk", "--json", "--bytes", "--output", COLUMNS)
UDEV = ("udevadm", "info")
UDEV_ALL = (*UDEV, "--export-db")
# Without locks, and whatever lvm.conf or a devices file hides.
LVM = ("--readonly", "--devicesfile", "", "--reportformat", "json", "-o")
PVS = ("pvs", *LVM, "pv_name,vg_name,vg_uuid,vg_tags,vg_missing_pv_count")
LVS = ("lvs", "-a", *LVM, "vg_uuid,lv_name,lv_tags")
# All signatures; `blkid -p` tells none when there are two, and that is where a disk has had two lives. Only reads.
SIGNATURES = ("wipefs", "--json")
# What is put together by itself as soon as it is seen.
ASSEMBLED = ("LVM2_member", "linux_raid_member")
EXAMINE = ("mdadm", "--examine", "--export")


def gather(target: Target) -> Facts:
    """Read every disk and all that is on it; changes nothing."""
    unread: list[str] = []

    def rows(key: str, *argv: str) -> list[dict[str, Any]]:
        output = target.run(*argv)
        if output.status:
            unread.append(f"{argv[0]} {outcome(output)}")
            return []
        # wipefs prints nothing at all when there is nothing.
        if not output.text.strip():
            return []
        listed, problem = rows_of(key, argv[0], output.text)
        unread.extend(filter(None, [problem]))
        return listed

    nodes = flatten(rows("blockdevices", *LSBLK))
    properties = _udev(target, [node["path"] for node, _ in nodes])
    if not (properties and nodes) and not unread:
        unread.append("udevadm and lsblk found no disk")
    devices = []
    for node, parents in nodes:
        # A disk that cannot be read, like a path on standby, is no matter until it is chosen.
        before = len(unread)
        signatures = [] if node["type"] in ("loop", "rom") else rows("signatures", *SIGNATURES, node["path"])
        trouble = "".join(unread[before:])
        del unread[before:]
        device = _device(node, parents, properties.get(node["kname"], {}), signatures)
        devices.append(dataclasses.replace(device, trouble=trouble))
    facts = Facts(tuple(devices), (), ())
    physical = rows("pv", *PVS)
    volumes = tuple(each.name for each in (facts.find(row["pv_name"]) for row in physical) if each)
    groups = tuple(_groups(facts, physical, rows("lv", *LVS)))
    facts = _examined(target, dataclasses.replace(facts, groups=groups, physical_volumes=volumes))
    return dataclasses.replace(facts, unread=tuple(unread))


def outcome(output: Output) -> str:
    """How a command ended that did not do what it should."""
    if output.status == NO_ANSWER:
        return output.complaints
    return f"exited with {output.status}: {last_line(output.complaints)}"


def merged(output: Output) -> Output:
    """With its text as complaints, where there are no others."""
    return dataclasses.replace(output, complaints=output.complaints or output.text)


def rows_of(key: str, program: str, text: str) -> tuple[list[dict[str, Any]], str]:
    """The rows of a list in JSON, where LVM's programs and util-linux's have it; or why there are none."""
    try:
        tree = json.loads(text)
        return list(tree[key] if key in tree else tree["report"][0][key]), ""
    except (ValueError, LookupError, TypeError):
        return [], f"{program} printed no list {key!r} in JSON: {last_line(text)}"


def last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no output"])[-1].strip()


def _udev(target: Target, paths: Iterable[str]) -> dict[str, dict[str, str]]:
    """Kernel name: properties, of these devices.

    The whole database has every device of the machine, each terminal too; it is read if one of these is not found.
    """
    asked = target.run(*UDEV, *paths)
    return udev_properties((target.run(*UDEV_ALL) if asked.status else asked).text)


def udev_properties(text: str) -> dict[str, dict[str, str]]:
    """Kernel name: properties, of udev's block devices."""
    devices = {}
    for block in text.split("\n\n"):
        entries = (line[3:].partition("=") for line in block.splitlines() if line.startswith("E: "))
        properties = {key: value for key, _, value in entries}
        if properties.get("SUBSYSTEM") == "block":
            devices[properties.get("DEVPATH", "").rpartition("/")[2]] = properties
    return devices


def flatten(nodes: Sequence[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], tuple[str, ...]]]:
    """lsblk's tree, in which a device is below each of its parents, as (device, parents)."""
    order: dict[str, tuple[Mapping[str, Any], list[str]]] = {}

    def visit(node: Mapping[str, Any], parent: Optional[str]) -> None:
        _, parents = order.setdefault(node["kname"], (node, []))
        if parent is not None and parent not in parents:
            parents.append(parent)
        for child in node.get("children", ()):
            visit(child, node["kname"])

    for node in nodes:
        visit(node, None)
    return [(node, tuple(parents)) for node, parents in order.values()]


def _device(
    node: Mapping[str, Any],
    parents: tuple[str, ...],
    properties: Mapping[str, str],
    signatures: Sequence[Mapping[str, Any]],
) -> Device:
    name, sysfs = node["kname"], properties.get("DEVPATH", "")
    attribute = next((key for pattern, key in WWID if pattern.match(name)), "")
    serials = (
        node["serial"],
        *(properties.get(f"{key}") for key in ("ID_SERIAL_SHORT", "ID_SCSI_SERIAL", "ID_SERIAL")),
    )
    return Device(
        name=name,
        path=node["path"],
        type=node["type"],
        size=int(node["size"] or 0),
        parents=parents,
        mounts=tuple(filter(None, node["mountpoints"])),
        is_read_only=bool(node["ro"]),
        is_removable=bool(node["rm"]),
        transport="usb" if "/usb" in sysfs else node["tran"] or "",
        model=(node["model"] or "").strip(),
        wwn=(node["wwn"] or properties.get("ID_WWN_WITH_EXTENSION") or properties.get("ID_WWN") or "").lower(),
        serials=tuple(dict.fromkeys(serial.strip() for serial in serials if serial)),
        wwid=properties.get(attribute, ""),
        links=tuple(properties.get("DEVLINKS", "").split()),
        sysfs=sysfs,
        mapper_name=properties.get("DM_NAME", ""),
        mapper_uuid=properties.get("DM_UUID", ""),
        partition_type=(node["parttype"] or "").lower(),
        signatures=tuple(dict.fromkeys(row["type"] for row in signatures)),
        filesystem_uuid=next((row["uuid"] for row in signatures if row["type"] in SPANNING), "") or "",
    )


def _groups(facts: Facts, physical: Sequence[dict[str, str]], logical: Sequence[dict[str, str]]) -> Iterator[Group]:
    for uuid in dict.fromkeys(row["vg_uuid"] for row in physical if row["vg_uuid"]):
        own = [row for row in physical if row["vg_uuid"] == uuid]
        members = (facts.find(row["pv_name"]) for row in own)
        yield Group(
            name=own[0]["vg_name"],
            uuid=uuid,
            tags=_tags(own[0]["vg_tags"]),
            members=tuple(member.name for member in members if member),
            missing=int(own[0]["vg_missing_pv_count"] or 0),
            volumes=tuple((row["lv_name"], _tags(row["lv_tags"])) for row in logical if row["vg_uuid"] == uuid),
        )


def _tags(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.split(",")))


def _examined(target: Target, facts: Facts) -> Facts:
    """Also the arrays, as their members tell of them."""
    arrays: dict[str, list[tuple[str, dict[str, str]]]] = {}
    devices = []
    for device in facts.devices:
        if "linux_raid_member" in device.signatures:
            output = target.run(*EXAMINE, device.path)
            said = dict(line.split("=", 1) for line in output.text.splitlines() if "=" in line)
            if output.status or "MD_UUID" not in said:
                device = dataclasses.replace(device, trouble=f"mdadm {outcome(output)}")
            else:
                arrays.setdefault(said["MD_UUID"], []).append((device.name, said))
        devices.append(device)
    return dataclasses.replace(facts, devices=tuple(devices), arrays=tuple(map(_array, arrays.items())))


def _array(array: tuple[str, list[tuple[str, dict[str, str]]]]) -> Array:
    uuid, members = array
    _, said = members[0]
    # The paths of one LUN show one member twice.
    here = {each.get("MD_DEV_UUID", name) for name, each in members}
    return Array(
        name=said.get("MD_NAME", "").rpartition(":")[2] or uuid,  # after the host's name
        uuid=uuid,
        level=said.get("MD_LEVEL", ""),
        members=tuple(name for name, _ in members),
        missing=max(0, int(said.get("MD_DEVICES") or 0) - len(here)),
    )


def look_inside(target: Target, facts: Facts, chosen: Iterable[Candidate]) -> Facts:
    """Also what the file systems on the chosen disks hold, as far as they can be mounted without changing them."""
    insides: list[Inside] = []
    unseen: list[Unseen] = []
    stack = facts.stack(name for candidate in chosen for name in candidate.names)
    for device in stack:
        fstype = next((each for each in device.signatures if rule_of(each) in (LOOK, LOOK_IF)), None)
        if fstype is None or facts.children([device.name]):
            continue
        look = target.directories(device.path, fstype, _others(facts, stack, device, fstype))
        if look.word and rule_of(fstype) == LOOK_IF and fstype not in target.read("/proc/filesystems").split():
            continue
        if look.word:
            unseen.append(Unseen(device.name, look.why, look.word))
        insides += [Inside(device.name, place) for place in look.places]
    return dataclasses.replace(facts, insides=tuple(insides), unseen=tuple(unseen))


def _others(facts: Facts, stack: Iterable[Device], device: Device, fstype: str) -> list[str]:
    """The paths of all other devices that a file system is on."""
    return [
        each.path
        for each in stack
        if fstype in SPANNING
        and fstype in each.signatures
        and each.filesystem_uuid == device.filesystem_uuid != ""
        and each != device
        and not facts.children([each.name])
    ]


# Deciding


def candidates(facts: Facts) -> tuple[Candidate, ...]:
    """The machine's disks. Paths are of one LUN when multipath says so, or when WWN, WWID and size are the same."""
    luns: dict[object, list[Device]] = {}
    lun_of_map: dict[str, object] = {}
    for device in facts.devices:
        if device.type != "disk" or device.parents or NOT_DISKS.match(device.name):
            continue
        has_identity = device.wwn and device.wwid and device.transport != "usb"
        lun: object = (device.wwn, device.wwid, device.size) if has_identity else device.name
        for map_ in _maps(facts, [device]):
            lun = lun_of_map.setdefault(map_.name, lun)
        luns.setdefault(lun, []).append(device)
    return tuple(Candidate(tuple(paths), next(_maps(facts, paths), None)) for paths in luns.values())


def _maps(facts: Facts, paths: Iterable[Device]) -> Iterator[Device]:
    return (child for child in facts.children(path.name for path in paths) if child.type == "mpath")


def _plain(model: str) -> str:
    """udev writes underscores for blanks."""
    return " ".join(model.replace("_", " ").split())


def different(candidate: Candidate, wanted: WantedDisk) -> dict[str, str]:
    """The keys that are not as wanted, with what is there instead; the size is asked apart."""
    first = candidate.paths[0]
    maps = (candidate.map,) if candidate.map else ()
    links = {link for device in (*candidate.paths, *maps) for link in device.links}
    # What multipath's map will be called once there is one.
    links |= {f"/dev/disk/by-id/dm-uuid-mpath-{path.wwid}" for path in candidate.paths if path.wwid}
    serials = {serial for path in candidate.paths for serial in path.serials}
    differences = {}
    if wanted.wwn is not None and wanted.wwn.lower() != first.wwn:
        differences["wwn"] = first.wwn or "(none)"
    if wanted.serial is not None and wanted.serial not in serials:
        differences["serial"] = first.serials[0] if first.serials else "(none)"
    if wanted.path is not None and wanted.path not in links:
        differences["path"] = next((link for link in first.links if "/by-path/" in link), "(none)")
    if wanted.model is not None and _plain(wanted.model) != _plain(first.model):
        differences["model"] = first.model or "(none)"
    return differences


def has_size(candidate: Candidate, wanted: WantedDisk) -> bool:
    size = candidate.paths[0].size
    return (wanted.smallest or 0) <= size and (wanted.largest is None or size <= wanted.largest)


def decide(facts: Facts, wanted: Wanted) -> Decision:
    """The disks that are wanted and what to do with them, or why not."""
    if facts.unread:
        return Decision(refusals=tuple(refusal("cannot-look", problem=problem) for problem in facts.unread))
    disks = candidates(facts)
    choices = [_choose(disks, disk) for disk in wanted.disks]
    refusals = [one for one in choices if isinstance(one, Refusal)]
    chosen = [one for one in choices if isinstance(one, Candidate)]
    for number, one in enumerate(choices):
        if isinstance(one, Candidate) and one in choices[:number]:
            link, other = f"system{choices.index(one)}", f"system{number}"
            refusals.append(refusal("one-disk-twice", disk=one, link=link, other=other))
    chosen = list(dict.fromkeys(chosen))
    refusals += obstacles(facts, chosen, wanted)
    allowed = tuple(each for each in refusals if each.word in wanted.erase)
    refusals = [each for each in refusals if each not in allowed]
    if refusals:
        return Decision(tuple(chosen), refusals=tuple(refusals), allowed=allowed)
    return Decision(
        chosen=tuple(chosen),
        allowed=allowed,
        takedown=tuple(_takedown(facts, chosen)),
        wipes=tuple(_wipes(facts, chosen, wanted)),
        multipath=tuple(_multipath(chosen) if wanted.multipath else ()),
        links=tuple(_link(number, one, wanted) for number, one in enumerate(chosen)),
    )


def obstacles(facts: Facts, chosen: Sequence[Candidate], wanted: Wanted) -> tuple[Refusal, ...]:
    """What speaks against erasing these disks: the disks themselves, what is on them, and the name of the new group."""
    about_disks = [each for candidate in chosen for each in _disk_refusals(facts, candidate, wanted)]
    return (*about_disks, *_content_refusals(facts, chosen, wanted), *_name_refusals(facts, chosen, wanted))


def _choose(disks: Sequence[Candidate], wanted: WantedDisk) -> Candidate | Refusal:
    named = [candidate for candidate in disks if not different(candidate, wanted)]
    fitting = [candidate for candidate in named if has_size(candidate, wanted)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        return refusal("several-disks", disks=_listed(fitting), wanted=wanted)
    if len(named) == 1:
        return refusal("disk-size", disk=named[0], size=named[0].paths[0].size, range=wanted.range)
    asked = [key for key, _ in wanted.named]
    near = []
    for candidate in disks:
        wrong = different(candidate, wanted)
        right = [key for key in asked if key not in wrong and key != "model"]
        if right:
            said = ", ".join(f"{key} {value}" for key, value in wrong.items()) or f"{candidate.paths[0].size} bytes"
            near.append(f"; {candidate} has that {' and '.join(right)}, but {said}")
    return refusal("no-disk", wanted=wanted, near="".join(near))


def _listed(things: Iterable[object]) -> str:
    return ", ".join(map(str, things))


def _disk_refusals(facts: Facts, candidate: Candidate, wanted: Wanted) -> Iterator[Refusal]:
    """What is wrong with the disk itself."""
    yield from _kept(candidate, wanted)
    yield from _removable(candidate)
    yield from _read_only(candidate)
    yield from _installation_medium(facts, candidate)
    yield from _without_multipath(candidate, wanted)
    yield from _no_wwid(candidate, wanted)
    for device in facts.stack(candidate.names):
        yield from _unreadable(device, candidate)
        yield from _in_use(device, candidate)
        yield from _stack_unknown(device, candidate)


def _kept(candidate: Candidate, wanted: Wanted) -> Iterator[Refusal]:
    """multipath has a WWN of SCSI after the digit 3 of its page, and an ATA disk may go by its serial number."""
    names = {name for path in candidate.paths for name in (path.wwid, path.wwn, *path.serials)}
    names |= {"3" + path.wwn[2:] for path in candidate.paths if path.wwn.startswith("0x")}
    if names.intersection(wanted.keep):
        yield refusal("kept", disk=candidate)


def _removable(candidate: Candidate) -> Iterator[Refusal]:
    is_usb = any(path.transport == "usb" for path in candidate.paths)
    if is_usb or any(path.is_removable for path in candidate.paths):
        yield refusal("removable", disk=candidate, bus=" (USB)" if is_usb else "")


def _read_only(candidate: Candidate) -> Iterator[Refusal]:
    if any(path.is_read_only for path in candidate.paths):
        yield refusal("read-only", disk=candidate)


def _installation_medium(facts: Facts, candidate: Candidate) -> Iterator[Refusal]:
    mounts = [mount for device in facts.stack(candidate.names) for mount in device.mounts if _is_medium(mount)]
    # Anaconda never overwrites a disk with this file system (devicetree/model.py, _mark_protected_devices).
    image = ["iso9660"] if any("iso9660" in path.signatures for path in candidate.paths) else []
    if mounts or image:
        why = _listed([*(f"mounted at {mount}" for mount in mounts), *image])
        yield refusal("installation-medium", disk=candidate, why=why)


def _is_medium(mount: str) -> bool:
    return mount.startswith("/run/install")


def _without_multipath(candidate: Candidate, wanted: Wanted) -> Iterator[Refusal]:
    if wanted.multipath:
        return
    if len(candidate.paths) > 1:
        yield refusal("several-paths", disk=candidate)
    elif candidate.map:
        yield refusal("multipath-map", disk=candidate, map=candidate.map.mapper_name)


def _no_wwid(candidate: Candidate, wanted: Wanted) -> Iterator[Refusal]:
    if wanted.multipath and not candidate.map and not candidate.paths[0].wwid:
        yield refusal("no-wwid", disk=candidate)


def _unreadable(device: Device, candidate: Candidate) -> Iterator[Refusal]:
    has_other_path = device in candidate.paths and any(not path.trouble for path in candidate.paths)
    if device.trouble and not has_other_path:
        yield refusal("unreadable", device=device.name, disk=candidate, trouble=device.trouble)


def _in_use(device: Device, candidate: Candidate) -> Iterator[Refusal]:
    mounts = [mount for mount in device.mounts if mount != "[SWAP]" and not _is_medium(mount)]
    if mounts:
        yield refusal("in-use", device=device.name, disk=candidate, mounts=_listed(mounts))


def _stack_unknown(device: Device, candidate: Candidate) -> Iterator[Refusal]:
    # lsblk calls a device a disk too when it does not know the kind, as with DRBD and bcache.
    if not STACKS.fullmatch(device.type) or (device.type == "disk" and device.parents):
        yield refusal("stack-unknown", device=device.name, disk=candidate, type=device.type)


def _content_refusals(facts: Facts, chosen: Sequence[Candidate], wanted: Wanted) -> Iterator[Refusal]:
    """What is on the disks that must not be wiped."""
    for candidate in chosen:
        groups = [group for group in facts.groups if _is_on(facts, group.members, candidate)]
        for group in groups:
            yield from _domain_group(group, candidate)
            yield from _node_group(group, candidate, wanted)
        yield from _domain_directories(facts, candidate)
        yield from _foreign(candidate, _owner_marks(facts, candidate, groups))
        for mark in _unknown_marks(facts, candidate, groups, wanted):
            yield refusal("not-known", what=mark.what, disk=candidate, why=mark.why, word=mark.word)
        yield from _firmware_raid(facts, candidate)
        for device in _hidden(facts, candidate):
            yield refusal("hidden-volume", device=device.name, disk=candidate)
    yield from _reaching_out(facts, chosen)


def _domain_group(group: Group, candidate: Candidate) -> Iterator[Refusal]:
    marks = _domain_marks(group)
    if marks:
        what = f"the volume group {group.name}"
        yield refusal("storage-domain", what=what, disk=candidate, why=_listed(marks))


def _node_group(group: Group, candidate: Candidate, wanted: Wanted) -> Iterator[Refusal]:
    marks = _node_marks(group)
    if marks and not wanted.reinstall:
        yield refusal("node-layers", disk=candidate, why=_listed(marks))


def _domain_directories(facts: Facts, candidate: Candidate) -> Iterator[Refusal]:
    for name, places in _by_device(facts, candidate, DOMAIN_DIRECTORY):
        what, why = f"the file system of {facts.device(name).shown}", f"it has {_some(places)}"
        yield refusal("storage-domain", what=what, disk=candidate, why=why)


def _foreign(candidate: Candidate, marks: Iterable[Mark]) -> Iterator[Refusal]:
    """One refusal for each owner, with all of its marks."""
    reasons: dict[str, list[str]] = {}
    for mark in marks:
        reasons.setdefault(mark.word, []).append(mark.why)
    for word, whys in reasons.items():
        why = _listed(dict.fromkeys(whys))
        yield refusal("foreign", disk=candidate, owner=OWNERS[word], word=word, why=why)


def _firmware_raid(facts: Facts, candidate: Candidate) -> Iterator[Refusal]:
    signatures = [each for device in facts.stack(candidate.names) for each in device.signatures]
    members = [each for each in signatures if rule_of(each) == FIRMWARE]
    if members:
        yield refusal("firmware-raid", disk=candidate, why=_listed(dict.fromkeys(members)))


def _hidden(facts: Facts, candidate: Candidate) -> Iterator[Device]:
    """What is labelled as a physical volume, and LVM does not show it: a copy of one, mostly of a whole LUN.

    LVM shows a map and not its paths, an array and not its members, and of the paths of a LUN one. A label beside a
    partition table is a remnant.
    """
    shown = set(facts.physical_volumes)
    if len(candidate.paths) > 1 and shown & {device.name for device in facts.stack(candidate.names)}:
        return
    for device in facts.stack(candidate.names):
        is_remnant = any(child.type == "part" for child in facts.children([device.name]))
        is_labelled = "LVM2_member" in device.signatures and "linux_raid_member" not in device.signatures
        if is_labelled and not is_remnant and not shown & {each.name for each in facts.stack([device.name])}:
            yield device


def _by_device(facts: Facts, candidate: Candidate, directory: str) -> Iterator[tuple[str, list[str]]]:
    """The places of directories of one name on a disk, device by device."""
    places: dict[str, list[str]] = {}
    for inside in facts.insides:
        if os.path.basename(inside.place) == directory and _is_on(facts, [inside.device], candidate):
            places.setdefault(inside.device, []).append(inside.place)
    yield from places.items()


def _some(places: Sequence[str]) -> str:
    """A server of bricks may have hundreds."""
    return _listed(places[:SHOWN]) + (f" and {len(places) - SHOWN} more" if places[SHOWN:] else "")


def _unknown_marks(facts: Facts, candidate: Candidate, groups: Sequence[Group], wanted: Wanted) -> Iterator[Mark]:
    """What is on a disk and cannot be looked into."""
    is_unfinished = any(_is_unfinished(group, wanted) for group in groups)
    for device in facts.stack(candidate.names):
        yield from _closed_signatures(device)
        yield from _closed_partition(device)
        yield from _virtual_disk(facts, device)
        yield from _unseen(facts, device, is_unfinished)
    for array in facts.arrays:
        if _is_on(facts, array.members, candidate):
            yield from _inactive_array(facts, array)
    for group in groups:
        yield from _inactive_volumes(facts, group, wanted)


def _closed_signatures(device: Device) -> Iterator[Mark]:
    for signature in device.signatures:
        word = rule_of(signature)
        if word in CLOSED:
            yield Mark(word, f"{CLOSED[word]} ({signature})", device.shown)


def _closed_partition(device: Device) -> Iterator[Mark]:
    word = _of_partition(device)
    if word in CLOSED and word not in map(rule_of, device.signatures):
        yield Mark(word, f"{CLOSED[word]} (partition type {device.partition_type})", device.shown)


def _virtual_disk(facts: Facts, device: Device) -> Iterator[Mark]:
    """The kernel does not look for partitions in a logical volume."""
    tables = [each for each in device.signatures if each in PARTITION_TABLES]
    if device.type == "lvm" and tables and not facts.children([device.name]):
        yield Mark("virtual-disks", f"{CLOSED['virtual-disks']} ({_listed(tables)})", device.shown)


def _unseen(facts: Facts, device: Device, is_unfinished: bool) -> Iterator[Mark]:
    for unseen in facts.unseen:
        if unseen.device == device.name and not (is_unfinished and unseen.word == "unmountable"):
            yield Mark(unseen.word, unseen.why, device.shown)


def _inactive_array(facts: Facts, array: Array) -> Iterator[Mark]:
    # One that also lies elsewhere is refused for that; half of a mirror could run.
    is_lost = array.missing and array.level != "raid1"
    is_running = any(ARRAY.fullmatch(child.type) for child in facts.children(array.members))
    if not is_lost and not is_running:
        yield Mark("inactive-arrays", CLOSED["inactive-arrays"], f"array {array.name}")


def _inactive_volumes(facts: Facts, group: Group, wanted: Wanted) -> Iterator[Mark]:
    # Of these it is known what they are; and one that is not complete cannot be activated.
    if group.missing or _domain_marks(group) or _node_marks(group) or _is_unfinished(group, wanted):
        return
    inactive = _inactive(facts, group)
    if inactive:
        why = f"{CLOSED['inactive-volumes']} ({_some(inactive)})"
        yield Mark("inactive-volumes", why, f"volume group {group.name}")


def _is_unfinished(group: Group, wanted: Wanted) -> bool:
    """Whether a group is what an installation of this very host has left: imgbase, which tags it, comes last.

    Power may be cut at any moment of it, and the next attempt has to succeed without intervention: file systems that
    are made by halves are no reason to stop then.
    """
    return group.name == wanted.group and not (_domain_marks(group) or _node_marks(group) or any(_volume_marks(group)))


def _inactive(facts: Facts, group: Group) -> list[str]:
    """The volumes of a group that have no device now, and of which no name or tag says what they are.

    Pools, and what lvs has in brackets, never hold a file system.
    """
    if _owner_of_name(group.name):
        return []
    names = [name for name, _ in group.volumes]
    marked = {name for name, tags in group.volumes if _owner_of_name(name) or _owner_tag(tags)}
    active = {device.mapper_name for device in facts.devices if device.type == "lvm"}
    return [
        name
        for name in names
        if not name.startswith("[")
        and name not in marked
        and not any(f"[{name}_{kind}]" in names for kind in ("tdata", "cdata", "vdata"))
        and f"{_doubled(group.name)}-{_doubled(name)}" not in active
    ]


def _doubled(name: str) -> str:
    """As device-mapper writes a name that LVM has put before or behind a dash."""
    return name.replace("-", "--")


def _is_on(facts: Facts, members: Iterable[str], candidate: Candidate) -> bool:
    return not facts.roots_of(members).isdisjoint(candidate.names)


def rule_of(signature: str) -> str:
    """What follows from a signature: a rule, or a word of node_erase."""
    if signature in BLKID_TYPES:
        return BLKID_TYPES[signature]
    return FIRMWARE if signature.endswith("_raid_member") else "unknown"


def _of_partition(device: Device) -> str:
    """The word of node_erase that follows from the type of a partition, if any does."""
    return next((word for prefix, word in PARTITION_TYPES.items() if device.partition_type.startswith(prefix)), "")


def _owner_marks(facts: Facts, candidate: Candidate, groups: Iterable[Group]) -> Iterator[Mark]:
    """The owners of what is on a disk, and how each shows."""
    for device in facts.stack(candidate.names):
        yield from _device_marks(device)
    for group in groups:
        yield from _volume_marks(group)
    yield from _directory_marks(facts, candidate)


def _device_marks(device: Device) -> Iterator[Mark]:
    for signature in device.signatures:
        if rule_of(signature) in OWNERS:
            yield Mark(rule_of(signature), f"{signature} in {device.shown}")
    if _of_partition(device) in OWNERS:
        yield Mark(_of_partition(device), f"partition type {device.partition_type} of {device.name}")
    for mount in device.mounts:
        if mount.startswith(("/gluster", "/rhgs")):
            yield Mark("gluster", f"{device.shown} is mounted at {mount}")


def _directory_marks(facts: Facts, candidate: Candidate) -> Iterator[Mark]:
    for directory, word in INSIDE.items():
        if word in OWNERS:
            for name, places in _by_device(facts, candidate, directory):
                yield Mark(word, f"{_some(places)} in {facts.device(name).shown}")


def _owner_of_name(name: str) -> str:
    """The owner of a volume group or volume by its name; empty: no known owner."""
    plain = name.strip("[]").lower()
    return next((owner for prefix, owner in FOREIGN_NAMES.items() if plain.startswith(prefix)), "")


def _owner_tag(tags: Iterable[str]) -> str:
    """The start of a tag that an owner gives to its volumes, a key of FOREIGN_VOLUME_TAGS; empty: no known owner."""
    return next((start for tag in tags for start in FOREIGN_VOLUME_TAGS if tag.startswith(start)), "")


def _volume_marks(group: Group) -> Iterator[Mark]:
    if _owner_of_name(group.name):
        yield Mark(_owner_of_name(group.name), f"volume group {group.name}")
    for volume, _ in group.volumes:
        if _owner_of_name(volume):
            yield Mark(_owner_of_name(volume), f"volume {group.name}/{volume.strip('[]')}")
    for volume, tags in group.volumes:
        start = _owner_tag(tags)
        if start:
            yield Mark(FOREIGN_VOLUME_TAGS[start], f"volume {group.name}/{volume} tagged {start}*")


def _domain_marks(group: Group) -> list[str]:
    tags = [tag for tag in group.tags if tag.startswith(DOMAIN_TAGS)]
    if tags:
        return [f"tagged {tags[0]}" + (f" and {len(tags) - 1} more" if tags[1:] else "")]
    # A storage domain that has lost its tags is still one.
    return ["named by a UUID"] if UUID.fullmatch(group.name) else []


def _node_marks(group: Group) -> list[str]:
    tagged = [name for name, tags in group.volumes if any(tag.startswith(NODE_TAG) for tag in tags)]
    if not tagged and not any(tag.startswith(NODE_TAG) for tag in group.tags):
        return []
    return [f"volume group {group.name}", *(f"{group.name}/{name}" for name in tagged)]


def _reaching_out(facts: Facts, chosen: Sequence[Candidate]) -> Iterator[Refusal]:
    """What is on chosen disks and on others. Half of a mirror is whole by itself, so a lost half is no reason."""
    spans = [("volume group", group.name, group.members, group.missing) for group in facts.groups]
    for array in facts.arrays:
        lost = 0 if array.level == "raid1" else array.missing
        spans.append(("array", array.name, array.members, lost))
    filesystems = dict.fromkeys(device.filesystem_uuid for device in facts.devices if device.filesystem_uuid)
    for uuid in filesystems:
        members = tuple(device.name for device in facts.devices if device.filesystem_uuid == uuid)
        kinds = (SPANNING.get(each) for name in members for each in facts.device(name).signatures)
        spans.append((next(filter(None, kinds), "file system"), uuid, members, 0))
    ours = {name for candidate in chosen for name in candidate.names}
    for kind, name, members, missing in spans:
        disks = facts.roots_of(members)
        others = sorted(disks - ours)
        if missing:
            others.append(f"{missing} more that {'is' if missing == 1 else 'are'} not here")
        own = [candidate for candidate in chosen if disks & set(candidate.names)]
        if own and others:
            yield refusal("reaches-out", kind=kind, name=name, disk=_listed(own), others=_listed(others))


def _name_refusals(facts: Facts, chosen: Sequence[Candidate], wanted: Wanted) -> Iterator[Refusal]:
    """Groups of the name that the kickstart gives, on disks that are not touched."""
    ours = {name for candidate in chosen for name in candidate.names}
    for group in facts.groups:
        disks = facts.roots_of(group.members)
        if chosen and group.name == wanted.group and disks and not disks & ours:
            yield refusal("group-name-taken", name=group.name, disks=_listed(sorted(disks)), uuid=group.uuid)


def _takedown(facts: Facts, chosen: Sequence[Candidate]) -> Iterator[tuple[str, ...]]:
    """How to take down all that is active on the chosen disks: from the top layer down."""
    names = [name for candidate in chosen for name in candidate.names]
    stack = facts.stack(names)
    for device in stack:
        if "[SWAP]" in device.mounts:
            yield "swapoff", device.path
    # The volumes of a group go down together, so they are one thing here.
    units: dict[tuple[str, ...], list[Device]] = {}
    for device in stack:
        units.setdefault(_command(facts, device), []).append(device)
    done: set[tuple[str, ...]] = set()

    def visit(command: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        if command in done:
            return
        done.add(command)
        for child in facts.children(device.name for device in units[command]):
            yield from visit(_command(facts, child))
        if command[1:]:
            yield command

    for command in units:
        yield from visit(command)


def _command(facts: Facts, device: Device) -> tuple[str, ...]:
    """The command that takes a device down; one word, its name, where there is nothing to take down."""
    if device.type == "lvm":
        # device-mapper's UUID of a volume begins with that of its group, without dashes.
        group = next((g for g in facts.groups if device.mapper_uuid.startswith(f"LVM-{g.uuid.replace('-', '')}")), None)
        if group:
            return "vgchange", "--devicesfile", "", "-an", "--select", f"vg_uuid={group.uuid}"
        return "dmsetup", "remove", "--retry", device.mapper_name
    if device.type == "crypt":
        return "cryptsetup", "close", device.mapper_name
    if device.type == "dm" and device.mapper_name:
        return "dmsetup", "remove", "--retry", device.mapper_name
    if ARRAY.fullmatch(device.type):
        return "mdadm", "--stop", device.path
    return (device.name,)


def _wipes(facts: Facts, chosen: Sequence[Candidate], wanted: Wanted) -> Iterator[tuple[str, ...]]:
    """How to make sure that nothing on the disks is put together again.

    Any event starts arrays anew, and what is on them; then blivet cannot stop the array that it wants to destroy
    (`mdadm: Cannot get exclusive access`). What node_erase consents to is wiped here too, since Anaconda does not know
    all of it. All other contents Anaconda wipes itself.
    """
    for candidate in chosen:
        # Under a map the paths are in use; else one path of a LUN will do.
        top = candidate.map or next((path for path in candidate.paths if not path.trouble), candidate.paths[0])
        for device in facts.stack([top.name]):
            given_up = [each for each in device.signatures if rule_of(each) in wanted.erase]
            types = [*(ASSEMBLED if set(device.signatures) & set(ASSEMBLED) else ()), *given_up]
            if device.type in ("disk", "part", "mpath") and types:
                yield "wipefs", "--all", "--types", ",".join(types), device.path


def _multipath(chosen: Sequence[Candidate]) -> Iterator[tuple[str, ...]]:
    """Start multipath for the LUNs that it has not taken yet."""
    waiting = [candidate.paths[0].path for candidate in chosen if not candidate.map]
    if waiting:
        # As blivet does it later (flags.py, multipath_friendly_names), or the maps would get other names meanwhile.
        yield "mpathconf", "--enable", "--find_multipaths", "y", "--user_friendly_names", "y", "--with_multipathd", "y"
    for path in waiting:
        yield "multipath", "-a", path
        yield "multipath", path


def _link(number: int, candidate: Candidate, wanted: Wanted) -> Link:
    path = candidate.paths[0]
    if wanted.multipath:
        uuid = candidate.map.mapper_uuid if candidate.map else f"mpath-{path.wwid}"
        return Link(f"{LINK}{number}", f'ENV{{DM_UUID}}=="{uuid}"', f"/dev/disk/by-id/dm-uuid-{uuid}")
    # The place where it is plugged in and its kernel name: nothing that another disk could have too.
    return Link(f"{LINK}{number}", f'ENV{{DEVTYPE}}=="disk", DEVPATH=="{path.sysfs}"', path.path)


def rules(links: Iterable[Link]) -> str:
    """Rules and not symlinks: Anaconda looks for names in udev's database."""
    return "".join(f'SUBSYSTEM=="block", {link.match}, SYMLINK+="{link.name[len("/dev/") :]}"\n' for link in links)


# Acting


def act(target: Target, decision: Decision) -> tuple[Refusal, ...]:
    """Take down, wipe, start multipath, link. If one of it fails there are no links."""
    failed = (
        _do(target, decision.takedown, "takedown-failed")
        or _do(target, decision.wipes, "wipe-failed")
        or _do(target, decision.multipath, "multipath-failed")
    )
    if failed:
        return failed
    if decision.takedown or decision.wipes or decision.multipath:
        _settle(target)
    target.write(RULES, rules(decision.links))
    for number in range(1, LINK_TRIES + 1):
        _apply(target, decision)
        wrong = _wrong_links(target, decision)
        if not wrong:
            return ()
        print(f"ovirt-node: try {number} of {LINK_TRIES}: {wrong[0].found}", flush=True)
        target.pause(LINK_PAUSE)
    target.remove(RULES)
    _apply(target, decision)
    return wrong


def _wrong_links(target: Target, decision: Decision) -> tuple[Refusal, ...]:
    wrong = []
    for link in decision.links:
        node, right = target.resolve(link.name), target.resolve(link.node)
        if not node or node != right:
            wrong.append(refusal("link-missing", link=link.name, found=node or "nothing", wanted=link.node, log=LOG))
    return tuple(wrong)


def _do(target: Target, steps: Iterable[tuple[str, ...]], code: str) -> tuple[Refusal, ...]:
    for step in steps:
        command = " ".join(word or "''" for word in step)
        print("ovirt-node:", command, flush=True)
        output = target.run(*step)
        # A daemon may have made the map meanwhile; whether it is there is asked afterwards.
        if output.status and step[0] == "multipath":
            print(output.text, output.complaints, flush=True)
        elif output.status:
            return (refusal(code, command=command, outcome=outcome(merged(output)), log=LOG),)
    return ()


def _settle(target: Target) -> None:
    target.run("udevadm", "settle", f"--timeout={SETTLE}")


def _apply(target: Target, decision: Decision) -> None:
    target.run("udevadm", "control", "--reload")
    for link in decision.links:
        node = target.resolve(link.node)
        if node:
            target.run("udevadm", "trigger", "--action=change", f"--name-match={node}")
    _settle(target)


# Telling


def contents(facts: Facts, candidate: Candidate) -> str:
    """What is on a disk, in a few words."""
    parts = []
    for device in facts.stack(candidate.names):
        parts += [each for each in device.signatures if each not in ("LVM2_member", "linux_raid_member", "PMBR")]
        parts += [f"mounted at {mount}" for mount in device.mounts]
    for array in facts.arrays:
        if _is_on(facts, array.members, candidate):
            parts.append(f"array {array.name}")
    for group in facts.groups:
        if _is_on(facts, group.members, candidate):
            parts.append(f"volume group {group.name}")
    return _listed(dict.fromkeys(parts)) or "nothing"


def table(facts: Facts) -> str:
    """Every disk of the machine, a line each."""
    lines = [("DISK", "SIZE", "MODEL", "SERIAL", "WWN", "ON IT")]
    for candidate in candidates(facts):
        first = candidate.paths[0]
        serial = first.serials[0] if first.serials else "-"
        size = f"{first.size / 1e9:.1f} GB"
        lines.append((str(candidate), size, first.model or "-", serial, first.wwn or "-", contents(facts, candidate)))
    if len(lines) == 1:
        return "  no disk at all"
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join("  " + "  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def given(facts: Facts, decision: Decision) -> list[str]:
    """Which disk has which name, and what is on it, a line each."""
    pairs = zip(decision.links, decision.chosen)
    return [f"{link.name} is {candidate}: {contents(facts, candidate)}" for link, candidate in pairs]


def looked_at(facts: Facts, wanted: Wanted) -> list[str]:
    """What was wanted, and what is there."""
    disks = [f"  system{number}: {disk}" for number, disk in enumerate(wanted.disks)]
    return ["wanted:", *disks, "found:", table(facts)]


def describe(refusals: Sequence[Refusal], looked: Sequence[str] = ()) -> str:
    """Why the installation stops, and what to do. `looked`: what was wanted and what is there."""
    has_written = any(each.code in AFTER_WIPING for each in refusals)
    what = "only the requested disks have been written to" if has_written else "nothing has been written to any disk"
    lines = [f"the installation stops here; {what}.", *looked]
    for each in refusals:
        lines += [f"error: {each.code}: {each.found}; needed: {each.needed}", f"  cure: {each.cure}"]
        if each.word:
            lines.append(f"  to erase it anyway: node_erase: [{each.word}]")
    lines.append("Correct the inventory, run ksgen, and boot again.")
    return "\n".join(f"ovirt-node: {line}" for text in lines for line in text.splitlines())


def terminals(target: Target) -> tuple[str, ...]:
    """Every terminal on which a person may look; tty0 is the one in front, mostly tty1."""
    active = target.read("/sys/class/tty/console/active").split()
    return tuple(dict.fromkeys([*active, *([] if "tty0" in active else ["tty1"])]))


def tell(target: Target, text: str) -> None:
    """Write it to every terminal; /dev/console is one of the active ones, and is written to only if those fail."""
    heard = [target.say(terminal, f"\n{text}\n") for terminal in terminals(target)]
    if not any(heard):
        target.say("console", f"\n{text}\n")


def leave_report(target: Target, state: str, message: str) -> None:
    """Leave it to the reporter (report.py, Queue.take_in), if it runs. The installation does not depend on it."""
    if target.resolve(REPORTS):
        said = json.dumps({"state": state, "step": "the disks", "message": message})
        with contextlib.suppress(OSError):
            target.write(f"{REPORTS}/said-disks.json", said)


def announce(target: Target, allowed: Sequence[Refusal]) -> None:
    """Say what is erased by node_erase, here and on every terminal, before anything is."""
    if allowed:
        lines = [f"ovirt-node: node_erase: [{each.word}] allows it to be erased: {each.found}" for each in allowed]
        print("\n".join(lines), flush=True)
        tell(target, "\n".join(lines))


def addon_missing(way: str, updates: str) -> Refusal:
    """Why the installer has no add-on. `way`: one of ADDON_WAYS; `updates`: inst.updates of the kernel, if any."""
    if way == "tree":
        why = "the install tree does not contain it"
        cure = "add it to the tree as images/product.img (ksgen image), or set node_addon: true"
    elif updates:
        why = f"inst.updates={updates} did not provide it"
        cure = "check whether the installer can fetch that URL, and whether it is the image that ksgen published"
    else:
        why = "the kernel's command line has no inst.updates"
        cure = "boot with the files that ksgen writes, or set node_addon: false"
    return refusal("addon-missing", why=why, path=ADDON, cure=cure)


def addon_refusals(target: Target, wanted: Wanted) -> tuple[Refusal, ...]:
    """Why the add-on is not there, if it has to be."""
    if wanted.addon == "none" or target.resolve(ADDON):
        return ()
    words = (word.partition("=") for word in target.read("/proc/cmdline").split())
    given = [value for name, _, value in words if name == "inst.updates"]
    return (addon_missing(wanted.addon, given[-1] if given else ""),)


def judge(target: Target, wanted: Wanted) -> tuple[Facts, Decision]:
    """Look, decide, look closer at what was chosen, and decide: what is to be done, or why not. Changes nothing."""
    facts = gather(target)
    decision = decide(facts, wanted)
    if not decision.refusals:
        facts = look_inside(target, facts, decision.chosen)
        decision = decide(facts, wanted)
    return facts, decision


def resolve(target: Target, wanted: Wanted) -> tuple[Facts, Decision]:
    """Judge, and act."""
    missing = addon_refusals(target, wanted)
    if missing:
        return gather(target), Decision(refusals=missing)
    for left in reversed(range(ATTEMPTS)):
        _settle(target)
        facts, decision = judge(target, wanted)
        if not decision.refusals:
            announce(target, decision.allowed)
            decision = dataclasses.replace(decision, refusals=act(target, decision))
        # Something may still be starting what was just taken down, in units that udev does not wait for.
        if not left or all(each.code != "takedown-failed" for each in decision.refusals):
            break
        target.pause(BETWEEN_ATTEMPTS)
    return facts, decision


def main(arguments: Optional[Sequence[str]] = None, target: Optional[Target] = None) -> int:
    """Exit status 0: every link is there. 1: none is, and terminals and log say why, and what to do."""
    # Not by argparse, whose import is a sixth of the start of this program.
    path, *times = sys.argv[1:] if arguments is None else arguments
    every, duration = map(int, times) if times else (REPEAT_EVERY, REPEAT_FOR)
    target = target or Target()
    try:
        wanted = read(target.read(path))
        facts, decision = resolve(target, wanted)
    except ContractError as error:
        text = describe([refusal("contract", file=path, why=error)])
    except Exception:
        # A bug of ours must not be mute either; without links Anaconda stops.
        report = f"the installation stops here because of a bug in disks.py; report it:\n{format_exc()}"
        tell(target, f"ovirt-node: {report}")
        raise
    else:
        if not decision.refusals:
            chosen = given(facts, decision)
            print("\n".join(f"ovirt-node: {line}" for line in chosen))
            leave_report(target, "preparing", "\n".join(chosen))
            return 0
        text = describe(decision.refusals, looked_at(facts, wanted))
    print(text, flush=True)
    leave_report(target, "failed", text)
    for _ in range(max(1, duration // every)):
        tell(target, text)
        target.pause(every)
    return 1


if __name__ == "__main__":
    sys.exit(main())
