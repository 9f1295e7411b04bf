# SPDX-License-Identifier: GPL-2.0-or-later
"""`network` and `iscsi`: what is found in a command and between commands, and near misses that are right."""

from __future__ import annotations

import inspect
import re

import pytest

from ksgen.grammar import ksfile
from ksgen.lint import interfaces, linter, targets
from ksgen.variables import addressing, bonding, doubtful, topology

LINTERS = {release: linter.Linter(release) for release in targets.RELEASES}
WHOLE = """url --url=http://pxe.example.com/el9/
autopart
%packages
@core
%end
"""


def told(text: str, release: str = "el9") -> list[str]:
    found = LINTERS[release].lint(ksfile.include("x.ks", text, str))
    return [f"{p.mark.line}: {p.severity}: {p.code}: {p.message}" for p in found]


STATIC = "network --device=eno1 --bootproto=static --ip={} --netmask={} --gateway={}"
OF_ONE = [
    ("--ip=10.0.1.0 --netmask=255.255.255.0", "error: network-address: '10.0.1.0/24' is the address of the network "
     "itself"),
    ("--ip=10.0.1.255 --netmask=255.255.255.0", "error: network-address: '10.0.1.255/24' is the broadcast address of "
     "its network"),
    ("--ip=224.0.0.5 --netmask=255.255.255.0", "error: network-address: '224.0.0.5' is not an address that a host can "
     "have"),
    ("--ip=127.0.0.2 --netmask=255.0.0.0", "error: network-address: '127.0.0.2/8' is not an address that a host can "
     "have"),
    ("--ip=10.0.1.11/24 --netmask=255.255.255.0", "error: network-address: '10.0.1.11/24' is not an IPv4 address"),
    ("--ip=10.0.1.11 --netmask=24", "error: network-netmask: '24' is not a netmask"),
    ("--ip=10.0.1.11 --netmask=255.255.255.0 --gateway=10.0.1.11", "error: gateway-self: 10.0.1.11 is the address of "
     "this interface"),
    ("--ip=10.0.1.11 --netmask=255.255.255.0 --gateway=10.0.1.0", "error: gateway-reserved: 10.0.1.0 is the address "
     "of the network itself"),
    ("--ip=10.0.1.11 --netmask=255.255.255.0 --gateway=10.0.2.1", "warning: network-gateway-outside: 10.0.2.1 is "
     "outside 10.0.1.0/24, the network of this interface"),
    ("--ip=10.0.1.11 --netmask=255.255.255.0 --gateway=2001:db8::1", "warning: network-gateway: gateway 2001:db8::1 is "
     "an IPv6 address"),
    ("--noipv4 --ip=10.0.1.11", "warning: network-address-ignored: --ip is ignored, as --noipv4 is given"),
    ("--ip=10.0.1.11 --netmask=255.255.255.0 --ipv6=2001:db8::/64", "error: network-address: '2001:db8::/64' is the "
     "address of the network itself"),
    ("--ip=10.0.1.11 --netmask=255.255.255.0 --ipv6=2001:db8::1/64 --noipv6", "warning: network-address-ignored: "
     "--ipv6 is ignored, as --noipv6 is given"),
    ('--ip=10.0.1.11 --netmask=255.255.255.0 --nameserver="10.0.0.5 10.0.0.6"', "error: network-name-server: name "
     "server '10.0.0.5 10.0.0.6' is not an address"),
    ("--ip=10.0.1.11 --netmask=255.255.255.0 --noipv6 --nameserver=2001:db8::53", "error: dns-family: 2001:db8::53 is "
     "a server for IPv6, which is off here"),
    ("--ip=10.0.1.11 --netmask=255.255.255.0 --hostname=node_1.example.com", "error: network-host-name: "
     "'node_1.example.com' is not a host name"),
    ("--ip=10.0.1.11 --netmask=255.255.255.0 --hostname=10.0.1.11", "warning: network-host-name: '10.0.1.11' is a "
     "number, not a host name"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "expected"), OF_ONE)
def test_a_wrong_static_address(options: str, expected: str) -> None:
    assert told(f"network --device=eno1 --bootproto=static {options}\n") == [f"1: {expected}"]


OTHERS = [
    ("network --device=eno1 --ip=10.0.1.11 --netmask=255.255.255.0 --gateway=10.0.1.1",
     ["1: warning: network-address-ignored: --ip is ignored: --bootproto is dhcp"]),
    ("network --device=eno1 --bootproto=dhcp --gateway=10.0.1.1",
     ["1: warning: gateway-without-address: a gateway needs a static address; ipv4 is dhcp"]),
    ("network --device=52:54:00:aa:00",
     ["1: error: network-mac: '52:54:00:aa:00' is not a MAC address"]),
    ("network --device=52-54-00-aa-00-01",
     ["1: error: network-mac: 52-54-00-aa-00-01 is looked for as a name; Anaconda reads a MAC address only with "
      "colons"]),
    ("network --device=bond-front-storage --bondslaves=eno1,eno2",
     ["1: error: network-interface-name: bond-front-storage has 18 characters; the limit of the kernel is 15"]),
    ("network --device=eno1 --vlanid=100 --interfacename=storage-network-100",
     ["1: error: network-interface-name: storage-network-100 has 19 characters; the limit of the kernel is 15"]),
    ("network --device=enp129s0f1np1 --vlanid=100 --bootproto=dhcp",
     ["1: error: network-interface-name: enp129s0f1np1.100 has 17 characters; the limit of the kernel is 15"]),
    ("network --device=bond0 --bondslaves=eno1,eno1",
     ["1: error: member-twice: eno1 is already a member of bond0"]),
    ("network --device=bond0 --bondslaves=eno1,eno2\nnetwork --device=bond1 --bondslaves=eno2,eno3",
     ["2: error: member-twice: eno2 is already a member of bond0"]),
    ("network --device=bond0 --bondslaves=eno1,eno2\nnetwork --device=eno1 --bootproto=dhcp",
     ["2: warning: member-with-address: eno1 is a member of bond0 and cannot have addresses"]),
    ("network --device=bond0 --bondslaves=eno1,eno2 --bondopts=mode=802.3ad,lacprate=fast",
     ["1: warning: network-bond-option: a bond has no option 'lacprate'"]),
    ("network --device=eno1 --bondopts=mode=802.3ad",
     ["1: warning: network-bond-option: --bondopts is ignored without --bondslaves"]),
    ("network --device=br0 --bridgeslaves=eno1 --bridgeopts=spt=yes",
     ["1: warning: network-bridge-option: a bridge has no option 'spt'"]),
    ("network --device=br0 --bridgeslaves=bond0 --noipv6\nnetwork --device=bond0 --bondslaves=eno1,eno2 --noipv4 "
     "--noipv6 --bondopts=mode=1",
     ["1: warning: network-bridge-order: bond0 is created below; it cannot become a port of this bridge"]),
    ("network --device=eno1 --interfacename=storage",
     ["1: warning: network-vlan-name: --interfacename is ignored without --vlanid"]),
    ("network --device=eno1 --vlanid=200 --interfacename=eno1.20",
     ["1: warning: vlan-name: eno1.20 has the VLAN ID 200, and a name that ends in 20"]),
    ("network --device=bond0 --bondslaves=eno1,eno2 --bondopts=mode=1,primary=eno3",
     ["1: error: bond-primary: 'eno3' is not a member of the bond"]),
    ("network --device=bond0 --bondslaves=eno1,eno2 --bondopts=mode=4,lacp_rate=quick",
     ["1: warning: interface-option: 'quick' is not a value of lacp_rate"]),
    ("network --device=bond0 --bondslaves=eno1,eno2 --bondopts=mode=1,lacp_rate=slow",
     ["1: warning: bond-option-mode: lacp_rate is not an option of mode active-backup: it has no effect"]),
    ("network --device=eno1 --hostname=a.example.com\nnetwork --hostname=b.example.com",
     ["2: warning: network-host-name-twice: a second host name, b.example.com; only the first one, a.example.com, is "
      "used"]),
    ("iscsi --ipaddr=10.0.0.256", ["1: error: iscsi-address: '10.0.0.256' is not an IP address"]),
    ("iscsiname iqn.2024-13.com.example:a", ["1: warning: iscsi-name: 'iqn.2024-13.com.example:a' is not an iSCSI "
                                             "name"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), OTHERS)
def test_a_wrong_command(text: str, expected: list[str]) -> None:
    assert told(f"{text}\n") == expected


RIGHT = [
    pytest.param(STATIC.format("10.0.1.0", "255.255.255.254", "10.0.1.1"), id="prefix-31"),
    pytest.param("network --device=eno1 --bootproto=static --ip=10.0.1.11 --netmask=255.255.255.255", id="prefix-32"),
    pytest.param("network --device=eno1 --noipv4 --ipv6=2001:db8::11/64 --ipv6gateway=fe80::1", id="link-local"),
    pytest.param("network --device=eno1 --noipv4 --ipv6=2001:db8::11 --ipv6gateway=2001:db8::1", id="default-prefix"),
    pytest.param("network --device=eno1 --noipv4 --ipv6=2001:db8::/127", id="prefix-127"),
    pytest.param("network --device=eno1 --ip=dhcp", id="dhcp-as-address"),
    pytest.param("network --device=52:54:00:AA:00:01 --bootproto=dhcp", id="mac"),
    pytest.param("network --device=bootif --bootproto=dhcp\nnetwork --device=link", id="words"),
    pytest.param("network --device=52:54:00:aa:00:01 --vlanid=100", id="vlan-on-a-mac"),
    pytest.param("network --device=eno1 --bootproto=dhcp --mtu=1000", id="small-mtu-without-ipv6-asked-for"),
    pytest.param("network --device=bond0 --bondslaves=eno1,eno2 --bondopts=mode=4,miimon=100,lacp_rate=fast",
                 id="bond-mode-by-number"),
    pytest.param("network --device=bond0 --bondslaves=eno1,eno2 "
                 "--bondopts='mode=balance-xor;xmit_hash_policy=layer2+3'", id="semicolons"),
    pytest.param("network --device=bond0 --bondslaves=eno1,eno2 --noipv4 --noipv6\n"
                 "network --device=eno1 --bootproto=dhcp --onboot=no", id="member-that-stays-down"),
    pytest.param("network --device=bond0 --bondslaves=eno1,eno2 --vlanid=5\n"
                 "network --device=bond0 --bondslaves=eno1,eno2 --vlanid=6", id="two-vlans-with-their-bond"),
    pytest.param("network --device=bond0 --bondslaves=eno1,eno2 --noipv4 --noipv6 --bondopts=mode=802.3ad\n"
                 "network --device=br0 --bridgeslaves=bond0 --bridgeopts=stp=yes,priority=4096", id="bridge-on-bond"),
    pytest.param("network --device=eno1 --vlanid=200 --interfacename=vlan200", id="name-of-the-vlan"),
    pytest.param("network --device=eno1 --vlanid=200 --interfacename=storage", id="another-name"),
    pytest.param("network --device=eno1 --hostname=a.example.com\nnetwork --hostname=a.example.com", id="same-name"),
    pytest.param(STATIC.format("10.0.1.11", "255.255.255.0", "10.0.1.1") + "\n" +
                 STATIC.format("10.0.2.11", "255.255.255.0", "10.0.2.1").replace("eno1", "eno2") + " --nodefroute",
                 id="two-gateways-one-route"),
    pytest.param("iscsi --ipaddr=target.example.com\niscsiname iqn.1994-05.com.redhat:01.abc", id="iscsi-name"),
    pytest.param("iscsi --ipaddr=[2001:db8::9]", id="iscsi-of-ipv6"),
]  # fmt: skip


@pytest.mark.parametrize("text", RIGHT)
def test_near_misses_are_right(text: str) -> None:
    assert told(f"{text}\n") == []


TAGGED = "network --device=bond0 --vlanid=5"
DEFINED_ELSEWHERE = [
    pytest.param(
        f"{WHOLE}{TAGGED}\n",
        ["6: warning: interface-missing: bond0 is not one of the interfaces of the host"],
        id="whole",
    ),
    pytest.param(f"{TAGGED}\n", [], id="piece"),
    pytest.param(f"{WHOLE}{TAGGED}\n%include /run/install/net\n", [], id="includes"),
    pytest.param(f"{WHOLE}{TAGGED.replace('bond0', 'eno1')}\n", [], id="on-a-nic"),
]


@pytest.mark.parametrize(("text", "expected"), DEFINED_ELSEWHERE)
def test_an_interface_may_be_defined_elsewhere(text: str, expected: list[str]) -> None:
    assert told(text) == expected


def test_an_interface_that_stays_down_is_meant() -> None:
    assert told(f"{WHOLE}network --device=eno1 --onboot=no --no-activate\n") == []


@pytest.mark.parametrize("options", ["--noipv4 --noipv6", "--noipv4 --noipv6 --onboot=yes"])
def test_no_interface_has_an_address(options: str) -> None:
    expected = "6: warning: network-without-address: no interface has an address"
    assert told(f"{WHOLE}network --device=eno1 {options}\n") == [expected]
    assert told(f"{WHOLE}network --device=eno1 {options}\nnetwork --device=eno2\n") == []


def test_every_rule_of_the_topology_is_a_check_of_kickstarts() -> None:
    """Of an interface that is listed twice pykickstart warns; the command has no routes, a script of ours writes them;
    which name servers are ignored can be decided by a script of the site's."""
    source = "".join(inspect.getsource(module) for module in (addressing, bonding, doubtful, topology))
    codes = set(re.findall(r"Finding\(\s*\"([a-z-]+)\"", source))
    of_inventories = {"interface-twice", "boot-nic-unknown", "dns-missing", "dns-automatic"}
    of_inventories |= {code for code in codes if code.startswith("route-")}
    assert codes - of_inventories == set(interfaces._RULES)
