# SPDX-License-Identifier: GPL-2.0-or-later
"""What a machine has reported, compared with the inventory: which line to change, and to what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from inventories import one_host

from ksgen.match import differences, reported

ONE, TWO, NEW = "52:54:00:aa:00:01", "52:54:00:aa:00:02", "52:54:00:aa:00:09"
BOND = f"[{{name: bond0, bond: {{members: ['{ONE}', '{TWO}']}}, ipv4: dhcp}}]"
DISK = {"name": "sda", "size": 480103981056, "wwn": "0x5000c500a1b2c3d4", "serial": "S3EVNX0K001", "model": "ST480"}
SPARE = {"name": "sdb", "size": 480103981056, "wwn": "0x5000c500a1b2c3d5", "serial": "S3EVNX0K002", "model": "ST480"}
SMALL = {"name": "sdc", "size": 64023257088, "wwn": "0x5000c500a1b2c3d6", "serial": "S3EVNX0K003", "model": "ST64"}
WANTED = '{wwn: "0x5000C500A1B2C3D4", size: 480 GB}'


def facts(*macs: str, disks: Any = (DISK,), **more: Any) -> dict[str, Any]:
    nics = [{"name": f"eno{number}", "mac": mac, "link": True} for number, mac in enumerate(macs, 1)]
    return {"interfaces": nics, "disks": list(disks), "firmware": "uefi", **more}


def found(directory: Path, said: dict[str, Any], **variables: str) -> list[tuple[str | None, ...]]:
    host = one_host(directory, **{"node_disk": WANTED, "node_network": BOND, **variables})
    problems = differences(host, reported(said))
    return [(f"{one.mark.line}:{one.mark.column}", one.code, one.variable, one.message, one.hint) for one in problems]


@pytest.mark.parametrize(
    ("said", "variables"),
    [
        pytest.param(facts(ONE, TWO, NEW), {}, id="a-nic-more"),
        pytest.param(facts(ONE.upper(), TWO), {}, id="upper-case"),
        pytest.param(facts(ONE, TWO, disks=[DISK, SPARE]), {}, id="a-disk-more"),
        pytest.param(facts(ONE, TWO, board={"product_serial": "ABC1"}), {"node_serial": '"ABC1"'}, id="serial"),
        pytest.param(facts(ONE, TWO), {"node_disk": "{path: /dev/disk/by-path/pci-0000:03:00.0-ata-1}"}, id="path"),
        pytest.param({}, {"node_serial": '"ABC1"', "node_firmware": "bios"}, id="nothing-said"),
        pytest.param({"interfaces": 7, "disks": ["x"], "board": []}, {}, id="nonsense"),
        pytest.param({"interfaces": [], "disks": []}, {}, id="empty"),
    ],
)
def test_as_the_inventory_says(said: dict[str, Any], variables: dict[str, str], tmp_path: Path) -> None:
    assert found(tmp_path, said, **variables) == []


def test_boot_nic_was_replaced(tmp_path: Path) -> None:
    message = f"no NIC has the address {ONE}; the machine has eno1 {NEW}, eno2 {TWO}"
    hint = f'write "{NEW}" (eno1)'
    assert found(tmp_path, facts(NEW, TWO)) == [
        ("9:17", "verify-nic", "node_mac", message, hint),
        ("11:53", "verify-nic", "node_network[0].bond.members[0]", message, hint),
    ]


def test_several_nics_may_be_meant(tmp_path: Path) -> None:
    (problem,) = found(tmp_path, facts(ONE, NEW, "52:54:00:aa:00:0a"))
    assert problem[2:] == (
        "node_network[0].bond.members[1]",
        f"no NIC has the address {TWO}; the machine has eno1 {ONE}, eno2 {NEW}, eno3 52:54:00:aa:00:0a",
        f'write one of "{NEW}" (eno2), "52:54:00:aa:00:0a" (eno3)',
    )


def test_nic_is_gone(tmp_path: Path) -> None:
    (problem,) = found(tmp_path, facts(ONE))
    assert problem[4] == "the machine has no other: remove it, or look at the machine"


def test_disk_was_replaced(tmp_path: Path) -> None:
    """The one of the size is meant, not the other one that the host does not name."""
    assert found(tmp_path, facts(ONE, TWO, disks=[SPARE, SMALL])) == [
        (
            "10:24",
            "verify-disk",
            "node_disk.wwn",
            "no disk has the wwn 0x5000c500a1b2c3d4; the machine has sdb 0x5000c500a1b2c3d5 ST480 480 GB, "
            "sdc 0x5000c500a1b2c3d6 ST64 64 GB",
            'write wwn: "0x5000c500a1b2c3d5" (sdb)',
        )
    ]


def test_second_disk_of_a_mirror(tmp_path: Path) -> None:
    pair = '[{wwn: "0x5000c500a1b2c3d4", size: 480 GB}, {serial: "S3EVNX0K009", size: 480 GB}]'
    (problem,) = found(tmp_path, facts(ONE, TWO, disks=[DISK, SPARE]), node_disk=pair, node_raid="1")
    assert problem[2:] == (
        "node_disk[1].serial",
        "no disk has the serial S3EVNX0K009; the machine has sda 0x5000c500a1b2c3d4 ST480 480 GB, "
        "sdb 0x5000c500a1b2c3d5 ST480 480 GB",
        'write serial: "S3EVNX0K002" (sdb)',
    )


def test_size_is_another_one(tmp_path: Path) -> None:
    (problem,) = found(tmp_path, facts(ONE, TWO, disks=[{**DISK, "size": "960197124096"}]))
    assert problem[1:] == (
        "verify-disk-size",
        "node_disk.size",
        "sda 0x5000c500a1b2c3d4 ST480 960 GB has another size",
        "write size: 960 GB",
    )


def test_another_machine(tmp_path: Path) -> None:
    said = facts(ONE, TWO, board={"product_serial": "ABC2"})
    assert [one[2:] for one in found(tmp_path, said, node_serial='"ABC1"', node_firmware="bios")] == [
        ("node_serial", "the machine has 'ABC2'", 'write "ABC2"'),
        ("node_firmware", "the machine has 'uefi'", 'write "uefi"'),
    ]


def test_words_of_a_machine_do_not_act_on_a_terminal(tmp_path: Path) -> None:
    (problem,) = found(tmp_path, facts(ONE, TWO, disks=[{**SPARE, "model": "\x1b]0;x\x07\n"}]))
    assert "\x1b" not in problem[3]
    assert "?]0;x??" in problem[3]
