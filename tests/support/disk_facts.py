# SPDX-License-Identifier: GPL-2.0-or-later
"""Disks and what lies on them, as values: for the cases that no recorded machine has."""

from __future__ import annotations

import json
from typing import Any

from org_ovirt_node.programs import disks

GIB = 2**30


def device(name: str, kind: str = "disk", *parents: str, **values: Any) -> disks.Device:
    """A device with nothing remarkable about it; a disk whose name ends in a letter is /dev/sda and the like."""
    number = ord(name[-1]) - ord("a") + 1
    is_disk = kind == "disk"
    usual: dict[str, Any] = {
        "path": f"/dev/{name}",
        "size": 64 * GIB,
        "mounts": (),
        "is_read_only": False,
        "is_removable": False,
        "transport": "sas" if is_disk else "",
        "model": "ST480FP0021" if is_disk else "",
        "wwn": f"0x5000c500a1b2c30{number}" if is_disk else "",
        "serials": (f"S3EVNX0K00{number}", f"35000c500a1b2c30{number}") if is_disk else (),
        "wwid": f"35000c500a1b2c30{number}" if is_disk else "",
        "links": (f"/dev/disk/by-path/pci-0000:00:03.0-scsi-0:0:{number}:0",) if is_disk else (),
        "sysfs": f"/devices/pci0000:00/0000:00:03.0/host0/target0:0:{number}/0:0:{number}:0/block/{name}",
        "mapper_name": "",
        "mapper_uuid": "",
        "partition_type": "",
        "signatures": (),
        "filesystem_uuid": "",
    }
    return disks.Device(name=name, type=kind, parents=parents, **{**usual, **values})


def group(name: str, *members: str, **values: Any) -> disks.Group:
    usual: dict[str, Any] = {"uuid": f"uuid-of-{name}", "tags": (), "members": members, "missing": 0, "volumes": ()}
    return disks.Group(name=name, **{**usual, **values})


def array(level: str, *members: str, missing: int = 0) -> disks.Array:
    return disks.Array("data", "39ae479c:550e8bb4:884173cc:db75608e", level, members, missing)


def facts(*devices: disks.Device, **values: Any) -> disks.Facts:
    return disks.Facts(**{"groups": (), "arrays": (), **values, "devices": devices})


def wanted(*names: str, **more: Any) -> disks.Wanted:
    """The disks sda, sdb and so on, each by its WWN."""
    return disks.Wanted(
        tuple(disks.WantedDisk(wwn=device(name).wwn) for name in names), **{"group": "hypervisor", **more}
    )


def told(refusals: Any) -> list[str]:
    """Code and what was found, of each refusal."""
    return [f"{each.code}: {each.found}" for each in refusals]


def refused(found: disks.Facts, *names: str, **more: Any) -> list[str]:
    return told(disks.decide(found, wanted(*(names or ("sda",)), **more)).refusals)


def node(name: str, kind: str = "disk", **values: Any) -> dict[str, Any]:
    """A device as lsblk prints it."""
    usual: dict[str, Any] = {
        "name": name,
        "kname": name,
        "path": f"/dev/{name}",
        "type": kind,
        "size": 64 * GIB,
        "ro": False,
        "rm": False,
        "tran": None,
        "model": None,
        "serial": None,
        "wwn": None,
        "parttype": None,
        "mountpoints": [None],
    }
    return {**usual, **values}


class Answering(disks.Target):
    """A machine made of the answers of its programs; what else is run succeeds silently."""

    def __init__(self, *nodes: dict[str, Any], **answers: Any) -> None:
        """`udev`: properties by kernel name; `wipefs` and `mdadm`: answers by path; `pvs` and `lvs`: rows."""
        self.nodes, self.answers = nodes, answers
        self.asked: list[tuple[str, ...]] = []

    def run(self, *argv: str) -> disks.Output:
        self.asked.append(argv)
        program, path = argv[0], argv[-1]
        if program == "lsblk":
            return disks.Output(0, json.dumps({"blockdevices": self.nodes}))
        if argv[:2] == ("udevadm", "info"):
            named: dict[str, dict[str, str]] = {name: {} for name in (each["kname"] for each in disks_of(self.nodes))}
            blocks = {**named, **self.answers.get("udev", {})}
            return disks.Output(0, "\n\n".join(udev_block(name, found) for name, found in blocks.items()))
        if program in ("pvs", "lvs"):
            rows = self.answers.get(program, [])
            return disks.Output(0, json.dumps({"report": [{program[:-1]: rows}]}))
        answer = self.answers.get(program, {}).get(path, "")
        return answer if isinstance(answer, disks.Output) else disks.Output(0, answer)


def disks_of(nodes: Any) -> Any:
    for each in nodes:
        yield each
        yield from disks_of(each.get("children", ()))


def udev_block(name: str, properties: dict[str, str]) -> str:
    found = {"DEVPATH": f"/devices/pci0000:00/block/{name}", "SUBSYSTEM": "block", **properties}
    return "\n".join([f"P: {found['DEVPATH']}", f"N: {name}", *(f"E: {key}={value}" for key, value in found.items())])


def signatures(*kinds: str, uuid: str = "") -> str:
    """wipefs's answer."""
    rows = [{"device": "sda", "offset": "0x0", "type": kind, "uuid": uuid or None, "label": None} for kind in kinds]
    return json.dumps({"signatures": rows})
