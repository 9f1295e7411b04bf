# SPDX-License-Identifier: GPL-2.0-or-later
"""The one who talks to Anaconda's Storage: reads what is planned, and sets the mount options.

All of it waits for answers over D-Bus, so it belongs into tasks.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from blivet.util import total_memory
from dasbus.typing import unwrap_variant
from pyanaconda.anaconda_loggers import get_module_logger
from pyanaconda.core import util
from pyanaconda.core.constants import PARTITIONING_METHOD_AUTOMATIC
from pyanaconda.modules.common.constants.objects import (
    BOOTLOADER,
    DEVICE_TREE,
    DISK_SELECTION,
)
from pyanaconda.modules.common.constants.services import STORAGE
from pyanaconda.modules.common.structures.partitioning import PartitioningRequest
from pyanaconda.modules.common.structures.storage import DeviceActionData, DeviceData, DeviceFormatData
from pyanaconda.modules.common.structures.validation import ValidationReport
from pyanaconda.modules.common.task import sync_run_task

from org_ovirt_node.gate import Group, Tree, groups_from, with_discard
from org_ovirt_node.layout import Device
from org_ovirt_node.service import releases
from org_ovirt_node.storage_kickstart import metadata_sizes

log = get_module_logger(__name__)

_VGS = ("--reportformat", "json", "-o", "vg_uuid,vg_name,vg_tags,pv_name")


# --- reading ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Found:
    """A device of Storage. Its handle and those of its relatives are to be given back as they came."""

    handle: str
    data: DeviceData
    filesystem: str
    mount_point: str
    options: str

    @property
    def name(self) -> str:
        return str(self.data.name)


class _Devices:
    """What is in Storage's tree, by handle."""

    def __init__(self, tree: Any) -> None:
        mounted = {handle: mount_point for mount_point, handle in tree.GetMountPoints().items()}
        self.by_handle = {handle: _find(tree, handle, mounted.get(handle, "")) for handle in tree.GetDevices()}

    def names(self, handles: list[str]) -> tuple[str, ...]:
        return tuple(self.by_handle[handle].name for handle in handles if handle in self.by_handle)

    def ancestors(self, handle: str) -> Iterator[str]:
        """The device itself, and everything below it."""
        if handle in self.by_handle:
            yield handle
            for parent in self.by_handle[handle].data.parents:
                yield from self.ancestors(parent)

    def disks(self, handle: str) -> set[str]:
        """The disks that a device is on; of multipath and firmware RAID, what they make of several."""
        below = [h for h in self.ancestors(handle) if self.by_handle[h].data.is_disk]
        members = {parent for h in below for parent in self.by_handle[h].data.parents}
        return set(below) - members


def _find(tree: Any, handle: str, mount_point: str) -> _Found:
    filesystem = DeviceFormatData.from_structure(tree.GetFormatData(handle)).type
    options = tree.GetDeviceMountOptions(handle) if mount_point else ""
    return _Found(handle, DeviceData.from_structure(tree.GetDeviceData(handle)), filesystem, mount_point, options)


def validate(partitioning: Any) -> ValidationReport:
    """What Storage's own checker says about a partitioning."""
    task = STORAGE.get_proxy(partitioning.ValidateWithTask())
    sync_run_task(task)
    return ValidationReport.from_structure(unwrap_variant(task.GetResult()))


def read_tree() -> Tree:
    """What Storage plans, on which disks, and the volume groups that are there now."""
    storage = STORAGE.get_proxy()
    partitioning = storage.AppliedPartitioning
    tree, refused = (STORAGE.get_proxy(DEVICE_TREE), ()) if partitioning else _refused(storage)
    devices = _Devices(tree)
    selected = _selected(devices)
    in_use = {
        handle
        for handle, device in devices.by_handle.items()
        if device.mount_point or (device.filesystem == "swap" and devices.disks(handle) & set(selected))
    }
    used = {disk for handle in in_use for disk in devices.disks(handle)}
    on_them = [handle for handle in devices.by_handle if handle in in_use or devices.disks(handle) & used]
    metadata = metadata_sizes(storage.GenerateKickstart()) if partitioning else {}
    actions = [DeviceActionData.from_structure(action) for action in tree.GetActions()]
    created = {a.device_name for a in actions if a.action_type == "create" and a.object_type == "device"}
    return Tree(
        partitioning=partitioning,
        method=STORAGE.get_proxy(partitioning).PartitioningMethod if partitioning else "",
        refused=refused,
        devices=tuple(_device(devices, handle, metadata) for handle in on_them),
        disks=tuple(_device(devices, handle, metadata) for handle in selected),
        used=tuple(sorted(devices.by_handle[handle].name for handle in used)),
        removed=tuple(sorted({action.device_name for action in actions if action.action_type == "destroy"})),
        created=tuple(sorted(created)),
        existing=tuple(_existing(devices, selected, created, actions)),
        groups=visible_groups(),
        is_efi=STORAGE.get_proxy(BOOTLOADER).IsEFI(),
        release=releases.word(),
        memory=int(total_memory()),
        is_encrypted=_is_encrypted(storage),
    )


def _refused(storage: Any) -> tuple[Any, tuple[str, ...]]:
    """Where nothing is applied: the devices to look at, and what Storage has against them.

    Each partitioning has devices of its own. With mount points it has been configured, and what is wrong with it has
    kept it from being applied: Storage's checker demands some things that no configuration takes away, as a /boot from
    which its boot loader can boot.
    """
    for path in storage.CreatedPartitioning[-1:]:
        partitioning = STORAGE.get_proxy(path)
        tree = STORAGE.get_proxy(partitioning.GetDeviceTree())
        problems = validate(partitioning).error_messages if tree.GetMountPoints() else ()
        if problems:
            return tree, tuple(problems)
    return STORAGE.get_proxy(DEVICE_TREE), ()


def _selected(devices: _Devices) -> list[str]:
    """The selected disks, that with the boot loader first; of multipath and firmware RAID, what is made of several."""
    chosen = [handle for handle in STORAGE.get_proxy(DISK_SELECTION).SelectedDisks if handle in devices.by_handle]
    members = {parent for handle in chosen for parent in devices.by_handle[handle].data.parents}
    boot = STORAGE.get_proxy(BOOTLOADER).Drive
    return sorted(
        (handle for handle in chosen if handle not in members),
        key=lambda handle: boot not in (handle, devices.by_handle[handle].name),
    )


def _existing(
    devices: _Devices, selected: list[str], created: set[str], actions: list[DeviceActionData]
) -> Iterator[tuple[str, str]]:
    """Each selected disk and what is on it now, whatever is planned: what is not made by the plan, and what goes."""
    destroyed = {action.device_name for action in actions if action.action_type == "destroy"}
    for handle in selected:
        disk = devices.by_handle[handle].name
        partition = re.compile(re.escape(disk) + r"p?\d+")
        names = {device.name for other, device in devices.by_handle.items() if handle in devices.disks(other)} - {disk}
        gone = {name for name in destroyed if partition.fullmatch(name)}
        yield from ((disk, name) for name in sorted((names - created) | gone))


def _is_encrypted(storage: Any) -> bool:
    """Whether a person has asked for encryption: Storage has it in what automatic partitioning is to make."""
    created = [STORAGE.get_proxy(path) for path in storage.CreatedPartitioning[-1:]]
    automatic = [proxy for proxy in created if proxy.PartitioningMethod == PARTITIONING_METHOD_AUTOMATIC]
    return any(PartitioningRequest.from_structure(proxy.Request).encrypted for proxy in automatic)


def _device(devices: _Devices, handle: str, metadata: dict[str, int]) -> Device:
    device = devices.by_handle[handle]
    parents = devices.names(device.data.parents)
    return Device(
        name=device.name,
        kind=device.data.type,
        size=device.data.size or None,
        mount_point=device.mount_point or None,
        filesystem=device.filesystem or None,
        options=device.options if device.mount_point else None,
        pool=parents[0] if device.data.type == "lvmthinlv" and parents else None,
        parents=parents,
        metadata_size=metadata.get(device.name) if device.data.type == "lvmthinpool" else None,
    )


def visible_groups() -> tuple[Group, ...]:
    """The volume groups that LVM sees: D-Bus has no tags. None where LVM does not answer."""
    try:
        return groups_from(util.execWithCapture("vgs", [*_VGS], filter_stderr=True))
    except (OSError, ValueError, KeyError) as error:
        log.warning("vgs did not list the volume groups: %r", error)
        return ()


def set_discard() -> dict[str, str]:
    """Mount every thin volume of the applied plan with discard; returns the options of those that had it not.

    Storage makes and mounts the very devices that this changes, so nothing may be applied again after it.
    """
    tree = STORAGE.get_proxy(DEVICE_TREE)
    changed = {}
    for mount_point, handle in tree.GetMountPoints().items():
        if DeviceData.from_structure(tree.GetDeviceData(handle)).type != "lvmthinlv":
            continue
        before = tree.GetDeviceMountOptions(handle)
        options = with_discard(before)
        if options != before:
            tree.SetDeviceMountOptions(handle, options)
            changed[mount_point] = options
    return changed
