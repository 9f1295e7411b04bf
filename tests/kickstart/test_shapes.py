# SPDX-License-Identifier: GPL-2.0-or-later
"""What is said of a host filled in after another of its shape is what is said of it when it is checked by itself."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jinja2.nodes
import pytest
from counts import count
from example_site import EXAMPLE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inventories import PASSWORD_HASH, SSH_KEY

from ksgen import kickstart, templates
from ksgen.host import Host, read_hosts
from ksgen.inventory import Inventory, reader
from ksgen.kickstart import render_all
from ksgen.kickstart.page import gate
from ksgen.kickstart.rendering import _PARALLEL_FROM
from ksgen.netboot import BootTemplates
from ksgen.netboot.bootfiles import boot_files
from ksgen.problems import Problem
from ksgen.templates import TEMPLATES, environment
from ksgen.variables import is_claimed


def inventory(path: Path) -> Inventory:
    found, _ = reader.read([path], is_own=is_claimed)
    return found


def told(site: Inventory, slowly: bool) -> dict[str, object]:
    """Everything that a run says and makes of the hosts of a site."""
    hosts, problems = read_hosts(site, slowly)
    rendered = {one.name: (one.text, one.problems, one.secrets) for one in render_all(hosts)}
    files, of_boot = boot_files(hosts, {}, BootTemplates())
    read = {host.name: (host.settings, host.hostname, host.plan, host.disk_links) for host in hosts}
    return {"problems": problems, "read": read, "kickstarts": rendered, "boot": files, "of boot": of_boot}


def is_same_both_ways(site: Inventory) -> bool:
    quickly, slowly = told(site, slowly=False), told(site, slowly=True)
    for part, of_quickly in quickly.items():
        assert of_quickly == slowly[part], part
    return True


def shared(hosts: Sequence[Host]) -> int:
    """How many hosts are filled in after another."""
    keys = [host.shape.key for host in hosts if host.shape]
    return len(keys) - len(set(keys))


def test_examples_both_ways() -> None:
    site = inventory(EXAMPLE)
    assert shared(read_hosts(site)[0]) > len(site.hosts) / 2
    assert is_same_both_ways(site)


# --- sites at the edge of everything ----------------------------------------------------------------------------------

NAMES = (
    *(f"node{n:02}.example.com" for n in range(8)),
    *("node1", "node10", "node1.example.com", "n", "NODE3", "node-3", "4", "10.1.0.9", "node_7"),
    *("xn--nde-sna.example.com", "localhost", "localhost.localdomain", "password-db.example.com", "token", "example"),
    *("a" * 63, "b" * 50 + ".c"),
)  # fmt: skip
MACS = (
    *(f"52:54:00:aa:00:{n:02x}" for n in range(24)),
    *("52:54:00:AA:00:1F", "52-54-00-aa-00-20", "01:00:5e:00:00:01", "00:00:00:00:00:00", "02:5e:9a:7b:c1:01"),
)
WWNS = (
    *(f"0x5000c5000000{n:04x}" for n in range(24)),
    *("0X5000C5000000ABCD", "naa.5000c5000000beef", "eui.0025388b34b9b5df", "eui.0025388b506bf2ef"),
    *("0x60000000000000000e00000000030001", "wwn-0x5000c50000001234", "0x0000000000000000", "0x5a1e9b7d00000001"),
)
SERIALS = (
    "WD-WCC438578460",
    "WD-WCC417359750",
    "S3Z8NB0K",
    "sda1",
    "AKIAIOSFODNN7EXAMPLE",
    "0x5000c5",
    "KSGENDISK001",
    "AA.BB+C",
)
INITIATORS = (
    "iqn.2001-04.com.example:{}", "iqn.2001-04.com.example:node", "iqn.2001-04.com.example", "eui.0025388B34B9B5DF",
    "iqn.2001-04.com.example:token:abcdef", "iqn.2001-04.invalid.ksgen:no-initiator-1",
)  # fmt: skip
HOSTS4 = (*range(0, 18), 24, 25, 250, 254, 255)
PARTS6 = ("1", "2", "10", "1a", "ffff", "0", "0:0:0:5")


NETS4 = ("10.1.0", "10.1.0", "10.1.1", "10.11.0")


def addresses4(prefix: int) -> st.SearchStrategy[str]:
    return st.builds("{}.{}/{}".format, st.sampled_from(NETS4), st.sampled_from(HOSTS4), st.just(prefix))


ADDRESSES = st.one_of(
    addresses4(24), addresses4(28), st.sampled_from(("10.1.1.7/24", "10.1.0.77", "dhcp", "127.0.0.1/8"))
)
ADDRESSES6 = st.sampled_from(PARTS6).map(lambda part: f"2001:db8:101::{part}/64")
NIC = st.one_of(st.sampled_from(("eno1", "eno2", "br0")), st.sampled_from(MACS))
EXTRA = st.fixed_dictionaries(
    {},
    optional={
        "gateway4": st.sampled_from(("10.1.0.1", "10.1.0.10", "10.1.0.14", "10.1.1.1", "10.1.0.255")),
        "dns": st.sampled_from((["10.1.0.2"], ["10.0.0.53", "10.1.0.1"], ["10.1.1.7", "2001:db8:101::1"], [])),
        "ipv6": ADDRESSES6,
        "routes": st.sampled_from(
            ([{"to": "10.9.0.0/16", "via": "10.1.0.2"}], [{"to": "10.1.0.0/24", "via": "10.1.0.10"}])
        ),
        "gateway6": st.sampled_from(("2001:db8:101::1", "fe80::1")),
        "mtu": st.sampled_from((1500, 9000)),
    },
)


@st.composite
def networks(draw: st.DrawFn) -> list[dict[str, Any]] | None:
    kind = draw(st.sampled_from(("none", "nic", "mac", "bond", "vlan", "bridge", "two")))
    own = {"ipv4": draw(ADDRESSES), **draw(EXTRA)}
    members = [draw(NIC), draw(NIC)]
    if kind == "none":
        return None
    if kind == "nic":
        return [{"name": "eno1", **own}]
    if kind == "mac":
        return [{"mac": draw(st.sampled_from(MACS)), **own}]
    if kind == "two":
        return [{"name": "eno1", **own}, {"name": "eno2", "ipv4": draw(ADDRESSES), "default_route": False}]
    if kind == "bridge":
        return [{"name": "br0", "bridge": {"members": members[:1]}, **own}]
    bond = {"name": "bond0", "bond": {"members": members, "mode": "802.3ad"}}
    return (
        [{**bond, **own}]
        if kind == "bond"
        else [bond, {"name": "bond0.7", "vlan": {"id": 7, "parent": "bond0"}, **own}]
    )


DISK = st.one_of(
    st.sampled_from(WWNS).map(lambda wwn: {"wwn": wwn, "size": "480 GB"}),
    st.sampled_from(SERIALS).map(lambda serial: {"serial": serial, "size": "480 GB"}),
    st.just({"path": "pci-0000:00:1f.2-ata-1", "size": "480 GB"}),
)
SETTINGS = st.fixed_dictionaries(
    {"node_release": st.sampled_from(("el9", "el10")), "node_addon": st.sampled_from((True, True, "tree", False))},
    optional={
        "node_firmware": st.sampled_from(("uefi", "bios")),
        "node_layout": st.sampled_from(("standard", "minimal")),
        "node_dhcp": st.sampled_from(("proxy", {"interface": "eno1", "first": "10.1.0.8", "last": "10.1.0.12"})),
        "node_installer_args": st.sampled_from((["ip=10.1.0.5::10.1.0.1:255.255.255.0:n5:eno1:none"], ["x" * 1150])),
        "node_post": st.sampled_from(("echo node01.example.com 10.1.0.3 >/etc/motd", "ip addr show eno1\n")),
        "node_root_password_hash": st.just(PASSWORD_HASH),
        "node_boot_network": st.just("dhcp"),
        "node_tree_url": st.sampled_from(("http://10.1.0.9/tree/", "http://10.11.0.9/tree/", "http://[2001:db8:101::9]/t/")),
        "node_firewall": st.sampled_from(({"ports": ["161:udp"]}, {"services": ["node01", "snmp"]}, {})),
        "node_proxy": st.sampled_from(
            ({"url": "http://10.1.0.9:3128"}, {"url": "http://proxy:3128", "no_proxy": ["example.com", "node1"]})
        ),
        "node_kdump": st.just("auto"),
        "node_ntp_servers": st.sampled_from((["10.1.0.3"], ["node02.example.com"])),
        "node_files": st.sampled_from(
            (
                [{"path": "/etc/motd", "content": "A node\n"}],
                [{"path": "/etc/hosts", "content": "10.1.0.3 node02.example.com"}],
                [{"path": "/etc/a", "content": "{{ inventory_hostname }}\n"}],
                [{"path": "/usr/local/a", "content": "52:54:00:aa:00:01 %end\n"}],
            )
        ),
        "node_local_disks": st.sampled_from((["0x5000c50000000001"], ["35000c50000000002", "WD-WCC438578460"])),
        "node_packages": st.just(["lldpd"]),
        "node_drivers": st.just([{"package": "kmod-a", "modules": ["a"]}]),
        "node_services": st.just({"enabled": ["lldpd"], "masked": ["cockpit.socket"]}),
        "node_sysctl": st.sampled_from(({"vm.swappiness": 10}, {"net.ipv4.conf.eno1.arp_ignore": 1})),
        "node_hugepages": st.just({"1G": 4}),
        "node_modules": st.just({"options": {"bonding": "max_bonds=0"}}),
        "node_post_site": st.just("echo 10.1.0.3"),
        "node_users": st.just([{"name": "erika", "password_hash": PASSWORD_HASH, "ssh_keys": [SSH_KEY]}]),
    },
)  # fmt: skip


@st.composite
def racks(draw: st.DrawFn) -> dict[str, Any]:
    """Hosts that share settings and the form of their network, with identities from one small pool."""
    network = draw(networks())
    hosts = {}
    for name in draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=5, unique=True)):
        variables: dict[str, Any] = {"node_mac": draw(st.sampled_from(MACS)), "node_disk": draw(DISK)}
        if network is not None:
            variables["node_network"] = [*with_own(draw, network)]
        if draw(st.integers(0, 9)) == 0:
            variables["node_hostname"] = draw(st.sampled_from(NAMES))
        if draw(st.integers(0, 3)) == 0:
            variables["node_iscsi_initiator"] = draw(st.sampled_from(INITIATORS)).format(name)
        hosts[name] = variables
    return {"vars": draw(SETTINGS), "hosts": hosts}


def with_own(draw: st.DrawFn, network: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The interfaces with other addresses and MAC addresses in the same places."""
    for interface in network:
        found = dict(interface)
        if "/" in str(found.get("ipv4")):
            net = draw(st.sampled_from(NETS4))
            found["ipv4"] = f"{net}.{draw(st.sampled_from(HOSTS4))}/{found['ipv4'].partition('/')[2]}"
            if draw(st.booleans()):  # the rest of a network moves with it
                for key in {"gateway4", "dns", "routes"} & found.keys():
                    moved = re.sub(r"\b10\.1\.0\b", net, json.dumps(found[key]))
                    found[key] = json.loads(moved)
        if "ipv6" in found:
            found["ipv6"] = draw(ADDRESSES6)
        if "mac" in found:
            found["mac"] = draw(st.sampled_from(MACS))
        for kind in ("bond", "bridge"):
            if kind in found:
                members = [draw(st.sampled_from(MACS)) if ":" in one else one for one in found[kind]["members"]]
                found[kind] = {**found[kind], "members": members}
        yield found


SITES = st.lists(racks(), min_size=1, max_size=6)


@settings(
    max_examples=count(16, 2500),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(site=SITES)
def test_any_site_both_ways(site: list[dict[str, Any]], tmp_path: Path) -> None:
    seen: set[str] = set()
    children = {}
    for number, rack in enumerate(site):
        # A host in two racks would have the variables of both.
        hosts = {name: variables for name, variables in rack["hosts"].items() if name not in seen}
        seen |= hosts.keys()
        children[f"rack{number}"] = {"vars": rack["vars"], "hosts": hosts}
    variables = {
        "node_image_url": "http://pxe.example.com/node.squashfs.img",
        "node_tree_url": "http://pxe.example.com/tree/",
        "node_server_url": "http://pxe.example.com/nodes/",
        "node_ssh_keys": [SSH_KEY],
    }
    path = tmp_path / "hosts.yaml"
    path.write_text(json.dumps({"all": {"vars": variables, "children": children}}))
    assert is_same_both_ways(inventory(path))


# --- one rule for each way in which hosts of one shape can differ -----------------------------------------------------

RACK = """\
all:
  vars:
    node_release: el9
    node_image_url: http://pxe.example.com/node.squashfs.img
    node_tree_url: http://pxe.example.com/tree/
    node_server_url: http://pxe.example.com/nodes/
    node_ssh_keys: ["{key}"]
{more}
  hosts:
"""
ROW = """\
    {name}:
      node_mac: "{mac}"
      node_disk: {{wwn: "{wwn}", size: 480 GB}}
      node_network: [{{name: eno1, ipv4: {address}, gateway4: 10.1.0.1, dns: [10.1.0.53]}}]
"""


def row(number: int, **own: str) -> str:
    usual = {
        "name": f"node{number:02}.example.com",
        "mac": f"52:54:00:00:00:{number:02x}",
        "wwn": f"0x5000c500{number:08x}",
        "address": f"10.1.0.{number}/24",
    }
    return ROW.format(**{**usual, **own})


def rack(directory: Path, *rows: str, more: str = "") -> Inventory:
    path = directory / "hosts.yaml"
    path.write_text(RACK.format(key=SSH_KEY, more=more) + "".join(rows))
    return inventory(path)


def test_hosts_that_differ_in_their_identity_share_a_shape(tmp_path: Path) -> None:
    hosts, problems = read_hosts(rack(tmp_path, row(11), row(12), row(13)))
    assert not problems
    assert shared(hosts) == 2
    assert hosts[1].shape is not None
    assert hosts[1].shape.values == (
        *("node12.example.com", "52:54:00:00:00:0c", "0x5000c5000000000c"),
        *("10.1.0.12", "10.1.0.1", "10.1.0.53"),
    )


@pytest.mark.parametrize(
    "own",
    [
        {"name": "localhost.example.com"},
        {"name": "Node12.example.com"},
        {"name": "password.example.com"},
        {"address": "10.1.0.53/24"},  # the name server's
        {"address": "10.1.0.1/24"},
        {"address": "10.1.1.12/24"},  # the gateway is outside
        {"address": "10.1.0.12/25"},
        {"address": "10.1.0.12/27"},  # the name server is outside
        {"wwn": "eui.0025388b34b9b5df"},
        {"wwn": "0x60000000000000000e00000000030001"},
        {"mac": "52:54:00:AA:00:0C"},
    ],
)
def test_other_hosts_do_not(own: dict[str, str], tmp_path: Path) -> None:
    site = rack(tmp_path, row(11), row(12, **own), row(13))
    hosts, _ = read_hosts(site)
    assert shared(hosts) == 1
    assert is_same_both_ways(site)


@pytest.mark.parametrize(
    ("own", "variable"),
    [
        ({"mac": "01:00:5e:00:00:01"}, "node_mac"),
        ({"wwn": "0x0000000000000000"}, "node_disk.wwn"),
        ({"address": "10.1.0.255/24"}, "node_network[0].ipv4"),
    ],
)
def test_value_that_is_written_well_and_wrong_is_found(own: dict[str, str], variable: str, tmp_path: Path) -> None:
    hosts, problems = read_hosts(rack(tmp_path, row(11), row(12, **own), row(13)))
    assert [(problem.host, problem.variable) for problem in problems] == [("node12.example.com", variable)]
    assert shared(hosts) == 1


def test_iscsi_names_are_values_of_a_shape(tmp_path: Path) -> None:
    rows = [row(n) + f"      node_iscsi_initiator: iqn.2001-04.com.example:node{n}.example.com\n" for n in (11, 12, 13)]
    site = rack(tmp_path, *rows)
    hosts, problems = read_hosts(site)
    assert not problems
    assert shared(hosts) == 2
    assert is_same_both_ways(site)
    texts = [one.text or "" for one in render_all(hosts)]
    assert ["iscsiname iqn.2001-04.com.example:node13.example.com" in text for text in texts] == [False, False, True]


def test_iscsi_name_of_two_hosts_of_a_shape_is_found(tmp_path: Path) -> None:
    rows = [row(n) + "      node_iscsi_initiator: iqn.2001-04.com.example:node\n" for n in (11, 12)]
    _, problems = read_hosts(rack(tmp_path, *rows))
    assert [(problem.code, problem.host) for problem in problems] == [("iscsi-name-of-two-hosts", "node12.example.com")]


def test_racks_with_networks_of_their_own_share_a_shape(tmp_path: Path) -> None:
    rows = [row(n, address=f"10.{n}.0.7/24").replace("10.1.0.", f"10.{n}.0.") for n in (11, 12, 13)]
    site = rack(tmp_path, *rows)
    hosts, problems = read_hosts(site)
    assert not problems
    assert shared(hosts) == 2
    assert is_same_both_ways(site)


@pytest.mark.parametrize("own", ["2001:DB8::C", "2001:db8::0:0:c", "::10.1.0.12"])
def test_address_that_is_printed_in_another_way_is_no_value_of_a_shape(own: str, tmp_path: Path) -> None:
    usual, other = ('10.1.0.{}/24, ipv6: "{}/64"'.format(*one) for one in ((11, "2001:db8::b"), (12, own)))
    site = rack(
        tmp_path, row(11, address=usual), row(12, address=other), row(13, address=other.replace(".12/", ".13/"))
    )
    assert is_same_both_ways(site)
    assert own not in [value for host in read_hosts(site)[0] if host.shape for value in host.shape.values]


def test_gateway_that_is_the_broadcast_address_is_found(tmp_path: Path) -> None:
    right, wrong = (row(n).replace("10.1.0.53", "10.0.0.53") for n in (11, 12))
    _, problems = read_hosts(rack(tmp_path, right, wrong.replace("gateway4: 10.1.0.1", "gateway4: 10.1.0.255")))
    assert [(problem.code, problem.host) for problem in problems] == [("gateway-reserved", "node12.example.com")]


def test_server_that_one_network_reaches_and_another_does_not(tmp_path: Path) -> None:
    rows = [
        row(n, address=f"10.{n}.0.7/24").replace("10.1.0.", f"10.{n}.0.").replace(f"gateway4: 10.{n}.0.1, ", "")
        for n in (11, 12, 13)
    ]
    site = rack(tmp_path, *rows, more="    node_installer_args: [quiet]")
    assert is_same_both_ways(site)
    path = tmp_path / "hosts.yaml"
    path.write_text(path.read_text().replace("pxe.example.com", "10.11.0.9"))
    _, problems = read_hosts(inventory(path))
    assert {problem.host for problem in problems if problem.code == "gateway-missing"} == {
        "node12.example.com",
        "node13.example.com",
    }


def test_address_in_the_range_of_dhcp_is_found(tmp_path: Path) -> None:
    more = "    node_dhcp: {interface: eno1, first: 10.1.0.20, last: 10.1.0.30}"
    _, problems = read_hosts(rack(tmp_path, row(11), row(25), row(13), more=more))
    assert [(problem.code, problem.host) for problem in problems] == [("address-in-dhcp-range", "node25.example.com")]


def test_hosts_with_a_warning_are_told_each_and_filled_in(tmp_path: Path) -> None:
    """A warning about a variable that they share says nothing of their kickstarts."""
    site = rack(tmp_path, row(11), row(12), row(13), more="    node_boot_size: 1 GiB")
    hosts, problems = read_hosts(site)
    assert [(problem.severity, problem.host) for problem in problems] == [("warning", host.name) for host in hosts]
    assert shared(hosts) == 2
    assert is_same_both_ways(site)


def test_disk_that_is_kept_is_found(tmp_path: Path) -> None:
    more = f'    node_local_disks: ["3{0x5000C50000000000 + 12:016x}"]'
    site = rack(tmp_path, row(11), row(12), row(13), more=more)
    _, problems = read_hosts(site)
    assert [(problem.code, problem.host) for problem in problems] == [("disk-kept", "node12.example.com")]
    assert is_same_both_ways(site)


def test_files_that_hosts_share_are_filled_in_and_templates_are_rendered_for_each(tmp_path: Path) -> None:
    (tmp_path / "a.conf").write_text("name = {{ inventory_hostname_short }}\n")
    for more, number, last in (("", 2, "{{ inventory_hostname_short }}"), (", template: true", 0, "node13")):
        site = rack(tmp_path, row(11), row(12), row(13), more=f"    node_files: [{{path: /etc/a, from: a.conf{more}}}]")
        hosts, problems = read_hosts(site)
        assert not problems
        assert shared(hosts) == number
        assert hosts[2].settings.files[0].content == f"name = {last}\n"
        assert is_same_both_ways(site)


def test_secrets_are_hidden_in_each_host(tmp_path: Path) -> None:
    own = f"      node_root_password_hash: '{PASSWORD_HASH}'\n"
    site = rack(tmp_path, row(11), row(12) + own, row(13) + own)
    hosts, _ = read_hosts(site)
    assert shared(hosts) == 1
    assert is_same_both_ways(site)
    assert all(one.secrets for one in render_all(hosts[1:]))


def test_value_that_is_secret_in_one_host_alone_is_hidden_there(tmp_path: Path) -> None:
    rows = (row(11) + "      node_timezone: Europe/Vienna\n", row(12) + "      node_timezone: '{{ site_password }}'\n")
    site = rack(tmp_path, *rows, more="    site_password: Europe/Vienna")
    hosts, _ = read_hosts(site)
    assert shared(hosts) == 0
    assert is_same_both_ways(site)
    assert [bool(one.secrets) for one in render_all(hosts)] == [False, True]


def test_secret_behind_an_address_is_hidden_where_it_is(tmp_path: Path) -> None:
    """The lines of the two hosts are not of the same length."""
    search = "search: ['{{ site_password }}']"
    rows = [row(number).replace("dns:", f"{search}, dns:") for number in (9, 12)]
    site = rack(tmp_path, *rows, more="    site_password: hidden.example.com")
    hosts, _ = read_hosts(site)
    assert shared(hosts) == 1
    for one in render_all(hosts):
        shown = {(one.text or "").split("\n")[line][begin:end] for line, begin, end in one.secrets}
        assert shown == {"hidden.example.com"}


@pytest.mark.parametrize("processors", [1, 2, 8])
def test_any_number_of_processes_gives_the_same(
    processors: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More shapes than one process renders."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(processors)))
    rows = [
        row(n).replace(f"node{n:02}", f"node{shape}-{n}") + f"      node_boot_timeout: {shape}\n"
        for shape in range(1, _PARALLEL_FROM + 5)
        for n in (11, 12)
    ]
    site = rack(tmp_path, *rows)
    hosts, _ = read_hosts(site)
    assert shared(hosts) == len(hosts) / 2
    assert [(one.name, one.text) for one in render_all(hosts)] == [
        (one.name, one.text) for one in render_all(read_hosts(site, slowly=True)[0])
    ]


# --- templates --------------------------------------------------------------------------------------------------------

CHANGES = {
    "unknown command": ("network.ks.j2", "# Network\n", "# Network\nnetwerk --hostname={{ hostname }}\n"),
    "no host name": ("network.ks.j2", "--hostname={{ hostname }}", "--hostname="),
    "name in capitals": ("header.ks.j2", "{{ name }}", "{{ name|upper }}"),
    "short name": ("network.ks.j2", "--hostname={{ hostname }}", "--hostname={{ hostname.split('.')[0] }}"),
    "address elsewhere": (
        "storage.ks.j2",
        "# Storage\n",
        "# Storage of {{ settings.mac }}, {{ settings.disk[0].wwn }}\n",
    ),
    "addresses added": ("people.ks.j2", "# People\n", "# {{ name|length }} {{ settings.mac[-2:] }}\n"),
    "undefined": ("place.ks.j2", "# Place\n", "{{ nothing }}\n"),
    "disk twice": ("storage.ks.j2", "# Storage\n", "# Storage\nzerombr\n"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changed_templates_both_ways(change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name, old, new = CHANGES[change]
    own = tmp_path / "templates"
    shutil.copytree(TEMPLATES, own, ignore=shutil.ignore_patterns("__pycache__"))
    text = (own / name).read_text()
    assert old in text
    (own / name).write_text(text.replace(old, new))
    monkeypatch.setattr(templates.sandbox, "TEMPLATES", own)
    monkeypatch.setattr(kickstart.checks, "TEMPLATES", own)
    assert is_same_both_ways(rack(tmp_path, *map(row, range(10, 16))))


# The names of the page that differ between hosts of one shape.
IDENTITY = {"name", "hostname", "network", "resolver_wanted", "iscsi_names"}
OF_SETTINGS = {"mac", "hostname", "disk", "network", "iscsi_initiator"}


def decided_by(node: jinja2.nodes.Node) -> Iterator[jinja2.nodes.Node]:
    """Everything in a template that is not only printed."""
    if isinstance(node, jinja2.nodes.Output):
        yield from (child for child in node.nodes if not isinstance(child, jinja2.nodes.Name | jinja2.nodes.Getattr))
        return
    if isinstance(node, jinja2.nodes.For):
        # What is listed in order decides nothing by its elements.
        parts: Iterable[jinja2.nodes.Node] = (*node.body, *node.else_, *filter(None, (node.test,)))
        for part in parts:
            yield from decided_by(part)
        return
    if isinstance(node, jinja2.nodes.Expr):
        yield node
        return
    for child in node.iter_child_nodes():
        yield from decided_by(child)


def names_in(node: jinja2.nodes.Node) -> set[str]:
    found = {one.name for one in (node, *node.find_all(jinja2.nodes.Name)) if isinstance(one, jinja2.nodes.Name)}
    of_settings = {
        one.attr
        for one in (node, *node.find_all(jinja2.nodes.Getattr))
        if isinstance(one, jinja2.nodes.Getattr)
        and isinstance(one.node, jinja2.nodes.Name)
        and one.node.name == "settings"
    }
    return (found & IDENTITY) | (of_settings & OF_SETTINGS)


def test_own_templates_decide_nothing_by_a_host_s_identity() -> None:
    """Only then one host of a shape shows what the templates make of all of them."""
    parsing = environment(None, gate)
    assert names_in(parsing.parse("{% if settings.mac %}{% endif %}")) == {"mac"}
    for path in sorted(TEMPLATES.glob("*.j2")):
        for node in decided_by(parsing.parse(path.read_text())):
            assert not names_in(node), f"{path.name}: {node}"


def test_own_templates_of_a_site_are_rendered_for_each_host(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "site.ks.j2").write_text("{% if name == 'node12.example.com' %}frobnicate{% endif %}\n")
    hosts, _ = read_hosts(rack(tmp_path, row(11), row(12), row(13)))
    problems: list[Problem] = [problem for one in render_all(hosts, own, {}) for problem in one.problems]
    assert [problem.host for problem in problems] == ["node12.example.com"]


def test_boot_files_know_when_a_line_can_be_too_long(tmp_path: Path) -> None:
    """A short name leaves room for arguments that a long one does not."""
    more = f"    node_installer_args: [{'x' * 1150}]"
    hosts, _ = read_hosts(rack(tmp_path, row(11, name="n11"), row(12, name="n" * 63), more=more))
    files, problems = boot_files(hosts, {}, BootTemplates())
    assert [(problem.code, problem.host) for problem in problems] == [("boot-line-long", "n" * 63)]
    assert {file.owner for file in files} == {None, "n11"}
