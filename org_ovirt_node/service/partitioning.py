# SPDX-License-Identifier: GPL-2.0-or-later
"""Has Storage make the node layout: of storage commands, as those of a kickstart.

Storage alone reads them, with the method that the Boss calls while a kickstart is read; a partitioning comes of it that
is configured, checked and applied as any other. Reading also resets what other storage commands have set, in each of
Storage's submodules (pyanaconda, modules/storage, process_kickstart): that is looked up before, and set again.
All of it waits for answers over D-Bus, so it belongs into tasks.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dasbus.client.proxy import get_object_path
from dasbus.error import DBusError
from pyanaconda.anaconda_loggers import get_module_logger
from pyanaconda.core.constants import (
    CLEAR_PARTITIONS_DEFAULT,
    CLEAR_PARTITIONS_NONE,
    PARTITIONING_METHOD_AUTOMATIC,
)
from pyanaconda.modules.common.constants.objects import BOOTLOADER, DISK_INITIALIZATION, DISK_SELECTION
from pyanaconda.modules.common.constants.services import STORAGE
from pyanaconda.modules.common.structures.kickstart import KickstartReport
from pyanaconda.modules.common.task import sync_run_task

from org_ovirt_node.gate import Tree
from org_ovirt_node.layout import Plan
from org_ovirt_node.service import releases
from org_ovirt_node.service.storage import validate
from org_ovirt_node.storage_kickstart import node_kickstart

log = get_module_logger(__name__)

# Network disks stay connected, and are no matter: blivet knows those of iSCSI and zFCP by itself.
_SELECTION = (DISK_SELECTION, ("SelectedDisks", "ExclusiveDisks", "IgnoredDisks"))
_INITIALIZATION = (
    DISK_INITIALIZATION,
    (
        *("InitializationMode", "DefaultDiskLabel", "FormatUnrecognizedEnabled"),
        *("FormatLDLEnabled", "DevicesToClear", "DrivesToClear"),
    ),
)
# No `bootloader` among the commands: its password, arguments and timeout stay. These two do not.
_BOOTLOADER = (BOOTLOADER, ("BootloaderMode", "PreferredLocation"))


def make(tree: Tree, plan: Plan, erases: bool) -> tuple[str, ...]:
    """Make a plan for the selected disks the applied partitioning; returns what Storage has against it.

    `erases`: the disks are cleared; else what the kickstart says about that holds. What was applied before stays so
    where Storage refuses.
    """
    names = [disk.name for disk in tree.disks]
    storage = STORAGE.get_proxy()
    before = list(storage.CreatedPartitioning)
    text = node_kickstart(plan, names, storage.GenerateKickstart(), erases)
    log.debug("Storage is given to read:\n%s", text)
    with _kept(_INITIALIZATION):
        problems, created = _read(storage, text, erases)
        problems = problems or _apply(storage, created, names)
    if created and problems:
        _offer_automatic(storage, before)
    return problems


def _read(storage: Any, text: str, erases: bool) -> tuple[tuple[str, ...], str]:
    """What is wrong with the text, and the partitioning that came of it."""
    before = set(storage.CreatedPartitioning)
    with _kept(_SELECTION, _BOOTLOADER, *(() if erases else (_INITIALIZATION,))):
        report = KickstartReport.from_structure(storage.ReadKickstart(text))
    initialization = STORAGE.get_proxy(DISK_INITIALIZATION)
    # As both user interfaces do, and it stays so: else a disk without a partition table cannot be used, neither now nor
    # with the kickstart that Anaconda writes of it.
    releases.set_property(initialization, "InitializeLabelsEnabled", True)
    if erases:
        # Later releases do not call a disk by its name here.
        releases.set_property(initialization, "DrivesToClear", STORAGE.get_proxy(DISK_SELECTION).SelectedDisks)
    created = [path for path in storage.CreatedPartitioning if path not in before]
    return tuple(message.message for message in report.error_messages), created[-1] if created else ""


def _apply(storage: Any, path: str, names: list[str]) -> tuple[str, ...]:
    partitioning = STORAGE.get_proxy(path)
    bootloader = STORAGE.get_proxy(BOOTLOADER)
    drive = bootloader.Drive
    if len(names) > 1 or drive not in ("", *names):
        # The partitions for booting are on the first of several disks, and so is the boot loader.
        releases.set_property(bootloader, "Drive", names[0])
    problems = _configure(partitioning)
    if problems:
        releases.set_property(bootloader, "Drive", drive)
    else:
        storage.ApplyPartitioning(get_object_path(partitioning))
    return problems


def _offer_automatic(storage: Any, before: list[str]) -> None:
    """Storage's spokes go on with the last partitioning of a list that nothing is removed from.

    A refused one is followed by what a person would start from: an automatic one, as was asked for before.
    """
    automatic = [STORAGE.get_proxy(path) for path in before]
    asked = [proxy.Request for proxy in automatic if proxy.PartitioningMethod == PARTITIONING_METHOD_AUTOMATIC]
    created = STORAGE.get_proxy(storage.CreatePartitioning(PARTITIONING_METHOD_AUTOMATIC))
    if asked:
        releases.set_property(created, "Request", asked[-1])


def _configure(partitioning: Any) -> tuple[str, ...]:
    try:
        sync_run_task(STORAGE.get_proxy(partitioning.ConfigureWithTask()))
        return tuple(validate(partitioning).error_messages)
    except DBusError as error:
        return (str(error),)


def warnings(path: str) -> tuple[str, ...]:
    """What Storage's own checker remarks about the applied partitioning; its errors keep it from being applied."""
    return tuple(validate(STORAGE.get_proxy(path)).warning_messages) if path else ()


@contextmanager
def _kept(*properties: tuple[Any, tuple[str, ...]]) -> Iterator[None]:
    """Set properties of Storage again as they are now, whatever happens in between."""
    before = [(STORAGE.get_proxy(where), name) for where, names in properties for name in names]
    values = [(proxy, name, getattr(proxy, name)) for proxy, name in before]
    try:
        yield
    finally:
        for proxy, name, value in values:
            if getattr(proxy, name) != value:
                releases.set_property(proxy, name, value)


def clears_disks() -> bool:
    """Whether the kickstart has said what is cleared, with `clearpart`."""
    mode = STORAGE.get_proxy(DISK_INITIALIZATION).InitializationMode
    return mode not in (CLEAR_PARTITIONS_DEFAULT, CLEAR_PARTITIONS_NONE)


def has_commands() -> bool:
    """Whether the kickstart that was read has storage commands, or others have chosen how to partition."""
    return bool(STORAGE.get_proxy().CreatedPartitioning)
