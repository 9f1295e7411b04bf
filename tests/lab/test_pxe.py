# SPDX-License-Identifier: GPL-2.0-or-later
"""Firmware, boot loaders, dnsmasq and nginx with what ksgen has published: who installs itself, once, and who does not.

Each case has a network of its own, with machines in QEMU and stand-ins for the installer and the node image.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from inventories import SSH_KEY

from lab import pxe_card
from lab.pxe_client import Boot, Client, Firmware
from lab.pxe_installer import DISCOVERS, DISK_BOOTS, HAS_INSTALLED, INSTALLS
from lab.pxe_network import FIRST, INTERFACE, LAST, SERVER, Network
from lab.root import LabError

REPOSITORY = Path(__file__).parents[2]
ONE, TWO, THREE = (f"node0{number}.example.com" for number in (1, 2, 3))
MACS = {name: f"52:54:00:aa:00:0{number}" for number, name in enumerate((ONE, TWO, THREE), 1)}
STRANGER = "52:54:00:bb:00:01"
# `none`: the server of the site gives the addresses, and names this one.
DHCP = {"range": f"{{interface: {INTERFACE}, first: {FIRST}, last: {LAST}}}", "proxy": "proxy", "none": "none"}
_INVENTORY = f"""\
all:
  vars:
    node_release: el9
    node_server_url: http://{SERVER}/nodes/
    node_tree_url: http://{SERVER}/el9/
    node_image_url: http://{SERVER}/images/node.squashfs.img
    node_dhcp: {{dhcp}}
    node_installer_args: [console=ttyS0, quiet]
    node_ssh_keys: ["{SSH_KEY}"]
  hosts:
"""
_HOST = """\
    {name}:
      node_mac: "{mac}"
      node_disk: {{serial: "{name}", size: 480 GB}}
"""
# Seconds on a quiet machine: to a running disk, with an installation and a restart before it, or without.
_INSTALLATION, _BOOT = 150, 100
_DISK_SIZE = 64 * 2**20  # bytes; the stand-in image has a few


@dataclasses.dataclass(frozen=True)
class Way:
    """From a card to the boot file of a host: firmware, who speaks DHCP, and what is loaded, in that order."""

    firmware: Firmware
    dhcp: str
    loads: tuple[str, ...]


# Paths below out/; -MAC stands for the machine's.
_PXELINUX = ("lpxelinux.0", "ldlinux.c32", "pxelinux.cfg/01-MAC")
_GRUB = ("shimx64.efi", "grubx64.efi", "grub/grub.cfg", "grub/grub.cfg-01-MAC")
_IPXE = ("boot.ipxe", "ipxe/MAC.ipxe")
WAYS = {
    "bios-pxelinux-range": Way("bios-plain", "range", _PXELINUX),
    "bios-ipxe-range": Way("bios", "range", _IPXE),
    "uefi-grub-range": Way("uefi", "range", _GRUB),
    "bios-pxelinux-proxy": Way("bios-plain", "proxy", _PXELINUX),
    "bios-ipxe-proxy": Way("bios", "proxy", _IPXE),
    "uefi-ipxe-proxy": Way("uefi", "proxy", ("ipxe.efi", *_IPXE)),
}
every_way = pytest.mark.parametrize(
    "way", [pytest.param(way, id=name, marks=pytest.mark.lab) for name, way in WAYS.items()]
)


# Machines of no host get no answer from our dnsmasq.
DISCOVERIES = {
    "bios-pxelinux": Way("bios-plain", "none", ("lpxelinux.0", "ldlinux.c32", "pxelinux.cfg/default")),
    "bios-ipxe": Way("bios", "none", ("boot.ipxe",)),
    "uefi-grub": Way("uefi", "none", ("shimx64.efi", "grubx64.efi", "grub/grub.cfg")),
}


@dataclasses.dataclass(frozen=True)
class Request:
    """A line of nginx's access log."""

    path: str
    token: str
    status: int


class Site:
    """A published out/, its servers, and machines on their network."""

    def __init__(self, directory: Path, network: Network, way: Way, image: Path) -> None:
        self._directory, self._network, self._way, self._image = directory, network, way, image
        self.out, self._run = directory / "out", directory / "run"

    def publish(self) -> None:
        hosts = (_HOST.format(name=name, mac=mac) for name, mac in MACS.items())
        text = _INVENTORY.format(dhcp=DHCP[self._way.dhcp]) + "".join(hosts)
        (self._directory / "hosts.yaml").write_text(text)
        self._run.mkdir()
        self.ksgen("render", "--tree", f"el9={self._directory}/el9", "--images", str(self._image.parent))
        dhcp = self._way.dhcp
        self._network.start_router(self._run, gives_addresses=dhcp != "range", names_server=dhcp == "none")
        self._network.start_servers(self.out, self._run)

    def ksgen(self, command: str, *arguments: str) -> str:
        """Standard output of a command that has to succeed."""
        inventory = str(self._directory / "hosts.yaml")
        whole = [sys.executable, "-m", "ksgen", command, inventory, *arguments, "-o", str(self.out)]
        done = subprocess.run(whole, cwd=REPOSITORY, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def armed(self) -> dict[str, str]:
        return {host: entry["status"] for host, entry in json.loads(self.ksgen("armed", "--json")).items()}

    def client(self, mac: str, *, has_system: bool) -> Client:
        """A machine whose disk is empty or carries a system."""
        client = Client(self._network, self._directory / mac.replace(":", ""), mac, self._way.firmware)
        client.directory.mkdir()
        if has_system:
            shutil.copy(self._image, client.disk)
        with client.disk.open("ab") as file:
            file.truncate(_DISK_SIZE)
        return client

    def disk_boots(self, console: str) -> bool:
        return console.splitlines()[-1] == DISK_BOOTS["uefi" if self._way.firmware == "uefi" else "bios"]

    def requests(self) -> list[Request]:
        """What nginx was asked for below /nodes/, in that order."""
        lines = (self._run / "access.log").read_text().splitlines()
        found = (re.search(r'"GET /nodes/(\S+?)(?:\?armed=(\S+))? HTTP/1\.[01]" (\d+) ', line) for line in lines)
        return [Request(match[1], match[2] or "", int(match[3])) for match in found if match]

    def asked_for(self, host: str) -> list[tuple[str, int]]:
        """With the host's tokens: kernel, initrd and kickstart, and what it was told."""
        return [(one.path, one.status) for one in self.requests() if one.token.startswith(f"{host}.")]

    def loaded(self) -> set[str]:
        """The boot loaders and their files that went out, over TFTP and http."""
        log = (self._run / "dnsmasq.log").read_text()
        sent = set(re.findall(rf"sent {re.escape(str(self.out))}/(\S+) to ", log))
        return sent | {one.path for one in self.requests() if one.status == 200}

    def treatment(self, mac: str) -> set[str]:
        """What the published dnsmasq.conf has done with requests of this card: answered, ignored."""
        lines = re.findall(rf"(DHCPOFFER|DHCPDISCOVER|PXE)\(\S+\) (.*{mac}.*)", (self._run / "dnsmasq.log").read_text())
        ignored = {"ignored" for _, text in lines if text.endswith("ignored")}
        return ignored | {"answered" for kind, text in lines if kind != "DHCPDISCOVER" and not text.endswith("ignored")}

    def expects(self, mac: str) -> set[str]:
        """What a known machine has loaded when it came this way."""
        return {name.replace("MAC", mac.replace(":", "-")) for name in self._way.loads}


@pytest.fixture
def site(stand_ins: Path, way: Way) -> Iterator[Site]:
    if os.geteuid():
        raise LabError("taps and network namespaces are made by root alone: run the cases named pxe as root")
    with tempfile.TemporaryDirectory(prefix="lab-pxe-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        (directory / "el9").symlink_to(stand_ins / "el9")
        with Network(directory) as network:
            site = Site(directory, network, way, stand_ins / "images" / "node.squashfs.img")
            site.publish()
            yield site


def until_off(*boots: Boot) -> list[str]:
    return [boot.until_off() for boot in boots]


@every_way
def test_a_host_installs_itself_once(site: Site, way: Way) -> None:
    """Two at a time, each with its own kickstart; then their disks: the server refuses, after `disarm` nobody asks."""
    site.ksgen("arm", ONE, TWO)
    clients = {host: site.client(MACS[host], has_system=False) for host in (ONE, TWO)}
    consoles = until_off(*[client.boot(_INSTALLATION) for client in clients.values()])
    for host, console in zip(clients, consoles, strict=True):
        kickstart = (site.out / "ks" / f"{host}.ks").read_bytes()
        fetched = re.findall(rf"STAND-IN: fetched (\S+) http://{SERVER}/nodes/ks/(\S+)\.ks\?", console)
        assert fetched == [(hashlib.sha256(kickstart).hexdigest(), host)]
        assert f"STAND-IN: kickstart # {host}: " in console
        assert console.count(INSTALLS) == console.count(HAS_INSTALLED) == 1
        assert site.disk_boots(console), console
        assert site.expects(MACS[host]) <= site.loaded()
        kernel, initrd = (f"boot/el9/{name}" for name in ("vmlinuz", "initrd.img"))
        asked = [(kernel, 200), (initrd, 200), ("report/token", 200), (f"ks/{host}.ks", 200), (kernel, 410)]
        assert site.asked_for(host) == asked, console
    assert site.armed() == {ONE: "used", TWO: "used"}

    asked = site.asked_for(ONE)
    site.ksgen("disarm", ONE)
    (console,) = until_off(clients[ONE].boot(_BOOT))
    assert site.disk_boots(console), console
    assert site.asked_for(ONE) == asked


@every_way
def test_who_is_not_armed_or_not_known_boots_the_disk(site: Site, way: Way) -> None:
    site.ksgen("arm", ONE)
    clients = [site.client(mac, has_system=True) for mac in (MACS[THREE], STRANGER)]
    for console in until_off(*[client.boot(_BOOT) for client in clients]):
        assert site.disk_boots(console), console
        assert INSTALLS not in console
    assert site.expects(MACS[THREE]) <= site.loaded()
    assert site.treatment(MACS[THREE]) == {"answered"}
    assert site.treatment(STRANGER) == {"ignored"}
    assert not [one for one in site.requests() if one.path.startswith(("boot/", "ks/"))]
    assert site.armed() == {ONE: "armed"}


@every_way
def test_an_arming_that_is_over_or_taken_back_does_not_install(site: Site, way: Way) -> None:
    """The end of the first passes and nobody publishes; the second was armed for long, and disarmed."""
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=15)
    site.ksgen("arm", ONE, "--until", end.isoformat())
    site.ksgen("arm", TWO)
    site.ksgen("disarm", TWO)
    clients = [site.client(MACS[host], has_system=True) for host in (ONE, TWO)]
    time.sleep(max(0.0, end.timestamp() - time.time()))
    for console in until_off(*[client.boot(_BOOT) for client in clients]):
        assert site.disk_boots(console), console
        assert INSTALLS not in console
    assert site.asked_for(ONE) == [("boot/el9/vmlinuz", 410)]
    assert site.asked_for(TWO) == []
    assert site.expects(MACS[ONE]) | site.expects(MACS[TWO]) <= site.loaded()
    assert site.armed() == {ONE: "expired"}


@pytest.mark.parametrize(
    "way", [pytest.param(way, id=name, marks=pytest.mark.lab) for name, way in DISCOVERIES.items()]
)
def test_a_machine_of_no_host_is_discovered(site: Site, way: Way) -> None:
    """Until the discovery ends; a host boots its disk meanwhile."""
    site.ksgen("discover", "--no-wait")
    stranger, host = (site.client(mac, has_system=True) for mac in (STRANGER, MACS[ONE]))
    console, of_host = until_off(stranger.boot(_BOOT), host.boot(_BOOT))
    assert DISCOVERS in console
    arguments = re.search(r"STAND-IN: arguments (.*)", console)
    assert arguments
    assert {f"BOOTIF=01-{STRANGER.replace(':', '-')}", "rd.md=0", "rd.lvm=0"} <= set(arguments[1].split())
    assert site.expects(STRANGER) <= site.loaded()
    kernel, initrd = (f"boot/el9/{name}" for name in ("vmlinuz", "initrd.img"))
    asked = [(kernel, 200), (initrd, 200), ("discovery/discovery.ks", 200)]
    assert site.asked_for("_discovery") == asked, console
    assert site.disk_boots(of_host), of_host
    assert INSTALLS not in of_host

    site.ksgen("discover", "--end")
    (console,) = until_off(stranger.boot(_BOOT))
    assert site.disk_boots(console), console
    assert site.asked_for("_discovery") == asked


def dhcp_request(options: str) -> bytes:
    """A frame from 0.0.0.0:68 to 255.255.255.255:67, with these options in hexadecimal digits."""
    bootp = bytes(236) + bytes.fromhex("63825363" + options)
    udp = struct.pack(">HHHH", 68, 67, 8 + len(bootp), 0xABCD)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 28 + len(bootp), 0, 0, 64, socket.IPPROTO_UDP, 0, bytes(4), b"\xff" * 4)
    return b"\xff" * 6 + bytes(6) + b"\x08\x00" + ip + udp + bootp


def test_a_plain_card_says_nothing_of_ipxe() -> None:
    """Options 175 and 77 get other numbers; values and what follows the end keep theirs, however they look."""
    told = pxe_card.disguised(dhcp_request("350101 00 af03b10101 4d0469505845 3d02af4d ff af01"))
    assert told[42 + 240 :] == bytes.fromhex("350101 00 e003b10101 e10469505845 3d02af4d ff af01")
    assert told[40:42] == b"\0\0"  # no checksum, as the old one is wrong now


def test_a_plain_card_leaves_other_frames_alone() -> None:
    request = dhcp_request("350101 af03b10101 ff")
    others = {
        "arp": request[:12] + b"\x08\x06" + request[14:],
        "tcp": request[:23] + bytes([socket.IPPROTO_TCP]) + request[24:],
        "dns": request[:36] + (53).to_bytes(2, "big") + request[38:],
    }
    assert {name: pxe_card.disguised(frame) for name, frame in others.items()} == others
    assert pxe_card.disguised(request) != request
