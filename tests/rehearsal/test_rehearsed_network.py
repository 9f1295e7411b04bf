# SPDX-License-Identifier: GPL-2.0-or-later
"""The network of a host, and the switch in it: VLANs, bonds, LACP."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from inventories import one_host

from ksgen.rehearsal.frames import Link, Switch, ToPort, ToVlan
from ksgen.rehearsal.machine import machine_of
from ksgen.rehearsal.namespace import Namespace, NoNamespace
from ksgen.rehearsal.network import Network, Port, Segment, dnsmasq_lines, network_of

A, B = "52:54:00:aa:00:01", "52:54:00:aa:00:02"
BOND = f"{{name: bond0, bond: {{members: ['{A}', '{B}'], mode: 802.3ad}}}}"
VLAN = (
    "{name: bond0.100, vlan: {id: 100, parent: bond0}, ipv4: 10.1.100.11/24, gateway4: 10.1.100.1, "
    "dns: [10.1.0.53, 10.1.100.53], routes: [{to: 10.9.0.0/16, via: 10.1.100.2}]}"
)


def network(directory: Path, **variables: str) -> tuple[Network, list[str]]:
    host = one_host(directory, **variables)
    made, problems = network_of(host, machine_of(host, directory)[0])
    return made, [problem.message for problem in problems]


def test_a_host_without_a_network_is_given_an_address(tmp_path: Path) -> None:
    made, problems = network(tmp_path)
    assert problems == []
    assert made.ports == (Port(A),)
    (segment,) = made.segments
    assert (segment.vlan, segment.has_dhcp, segment.addresses[0]) == (0, True, "192.0.2.1/24")
    assert made.beyond == ("198.51.100.1",)
    assert made.names == (("pxe.example.com", "198.51.100.1"),)
    assert (made.expected, made.dynamic) == ((), (A,))


def test_a_bond_with_a_vlan_has_lacp_and_a_segment(tmp_path: Path) -> None:
    made, problems = network(tmp_path, node_network=f"[{BOND}, {VLAN}]")
    assert problems == []
    assert made.ports == (Port(A, "bond0", has_lacp=True), Port(B, "bond0", has_lacp=True))
    assert made.segments[1] == Segment(100, ("10.1.100.1/24", "10.1.100.2/24", "10.1.100.53/24"))
    # The name server of another network is behind the gateway.
    assert made.beyond == ("10.1.0.53", "198.51.100.1")
    assert made.expected == (("bond0.100", "10.1.100.11/24"),)
    assert made.dynamic == ()


def test_members_of_other_bonds_need_nothing_of_the_switch(tmp_path: Path) -> None:
    bond = f"{{name: bond0, bond: {{members: ['{A}', '{B}'], mode: active-backup}}, ipv4: dhcp}}"
    made, _ = network(tmp_path, node_network=f"[{bond}]")
    assert made.ports == (Port(A), Port(B))
    bond = f"{{name: bond0, bond: {{members: ['{A}', '{B}'], mode: balance-xor}}, ipv4: dhcp}}"
    made, _ = network(tmp_path, node_network=f"[{bond}]")
    assert made.ports == (Port(A, "bond0"), Port(B, "bond0"))


def test_without_a_router_the_server_is_in_the_network_of_the_host(tmp_path: Path) -> None:
    made, _ = network(tmp_path, node_network="[{name: eno1, ipv4: 10.1.101.11/24, dns: [10.1.101.53]}]")
    assert made.names == (("pxe.example.com", "10.1.101.53"),)
    assert made.segments[0].addresses[0] == "10.1.101.53/24"
    assert made.beyond == ()


def test_both_families(tmp_path: Path) -> None:
    own = (
        "[{name: eno1, ipv4: 10.1.101.11/24, gateway4: 10.1.101.1, ipv6: '2001:db8:101::b/64', "
        "gateway6: '2001:db8:101::1', dns: ['2001:db8::53']}]"
    )
    made, _ = network(tmp_path, node_network=own)
    assert made.segments[0].addresses[:2] == ("10.1.101.1/24", "2001:db8:101::1/64")
    assert "2001:db8::53" in made.beyond
    assert made.expected == (("eno1", "10.1.101.11/24"), ("eno1", "2001:db8:101::b/64"))


def test_dhcp_in_two_vlans_is_refused(tmp_path: Path) -> None:
    two = (
        "[{name: eno1, ipv4: dhcp}, {name: eno1.5, vlan: {id: 5, parent: eno1}, ipv4: dhcp},"
        " {name: eno1.6, vlan: {id: 6, parent: eno1}, ipv4: dhcp}]"
    )
    _, problems = network(tmp_path, node_network=two)
    assert problems == ["eno1, eno1.5, eno1.6 ask for addresses in 3 VLANs; the DHCP server here is in one"]


def test_dnsmasq_accepts_its_configuration(tmp_path: Path) -> None:
    made, _ = network(tmp_path)
    file = tmp_path / "dnsmasq.conf"
    file.write_text("".join(f"{line}\n" for line in dnsmasq_lines(made)))
    done = subprocess.run(["/usr/sbin/dnsmasq", "--test", f"--conf-file={file}"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "address=/pxe.example.com/198.51.100.1" in file.read_text()


# --- frames ----------------------------------------------------------------------------------------------------------

HOST, ROUTER, ALL = bytes.fromhex("525400aa0001"), bytes.fromhex("025e00000001"), b"\xff" * 6
IPV4 = b"\x08\x00"


def frame(to: bytes, of: bytes, vlan: int = 0, payload: bytes = b"data") -> bytes:
    tag = b"\x81\x00" + vlan.to_bytes(2, "big") if vlan else b""
    return to + of + tag + IPV4 + payload


def lacp(state: int) -> bytes:
    """An LACPDU of the kernel's bonding driver, as far as it is read."""
    actor = bytes.fromhex("ffff 525400aa0001 0009 00ff 0001") + bytes((state, 0, 0, 0))
    return bytes.fromhex("0180c2000002") + HOST + b"\x88\x09\x01\x01\x01\x14" + actor + bytes(90)


SYNCHRONIZED, ALONE = 0x0F, 0x47


def test_frames_without_a_tag_go_to_their_own_interface_and_back() -> None:
    switch = Switch([Link()])
    assert switch.from_port(0, frame(ROUTER, HOST)) == ToVlan(0, frame(ROUTER, HOST))
    assert list(switch.from_vlan(0, frame(HOST, ROUTER))) == [ToPort(0, frame(HOST, ROUTER))]


def test_a_tag_is_taken_off_and_put_on() -> None:
    switch = Switch([Link()])
    assert switch.from_port(0, frame(ROUTER, HOST, 100)) == ToVlan(100, frame(ROUTER, HOST))
    assert list(switch.from_vlan(100, frame(HOST, ROUTER))) == [ToPort(0, frame(HOST, ROUTER, 100))]


def test_an_address_is_behind_the_port_that_used_it_last() -> None:
    switch = Switch([Link(), Link()])
    assert [one.port for one in switch.from_vlan(0, frame(HOST, ROUTER))] == [0, 1]
    switch.from_port(1, frame(ROUTER, HOST))
    assert [one.port for one in switch.from_vlan(0, frame(HOST, ROUTER))] == [1]
    assert [one.port for one in switch.from_vlan(5, frame(HOST, ROUTER))] == [0, 1]
    switch.from_port(0, frame(ROUTER, HOST))
    assert [one.port for one in switch.from_vlan(0, frame(HOST, ROUTER))] == [0]


def test_a_broadcast_goes_over_one_port_of_a_bond() -> None:
    switch = Switch([Link("bond0"), Link("bond0"), Link()])
    assert [one.port for one in switch.from_vlan(0, frame(ALL, ROUTER))] == [0, 2]


def test_a_bond_with_lacp_is_open_when_the_machine_says_so() -> None:
    switch = Switch([Link("bond0", has_lacp=True), Link("bond0", has_lacp=True)])
    assert switch.from_port(0, frame(ROUTER, HOST)) is None
    assert list(switch.from_vlan(0, frame(ALL, ROUTER))) == []
    answer = switch.from_port(1, lacp(ALONE))
    assert isinstance(answer, ToPort)
    assert switch.from_port(1, frame(ROUTER, HOST)) is None
    switch.from_port(1, lacp(SYNCHRONIZED))
    assert switch.from_port(1, frame(ROUTER, HOST)) == ToVlan(0, frame(ROUTER, HOST))
    assert [one.port for one in switch.from_vlan(0, frame(ALL, ROUTER))] == [1]
    switch.unplugged(1)
    assert switch.from_port(1, frame(ROUTER, HOST)) is None


def test_the_partner_repeats_what_the_machine_says_and_agrees() -> None:
    """IEEE 802.1AX-2020, 6.4.2.3: the places of actor and partner in an LACPDU."""
    answer = Switch([Link("bond0", has_lacp=True)]).from_port(0, lacp(SYNCHRONIZED))
    assert isinstance(answer, ToPort)
    sent = answer.frame
    assert len(sent) == 124
    assert sent[:6] == bytes.fromhex("0180c2000002")
    assert sent[12:18] == b"\x88\x09\x01\x01\x01\x14"
    assert sent[32] & 0x3C == 0x3C, "in sync, aggregatable, collecting, distributing"
    assert sent[36:38] == b"\x02\x14"
    assert sent[38:56] == lacp(SYNCHRONIZED)[18:36]


def test_lacp_is_not_for_ports_without_it() -> None:
    assert Switch([Link()]).from_port(0, lacp(SYNCHRONIZED)) is None


@pytest.mark.parametrize("frame", [b"", b"short", bytes(60), lacp(SYNCHRONIZED)[:20], lacp(SYNCHRONIZED)[:33]])
def test_odd_frames_do_no_harm(frame: bytes) -> None:
    Switch([Link("bond0", has_lacp=True)]).from_port(0, frame)


# --- in a network of its own -----------------------------------------------------------------------------------------


def arp(wanted: str, own: bytes, address: str) -> bytes:
    """RFC 826: which address of Ethernet has this one of IPv4?"""
    body = bytes.fromhex("0001 0800 06 04 0001") + own + socket.inet_aton(address) + bytes(6) + socket.inet_aton(wanted)
    return ALL + own + b"\x08\x06" + body


def test_the_kernel_answers_in_each_vlan(tmp_path: Path) -> None:
    """The program with real interfaces: the machine is a socket, as that of QEMU."""
    own, machine = tmp_path / "port0", tmp_path / "nic0"
    file = tmp_path / "switch.json"
    ports = [{"own": str(own), "machine": str(machine), "bond": "", "has_lacp": False}]
    segments = [{"vlan": 0, "tap": "vlan0"}, {"vlan": 100, "tap": "vlan100"}]
    file.write_text(json.dumps({"ports": ports, "segments": segments, "ready": str(tmp_path / "ready")}))
    with Namespace(60) as namespace, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as nic:
        nic.bind(str(machine))
        nic.settimeout(20)
        log = tmp_path / "log"
        namespace.start([sys.executable, "-m", "ksgen.rehearsal.switching", str(file)], log=log)
        end = time.monotonic() + 20
        while not (tmp_path / "ready").exists():
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.02)
        for name, address in (("vlan0", "10.0.0.1/24"), ("vlan100", "10.1.100.1/24")):
            namespace.run("ip", "link", "set", name, "up")
            namespace.run("ip", "address", "add", address, "dev", name)
        for vlan, router, host in ((0, "10.0.0.1", "10.0.0.9"), (100, "10.1.100.1", "10.1.100.9")):
            question = arp(router, HOST, host)
            tag = b"\x81\x00" + vlan.to_bytes(2, "big") if vlan else b""
            nic.sendto(question[:12] + tag + question[12:], str(own))
            while True:
                answer = nic.recv(65536)
                plain = answer[:12] + answer[12 + len(tag) :]
                if answer[12 : 12 + len(tag)] == tag and plain[12:14] == b"\x08\x06" and plain[20:22] == b"\x00\x02":
                    break
            assert plain[28:32] == socket.inet_aton(router)


def test_a_command_that_fails_in_a_namespace_says_what_it_said() -> None:
    with Namespace(30) as namespace, pytest.raises(NoNamespace, match="ip link show dev none: Device"):
        namespace.run("ip", "link", "show", "dev", "none")
