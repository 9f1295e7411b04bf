# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs beside Anaconda's D-Bus services: has them plan storage, reads the plan as the add-on does, and runs its gate.

    gate_client.py CASES

CASES is a file of JSON, a list of {name, commands, way, select, section, groups, on_sda, erased, protected}; a way is
"kickstart" for its storage commands, "due" where there are none and the add-on makes the layout, "use" for a person who
selects disks and has the node layout used. `on_sda` are signatures on that disk, `erased` what may be erased,
`protected` disks that Anaconda must not touch. One line of JSON for each case.
"""

import dataclasses
import inspect
import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from dasbus.error import DBusError
from pyanaconda.flags import flags
from pyanaconda.modules.common.constants.objects import BOOTLOADER, DISK_INITIALIZATION, DISK_SELECTION
from pyanaconda.modules.common.constants.services import BOSS, STORAGE
from pyanaconda.modules.common.structures.kickstart import KickstartReport
from pyanaconda.ui.lib import storage as ui

sys.path += [str(Path(__file__).resolve().parents[2]), str(Path(__file__).parent)]

import disk_facts

from org_ovirt_node import section as text
from org_ovirt_node.gate import Group
from org_ovirt_node.programs import disks
from org_ovirt_node.service import installation, releases, storage

CLEAR_PARTITIONS_NONE = 0


def read(kickstart: str) -> list[str]:
    with tempfile.NamedTemporaryFile("w", suffix=".ks") as file:
        file.write(kickstart)
        file.flush()
        try:
            report = KickstartReport.from_structure(BOSS.get_proxy().ReadKickstartFile(file.name))
        except DBusError as error:
            return [str(error)]
    return [message.message for message in report.error_messages]


def scan() -> None:
    """What the user interface does first in an automated installation."""
    ui.reset_storage(scan_all=True)
    if hasattr(ui, "select_default_disks"):
        ui.select_default_disks()


def apply_kickstart() -> list[str]:
    """What the user interface does with the storage commands of an automated installation."""
    arguments: list[Any] = [ui.find_partitioning(), lambda message: None]
    if "reset_storage_cb" in inspect.signature(ui.apply_partitioning).parameters:
        arguments.append(lambda *_, **__: ui.reset_storage(scan_all=True))
    return list(ui.apply_partitioning(*arguments).error_messages)


def select(disks: list[str]) -> None:
    """What a person does in the user interface: choose disks."""
    ui.reset_storage(scan_all=True)
    ui.apply_disk_selection(disks)
    initialization = STORAGE.get_proxy(DISK_INITIALIZATION)
    releases.set_property(initialization, "InitializationMode", CLEAR_PARTITIONS_NONE)


SETTINGS = {
    DISK_SELECTION: ("SelectedDisks", "ExclusiveDisks", "IgnoredDisks"),
    DISK_INITIALIZATION: (
        "InitializationMode", "DefaultDiskLabel", "FormatUnrecognizedEnabled", "FormatLDLEnabled",
        "DevicesToClear", "DrivesToClear",
    ),
    BOOTLOADER: ("BootloaderMode", "PreferredLocation", "ExtraArguments", "Timeout", "IsPasswordSet"),
}  # fmt: skip


def settings() -> dict[str, Any]:
    """What storage commands have set, as far as Storage tells it in properties and in what it writes.

    Not the boot drive, which every partitioning sets; and disks without a partition table may get one from then on.
    """
    told = {name: getattr(STORAGE.get_proxy(where), name) for where, names in SETTINGS.items() for name in names}
    lines = STORAGE.get_proxy().GenerateKickstart().splitlines()
    words = ("bootloader", "snapshot", "zerombr", "ignoredisk")
    kept = [line for line in lines if line.split(" ")[0] in words]
    return {**told, "commands": [re.sub(r" --boot-drive=\w+", "", line) for line in kept]}


def forget() -> None:
    """Each case starts as the first one did."""
    STORAGE.get_proxy().ResetPartitioning()
    releases.set_property(STORAGE.get_proxy(BOOTLOADER), "Drive", "")
    selection = STORAGE.get_proxy(DISK_SELECTION)
    for name in ("SelectedDisks", "ExclusiveDisks", "IgnoredDisks"):
        releases.set_property(selection, name, [])


def run(task: Any) -> dict[str, Any]:
    progress: list[str] = []
    task.progress_changed_signal.connect(lambda step, message: progress.append(message))
    error = None
    try:
        task.run()
    except Exception as raised:
        error = {"class": type(raised).__name__, "text": str(raised)}
    return {"progress": progress, "error": error}


def answer(case: dict[str, Any]) -> dict[str, Any]:
    words, *lines = case["section"].splitlines() or [""]
    parsed = text.parse(words.split(), lines)
    assert not parsed.problems, parsed.problems
    groups = tuple(Group(*map(_tuple, group)) for group in case["groups"])
    storage.visible_groups = lambda: groups
    flags.automatedInstall = case["way"] != "use"
    forget()
    before: dict[str, Any] = {}
    releases.set_property(STORAGE.get_proxy(DISK_SELECTION), "ProtectedDevices", case["protected"])
    found = on_sda(case["on_sda"])
    disks.gather, disks.look_inside = (lambda target: found), (lambda target, facts, chosen: facts)
    if case["way"] == "use":
        select(case["select"])
        before = settings()
        complaints = make(installation.UseNodeLayoutTask(parsed.section, case["erased"]))
    else:
        complaints = read(case["commands"])
        if not complaints:
            scan()
            is_due = case["way"] == "due"
            before = settings() if is_due else {}
            complaints = make(installation.FollowKickstartTask(parsed.section)) if is_due else apply_kickstart()
    tree = storage.read_tree()
    after = settings()
    last = STORAGE.get_proxy(STORAGE.get_proxy().CreatedPartitioning[-1]).PartitioningMethod
    out = {
        "last": last,
        "kickstart": STORAGE.get_proxy().GenerateKickstart(),
        "changed": {name: after[name] for name in before if after[name] != before[name]} if before else {},
        "complaints": complaints,
        "tree": dataclasses.asdict(tree),
        "gate": run(installation.CheckLayoutTask(parsed.section)),
    }
    if tree.partitioning:
        run(installation.SetMountOptionsTask())
        out["options"] = {d.mount_point: d.options for d in storage.read_tree().devices if d.mount_point}
    return out


def on_sda(signatures: list[str]) -> disks.Facts:
    """What disks.py finds: the bench's disks are not of this machine, which must not be looked at either."""
    size = 128 * 2**30
    return disk_facts.facts(
        disk_facts.device("sda", size=size, signatures=signatures), disk_facts.device("sdb", size=size)
    )


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def make(task: Any) -> list[str]:
    try:
        task.run()
    except DBusError as error:
        return [str(error)]
    return []


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        cases = json.load(file)
    for case in cases:
        print(json.dumps({"name": case["name"], **answer(case)}), flush=True)


if __name__ == "__main__":
    main()
