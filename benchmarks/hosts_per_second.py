# SPDX-License-Identifier: GPL-2.0-or-later
"""Compares the hosts per second of ksgen, with all checks, with those of script/render.py on the same inventory.

    hosts_per_second.py [--hosts N] [--script-hosts N]

The script is run with fewer hosts, because it starts a process for each of them. Both are timed as whole commands, from
start to exit, and each writes to an empty directory.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
# In memory, as ksgen flushes its output to disk and the script does not.
MEMORY = Path("/dev/shm")
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO0FOwvlHiYaWpE3V4GJwp8vfuIuTjLENYDyVB95s+tI ops@example.com"
SITE = f"""\
all:
  vars:
    node_release: el9
    node_image_url: https://pxe.example.com/images/ovirt-node-ng-4.5.7.squashfs.img
    node_tree_url: https://pxe.example.com/almalinux/9/
    node_server_url: http://pxe.example.com/nodes/
    node_ssh_keys: ["{KEY}"]
  children:
    rack:
      hosts:
"""
HOST = """\
        node{n:05}.example.com:
          node_mac: "52:54:00:{a:02x}:{b:02x}:01"
          node_disk: {{wwn: "0x5000c500{n:08x}", size: 480 GB}}
          node_network:
            - {{name: bond0, bond: {{members: [eno1, eno2], mode: 802.3ad}}}}
            - name: bond0.100
              vlan: {{id: 100, parent: bond0}}
              ipv4: {net}.{b1}/24
              gateway4: {net}.1
              dns: [10.0.0.53]
"""


def inventory(hosts: int) -> str:
    """A site of so many hosts."""
    rows = []
    for n in range(hosts):
        a, b = n // 200 % 256, n % 200
        rows.append(HOST.format(n=n, a=a, b=b, b1=b + 10, net=f"10.{1 + n // 51200}.{a}"))
    return SITE + "".join(rows)


def timed(hosts: int, command: list[str], option: list[str]) -> float:
    """Seconds that a command takes for a site of so many hosts."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as directory:
        path = Path(directory) / "hosts.yaml"
        path.write_text(inventory(hosts))
        begin = time.perf_counter()
        subprocess.run([*command, str(path), *option, str(Path(directory) / "out")], check=True, capture_output=True)
        return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, default=2000)
    parser.add_argument("--script-hosts", type=int, default=40)
    given = parser.parse_args()
    script = given.script_hosts / timed(given.script_hosts, [sys.executable, str(HERE / "script" / "render.py")], [])
    ours = given.hosts / timed(given.hosts, [sys.executable, "-m", "ksgen"], ["-o"])
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"script: {script:8.1f} hosts/s  ({given.script_hosts} hosts)")
    print(f"ksgen:  {ours:8.1f} hosts/s  ({given.hosts} hosts, {memory:.0f} MiB)")
    print(f"ratio:  {ours / script:8.1f}")


if __name__ == "__main__":
    main()
