# SPDX-License-Identifier: GPL-2.0-or-later
"""What is decided about everything that blkid can find on a disk, and what node_erase consents to."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from disk_facts import device, facts, group, refused, told, wanted
from disk_machines import bluestore, intel_raid, iso9660, lvm1, oracle_asm, want, wwn, zfs_label
from disk_replay import Replay, run

from org_ovirt_node.programs import disks

SDA, SDB = device("sda"), device("sdb")
FOREIGN = "foreign: sda belongs to {}: {} in sda1"
NOT_KNOWN = "not-known: what is in {} on sda is not known: {}"


def part(**values: Any) -> disks.Facts:
    return facts(SDA, device("sda1", "part", "sda", **values), SDB)


def decided(found: disks.Facts, *words: str) -> disks.Decision:
    return disks.decide(found, wanted("sda", erase=words, group="onn"))


# --- signatures ---

# All types of util-linux 2.43: the names in libblkid/src/superblocks and libblkid/src/partitions.
OWNERS = {
    "aix": ("aix", "AIX"),
    "bcache": ("bcache", "bcache"),
    "ceph_bluestore": ("ceph", "Ceph"),
    "drbd": ("drbd", "DRBD"),
    "drbdmanage_control_volume": ("drbd", "DRBD"),
    "drbdproxy_datalog": ("drbd", "DRBD"),
    "exfs": ("exfs", "HPE EXFS"),
    "gfs": ("gfs", "GFS"),
    "gfs2": ("gfs2", "GFS2"),
    "mpool": ("mpool", "mpool"),
    "nss": ("nss", "Novell Storage Services"),
    "ocfs": ("ocfs", "OCFS"),
    "ocfs2": ("ocfs2", "OCFS2"),
    "oracleasm": ("oracleasm", "Oracle ASM"),
    "ReFS": ("refs", "Windows ReFS"),
    "scoutfs_data": ("scoutfs", "ScoutFS"),
    "scoutfs_meta": ("scoutfs", "ScoutFS"),
    "stratis": ("stratis", "Stratis"),
    "VMFS": ("vmfs", "VMware VMFS"),
    "VMFS_volume_member": ("vmfs", "VMware VMFS"),
    "vxfs": ("vxfs", "Veritas VxFS"),
    "zfs_member": ("zfs", "ZFS"),
}
CLOSED = {
    "BitLocker": ("bitlocker", "it is encrypted with BitLocker"),
    "crypto_LUKS": ("luks", "it is encrypted with LUKS"),
    "cs_fvault2": ("filevault", "it is encrypted with FileVault"),
    "DM_integrity": ("dm-integrity", "dm-integrity is layered over the data"),
    "DM_snapshot_cow": ("dm-snapshot", "it is a snapshot of another device"),
    "jbd": ("journal", "it is the journal of a file system on another device"),
    "LVM1_member": ("lvm1", "the installer does not support LVM1"),
    "vdo": ("vdo", "VDO is layered over the data"),
    "xfs_external_log": ("journal", "it is the journal of a file system on another device"),
    "of_tomorrow": ("unknown", "disks.py does not know the signature"),
}
FIRMWARE = [
    "adaptec_raid_member",
    "ddf_raid_member",
    "hpt37x_raid_member",
    "hpt45x_raid_member",
    "isw_raid_member",
    "jmicron_raid_member",
    "lsi_mega_raid_member",
    "nvidia_raid_member",
    "promise_fasttrack_raid_member",
    "silicon_medley_raid_member",
    "via_raid_member",
    "tomorrow_raid_member",
]
LOOKED_INTO = ["btrfs", "ext2", "ext3", "ext4", "ext4dev", "xfs"]
ORDINARY = [
    "DM_verity_hash",
    "PMBR",
    "apfs",
    "atari",
    "bcachefs",
    "befs",
    "bfs",
    "bsd",
    "cramfs",
    "dasd",
    "dos",
    "erofs",
    "exfat",
    "f2fs",
    "gpt",
    "hfs",
    "hfsplus",
    "hpfs",
    "jfs",
    "mac",
    "minix",
    "nilfs2",
    "ntfs",
    "reiser4",
    "reiserfs",
    "romfs",
    "sgi",
    "solaris",
    "squashfs",
    "squashfs3",
    "sun",
    "swap",
    "swsuspend",
    "sysv",
    "ubi",
    "ubifs",
    "udf",
    "ufs",
    "ultrix",
    "unixware",
    "vfat",
    "xenix",
    "zonefs",
]
# lvm and mdadm are asked, or the disk as a whole is refused.
ELSEWHERE = ["LVM2_member", "linux_raid_member", "iso9660"]


@pytest.mark.parametrize("signature", sorted(OWNERS))
def test_signature_of_somebody_else(signature: str) -> None:
    word, owner = OWNERS[signature]
    found = part(signatures=(signature,))
    assert refused(found) == [FOREIGN.format(owner, signature)]
    assert refused(found, "sdb") == []
    allowed = decided(found, word)
    assert (told(allowed.refusals), told(allowed.allowed)) == ([], [FOREIGN.format(owner, signature)])
    assert allowed.wipes == (("wipefs", "--all", "--types", signature, "/dev/sda1"),)


@pytest.mark.parametrize("signature", sorted(CLOSED))
def test_signature_of_what_cannot_be_looked_into(signature: str) -> None:
    word, why = CLOSED[signature]
    found = part(signatures=(signature,))
    assert refused(found) == [NOT_KNOWN.format("sda1", f"{why} ({signature})")]
    assert refused(found, "sdb") == []
    allowed = decided(found, word)
    assert (told(allowed.refusals), len(allowed.allowed)) == ([], 1)
    assert allowed.wipes == (("wipefs", "--all", "--types", signature, "/dev/sda1"),)


@pytest.mark.parametrize("signature", FIRMWARE)
def test_firmware_raid_is_refused_whatever_node_erase_says(signature: str) -> None:
    found = part(signatures=(signature,))
    expected = [f"firmware-raid: sda is a member of a firmware RAID ({signature})"]
    assert told(decided(found, *disks.ERASABLE).refusals) == expected


@pytest.mark.parametrize("signature", [*ORDINARY, *LOOKED_INTO])
def test_signature_of_an_ordinary_disk(signature: str) -> None:
    assert refused(part(signatures=(signature,))) == []


def test_every_type_of_blkid_is_decided() -> None:
    named = [*OWNERS, *CLOSED, *FIRMWARE, *LOOKED_INTO, *ORDINARY, *ELSEWHERE]
    assert set(disks.BLKID_TYPES) == set(named) - {"of_tomorrow", "tomorrow_raid_member"}
    assert len(named) == len(set(named))
    assert set(disks.PASSIVE_MOUNT) == set(LOOKED_INTO)


def test_every_word_can_be_needed() -> None:
    """No word of node_erase is without something that only it allows."""
    found = {word for word in (*disks.BLKID_TYPES.values(), *disks.PARTITION_TYPES.values()) if word in disks.ERASABLE}
    by_look = {
        "gluster",
        "inactive-arrays",
        "inactive-volumes",
        "unknown",
        "unmountable",
        "unsearched",
        "virtual-disks",
    }
    assert found | by_look == set(disks.ERASABLE)
    assert len(disks.ERASABLE) == len(set(disks.ERASABLE))


@pytest.mark.parametrize(
    ("signature", "made_by"),
    [
        ("oracleasm", oracle_asm),
        ("LVM1_member", lvm1),
        ("ceph_bluestore", bluestore),
        ("zfs_member", zfs_label),
        ("isw_raid_member", intel_raid),
        ("iso9660", iso9660),
    ],
)
def test_name_is_the_one_that_wipefs_prints(
    signature: str, made_by: Callable[[int], dict[int, bytes]], tmp_path: Path
) -> None:
    image = tmp_path / "disk"
    with image.open("wb") as file:
        file.truncate(64 << 20)
        for place, data in made_by(64 << 20).items():
            file.seek(place)
            file.write(data)
    done = subprocess.run([*disks.SIGNATURES, str(image)], capture_output=True, check=True)
    assert {row["type"] for row in json.loads(done.stdout)["signatures"]} == {signature}


# --- partitions ---


@pytest.mark.parametrize(
    ("partition_type", "word", "refusal"),
    [
        pytest.param(
            "5808c8aa-7e8f-42e0-85d2-e1e90434cfb3",
            "ldm",
            "foreign: sda belongs to Windows dynamic disks: partition type {} of sda1",
            id="dynamic-disks",
        ),
        pytest.param(
            "af9b60a0-1431-4f62-bc68-3311714a69ad",
            "ldm",
            "foreign: sda belongs to Windows dynamic disks: partition type {} of sda1",
            id="dynamic-disks-data",
        ),
        pytest.param(
            "0x42",
            "ldm",
            "foreign: sda belongs to Windows dynamic disks: partition type {} of sda1",
            id="dynamic-disks-in-an-mbr",
        ),
        pytest.param(
            "75894c1e-3aeb-11d3-b7c1-7b03a0000000",
            "hp-ux",
            "foreign: sda belongs to HP-UX: partition type {} of sda1",
            id="hp-ux",
        ),
        pytest.param(
            "e2a1e728-32e3-11d6-a682-7b03a0000000",
            "hp-ux",
            "foreign: sda belongs to HP-UX: partition type {} of sda1",
            id="hp-ux-service",
        ),
        pytest.param(
            "ca7d7ccb-63ed-4c53-861c-1742536059cc",
            "luks",
            NOT_KNOWN.format("sda1", "it is encrypted with LUKS (partition type {})"),
            id="luks-with-its-header-elsewhere",
        ),
        pytest.param(
            "7ffec5c9-2d00-49b7-8941-3ea10a5586b7",
            "dm-crypt",
            NOT_KNOWN.format("sda1", "it is encrypted with dm-crypt, without a header (partition type {})"),
            id="dm-crypt",
        ),
    ],
)
def test_partition(partition_type: str, word: str, refusal: str) -> None:
    found = part(partition_type=partition_type)
    assert refused(found) == [refusal.format(partition_type)]
    assert told(decided(found, word).refusals) == []


def test_partition_and_signature_of_one_thing_are_one_refusal() -> None:
    found = part(partition_type="ca7d7ccb-63ed-4c53-861c-1742536059cc", signatures=("crypto_LUKS",))
    assert refused(found) == [NOT_KNOWN.format("sda1", "it is encrypted with LUKS (crypto_LUKS)")]


# --- what spans disks ---


@pytest.mark.parametrize(
    ("signature", "kind"),
    [("btrfs", "btrfs file system"), ("bcachefs", "bcachefs file system"), ("zfs_member", "ZFS pool")],
)
def test_file_system_of_several_disks(signature: str, kind: str) -> None:
    first, second = (device(name, signatures=(signature,), filesystem_uuid="77") for name in ("sda", "sdb"))
    reaches = f"reaches-out: the {kind} 77 on sda is also on sdb"
    assert told(decided(facts(first, second), *disks.ERASABLE).refusals) == [reaches]
    both = disks.decide(facts(first, second), wanted("sda", "sdb", erase=disks.ERASABLE))
    assert told(both.refusals) == []


# --- logical volumes ---


@pytest.mark.parametrize(
    ("volumes", "devices", "inactive"),
    [
        pytest.param(["root"], ["old-root"], "", id="active"),
        pytest.param(["root", "home"], ["old-root"], "home", id="one-is-not"),
        pytest.param(["root", "home"], [], "root, home", id="none-is"),
        pytest.param(["var-log"], ["old-var--log"], "", id="name-with-a-dash"),
        pytest.param(["var-log"], ["old-var-log"], "var-log", id="volume-of-another-group"),
        pytest.param(["pool", "[pool_tdata]", "[pool_tmeta]", "thin"], ["old-thin"], "", id="thin-pool"),
        pytest.param(["pool", "[pool_cdata]", "root"], ["old-root"], "", id="cache-pool"),
        pytest.param(["vdo", "[vdo_vdata]", "root"], ["old-root"], "", id="vdo-pool"),
        pytest.param(["tdata"], [], "tdata", id="named-like-a-part-of-a-pool"),
        pytest.param(list("abcdefg"), [], "a, b, c, d, e and 2 more", id="many"),
        pytest.param([], [], "", id="empty-group"),
    ],
)
def test_inactive_volume(volumes: list[str], devices: list[str], inactive: str) -> None:
    mapped = [device(f"dm-{n}", "lvm", "sda", mapper_name=name) for n, name in enumerate(devices)]
    old = group("old", "sda", volumes=tuple((name, ()) for name in volumes))
    found = facts(SDA, *mapped, groups=(old,))
    why = f"logical volumes of it are not active ({inactive})"
    assert refused(found) == ([NOT_KNOWN.format("volume group old", why)] if inactive else [])
    assert told(decided(found, "inactive-volumes").refusals) == []


def test_inactive_volumes_of_a_group_whose_name_has_a_dash() -> None:
    old = group("old-group", "sda", volumes=(("root", ()),))
    mapped = device("dm-0", "lvm", "sda", mapper_name="old--group-root")
    assert refused(facts(SDA, mapped, groups=(old,))) == []
    assert refused(facts(SDA, groups=(old,))) != []


def test_node_that_may_be_installed_again_may_have_inactive_layers() -> None:
    layers = (("root", ("imgbased:init",)), ("node-4.5.6-1", ("imgbased:layer",)), ("var", ()))
    node = group("onn", "sda", tags=("imgbased:vg",), volumes=layers)
    assert refused(facts(SDA, groups=(node,)), reinstall=True) == []


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        pytest.param(
            {"name": "gluster_vg"}, "foreign: sda belongs to Gluster: volume group gluster_vg", id="of-somebody-else"
        ),
        pytest.param(
            {"name": "data", "tags": ("RHAT_storage_domain",)},
            "storage-domain: the volume group data on sda is a storage domain of oVirt: tagged RHAT_storage_domain",
            id="storage-domain",
        ),
        pytest.param(
            {"name": "data", "missing": 1},
            "reaches-out: the volume group data on sda is also on 1 more that is not here",
            id="not-complete",
        ),
    ],
)
def test_group_that_is_refused_anyway_is_refused_once(values: dict[str, Any], refusal: str) -> None:
    found = facts(SDA, groups=(group(members=("sda",), volumes=(("disk", ()),), **values),))
    assert refused(found) == [refusal]


def test_consent_to_bricks_is_none_to_the_volumes_beside_them() -> None:
    volumes = (("gluster_lv", ()), ("osd", ("ceph.osd_id=1",)), ("home", ()))
    found = facts(SDA, groups=(group("data", "sda", volumes=volumes),))
    home = NOT_KNOWN.format("volume group data", "logical volumes of it are not active (home)")
    assert told(decided(found, "gluster", "ceph").refusals) == [home]
    assert told(decided(found, "gluster", "ceph", "inactive-volumes").refusals) == []


UNMOUNTABLE = disks.Unseen("sda1", "mount: /tmp/x: Structure needs cleaning.", "unmountable")


@pytest.mark.parametrize(
    ("values", "is_refused"),
    [
        pytest.param({}, False, id="of-this-host"),
        pytest.param({"name": "old"}, True, id="of-another-name"),
        pytest.param({"volumes": (("gluster_lv", ()),)}, True, id="of-bricks"),
        pytest.param({"tags": ("RHAT_storage_domain",)}, True, id="of-a-domain"),
        pytest.param({"tags": ("imgbased:vg",)}, True, id="of-a-node"),
    ],
)
def test_installation_that_was_cut_off_can_be_begun_again(values: dict[str, Any], is_refused: bool) -> None:
    """Its group has the name that this host gives, and imgbase has not yet come to tag it."""
    plain: dict[str, Any] = {"name": "onn", "volumes": (("root", ()), ("pool00", ()), ("[pool00_tdata]", ()))}
    boot = device("sda1", "part", "sda", signatures=("xfs",))
    found = facts(SDA, boot, groups=(group(members=("sda",), **{**plain, **values}),), unseen=(UNMOUNTABLE,))
    assert ("not-known" in [each.code for each in decided(found).refusals]) is is_refused
    assert is_refused or not decided(found).refusals


def test_what_else_is_beside_an_installation_that_was_cut_off_counts() -> None:
    onn = group("onn", "sda", volumes=(("root", ()),))
    parts = [device("sda1", "part", "sda", signatures=("crypto_LUKS",)), device("sda2", "part", "sda")]
    unseen = (disks.Unseen("sda2", "not all of it was searched within 300 seconds", "unsearched"),)
    insides = (disks.Inside("sda2", "dom_md"),)
    found = facts(SDA, *parts, groups=(onn,), unseen=unseen, insides=insides)
    assert [each.word for each in decided(found).refusals] == ["", "luks", "unsearched"]


@pytest.mark.parametrize("name", ["Gluster_vg1", "GLUSTER-vg", "RHGS_vg1", "rhs_vg1"])
def test_group_as_gdeploy_names_it(name: str) -> None:
    assert refused(facts(SDA, groups=(group(name, "sda"),))) == [
        f"foreign: sda belongs to Gluster: volume group {name}"
    ]


@pytest.mark.parametrize("table", ["gpt", "dos"])
def test_disk_of_a_virtual_machine(table: str) -> None:
    guest = device("dm-0", "lvm", "sda", mapper_name="guests-disk1", signatures=(table,))
    why = f"it is a logical volume with partitions in it, as virtual machines have ({table})"
    assert refused(facts(SDA, guest)) == [NOT_KNOWN.format("guests-disk1", why)]
    assert told(decided(facts(SDA, guest), "virtual-disks").refusals) == []
    assert refused(facts(SDA, guest, device("dm-1", "part", "dm-0"))) == []


# --- consent ---


def inside(place: str) -> disks.Facts:
    found = part(signatures=("xfs",))
    return disks.dataclasses.replace(found, insides=(disks.Inside("sda1", place),))


ALL = disks.ERASABLE


@pytest.mark.parametrize(
    ("found", "code"),
    [
        pytest.param(inside("data/images/rhev/uuid/dom_md"), "storage-domain", id="domain-of-files"),
        pytest.param(
            facts(SDA, groups=(group("data", "sda", tags=("RHAT_storage_domain",)),)), "storage-domain", id="domain"
        ),
        pytest.param(facts(SDA, groups=(group("onn", "sda", tags=("imgbased:vg",)),)), "node-layers", id="node"),
        pytest.param(
            facts(SDA, SDB, groups=(group("data", "sda", "sdb"),)), "reaches-out", id="group-on-another-disk-too"
        ),
        pytest.param(facts(device("sda", signatures=("iso9660",))), "installation-medium", id="medium"),
        pytest.param(facts(device("sda", mounts=("/mnt",))), "in-use", id="mounted"),
        pytest.param(facts(device("sda", trouble="wipefs exited with 1")), "unreadable", id="not-readable"),
        pytest.param(facts(SDA, SDB, groups=(group("onn", "sdb"),)), "group-name-taken", id="name"),
    ],
)
def test_nothing_consents_to_this(found: disks.Facts, code: str) -> None:
    decision = decided(found, *ALL)
    assert [each.code for each in decision.refusals] == [code]
    assert [each.word for each in decision.refusals] == [""]
    assert not decision.links


def test_each_word_allows_what_it_names_alone() -> None:
    found = part(signatures=("crypto_LUKS", "zfs_member"))
    zfs = FOREIGN.format("ZFS", "zfs_member")
    luks = NOT_KNOWN.format("sda1", "it is encrypted with LUKS (crypto_LUKS)")
    assert told(decided(found).refusals) == [zfs, luks]
    assert told(decided(found, "luks").refusals) == [zfs]
    assert told(decided(found, "zfs").refusals) == [luks]
    assert told(decided(found, "ceph").refusals) == [zfs, luks]
    assert told(decided(found, "luks", "zfs").refusals) == []


def test_consent_is_not_used_up_where_something_else_stops() -> None:
    found = part(signatures=("zfs_member",), mounts=("/mnt",))
    decision = decided(found, "zfs")
    assert told(decision.refusals) == ["in-use: sda1 on sda is mounted at /mnt"]
    assert (decision.takedown, decision.wipes, decision.links) == ((), (), ())


def test_brick_is_erased_with_consent() -> None:
    found = inside("bricks/one/.glusterfs")
    brick = "foreign: sda belongs to Gluster: bricks/one/.glusterfs in sda1"
    assert told(decided(found).refusals) == [brick]
    assert told(decided(found, "gluster").allowed) == [brick]


def test_many_places_are_not_all_listed() -> None:
    found = part(signatures=("xfs",))
    insides = tuple(disks.Inside("sda1", f"brick{n}/.glusterfs") for n in range(7))
    assert refused(disks.dataclasses.replace(found, insides=insides)) == [
        "foreign: sda belongs to Gluster: brick0/.glusterfs, brick1/.glusterfs, brick2/.glusterfs, brick3/.glusterfs, "
        "brick4/.glusterfs and 2 more in sda1"
    ]


@pytest.mark.parametrize(
    ("why", "word"),
    [
        ("mount: /tmp/x: wrong fs type, bad option, bad superblock", "unmountable"),
        ("not all of it was searched within 300 seconds", "unsearched"),
    ],
)
def test_file_system_of_which_not_all_was_seen(why: str, word: str) -> None:
    found = disks.dataclasses.replace(part(signatures=("xfs",)), unseen=(disks.Unseen("sda1", why, word),))
    assert refused(found) == [NOT_KNOWN.format("sda1", why)]
    assert refused(found, "sdb") == []
    others = [each for each in ALL if each != word]
    assert told(decided(found, *others).refusals) == [NOT_KNOWN.format("sda1", why)]
    assert told(decided(found, word).allowed) == [NOT_KNOWN.format("sda1", why)]


# --- what is said ---


def test_consent_is_offered_with_its_word() -> None:
    target = Replay("luks")
    assert run(target, want(wwn(1)), "1", "1") == 1
    said = target.heard[0][1].splitlines()
    at = next(n for n, line in enumerate(said) if "error:" in line)
    assert said[at : at + 3] == [
        "ovirt-node: error: not-known: what is in sda1 on sda is not known: it is encrypted with LUKS (crypto_LUKS); "
        "needed: a look at what is in it",
        "ovirt-node:   cure: correct node_disk, or find out by hand what it is",
        "ovirt-node:   to erase it anyway: node_erase: [luks]",
    ]
    assert [argv for argv in target.done if argv[0] != "udevadm"] == []


def test_consent_that_is_used_is_said_before_anything_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    target = Replay("luks")
    assert run(target, want(wwn(1), erase=["luks"])) == 0
    line = (
        "ovirt-node: node_erase: [luks] allows it to be erased: what is in sda1 on sda is not known: "
        "it is encrypted with LUKS (crypto_LUKS)\n"
    )
    assert capsys.readouterr().out.splitlines(keepends=True)[0] == line
    assert target.heard == [("tty0", f"\n{line}"), ("ttyS0", f"\n{line}")]
    assert [" ".join(argv) for argv in target.done if argv[0] != "udevadm"] == [
        "cryptsetup close secret",
        "wipefs --all --types crypto_LUKS /dev/sda1",
    ]


def test_consent_that_is_not_needed_is_not_mentioned(capsys: pytest.CaptureFixture[str]) -> None:
    target = Replay("two-equal")
    assert run(target, want(wwn(1), erase=list(ALL))) == 0
    assert "node_erase" not in capsys.readouterr().out
    assert target.heard == []


def test_tower_with_an_encrypted_floor() -> None:
    """LVM in LUKS on a mirror: refused at the closed floor, and taken down from the top with consent."""
    target = Replay("tower")
    assert run(target, want(wwn(1), wwn(2)), "1", "1") == 1
    assert "what is in md127 on sda is not known: it is encrypted with LUKS (crypto_LUKS)" in target.heard[0][1]
    target = Replay("tower")
    assert run(target, want(wwn(1), wwn(2), erase=["luks"])) == 0
    assert [" ".join(argv) for argv in target.done if argv[0] != "udevadm"] == [
        "swapoff /dev/mapper/inner-swap",
        "vgchange --devicesfile  -an --select vg_uuid=dizeam-8Iz8-JC7a-SfXZ-FfXs-Hj3V-bDW2rf",
        "cryptsetup close secret",
        "mdadm --stop /dev/md127",
        "wipefs --all --types LVM2_member,linux_raid_member /dev/sda",
        "wipefs --all --types LVM2_member,linux_raid_member /dev/sdb",
    ]


# --- the same with what real LVM printed ---


def of_lvm(name: str, *, is_active: bool) -> disks.Facts:
    """A recorded machine whose group is nobody's in particular, with or without its volumes' devices."""
    found = disks.gather(Replay(name))
    plain = [
        disks.dataclasses.replace(each, name="data", tags=(), volumes=tuple((volume, ()) for volume, _ in each.volumes))
        for each in found.groups
    ]
    names = {each.name: "data" for each in found.groups}
    devices = []
    for each in found.devices:
        group_name = next((name for name in names if each.mapper_name.startswith(f"{name}-")), "")
        mapper = each.mapper_name.replace(group_name, names.get(group_name, ""), 1) if group_name else each.mapper_name
        if is_active or each.type != "lvm":
            devices.append(disks.dataclasses.replace(each, mapper_name=mapper))
    return disks.dataclasses.replace(found, groups=tuple(plain), devices=tuple(devices))


def test_active_volumes_of_a_real_group_in_a_thin_pool() -> None:
    assert refused(of_lvm("node", is_active=True)) == []


def test_inactive_volumes_of_a_real_group_in_a_thin_pool() -> None:
    """The pool and its hidden parts are none."""
    assert refused(of_lvm("node", is_active=False)) == [
        NOT_KNOWN.format(
            "volume group data",
            "logical volumes of it are not active (node-4.5.6-1, node-4.5.6-1+1, root, swap)",
        )
    ]


def test_inactive_volumes_of_what_was_a_storage_domain() -> None:
    assert refused(of_lvm("storage-domain", is_active=True)) == [
        NOT_KNOWN.format(
            "volume group data",
            "logical volumes of it are not active (ids, inbox, leases, master, metadata and 2 more)",
        )
    ]


def test_active_volumes_of_an_ordinary_former_system() -> None:
    assert refused(disks.gather(Replay("old-system"))) == []
