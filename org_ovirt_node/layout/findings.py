# SPDX-License-Identifier: GPL-2.0-or-later
"""What is wrong with a layout, and the messages for it.

A finding is a code and values; it does not know where its cause is. Its wording is defined here only.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from org_ovirt_node.layout.geometry import GIB, MIB, TIB

ERROR = "error"
WARNING = "warning"


@dataclass(frozen=True)
class Finding:
    """`subject` is a mount point, or `swap`, `disk`, `pool`, `volume_group`, `images`, `layout`, ...

    `values` are the values of the message: sizes are bytes and end in `_size`, everything else is text.
    """

    code: str
    severity: str
    subject: str
    values: tuple[tuple[str, object], ...] = ()


def has_errors(findings: Iterable[Finding]) -> bool:
    return any(finding.severity == ERROR for finding in findings)


class Description(NamedTuple):
    """The words of a finding; `hint` is empty where no cure is known."""

    message: str
    hint: str


class WayOut(NamedTuple):
    """A change that makes a layout fit: the setting, the size or name to set it to, and what it saves in bytes."""

    setting: str
    value: object
    saves: int


def size_text(size: int, round_up: bool = False) -> str:
    """`2 GiB`, `600 MiB`, `1.5 TiB`: at most two decimals.

    What there is is rounded down and what is needed up, so that too little never looks enough.
    """
    unit, name = next(
        ((unit, name) for unit, name in ((TIB, "TiB"), (GIB, "GiB")) if size >= unit),
        (MIB, "MiB"),
    )
    hundredths = -(-size * 100 // unit) if round_up else size * 100 // unit
    return f"{hundredths // 100}.{hundredths % 100:02}".rstrip("0").rstrip(".") + " " + name


def _same(text: str) -> str:
    return text


# code: (message, hint). The same words for the operator's terminal, Anaconda's screen and its log.
_WORDS = {
    "boot-missing": (
        "no separate /boot",
        "make /boot a partition or an md RAID 1 of {wanted_size}",
    ),
    "boot-kind": (
        "/boot is {kind}; the boot loader cannot read thin volumes",
        "make /boot a partition or an md RAID 1 of {wanted_size}",
    ),
    "boot-too-small": (
        "/boot holds {found_bytes} bytes as {filesystem}; imgbase needs {needed_bytes}",
        "give it {wanted_size}",
    ),
    "boot-small": (
        "/boot has {found_size}; {wanted_size} hold the kernels of two updates",
        "give it {wanted_size}",
    ),
    "boot-large": (
        "/boot has {found_size}; the kernels of 99 images need less than {wanted_size}",
        "give it {wanted_size} or less",
    ),
    "root-missing": ("no root volume", "add / as a thin volume"),
    "root-small": (
        "{found_size} is below the {needed_size} minimum of the root volume",
        "give it {needed_size} or more; each later image inherits the size",
    ),
    "root-below-image": (
        "{found_size} is below {factor} times the image, {needed_size}, which Anaconda requires",
        "give it {needed_size} or more, or let the default follow the image",
    ),
    "host-root-small": (
        "{found_size} is below the {needed_size} minimum of the root volume",
        "give it {needed_size} or more",
    ),
    "root-large": (
        "{found_size} is above {wanted_size}, and each image inherits it",
        "store data in /var or on a separate volume",
    ),
    "volume-missing": (
        "{mount_point} is not a separate volume; layout {layout} requires one of {needed_size}",
        "add it as a thin volume of at least {needed_size}",
    ),
    "volume-not-thin": ("{mount_point} is {kind}; it must be a thin volume", "put it into the node's thin pool"),
    "volume-other-pool": (
        "{mount_point} is in pool {found}; it must be in the pool of the root volume, {needed}",
        "",
    ),
    "volume-small": (
        "{found_size} is below the {needed_size} minimum",
        "give it {needed_size} or more",
    ),
    "host-volume-missing": (
        "{mount_point} is not a separate volume; the oVirt documentation recommends one of {needed_size}",
        "add it as a logical volume of {needed_size}, or leave as much to the volume that holds it",
    ),
    "host-volume-small": (
        "{found_size} is below the {needed_size} that the oVirt documentation recommends",
        "give it {needed_size} or more",
    ),
    "volume-wish-missing": (
        "{mount_point} is not a separate volume; one of {wanted_size} is requested",
        "add it as a thin volume of at least {wanted_size}, or do not request it",
    ),
    "volume-below-wish": (
        "{mount_point} has {found_size}; {wanted_size} are requested",
        "give it {wanted_size}, or request less",
    ),
    "volume-tiny": ("{found_size} is below the {needed_size} of the smallest XFS", "give it {needed_size} or more"),
    "volume-filesystem": ("{mount_point} has {found}; imgbase supports xfs and ext4", ""),
    "volume-boot": (
        "/boot is a partition of {default_size}, not a volume",
        "remove it; storage commands make /boot a partition (part /boot)",
    ),
    "volume-place": ("{mount_point} is part of the image and cannot be a volume", "remove it"),
    "volume-mount-point": (
        "{mount_point!r} is not the mount point of a volume",
        "write an absolute path without spaces, '..' or a slash at the end",
    ),
    "volume-name-twice": ("{mount_point} and {other} would both be named {name}", "rename one of them"),
    "volume-option": (
        "{mount_point} is mounted without discard, so the pool never gets freed blocks back",
        "mount it with defaults,discard",
    ),
    "over-provisioned": (
        "the thin volumes add up to {found_size}; the pool has {needed_size}",
        "make volumes smaller or the pool larger; Anaconda does not check this",
    ),
    "metadata-small": ("the pool has {found_size} of metadata; imgbase expects {needed_size}", "--metadatasize={mib}"),
    "reserve-too-small": (
        "{found_size} of the volume group stay free; the pool needs {needed_size} to grow",
        "make the pool smaller, or set --reserved-space",
    ),
    "reserve-small": (
        "{found_size} of the volume group stay free; {wanted_size} are recommended",
        "the disk is small for this layout: a larger one, or smaller volumes",
    ),
    "swap-thin": ("swap is a thin volume; it fails when the pool is full", "make it a plain logical volume"),
    "cannot-update": (
        "the pool of {found_size} cannot hold a second image: this node cannot be updated",
        "{needed_size} of pool hold one update; a larger disk, or smaller volumes",
    ),
    "images-below-wish": (
        "the pool of {found_size} has room for {found} of the {wanted} requested images",
        "{needed_size} of pool hold them; a larger disk, smaller volumes, or fewer images",
    ),
    "does-not-fit": (
        "{found_size} of disk are too small for this layout: {needed_size} are needed = {parts}",
        "{ways_out}",
    ),
    "disks-for-mirror": ("a mirror needs two disks; {found} named", "name two disks"),
    "layout-unknown": ("unknown layout {found!r}", "one of: {known}"),
    "filesystem-unknown": ("file system {found!r} is not supported", "imgbase supports xfs and ext4"),
    "firmware-unknown": ("unknown firmware {found!r}", "write uefi or bios, or leave it open"),
    "name-characters": (
        "{found!r} is not a valid LVM name",
        "letters, digits, '_', '.', '+' and '-', not first a '-', at most {longest} characters",
    ),
    "name-reserved": ("{found!r} is reserved by LVM", "choose another name"),
    "pool-name-taken": ("the pool has the name of volume {found}", "choose another name"),
    "partitioning-missing": ("there is no storage layout yet", "choose the disks, and create one"),
    "disks-more": (
        "the node uses {found} disks ({disks}) instead of {wanted}",
        "name those to use, as `ignoredisk --only-use` does, or ask for {found}",
    ),
    "disk-unselected": ("no disk is selected", "select the node's disks in Installation Destination"),
    "disk-refused": (
        "{why}; needed: {needed}",
        "select another disk; if what is on it is given up, wipe the disk by hand: wipefs -a",
    ),
    "disk-not-empty": (
        "disk {disk} is not empty: {found}",
        "confirm that it is erased, or select another disk in Installation Destination",
    ),
    "disk-not-cleared": (
        "disk {disk} is not empty: {found}; the kickstart does not clear it",
        "add clearpart --all --initlabel --drives={disk} to the kickstart, if what is on it may go",
    ),
    "encryption-chosen": (
        "Installation Destination is set to encrypt the data; the node layout is not encrypted",
        "clear the choice there",
    ),
    "storage-refused": ("Anaconda does not accept the layout: {why}", ""),
    "storage-remark": ("Anaconda remarks: {why}", ""),
    "tag-own": (
        "volume group {group} belongs to an earlier node, tagged {tag}; imgbase cannot initialise it again",
        "remove it and create it again",
    ),
    "tag-other": (
        "volume group {groups} on {volumes} belongs to another node; imgbase removes its tag {tag}",
        "detach its disks if that node is to be kept",
    ),
    "tags-other": (
        "the volume groups {groups} on {volumes} are tagged {tag}; imgbase cannot tell which is its own",
        "detach their disks, or run `vgchange --deltag {tag} {groups}` before",
    ),
}


def describe(
    finding: Finding,
    translate: Callable[[str], str] = _same,
    setting: Callable[[str], str] = _same,
) -> Description:
    """Return the words of a finding.

    `translate` gets each text before anything is put into it; `setting` says how the person writes a setting
    (`root_size` is `node_root_size` in an inventory).
    """
    message, hint = _WORDS[finding.code]
    values = {key: _value_text(key, value, translate, setting) for key, value in finding.values}
    return Description(translate(message).format(**values), translate(hint).format(**values) if hint else "")


def _value_text(key: str, value: object, translate: Callable[[str], str], setting: Callable[[str], str]) -> object:
    if key.endswith("_size") and isinstance(value, int):
        return size_text(value, round_up=key != "found_size")
    if key == "parts" and isinstance(value, tuple):
        return " + ".join(f"{translate(name)} {size_text(size, round_up=True)}" for name, size in value)
    if key == "ways_out" and isinstance(value, tuple):
        return "; ".join(_way_out_text(way, translate, setting) for way in value)
    return value


def _way_out_text(way: WayOut, translate: Callable[[str], str], setting: Callable[[str], str]) -> str:
    if way.setting == "disk":
        return translate("a disk of {size}").format(size=size_text(way.saves, round_up=True))
    value = size_text(way.value) if isinstance(way.value, int) else way.value
    text = translate("{setting}: {value} saves {size}")
    return text.format(setting=setting(way.setting), value=value, size=size_text(way.saves))
