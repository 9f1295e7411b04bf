# SPDX-License-Identifier: GPL-2.0-or-later
"""The step that keeps the names of NICs in the installed system."""

from __future__ import annotations

from collections.abc import Iterator

from ksgen.kickstart.files import writing
from ksgen.kickstart.steps import Step
from ksgen.variables import Settings, pins


def naming_steps(settings: Settings) -> Iterator[Step]:
    """A file of systemd.link(5) for each NIC that is given a name.

    Anaconda writes a file of this name for `ifname=` (pyanaconda, modules/network/installation.py, the same in EL9 and
    EL10), which this one replaces: with `Type=`, since a VLAN has the MAC address of its NIC, and in installations
    without that argument too. An update takes it along with /etc. The initramfs does without it: udev in the root
    renames a NIC again, as it has to with the initramfs of each later image (systemd.net-naming-scheme(7), v240).
    """
    named = pins(settings.network)
    if named:
        commands = tuple(line for name, mac in named for line in writing(link_path(name), _link(name, mac)))
        yield Step("node_network", "names of interfaces", commands)


def link_path(name: str) -> str:
    return f"/etc/systemd/network/10-anaconda-ifname-{name}.link"


def _link(name: str, mac: str) -> str:
    return f"# node_network\n[Match]\nMACAddress={mac}\nType=ether\n\n[Link]\nName={name}\n"
