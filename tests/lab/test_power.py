# SPDX-License-Identifier: GPL-2.0-or-later
"""`ksgen bmc` installs a machine from a virtual medium, where no DHCP server and no TFTP server runs, and by PXE.

From a medium under both firmwares with a small controller of our own, whose machine runs in QEMU; both ways with
sushy-tools' emulator and libvirt. The installer is a stand-in.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Literal

import pytest
import redfish_server
from ansible.parsing.vault import VaultLib, VaultSecret
from boot_servers import program
from inventories import SSH_KEY
from redfish_server import PASSWORD, USER, Controller

from lab import emulated, root
from lab.machine import PATIENCE
from lab.powered import Powered
from lab.pxe_installer import DISK_BOOTS, HAS_INSTALLED, INSTALLS
from lab.pxe_network import ADDRESS, Network
from lab.root import LabError

REPOSITORY = Path(__file__).parents[2]
NAME, MAC, OWN = "node01.example.com", "52:54:00:aa:00:01", "10.0.1.11"
_INVENTORY = f"""\
all:
  vars:
    node_release: el9
    node_server_url: http://{ADDRESS}/nodes/
    node_tree_url: http://{ADDRESS}/el9/
    node_image_url: http://{ADDRESS}/images/node.squashfs.img
    node_installer_args: [console=ttyS0, quiet]
    node_ssh_keys: ["{SSH_KEY}"]
  hosts:
    {NAME}:
      node_mac: "{MAC}"
      node_disk: {{{{serial: "{NAME}", size: 480 GB}}}}
      node_network: [{{{{mac: "{MAC}", ipv4: {OWN}/24, gateway4: {ADDRESS}, dns: [{ADDRESS}]}}}}]
      node_bmc:
        {{{{address: {{address}}, port: {{port}}, user: {USER}, fingerprint: {{pin}}, password: !vault {{sealed}}}}}}
"""
_VAULT = "correct horse"
# Seconds on a quiet machine.
_INSTALLATION, _BOOT = 150, 100


class Site:
    """A published out/, its web server, and the command."""

    def __init__(
        self, directory: Path, port: int, pin: str, address: str = "127.0.0.1", inside: Network | None = None
    ) -> None:
        """`inside`: a network in which the command runs, None where it reaches the controller from here."""
        self._inside = inside
        self.out, self._run, self._hosts = directory / "out", directory / "run", directory / "hosts.yaml"
        self._password = directory / "password"
        self._password.write_text(f"{_VAULT}\n")
        sealed = json.dumps(VaultLib().encrypt(PASSWORD, VaultSecret(_VAULT.encode())).decode())
        self._hosts.write_text(_INVENTORY.format(address=address, port=port, pin=pin, sealed=sealed))
        self._run.mkdir()

    def ksgen(self, command: str, *words: str) -> str:
        """Standard error of a command that has to succeed."""
        whole = [sys.executable, "-m", "ksgen", command, str(self._hosts), *words, "-o", str(self.out)]
        whole += ["--vault-password-file", str(self._password)]
        limit = _INSTALLATION * PATIENCE
        if self._inside:
            done = self._inside.call(whole, limit, REPOSITORY)
        else:
            done = subprocess.run(whole, cwd=REPOSITORY, capture_output=True, text=True, timeout=limit)
        assert PASSWORD not in done.stdout + done.stderr
        assert done.returncode == 0, done.stderr
        return done.stderr

    def serve(self, network: Network, *, with_network_boot: bool = False) -> None:
        """By HTTP; with TFTP and a DHCP server of the site that names this one, if machines boot from the network."""
        if with_network_boot:
            network.start_router(self._run, gives_addresses=True, names_server=True)
            network.start_servers(self.out, self._run)
            return
        log = self._run / "nginx.log"
        network.start([program("nginx"), "-c", f"{self.out}/nginx.conf", "-g", "daemon off;"], log=log)
        end = time.monotonic() + 30
        while not (self._run / "nginx.pid").exists():
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.05)


def free() -> str:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"127.0.0.1:{taken.getsockname()[1]}"


@pytest.mark.lab
@pytest.mark.parametrize("firmware", ["bios", "uefi"])
def test_installed_from_a_medium(firmware: Literal["bios", "uefi"], stand_ins: Path) -> None:
    if os.geteuid():
        raise LabError("taps and network namespaces are made by root alone: run the cases named power as root")
    controller = Controller(fetches_media=True, macs=(MAC,))
    with tempfile.TemporaryDirectory(prefix="lab-power-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        certificate = redfish_server.certificate(directory, "IP:127.0.0.1")
        with redfish_server.serving(controller, *certificate), Network(directory) as network:
            machine = Powered(network, directory, MAC, firmware)
            controller.switched_on, controller.switched_off = machine.switched_on, machine.switched_off
            site = Site(directory, controller.port, controller.fingerprint)
            site.ksgen("render", "--tree", f"el9={stand_ins / 'el9'}", "--images", str(stand_ins / "images"))
            site.serve(network)
            site.ksgen("arm", NAME)

            told = site.ksgen("bmc", NAME, "media", "--yes", "--listen", free())
            assert told.splitlines()[-2:] == [f"{NAME}: the installer runs", f"{NAME}: the medium is ejected"]
            assert (controller.boots, controller.image) == (["Cd"], None)
            console = machine.until_off(_INSTALLATION)
            assert INSTALLS in console
            assert f"STAND-IN: static {OWN}" in console
            assert re.search(rf"STAND-IN: fetched \S+ http://{ADDRESS}/nodes/ks/{NAME}\.ks", console)
            assert HAS_INSTALLED in console

            controller.power = "Off"  # it has restarted, which ends this QEMU
            site.ksgen("bmc", NAME, "on")
            assert DISK_BOOTS[firmware] in machine.until_off(_BOOT)
            assert controller.boots == ["Cd", "disk"]


@pytest.mark.lab
@pytest.mark.parametrize("way", ["media", "pxe"])
def test_with_libvirt_and_the_emulator(way: Literal["media", "pxe"], stand_ins: Path) -> None:
    """It ignores "once", keeps a medium in a storage pool of its own, and answers before anything is done."""
    if os.geteuid():
        raise LabError("taps and network namespaces are made by root alone: run the cases named power as root")
    for needed in emulated.NEEDED:
        root.program(needed)
    with tempfile.TemporaryDirectory(prefix="lab-power-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        certificate = redfish_server.certificate(directory, f"IP:{ADDRESS}")
        pin = hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate[0].read_text())).hexdigest()
        with Network(directory) as network:
            site = Site(directory, emulated.PORT, pin, ADDRESS, network)
            site.ksgen("render", "--tree", f"el9={stand_ins / 'el9'}", "--images", str(stand_ins / "images"))
            site.serve(network, with_network_boot=way == "pxe")
            site.ksgen("arm", NAME)
            console = emulated.start(network, directory, MAC, certificate)
            assert f"{NAME}: is off already" in site.ksgen("bmc", NAME, "off", "--yes")

            if way == "media":
                told = site.ksgen("bmc", NAME, "media", "--yes", "--listen", f"{ADDRESS}:8441")
                assert told.splitlines()[-2:] == [f"{NAME}: the installer runs", f"{NAME}: the medium is ejected"]
            else:
                told = site.ksgen("bmc", NAME, "pxe", "--yes")
                assert f"{NAME}: the installer runs" in told
            until_says(console, HAS_INSTALLED, _INSTALLATION)
            assert f"STAND-IN: static {OWN}" in console.read_text(errors="replace")
            time.sleep(5)  # it restarts, which switches this machine off

            site.ksgen("bmc", NAME, "cycle", "--yes")
            until_says(console, DISK_BOOTS["uefi"], _BOOT)


def until_says(console: Path, words: str, seconds: int) -> None:
    end = time.monotonic() + seconds * PATIENCE
    while not console.exists() or words not in console.read_text(errors="replace"):
        assert time.monotonic() < end, console.read_text(errors="replace")[-4000:]
        time.sleep(0.5)
