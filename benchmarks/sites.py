# SPDX-License-Identifier: GPL-2.0-or-later
"""The two sites that are measured, of any number of hosts: hosts that are all alike, and examples/ many times over.

`flat` has one group; each host has a disk, a bond, and a VLAN with an address. `examples` repeats the racks of
examples/ with names, MAC addresses, disks and networks of their own: groups with group_vars, expressions, bonds,
bridges, mirrored pairs of disks, DHCP, and both releases.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
EXAMPLE_HOSTS = 40  # its nodes
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO0FOwvlHiYaWpE3V4GJwp8vfuIuTjLENYDyVB95s+tI ops@example.com"
_FLAT = """\
all:
  vars:
    node_release: el9
    node_image_url: https://pxe.example.com/images/ovirt-node-ng-4.5.7.squashfs.img
    node_tree_url: https://pxe.example.com/almalinux/9/
    node_server_url: http://pxe.example.com/nodes/
    node_ssh_keys: ["{key}"]
    node_addon: {addon}
  children:
    rack:
      hosts:
"""
_FLAT_HOST = """\
        node{n:05}.example.com:
          node_mac: "52:54:{a:02x}:{b:02x}:{c:02x}:01"
          node_disk: {{wwn: "0x5000c500{n:08x}", size: 480 GB}}
          node_network:
            - {{name: bond0, bond: {{members: [eno1, eno2], mode: 802.3ad}}}}
            - name: bond0.100
              vlan: {{id: 100, parent: bond0}}
              ipv4: {net}.{last}/24
              gateway4: {net}.1
              dns: [10.0.0.53]
"""
_HOSTS_OF_NET = 200
_NETS = 256


def flat(directory: Path, hosts: int, addon: bool) -> Path:
    """Write the site of hosts that are all alike; returns its inventory."""
    path = directory / "hosts.yaml"
    with path.open("w") as file:
        file.write(_FLAT.format(key=KEY, addon=_word(addon)))
        file.writelines(map(_flat_host, range(hosts)))
    return path


def _flat_host(n: int) -> str:
    rack, place = divmod(n, _HOSTS_OF_NET)
    net = f"10.{1 + rack // _NETS}.{rack % _NETS}"
    return _FLAT_HOST.format(n=n, a=rack >> 8, b=rack & 0xFF, c=place, net=net, last=place + 10)


def examples(directory: Path, hosts: int, addon: bool) -> Path:
    """Write the nodes of examples/ as often as it takes for so many hosts (a multiple of 40); returns the inventory."""
    head, racks = re.split(r"(?<=  children:\n)", (EXAMPLES / "hosts.yaml").read_text(), maxsplit=1)
    racks, plain, _ = racks.partition("    # Four plain hosts")
    assert plain
    variables = directory / "group_vars"
    variables.mkdir()
    files = {path.stem: path.read_text() for path in sorted((EXAMPLES / "group_vars").glob("*.yml"))}
    del files["rack_d"]
    (variables / "all.yml").write_text(files.pop("all"))
    shutil.copytree(EXAMPLES / "files", directory / "files")
    path = directory / "hosts.yaml"
    with path.open("w") as file:
        file.write(head.replace("  vars:\n", f"  vars:\n    node_addon: {_word(addon)}\n", 1))
        for copy in range(max(1, hosts // EXAMPLE_HOSTS)):
            file.write(_copied(racks, copy))
            for group, text in files.items():
                (variables / f"{group}_{copy:04}.yml").write_text(_copied(text, copy))
    return path


def _copied(text: str, copy: int) -> str:
    """A part of examples/ with the groups, names, addresses and disks of a copy."""
    for pattern, replacement in _replacements(copy):
        text = re.sub(pattern, replacement, text)
    return text


def _replacements(copy: int) -> Iterator[tuple[str, str | Callable[[re.Match[str]], str]]]:
    high, low = divmod(copy, 256)
    yield r"\b(rack_[abc]|backup_targets)\b", rf"\g<1>_{copy:04}"
    yield r"\.([abc])\.example\.com", rf".\g<1>{copy:04}.example.com"
    yield r"52:54:00:(0[abc])", rf"52:{high:02x}:{low:02x}:\1"
    # A network of each of the racks a and b: 10.16.0.0/24, 10.16.1.0/24, ...
    yield r"\b10\.1\.(100|101)\.", lambda match: _net(2 * copy + int(match[1]) - 100)
    yield r"2001:db8:101:", f"2001:db8:{0x1000 + copy:x}:"
    # Disks keep their vendor's part.
    yield r"(0x5002538)\w{4}", rf"\g<1>{copy:04x}"
    yield r"(eui\.0025388b)\w{4}", rf"\g<1>{copy:04x}"
    yield r"(WD-WCC)\d{4}", rf"\g<1>{copy:04}"
    yield r"(CZ2)\d{4}", rf"\g<1>{copy:04}"


def _net(number: int) -> str:
    return f"10.{16 + number // 256}.{number % 256}."


def _word(claim: bool) -> str:
    return "true" if claim else "false"


SITES: dict[str, Callable[[Path, int, bool], Path]] = {"flat": flat, "examples": examples}


def first_host(inventory: Path) -> str:
    """The host that the cases with one host take."""
    match = re.search(r"^ {8}(node\S+\.example\.com):", inventory.read_text(), re.MULTILINE)
    assert match
    return match[1]
