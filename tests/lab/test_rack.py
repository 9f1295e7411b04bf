# SPDX-License-Identifier: GPL-2.0-or-later
"""From an empty rack to twelve installed nodes, as docs/deployment.md says it.

The machines boot from the network of a site whose DHCP server is its own. They are discovered, adopted into an
inventory without a host, and installed by `ksgen install --via pxe`, four at once. What boots them is real: UEFI, GRUB,
nginx and dnsmasq as published; so are the programs in %pre. The installer and the node are small (rack_installer.py).

| machine | what happens                                                    |
|---------|-----------------------------------------------------------------|
| 3       | its disk is replaced after it was adopted                       |
| 6       | stands still in the middle of its installation                  |
| 9       | is switched off in the middle of its installation               |
| others  | are installed in three waves, and up                            |

Then the inventory gets the disk that `ksgen verify` names, and the three are installed too.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret
from boot_servers import program
from inventories import SSH_KEY
from redfish_server import PASSWORD, USER

from ksgen.netboot import REPORTS_ADDRESS
from lab import pxe_installer, rack_installer
from lab.machine import EMPTY, PATIENCE, digest
from lab.pxe_network import SERVER, Network
from lab.rack import Slot, most_at_once, rack, switch_on_by_hand
from lab.rack_installer import NODE_BOOTS
from lab.root import LabError

pytestmark = pytest.mark.lab

GROUP = "rack_b"
AT_ONCE = 4
BAD, SILENT, OFF = 3, 6, 9
_FAULTS = {SILENT: "silent", OFF: "off"}
_VAULT = "correct horse"
# Seconds on a quiet machine.
_DISCOVERY, _INSTALLATIONS = 120, 900
_INVENTORY = f"""\
all:
  vars:
    node_release: el9
    node_server_url: http://{SERVER}/nodes/
    node_tree_url: http://{SERVER}/el9/
    node_image_url: http://{SERVER}/images/node.squashfs.img
    node_installer_args: [console=ttyS0, quiet, no_timer_check]
    node_ssh_keys: ["{SSH_KEY}"]
    node_layout: minimal
    node_addon: false
    # The machines are emulated, and small.
    node_checks: {{skip: [virtualization, memory]}}
  children:
    {GROUP}:
"""
_BMC = """\
          node_bmc:
            {{address: 127.0.0.1, port: {port}, user: {user}, fingerprint: {pin}, password: !vault {sealed}}}
"""


class Site:
    """A published out/ with its servers, and the commands of its operator."""

    def __init__(self, directory: Path, network: Network) -> None:
        self.directory, self._network = directory, network
        self.hosts, self.log = directory / "hosts.yaml", directory / "servers.log"
        self.hosts.write_text(_INVENTORY)
        (directory / "vault").write_text(f"{_VAULT}\n")
        (directory / "run").mkdir()
        self.token = ("--token", str(directory / "token"))
        self.tree = ("-o", str(directory / "out"))
        self.vault = ("--vault-password-file", str(directory / "vault"))
        self._state = ("--state", str(directory / "state"))

    def ksgen(self, *words: str, status: int = 0, seconds: int = 120) -> str:
        """What a command prints that has to end with this status, standard error behind standard output."""
        whole = [sys.executable, "-m", "ksgen", *words]
        done = self._network.call(whole, seconds * PATIENCE, self.directory)
        assert PASSWORD not in done.stdout + done.stderr
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    def on(self, command: str, *words: str, status: int = 0, seconds: int = 120) -> str:
        """The same for a command whose first argument is the inventory."""
        return self.ksgen(command, str(self.hosts), *words, status=status, seconds=seconds)

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        return self._network.start(list(command), log=self.log)

    def serve_reports(self) -> None:
        self.ksgen("login", "ops", "--role", "operate", *self._state, "-o", self.token[1])
        self.start(sys.executable, "-m", "ksgen", "serve", str(self.hosts), *self.tree, *self._state)
        end = time.monotonic() + 60 * PATIENCE
        host, port = REPORTS_ADDRESS.split(":")
        with self._network.entered():
            while True:
                try:
                    socket.create_connection((host, int(port))).close()
                    return
                except OSError:
                    assert time.monotonic() < end, self.log.read_text()
                    time.sleep(0.5)

    def serve_boot_files(self) -> None:
        out, run = self.directory / "out", self.directory / "run"
        self.wait_for(out / "nginx.conf")
        self.start(program("nginx"), "-c", f"{out}/nginx.conf", "-g", "daemon off;")
        self.start(program("dnsmasq"), f"--conf-file={out}/dnsmasq.conf", "--keep-in-foreground")
        for name in ("nginx", "dnsmasq"):
            self.wait_for(run / f"{name}.pid")

    def wait_for(self, path: Path) -> None:
        end = time.monotonic() + 60 * PATIENCE
        while not path.exists():
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.2)

    def states(self) -> dict[str, str]:
        """The state of each host; one of them may have failed."""
        whole = [sys.executable, "-m", "ksgen", "status", str(self.hosts), "--json", *self.token, *self.vault]
        done = self._network.call(whole, 60 * PATIENCE, self.directory)
        return {one["host"]: one["state"] for one in json.loads(done.stdout)["hosts"]}


def host(number: int) -> str:
    return f"node{number:02}.example.com"


@pytest.fixture(scope="module")
def served() -> Iterator[Path]:
    """The small installer and its image."""
    with pxe_installer.served(rack_installer.tree, rack_installer.node_image) as directory:
        yield directory


def test_from_an_empty_rack_to_twelve_nodes(served: Path) -> None:
    if os.geteuid():
        raise LabError("taps and network namespaces are made by root alone: run this case as root")
    faults = [_FAULTS.get(number, "") for number in range(1, 13)]
    with tempfile.TemporaryDirectory(prefix="lab-rack-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        with Network(directory) as network, rack(network, directory, faults) as slots:
            site = Site(directory, network)
            network.start_router(directory / "run", gives_addresses=True, names_server=True)
            discover(site, slots, served)
            adopt(site, slots)
            install_three_waves(site, slots)
            install_the_rest(site, slots)


def discover(site: Site, slots: list[Slot], served: Path) -> None:
    """Each machine boots an installer that looks, and nothing is written to its disk."""
    site.serve_reports()
    trees = ["--tree", f"el9={served / 'el9'}", "--images", str(served / "images")]
    discovery = site.start(
        sys.executable, "-m", "ksgen", "discover", str(site.hosts), *trees, *site.tree, *site.token,
        "--run", str(site.directory / "run"),
    )  # fmt: skip
    site.serve_boot_files()
    switch_on_by_hand(slots, AT_ONCE, _DISCOVERY)
    assert {slot.number: digest(slot.disk(1).file) for slot in slots if digest(slot.disk(1).file) != EMPTY} == {}
    said = site.on("discovered", *site.token)
    assert "12 machines of no host" in said
    assert all(slot.mac in said for slot in slots)
    discovery.terminate()
    assert discovery.wait(timeout=60) == 0
    assert "the discovery has ended; 12 machines found" in site.log.read_text()


def adopt(site: Site, slots: list[Slot]) -> None:
    """Each becomes a host; the operator adds how to reach its controller."""
    for slot in slots:
        site.on("adopt", slot.mac, "--as", host(slot.number), "--group", GROUP, "--yes", *site.token)
    text = site.hosts.read_text()
    sealed = json.dumps(VaultLib().encrypt(PASSWORD, VaultSecret(_VAULT.encode())).decode())
    for slot in slots:
        assert f'node_disk: {{wwn: "{slot.disk(1).wwn}", size: 86 GB}}' in text
        one = slot.controller
        bmc = _BMC.format(port=one.port, user=USER, pin=one.fingerprint, sealed=sealed)
        text = text.replace(f"        {host(slot.number)}:\n", f"        {host(slot.number)}:\n{bmc}")
    site.hosts.write_text(text)
    site.on("plan", *site.vault)
    site.on("render", *site.tree, *site.vault)


def install(site: Site, *words: str, status: int) -> str:
    """The command, until all hosts are up or have failed."""
    options = ("--via", "pxe", "--at-once", str(AT_ONCE), "--yes", "--give-up-after", "10s")
    return site.on(
        "install", *words, *options, *site.tree, *site.token, *site.vault, status=status, seconds=_INSTALLATIONS
    )


def install_three_waves(site: Site, slots: list[Slot]) -> None:
    """Nine are up, and three have failed, each with its reason; those are left as they are, and not armed."""
    by_number = {slot.number: slot for slot in slots}
    by_number[BAD].replace_disk()
    for slot in slots:
        slot.times.clear()
    said = install(site, GROUP, status=1)
    assert "9 up, 3 failed, in " in said
    assert re.search(rf"^{host(BAD)}: failed: .*no disk has wwn", said, re.MULTILINE), said
    for number in (SILENT, OFF):
        assert re.search(rf"^{host(number)}: failed: silent in state \w+ for", said, re.MULTILINE), said
    failed = {BAD, SILENT, OFF}
    states = site.states()
    assert {name for name, state in states.items() if state == "up"} == {host(n) for n in by_number if n not in failed}
    assert states[host(BAD)] == "failed"
    assert digest(by_number[BAD].disk(2).file) == EMPTY
    for slot in slots:
        assert slot.controller.boots == ["Pxe"], slot.number
        if slot.number not in failed:
            assert NODE_BOOTS in slot.machine.text()
    # Each has used its permission.
    armed, _ = json.JSONDecoder().raw_decode(site.on("armed", "--json", *site.tree, *site.vault))
    assert {one["status"] for one in armed.values()} == {"used"}
    # Those that have failed are on until a person comes.
    assert AT_ONCE - 1 <= most_at_once(slots) <= AT_ONCE


def install_the_rest(site: Site, slots: list[Slot]) -> None:
    """`ksgen verify` names the line to change; then twelve are up."""
    left = [slot for slot in slots if slot.number in (BAD, SILENT, OFF)]
    for slot in left:
        site.on("bmc", host(slot.number), "off", "--yes", *site.tree, *site.vault)
    said = site.on("verify", *site.token, *site.vault, status=1)
    assert "12 hosts compared, 1 with differences" in said
    found = re.search(r'hint: write wwn: "(\w+)"', said)
    assert found, said
    bad = slots[BAD - 1]
    site.hosts.write_text(site.hosts.read_text().replace(f'"{bad.disk(1).wwn}"', f'"{found[1]}"'))
    site.on("verify", *site.token, *site.vault)
    site.on("render", *site.tree, *site.vault)
    said = install(site, *[host(slot.number) for slot in left], status=0)
    assert "3 up, in " in said
    assert site.states() == {host(slot.number): "up" for slot in slots}
