# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a controller is the one of its host."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from conftest import Start
from inventories import inventory_text, one_host, read_text
from redfish_server import Fault
from test_redfish import PACE, access

from ksgen.bmc import Look, look, problems

BMC = '{address: bmc.example.com, user: ksgen, password: !vault "$ANSIBLE_VAULT;1.1;AES256"}'
OWN = "52:54:00:aa:00:01"


def looked(start: Start, **behaviour: Any) -> Look:
    return look("node01.example.com", access(start(**behaviour)), 5, PACE, threading.Event())


NETWORK = '[{name: bond0, bond: {members: ["52:54:00:aa:00:01", "52:54:00:aa:00:02"]}, ipv4: dhcp}]'
FOUND = [
    pytest.param({}, {}, [], id="right"),
    pytest.param({"node_firmware": "uefi"}, {}, [], id="firmware"),
    pytest.param({"node_firmware": "bios"}, {}, [("bmc-firmware", "error", "node_firmware",
                 "the machine boots with uefi, the plan is for bios")], id="other-firmware"),
    pytest.param({}, {"macs": ()}, [], id="unknown-cards"),
    pytest.param({}, {"macs": ("52:54:00:ff:00:01",)}, [("bmc-other-machine", "error", "node_bmc.address",
                 "the machine has none of this host's interfaces; its controller knows 52:54:00:ff:00:01")],
                 id="other-cards"),
    pytest.param({"node_network": NETWORK}, {"macs": ("52:54:00:aa:00:02",)}, [("bmc-mac", "warning", "node_mac",
                 "the controller does not know 52:54:00:aa:00:01; it knows 52:54:00:aa:00:02")], id="one-of-a-bond"),
    pytest.param({"node_disk": "{serial: SN-0001}"}, {}, [], id="serial"),
    pytest.param({"node_disk": "{serial: SN-0002}"}, {}, [("bmc-disk", "warning", "node_disk.serial",
                 "the controller does not know a disk with the serial SN-0002; it knows 5000000000000001, sn-0001")],
                 id="other-serial"),
    pytest.param({"node_disk": '{wwn: "0x5000000000000002"}'}, {}, [("bmc-disk", "warning", "node_disk.wwn",
                 "the controller does not know a disk with the wwn 0x5000000000000002; it knows 5000000000000001, "
                 "sn-0001")], id="other-wwn"),
    pytest.param({"node_disk": "{serial: SN-0002}"}, {"disks": ()}, [], id="unknown-disks"),
    pytest.param({}, {"systems": ("1", "2"), "faults": []}, [("bmc-refused", "error", "node_bmc.system",
                 "BMC has 2 systems: 1, 2")], id="several-systems"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "behaviour", "expected"), FOUND)
def test_problems(
    changes: dict[str, str],
    behaviour: dict[str, Any],
    expected: list[tuple[str, str, str, str]],
    start: Start,
    tmp_path: Path,
) -> None:
    host = one_host(tmp_path, node_bmc=BMC, **changes)
    found = looked(start, **behaviour)
    told = [
        (p.code, p.severity, p.variable, p.message.replace(found.server, "BMC"))
        for p in problems([host], {host.name: found})
    ]
    assert told == expected


def test_the_machine_of_another_host(start: Start, tmp_path: Path) -> None:
    one = inventory_text(node_bmc=BMC)
    other = inventory_text(
        "node02.example.com",
        node_bmc=BMC.replace("bmc.", "bmc2."),
        node_mac='"52:54:00:aa:00:09"',
        node_disk="{serial: SN-0009}",
    )
    hosts, wrong = read_text(one + other[other.index("    node02") :], tmp_path)
    assert [p for p in wrong if p.severity == "error" and p.code != "login"] == []
    found = looked(start, macs=("52:54:00:aa:00:09",))
    (problem,) = problems(hosts, {"node01.example.com": found})
    assert (problem.code, problem.message) == (
        "bmc-other-machine", "the machine has an interface of node02.example.com: 52:54:00:aa:00:09"
    )  # fmt: skip


def test_a_controller_without_an_inventory(start: Start) -> None:
    """Errors of these are no errors: HBAs answer with 500, emulators too."""
    faults = [Fault("/Storage", 500), Fault("/EthernetInterfaces", 404)]
    found = looked(start, faults=faults)
    assert found.error is None
    assert found.inventory is not None
    assert (found.inventory.macs, found.inventory.disks) == (frozenset(), frozenset())


def test_nothing_is_changed(start: Start) -> None:
    controller = start()
    look("node01", access(controller), 5, PACE, threading.Event())
    changing = [r for r in controller.requests if not r.startswith("GET") and "/SessionService/" not in r]
    assert changing == []
    assert OWN in controller.macs
