# SPDX-License-Identifier: GPL-2.0-or-later
"""The contents of the disks that the node layout erases: what requires confirmation, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from disk_facts import GIB, array, device, facts, group

from org_ovirt_node import erasure
from org_ovirt_node.erasure import Content
from org_ovirt_node.programs import disks

NODE = {"tags": ("imgbased:vg",), "volumes": (("root", ("imgbased:init",)),)}


def parts(*signatures: str, **values: Any) -> disks.Facts:
    """A disk with a partition for each signature."""
    on_it = [device(f"sda{n}", "part", "sda", signatures=(each,)) for n, each in enumerate(signatures, 1)]
    return facts(device("sda", signatures=("gpt",)), *on_it, **values)


def judged(found: disks.Facts, *names: str, name: str = "onn") -> tuple[list[str], list[str]]:
    """What is on the disks, and the reasons against erasing them."""
    chosen = [candidate for candidate in disks.candidates(found) if candidate.names[0] in (names or ("sda",))]
    contents = [erasure.content(found, candidate, candidate.names[0]).what for candidate in chosen]
    return contents, [str(dict(f.values)["why"]) for f in erasure.refusals(found, chosen, name)]


@pytest.mark.parametrize(
    ("found", "what"),
    [
        pytest.param(facts(device("sda")), "", id="blank"),
        pytest.param(facts(device("sda", signatures=("gpt", "PMBR"))), "", id="empty-table"),
        pytest.param(facts(device("sda", signatures=("gpt",)), device("sda1", "part", "sda")), "gpt", id="unformatted"),
        pytest.param(parts("vfat", "xfs"), "gpt, vfat, xfs", id="file-systems"),
        pytest.param(facts(device("sda", signatures=("ext4",))), "ext4", id="whole-disk"),
    ],
)
def test_what_is_on_a_disk(found: disks.Facts, what: str) -> None:
    assert judged(found) == ([what], [])


def test_node_of_its_own_is_for_a_person_to_decide() -> None:
    found = parts("LVM2_member", groups=(group("onn", "sda1", **NODE),), physical_volumes=("sda1",))
    assert judged(found) == (["gpt, volume group onn"], [])


@pytest.mark.parametrize(
    ("found", "words"),
    [
        pytest.param(
            parts("LVM2_member", groups=(group("dom", "sda1", tags=("RHAT_storage_domain_UNREADY",)),)),
            "the volume group dom on sda is a storage domain of oVirt: tagged RHAT_storage_domain_UNREADY",
            id="storage-domain",
        ),
        pytest.param(parts("zfs_member"), "sda belongs to ZFS", id="zfs"),
        pytest.param(parts("ceph_bluestore"), "sda belongs to Ceph", id="ceph"),
        pytest.param(parts("crypto_LUKS"), "what is in sda1 on sda is not known: it is encrypted with LUKS", id="luks"),
        pytest.param(
            facts(device("sda", signatures=("xfs",), mounts=("/mnt",))), "sda on sda is mounted at /mnt", id="mounted"
        ),
        pytest.param(facts(device("sda", signatures=("iso9660",))), "sda is an installation medium", id="medium"),
        pytest.param(
            facts(device("sda", signatures=("isw_raid_member",))), "sda is a member of a firmware", id="fakeraid"
        ),
        pytest.param(facts(device("sda"), unread=("lvs failed",)), "lvs failed", id="cannot-look"),
    ],
)
def test_what_nobody_may_erase(found: disks.Facts, words: str) -> None:
    _, refused = judged(found)
    assert any(why.startswith(words) for why in refused), refused


def test_array_with_a_disk_that_is_not_selected_is_refused() -> None:
    members = [device(name, signatures=("linux_raid_member",)) for name in ("sda", "sdb", "sdc")]
    striped = facts(*members, device("md0", "raid0", "sda", "sdb"), arrays=(array("raid0", "sda", "sdb"),))
    assert len(judged(striped, "sda")[1]) == 1
    assert judged(striped, "sda", "sdb")[1] == []


def test_removable_disk_and_paths_are_for_a_person_to_decide() -> None:
    assert judged(facts(device("sda", is_removable=True, transport="usb"))) == ([""], [])


def test_group_of_the_same_name_elsewhere_is_refused() -> None:
    there = device("sdb", signatures=("LVM2_member",))
    found = facts(device("sda"), there, groups=(group("onn", "sdb"),), physical_volumes=("sdb",))
    assert judged(found)[1] == ["another volume group onn is on sdb"]
    assert judged(found, name="HostVG")[1] == []


def test_disk_is_found_by_name_and_size() -> None:
    found = facts(device("sda"), device("sdb"), device("dm-0", "mpath", "sdb", mapper_name="mpatha"))
    assert [str(erasure.find(found, name, 64 * GIB)) for name in ("sda", "mpatha")] == ["sda", "sdb"]
    assert erasure.find(found, "sda", 65 * GIB) is None
    assert erasure.find(found, "sdx", 64 * GIB) is None


def test_only_what_is_named_may_be_erased() -> None:
    there = (Content("sda", what="xfs"), Content("sdb"), Content("sdc", what="gpt"))
    assert [dict(f.values)["disk"] for f in erasure.unconfirmed(there, ())] == ["sda", "sdc"]
    assert [dict(f.values)["disk"] for f in erasure.unconfirmed(there, ("sda", "sdb"))] == ["sdc"]
    assert list(erasure.unconfirmed(there, ("sda", "sdc"))) == []
    assert [dict(f.values)["disk"] for f in erasure.not_cleared(there)] == ["sda", "sdc"]
