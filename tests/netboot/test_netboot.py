# SPDX-License-Identifier: GPL-2.0-or-later
"""Boot files as text: kernel arguments, what each machine gets, what the servers are told, what is missing."""

from __future__ import annotations

import dataclasses
import datetime
import grp
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from example_site import site as example_site
from generate import CERTIFICATE
from hypothesis import given
from hypothesis import strategies as st
from inventories import ON_MEDIUM, RANDOM, draw, one_host

from ksgen.host import Host
from ksgen.netboot import BootTemplates, Remembered, arming, bootargs, bootfiles, boottree, serverfiles, site, webserver
from ksgen.problems import Problem
from ksgen.variables import PLAIN_MARKS

NOW = datetime.datetime(2026, 5, 4, 12, 30, tzinfo=datetime.timezone.utc)
UNTIL = NOW + datetime.timedelta(hours=6)
TOKEN = f"node01.example.com.1777897800.1777919400.{RANDOM}"
MAC = "52-54-00-aa-00-01"
NIC = MAC.replace("-", ":")
UPDATES = "inst.updates=http://pxe.example.com/nodes/images/ovirt-node-updates.img"
ALWAYS = (
    "inst.stage2=http://pxe.example.com/tree/",
    f"inst.ks=http://pxe.example.com/nodes/ks/node01.example.com.ks?armed={TOKEN}",
    f"BOOTIF=01-{MAC}",
)
TEMPLATES = BootTemplates()


def boot_texts(
    hosts: Sequence[Host], armed: Mapping[str, arming.Arming], templates: BootTemplates
) -> tuple[dict[str, str], list[Problem]]:
    """The texts of the boot files by their path."""
    files, problems = bootfiles.boot_files(hosts, armed, templates)
    return {path: str(text) for path, text, _ in files}, problems


def told(problems: list[Problem]) -> list[tuple[str, str, str]]:
    return [(problem.severity, problem.code, problem.message) for problem in problems]


# --- the kernel's arguments ------------------------------------------------------------------------------------------

BOND = '{name: bond0, bond: {members: ["52:54:00:aa:00:01", eno2], mode: 802.3ad, options: {lacp_rate: fast}}%s}'
NETWORKS = [
    pytest.param("[]", ("ip=dhcp",), id="nothing-said"),
    pytest.param('[{mac: "52:54:00:aa:00:01"}]', ("ip=dhcp",), id="dhcp-by-mac"),
    pytest.param("[{name: eno1, ipv4: none, ipv6: auto}]", ("ip=auto6",), id="ipv6-announced"),
    pytest.param("[{name: eno1, ipv4: none, ipv6: dhcp}]", ("ip=dhcp6",), id="ipv6-dhcp"),
    pytest.param(
        "[{name: eno1, ipv4: 10.0.1.11/24, ipv6: none, gateway4: 10.0.1.1, dns: [10.0.0.53, 10.0.0.54]}]",
        (
            "rd.bootif=0",
            "ip=10.0.1.11::10.0.1.1:255.255.255.0:node01.example.com:eno1:none",
            "nameserver=10.0.0.53",
            "nameserver=10.0.0.54",
        ),
        id="static",
    ),
    pytest.param(
        '[{mac: "52:54:00:aa:00:01", ipv4: 10.0.1.11/25, ipv6: none, mtu: 9000}]',
        ("rd.bootif=0", f"ip=10.0.1.11:::255.255.255.128:node01.example.com:{MAC}:none:9000"),
        id="static-by-mac-no-gateway-mtu",
    ),
    pytest.param(
        '[{name: eno1, ipv4: none, ipv6: "2001:db8::11/64", gateway6: "fe80::1"}]',
        ("rd.bootif=0", "ip=[2001:db8::11]::[fe80::1]:64:node01.example.com:eno1:none"),
        id="static-ipv6",
    ),
    pytest.param(
        '[{name: eno1, ipv4: 10.0.1.11/24, ipv6: "2001:db8::11/64"}]',
        (
            "rd.bootif=0",
            "ip=10.0.1.11:::255.255.255.0:node01.example.com:eno1:none",
            "ip=[2001:db8::11]:::64:node01.example.com:eno1:none",
        ),
        id="static-both",
    ),
    pytest.param(
        f"[{BOND % ', ipv4: 10.0.1.11/24, ipv6: none, mtu: 9000'}]",
        (
            "rd.bootif=0",
            f"bond=bond0:{MAC},eno2:mode=802.3ad,miimon=100,lacp_rate=fast:9000",
            "ip=10.0.1.11:::255.255.255.0:node01.example.com:bond0:none:9000",
        ),
        id="bond",
    ),
    pytest.param(
        f"[{BOND % ''}, {{vlan: {{id: 100, parent: bond0}}, ipv4: 10.0.1.11/24, ipv6: none}}]",
        (
            "rd.bootif=0",
            f"bond=bond0:{MAC},eno2:mode=802.3ad,miimon=100,lacp_rate=fast",
            "vlan=bond0.100:bond0",
            "ip=10.0.1.11:::255.255.255.0:node01.example.com:bond0.100:none",
        ),
        id="vlan-on-bond",
    ),
    pytest.param(
        "[{name: br0, bridge: {members: [eno1]}, ipv4: 10.0.1.11/24, ipv6: none}]",
        ("rd.bootif=0", "bridge=br0:eno1", "ip=10.0.1.11:::255.255.255.0:node01.example.com:br0:none"),
        id="bridge",
    ),
    pytest.param(
        '[{name: bond0, bond: {members: [eno1], options: {arp_interval: 100, arp_ip_target: "10.0.0.1,10.0.0.2", '
        'ns_ip6_target: "2001:db8::1"}}, ipv4: 10.0.1.11/24, ipv6: none}]',
        (
            "rd.bootif=0",
            "bond=bond0:eno1:mode=active-backup,arp_interval=100,arp_ip_target=10.0.0.1;10.0.0.2",
            "ip=10.0.1.11:::255.255.255.0:node01.example.com:bond0:none",
        ),
        id="bond-options-with-lists",
    ),
    pytest.param(
        '[{name: eno2, ipv4: 10.9.0.11/24}, {mac: "52:54:00:aa:00:01", ipv4: 10.0.1.11/24, ipv6: none}]',
        ("rd.bootif=0", f"ip=10.0.1.11:::255.255.255.0:node01.example.com:{MAC}:none"),
        id="the-boot-card-before-others",
    ),
    pytest.param(
        '[{name: eno2, ipv4: 10.9.0.11/24, gateway4: 10.9.0.1}, {mac: "52:54:00:aa:00:01", ipv4: dhcp}]',
        ("ip=dhcp",),
        id="dhcp-on-the-boot-card",
    ),
    pytest.param(
        "[{name: eno2, ipv4: 10.9.0.11/24, ipv6: none}, "
        "{name: eno1, ipv4: 10.0.1.11/24, ipv6: none, gateway4: 10.0.1.1}]",
        ("rd.bootif=0", "ip=10.0.1.11::10.0.1.1:255.255.255.0:node01.example.com:eno1:none"),
        id="the-way-out-is-the-way-in",
    ),
    pytest.param(
        f'[{{name: eno2, ipv4: 10.9.0.11/24}}, {{name: lan0, mac: "{NIC}", ipv4: 10.0.1.11/24, ipv6: none}}]',
        (
            f"ifname=lan0:{NIC}",
            "rd.bootif=0",
            "ip=10.0.1.11:::255.255.255.0:node01.example.com:lan0:none",
        ),
        id="the-boot-card-with-a-name",
    ),
    pytest.param(
        f'[{{name: lan0, mac: "{NIC}"}}, {{name: lan1, mac: "52:54:00:aa:00:02"}}, '
        "{name: bond0, bond: {members: [lan0, lan1]}}, "
        "{vlan: {id: 100, parent: bond0}, ipv4: 10.0.1.11/24, ipv6: none}]",
        (
            f"ifname=lan0:{NIC}",
            "ifname=lan1:52:54:00:aa:00:02",
            "rd.bootif=0",
            "bond=bond0:lan0,lan1:mode=active-backup,miimon=100",
            "vlan=bond0.100:bond0",
            "ip=10.0.1.11:::255.255.255.0:node01.example.com:bond0.100:none",
        ),
        id="bond-of-cards-with-names",
    ),
]


def test_names_of_cards_are_in_the_boot_files_of_all_loaders(tmp_path: Path) -> None:
    network = f'[{{name: lan0, mac: "{NIC}"}}]'
    host = one_host(tmp_path, node_network=network, node_image_url=ON_MEDIUM)
    armed = {host.name: arming.Arming(host.name, NIC, NOW, UNTIL, RANDOM)}
    files, problems = boot_texts([host], armed, TEMPLATES)
    assert not problems
    of_host = [files[path] for path in (f"pxelinux.cfg/01-{MAC}", f"grub/grub.cfg-01-{MAC}", f"ipxe/{MAC}.ipxe")]
    assert all(f"ifname=lan0:{NIC}" in text for text in of_host)


def test_names_of_cards_are_not_for_arguments_of_the_operator(tmp_path: Path) -> None:
    network = f'[{{name: lan0, mac: "{NIC}", ipv4: 10.0.1.11/24, ipv6: none}}]'
    host = one_host(tmp_path, node_network=network, node_image_url=ON_MEDIUM, node_installer_args="ip=lan0:dhcp")
    found = bootargs.kernel_arguments(host, TOKEN)
    assert [one for one in found if one.startswith(("ip", "ifname"))] == [f"ifname=lan0:{NIC}", "ip=lan0:dhcp"]


@pytest.mark.parametrize(("network", "arguments"), NETWORKS)
def test_network_arguments(tmp_path: Path, network: str, arguments: tuple[str, ...]) -> None:
    host = one_host(tmp_path, node_network=network, node_image_url=ON_MEDIUM)
    found = bootargs.kernel_arguments(host, TOKEN)
    assert found == (*ALWAYS, *arguments, "inst.nosave=all_ks", UPDATES)
    assert not list(bootargs.problems(host))


BUNDLE = "systemd.setenv=REQUESTS_CA_BUNDLE=/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, [BUNDLE], id="image"),
        pytest.param({"node_release": "el9"}, [], id="el9"),
        pytest.param({"node_image_url": "http://pxe.example.com/node.img"}, [], id="http"),
        pytest.param({"node_ca_certificates": "[]"}, [], id="public authorities"),
        pytest.param({"node_installer_args": "systemd.setenv=A=b"}, [BUNDLE, "systemd.setenv=A=b"], id="another"),
        pytest.param(
            {"node_installer_args": "systemd.setenv=REQUESTS_CA_BUNDLE=/own.pem"},
            ["systemd.setenv=REQUESTS_CA_BUNDLE=/own.pem"],
            id="the same",
        ),
    ],
)
def test_requests_of_el10_has_the_authorities_of_the_site(
    changes: dict[str, str], expected: list[str], tmp_path: Path
) -> None:
    own = {"node_release": "el10", "node_image_url": "https://pxe.example.com/node.img"}
    own["node_ca_certificates"] = CERTIFICATE
    found = bootargs.kernel_arguments(one_host(tmp_path, **(own | changes)), TOKEN)
    assert [one for one in found if one.startswith("systemd.setenv=")] == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, [], id="no-kdump"),
        pytest.param({"node_kdump": "auto"}, ["inst.kdump_addon=on"], id="kdump"),
        pytest.param(
            {"node_kdump": "512 MiB", "node_installer_args": "inst.kdump_addon"}, ["inst.kdump_addon"], id="the same"
        ),
    ],
)
def test_addon_of_kdump_starts_where_it_is_asked_for(
    changes: dict[str, str], expected: list[str], tmp_path: Path
) -> None:
    found = bootargs.kernel_arguments(one_host(tmp_path, **changes), TOKEN)
    assert [one for one in found if "kdump" in one] == expected


@pytest.mark.parametrize("dhcp", ["proxy", "{interface: eno9, first: 10.0.1.100, last: 10.0.1.200}"])
def test_where_there_is_dhcp_it_is_asked(tmp_path: Path, dhcp: str) -> None:
    network = "[{name: eno1, ipv4: 10.0.1.11/24}]"
    host = one_host(tmp_path, node_dhcp=dhcp, node_network=network, node_image_url=ON_MEDIUM)
    assert "ip=dhcp" in bootargs.kernel_arguments(host, TOKEN)
    assert not [a for a in bootargs.kernel_arguments(host, TOKEN) if a.startswith("rd.bootif")]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"node_boot_network": "dhcp"}, ("ip=dhcp",), id="dhcp"),
        pytest.param(
            {"node_boot_network": "arguments", "node_installer_args": "ip=eno3:dhcp"}, ("ip=eno3:dhcp",), id="arguments"
        ),
    ],
)
def test_network_of_the_installer_alone(changes: dict[str, str], expected: tuple[str, ...], tmp_path: Path) -> None:
    network = "[{name: eno1, ipv4: 10.0.1.11/24, gateway4: 10.0.1.1, dns: [10.0.0.53]}]"
    arguments = bootargs.kernel_arguments(one_host(tmp_path, node_network=network, **changes), TOKEN)
    assert tuple(one for one in arguments if one.startswith(("ip=", "rd.bootif", "nameserver"))) == expected


@pytest.mark.parametrize(
    ("changes", "more"),
    [
        pytest.param({}, [UPDATES], id="image"),
        pytest.param({"node_addon": "false"}, [], id="not-wanted"),
        pytest.param({"node_addon": "tree"}, [], id="in-the-tree"),
        pytest.param(
            {"node_installer_args": "inst.sshd console=ttyS1,115200n8"},
            [UPDATES, "inst.sshd", "console=ttyS1,115200n8"],
            id="more-arguments",
        ),
    ],
)
def test_other_arguments(tmp_path: Path, changes: dict[str, str], more: list[str]) -> None:
    found = bootargs.kernel_arguments(one_host(tmp_path, **changes), TOKEN)
    assert found == (*ALWAYS, "ip=dhcp", "inst.nosave=all_ks", *more)


@pytest.mark.parametrize(
    ("own", "ours"),
    [
        pytest.param("ip=ens3:dhcp", "ip=dhcp", id="network"),
        pytest.param("vlan=eno1.5:eno1", "ip=dhcp", id="other-network"),
        pytest.param("inst.stage2=http://10.0.0.1/el9/", ALWAYS[0], id="stage2"),
        pytest.param("inst.nosave=all", "inst.nosave=all_ks", id="nosave"),
    ],
)
def test_an_argument_of_the_operators_takes_the_place_of_ours(tmp_path: Path, own: str, ours: str) -> None:
    found = bootargs.kernel_arguments(one_host(tmp_path, node_installer_args=own), TOKEN)
    assert own in found
    assert ours not in found


def test_certificates_are_always_verified() -> None:
    """A kickstart says who may log in; whoever can change it on its way owns the host."""
    for host in example_site()[0]:
        assert not [a for a in bootargs.kernel_arguments(host, "t") if "noverifyssl" in a]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param(
            {"node_tree_url": "http://pxe.example.com/${x}/"},
            ("error", "boot-word", "contains a character that boot loaders interpret differently"),
            id="ipxe-expands-it",
        ),
        pytest.param(
            {"node_server_url": "http://pxe.example.com/a%20b/"},
            ("error", "boot-word", "contains a character that boot loaders interpret differently"),
            id="percent",
        ),
        pytest.param(
            {"node_server_url": "http://pxe.example.com/../nodes/"},
            ("error", "boot-word", "contains a character that boot loaders interpret differently"),
            id="above-the-root",
        ),
        pytest.param(
            {"node_installer_args": "['inst.text={x}']"},
            ("error", "boot-word", "inst.text= contains a character that boot loaders interpret differently"),
            id="brace",
        ),
        pytest.param(
            {"node_network": "[{name: storage, vlan: {id: 100, parent: eno1}, ipv4: 10.0.1.11/24}]"},
            (
                "warning",
                "boot-network",
                "the installer's initrd cannot create VLAN 100 with the name storage; "
                "the installer uses DHCP on 52:54:00:aa:00:01 instead",
            ),
            id="vlan-without-number",
        ),
        pytest.param(
            {"node_network": "[{name: v2100, vlan: {id: 100, parent: eno1}, ipv4: 10.0.1.11/24}]"},
            (
                "warning",
                "boot-network",
                "the installer's initrd cannot create VLAN 100 with the name v2100; "
                "the installer uses DHCP on 52:54:00:aa:00:01 instead",
            ),
            id="vlan-with-another-number",
        ),
        pytest.param(
            {"node_installer_args": "inst.x=" + "a" * 1500},
            (
                "error",
                "boot-line-long",
                "the installer's kernel command line has 1817 characters; the limit is 1581",
            ),
            id="too-long",
        ),
    ],
)
def test_what_cannot_be_told(tmp_path: Path, changes: dict[str, str], expected: tuple[str, str, str]) -> None:
    host = one_host(tmp_path, node_image_url=ON_MEDIUM, **changes)
    files, problems = boot_texts([host], {}, TEMPLATES)
    assert told(problems) == [expected]
    assert (f"ipxe/{MAC}.ipxe" in files) == (expected[0] == "warning")
    if expected[1] == "boot-network":
        assert "ip=dhcp" in bootargs.kernel_arguments(host, TOKEN)


# --- what each machine boots -----------------------------------------------------------------------------------------


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return one_host(tmp_path)


def files_of(host: Host, is_armed: bool) -> dict[str, str]:
    armed = arming.active(arming.arm((), [host], UNTIL, NOW, draw), [host], NOW) if is_armed else {}
    files, problems = boot_texts([host], armed, TEMPLATES)
    assert not problems
    return files


OF_HOST = {f"pxelinux.cfg/01-{MAC}", f"grub/grub.cfg-01-{MAC}", f"ipxe/{MAC}.ipxe"}
OF_ALL = {"pxelinux.cfg/default", "grub/grub.cfg", "grub/local.cfg", "grub.cfg", "boot.ipxe"}
INSTALLS = re.compile(r"inst\.|^\s*(KERNEL|kernel|linux|initrd)\b|if linux", re.MULTILINE)


def test_only_the_armed_boot_the_installer(host: Host) -> None:
    disarmed, armed = files_of(host, False), files_of(host, True)
    assert disarmed.keys() == OF_HOST | OF_ALL
    assert armed.keys() == OF_HOST | OF_ALL | {f"armed/{TOKEN}"}
    # What the machine shows with its reports; no boot file has it.
    report = armed.pop(f"armed/{TOKEN}").rstrip("\n")
    assert len(report) == 64
    assert not [name for name, text in armed.items() if report in text]
    assert not [name for name, text in disarmed.items() if INSTALLS.search(text)]
    assert {name for name, text in armed.items() if INSTALLS.search(text)} == OF_HOST
    # What unknown machines boot does not depend on anybody.
    assert {name: armed[name] for name in OF_ALL} == {name: disarmed[name] for name in OF_ALL}


def test_a_host_that_left_the_inventory_is_an_unknown_machine(host: Host) -> None:
    assert files_of(host, False).keys() - boot_texts([], {}, TEMPLATES)[0].keys() == OF_HOST


def test_pxelinux_of_an_armed_host(host: Host) -> None:
    kernel = "http://pxe.example.com/nodes/boot/el9"
    arguments = " ".join(bootargs.kernel_arguments(host, TOKEN))
    assert files_of(host, True)[f"pxelinux.cfg/01-{MAC}"] == (
        "# node01.example.com is installed once, until 2026-05-04T18:30:00Z.\n"
        "DEFAULT install\nPROMPT 0\nONERROR localdisk\n"
        f"LABEL install\n  KERNEL {kernel}/vmlinuz?armed={TOKEN}\n  INITRD {kernel}/initrd.img?armed={TOKEN}\n"
        f"  APPEND {arguments}\n"
        "LABEL localdisk\n  LOCALBOOT 0\n"
    )


def test_the_disk_of_everybody_else(host: Host) -> None:
    texts = files_of(host, False)
    disk = "DEFAULT localdisk\nPROMPT 0\nLABEL localdisk\n  LOCALBOOT 0\n"
    note = "node01.example.com boots its disk: it is not armed."
    assert texts["pxelinux.cfg/default"] == f"# A machine of no host.\n{disk}"
    assert texts[f"pxelinux.cfg/01-{MAC}"] == f"# {note}\n{disk}"
    assert texts[f"grub/grub.cfg-01-{MAC}"] == f"# {note}\nsource /grub/local.cfg\n"
    local = (
        "imgfree\n# UEFI goes on with its boot order; BIOS has no such way back.\niseq ${platform} efi && exit 1 ||\n"
        "sanboot --no-describe --drive 0x80 || exit 1\n"
    )
    assert texts[f"ipxe/{MAC}.ipxe"] == f"#!ipxe\n# {note}\n{local}"
    assert texts["boot.ipxe"].endswith(f":local\n{local}")


def test_a_release_has_a_kernel_of_its_own(tmp_path: Path) -> None:
    texts = files_of(one_host(tmp_path, node_release="el10"), True)
    for name in OF_HOST:
        assert "/nodes/boot/el10/vmlinuz?armed=" in texts[name]


@pytest.mark.parametrize(
    ("url", "kernel", "grub"),
    [
        pytest.param("http://10.0.0.1/", "http://10.0.0.1/boot", "(http,10.0.0.1)/boot", id="root"),
        pytest.param("http://pxe:8080/a/b", "http://pxe:8080/a/b/boot", "(http,pxe:8080)/a/b/boot", id="port"),
        pytest.param("https://pxe/a/", "http://pxe/a/boot", "(http,pxe)/a/boot", id="https-for-kickstarts"),
        pytest.param("http://[2001:db8::1]/", "http://[2001:db8::1]/boot", "(http,[2001:db8::1])/boot", id="ipv6"),
    ],
)
def test_where_boot_loaders_look(tmp_path: Path, url: str, kernel: str, grub: str) -> None:
    texts = files_of(one_host(tmp_path, node_server_url=url), True)
    assert f"KERNEL {kernel}/el9/vmlinuz?" in texts[f"pxelinux.cfg/01-{MAC}"]
    assert f"kernel {kernel}/el9/vmlinuz?" in texts[f"ipxe/{MAC}.ipxe"]
    assert f"if linux '{grub}/el9/vmlinuz?" in texts[f"grub/grub.cfg-01-{MAC}"]
    assert f"inst.ks={url.rstrip('/')}/ks/" in texts[f"pxelinux.cfg/01-{MAC}"]


def test_the_example_site_has_its_boot_files() -> None:
    hosts, _ = example_site()
    armed = arming.active(arming.arm((), hosts, UNTIL, NOW, draw), hosts, NOW)
    files, problems = boot_texts(hosts, armed, TEMPLATES)
    assert not problems
    assert len(files) == len(OF_ALL) + 4 * len(hosts)
    assert not [name for name, text in files.items() if not text.isascii() or "\r" in text]


def test_each_file_of_a_host_says_so(host: Host) -> None:
    armed = arming.active(arming.arm((), [host], UNTIL, NOW, draw), [host], NOW)
    files, _ = bootfiles.boot_files([host], armed, TEMPLATES)
    assert {file.path for file in files if file.owner is None} == OF_ALL
    assert {file.path for file in files if file.owner == host.name} == OF_HOST | {f"armed/{TOKEN}"}


def test_a_site_can_put_a_template_in_front(tmp_path: Path, host: Host) -> None:
    (tmp_path / "netboot").mkdir()
    (tmp_path / "netboot" / "grub-local.j2").write_text("exit 1\n")
    files, _ = boot_texts([host], {}, BootTemplates(tmp_path))
    assert files["grub/local.cfg"] == "exit 1\n"
    assert files["pxelinux.cfg/default"].endswith("LOCALBOOT 0\n")


# --- the servers -----------------------------------------------------------------------------------------------------

SERVER = webserver.Server(Path("/srv/out"), Path("/var/lib/ksgen"), "nginx", "nginx")


def server_text(name: str, host: Host, server: webserver.Server = SERVER) -> str:
    texts, problems = serverfiles.server_files([host], server, TEMPLATES)
    assert not problems
    return texts[name]


def settings_in(text: str) -> list[str]:
    return [line for line in text.split("\n") if line and not line.startswith("#")]


def test_no_dhcp_unasked(host: Host) -> None:
    assert settings_in(server_text("dnsmasq.conf", host)) == [
        "pid-file=/var/lib/ksgen/dnsmasq.pid",
        "log-facility=/var/lib/ksgen/dnsmasq.log",
        "log-dhcp",
        "enable-tftp",
        "tftp-root=/srv/out",
        "tftp-max=500",
        "port=0",
    ]


def test_a_proxy_gives_no_address(tmp_path: Path) -> None:
    lines = settings_in(server_text("dnsmasq.conf", one_host(tmp_path, node_dhcp="proxy")))
    assert [line for line in lines if line.startswith("dhcp-range")] == [
        "dhcp-range=0.0.0.0,proxy,128.0.0.0",
        "dhcp-range=128.0.0.0,proxy,128.0.0.0",
    ]
    assert "dhcp-ignore=tag:!node" in lines
    assert "port=0" in lines
    assert [line.partition("=")[2] for line in lines if line.startswith("pxe-service")] == [
        'tag:!ipxe,X86PC,"oVirt Node",lpxelinux.0',
        'tag:!ipxe,X86-64_EFI,"oVirt Node",ipxe.efi',
        'tag:!ipxe,BC_EFI,"oVirt Node",ipxe.efi',
        'tag:ipxe,X86PC,"oVirt Node","http://pxe.example.com/nodes/boot.ipxe"',
        'tag:ipxe,X86-64_EFI,"oVirt Node","http://pxe.example.com/nodes/boot.ipxe"',
        'tag:ipxe,BC_EFI,"oVirt Node","http://pxe.example.com/nodes/boot.ipxe"',
    ]
    assert "dhcp-authoritative" not in lines


def test_a_range_is_for_the_hosts_alone(tmp_path: Path) -> None:
    host = one_host(
        tmp_path,
        node_dhcp="{interface: eno9, first: 10.0.1.100, last: 10.0.1.200}",
        node_image_url=ON_MEDIUM,
        node_network='[{name: bond0, bond: {members: ["52:54:00:aa:00:01", "52:54:00:aa:00:02"]}, ipv4: 10.0.1.11/24}]',
    )
    lines = settings_in(server_text("dnsmasq.conf", host))
    assert [line for line in lines if line.startswith(("dhcp-range", "dhcp-host", "dhcp-ignore", "interface"))] == [
        "interface=eno9",
        "dhcp-host=52:54:00:aa:00:01,set:node",
        "dhcp-host=52:54:00:aa:00:02,set:node",
        "dhcp-ignore=tag:!node",
        "dhcp-range=10.0.1.100,10.0.1.200,1h",
    ]
    assert "dhcp-authoritative" not in lines


def test_one_dnsmasq_is_not_both(tmp_path: Path) -> None:
    hosts = (
        one_host(tmp_path, node_dhcp="proxy"),
        one_host(tmp_path, node_dhcp="{interface: eno9, first: 10.0.1.100, last: 10.0.1.200}"),
    )
    texts, problems = serverfiles.server_files(hosts, SERVER, TEMPLATES)
    message = "a DHCP range, and proxy for node01.example.com: one dnsmasq cannot do both"
    assert told(problems) == [("error", "dhcp-mixed", message)]
    assert texts == {}


def test_https_without_a_certificate_is_said(tmp_path: Path) -> None:
    host = one_host(tmp_path, node_server_url="https://pxe.example.com/nodes/")
    texts, problems = serverfiles.server_files([host], SERVER, TEMPLATES)
    assert told(problems) == [("warning", "boot-https", "nginx.conf has no certificate, so nginx serves HTTP only")]
    assert "ssl" not in texts["nginx.conf"]


@pytest.mark.parametrize(
    ("path", "what"),
    [
        pytest.param("out", "a relative path cannot be used", id="relative"),
        *(
            pytest.param(f"/srv/o{odd}ut", f"{odd!r} cannot be used in a path", id=name)
            for name, odd in {
                "blank": " ", "semicolon": ";", "line-end": "\n", "umlaut": "ö", "dollar": "$", "comma": ",",
                "double-quote": '"', "single-quote": "'", "backslash": "\\", "brace": "{", "number-sign": "#",
                "percent": "%", "colon": ":", "asterisk": "*", "not-utf-8": "\udcff", "tab": "\t",
            }.items()
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("option", ["-o", "--run", "--tree el9", "--images", "--certificate", "--key"])
def test_a_path_that_a_server_would_misread(host: Host, option: str, path: str, what: str) -> None:
    good, odd = Path("/srv/good"), Path(path)
    paths = {**dict.fromkeys(("-o", "--run", "--tree el9", "--images", "--certificate", "--key"), good), option: odd}
    server = webserver.Server(
        paths["-o"], paths["--run"], "nginx", "nginx", webserver.Certificate(paths["--certificate"], paths["--key"]),
        {"el9": paths["--tree el9"]}, paths["--images"],
    )  # fmt: skip
    texts, problems = serverfiles.server_files([host], server, TEMPLATES)
    assert told(problems) == [("error", "boot-path", f"{option}: {what} in dnsmasq.conf and nginx.conf")]
    assert [problem.hint for problem in problems] == ["use an absolute path of ASCII letters, digits and / . _ - @ + ="]
    assert problems[0].mark.file.isprintable()
    assert texts == {}


SHARING = webserver.Server(
    Path("/srv/out"), Path("/run/x"), "nginx", "nginx", None, {"el9": Path("/srv/el9"), "el10": Path("/srv/el10")},
    Path("/srv/i"),
)  # fmt: skip
OTHER_PATH = "use another path, like /el9/"
NO_PATH = "nginx cannot serve this path: it is not valid percent-encoded UTF-8, or has control characters"
TAKEN = "nginx already serves files of out/ at this path"


@pytest.mark.parametrize(
    ("variable", "url", "code", "message", "hint"),
    [
        pytest.param(
            "node_image_url", "http://pxe.example.com/i/$x.img", "boot-word",
            "nginx cannot serve a file with '$' in its name", "rename the file", id="image-dollar",
        ),
        pytest.param(
            "node_image_url", "http://pxe.example.com/i/%24x.img", "boot-word",
            "nginx cannot serve a file with '$' in its name", "rename the file", id="image-dollar-encoded",
        ),
        *(
            pytest.param(
                variable, f"http://pxe.example.com/{path}{end}", "boot-word", NO_PATH, PLAIN_MARKS,
                id=f"{name}-{variable}",
            )
            for variable, end in (("node_image_url", "/x.img"), ("node_tree_url", "/"))
            for name, path in {
                "half-encoded": "100%", "not-hexadecimal": "a%zz", "not-utf-8": "%ff", "line-end": "a%0ab",
                "nul": "%00", "above-root": "a/../../b", "above-root-encoded": "%2e%2e",
            }.items()
        ),
        *(
            pytest.param(
                "node_tree_url", f"http://pxe.example.com/{path}", "boot-url-taken", TAKEN, OTHER_PATH,
                id=f"tree-at-{path}",
            )
            for path in ("nodes/", "nodes", "n%6fdes/", "nodes/boot/", "nodes/boot/el9/", "nodes/ks/", "nodes/images/",
                         "nodes/ipxe/", "x/../nodes//")
        ),
        pytest.param(
            "node_image_url", "http://pxe.example.com/nodes/boot.ipxe", "boot-url-taken", TAKEN, OTHER_PATH,
            id="image-at-boot.ipxe",
        ),
    ],
)  # fmt: skip
def test_urls_that_nginx_cannot_serve(
    tmp_path: Path, variable: str, url: str, code: str, message: str, hint: str
) -> None:
    host = one_host(tmp_path, **{variable: f"'{url}'"})
    texts, problems = serverfiles.server_files([host], SHARING, TEMPLATES)
    assert told(problems) == [("error", code, message)]
    line = (tmp_path / "hosts.yaml").read_text().split("\n")[problems[0].mark.line - 1]
    assert line == f"      {variable}: '{url}'"
    assert problems[0].hint == hint
    assert texts == {}
    # Another server may serve it.
    elsewhere = webserver.Server(Path("/srv/out"), Path("/run/x"), "nginx", "nginx")
    assert serverfiles.server_files([host], elsewhere, TEMPLATES)[1] == []


@pytest.mark.parametrize("path", ["board", "api", "metrics"])
def test_board_keeps_its_paths(tmp_path: Path, path: str) -> None:
    """Only where nginx has it, which is over TLS."""
    host = one_host(tmp_path, node_tree_url=f"'http://pxe.example.com/{path}/el9/'")
    pem = webserver.Certificate(Path("/srv/pem"), Path("/srv/key"))
    _, problems = serverfiles.server_files([host], dataclasses.replace(SHARING, certificate=pem), TEMPLATES)
    assert told(problems) == [("error", "boot-url-taken", "nginx has the board of `ksgen serve` at this path")]
    assert serverfiles.server_files([host], SHARING, TEMPLATES)[1] == []


def test_two_releases_at_one_url(tmp_path: Path) -> None:
    hosts = [one_host(tmp_path, node_release=release) for release in ("el9", "el10")]
    texts, problems = serverfiles.server_files(hosts, SHARING, TEMPLATES)
    message = "nginx already serves /srv/el9 at this path, and cannot serve /srv/el10 as well"
    assert told(problems) == [("error", "boot-url-taken", message)]
    assert problems[0].hint == "give each release its own path"
    assert texts == {}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"node_server_url": "'http://pxe.example.com/${x}/'"}, id="server-url"),
        pytest.param({"node_server_url": "'http://pxe.example.com/a|b/'"}, id="server-url-pipe"),
        pytest.param({"node_tree_url": "'http://pxe.example.com/{x}/'"}, id="tree-url"),
        pytest.param({"node_installer_args": "['inst.text={x}']"}, id="argument"),
    ],
)
def test_a_host_without_boot_files_has_no_part_in_the_servers_files(tmp_path: Path, changes: dict[str, str]) -> None:
    good = one_host(tmp_path)
    bad = one_host(tmp_path, **changes)
    assert serverfiles.server_files([bad], SHARING, TEMPLATES) == ({}, [])
    assert serverfiles.server_files([good, bad], SHARING, TEMPLATES) == serverfiles.server_files(
        [good], SHARING, TEMPLATES
    )
    assert [problem.code for problem in site.site_files([bad], (), SHARING, TEMPLATES, NOW).problems] == ["boot-word"]


@pytest.mark.parametrize(
    ("tree", "image", "locations"),
    [
        pytest.param(
            "http://pxe.example.com/tree/", "http://pxe.example.com/i/node.img",
            ['"/tree/" "/srv/el9/"', '= "/i/node.img" "/srv/i/node.img"'], id="here",
        ),
        pytest.param(
            "http://pxe.example.com/", "http://pxe.example.com//i/./a%20b%22%5C.img?x=1",
            ['"/" "/srv/el9/"', r'= "/i/a b\"\\.img" "/srv/i/a b\"\\.img"'], id="as-nginx-reads-it",
        ),
        pytest.param(
            "http://pxe.example.com/nodes/images/el9/", "http://pxe.example.com/nodes/images/x/node.img",
            ['"/nodes/images/el9/" "/srv/el9/"', '= "/nodes/images/x/node.img" "/srv/i/node.img"'], id="below-images",
        ),
        pytest.param("ftp://pxe.example.com/tree/", "ftp://pxe.example.com/i/node.img", [], id="ftp"),
        pytest.param("http://mirror.example.com/tree/", "ftp://pxe2.example.com/i/node.img", [], id="elsewhere"),
        pytest.param("nfs:pxe.example.com:/tree", "file:///run/node.img", [], id="no-web-server"),
        pytest.param(
            "http://mirror.example.com/", "http://pxe.example.com/nodes/images/node.img", [], id="image-in-out"
        ),
    ],
)  # fmt: skip
def test_trees_and_images_of_this_machine(tmp_path: Path, tree: str, image: str, locations: list[str]) -> None:
    host = one_host(tmp_path, node_tree_url=tree, node_image_url=image)
    text = server_text("nginx.conf", host, SHARING)
    found = re.findall(r"location (.+) \{\n +alias (.+);", text)
    assert [" ".join(each) for each in found] == locations


def clock_of(text: str) -> re.Pattern[str]:
    """What nginx compares with the clock and a token. Python and PCRE read it alike."""
    found = re.search(r'map "\$msec \$arg_armed".*?"~([^"]+)" 1;', text, re.DOTALL)
    assert found
    return re.compile(found[1])


SECONDS = st.integers(10**9, 10**10 - 1)
CLOCK = clock_of(BootTemplates().render(
    "nginx.conf.j2", tree="/t", run="/r", user="u", group="g", tls=None, ports=[], ports6=[], prefixes=[], shares=[],
    is_root_shared=False, discovery_pattern="", discovery_name="",
    digits=[(digit, digit + 1) for digit in range(9)],
))  # fmt: skip


@given(SECONDS, st.one_of(SECONDS, st.integers(-20, 20)), st.integers(0, 999))
def test_a_regular_expression_can_tell_the_time(now: int, end: int, milliseconds: int) -> None:
    until = end if end >= 10**9 else max(10**9, min(now + end, 10**10 - 1))
    for random in ("", f".{RANDOM}", f".{'9' * 32}", f".{until}{'0' * 22}", f".{'a' * 32}"):
        for begin in (1777897800, 9999999999):
            said = CLOCK.search(f"{now}.{milliseconds:03d} node-1.example.com.{begin}.{until}{random}")
            assert bool(said) == (now < until)


@pytest.mark.parametrize(
    "token",
    [
        "", "h", "h.1", "h.99999999999", "h.9999999999", "h.1777897800.9999999999/", "h.é.9999999999",
        f"h.9999999999.{RANDOM}", f"h.1777897800.9999999999.{RANDOM}0", f"h.1777897800.9999999999.{RANDOM[1:]}",
        f"h.1777897800.9999999999.{RANDOM.upper()}", f"h.1777897800.9999999999.{RANDOM}.", "h.1777897800.9999999999.",
    ],
)  # fmt: skip
def test_no_other_form_is_in_time(token: str) -> None:
    assert not CLOCK.search(f"1777897800.000 {token}")


# --- kernels and boot loaders ----------------------------------------------------------------------------------------

EVERY_PACKAGE = (
    "usr/lib/PXELINUX/lpxelinux.0", "usr/lib/syslinux/modules/bios/ldlinux.c32", "usr/lib/ipxe/undionly.kpxe",
    "usr/lib/ipxe/snponly.efi", "usr/lib/shim/shimx64.efi.signed",
    "usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed", "usr/lib/grub/x86_64-efi/http.mod",
)  # fmt: skip
TREE = (".treeinfo", "images/install.img", "images/pxeboot/vmlinuz", "images/pxeboot/initrd.img")
EFI = ("EFI/BOOT/BOOTX64.EFI", "EFI/BOOT/grubx64.efi")


def fill(directory: Path, *paths: str) -> Path:
    for path in paths:
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(path)
    return directory


def test_debian_has_what_a_tree_has_not(tmp_path: Path) -> None:
    system, tree = fill(tmp_path / "system", *EVERY_PACKAGE), fill(tmp_path / "tree", *TREE)
    copies, problems = boottree.needed({"el9"}, {"el9": tree}, system)
    assert not problems
    assert {copy.target for copy in copies} == {
        "boot/el9/vmlinuz", "boot/el9/initrd.img", "lpxelinux.0", "ldlinux.c32", "undionly.kpxe", "ipxe.efi",
        "shimx64.efi", "grubx64.efi", "grub/x86_64-efi/http.mod",
    }  # fmt: skip


def test_the_loaders_of_the_tree_come_first(tmp_path: Path) -> None:
    """Debian's shim does not trust the kernels of others."""
    system = fill(tmp_path / "system", *EVERY_PACKAGE)
    trees = {"el10": fill(tmp_path / "el10", *TREE, *EFI), "el9": fill(tmp_path / "el9", *TREE)}
    copies, problems = boottree.needed({"el9", "el10"}, trees, system)
    assert not problems
    source = {copy.target: copy.source for copy in copies}
    assert source["shimx64.efi"] == tmp_path / "el10" / "EFI/BOOT/BOOTX64.EFI"
    assert source["grubx64.efi"] == tmp_path / "el10" / "EFI/BOOT/grubx64.efi"
    assert source["boot/el9/vmlinuz"] == tmp_path / "el9" / "images/pxeboot/vmlinuz"
    assert "grub/x86_64-efi/http.mod" not in source


def test_els_packages_will_do(tmp_path: Path) -> None:
    system = fill(
        tmp_path / "system", "tftpboot/lpxelinux.0", "tftpboot/ldlinux.c32", "usr/share/ipxe/undionly.kpxe",
        "usr/share/ipxe/ipxe-snponly-x86_64.efi",
    )  # fmt: skip
    _, problems = boottree.needed({"el9"}, {"el9": fill(tmp_path / "tree", *TREE, *EFI)}, system)
    assert not problems


@pytest.mark.parametrize(
    ("missing", "severity", "message", "hint"),
    [
        pytest.param(
            EVERY_PACKAGE[0], "error", "not found; required for lpxelinux.0",
            "install pxelinux (Debian), syslinux-tftpboot (EL)", id="pxelinux",
        ),
        pytest.param(
            EVERY_PACKAGE[4], "error", "not found; required for shimx64.efi", "install shim-signed (Debian)",
            id="shim",
        ),
        pytest.param(
            EVERY_PACKAGE[2], "warning", "not found; required for undionly.kpxe",
            "install ipxe (Debian), ipxe-bootimgs-x86 (EL)", id="ipxe",
        ),
        pytest.param(
            TREE[0], "error", "not found in the install tree of el9",
            "mount the DVD, or copy all of it: cp -a DVD/. DIRECTORY", id="treeinfo",
        ),
        pytest.param(
            TREE[3], "error", "not found in the install tree of el9",
            "mount the DVD, or copy all of it: cp -a DVD/. DIRECTORY", id="initrd",
        ),
    ],
)  # fmt: skip
def test_what_is_missing_is_named(tmp_path: Path, missing: str, severity: str, message: str, hint: str) -> None:
    place = fill(tmp_path / "all", *EVERY_PACKAGE, *TREE)
    (place / missing).unlink()
    _, problems = boottree.needed({"el9"}, {"el9": place}, place)
    assert [(p.mark.file, p.severity, p.code, p.message, p.hint) for p in problems] == [
        (str(place / missing), severity, "boot-file-missing", message, hint)
    ]


def test_a_release_without_a_tree_is_said(tmp_path: Path) -> None:
    copies, problems = boottree.needed({"el10"}, {}, fill(tmp_path, *EVERY_PACKAGE))
    assert told(problems) == [("error", "boot-file-missing", "no source for the kernel and initrd of el10")]
    assert not [copy for copy in copies if copy.target.startswith("boot/")]


def test_files_are_put_in_place_once(tmp_path: Path) -> None:
    place, out = fill(tmp_path / "all", *EVERY_PACKAGE, *TREE), tmp_path / "out"
    copies, _ = boottree.needed({"el9"}, {"el9": place}, place)
    assert set(boottree.put_in_place(copies, out)) == {copy.target for copy in copies}
    assert all((out / copy.target).read_bytes() == copy.source.read_bytes() for copy in copies)
    assert {(out / copy.target).stat().st_mode & 0o777 for copy in copies} == {0o644}
    assert boottree.put_in_place(copies, out) == ()
    (place / TREE[2]).write_text("another kernel")
    assert boottree.put_in_place(copies, out) == ("boot/el9/vmlinuz",)
    assert not [path for path in out.rglob(".*") if path.is_file()]


def test_what_cannot_be_copied_leaves_nothing_behind(tmp_path: Path) -> None:
    copies = (boottree.Copy("boot/el9/vmlinuz", tmp_path / "gone"),)
    with pytest.raises(FileNotFoundError):
        boottree.put_in_place(copies, tmp_path / "out")
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


def test_copies_that_are_not_put_in_place_leave_nothing_behind(tmp_path: Path) -> None:
    place, out = fill(tmp_path / "all", *EVERY_PACKAGE, *TREE), tmp_path / "out"
    copies, _ = boottree.needed({"el9"}, {"el9": place}, place)
    out.mkdir()
    with boottree.staged(copies, out):
        assert not (out / "boot/el9/vmlinuz").exists()
        assert (out / "boot/el9/.vmlinuz.new").read_text() == TREE[2]
    assert not list(out.iterdir())
    # one that was killed has left this
    (out / "boot/el9").mkdir(parents=True)
    (out / "boot/el9/.vmlinuz.new").write_text("half of a kern")
    boottree.put_in_place(copies, out)
    assert sorted(path.name for path in (out / "boot/el9").iterdir()) == ["initrd.img", "vmlinuz"]


def test_what_is_missing_of_a_tree_that_was_named_before_is_a_warning(tmp_path: Path, host: Host) -> None:
    severities = {
        is_named: {problem.severity for problem in boottree.copies([host], {"el9": tmp_path}, is_named)[1]}
        for is_named in (True, False)
    }
    assert "error" in severities[True]
    assert severities[False] == {"warning"}


# --- who serves it ---------------------------------------------------------------------------------------------------


def test_the_server_has_what_is_remembered(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert webserver.server(out, "u", "g", Remembered()) == webserver.Server(out, tmp_path / "run", "u", "g")
    known = Remembered(trees={"el9": Path("/srv/el9")}, images=Path("/srv/images"), run=Path("/var/lib/nodes"))
    server = webserver.server(out, "u", "g", known)
    assert (server.run, server.installers, server.images) == (known.run, known.trees, known.images)


def test_the_group_of_a_directory_stays_where_somebody_has_chosen_it(tmp_path: Path) -> None:
    own = grp.getgrgid(os.getegid()).gr_name
    assert webserver.readers(tmp_path / "new", own) == webserver.readers(tmp_path, own) == os.getegid()
    if os.geteuid() == 0:
        assert webserver.readers(tmp_path, grp.getgrgid(1).gr_name) == 1
        os.chown(tmp_path, -1, 1)
        assert webserver.readers(tmp_path, own) is None
