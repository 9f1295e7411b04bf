# SPDX-License-Identifier: GPL-2.0-or-later
"""The layout of plain hosts: plain volumes in a volume group, without anything that snapshots need."""

from dataclasses import replace

import pytest

from org_ovirt_node import layout
from org_ovirt_node.layout import GIB, HOST, MIB, TIB, Request, free_space, plan, storage_commands

REQUEST = Request(layout=HOST.name, disks=(128 * GIB,), firmware="uefi", volume_group="el")
PAIR = replace(REQUEST, disks=(128 * GIB, 128 * GIB), mirrored=True)


@pytest.mark.parametrize(
    ("request_", "group", "free"),
    [
        pytest.param(REQUEST, 128420, 60836, id="uefi"),
        pytest.param(replace(REQUEST, disks=(74 * GIB,)), 73124, 5540, id="small"),
        pytest.param(replace(REQUEST, firmware="bios"), 129020, 61436, id="bios"),
        pytest.param(replace(REQUEST, disks=(64 * TIB,)), 67106212, 67038628, id="large"),
        pytest.param(PAIR, 128352, 60768, id="mirror"),
        pytest.param(replace(REQUEST, volumes=(("/data", 10 * GIB),)), 128420, 50596, id="one-more"),
        pytest.param(replace(REQUEST, swap_size=0), 128420, 64932, id="no-swap"),
    ],
)
def test_what_the_volumes_leave_is_free(request_, group, free):
    """As Anaconda of EL9 and EL10 makes it; MiB."""
    found = plan(request_)
    assert found.findings == ()
    assert found.one("lvmvg").size == group * MIB
    assert free_space(found.one("lvmvg"), found.devices) == free * MIB
    assert found.of_kind("lvmthinpool") == found.of_kind("lvmthinlv") == ()
    assert found.capacity.images is None


@pytest.mark.parametrize("request_", [REQUEST, PAIR, replace(REQUEST, firmware="bios", swap_size=None)])
def test_smallest_disk_is_exact(request_):
    smallest = plan(request_).smallest_disk
    count = len(request_.disks)
    assert not layout.has_errors(plan(replace(request_, disks=(smallest,) * count)).findings)
    too_small = plan(replace(request_, disks=(smallest - MIB,) * count)).findings
    assert [finding.code for finding in too_small] == ["does-not-fit"]


def test_a_disk_too_small_gets_the_sum_without_a_pool():
    (finding,) = plan(replace(REQUEST, disks=(64 * GIB,))).findings
    words = layout.describe(finding)
    assert words.message == (
        "64 GiB of disk are too small for this layout: 68.59 GiB are needed = "
        "root 15 GiB + volumes 47 GiB + swap 4 GiB + boot partitions and tables 2.59 GiB"
    )
    assert words.hint == "root_size: 6 GiB saves 9 GiB; a disk of 68.59 GiB"


def test_storage_commands():
    lines = storage_commands(plan(REQUEST), ["sda"]).text.splitlines()
    assert lines[:4] == [
        "reqpart",
        "part /boot --fstype=xfs --size=2048 --ondisk=sda",
        "part pv.01 --size=1 --grow --ondisk=sda",
        "volgroup el pv.01",
    ]
    assert lines[4] == "logvol swap --vgname=el --name=swap --fstype=swap --size=4096"
    assert lines[5] == "logvol / --vgname=el --name=root --fstype=xfs --size=15360"
    assert all(line.startswith("logvol /") and "thin" not in line for line in lines[5:])


def test_the_add_on_does_not_offer_it():
    assert HOST.name not in layout.LAYOUTS
