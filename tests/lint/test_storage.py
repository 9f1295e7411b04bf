# SPDX-License-Identifier: GPL-2.0-or-later
"""Storage commands read back from a kickstart are the devices that were planned."""

from __future__ import annotations

from pathlib import Path

import pytest
from anaconda_cases import CASES, Case
from inventories import one_host

from ksgen.grammar import Grammar
from ksgen.kickstart.page import Templates
from ksgen.lint import storage
from ksgen.variables import node_link
from org_ovirt_node import layout
from org_ovirt_node.layout import GIB, MIB, Device, storage_commands
from org_ovirt_node.programs import disks

GRAMMAR = Grammar("el9")
DISK = "/dev/sda"


def comparable(devices: tuple[Device, ...]) -> list[tuple[object, ...]]:
    """Without what Anaconda adds for the firmware, and without names that only a plan has."""
    kept = [d for d in devices if d.kind != "disk" and d.filesystem not in ("biosboot", "efi") and d.name != "reqpart"]
    return sorted((d.kind, d.size, d.mount_point or "", d.options or "", d.metadata_size or 0) for d in kept)


@pytest.mark.parametrize("case", [pytest.param(c, id=c.name) for c in CASES if "recommended" not in c.name])
def test_commands_are_read_back_as_planned(case: Case, tmp_path: Path) -> None:
    host = case.host("el9", tmp_path)
    assert GRAMMAR.read(case.kickstart("el9", tmp_path)) == ()
    sizes = dict(zip(host.disk_links, host.request.disks, strict=True))
    found = storage.devices(GRAMMAR.handler, sizes, host.settings.firmware)
    assert comparable(found) == comparable(host.plan.devices)
    warned = {(f.code, f.subject) for f in host.plan.findings}
    assert {(f.code, f.subject) for f in layout.check(found, host.request)} == warned


def test_unknown_disk_is_rendered_with_a_percentage(tmp_path: Path) -> None:
    host = one_host(tmp_path, node_disk='{wwn: "0x5000000000000001"}')
    found = storage_commands(host.plan, host.disk_links)
    assert (found.reserve_mib, found.reserve_percent) == (None, 20)


OF_OTHERS = """\
part /boot --size=2048
part pv.1 --size={pv} --ondisk=sda
volgroup vg pv.1 {reserve}
logvol none --name=pool --vgname=vg --thinpool --size={pool} --metadatasize=1024
logvol / --name=root --vgname=vg --thin --poolname=pool --size=10240
"""


def read(text: str, size: int | None = 100 * GIB) -> dict[str, Device]:
    GRAMMAR.read(text)
    return {device.name: device for device in storage.devices(GRAMMAR.handler, {"sda": size}, "bios")}


def test_fixed_sizes_are_taken_as_they_are() -> None:
    found = read(OF_OTHERS.format(pv=51200, pool=20481, reserve="--reserved-space=2048"))
    assert found["pv.1"].size == 51200 * MIB
    assert found["vg"].size == 51196 * MIB
    assert found["vg"].reserve == 2048 * MIB
    assert found["pool"].size == 20484 * MIB


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("part pv.1 --size=1 --grow --ondisk=sda\npart / --size=1 --grow --ondisk=sda\n", id="two-grow"),
        pytest.param("part pv.1 --size=1 --grow --ondisk=sdb\n", id="another-disk"),
    ],
)
def test_what_cannot_be_said_stays_unknown(text: str) -> None:
    assert read(text)["pv.1"].size is None


def test_no_disk_is_the_only_disk() -> None:
    assert read("part pv.1 --size=1 --grow\n")["pv.1"].size == 100 * GIB - 2 * MIB


def test_disk_stands_under_its_fixed_name_however_it_is_found(tmp_path: Path) -> None:
    text, _ = Templates().render(one_host(tmp_path, node_disk="{serial: WD-1234}"))
    assert text is not None
    lines = [line for line in text.splitlines() if line.endswith("/dev/disk/by-node/system0")]
    assert [line.split(" ")[0] for line in lines] == ["ignoredisk", "clearpart", "part", "part"]


def test_fixed_name_is_the_one_that_the_installer_makes() -> None:
    assert f"{disks.LINK}0" == node_link(0)


def test_percentage_of_a_group() -> None:
    found = read(OF_OTHERS.format(pv=51200, pool="1 --grow", reserve="--reserved-percent=10"))
    reserve = found["vg"].size // 10
    assert found["vg"].reserve == reserve
    assert found["pool"].size == found["vg"].size - reserve - 2 * GIB
