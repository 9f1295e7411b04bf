# SPDX-License-Identifier: GPL-2.0-or-later
"""How far a rehearsal is, when it is over, and what is said of the installed system."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from inventories import SSH_KEY, inventory_text, one_host, read_text
from lab import real
from lab.root import NVR

from ksgen.host import Host, read_hosts
from ksgen.inventory import reader
from ksgen.rehearsal import look
from ksgen.rehearsal.changes import CONSOLE, needed_changes, overlay
from ksgen.rehearsal.course import Limits, Seen, stopped
from ksgen.rehearsal.machine import machine_of
from ksgen.rehearsal.network import Network, network_of
from ksgen.rehearsal.shapes import alike
from ksgen.rehearsal.verdict import address_step, keys_step, verdicts
from ksgen.variables import is_claimed

LIMITS = Limits(3600, 600)
SAID = (Path(__file__).parents[1] / "data" / "lab" / "node.says").read_text()
ALL = ("booting", "preparing", "partitioning", "copying", "configuring", "layering", "installed")
RESOLVER = """\
[   12.3] something of the kernel
ovirt-node: the installation stops here; nothing has been written to any disk.\r
ovirt-node: no disk has the serial number S3EVNX0K001\r
ovirt-node: what to do: correct node_disk\r

"""
RAISED = """\
Traceback (most recent call last):\r
  File "kickstart.py", line 303, in parseKickstart\r
    boss.ReadKickstartFile(f)\r
    ~~~~~~~~~~^^^\r
dasbus.Error: UDisks iSCSI functionality not available\r
BENCH: the end\r
"""


def host_of(*states: str, message: str = "") -> dict[str, object]:
    return {"message": message, "attempts": [{"transitions": [{"after": state} for state in states]}]}


@pytest.mark.parametrize(
    ("seen", "seconds", "wanted"),
    [
        pytest.param(Seen.of({}, "", False), 10, None, id="begins"),
        pytest.param(Seen.of(host_of("booting"), "", False), 700, None, id="goes-on"),
        pytest.param(Seen.of(host_of(*ALL), "", False), 700, None, id="not-restarted"),
        pytest.param(Seen.of(host_of(*ALL), "", True), 700, ("restart", True, "restarted"), id="installed"),
        pytest.param(
            Seen.of(host_of(*ALL[:2], "failed", message="the installer has ended"), RAISED, False), 465,
            ("preparing", False, "the installer has ended; dasbus.Error: UDisks iSCSI functionality not available"),
            id="raised",
        ),
        pytest.param(
            Seen.of(host_of(*ALL[:5], "failed", message="ovirt-node: a script ended with 3\nits log"), "", False), 700,
            ("configuring", False, "a script ended with 3; its log"), id="failed",
        ),
        pytest.param(
            Seen.of(host_of(*ALL[:2]), RESOLVER + RESOLVER, False), 700,
            ("preparing", False,
             "the installation stops here; nothing has been written to any disk.; no disk has the serial number "
             "S3EVNX0K001; what to do: correct node_disk"), id="stopped-without-report",
        ),
        pytest.param(
            Seen.of({}, "lab: <urlopen error timed out>\n", False), 601,
            ("booting", False, "no kickstart fetched in 10 minutes"), id="no-network",
        ),
        pytest.param(
            Seen.of({}, "Kickstart file /run/install/ks.cfg is missing.\n", True), 300,
            ("booting", False, "no kickstart fetched, so the installer has no network; the machine ended; the "
             "console's last lines: Kickstart file /run/install/ks.cfg is missing."), id="no-network-and-ended",
        ),
        pytest.param(
            Seen.of(host_of(*ALL[:4]), "one\n[  332.257699] bond0: nothing\ntwo\n", False), 3601,
            ("copying", False, "not over after 60 minutes; the console's last lines: one | two"), id="too-long",
        ),
        pytest.param(
            Seen.of(host_of(*ALL[:4]), "Kernel panic\n", True), 700,
            ("copying", False, "the machine ended; the console's last lines: Kernel panic"), id="ended",
        ),
    ],
)  # fmt: skip
def test_the_end_of_an_installation(seen: Seen, seconds: float, wanted: tuple[str, bool, str] | None) -> None:
    step = stopped(seen, seconds, LIMITS)
    if wanted is None:
        assert step is None
        return
    assert step is not None
    assert (step.name, step.is_good) == wanted[:2]
    assert wanted[2] in step.text


def test_states_are_steps() -> None:
    steps = Seen.of(host_of("armed", *ALL[:3], "failed"), "", False).steps
    assert [step.name for step in steps] == ["booting", "preparing", "partitioning"]
    assert steps[2].text == "the disk is written"


# --- the installed system --------------------------------------------------------------------------------------------


def said(**addresses: str) -> str:
    rows = []
    for name, text in addresses.items():
        local, _, prefix = text.partition("/")
        rows.append({"ifname": name, "addr_info": [{"local": local, "prefixlen": int(prefix)}, {}]})
    return json.dumps([{}, *rows])


@pytest.mark.parametrize(
    ("printed", "is_good", "text"),
    [
        pytest.param(said(eno1="10.1.101.11/24"), True, "eno1 10.1.101.11/24", id="there"),
        pytest.param(said(eno1="10.1.101.12/24"), False, "eno1 has no 10.1.101.11/24, but 10.1.101.12/24", id="other"),
        pytest.param(said(eno2="10.1.101.11/24"), False, "eno1 has no 10.1.101.11/24, but no address", id="elsewhere"),
        pytest.param("", False, "eno1 has no 10.1.101.11/24, but no address", id="nothing-said"),
    ],
)
def test_addresses(tmp_path: Path, printed: str, is_good: bool, text: str) -> None:
    own = "[{name: eno1, ipv4: 10.1.101.11/24, gateway4: 10.1.101.1, dns: [10.1.0.53]}]"
    host = one_host(tmp_path, node_network=own)
    network, _ = network_of(host, machine_of(host, tmp_path)[0])
    step = address_step(network, printed)
    assert (step.is_good, step.text) == (is_good, text)


def test_an_address_that_is_given(tmp_path: Path) -> None:
    host = one_host(tmp_path, node_network="[{name: eno1, ipv4: dhcp}]")
    network, _ = network_of(host, machine_of(host, tmp_path)[0])
    assert address_step(network, said(eno1="192.0.2.100/24")).is_good
    assert address_step(network, said(eno2="192.0.2.100/24")).text == "eno1 has no address from DHCP"


OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILrF9fMS/P+J64CnxtjvJhdHA4WcpcTUhvfhH2d3nLBM other@example.com"


@pytest.mark.parametrize(
    ("printed", "text"),
    [
        pytest.param(f"root {SSH_KEY}\n", "as in the inventory: root 1", id="right"),
        pytest.param("", "root lacks 1 of 1 keys", id="none"),
        pytest.param(f"root {SSH_KEY}\nroot {OTHER}\n", "root has 1 keys that the inventory does not give", id="more"),
        pytest.param(f"other {SSH_KEY}\n", "root lacks 1 of 1 keys", id="of-another"),
    ],
)
def test_keys(tmp_path: Path, printed: str, text: str) -> None:
    host = one_host(tmp_path, node_ssh_keys=json.dumps([SSH_KEY]))
    assert keys_step(host, printed).text == text


@pytest.fixture
def node(tmp_path: Path) -> tuple[Host, Network]:
    """The host of which tests/data/lab/node.says is what it said, and its network."""
    host = real.kickstart("el9", "uefi", real.system_disk(tmp_path)).host
    return host, network_of(host, machine_of(host, tmp_path)[0])[0]


def test_a_node_as_planned(node: tuple[Host, Network]) -> None:
    answers = {**look.parts(SAID), "addresses": said(eth0="192.0.2.100/24"), "keys": f"root {SSH_KEY}"}
    steps = list(verdicts(node[0], NVR, node[1], answers, "SSH-2.0-OpenSSH_9.2", are_others_unchanged=True))
    assert [step.name for step in steps if not step.is_good] == []
    assert [step.name for step in steps] == [
        "layer", "layout", "imgbase check", "nodectl check", "other disks", "addresses", "sshd", "authorized_keys",
        "services",
    ]  # fmt: skip
    assert steps[1].text.startswith("as planned: ")


@pytest.mark.parametrize(
    ("changes", "ssh", "is_unchanged", "wrong"),
    [
        pytest.param({"layer": "You are on root"}, "SSH-2.0", True, {"layer"}, id="layer"),
        pytest.param({"volumes": ""}, "SSH-2.0", True, {"layout"}, id="layout"),
        pytest.param({"nodectl": '{"vdsm": {"status": "bad"}}'}, "SSH-2.0", True, {"nodectl check"}, id="nodectl"),
        pytest.param({}, "SSH-2.0", False, {"other disks"}, id="other-disk"),
        pytest.param({}, "", True, {"sshd"}, id="sshd"),
        pytest.param({"failed": "kdump.service loaded failed failed"}, "SSH-2.0", True, {"services"}, id="services"),
    ],
)
def test_each_thing_that_is_wrong_is_its_own_step(
    node: tuple[Host, Network], changes: dict[str, str], ssh: str, is_unchanged: bool, wrong: set[str]
) -> None:
    own = {"addresses": said(eth0="192.0.2.100/24"), "keys": f"root {SSH_KEY}"}
    answers = {**look.parts(SAID), **own, **changes}
    steps = verdicts(node[0], NVR, node[1], answers, ssh, is_unchanged)
    assert {step.name for step in steps if not step.is_good} == wrong


# --- what is changed -------------------------------------------------------------------------------------------------


def rehearsed(directory: Path, replace: tuple[str, ...] = (), **variables: str) -> tuple[Host, Host, str]:
    """A host, and how it is read with the inventory of its rehearsal behind its own."""
    host = one_host(directory, **variables)
    text = overlay(host.name, needed_changes(host, replace, is_emulated=True))
    (directory / "rehearsal.yaml").write_text(text)
    site, problems = reader.read([directory / "hosts.yaml", directory / "rehearsal.yaml"], is_own=is_claimed)
    (again,), more = read_hosts(site)
    assert [one.message for one in (*problems, *more) if one.severity == "error"] == []
    return host, again, text


def test_only_these_variables_are_changed(tmp_path: Path) -> None:
    post = json.dumps("echo '{{ not an expression }}' \"$HOME\"\n")
    variables = {"node_post": f"!unsafe {post}", "node_kernel_args": "[iommu=pt]", "node_checks": "{skip: [clock]}"}
    host, again, _ = rehearsed(tmp_path, **variables)
    changed = {"kernel_args", "installer_args", "post", "checks"}
    before, after = (one.settings.model_dump(exclude=changed) for one in (host, again))
    assert after == before
    assert again.settings.kernel_args == ["iommu=pt", CONSOLE]
    assert again.settings.post[0] == host.settings.post[0]
    assert len(again.settings.post) == 2
    assert again.settings.checks is not None
    assert (again.settings.checks.skip, again.settings.checks.wait) == (["clock", "virtualization"], 60)


def test_a_replaced_disk_is_in_the_inventory_too(tmp_path: Path) -> None:
    disk = '{path: "pci-0000:3b:00.0-scsi-0:2:0:0", size: 128 GB}'
    host, again, _ = rehearsed(tmp_path, ("disks",), node_disk=disk)
    assert again.settings.disk[0].serial == "KSGEN-REHEARSAL-0"
    assert again.settings.disk[0].size == host.settings.disk[0].size


def test_a_replaced_nic_is_one_of_the_board(tmp_path: Path) -> None:
    own = (
        "[{name: bond0, bond: {members: [ens1f0, ens1f1]}, speed: 25 Gbit/s},"
        " {name: bond0.5, vlan: {id: 5, parent: bond0}, ipv4: 10.1.5.9/24, gateway4: 10.1.5.1, dns: [10.1.5.1]}]"
    )
    _, again, _ = rehearsed(tmp_path, ("nics",), node_network=own)
    (bond, vlan) = again.settings.network
    assert bond.bond is not None
    assert (bond.bond.members, bond.speed) == (["eno1", "eno2"], 25000)
    assert (vlan.device, vlan.ipv4) == ("bond0.5", "10.1.5.9/24")


# --- hosts that are alike --------------------------------------------------------------------------------------------


def test_hosts_that_differ_in_identity_are_alike(tmp_path: Path) -> None:
    text = inventory_text("node01.example.com")
    for number in (2, 3, 4):
        swap = "      node_swap_size: 8 GiB\n" if number == 3 else ""
        text += (
            f"    node0{number}.example.com:\n"
            + "".join(f"{line}\n" for line in inventory_text().splitlines()[3:])
            .replace("00:00:01", f"00:00:0{number}")
            .replace("aa:00:01", f"aa:00:0{number}")
            .replace("0x5000000000000001", f"0x500000000000000{number}")
            + swap
        )
    hosts, problems = read_text(text, tmp_path)
    assert [one.message for one in problems if one.severity == "error"] == []
    groups = alike(hosts)
    assert [group.names for group in groups] == [
        ("node01.example.com", "node02.example.com", "node04.example.com"),
        ("node03.example.com",),
    ]
    assert groups[0].first is hosts[0]
