# SPDX-License-Identifier: GPL-2.0-or-later
"""Kickstarts, good and bad, and what the gate has to find in what real Anaconda plans of them.

tests/support/record_gate.py has Anaconda plan them and keeps the plans in tests/data/gate; test_gate.py judges those.
The machine has two disks of 128 GiB and UEFI. A volume group on one of them has 125.4 GiB, so that 25.1 are to stay
free.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Optional

from org_ovirt_node.gate import Group, Tree
from org_ovirt_node.layout import Device

RECORDED = Path(__file__).parents[1] / "data" / "gate"
RELEASES = {"el9": "rhel-9", "el10": "rhel-10"}
DISKS = ("sda:128GiB", "sdb:128GiB")

Expected = tuple[tuple[str, str], ...]


@dataclasses.dataclass(frozen=True)
class Case:
    """`kickstart` are storage commands, or how else a layout comes about: Use, Due, or lines of an Inventory.

    `stock` is Anaconda without our configuration, `bios` a machine without UEFI. `on_sda` are signatures on that disk,
    `erased` the disks that a person lets be erased, `protected` those that Anaconda must not touch. `expected` are code
    and subject of what the gate finds, None where Anaconda refuses the kickstart itself; `el9` is what it finds more
    there. `refused` is what it finds where Anaconda refuses: with a plan that is only not applied, all that is wrong
    with it.
    """

    name: str
    kickstart: Any
    expected: Optional[Expected] = ()
    section: str = ""
    stock: bool = False
    groups: tuple[Group, ...] = ()
    el9: Expected = ()
    bios: bool = False
    on_sda: tuple[str, ...] = ()
    erased: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()
    refused: Expected = (("partitioning-missing", "layout"),)

    def expected_in(self, release: str) -> Expected:
        return (*(self.expected or ()), *(self.el9 if release == "el9" else ()))


@dataclasses.dataclass(frozen=True)
class Inventory:
    """The lines of a host in an inventory, from which ksgen makes the kickstart."""

    more: tuple[str, ...] = ()
    disks: int = 1


@dataclasses.dataclass(frozen=True)
class Use:
    """A person has the add-on use the node layout on these disks."""

    disks: tuple[str, ...] = ("sda",)


@dataclasses.dataclass(frozen=True)
class Due:
    """A kickstart without storage commands, for which the add-on makes the layout."""

    commands: str


def thin(mount_point: str, size: int, more: str = "--fsoptions=defaults,discard", pool: str = "pool00") -> str:
    name = "root" if mount_point == "/" else mount_point[1:].replace("/", "_")
    fstype = "" if "--fstype" in more else "--fstype=xfs "
    return f"logvol {mount_point} --vgname=onn --name={name} --thin --poolname={pool} {fstype}--size={size} {more}"


def plain(mount_point: str, size: int, more: str = "--fstype=xfs") -> str:
    name = "root" if mount_point == "/" else mount_point.strip("/").replace("/", "_")
    return f"logvol {mount_point} --vgname=onn --name={name} --size={size} {more}"


GOOD = {
    "disks": "ignoredisk --only-use=sda",
    "clear": "zerombr\nclearpart --all --initlabel --disklabel=gpt",
    "loader": "bootloader --timeout=5",
    "firmware": "reqpart",
    "/boot": "part /boot --fstype=xfs --size=2048 --ondisk=sda",
    "pv": "part pv.01 --size=1 --grow --ondisk=sda",
    "group": "volgroup onn pv.01 --reserved-space=26624",
    "pool": "logvol none --vgname=onn --name=pool00 --thinpool --size=1 --grow --metadatasize=1024",
    "swap": plain("swap", 4096, "--fstype=swap"),
    "/": thin("/", 10240),
    "/home": thin("/home", 1024),
    "/tmp": thin("/tmp", 1024),
    "/var": thin("/var", 5120),
    "/var/crash": thin("/var/crash", 10240),
    "/var/log": thin("/var/log", 8192),
    "/var/log/audit": thin("/var/log/audit", 2048),
    "/var/tmp": thin("/var/tmp", 10240),
}
VOLUMES = ("/", "/home", "/tmp", "/var", "/var/crash", "/var/log", "/var/log/audit", "/var/tmp")


def changed(changes: dict[str, Optional[str]]) -> str:
    """The good kickstart with some of its lines replaced, left out (None), or added."""
    lines = {**GOOD, **changes}
    return "\n".join(line for line in lines.values() if line is not None) + "\n"


def every(more: str, **changes: Optional[str]) -> str:
    """The good kickstart with something else at the end of each thin volume."""
    sizes = {path: int(GOOD[path].partition("--size=")[2].split()[0]) for path in VOLUMES}
    return changed({**{path: thin(path, size, more) for path, size in sizes.items()}, **changes})


MINIMAL: dict[str, Optional[str]] = {**dict.fromkeys(VOLUMES[1:]), "/var": thin("/var", 8192)}
NO_LOADER: dict[str, Optional[str]] = {"loader": "bootloader --disabled"}
JOINED: dict[str, Optional[str]] = {
    "disks": "ignoredisk --only-use=sda,sdb",
    "pv": "part pv.01 --size=1 --grow --ondisk=sda\npart pv.02 --size=1 --grow --ondisk=sdb",
    "group": "volgroup onn pv.01 pv.02 --reserved-space=53248",
}
MIRROR: dict[str, Optional[str]] = {
    "disks": "ignoredisk --only-use=sda,sdb",
    "firmware": "part raid.11 --size=600 --ondisk=sda\npart raid.12 --size=600 --ondisk=sdb\n"
    "raid /boot/efi --device=boot_efi --fstype=efi --level=RAID1 raid.11 raid.12",
    "/boot": "part raid.21 --size=2048 --ondisk=sda\npart raid.22 --size=2048 --ondisk=sdb\n"
    "raid /boot --device=boot --fstype=xfs --level=RAID1 raid.21 raid.22",
    "pv": "part raid.31 --size=1 --grow --ondisk=sda\npart raid.32 --size=1 --grow --ondisk=sdb\n"
    "raid pv.01 --device=pv01 --fstype=lvmpv --level=RAID1 raid.31 raid.32",
}
SECOND_POOL = "logvol none --vgname=onn --name=pool01 --thinpool --size=8192 --metadatasize=1024"
AUTOMATIC = "ignoredisk --only-use=sda\nzerombr\nclearpart --all --initlabel\nbootloader --timeout=5\nautopart"
CLEAR = AUTOMATIC.replace("autopart", "")
KEPT = (
    "bootloader --timeout=9 --append='intel_iommu=on iommu=pt' --leavebootorder "
    f"--password=grub.pbkdf2.sha512.10000.{'A' * 128}.{'B' * 128} --iscrypted\n"
    "snapshot onn/root --name=after --when=post-install"
)
MORE = "volume / 12 GiB\nvolume /var 15 GiB\nvolume /data 3 GiB"
NODE = Group("old", ("imgbased:vg",), ("/dev/sdc1",))
OTHER_NODE = Group("other", ("imgbased:vg", "mine"), ("/dev/sdd1", "/dev/sde"))

BOOT_SMALL = ("boot-small", "/boot")
RESERVE_SMALL = ("reserve-small", "volume_group")
# Anaconda by itself makes / and /home, and both grow.
NOT_OURS = (("root-large", "/"), *(("volume-missing", path) for path in ("/tmp", *VOLUMES[3:])))
NOT_THIN = (("volume-not-thin", "/"), ("volume-not-thin", "/home"))

CASES = (
    # --- good: nothing is found --------------------------------------------------------------------------------------
    Case("explicit", changed({}), section="--disks=1"),
    Case("explicit-stock", changed({}), stock=True),
    Case("ext4", every("--fstype=ext4 --fsoptions=defaults,discard"), section="--filesystem=ext4"),
    Case("minimal", changed(MINIMAL), section="--layout=minimal"),
    Case("names", changed({}).replace("onn", "HostVG").replace("pool00", "the-pool"), section="--images=3"),
    Case("more-volumes", changed({"/data": thin("/data", 5120), "/srv": plain("/srv", 2048)})),
    Case("var-larger", changed({"/var": thin("/var", 15360)}), section="\nvolume /var 15 GiB\nvolume / 10 GiB"),
    Case("joined", changed(JOINED), section="--disks=2"),
    Case("mirror", changed(MIRROR), section="--disks=2"),
    Case("swap-partition", changed({"swap": "part swap --size=4096 --ondisk=sda"})),
    Case("encrypted-pv", changed({"pv": f"{GOOD['pv']} --encrypted --passphrase=x"})),
    # --- good: ksgen's ---------------------------------------------------------------------------------------------
    Case("ksgen", Inventory(), section="--disks=1"),
    Case("ksgen-minimal", Inventory(("node_layout: minimal",)), section="--layout=minimal --disks=1"),
    Case("ksgen-mirror", Inventory(("node_raid: 1",), 2), section="--disks=2"),
    Case("ksgen-joined", Inventory(("node_images: 3",), 2), section="--disks=2 --images=3"),
    Case("ksgen-ext4", Inventory(("node_filesystem: ext4", "node_swap_size: 0")), section="--filesystem=ext4"),
    Case(
        "ksgen-more",
        Inventory(("node_volumes: {/var: 15 GiB, /data: 3 GiB}", "node_image_size: 1.4 GiB", "node_vg: HostVG")),
        section="\nvolume /var 15 GiB\nvolume /data 3 GiB\nimage 1434 MiB",
    ),
    # --- automatic -------------------------------------------------------------------------------------------------
    Case("autopart", AUTOMATIC, el9=(BOOT_SMALL,), section="--disks=1"),
    Case("autopart-ext4", AUTOMATIC + " --fstype=ext4", el9=(BOOT_SMALL,)),
    Case("autopart-thinp", AUTOMATIC + " --type=thinp", el9=(BOOT_SMALL,)),
    Case(
        "autopart-nohome",
        AUTOMATIC + " --nohome",
        (("volume-missing", "/home"),),
        el9=(BOOT_SMALL,),
    ),
    Case("autopart-for-minimal", AUTOMATIC, el9=(BOOT_SMALL,), section="--layout=minimal"),
    Case("autopart-two-disks", AUTOMATIC.replace("=sda\n", "=sda,sdb\n"), el9=(BOOT_SMALL,)),
    Case(
        "autopart-asked-more",
        AUTOMATIC,
        (("volume-below-wish", "/"),),
        el9=(BOOT_SMALL,),
        section="\nvolume / 12 GiB",
    ),
    # --- the node layout, asked for ----------------------------------------------------------------------------------
    Case("use", Use(), section="--disks=1"),
    Case("use-bios", Use(), bios=True),
    Case("use-two-disks", Use(("sda", "sdb"))),
    Case("use-two-disks-bios", Use(("sda", "sdb")), bios=True),
    Case("use-mirror", Use(("sda", "sdb")), section="--mirror"),
    Case("use-mirror-bios", Use(("sda", "sdb")), section="--mirror", bios=True),
    Case("use-minimal", Use(), section="--layout=minimal"),
    Case("use-ext4-more", Use(), section=f"--layout=minimal --filesystem=ext4\n{MORE}"),
    Case("use-confirmed", Use(), on_sda=("ext4",), erased=("sda",)),
    Case("use-not-confirmed", Use(), None, on_sda=("ext4",), erased=("sdb",)),
    Case("use-foreign", Use(), None, on_sda=("zfs_member",), erased=("sda",)),
    Case("use-no-disk", Use(()), None),
    Case("use-too-large", Use(), None, section="\nvolume /data 128 GiB"),
    Case("use-protected", Use(), None, protected=("sda",)),
    Case("due", Due(CLEAR), section="--disks=1"),
    Case("due-cleared", Due(CLEAR), on_sda=("ext4",)),
    Case("due-not-cleared", Due("ignoredisk --only-use=sda\n"), None, on_sda=("ext4",)),
    Case("due-bios", Due(CLEAR), bios=True),
    Case("due-two-disks", Due(CLEAR.replace("=sda\n", "=sda,sdb\n"))),
    Case("due-mirror", Due(CLEAR.replace("=sda\n", "=sda,sdb\n")), section="--mirror"),
    Case("due-mirror-bios", Due(CLEAR.replace("=sda\n", "=sda,sdb\n")), section="--mirror", bios=True),
    Case("due-minimal", Due("ignoredisk --only-use=sda\n"), section="--layout=minimal"),
    Case("due-ext4-more", Due("zerombr\nignoredisk --only-use=sdb\n"), section=f"--filesystem=ext4\n{MORE}"),
    Case("due-kept", Due(CLEAR.replace("bootloader --timeout=5", KEPT))),
    Case("due-boot-drive", Due(CLEAR.replace("=sda\n", "=sda,sdb\n").replace("=5", "=5 --boot-drive=sdb"))),
    # --- discard ---------------------------------------------------------------------------------------------------
    Case("no-discard", every("")),
    Case("noatime", every("--fsoptions=defaults,noatime")),
    Case("nodiscard", changed({"/var": thin("/var", 5120, "--fsoptions=nodiscard")}), (("volume-option", "/var"),)),
    # --- boot ------------------------------------------------------------------------------------------------------
    Case("boot-1GiB", changed({"/boot": GOOD["/boot"].replace("2048", "1024")}), (BOOT_SMALL,)),
    Case("boot-512MiB", changed({"/boot": GOOD["/boot"].replace("2048", "512")}), (("boot-too-small", "/boot"),)),
    Case(
        "boot-ext4-980MiB",
        changed({"/boot": "part /boot --fstype=ext4 --size=980 --ondisk=sda"}),
        (("boot-too-small", "/boot"),),
        stock=True,
    ),
    Case(
        "boot-on-lvm-with-loader",
        changed({"/boot": plain("/boot", 2048), "/tmp": None}),
        None,
        refused=(("storage-refused", "disk"), ("boot-kind", "/boot"), ("volume-missing", "/tmp")),
    ),
    Case("boot-on-lvm", changed({"/boot": plain("/boot", 2048), **NO_LOADER}), (("boot-kind", "/boot"),)),
    Case("boot-thin", changed({"/boot": None, "boot": thin("/boot", 2048), **NO_LOADER}), (("boot-kind", "/boot"),)),
    Case("boot-in-root", changed({"/boot": None, **NO_LOADER}), (("boot-missing", "/boot"),)),
    Case("boot-in-root-stock", changed({"/boot": None, **NO_LOADER}), (("boot-missing", "/boot"),), stock=True),
    # --- root ------------------------------------------------------------------------------------------------------
    Case("root-plain", changed({"/": plain("/", 10240)}), (("volume-not-thin", "/"),)),
    Case("root-plain-stock", changed({"/": plain("/", 10240)}), (("volume-not-thin", "/"),), stock=True),
    Case(
        "root-partition",
        changed({"/": "part / --fstype=xfs --size=10240 --ondisk=sda"}),
        (("volume-not-thin", "/"),),
        stock=True,
    ),
    Case("root-5GiB", changed({"/": thin("/", 5120)}), (("root-small", "/"),), stock=True),
    # Of an image that large only two fit beside the installed root.
    Case("root-below-image", changed({}), (("root-below-image", "/"),), section="--images=1\nimage 4 GiB"),
    Case("root-for-local-image", changed({}), section="--images=1\nimage 3 GiB file"),
    Case(
        "root-above-50GiB",
        changed({"/": thin("/", 51400), "/var/crash": None}),
        (("root-large", "/"), ("volume-missing", "/var/crash")),
    ),
    Case("root-ext3", changed({"/": thin("/", 10240, "--fstype=ext3")}), (("volume-filesystem", "/"),)),
    Case(
        "root-encrypted",
        changed({"/": GOOD["/"] + " --encrypted --passphrase=x"}),
        (("volume-not-thin", "/"),),
        stock=True,
    ),
    Case("root-btrfs", changed({"/": "part / --fstype=btrfs --size=10240 --ondisk=sda"}), None, stock=True),
    # --- volumes ---------------------------------------------------------------------------------------------------
    Case("var-plain", changed({"/var": plain("/var", 5120)}), (("volume-not-thin", "/var"),)),
    Case(
        "var-partition",
        changed({"/var": "part /var --fstype=xfs --size=5120 --ondisk=sda"}),
        (("volume-not-thin", "/var"),),
    ),
    Case(
        "log-other-pool",
        changed({"pool": f"{GOOD['pool']}\n{SECOND_POOL}", "/var/log": thin("/var/log", 8192, pool="pool01")}),
        (("volume-other-pool", "/var/log"),),
    ),
    Case("tmp-missing", changed({"/var/tmp": None}), (("volume-missing", "/var/tmp"),)),
    Case("var-missing", changed({"/var": None}), (("volume-missing", "/var"),)),
    Case("log-4GiB", changed({"/var/log": thin("/var/log", 4096)}), (("volume-small", "/var/log"),)),
    Case(
        "minimal-var-5GiB",
        changed({**MINIMAL, "/var": GOOD["/var"]}),
        (("volume-small", "/var"),),
        section="--layout=minimal",
    ),
    Case(
        "minimal-for-standard",
        changed(MINIMAL),
        tuple(("volume-missing", path) for path in VOLUMES[1:] if path != "/var"),
    ),
    Case("usr-separate", changed({"/usr": thin("/usr", 8192)}), (("volume-place", "/usr"),)),
    Case("asked-volume-missing", changed({}), (("volume-wish-missing", "/data"),), section="\nvolume /data 20 GiB"),
    Case("asked-root-larger", changed({}), (("volume-below-wish", "/"),), section="\nvolume / 12 GiB"),
    Case("asked-var-larger", changed({}), (("volume-below-wish", "/var"),), section="\nvolume /var 6 GiB"),
    # --- pool and volume group -----------------------------------------------------------------------------------
    Case(
        "over-provisioned",
        changed({"pv": "part pv.01 --size=53800 --ondisk=sda", "group": "volgroup onn pv.01"}),
        (("over-provisioned", "pool"), ("reserve-too-small", "volume_group"), ("cannot-update", "images")),
    ),
    Case("no-reserve", changed({"group": "volgroup onn pv.01"}), (("reserve-too-small", "volume_group"),)),
    Case("reserve-10GiB", changed({"group": "volgroup onn pv.01 --reserved-space=10240"}), (RESERVE_SMALL,)),
    Case(
        "no-metadatasize",
        changed({"pool": GOOD["pool"].replace(" --metadatasize=1024", "")}),
        (("metadata-small", "pool"),),
    ),
    Case("swap-thin", changed({"swap": thin("swap", 4096, "--fstype=swap")}), (("swap-thin", "swap"),)),
    Case("images-9", changed({}), (("images-below-wish", "images"),), section="--images=9"),
    Case(
        "cannot-update",
        changed({"pool": GOOD["pool"].replace("--size=1 --grow", "--size=48640")}),
        (("cannot-update", "images"),),
    ),
    # --- disks and other nodes -------------------------------------------------------------------------------------
    Case("two-disks-for-one", changed(JOINED), (("disks-more", "disk"),), section="--disks=1"),
    Case(
        "autopart-two-for-one",
        AUTOMATIC.replace("=sda\n", "=sda,sdb\n"),
        (("disks-more", "disk"),),
        section="--disks=1",
        el9=(BOOT_SMALL,),
    ),
    Case("two-disks-only-told", changed(JOINED), (("disks-more", "disk"),), section="--disks=1 --findings=warn"),
    Case("one-other-node", changed({}), (("tag-other", "volume_group"),), groups=(NODE, Group("data"))),
    Case("two-other-nodes", changed({}), (("tags-other", "volume_group"),), groups=(NODE, OTHER_NODE)),
    # --- Anaconda left alone, and several faults at once -----------------------------------------------------------
    Case("autopart-stock", AUTOMATIC + " --type=thinp", NOT_OURS, stock=True, el9=(BOOT_SMALL,)),
    Case("autopart-lvm-stock", AUTOMATIC + " --type=lvm", (*NOT_OURS, *NOT_THIN), stock=True, el9=(BOOT_SMALL,)),
    Case(
        "autopart-lvm",
        AUTOMATIC + " --type=lvm",
        tuple(("volume-not-thin", path) for path in VOLUMES),
        el9=(BOOT_SMALL,),
    ),
    Case("autopart-plain", AUTOMATIC + " --type=plain", (*NOT_OURS, *NOT_THIN), stock=True, el9=(BOOT_SMALL,)),
    Case(
        "everything-wrong",
        changed(
            {
                **JOINED,
                "/boot": GOOD["/boot"].replace("2048", "512"),
                "/": plain("/", 5120),
                "/var": None,
                "/var/log": plain("/var/log", 1024),
                "/usr": thin("/usr", 8192),
            }
        ),
        (
            ("boot-too-small", "/boot"),
            ("volume-not-thin", "/"),
            ("root-small", "/"),
            ("volume-place", "/usr"),
            ("volume-missing", "/var"),
            ("volume-not-thin", "/var/log"),
            ("volume-small", "/var/log"),
            ("disks-more", "disk"),
            ("tags-other", "volume_group"),
        ),
        section="--disks=1",
        stock=True,
        groups=(NODE, OTHER_NODE),
    ),
)


# --- trees as they are kept ------------------------------------------------------------------------------------------

_ROW = ("name", "kind", "size", "mount_point", "filesystem", "options", "pool", "parents", "metadata_size")


def to_json(tree: dict[str, Any]) -> dict[str, Any]:
    """A tree, as dataclasses.asdict gives it, without what no case is about: rows instead of devices."""
    rows = {key: [[d[field] for field in _ROW] for d in tree[key]] for key in ("devices", "disks")}
    return {**tree, **rows, "groups": [[g["name"], g["tags"], g["physical_volumes"]] for g in tree["groups"]]}


def from_json(kept: dict[str, Any]) -> Tree:
    arguments: dict[str, Any] = {
        **{key: tuple(value) if isinstance(value, list) else value for key, value in kept.items()},
        "devices": tuple(map(_device, kept["devices"])),
        "disks": tuple(map(_device, kept["disks"])),
        "groups": tuple(Group(name, tuple(tags), tuple(paths)) for name, tags, paths in kept["groups"]),
    }
    return Tree(**arguments)


def _device(row: list[Any]) -> Device:
    values = dict(zip(_ROW, row))
    return Device(**{**values, "parents": tuple(values["parents"])})
