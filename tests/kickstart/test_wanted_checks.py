# SPDX-License-Identifier: GPL-2.0-or-later
"""Which NICs a host is checked for before its disks."""

from __future__ import annotations

from pathlib import Path

import pytest
from inventories import ON_MEDIUM, one_host

from ksgen.kickstart.machine import wanted_checks
from org_ovirt_node.programs.checks import WantedLink

MAC, OTHER = "52:54:00:12:34:56", "52:54:00:12:34:57"
BOND = f'{{name: bond0, bond: {{members: [storage0, "{OTHER}"]}}, speed: 10 Gbit/s}}'


@pytest.mark.parametrize(
    ("network", "links"),
    [
        pytest.param("[]", [WantedLink(MAC)], id="the boot NIC"),
        pytest.param("[{name: eno1}]", [WantedLink("eno1")], id="by name"),
        # Until it is renamed it is known by its MAC address alone.
        pytest.param(
            f'[{{name: storage0, mac: "{OTHER}", speed: 1 Gbit/s}}]', [WantedLink(OTHER, "", 1000)], id="named"
        ),
        pytest.param(
            f'[{{name: storage0, mac: "{MAC}"}}, {BOND}, {{vlan: {{id: 7, parent: bond0}}, dns: ["10.0.0.53"]}}]',
            [WantedLink(MAC, "bond0", 10000), WantedLink(OTHER, "bond0", 10000)],
            id="members of a bond",
        ),
    ],
)
def test_links(network: str, links: list[WantedLink], tmp_path: Path) -> None:
    host = one_host(tmp_path, node_mac=f'"{MAC}"', node_network=network)
    assert list(wanted_checks(host.settings).links) == links


@pytest.mark.parametrize(
    ("image", "names"),
    [
        ("http://192.0.2.1/node.squashfs.img", ["image", "tree", "report"]),
        (ON_MEDIUM, ["image", "report"]),
    ],
)
def test_the_tree_is_not_looked_at_from_a_medium(image: str, names: list[str], tmp_path: Path) -> None:
    host = one_host(tmp_path, node_image_url=image, node_server_url="http://192.0.2.1/nodes/")
    assert [one.name for one in wanted_checks(host.settings).addresses] == names
