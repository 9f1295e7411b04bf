# SPDX-License-Identifier: GPL-2.0-or-later
"""The machine of a host: its disks and NICs as the inventory identifies them, and what QEMU cannot have."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest
from inventories import one_host

from ksgen.cli import rehearse_command
from ksgen.host import Host
from ksgen.rehearsal import acceleration, programs, qemu
from ksgen.rehearsal.course import Seen, said
from ksgen.rehearsal.disks import allocated, digest
from ksgen.rehearsal.machine import OPEN_SIZE, REPLACEABLE, machine_of, memory_problem, needed_memory_mib
from ksgen.rehearsal.qmp import Monitor, MonitorError

MAC = "52:54:00:aa:00:01"
PATH = "/dev/disk/by-path/pci-0000:00:1f.2-ata-1"


def problems(directory: Path, **variables: str) -> list[str]:
    host = one_host(directory, **variables)
    return [one.message for one in machine_of(host, directory)[1]]


@pytest.mark.parametrize(
    ("disk", "wanted"),
    [
        pytest.param('{serial: S3EVNX0K001, size: 128 GB}', {"bus": "sata", "serial": "S3EVNX0K001"}, id="serial"),
        pytest.param('{wwn: "0x5002538c269e0d37"}', {"bus": "sata", "wwn": "0x5002538c269e0d37"}, id="wwn"),
        pytest.param('{path: "pci-0000:00:1f.2-ata-3"}', {"bus": "sata", "port": 3}, id="path"),
        pytest.param(
            '{path: /dev/disk/by-id/wwn-0x5002538c269e0d37}', {"bus": "sata", "wwn": "0x5002538c269e0d37"}, id="by-id"
        ),
        pytest.param(
            '{serial: S3EVNX0K001, model: Samsung SSD 860}', {"bus": "sata", "model": "Samsung SSD 860"}, id="model"
        ),
    ],
)  # fmt: skip
def test_a_disk_has_the_identity_of_the_inventory(tmp_path: Path, disk: str, wanted: dict[str, object]) -> None:
    made, found = machine_of(one_host(tmp_path, node_disk=disk), tmp_path)
    assert found == ()
    assert {name: getattr(made.disks[0], name) for name in wanted} == wanted


@pytest.mark.parametrize(
    ("disk", "message"),
    [
        pytest.param(
            '{path: "pci-0000:3b:00.0-scsi-0:2:0:0"}',
            "QEMU has no disk at /dev/disk/by-path/pci-0000:3b:00.0-scsi-0:2:0:0; "
            "it has those at pci-0000:00:1f.2-ata-1 to -6",
            id="controller",
        ),
        pytest.param(
            '{wwn: "0x600508b1001c4d2e600508b1001c4d2e"}',
            "QEMU gives no disk the WWN 0x600508b1001c4d2e600508b1001c4d2e; it has those of 0x and 16 digits",
            id="long-wwn",
        ),
        pytest.param(
            '{serial: S3EVNX0K0010000000000}',
            "QEMU gives no disk a serial number of 21 characters; the limit is 20",
            id="serial",
        ),
        pytest.param(
            '{wwn: eui.0025388b34b9b5df, model: PM983}',
            "Linux ignores the identifiers of QEMU's NVMe disks, and does not find eui.0025388b34b9b5df",
            id="nvme",
        ),
        pytest.param(
            '{path: /dev/disk/by-id/nvme-eui.0025388b34b9b5df}',
            "Linux ignores the identifiers of QEMU's NVMe disks, and does not find eui.0025388b34b9b5df",
            id="nvme-by-id",
        ),
    ],
)  # fmt: skip
def test_what_qemu_does_not_have_is_a_problem_at_the_disk(tmp_path: Path, disk: str, message: str) -> None:
    assert problems(tmp_path, node_disk=disk) == [message]


@pytest.mark.parametrize(
    ("disk", "bus"),
    [
        pytest.param('{path: "pci-0000:3b:00.0-scsi-0:2:0:0", size: 128 GB}', "sata", id="controller"),
        pytest.param("{wwn: eui.0025388b34b9b5df, size: 128 GB}", "nvme", id="nvme"),
    ],
)
def test_a_disk_is_replaced_when_that_is_asked_for(tmp_path: Path, disk: str, bus: str) -> None:
    made, found = machine_of(one_host(tmp_path, node_disk=disk), tmp_path, ["disks"])
    assert found == ()
    assert (made.disks[0].bus, made.disks[0].serial) == (bus, "KSGEN-REHEARSAL-0")


def test_a_disk_is_as_small_as_the_inventory_admits(tmp_path: Path) -> None:
    made, _ = machine_of(one_host(tmp_path, node_disk="{serial: S3EVNX0K001, size: 480 GB}"), tmp_path)
    assert 0 <= made.disks[0].size - 480 * 10**9 * 97 // 100 < 512
    made, _ = machine_of(one_host(tmp_path, node_disk="{serial: S3EVNX0K001}"), tmp_path)
    assert 0 <= made.disks[0].size - OPEN_SIZE < 512


def test_sata_disks_have_ports_of_their_own(tmp_path: Path) -> None:
    disks = '[{serial: S3EVNX0K001}, {path: "pci-0000:00:1f.2-ata-1"}, {serial: S3EVNX0K002}]'
    made, _ = machine_of(one_host(tmp_path, node_disk=disks), tmp_path)
    assert [disk.port for disk in made.disks] == [2, 1, 3]


def test_another_disk_is_there_always(tmp_path: Path) -> None:
    made, _ = machine_of(one_host(tmp_path), tmp_path)
    assert [disk.serial for disk in made.others] == ["OTHER0"]
    local = '["0x5002538c26aa1001", "0x5002538c26aa1002"]'
    made, _ = machine_of(one_host(tmp_path, node_local_disks=local), tmp_path)
    assert [disk.wwn for disk in made.others] == ["0x5002538c26aa1001", "0x5002538c26aa1002"]


NETWORKS = [
    pytest.param("[]", [(MAC, None)], id="none"),
    pytest.param("[{name: eno2, ipv4: dhcp}]", [(MAC, 2)], id="onboard"),
    pytest.param("[{name: lan0, mac: '52:54:00:aa:00:07', ipv4: dhcp}]",
                 [(MAC, None), ("52:54:00:aa:00:07", None)], id="given-a-name"),
    pytest.param("[{name: bond0, bond: {members: [eno1, eno2]}, ipv4: dhcp}]",
                 [(MAC, 1), ("02:5e:00:00:00:00", 2)], id="bond-of-names"),
    pytest.param(f"[{{name: bond0, bond: {{members: ['{MAC}', '52:54:00:aa:00:02']}}, ipv4: dhcp}}]",
                 [(MAC, None), ("52:54:00:aa:00:02", None)], id="bond-of-addresses"),
]  # fmt: skip


@pytest.mark.parametrize(("network", "wanted"), NETWORKS)
def test_nics_have_the_addresses_and_names_of_the_inventory(
    tmp_path: Path, network: str, wanted: list[tuple[str, int | None]]
) -> None:
    made, found = machine_of(one_host(tmp_path, node_network=network), tmp_path)
    assert found == ()
    assert [(nic.mac, nic.index) for nic in made.nics] == wanted


def test_a_nic_with_another_name_is_a_problem_and_can_be_replaced(tmp_path: Path) -> None:
    host = one_host(tmp_path, node_network="[{name: ens1f0, ipv4: dhcp}]")
    _, (problem,) = machine_of(host, tmp_path)
    assert problem.message == "QEMU has no NIC that is called ens1f0; it has eno1 to eno255"
    assert machine_of(host, tmp_path, ["nics"])[1] == ()


def test_the_speed_of_a_bond_is_that_of_its_members(tmp_path: Path) -> None:
    network = "[{name: bond0, bond: {members: [eno1, eno2]}, ipv4: dhcp, speed: 25 Gbit/s}]"
    made, _ = machine_of(one_host(tmp_path, node_network=network), tmp_path)
    assert [nic.speed for nic in made.nics] == [25000, 25000]


@pytest.mark.parametrize(
    ("variables", "mib"),
    [
        pytest.param({}, 4096, id="plain"),
        pytest.param({"node_checks": "{hosted_engine: true}"}, 7680, id="hosted-engine"),
        pytest.param({"node_hugepages": "{1G: 4}"}, 4096 + 9216, id="huge-pages"),
    ],
)
def test_memory_is_what_the_host_needs(tmp_path: Path, variables: dict[str, str], mib: int) -> None:
    assert needed_memory_mib(one_host(tmp_path, **variables).settings) == mib


@pytest.mark.parametrize(
    ("variables", "given", "free", "wanted"),
    [
        pytest.param({}, None, 4608, None, id="enough"),
        pytest.param({}, None, None, None, id="unknown"),
        pytest.param(
            {}, None, 4607,
            "4607 MiB of memory are free here; the machine needs 4096 MiB, and this one keeps 512 "
            "MiB (--memory MIB gives it less, at least 2048)",
            id="less",
        ),
        pytest.param(
            {}, None, 2000,
            "2000 MiB of memory are free here; the machine needs 4096 MiB, and this one keeps 512 "
            "MiB (end other programs first)",
            id="too-little",
        ),
        pytest.param(
            {"node_hugepages": "{1G: 64}"}, None, 16000,
            "node_hugepages: 16000 MiB of memory are free here; the machine needs 74752 MiB, and "
            "this one keeps 512 MiB (node_hugepages needs it: override it in another inventory (-i), like "
            "node_hugepages: {2M: 16})",
            id="pages",
        ),
        pytest.param(
            {"node_hugepages": "{2M: 16}"}, None, 4608,
            "node_hugepages: 4608 MiB of memory are free here; the machine needs 9248 MiB, and this one keeps 512 "
            "MiB (node_hugepages needs it: override it in another inventory (-i), like node_hugepages: {})",
            id="few-pages",
        ),
        pytest.param(
            {"node_hugepages": "{1G: 4}"}, 4096, 16000,
            "node_hugepages: --memory is 4096 MiB; 13312 MiB are required (node_hugepages needs it: "
            "override it in another inventory (-i), like node_hugepages: {2M: 16})",
            id="given",
        ),
        pytest.param(
            {"node_checks": "{hosted_engine: true}"}, None, 5000,
            "node_checks.hosted_engine: 5000 MiB of memory are free here; the machine needs 7680 "
            "MiB, and this one keeps 512 MiB (node_checks needs it: override it in another inventory (-i), like "
            "node_checks: {hosted_engine: false})",
            id="engine",
        ),
        pytest.param({"node_checks": "{hosted_engine: true, skip: [memory]}"}, None, 4608, None, id="waived"),
    ],
)  # fmt: skip
def test_what_needs_more_memory_than_there_is(
    tmp_path: Path, variables: dict[str, str], given: int | None, free: int | None, wanted: str | None
) -> None:
    host = one_host(tmp_path, **variables)
    machine, _ = machine_of(host, tmp_path, memory_mib=given)
    found = memory_problem(host, machine, free)
    assert (f"{found.variable or ''}: {found.message} ({found.hint})".removeprefix(": ") if found else None) == wanted


def test_what_can_be_replaced_is_what_the_command_says() -> None:
    assert rehearse_command._REPLACEABLE == REPLACEABLE


def test_the_digest_of_a_disk_is_of_what_is_written(tmp_path: Path) -> None:
    sparse, full = tmp_path / "sparse", tmp_path / "full"
    with sparse.open("wb") as file:
        file.truncate(2**24)
        file.seek(2**20)
        file.write(b"data")
    full.write_bytes(sparse.read_bytes())
    assert digest(sparse) == digest(full)
    assert allocated(sparse) < allocated(full) or allocated(full) < 2**24
    with sparse.open("r+b") as file:
        file.seek(2**21)
        file.write(b"x")
    assert digest(sparse) != digest(full)


# --- with QEMU -------------------------------------------------------------------------------------------------------

SATA = '[{wwn: "0x5002538c269e0d37", model: Samsung SSD 860}, {serial: S3EVNX0K002}]'
NVME = "[{wwn: eui.0025388b34b9b5df}, {wwn: eui.0025388b506bf2ef}]"
BOND = "[{name: bond0, bond: {members: [eno1, eno2]}, ipv4: dhcp, speed: 25 Gbit/s}]"


@pytest.mark.parametrize(("firmware", "disks", "replace"), [("bios", SATA, ()), ("uefi", NVME, ("disks",))])
def test_qemu_has_this_machine(tmp_path: Path, firmware: str, disks: str, replace: tuple[str, ...]) -> None:
    """QEMU itself says that disks and NICs are there; nothing of the machine runs."""
    host = one_host(tmp_path, node_disk=disks, node_network=BOND, node_firmware=firmware, node_serial="'CZ20350K4M'")
    made, problems = machine_of(host, tmp_path, replace)
    assert problems == ()
    program = programs.required("qemu-system-x86_64")
    assert qemu.missing_devices(made, programs.devices(program)) == ()
    start = qemu.Start(program, acceleration.SOFTWARE, tmp_path, programs.uefi() if firmware == "uefi" else None)
    for disk in (*made.disks, *made.others):
        with disk.file.open("wb") as file:
            file.truncate(disk.size)
    if start.uefi:
        qemu.variables(tmp_path).write_bytes(start.uefi.variables.read_bytes())
    command = [*qemu.command(made, start), "-S"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            end = time.monotonic() + 30
            while not (tmp_path / qemu.MONITOR).exists():
                assert process.poll() is None, process.stderr.read() if process.stderr else ""
                assert time.monotonic() < end
                time.sleep(0.05)
            with Monitor(tmp_path / qemu.MONITOR) as monitor:
                assert monitor.execute("query-status")["status"] == "prelaunch"
                blocks = {one["device"] for one in monitor.execute("query-block")}
                assert {"disk0-0", "disk1-0", "disk2-0"} <= blocks
                monitor.execute("set_link", name="nic1", up=False)
                with pytest.raises(MonitorError, match="set_link: Device 'nic7' not found"):
                    monitor.execute("set_link", name="nic7", up=False)
                monitor.execute("quit")
            assert process.wait(30) == 0
        finally:
            process.kill()


def test_a_machine_that_is_off_has_no_monitor(tmp_path: Path) -> None:
    with pytest.raises(MonitorError, match="No such file or directory"), Monitor(tmp_path / "qmp"):
        pass


def test_a_missing_program_has_its_package() -> None:
    assert programs.missing_text("dnsmasq") == "dnsmasq is not installed; package dnsmasq-base (Debian), dnsmasq (EL)"
    assert programs.missing(["unshare"]) == []


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)\n", None),
        ("QEMU emulator version 10.1.0 (qemu-kvm-10.1.0-4.el10)\n", None),
        ("QEMU emulator version 6.2.0 (Debian 1:6.2)\n", "QEMU 6.2 is installed; 7.2 is required"),
        ("", "a QEMU that does not say its version is installed; 7.2 is required"),
    ],
)
def test_the_version_of_qemu(text: str, wanted: str | None) -> None:
    assert programs.too_old(text) == wanted


def test_a_machine_of_a_host_says_nothing_secret(tmp_path: Path) -> None:
    host: Host = one_host(tmp_path)
    made, _ = machine_of(host, tmp_path)
    start = qemu.Start("qemu", acceleration.SOFTWARE, tmp_path, None)
    assert str(host.settings.root_password_hash) not in json.dumps(qemu.command(made, start))


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r\r\n"])
def test_reason_of_a_stop_is_read_from_the_console(end: bytes, tmp_path: Path) -> None:
    """A program that writes both characters to a terminal that adds one."""
    words = (
        b"ovirt-node: the installation waits for this; it stops in 27 s.", b"",
        b"ovirt-node: the installation stops here; nothing has been written to any disk.",
        b"ovirt-node: error: image: pxe.example.com cannot be resolved", b"",
    )  # fmt: skip
    log = qemu.log(tmp_path, qemu.CONSOLE)
    assert qemu.shown(log) == ""
    log.write_bytes(end.join(words))
    assert said(Seen.of({}, qemu.shown(log), False).console) == (
        "the installation stops here; nothing has been written to any disk.; error: image: pxe.example.com cannot be "
        "resolved"
    )
