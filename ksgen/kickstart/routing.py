# SPDX-License-Identifier: GPL-2.0-or-later
"""The step of static routes, which the command `network` of neither release has."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from ksgen.kickstart.steps import Step, checked, indented
from ksgen.variables import Interface, Settings

# Where Anaconda writes the connections, before any %post (pyanaconda, modules/network/installation.py).
_CONNECTIONS = "/etc/NetworkManager/system-connections"


def route_steps(settings: Settings) -> Iterator[Step]:
    """Lines in the connections that Anaconda has written (nm-settings-keyfile(5))."""
    routed = [interface for interface in settings.network if interface.routes]
    if routed:
        commands = tuple(line for interface in routed for line in _of_interface(interface))
        yield Step("node_network", "static routes", commands)


def _of_interface(interface: Interface) -> Iterator[str]:
    """The connection of a member has its interface too, and is left alone."""
    yield from _name(interface.device)
    edits = [f"-e {shlex.quote(edit)}" for edit in _edits(interface)]
    yield "found="
    yield f"for file in {_CONNECTIONS}/*.nmconnection; do"
    yield from indented(
        'if grep -qxF "interface-name=$nic" "$file" && ! grep -qE "^(master|controller)=" "$file"; then'
    )
    yield from indented(*indented(f'sed -i {" ".join(edits)} "$file"', 'chmod 0600 "$file"'))
    # A connection without the section of a family has got no line.
    yield from indented(*indented(f'[ "$(grep -c "^route[0-9]" "$file")" != {len(edits)} ] || found=$file'))
    yield from indented("fi")
    yield "done"
    yield from checked(
        '[ -n "$found" ]',
        f"no connection of {interface.device} in {_CONNECTIONS}",
        "is that interface in node_network as it is on the machine?",
    )


def _name(device: str) -> Iterator[str]:
    """The name of an interface in $nic; a NIC that is given by its MAC address has its own on each machine."""
    mac, _, vlan = device.partition(".") if ":" in device else ("", "", "")
    if not mac:
        yield f"nic={shlex.quote(device)}"
        return
    yield "nic="
    yield "for address in /sys/class/net/*/address; do"
    # VLANs and bonds have the address of a NIC too, and are no devices.
    yield from indented(f'if [ -e "${{address%/address}}/device" ] && grep -qix {mac} "$address"; then')
    yield from indented(*indented(f'nic=$(basename "${{address%/address}}"){f".{vlan}" if vlan else ""}'))
    yield from indented("fi")
    yield "done"


def _edits(interface: Interface) -> Iterator[str]:
    """Commands of sed(1). Routes are numbered in each family."""
    for version in (4, 6):
        for number, route in enumerate((r for r in interface.routes if r.version == version), 1):
            metric = "" if route.metric is None else f",{route.metric}"
            yield rf"/^\[ipv{version}\]$/a route{number}={route.to},{route.via}{metric}"
