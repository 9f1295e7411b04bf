# SPDX-License-Identifier: GPL-2.0-or-later
"""The plan of a host without what must not be shown of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

from ksgen.host.host import Host
from ksgen.redaction import SECRET
from ksgen.variables import PREFIX
from org_ovirt_node import layout
from org_ovirt_node.layout import Device, Plan


def shown_plan(host: Host) -> Plan:
    """The plan of a host as it may be shown: without the names that come out of a vault."""
    variables = host.entry.variables

    def is_secret(name: str) -> bool:
        return (variable := variables.get(PREFIX + name)) is not None and variable.node.is_secret

    settings = host.settings
    hidden = {("lvmvg", settings.vg)} if is_secret("vg") else set()
    hidden |= {("lvmthinpool", settings.pool)} if is_secret("pool") else set()
    if is_secret("volumes"):
        own = settings.volumes.keys() - layout.policy_sizes(host.request).keys()
        hidden |= {("lvmthinlv", layout.volume_name(mount_point)) for mount_point in own}
    return dataclasses.replace(host.plan, devices=tuple(_shown(device, hidden) for device in host.plan.devices))


def _shown(device: Device, hidden: Collection[tuple[str, str]]) -> Device:
    """A device without the names that are hidden: its own, and those of the group and the pool that it is in."""
    is_hidden = (device.kind, device.name) in hidden
    # What a device of the group is in is the group or its pool; a disk, a partition and a mirror are in neither.
    above = {"lvmthinpool": "lvmvg", "lvmlv": "lvmvg", "lvmthinlv": "lvmthinpool"}.get(device.kind)
    return dataclasses.replace(
        device,
        name=SECRET if is_hidden else device.name,
        mount_point=SECRET if is_hidden and device.mount_point else device.mount_point,
        pool=SECRET if ("lvmthinpool", device.pool) in hidden else device.pool,
        parents=tuple(SECRET if (above, parent) in hidden else parent for parent in device.parents),
    )
