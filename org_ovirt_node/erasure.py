# SPDX-License-Identifier: GPL-2.0-or-later
"""The contents of the disks that the node layout erases, and whether they may be erased.

Pure: service/contents.py reads the disks; this module decides, by the rules of programs/disks.py.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Optional

from org_ovirt_node.layout import ERROR, Finding
from org_ovirt_node.programs import disks
from org_ovirt_node.programs.disks import Candidate, Facts, Wanted

# What a person at the screen decides: by selecting the disk, or by the consent that the node layout asks for.
_DECIDED_THERE = frozenset({"removable", "several-paths", "multipath-map", "no-wwid", "node-layers"})
# What disks.contents says of a disk without any, or with nothing but an empty partition table.
_EMPTY = frozenset({"nothing", *disks.PARTITION_TABLES})


@dataclass(frozen=True)
class Content:
    """What is on a selected disk, in a few words; `what` is empty for nothing."""

    disk: str
    model: str = ""
    size: int = 0
    what: str = ""


def find(facts: Facts, name: str, size: Optional[int]) -> Optional[Candidate]:
    """The disk that Storage calls so; None where the machine has none of this name and size."""
    for candidate in disks.candidates(facts):
        maps = (candidate.map.name, candidate.map.mapper_name) if candidate.map else ()
        if name in (*candidate.names, *maps) and candidate.paths[0].size == size:
            return candidate
    return None


def content(facts: Facts, candidate: Candidate, name: str) -> Content:
    """The content of a disk, under the name that Storage has for it."""
    first = candidate.paths[0]
    found = disks.contents(facts, candidate)
    is_empty = found in _EMPTY and not any(each.type == "part" for each in facts.stack(candidate.names))
    return Content(name, first.model, first.size, "" if is_empty else found)


def refusals(facts: Facts, chosen: Sequence[Candidate], group: str) -> Iterator[Finding]:
    """Why these disks must not be erased for a volume group of this name, whatever a person says."""
    if not chosen:
        return
    wanted = Wanted((), group, reinstall=True, multipath=any(candidate.map for candidate in chosen))
    found = [disks.refusal("cannot-look", problem=problem) for problem in facts.unread]
    for each in found or disks.obstacles(facts, chosen, wanted):
        if each.code not in _DECIDED_THERE:
            yield Finding("disk-refused", ERROR, "disk", (("why", each.found), ("needed", each.needed)))


def not_cleared(contents: Sequence[Content]) -> Iterator[Finding]:
    """The disks that are not empty, where a kickstart does not clear any."""
    for each in contents:
        if each.what:
            yield Finding("disk-not-cleared", ERROR, "disk", (("disk", each.disk), ("found", each.what)))


def unconfirmed(contents: Sequence[Content], erased: Collection[str]) -> Iterator[Finding]:
    """The disks that are not empty, but for those of which a person has consented to lose what is on them."""
    for each in contents:
        if each.what and each.disk not in erased:
            yield Finding("disk-not-empty", ERROR, "disk", (("disk", each.disk), ("found", each.what)))
