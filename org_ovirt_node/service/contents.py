# SPDX-License-Identifier: GPL-2.0-or-later
"""Looks at what is on the selected disks now, with the program that does so in %pre of ksgen's kickstarts.

Storage's own tree shows what is planned, and knows no tags of LVM, no Ceph and no ZFS.
"""

from dataclasses import dataclass

from org_ovirt_node import erasure
from org_ovirt_node.erasure import Content
from org_ovirt_node.gate import Tree
from org_ovirt_node.layout import Device, Finding
from org_ovirt_node.programs import disks
from org_ovirt_node.programs.disks import Target


@dataclass(frozen=True)
class Erasure:
    """What is on each selected disk, and why some of it must not be erased."""

    contents: tuple[Content, ...]
    refusals: tuple[Finding, ...]


def look(tree: Tree, group: str, is_thorough: bool = False) -> Erasure:
    """`group` is the volume group to be made; `is_thorough`: file systems are searched, too, if they can be mounted."""
    target = Target()
    facts = disks.gather(target)
    found = {disk.name: erasure.find(facts, disk.name, disk.size) for disk in tree.disks}
    chosen = [candidate for candidate in found.values() if candidate]
    if is_thorough:
        facts = disks.look_inside(target, facts, chosen)
    candidates = ((disk, found[disk.name]) for disk in tree.disks)
    contents = (erasure.content(facts, c, disk.name) if c else _as_planned(disk, tree) for disk, c in candidates)
    return Erasure(tuple(contents), tuple(erasure.refusals(facts, chosen, group)))


def _as_planned(disk: Device, tree: Tree) -> Content:
    """What Storage's tree shows of a disk that the program does not know by this name."""
    return Content(
        disk.name, size=disk.size or 0, what=", ".join(name for on, name in tree.existing if on == disk.name)
    )
