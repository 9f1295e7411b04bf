# SPDX-License-Identifier: GPL-2.0-or-later
"""What Storage is given to read: the commands of ksgen's kickstarts, and what reading would forget."""

from __future__ import annotations

import dataclasses

from org_ovirt_node.layout import GIB, MIB, Device, Request, plan
from org_ovirt_node.storage_kickstart import metadata_sizes, node_kickstart

PLAN = plan(Request(disks=(100 * GIB,), firmware="uefi"))


def test_what_reading_forgets_is_repeated() -> None:
    before = """\
# Generated using Blivet version 3.6.0
ignoredisk --only-use=sda
bootloader --append="a=b" --location=mbr --password="grub.pbkdf2.x"
zerombr
clearpart --linux --drives=sda
fcoe --nic=eno1 --dcb
iscsi --ipaddr=192.0.2.1 --target=iqn.2001-01.com.example:disk
snapshot onn/root --name=after --when=post-install
nvdimm use --blockdevs=pmem0
nvdimm reconfigure --namespace=namespace0.0 --mode=sector --sectorsize=512
"""
    kept = ["fcoe --nic=eno1 --dcb", "snapshot onn/root --name=after --when=post-install"]
    namespaces = ["nvdimm use --blockdevs=pmem0", "nvdimm use --namespace=namespace0.0"]
    erasing = node_kickstart(PLAN, ["sda"], before, erases=True).splitlines()
    start = erasing.index("reqpart")
    assert erasing[:start] == [
        *kept,
        *namespaces,
        "ignoredisk --only-use=sda",
        "zerombr",
        "clearpart --all --initlabel --disklabel=gpt --drives=sda",
    ]
    following = node_kickstart(PLAN, ["sda"], before, erases=False).splitlines()
    initialization = ["zerombr", "clearpart --linux --drives=sda"]
    assert following[: following.index("reqpart")] == [
        *initialization,
        *kept,
        *namespaces,
        "ignoredisk --only-use=sda",
    ]
    assert following[following.index("reqpart") :] == erasing[start:]


def test_names_that_the_lexer_would_split_are_quoted() -> None:
    odd = dataclasses.replace(PLAN, devices=tuple(_renamed(device) for device in PLAN.devices))
    given = node_kickstart(odd, ["a b"], "", erases=True)
    assert "ignoredisk '--only-use=a b'\n" in given
    assert given.count("'--ondisk=a b'") == 2


def _renamed(device: Device) -> Device:
    names = {"disk1": "a b"}
    parents = tuple(names.get(name, name) for name in device.parents)
    return dataclasses.replace(device, name=names.get(device.name, device.name), parents=parents)


def test_metadata_size_is_read_from_the_kickstart() -> None:
    text = (
        "# logvol none --thinpool --metadatasize=1 --name=p --vgname=v\n"
        'logvol / --fstype="xfs" --size=10240 --thin --poolname=pool00 --name=root --vgname=onn\n'
        "logvol none --grow --size=20480 --thinpool --metadatasize=1024 --name=pool00 --vgname=onn\n"
        "logvol none --size=20480 --thinpool --name=pool01 --vgname=onn\n"
        "logvol none --size=20480 --thinpool --metadatasize=256 --fsoptions='a=b,c=d' --name=pool02 --vgname=onn\n"
        "part none --metadatasize=512 --name=p --vgname=v\n"
    )
    assert metadata_sizes(text) == {"onn-pool00": GIB, "onn-pool02": 256 * MIB}
