# SPDX-License-Identifier: GPL-2.0-or-later
"""Interfaces: what is refused, with every word of it, and the commands of what is accepted."""

from __future__ import annotations

from pathlib import Path

import pytest
from inventories import ON_MEDIUM, one_host
from told import text_of, told
from trapfile import Entry, parameters

from ksgen.grammar import Grammar
from ksgen.variables import network_options

GRAMMARS = {release: Grammar(release) for release in ("el9", "el10")}
UP = "--onboot=yes --activate"


@pytest.mark.parametrize("trap", parameters("network-traps.txt"))
def test_a_trap(trap: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.chdir(tmp_path)
    trap.agrees("\n".join(told(text_of(trap))), request)


GOOD = [
    pytest.param("[]", [f"--device=52:54:00:aa:00:01 --bootproto=dhcp {UP}"], id="nothing"),
    pytest.param("[{name: eno1}]", [f"--device=eno1 --bootproto=dhcp --ipv6=auto {UP}"], id="card"),
    pytest.param(
        '[{mac: "52:54:00:AA:00:02", ipv4: dhcp, ipv6: none}]',
        [f"--device=52:54:00:aa:00:02 --bootproto=dhcp --noipv6 {UP}"],
        id="card-by-mac",
    ),
    pytest.param(
        '[{name: lan0, mac: "52:54:00:AA:00:02", ipv6: none}]',
        [f"--device=lan0 --bootproto=dhcp --noipv6 {UP}"],
        id="card-with-a-name",
    ),
    pytest.param(
        '[{name: san0, mac: "52:54:00:aa:00:02"}, {name: bond0, bond: {members: [san0, eno2]}, ipv6: none}]',
        [
            "--device=bond0 --bondslaves=san0,eno2 --bondopts=mode=active-backup,miimon=100 "
            f"--bootproto=dhcp --noipv6 {UP}"
        ],
        id="bond-of-a-card-with-a-name",
    ),
    pytest.param("[{name: eno1, ipv6: none}]", [f"--device=eno1 --bootproto=dhcp --noipv6 {UP}"], id="ipv6-off"),
    pytest.param("[{name: eno1, ipv4: none}]", [f"--device=eno1 --noipv4 --ipv6=auto {UP}"], id="ipv4-off"),
    pytest.param(
        "[{name: eno1, ipv4: 10.0.1.11/24, gateway4: 10.0.1.1, dns: [10.0.0.53, '2001:db8::53'], "
        "search: [example.com, a.example.com], mtu: 9000}]",
        [
            "--device=eno1 --bootproto=static --ip=10.0.1.11 --netmask=255.255.255.0 --gateway=10.0.1.1 --ipv6=auto "
            "--nameserver=10.0.0.53,2001:db8::53 --ipv4-dns-search=example.com,a.example.com --mtu=9000 " + UP
        ],
        id="static",
    ),
    pytest.param(
        "[{name: eno1, ipv4: 10.0.1.0/31, gateway4: 10.0.1.1}]",
        [
            "--device=eno1 --bootproto=static --ip=10.0.1.0 --netmask=255.255.255.254 --gateway=10.0.1.1 "
            f"--ipv6=auto {UP}"
        ],
        id="point-to-point",
    ),
    pytest.param(
        "[{name: eno1, ipv6: '2001:DB8::0011/64', gateway6: 'fe80::1', dns: ['2001:db8::53'], search: [example.com]}]",
        [
            "--device=eno1 --noipv4 --ipv6=2001:db8::11/64 --ipv6gateway=fe80::1 --nameserver=2001:db8::53 "
            f"--ipv6-dns-search=example.com {UP}"
        ],
        id="static-ipv6",
    ),
    pytest.param("[{name: eno1, ipv6: dhcp}]", [f"--device=eno1 --noipv4 --ipv6=dhcp {UP}"], id="dhcp-of-ipv6"),
    pytest.param(
        "[{name: eno1, ipv4: 10.0.1.11/24, gateway4: 10.0.1.1}, "
        "{name: eno2, ipv4: 10.0.2.11/24, gateway4: 10.0.2.1, default_route: false, ipv6: none}]",
        [
            "--device=eno1 --bootproto=static --ip=10.0.1.11 --netmask=255.255.255.0 --gateway=10.0.1.1 --ipv6=auto "
            + UP,
            "--device=eno2 --bootproto=static --ip=10.0.2.11 --netmask=255.255.255.0 --gateway=10.0.2.1 --noipv6 "
            "--nodefroute " + UP,
        ],
        id="two-gateways-one-default-route",
    ),
    pytest.param(
        "[{name: bond0, bond: {members: [eno1, eno2], mode: 802.3ad, "
        "options: {lacp_rate: fast, xmit_hash_policy: layer3+4, use_carrier: true}}}]",
        [
            "--device=bond0 --bondslaves=eno1,eno2 "
            "--bondopts=mode=802.3ad,miimon=100,lacp_rate=fast,xmit_hash_policy=layer3+4,use_carrier=1 "
            f"--bootproto=dhcp --ipv6=auto {UP}"
        ],
        id="bond",
    ),
    pytest.param(
        "[{name: bond0, bond: {members: [eno1], options: {arp_interval: 200, arp_ip_target: '10.0.0.1,10.0.0.2'}}}]",
        [
            "--device=bond0 --bondslaves=eno1 "
            "--bondopts=mode=active-backup;arp_interval=200;arp_ip_target=10.0.0.1,10.0.0.2 "
            f"--bootproto=dhcp --ipv6=auto {UP}"
        ],
        id="bond-that-asks-by-arp",
    ),
    pytest.param(
        "[{name: eno1}, {name: bond0, bond: {members: [eno1, '52:54:00:aa:00:02']}}]",
        [
            "--device=bond0 --bondslaves=eno1,52:54:00:aa:00:02 --bondopts=mode=active-backup,miimon=100 "
            f"--bootproto=dhcp --ipv6=auto {UP}"
        ],
        id="member-with-an-entry",
    ),
    pytest.param(
        "[{vlan: {id: 100, parent: eno1}, ipv4: dhcp}]",
        [f"--device=eno1 --vlanid=100 --interfacename=eno1.100 --bootproto=dhcp --ipv6=auto {UP}"],
        id="vlan",
    ),
    pytest.param(
        "[{name: mgmt, vlan: {id: 4094, parent: enp129s0f0np0}}]",
        [f"--device=enp129s0f0np0 --vlanid=4094 --interfacename=mgmt --bootproto=dhcp --ipv6=auto {UP}"],
        id="vlan-with-a-name",
    ),
    pytest.param(
        "[{vlan: {id: 1, parent: '52:54:00:aa:00:02'}}]",
        [f"--device=52:54:00:aa:00:02 --vlanid=1 --bootproto=dhcp --ipv6=auto {UP}"],
        id="vlan-by-mac",
    ),
    pytest.param(
        "[{name: eno1, ipv4: 10.0.1.11/24, mtu: 9000}, {vlan: {id: 5, parent: eno1}, mtu: 9000}]",
        [
            "--device=eno1 --bootproto=static --ip=10.0.1.11 --netmask=255.255.255.0 --noipv6 --mtu=9000 " + UP,
            f"--device=eno1 --vlanid=5 --interfacename=eno1.5 --bootproto=dhcp --ipv6=auto --mtu=9000 {UP}",
        ],
        id="vlan-on-a-card-with-an-address",
    ),
    pytest.param(
        "[{vlan: {id: 100, parent: bond0}}, {name: bond0, bond: {members: [eno1, eno2]}}]",
        [
            "--device=bond0 --bondslaves=eno1,eno2 --bondopts=mode=active-backup,miimon=100 --vlanid=100 "
            f"--interfacename=bond0.100 --bootproto=dhcp --ipv6=auto {UP}"
        ],
        id="vlan-over-bond",
    ),
    pytest.param(
        "[{name: bond0, ipv4: none, ipv6: none, bond: {members: [eno1]}}, {vlan: {id: 5, parent: bond0}}, "
        "{vlan: {id: 6, parent: bond0}, ipv4: none, ipv6: none}]",
        [
            f"--device=bond0 --bondslaves=eno1 --bondopts=mode=active-backup,miimon=100 --noipv4 --noipv6 {UP}",
            f"--device=bond0 --vlanid=5 --interfacename=bond0.5 --bootproto=dhcp --ipv6=auto {UP}",
            f"--device=bond0 --vlanid=6 --interfacename=bond0.6 --noipv4 --noipv6 {UP}",
        ],
        id="two-vlans-over-bond",
    ),
    pytest.param(
        "[{name: br0, bridge: {members: [eno1], options: {stp: no, multicast-snooping: true, priority: 4096}}}]",
        [
            "--device=br0 --bridgeslaves=eno1 --bridgeopts=stp=no,multicast-snooping=yes,priority=4096 "
            f"--bootproto=dhcp --ipv6=auto {UP}"
        ],
        id="bridge",
    ),
    pytest.param(
        "[{name: br0, bridge: {members: [bond0]}}, {name: bond0, mtu: 9000, bond: {members: [eno1, eno2]}}]",
        [
            "--device=bond0 --bondslaves=eno1,eno2 --bondopts=mode=active-backup,miimon=100 --noipv4 --noipv6 "
            f"--mtu=9000 {UP}",
            f"--device=br0 --bridgeslaves=bond0 --bootproto=dhcp --ipv6=auto {UP}",
        ],
        id="bridge-over-bond",
    ),
    pytest.param(
        "[{name: br0, ipv4: none, ipv6: none, bridge: {members: [eno1]}}, {vlan: {id: 7, parent: br0}}]",
        [
            f"--device=br0 --bridgeslaves=eno1 --noipv4 --noipv6 {UP}",
            f"--device=br0 --vlanid=7 --interfacename=br0.7 --bootproto=dhcp --ipv6=auto {UP}",
        ],
        id="vlan-over-bridge",
    ),
]


@pytest.mark.parametrize("release", GRAMMARS)
@pytest.mark.parametrize(("written", "commands"), GOOD)
def test_network_commands(written: str, commands: list[str], release: str, tmp_path: Path) -> None:
    settings = one_host(tmp_path, node_network=written, node_image_url=ON_MEDIUM).settings
    found = network_options(settings.network, settings.mac)
    assert [" ".join(options) for options in found] == commands
    text = "".join("network " + " ".join(f"'{option}'" for option in options) + "\n" for options in found)
    assert GRAMMARS[release].read(text) == ()


@pytest.mark.parametrize(
    "mode", ["balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"]
)
def test_every_mode_of_the_bonding_driver(mode: str, tmp_path: Path) -> None:
    settings = one_host(tmp_path, node_network=f"[{{name: bond0, bond: {{members: [eno1], mode: {mode}}}}}]").settings
    assert f"--bondopts=mode={mode},miimon=100" in network_options(settings.network, settings.mac)[0]


def test_network_of_the_installed_system_is_not_activated(tmp_path: Path) -> None:
    settings = one_host(tmp_path, node_network="[{name: eno1, ipv4: dhcp, ipv6: none}]").settings
    assert network_options(settings.network, settings.mac, is_of_installer=False) == (
        ("--device=eno1", "--bootproto=dhcp", "--noipv6", "--onboot=yes", "--no-activate"),
    )
