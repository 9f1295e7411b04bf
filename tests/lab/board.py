# SPDX-License-Identifier: GPL-2.0-or-later
"""A site with one machine, which installs itself and is followed: `make board`.

The machine is one of QEMU. Its network card (iPXE) fetches the published boot files from nginx, and the lab's stand-in
for the installer does the rest (pxe_installer.py). Nothing of it needs root; everything is in a directory that is
removed at the end, and listens on 127.0.0.1.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from inventories import SSH_KEY

from lab import pxe_installer, reported
from lab.machine import MIB, Disk, Machine, run

HOST = "node01.example.com"
_MAC = "52:54:00:aa:00:01"
_PORT = 8080
# Where QEMU's user network has the machine that it runs on.
_SERVER = f"10.0.2.2:{_PORT}"
_RELEASE = "el9"
_INVENTORY = f"""\
all:
  vars:
    node_release: {_RELEASE}
    node_server_url: http://{_SERVER}/nodes/
    node_tree_url: http://{_SERVER}/{_RELEASE}/
    node_image_url: http://{_SERVER}/images/node.squashfs.img
    node_installer_args: [console=ttyS0, quiet]
    node_ssh_keys: ["{SSH_KEY}"]
  children:
    rack_a:
      hosts:
        {HOST}:
          node_mac: "{_MAC}"
          node_disk: {{serial: disk0, size: 480 GB}}
"""
_SECONDS = 150  # on a quiet machine
# Until the server has taken the last report.
_LAST_S = 2


def main() -> int:
    parser = argparse.ArgumentParser(prog="make board", description=__doc__)
    parser.add_argument("--once", action="store_true", help="end when the machine has ended")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lab-board-") as name, contextlib.suppress(KeyboardInterrupt):
        site = Path(name)
        site.chmod(0o755)
        publish(site)
        with reported.servers(site):
            print(f"The board is at http://127.0.0.1:8440/ and asks for the token in {site}/token.", flush=True)
            print(f"In another terminal: ksgen status {site}/hosts.yaml --token {site}/token --watch", flush=True)
            state = install(site)
            print(f"{HOST}: {state}", flush=True)
            if options.once:
                return 0 if state == "installed" else 1
            print("Ctrl-C ends it.", flush=True)
            while True:
                time.sleep(1)
    return 0


def publish(site: Path) -> None:
    """Everything that the machine fetches, and its permission."""
    pxe_installer.tree(site / _RELEASE)
    (site / "images").mkdir()
    pxe_installer.node_image(site / "images" / "node.squashfs.img")
    (site / "run").mkdir()
    (site / "hosts.yaml").write_text(_INVENTORY)
    for command in (
        ["hosts.yaml", "-o", "out", "--tree", f"{_RELEASE}={_RELEASE}", "--images", "images"],
        ["login", "ops", "--state", "state", "-o", "token"],
        ["arm", "hosts.yaml", HOST, "-o", "out"],
    ):
        subprocess.run([sys.executable, "-m", "ksgen", *command], cwd=site, check=True)


def install(site: Path) -> str:
    """Switch the machine on until it restarts or switches itself off; the state that the server knows then."""
    nic = f"user,model=virtio-net-pci,mac={_MAC},bootfile=http://{_SERVER}/nodes/boot.ipxe"
    disk = Disk(site / "disk", 64 * MIB, serial="disk0")
    ended = run(Machine((disk,), memory=768, boot="net", nics=(nic,)), timeout=_SECONDS)
    time.sleep(_LAST_S)
    state = str(reported.served(site).host(HOST)["state"])
    if state != "installed":
        print(ended.console, file=sys.stderr)
    return state


if __name__ == "__main__":
    sys.exit(main())
