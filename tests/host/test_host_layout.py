# SPDX-License-Identifier: GPL-2.0-or-later
"""What a host asks of the layout policy, and to which variable each of its answers is pinned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from inventories import inventory_text, read_text

from ksgen.host import Host
from ksgen.problems import Problem
from org_ovirt_node.layout import GIB

DISK = '{wwn: "0x5000000000000001", size: {min: 128 GiB, max: 160 GiB}}'
PAIR = '[{wwn: "0x5000000000000001"}, {wwn: "0x5000000000000002"}]'


def read(directory: Path, **changes: str) -> tuple[Host, list[Problem]]:
    (host,), problems = read_text(inventory_text(**changes), directory)
    return host, problems


@pytest.mark.parametrize(
    ("changes", "asked"),
    [
        pytest.param({}, {"layout": "standard", "disks": (128 * GIB,), "mirrored": False, "firmware": None}, id="disk"),
        pytest.param({}, {"filesystem": "xfs", "root_size": None, "image_size": None, "images": 2}, id="defaults"),
        pytest.param({}, {"volumes": (), "release": "el9", "volume_group": "onn", "pool": "pool00"}, id="names"),
        pytest.param({}, {"image_is_local": False, "swap_size": 4 * GIB, "memory": None}, id="rest"),
        pytest.param({"node_disk": PAIR}, {"disks": (None, None), "mirrored": False}, id="joined"),
        pytest.param({"node_disk": PAIR, "node_raid": "1"}, {"disks": (None, None), "mirrored": True}, id="mirror"),
        pytest.param({"node_layout": "minimal"}, {"layout": "minimal"}, id="layout"),
        pytest.param({"node_firmware": "uefi"}, {"firmware": "uefi"}, id="firmware"),
        pytest.param({"node_filesystem": "ext4"}, {"filesystem": "ext4"}, id="filesystem"),
        pytest.param({"node_root_size": "11 GiB"}, {"root_size": 11 * GIB}, id="root"),
        pytest.param({"node_image_size": "2 GiB"}, {"image_size": 2 * GIB}, id="image"),
        pytest.param({"node_image_url": "file:///run/install/node.img"}, {"image_is_local": True}, id="local-image"),
        pytest.param({"node_images": "3"}, {"images": 3}, id="images"),
        pytest.param(
            {"node_volumes": "{/srv: 2 GiB, /data: 1 GiB}"},
            {"volumes": (("/data", GIB), ("/srv", 2 * GIB))},
            id="volumes-in-order",
        ),
        pytest.param({"node_swap_size": "0"}, {"swap_size": 0}, id="swap"),
        pytest.param({"node_release": "el10"}, {"release": "el10"}, id="release"),
        pytest.param({"node_vg": "hypervisor"}, {"volume_group": "hypervisor"}, id="group"),
        pytest.param({"node_pool": "thin"}, {"pool": "thin"}, id="pool"),
    ],
)
def test_request_is_what_the_variables_say(changes: dict[str, str], asked: dict[str, Any], tmp_path: Path) -> None:
    host, _ = read(tmp_path, **{"node_disk": DISK, **changes})
    assert {field: getattr(host.request, field) for field in asked} == asked


SMALL = '{wwn: "0x5000000000000001", size: 30 GiB}'
LONG = "a" * 56


@pytest.mark.parametrize(
    ("changes", "code", "variable"),
    [
        pytest.param({"node_disk": SMALL}, "does-not-fit", "node_disk", id="disk"),
        pytest.param(
            {"node_disk": SMALL, "node_layout": "standard"}, "does-not-fit", "node_disk", id="disk-not-layout"
        ),
        pytest.param({"node_root_size": "5 GiB"}, "root-small", "node_root_size", id="root"),
        pytest.param(
            {"node_image_size": "3 GiB", "node_root_size": "11 GiB"},
            "root-below-image",
            "node_root_size",
            id="root-first",
        ),
        pytest.param({"node_root_size": "60 GiB"}, "root-large", "node_root_size", id="root-large"),
        pytest.param(
            {"node_image_size": "14 GiB", "node_disk": '{wwn: "0x5000000000000001"}'},
            None,
            None,
            id="root-follows-image",
        ),
        pytest.param({"node_images": "30"}, "images-below-wish", "node_images", id="images"),
        pytest.param(
            {"node_disk": '{wwn: "0x5000000000000001", size: 70 GiB}'}, "cannot-update", "node_disk", id="pool"
        ),
        pytest.param({"node_vg": LONG}, "name-characters", "node_vg", id="group"),
        pytest.param({"node_pool": LONG}, "name-characters", "node_pool", id="pools-name"),
        pytest.param({"node_vg": "pvmove"}, "name-reserved", "node_vg", id="group-reserved"),
        pytest.param({"node_pool": "var_log"}, "pool-name-taken", "node_pool", id="pool-taken"),
        pytest.param({"node_volumes": "{/data: 100 MiB}"}, "volume-tiny", "node_volumes./data", id="volume"),
        pytest.param({"node_volumes": "{/var: 4 GiB}"}, "volume-small", "node_volumes./var", id="policys-volume"),
        pytest.param(
            {"node_volumes": f"{{/{LONG}: 1 GiB}}"}, "name-characters", f"node_volumes./{LONG}", id="its-name"
        ),
    ],
)
def test_finding_is_pinned_to_its_variable(changes: dict[str, str], code: str, variable: str, tmp_path: Path) -> None:
    _, problems = read(tmp_path, **changes)
    where = {problem.code: problem.variable for problem in problems}
    assert where.get(code) == variable, where


@pytest.mark.parametrize(
    ("changes", "code", "severity", "hint"),
    [
        pytest.param({"node_root_size": "60 GiB"}, "root-large", "warning", None, id="warning"),
        pytest.param({"node_vg": "pvmove"}, "name-reserved", "error", "choose another name", id="error"),
    ],
)
def test_severity_and_hint(changes: dict[str, str], code: str, severity: str, hint: str, tmp_path: Path) -> None:
    _, problems = read(tmp_path, **changes)
    (found,) = [problem for problem in problems if problem.code == code]
    assert found.severity == severity
    assert hint is None or found.hint == hint


def test_names_of_the_host_and_its_disks(tmp_path: Path) -> None:
    host, _ = read(tmp_path, node_disk=PAIR)
    assert (host.hostname, len(host.disks)) == ("node01.example.com", 2)
    assert host.disk_links == ("/dev/disk/by-node/system0", "/dev/disk/by-node/system1")
    host, _ = read(tmp_path, node_hostname="other.example.com")
    assert host.hostname == "other.example.com"
    assert host.plan is host.plan
    assert host.plan.request == host.request
