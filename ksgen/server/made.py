# SPDX-License-Identifier: GPL-2.0-or-later
"""The layout that an installation has made, from what `lsblk` says in the installed system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from org_ovirt_node.layout import Device
from org_ovirt_node.presentation import View

_KINDS = {"disk": "disk", "part": "partition", "raid1": "mdarray", "raid0": "mdarray"}
_FORMATS = {"LVM2_member": "lvmpv", "linux_raid_member": "mdmember"}
# The devices of device-mapper that a thin pool is made of (lvmthin(7)).
_PARTS = ("_tmeta", "_tdata")


def made(facts: Mapping[str, Any]) -> View:
    """The layout in the facts of the first boot; an empty one where they have none that can be read."""
    try:
        found = {str(one["kname"]): one for one in facts.get("layout", ())}
        return View(tuple(_devices(found)), reserve=None)
    except (KeyError, TypeError, ValueError, StopIteration):
        return View()


def _devices(found: Mapping[str, Mapping[str, Any]]) -> Sequence[Device]:
    devices: list[Device] = []
    for one in found.values():
        kind = _KINDS.get(str(one["type"]))
        if kind is not None:
            devices.append(Device(
                str(one["name"]), kind, int(one["size"]), one.get("mountpoint"), _format(one),
                parents=tuple(str(found[parent]["name"]) for parent in one["parents"] if parent in found),
            ))  # fmt: skip
    volumes = {name: one for name, one in found.items() if one["type"] == "lvm"}
    if not volumes:
        return devices
    physical = [device for device in devices if device.filesystem == "lvmpv"]
    groups = {_names(str(one["name"]))[0] for one in volumes.values()}
    group = groups.pop() if len(groups) == 1 else ""
    devices.append(Device(group, "lvmvg", sum(device.size or 0 for device in physical), parents=tuple(
        device.name for device in physical
    )))  # fmt: skip
    devices += _volumes(volumes, group)
    return devices


def _volumes(volumes: Mapping[str, Mapping[str, Any]], group: str) -> Sequence[Device]:
    """A pool is `GROUP-POOL-tpool`, and what is in it has that as its parent."""
    pools = {name: _names(str(one["name"]))[1] for name, one in volumes.items() if str(one["name"]).endswith("-tpool")}
    devices = [
        Device(f"{group}-{pool.removesuffix('-tpool')}", "lvmthinpool", int(volumes[name]["size"]), parents=(group,))
        for name, pool in pools.items()
    ]
    for one in volumes.values():
        name, parents = _names(str(one["name"]))[1], one["parents"]
        if name.endswith(("-tpool", *_PARTS)) or any(name == pool.removesuffix("-tpool") for pool in pools.values()):
            continue
        pool = next((devices[place].name for place, known in enumerate(pools) if known in parents), None)
        devices.append(Device(
            name, "lvmthinlv" if pool else "lvmlv", int(one["size"]), one.get("mountpoint"), _format(one), pool=pool,
            parents=(pool or group,),
        ))  # fmt: skip
    return devices


def _names(mapped: str) -> tuple[str, str]:
    """Volume group and volume of a name of device-mapper, in which hyphens of both are doubled (lvm(8))."""
    group, _, volume = mapped.replace("--", "\0").partition("-")
    return group.replace("\0", "-"), volume.replace("\0", "-")


def _format(one: Mapping[str, Any]) -> str | None:
    name = one.get("fstype")
    return None if name is None else _FORMATS.get(str(name), str(name))
