# SPDX-License-Identifier: GPL-2.0-or-later
"""Run with Anaconda's own code: brings storage to where it is when somebody enters a spoke.

A kickstart's partitioning is applied; without one, the disks are selected, or none of them, and nothing is applied.
"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

from pyanaconda.flags import flags
from pyanaconda.modules.common.constants.objects import DISK_INITIALIZATION, DISK_SELECTION
from pyanaconda.modules.common.constants.services import BOSS, STORAGE
from pyanaconda.modules.common.structures.kickstart import KickstartReport
from pyanaconda.ui.lib import storage as ui_storage

CLEAR_PARTITIONS_ALL = 1


def prepare(kickstart: Path, *, has_disks: bool = True) -> None:
    report = KickstartReport.from_structure(BOSS.get_proxy().ReadKickstartFile(str(kickstart)))
    if report.error_messages:
        sys.exit("\n".join(message.message for message in report.error_messages))
    flags.automatedInstall = True  # so that all disks of a kickstart are selected
    ui_storage.reset_storage(scan_all=True)
    created = STORAGE.get_proxy().CreatedPartitioning
    if created:
        if hasattr(ui_storage, "select_default_disks"):  # EL9 and EL10; later ones do it while scanning
            ui_storage.select_default_disks()
        apply(created[-1])
    elif not has_disks:
        ui_storage.apply_disk_selection([])
    else:
        ui_storage.apply_disk_selection(STORAGE.get_proxy(DISK_SELECTION).GetUsableDisks())
        initialization = STORAGE.get_proxy(DISK_INITIALIZATION)
        set_property(initialization, "InitializationMode", CLEAR_PARTITIONS_ALL)
        set_property(initialization, "InitializeLabelsEnabled", True)
    flags.automatedInstall = False


def apply(path: str) -> None:
    arguments = [STORAGE.get_proxy(path), lambda message: None]
    if "reset_storage_cb" in inspect.signature(ui_storage.apply_partitioning).parameters:
        arguments.append(lambda *args, **kwargs: None)
    report = ui_storage.apply_partitioning(*arguments)
    print("storage:", "; ".join(report.get_messages()) or "no complaints", file=sys.stderr)


def apply_automatic() -> None:
    """A person goes on to Storage's own spoke, and has it partition automatically."""
    apply(STORAGE.get_proxy().CreatePartitioning("AUTOMATIC"))


def set_property(proxy: object, name: str, value: object) -> None:
    """EL9 has a method SetNAME; later ones have a writable property."""
    if hasattr(proxy, f"Set{name}"):
        getattr(proxy, f"Set{name}")(value)
    else:
        setattr(proxy, name, value)
