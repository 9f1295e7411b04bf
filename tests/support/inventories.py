# SPDX-License-Identifier: GPL-2.0-or-later
"""Small inventories for tests: one good host, and what a test changes in it."""

from __future__ import annotations

from pathlib import Path

from ksgen.host import Host, read_hosts
from ksgen.inventory import reader
from ksgen.problems import Problem
from ksgen.variables import is_claimed

# A hash of nothing in particular.
PASSWORD_HASH = "$6$saltsalt$" + "A" * 86
# It belongs to nobody.
SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO0FOwvlHiYaWpE3V4GJwp8vfuIuTjLENYDyVB95s+tI ops@example.com"

# Of an image on the medium; its host reaches no server, and needs no name server or gateway.
ON_MEDIUM = "file:///run/install/repo/node.squashfs.img"

# The random part of every permission that a test gives.
RANDOM = "0123456789abcdef" * 2

HOST = {
    "node_release": "el9",
    "node_image_url": "http://pxe.example.com/node.squashfs.img",
    "node_tree_url": "http://pxe.example.com/tree/",
    "node_server_url": "http://pxe.example.com/nodes/",
    "node_root_password_hash": f'"{PASSWORD_HASH}"',
    "node_mac": '"52:54:00:aa:00:01"',
    "node_disk": '{wwn: "0x5000000000000001", size: {min: 128 GiB, max: 128 GiB}}',
}


def draw(count: int) -> str:
    """As many bytes, always the same."""
    return ("0123456789abcdef" * count)[: 2 * count]


def inventory_text(name: str = "node01.example.com", **changes: str) -> str:
    """An inventory of one host; `node_swap_size="0"` writes or replaces a line."""
    lines = [f"      {key}: {value}" for key, value in {**HOST, **changes}.items()]
    return "\n".join(["all:", "  hosts:", f"    {name}:", *lines, ""])


def read_text(text: str, directory: Path) -> tuple[tuple[Host, ...], list[Problem]]:
    path = directory / "hosts.yaml"
    path.write_text(text)
    site, problems = reader.read([path], is_own=is_claimed)
    hosts, more = read_hosts(site)
    return hosts, [*problems, *more]


def one_host(directory: Path, **changes: str) -> Host:
    """The host of such an inventory, which has to be without error."""
    (host,), problems = read_text(inventory_text(**changes), directory)
    assert not [problem for problem in problems if problem.severity == "error"], problems
    return host
