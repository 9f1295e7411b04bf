# SPDX-License-Identifier: GPL-2.0-or-later
"""The program that the installer runs to find the disks of a node, on machines that record_disks.py has recorded."""

from __future__ import annotations

import ast
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from disk_machines import MACHINES, Machine, want, wwn
from disk_replay import Replay, recording, run

from org_ovirt_node.programs import disks


def decision(name: str, wanted: dict[str, Any]) -> Any:
    """What is decided on a recorded machine."""
    return disks.resolve(Replay(name), disks.read(json.dumps(wanted)))[1]


def lines(refusals: Any) -> list[str]:
    return [f"{each.code}: {each.found}; needed: {each.needed}; cure: {each.cure}" for each in refusals]


COPIED = (
    "storage-domain: the volume group 2f6dbb18-3f4c-4b73-9a5d-0f2b8a1c9d3e on sda is a storage domain of oVirt: tagged "
    "RHAT_storage_domain; needed: a disk without virtual machines on it; cure: correct node_disk; if the domain is "
    "given up, destroy it in the engine and wipe the disk there",
    "hidden-volume: sdb on sdb is labelled as a physical volume, but LVM does not show it; it may be a copy of "
    "another; needed: a look at its volume group; cure: take the original or the copy away; if the copy is given up, "
    "wipe it by hand: wipefs -a",
)
DEEP_DOMAIN = (
    "storage-domain: the file system of sda1 on sda is a storage domain of oVirt: it has "
    "data/images/rhev/7d0e4f5a-9a3c-4c25-8f6b-1f2e3d4c5b6a/dom_md; needed: a disk without virtual machines on it; "
    "cure: correct node_disk; if the domain is given up, destroy it in the engine and wipe the disk there"
)
LOOK_AT_IT = "needed: a look at what is in it; cure: correct node_disk, or find out by hand what it is"
DAMAGED = "what is in sda on sda is not known: mount: mount(2) system call failed: Structure needs cleaning."
INACTIVE = "what is in volume group old-group on sda is not known: logical volumes of it are not active (root, thin)"
VIRTUAL = (
    "what is in guests-guest1 on sda is not known: it is a logical volume with partitions in it, as virtual machines "
    "have (gpt)"
)
ENCRYPTED = "what is in {} on {} is not known: it is encrypted with LUKS (crypto_LUKS)"
CASES = [(machine.name, case) for machine in MACHINES for case in machine.wanted]
MACHINE = {machine.name: machine for machine in MACHINES}
EXPECTED = {
    ("one-disk", "serial-wrong"): [
        "no-disk: no disk has serial S3EVNX0K009; needed: one disk; cure: correct node_disk, or connect the disk",
    ],
    ("one-disk", "serial-of-another"): [
        "no-disk: no disk has wwn 0x5000c500a1b2c301, serial S3EVNX0K009; sda has that wwn, but serial "
        "S3EVNX0K001; needed: one disk; cure: correct node_disk, or connect the disk",
    ],
    ("one-disk", "model-wrong"): [
        "no-disk: no disk has wwn 0x5000c500a1b2c301, model INTEL SSDSC2BB48; sda has that wwn, but model "
        "ST480FP0021; needed: one disk; cure: correct node_disk, or connect the disk",
    ],
    ("one-disk", "path-wrong"): [
        "no-disk: no disk has path /dev/disk/by-path/pci-0000:00:1f.2-ata-1; needed: one disk; cure: correct "
        "node_disk, or connect the disk",
    ],
    ("one-disk", "too-small"): [
        "disk-size: sda has 68719476736 bytes; needed: at least 128849018880 bytes; cure: correct node_disk: "
        "size, or connect the right disk",
    ],
    ("one-disk", "too-large"): [
        "disk-size: sda has 68719476736 bytes; needed: 10737418240 to 64424509440 bytes; cure: correct "
        "node_disk: size, or connect the right disk",
    ],
    ("one-disk", "not-that-size"): [
        "disk-size: sda has 68719476736 bytes; needed: 128849018880 bytes; cure: correct node_disk: size, or "
        "connect the right disk",
    ],
    ("one-disk", "multipath"): [
        "no-disk: no disk has serial S3EVNX0K009; needed: one disk; cure: correct node_disk, or connect the disk",
    ],
    ("no-disk", "first"): [
        "no-disk: no disk has wwn 0x5000c500a1b2c301; needed: one disk; cure: correct node_disk, or connect the disk",
    ],
    ("two-equal", "either"): [
        "several-disks: sda, sdb have serial 0123456789; needed: one disk; cure: add to node_disk what tells "
        "them apart: wwn, path or size",
    ],
    ("two-equal", "twice"): [
        "one-disk-twice: sda is system0 and system1; needed: a disk for each; cure: correct node_disk",
    ],
    ("nvme", "eui"): [
        "no-disk: no disk has wwn eui.0025385b71b02841; needed: one disk; cure: correct node_disk, or connect the disk",
    ],
    ("virtio", "multipath"): [
        "no-wwid: vda has no WWID, so multipath ignores it; needed: a LUN; cure: set node_multipath: "
        "false, or correct node_disk",
    ],
    ("usb-stick", "stick"): [
        "removable: sdb is removable (USB); needed: a fixed disk; cure: name an internal disk in node_disk",
    ],
    ("removable", "first"): [
        "removable: sda is removable; needed: a fixed disk; cure: name an internal disk in node_disk",
    ],
    ("read-only", "first"): [
        "read-only: sda is read-only; needed: a disk that can be written; cure: take away its write "
        "protection, or export it writable",
    ],
    ("multipath", "not-asked-for"): [
        "several-paths: sda+sdb are paths of one LUN; needed: one path, or multipath; cure: set node_multipath: true",
    ],
    ("storage-domain", "first"): [
        "storage-domain: the volume group 2f6dbb18-3f4c-4b73-9a5d-0f2b8a1c9d3e on sda is a storage domain of "
        "oVirt: tagged MDT_CLASS=Data and 2 more; needed: a disk without virtual machines on it; cure: "
        "correct node_disk; if the domain is given up, destroy it in the engine and wipe the disk there",
    ],
    ("storage-domain", "reinstall"): [
        "storage-domain: the volume group 2f6dbb18-3f4c-4b73-9a5d-0f2b8a1c9d3e on sda is a storage domain of "
        "oVirt: tagged MDT_CLASS=Data and 2 more; needed: a disk without virtual machines on it; cure: "
        "correct node_disk; if the domain is given up, destroy it in the engine and wipe the disk there",
    ],
    ("domain-untagged", "first"): [
        "storage-domain: the volume group 91c4a7d2-5e0b-4f68-b1a3-7d9e2c5f8046 on sda is a storage domain of "
        "oVirt: named by a UUID; needed: a disk without virtual machines on it; cure: correct node_disk; if "
        "the domain is given up, destroy it in the engine and wipe the disk there",
    ],
    ("file-domain", "first"): [
        "storage-domain: the file system of sda1 on sda is a storage domain of oVirt: it has "
        "data/7d0e4f5a-9a3c-4c25-8f6b-1f2e3d4c5b6a/dom_md; needed: a disk without virtual machines on it; "
        "cure: correct node_disk; if the domain is given up, destroy it in the engine and wipe the disk there",
    ],
    ("copied-volume", "first"): [COPIED[0]],
    ("copied-volume", "second"): [COPIED[1]],
    ("copied-volume", "pair"): list(COPIED),
    ("group-across", "first"): [
        "reaches-out: the volume group data on sda is also on sdb; needed: nothing that spans other "
        "disks; cure: correct node_disk; if the volume group is given up, remove it by hand",
    ],
    ("group-missing", "first"): [
        "reaches-out: the volume group lost on sda is also on 1 more that is not here; needed: nothing that"
        " spans other disks; cure: correct node_disk; if the volume group is given up, remove it by "
        "hand",
    ],
    ("mirror", "first"): [
        "reaches-out: the array data on sda is also on sdb; needed: nothing that spans other disks; "
        "cure: correct node_disk; if the array is given up, remove it by hand",
    ],
    ("half-stripe", "first"): [
        "reaches-out: the array data on sda is also on 1 more that is not here; needed: nothing that "
        "spans other disks; cure: correct node_disk; if the array is given up, remove it by hand",
    ],
    ("node", "first"): [
        "node-layers: sda carries a node: volume group onn, onn/node-4.5.6-1, onn/node-4.5.6-1+1, onn/pool00,"
        " onn/root; needed: an empty disk; cure: set node_reinstall: true to reinstall it, including all images",
    ],
    ("node-beside", "same-name"): [
        "group-name-taken: another volume group onn is on sdc; needed: one of that name; cure: take that disk away "
        "from this machine; where nothing starts from it, rename the group: vgrename "
        "agx1fH-HgN1-f8na-YZBn-8Rbj-A4at-8Au1DK OTHER",
    ],
    ("zfs", "first"): [
        "foreign: sda belongs to ZFS: zfs_member in sda; needed: a disk that no other system uses; cure: "
        "correct node_disk; if this is given up, wipe the disk by hand: wipefs -a",
    ],
    ("zfs-partition", "first"): [
        "foreign: sda belongs to ZFS: partition type 6a898cc3-1dd2-11b2-99a6-080020736631 of sda1; needed: a "
        "disk that no other system uses; cure: correct node_disk; if this is given up, wipe the disk by hand:"
        " wipefs -a",
    ],
    ("ceph", "first"): [
        "foreign: sda belongs to Ceph: ceph_bluestore in sda; needed: a disk that no other system uses; cure:"
        " correct node_disk; if this is given up, wipe the disk by hand: wipefs -a",
    ],
    ("ceph-volume", "first"): [
        "foreign: sda belongs to Ceph: volume group ceph-3d7e0b4f-9f3c-4a4e-8f2d-2c1b0a9f8e7d, volume "
        "ceph-3d7e0b4f-9f3c-4a4e-8f2d-2c1b0a9f8e7d/osd-block-1 tagged ceph.*; needed: a disk that no other "
        "system uses; cure: correct node_disk; if this is given up, wipe the disk by hand: wipefs -a",
    ],
    ("ceph-disk", "first"): [
        "foreign: sda belongs to Ceph: partition type 4fbd7e29-9d25-41b8-afd0-062c0ceff05d of sda1; needed: a"
        " disk that no other system uses; cure: correct node_disk; if this is given up, wipe the disk by "
        "hand: wipefs -a",
    ],
    ("gluster-volume", "first"): [
        "foreign: sda belongs to Gluster: volume group gluster_vg_sdb, volume "
        "gluster_vg_sdb/gluster_lv_engine; needed: a disk that no other system uses; cure: correct node_disk;"
        " if this is given up, wipe the disk by hand: wipefs -a",
    ],
    ("gluster-brick", "first"): [
        "foreign: sda belongs to Gluster: engine/.glusterfs in sda; needed: a disk that no other system uses;"
        " cure: correct node_disk; if this is given up, wipe the disk by hand: wipefs -a",
    ],
    ("iso", "first"): [
        "installation-medium: sda is an installation medium (iso9660); needed: another disk; cure: name "
        "another disk in node_disk",
    ],
    ("medium", "first"): [
        "installation-medium: sda is an installation medium (mounted at /run/install/repo); needed: another "
        "disk; cure: name another disk in node_disk",
    ],
    ("firmware-raid", "first"): [
        "firmware-raid: sda is a member of a firmware RAID (isw_raid_member); needed: a disk of its own; "
        "cure: take the disk out of the set in the firmware's setup; node_raid makes a mirror without it",
    ],
    ("mounted", "first"): [
        "in-use: sda1 on sda is mounted at /mnt; needed: a disk that is not in use; cure: unmount it in node_pre",
    ],
    ("btrfs-across", "first"): [
        "reaches-out: the btrfs file system c91d8039-4a9d-4a58-992f-20f225f6bff0 on sda is also on sdb; needed: "
        "nothing that spans other disks; cure: correct node_disk; if the btrfs file system is given up, remove "
        "it by hand",
    ],
    ("oracle-asm", "first"): [
        "foreign: sda belongs to Oracle ASM: oracleasm in sda; needed: a disk that no other system uses; cure: correct "
        "node_disk; if this is given up, wipe the disk by hand: wipefs -a",
    ],
    ("lvm1", "first"): [
        "not-known: what is in sda on sda is not known: the installer does not support LVM1 (LVM1_member); "
        + LOOK_AT_IT,
    ],
    ("deep-brick", "first"): [
        "foreign: sda belongs to Gluster: srv/gluster/bricks/data/brick/.glusterfs in storage-srv; needed: a disk that "
        "no other system uses; cure: correct node_disk; if this is given up, wipe the disk by hand: wipefs -a",
    ],
    ("deep-domain", "first"): [DEEP_DOMAIN],
    ("deep-domain", "erase"): [DEEP_DOMAIN],
    ("power-cut-domain", "first"): [
        "storage-domain: the file system of sda on sda is a storage domain of oVirt: it has "
        "images/7d0e4f5a-9a3c-4c25-8f6b-1f2e3d4c5b6a/dom_md; needed: a disk without virtual machines on it; "
        "cure: correct node_disk; if the domain is given up, destroy it in the engine and wipe the disk there",
    ],
    ("damaged", "first"): [f"not-known: {DAMAGED}; {LOOK_AT_IT}"],
    ("inactive-volume", "first"): [f"not-known: {INACTIVE}; {LOOK_AT_IT}"],
    ("virtual-disk", "first"): [f"not-known: {VIRTUAL}; {LOOK_AT_IT}"],
    ("luks", "first"): [f"not-known: {ENCRYPTED.format('sda1', 'sda')}; {LOOK_AT_IT}"],
}

STEPS = {
    ("multipath", "asked-for"): [
        "mpathconf --enable --find_multipaths y --user_friendly_names y --with_multipathd y",
        "multipath -a /dev/sda",
        "multipath /dev/sda",
    ],
    ("old-system", "first"): [
        "swapoff /dev/mapper/system-swap",
        "vgchange --devicesfile  -an --select vg_uuid=h2mI7H-Bl8u-74Vv-Y39n-ADkt-aVOI-3saaY9",
    ],
    ("group-across", "pair"): [
        "vgchange --devicesfile  -an --select vg_uuid=o2yuEj-M2EQ-cTIf-ECuC-apyb-RLMR-zIr0Eh",
    ],
    ("mirror", "pair"): [
        "mdadm --stop /dev/md127",
    ],
    ("half-mirror", "first"): [
        "mdadm --stop /dev/md127",
    ],
    ("node", "reinstall"): [
        "vgchange --devicesfile  -an --select vg_uuid=j9sf5X-4VXp-44i9-JcNv-ngis-cK2m-bdCFm9",
    ],
    ("virtual-disk", "erase"): [
        "vgchange --devicesfile  -an --select vg_uuid=ka4KsY-lS2F-JivF-BC7U-EmEl-93CE-SoQ6iX",
    ],
    ("luks", "erase"): [
        "cryptsetup close secret",
    ],
    ("tower", "pair"): [
        "swapoff /dev/mapper/inner-swap",
        "vgchange --devicesfile  -an --select vg_uuid=dizeam-8Iz8-JC7a-SfXZ-FfXs-Hj3V-bDW2rf",
        "cryptsetup close secret",
        "mdadm --stop /dev/md127",
    ],
}

# Disks and partitions that lose signatures, with the types of these: those of LVM and RAID, or what node_erase names.
ASSEMBLED = "LVM2_member,linux_raid_member"
WIPED = {
    ("old-system", "first"): {"sda2": ASSEMBLED},
    ("group-across", "pair"): {"sda": ASSEMBLED, "sdb": ASSEMBLED},
    ("mirror", "pair"): {"sda": ASSEMBLED, "sdb": ASSEMBLED},
    ("half-mirror", "first"): {"sda": ASSEMBLED},
    ("node", "reinstall"): {"sda1": ASSEMBLED},
    ("oracle-asm", "erase"): {"sda": "oracleasm"},
    ("inactive-volume", "erase"): {"sda": ASSEMBLED},
    ("virtual-disk", "erase"): {"sda": ASSEMBLED},
    ("luks", "erase"): {"sda1": "crypto_LUKS"},
    ("tower", "pair"): {"sda": ASSEMBLED, "sdb": ASSEMBLED},
}
# What node_erase allows, said before anything is done.
ALLOWED = {
    ("oracle-asm", "erase"): ["[oracleasm] allows it to be erased: sda belongs to Oracle ASM: oracleasm in sda"],
    ("damaged", "erase"): [f"[unmountable] allows it to be erased: {DAMAGED}"],
    ("inactive-volume", "erase"): [f"[inactive-volumes] allows it to be erased: {INACTIVE}"],
    ("virtual-disk", "erase"): [f"[virtual-disks] allows it to be erased: {VIRTUAL}"],
    ("luks", "erase"): [f"[luks] allows it to be erased: {ENCRYPTED.format('sda1', 'sda')}"],
    ("tower", "pair"): [f"[luks] allows it to be erased: {ENCRYPTED.format('md127', disk)}" for disk in ("sda", "sdb")],
}
TAKEN = {name: disks_ for (name, _), disks_ in WIPED.items()}


def wanted_of(name: str, case: str) -> dict[str, Any]:
    return MACHINE[name].wanted[case]


def complaints(said: str) -> list[str]:
    """The refusals in what the program said, each with its cure."""
    found = [line.removeprefix("ovirt-node: ") for line in said.splitlines()]
    return [
        f"{line.removeprefix('error: ')}; {cure.strip()}"
        for line, cure in zip(found, found[1:])
        if line.startswith("error: ")
    ]


@pytest.mark.parametrize(("name", "case"), CASES)
def test_run(name: str, case: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The whole program: what it says, runs and leaves."""
    target, refusals = Replay(name), EXPECTED.get((name, case), [])
    assert run(target, wanted_of(name, case), "1", "1") == (1 if refusals else 0)
    said = capsys.readouterr().out
    assert complaints(said) == refusals
    wipes = [f"wipefs --all --types {types} /dev/{disk}" for disk, types in WIPED.get((name, case), {}).items()]
    steps = [] if refusals else [*STEPS.get((name, case), []), *wipes]
    assert [" ".join(argv) for argv in target.done if argv[0] != "udevadm"] == steps
    assert (disks.RULES in target.files) is not bool(refusals)
    allowed = "".join(f"ovirt-node: node_erase: {line}\n" for line in ALLOWED.get((name, case), ()))
    heard = said if refusals else allowed
    assert [text for _, text in target.heard] == [f"\n{heard}"] * (2 if heard else 0)
    if not refusals:
        assert said == recording(name)["shown"][case]["said"]


@pytest.mark.parametrize(("name", "case"), CASES)
def test_the_machine_itself_did_the_same(name: str, case: str) -> None:
    """What the program said and did when it ran there."""
    shown, found = recording(name)["shown"][case], decision(name, wanted_of(name, case))
    assert shown["status"] == (1 if found.refusals else 0)
    for each in found.refusals:
        assert (
            f"error: {each.code}: {each.found}; needed: {each.needed}\novirt-node:   cure: {each.cure}" in shown["said"]
        )
    for number, candidate in enumerate(found.chosen if not found.refusals else ()):
        path, size = shown["links"][f"{disks.LINK}{number}"]
        assert size == candidate.paths[0].size
        assert path == candidate.paths[0].path or path.startswith("/dev/dm-")
    assert not found.refusals or not any(shown["links"].values())


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_no_byte_is_changed_but_on_disks_that_are_taken(machine: Machine) -> None:
    """Compared outside of the machine, all bytes of all disks; a disk is taken for the metadata on it."""
    taken = [device[:3] for device in TAKEN.get(machine.name, ())]
    assert recording(machine.name)["unchanged"] == [f"sd{'abc'[n]}" not in taken for n in range(len(machine.disks))]


def test_every_refusal_is_shown() -> None:
    told = {line.partition(":")[0] for found in EXPECTED.values() for line in found}
    elsewhere = {
        "kept",
        "multipath-map",
        "hidden-volume",
        "not-known",
        "cannot-look",
        "unreadable",
        "stack-unknown",
        "takedown-failed",
        "wipe-failed",
        "multipath-failed",
    } | {
        "link-missing",
        "addon-missing",
        "addon-too-old",
        "contract",
    }
    assert told | elsewhere == set(disks.KINDS)


def test_nothing_is_left_of_the_own_stack() -> None:
    """In the machine, after the run: partitions at most, and other disks' volumes."""
    for name, case in STEPS:
        left = [line.split()[1] for line in recording(name)["shown"][case]["left"]]
        assert set(left) <= {"disk", "part", "rom", "mpath"}, name


# --- what cannot be had in a machine ---------------------------------------------------------------------------------


def changed(name: str, device: str, **values: Any) -> Any:
    """The facts of a recorded machine, with one device that is otherwise."""
    facts = disks.gather(Replay(name))
    devices = (disks.dataclasses.replace(d, **values) if d.name == device else d for d in facts.devices)
    return disks.dataclasses.replace(facts, devices=tuple(devices))


ASKED = disks.Wanted((disks.WantedDisk(wwn="0x5000c500a1b2c301"),), group="onn")


@pytest.mark.parametrize(
    ("values", "refusals"),
    [
        pytest.param(
            {"type": "bcache"},
            [
                "stack-unknown: sda1 on sda is a bcache, which cannot be taken down here; needed: a disk that is "
                "not in use; cure: take it down in node_pre"
            ],
            id="unknown-layer",
        ),
        pytest.param(
            {"trouble": "wipefs exited with 1: /dev/sda1: Input/output error"},
            [
                "unreadable: sda1 on sda cannot be read: wipefs exited with 1: /dev/sda1: Input/output error; "
                "needed: a look at what is on it; cure: look for disk errors in the kernel's messages; "
                "replace the disk"
            ],
            id="unreadable",
        ),
        pytest.param(
            {"mounts": ("/gluster_bricks/data",)},
            [
                "in-use: sda1 on sda is mounted at /gluster_bricks/data; needed: a disk that is not in use; "
                "cure: unmount it in node_pre",
                "foreign: sda belongs to Gluster: sda1 is mounted at /gluster_bricks/data; needed: a disk that no "
                "other system uses; cure: correct node_disk; if this is given up, wipe the disk by hand: wipefs -a",
            ],
            id="gluster-mounted",
        ),
        pytest.param({"mounts": ("[SWAP]",)}, [], id="swap"),
    ],
)
def test_partition(values: dict[str, Any], refusals: list[str]) -> None:
    assert lines(disks.decide(changed("old-system", "sda1", **values), ASKED).refusals) == refusals


def test_trouble_with_another_disk_is_no_matter() -> None:
    assert disks.decide(changed("old-system", "sdb", trouble="wipefs exited with 1"), ASKED).refusals == ()


def test_one_readable_path_is_enough() -> None:
    asked = disks.read(json.dumps(wanted_of("multipath", "asked-for")))
    assert disks.decide(changed("multipath", "sdb", trouble="standby"), asked).refusals == ()


@pytest.mark.parametrize("command", ["lsblk", "pvs", "lvs"])
@pytest.mark.parametrize("answer", [(1, "", "it broke\n"), (0, "{", ""), (0, "[]", "")])
def test_a_look_that_fails_stops(command: str, answer: tuple[int, str, str]) -> None:
    target = Replay("one-disk")
    (asked,) = (argv for argv in target.answers if argv[0] == command)
    target.answers[asked] = answer
    found = disks.decide(disks.gather(target), ASKED)
    assert {each.code for each in found.refusals} == {"cannot-look"}
    assert not found.links


def test_no_answer_of_udev_stops() -> None:
    target = Replay("one-disk")
    target.answers[disks.UDEV_ALL] = (127, "", "udevadm: No such file or directory")
    assert lines(disks.decide(disks.gather(target), ASKED).refusals) == [
        "cannot-look: udevadm and lsblk found no disk; needed: a report of every disk; "
        "cure: look for disk errors in the kernel's messages; boot again"
    ]


@pytest.mark.parametrize(
    ("path", "is_there"),
    [
        ("/dev/disk/by-id/dm-uuid-mpath-35000c500a1b2c301", True),
        ("/dev/disk/by-id/wwn-0x5000c500a1b2c301", True),
        ("/dev/disk/by-id/dm-uuid-mpath-35000c500a1b2c309", False),
    ],
)
def test_a_lun_is_found_by_any_of_its_links(path: str, is_there: bool) -> None:
    found = decision("multipath", want({"path": path}, multipath=True))
    assert bool(found.links) is is_there


def test_disks_of_one_wwn_and_different_serials_are_two() -> None:
    """What cheap disks have in the place of a WWN."""
    facts = changed("two-equal", "sdb", wwn="0x5000c500a1b2c301", wwid="another")
    (found,) = disks.decide(facts, ASKED).refusals
    assert (found.code, found.found) == ("several-disks", "sda, sdb have wwn 0x5000c500a1b2c301")


def test_every_wrong_key_alone_is_refused() -> None:
    """Each key has to be true."""
    right = {"wwn": "0x5000c500a1b2c301", "serial": "S3EVNX0K001", "model": "ST480FP0021"}
    assert decision("one-disk", want(right)).links
    for key in right:
        assert decision("one-disk", want({**right, key: f"{right[key]}0"})).refusals, key
    for keys in itertools.combinations(right, 2):
        assert decision("one-disk", want({key: right[key] for key in keys})).links


# --- acting ----------------------------------------------------------------------------------------------------------


def test_links_are_made_by_udev() -> None:
    """Anaconda finds them in udev's database; a symlink of our own would not be there."""
    target = Replay("two-equal")
    assert run(target, wanted_of("two-equal", "pair")) == 0
    first, second = target.files[disks.RULES].splitlines()
    sysfs = disks.gather(Replay("two-equal")).device("sda").sysfs
    assert first == f'SUBSYSTEM=="block", ENV{{DEVTYPE}}=="disk", DEVPATH=="{sysfs}", SYMLINK+="disk/by-node/system0"'
    assert second.endswith('/block/sdb", SYMLINK+="disk/by-node/system1"')
    assert target.done == [
        ("udevadm", "settle", "--timeout=120"),
        ("udevadm", "control", "--reload"),
        ("udevadm", "trigger", "--action=change", "--name-match=/dev/sda"),
        ("udevadm", "trigger", "--action=change", "--name-match=/dev/sdb"),
        ("udevadm", "settle", "--timeout=120"),
    ]
    assert target.heard == []


def test_what_is_changed_on_a_disk_is_waited_for() -> None:
    target = Replay("old-system")
    assert run(target, wanted_of("old-system", "first")) == 0
    steps = [argv[:2] for argv in target.done]
    wipe = max(number for number, argv in enumerate(steps) if argv[0] == "wipefs")
    assert steps[wipe + 1 :] == [("udevadm", step) for step in ("settle", "control", "trigger", "settle")]


def test_link_leads_to_the_map_and_not_to_a_path() -> None:
    target = Replay("multipath")
    assert run(target, wanted_of("multipath", "asked-for")) == 0
    assert target.files[disks.RULES] == (
        'SUBSYSTEM=="block", ENV{DM_UUID}=="mpath-35000c500a1b2c301", SYMLINK+="disk/by-node/system0"\n'
    )


MISSING = [
    pytest.param(
        "updates",
        "BOOT_IMAGE=vmlinuz inst.updates=http://pxe.example.com/nodes/images/ovirt-node-updates.img quiet\n",
        "inst.updates=http://pxe.example.com/nodes/images/ovirt-node-updates.img did not provide it",
        "check whether the installer can fetch that URL, and whether it is the image that ksgen published",
        id="not-loaded",
    ),
    pytest.param(
        "updates",
        "BOOT_IMAGE=vmlinuz inst.ks=http://pxe.example.com/a.ks\n",
        "the kernel's command line has no inst.updates",
        "boot with the files that ksgen writes, or set node_addon: false",
        id="not-asked-for",
    ),
    pytest.param(
        "tree",
        "BOOT_IMAGE=vmlinuz\n",
        "the install tree does not contain it",
        "add it to the tree as images/product.img (ksgen image), or set node_addon: true",
        id="not-in-the-tree",
    ),
]


@pytest.mark.parametrize(("addon", "cmdline", "why", "cure"), MISSING)
def test_installer_without_the_add_on_stops_before_any_disk(addon: str, cmdline: str, why: str, cure: str) -> None:
    target = Replay("old-system", addon=False)
    target.files["/proc/cmdline"] = cmdline
    assert run(target, {**wanted_of("old-system", "first"), "addon": addon}, "30", "90") == 1
    assert target.done == []
    assert disks.RULES not in target.files
    assert [terminal for terminal, _ in target.heard] == ["tty0", "ttyS0"] * 3
    assert target.paused == [30, 30, 30]
    (text,) = {text for _, text in target.heard}
    assert "ovirt-node: the installation stops here; nothing has been written to any disk.\n" in text
    assert [line for line in text.splitlines() if "error" in line or "cure" in line] == [
        f"ovirt-node: error: addon-missing: the installer has no add-on for nodes: {why}; "
        "needed: /usr/share/anaconda/addons/org_ovirt_node",
        f"ovirt-node:   cure: {cure}",
    ]


def test_kickstart_without_the_add_on_is_not_stopped() -> None:
    target = Replay("two-equal", addon=False)
    assert run(target, {**wanted_of("two-equal", "pair"), "addon": "none"}) == 0


def test_step_that_fails_leaves_no_link(capsys: pytest.CaptureFixture[str]) -> None:
    target = Replay("old-system", failing="vgchange")
    assert run(target, wanted_of("old-system", "first")) == 1
    assert disks.RULES not in target.files
    assert [argv[0] for argv in target.done if argv[0] != "udevadm"] == ["swapoff", "vgchange"] * 3
    assert target.paused[:2] == [5, 5]
    assert "error: takedown-failed: vgchange --devicesfile '' -an --select vg_uuid=" in capsys.readouterr().out
    assert "exited with 5: vgchange: it is in use; needed: exit status 0" in target.heard[0][1]


def test_multipath_that_does_not_start_leaves_no_link() -> None:
    target = Replay("multipath", failing="mpathconf")
    assert run(target, wanted_of("multipath", "asked-for")) == 1
    assert disks.RULES not in target.files
    assert "error: multipath-failed: mpathconf --enable" in target.heard[0][1]


def test_wipe_that_fails_leaves_no_link() -> None:
    target = Replay("old-system", failing="wipefs")
    assert run(target, wanted_of("old-system", "first")) == 1
    assert disks.RULES not in target.files
    assert [argv[0] for argv in target.done] == ["udevadm", "swapoff", "vgchange", "wipefs"]
    assert (
        "ovirt-node: the installation stops here; only the requested disks have been written to.\n"
        in target.heard[0][1]
    )
    assert (
        "ovirt-node: error: wipe-failed: wipefs --all --types LVM2_member,linux_raid_member /dev/sda2 exited with 5: "
        "wipefs: it is in use; needed: exit status 0\n"
    ) in target.heard[0][1]


@pytest.mark.parametrize(
    ("leads_to", "found"),
    [
        pytest.param("", "nothing", id="nowhere"),
        pytest.param("/dev/sdb", "/dev/sdb", id="to-another-disk"),
        pytest.param("/dev/sda1", "/dev/sda1", id="to-a-partition"),
    ],
)
def test_link_that_is_wrong_is_taken_back(leads_to: str, found: str) -> None:
    target = Replay("two-equal", system0=leads_to)
    assert run(target, wanted_of("two-equal", "pair")) == 1
    assert disks.RULES not in target.files
    trigger = ("udevadm", "trigger", "--action=change")
    applied = [
        ("udevadm", "control", "--reload"),
        (*trigger, "--name-match=/dev/sda"),
        (*trigger, "--name-match=/dev/sdb"),
        ("udevadm", "settle", "--timeout=120"),
    ]
    tries = disks.LINK_TRIES
    assert target.done[-4 * (tries + 1) :] == applied * (tries + 1)  # with the rules, and once without them
    assert target.paused[:tries] == [disks.LINK_PAUSE] * tries
    assert complaints(target.heard[0][1]) == [
        f"link-missing: /dev/disk/by-node/system0 leads to {found}; needed: /dev/sda; "
        "cure: boot again; look at /tmp/node-disks.log"
    ]
    assert (
        "ovirt-node: the installation stops here; only the requested disks have been written to.\n"
        in target.heard[0][1]
    )


def test_link_may_be_late(capsys: pytest.CaptureFixture[str]) -> None:
    class Late(Replay):
        """udev makes the link when it has been told twice."""

        def resolve(self, link: str) -> str:
            has_settled = self.done.count(("udevadm", "control", "--reload")) > 1
            return super().resolve(link) if has_settled or "by-node" not in link else ""

    target = Late("two-equal")
    assert run(target, wanted_of("two-equal", "pair")) == 0
    assert target.paused == [disks.LINK_PAUSE]
    assert "ovirt-node: try 1 of 3: /dev/disk/by-node/system0 leads to nothing\n" in capsys.readouterr().out


TOLD = """\
ovirt-node: the installation stops here; nothing has been written to any disk.
ovirt-node: wanted:
ovirt-node:   system0: wwn 0x5000c500a1b2c301, 10737418240 to 64424509440 bytes
ovirt-node: found:
ovirt-node:   DISK  SIZE     MODEL        SERIAL       WWN                 ON IT
ovirt-node:   sda   68.7 GB  ST480FP0021  S3EVNX0K001  0x5000c500a1b2c301  nothing
ovirt-node: error: disk-size: sda has 68719476736 bytes; needed: 10737418240 to 64424509440 bytes
ovirt-node:   cure: correct node_disk: size, or connect the right disk
ovirt-node: Correct the inventory, run ksgen, and boot again.
"""


def test_it_is_told_on_every_terminal_again_and_again(capsys: pytest.CaptureFixture[str]) -> None:
    target = Replay("one-disk")
    assert run(target, wanted_of("one-disk", "too-large"), "20", "60") == 1
    assert capsys.readouterr().out == TOLD
    assert target.heard == [("tty0", f"\n{TOLD}"), ("ttyS0", f"\n{TOLD}")] * 3
    assert target.paused == [20, 20, 20]
    assert target.done == [("udevadm", "settle", "--timeout=120")]


def test_a_bug_is_told_too() -> None:
    target = Replay("one-disk")
    target.answers[disks.LSBLK] = (0, '{"blockdevices": [{"kname": "sda"}]}', "")
    with pytest.raises(KeyError):
        run(target, wanted_of("one-disk", "first"))
    assert "the installation stops here because of a bug in disks.py" in target.heard[0][1]
    assert "KeyError: " in target.heard[0][1]
    assert disks.RULES not in target.files


@pytest.mark.parametrize(
    ("active", "heard"),
    [
        pytest.param("ttyS0\n", ["ttyS0", "tty1"], id="serial-console-and-a-screen"),
        pytest.param("tty0\n", ["tty0"], id="screen"),
        pytest.param("", ["tty1"], id="nothing-known"),
    ],
)
def test_terminals(active: str, heard: list[str]) -> None:
    target = Replay("no-disk")
    target.files["/sys/class/tty/console/active"] = active
    assert run(target, wanted_of("no-disk", "first"), "1", "1") == 1
    assert [terminal for terminal, _ in target.heard] == heard


def test_the_console_is_the_last_resort() -> None:
    target = Replay("no-disk")
    target.deaf = frozenset({"tty0", "ttyS0"})
    assert run(target, wanted_of("no-disk", "first"), "1", "1") == 1
    assert [terminal for terminal, _ in target.heard] == ["tty0", "ttyS0", "console"]
    assert "ovirt-node:   no disk at all\n" in target.heard[0][1]


# --- the text itself -------------------------------------------------------------------------------------------------


def test_runs_on_the_installers_python_and_stands_in_a_kickstart() -> None:
    text = Path(disks.__file__).read_text()
    ast.parse(text, feature_version=(3, 9))
    assert [line for line in text.splitlines() if line.lstrip().startswith("%")] == []
    assert text.isascii()


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_recording_is_of_the_machine_as_it_is_described(machine: Machine) -> None:
    assert set(recording(machine.name)["shown"]) == set(machine.wanted)
    asked = {argv[0] for argv, *_ in recording(machine.name)["commands"]}
    assert {"lsblk", "udevadm", "pvs", "lvs"} <= asked


def test_wwn_of_the_machines() -> None:
    assert wwn(1, smallest=5) == {"wwn": "0x5000c500a1b2c301", "smallest": 5}


@pytest.mark.parametrize(("name", "case"), CASES)
def test_judging_changes_nothing(name: str, case: str) -> None:
    """What is judged without acting is what stops the installation, or what is then done."""
    wanted = disks.read(json.dumps(MACHINE[name].wanted[case]))
    target = Replay(name)
    before = dict(target.files)
    _, judged = disks.judge(target, wanted)
    assert (target.done, target.files, target.heard) == ([], before, [])
    assert judged == disks.resolve(Replay(name), wanted)[1]
