# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether what Anaconda is about to make is a node: the rules of every layout, and those that need a machine.

Pure: service/storage.py reads the tree, here it is judged.
"""

import json
import shlex
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Optional

from org_ovirt_node import automatic, layout, policy, rules
from org_ovirt_node.findings import ERROR, WARNING, Finding, describe, has_errors
from org_ovirt_node.geometry import align_up
from org_ovirt_node.policy import Device, Request
from org_ovirt_node.programs.imgbase import TAG_GROUP
from org_ovirt_node.section import Section

AUTOMATIC = "AUTOMATIC"


@dataclass(frozen=True)
class Group:
    """A volume group that LVM sees now, with the paths of its physical volumes."""

    name: str
    tags: tuple[str, ...] = ()
    physical_volumes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tree:
    """What Storage plans, and on what.

    `partitioning` is the object path of the applied partitioning, empty for none; `method` is how it was made.
    `devices` are those on the disks that the node uses. `disks` are the ones selected; `used` names the ones on which
    something is mounted or swap lies. `removed` and `created` name what the plan destroys and makes.
    """

    partitioning: str = ""
    method: str = ""
    devices: tuple[Device, ...] = ()
    disks: tuple[Device, ...] = ()
    used: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    created: tuple[str, ...] = ()
    groups: tuple[Group, ...] = ()
    is_efi: bool = False
    release: str = "el9"
    memory: Optional[int] = None


def request(tree: Tree, section: Section) -> Request:
    """What the section asks for, in this machine."""
    return replace(
        section.request(),
        automatic=tree.method == AUTOMATIC,
        firmware="uefi" if tree.is_efi else "bios",
        release=tree.release,
        memory=tree.memory,
    )


def proposal(tree: Tree, section: Section) -> Optional[layout.Plan]:
    """The node layout on the selected disks, all of each, as automatic partitioning makes it; None without disks."""
    if not tree.disks:
        return None
    wished = replace(request(tree, section), automatic=True, swap_size=None)
    plan = layout.plan(replace(wished, disks=tuple(disk.size for disk in tree.disks)))
    names = {made.name: disk.name for made, disk in zip(plan.of_kind("disk"), tree.disks)}
    return replace(plan, devices=tuple(_renamed(device, names) for device in plan.devices))


def _renamed(device: Device, names: dict[str, str]) -> Device:
    parents = tuple(names.get(name, name) for name in device.parents)
    return replace(device, name=names.get(device.name, device.name), parents=parents)


def findings(tree: Tree, section: Section) -> tuple[Finding, ...]:
    """Everything that is wrong with the applied partitioning."""
    if not tree.partitioning:
        return (_finding("partitioning-missing", ERROR, "layout"),)
    made = devices(tree)
    return (
        *layout.check(made, request(tree, section)),
        *_check_reserve(made),
        *_check_disks(tree, section),
        *_check_tags(tree),
    )


def with_discard(options: str) -> str:
    """The mount options of a thin volume: what the user gave, and discard unless they said otherwise."""
    words = [word for word in options.split(",") if word]
    if {"discard", "nodiscard"} & set(words):
        return options
    return ",".join((*words, "discard")) if words else policy.OPTIONS


def devices(tree: Tree) -> tuple[Device, ...]:
    """The devices with what Storage does not tell, or not yet: mount options, metadata, what a group keeps free."""
    return tuple(_completed(device, tree) for device in tree.devices)


def _completed(device: Device, tree: Tree) -> Device:
    if device.kind == "lvmthinlv" and device.mount_point:
        return replace(device, options=with_discard(device.options or ""))
    if device.kind == "lvmthinpool":
        return replace(device, metadata_size=_metadata(device, tree))
    if device.kind == "lvmvg":
        return replace(device, reserve=_free(device, tree))
    return device


def _metadata(pool: Device, tree: Tree) -> Optional[int]:
    """Automatic partitioning leaves the metadata to blivet, whose arithmetic is known."""
    group = _group_of(pool, tree.devices)
    if pool.metadata_size is not None or tree.method != AUTOMATIC or group is None or group.size is None:
        return pool.metadata_size
    beside = sum(align_up(volume.size or 0) for volume in _volumes_of(group, tree.devices) if volume is not pool)
    return automatic.kept(group.size, beside).metadata


def _free(group: Device, tree: Tree) -> Optional[int]:
    volumes = _volumes_of(group, tree.devices)
    metadata = [_metadata(volume, tree) for volume in volumes if volume.kind == "lvmthinpool"]
    if group.size is None or any(size is None for size in (*metadata, *(volume.size for volume in volumes))):
        return None
    known = [size for size in metadata if size is not None]
    # LVM keeps one spare, as large as the largest metadata.
    taken = sum(align_up(volume.size or 0) for volume in volumes) + sum(known) + max(known, default=0)
    return group.size - taken


def _volumes_of(group: Device, found: Iterable[Device]) -> list[Device]:
    return [device for device in found if group.name in device.parents]


def _group_of(pool: Device, found: Iterable[Device]) -> Optional[Device]:
    return next((device for device in found if device.kind == "lvmvg" and device.name in pool.parents), None)


def _finding(code: str, severity: str, subject: str, **values: object) -> Finding:
    return Finding(code, severity, subject, tuple(values.items()))


def _check_reserve(made: tuple[Device, ...]) -> Iterator[Finding]:
    """What a volume group keeps free where the metadata of its pool is not known.

    Metadata, its spare and the reserve are then one number. imgbase makes the metadata as large as it has to be, and
    LVM the spare with it; so what is said is true however the three share it.
    """
    pool = _node_pool(made)
    group = _group_of(pool, made) if pool else None
    if pool is None or pool.metadata_size is not None or group is None or group.size is None:
        return
    sizes = [volume.size for volume in _volumes_of(group, made)]
    if None in sizes:
        return
    kept = group.size - sum(size or 0 for size in sizes)
    free = kept - 2 * policy.METADATA_SIZE
    if free < policy.RESERVE_MIN:
        needed = policy.RESERVE_MIN
        yield _finding("reserve-too-small", ERROR, "volume_group", found_size=max(0, free), needed_size=needed)
    elif rules.is_reserve_small(kept, group.size):
        wanted = rules.wished_reserve(group.size)
        yield _finding("reserve-small", WARNING, "volume_group", found_size=free, wanted_size=wanted)


def _node_pool(made: Iterable[Device]) -> Optional[Device]:
    made = tuple(made)
    root = next((device for device in made if device.mount_point == "/"), None)
    return next((d for d in made if d.kind == "lvmthinpool" and root and d.name == root.pool), None)


def _check_disks(tree: Tree, section: Section) -> Iterator[Finding]:
    if section.disks is not None and len(tree.used) > section.disks:
        yield _finding(
            "disks-more", ERROR, "disk", found=len(tree.used), disks=", ".join(tree.used), wanted=section.disks
        )


def _check_tags(tree: Tree) -> Iterator[Finding]:
    """Volume groups of nodes that are there and stay; imgbase.py, `_trace_findings`, judges the same afterwards."""
    staying = [group for group in tree.groups if TAG_GROUP in group.tags and not _is_removed(group, tree)]
    pool = _node_pool(tree.devices)
    home = _group_of(pool, tree.devices) if pool else None
    own = home.name if home and home.name not in tree.created else None
    for group in staying:
        if group.name == own:
            yield _finding("tag-own", ERROR, "volume_group", group=group.name, tag=TAG_GROUP)
    others = [group for group in staying if group.name != own]
    groups = " ".join(group.name for group in others)
    on = ", ".join(path for group in others for path in group.physical_volumes)
    if len(others) == 1:
        yield _finding("tag-other", WARNING, "volume_group", groups=groups, volumes=on, tag=TAG_GROUP)
    elif others:
        yield _finding("tags-other", ERROR, "volume_group", groups=groups, volumes=on, tag=TAG_GROUP)


def _is_removed(group: Group, tree: Tree) -> bool:
    names = {path.rpartition("/")[2] for path in group.physical_volumes}
    if names and names <= set(tree.removed):
        return True
    # A path need not end in Anaconda's name for the device. A name alone says nothing where two groups share it.
    return group.name in tree.removed and sum(other.name == group.name for other in tree.groups) == 1


def groups_from(report: str) -> tuple[Group, ...]:
    """The answer of `vgs --reportformat json -o vg_uuid,vg_name,vg_tags,pv_name`: a row for each physical volume."""
    groups: dict[str, Group] = {}
    for part in json.loads(report)["report"]:
        for row in part["vg"]:
            tags = tuple(tag for tag in row["vg_tags"].split(",") if tag)
            before = groups.get(row["vg_uuid"], Group(row["vg_name"], tags))
            volumes = (*before.physical_volumes, row["pv_name"])
            groups[row["vg_uuid"]] = replace(before, physical_volumes=volumes)
    return tuple(groups.values())


def metadata_sizes(kickstart: str) -> dict[str, int]:
    """The metadata of each thin pool, by the pool's name on the system, as a kickstart of Storage tells it."""
    sizes = {}
    for words in (shlex.split(line) for line in kickstart.splitlines() if line.startswith("logvol ")):
        given = dict(word.split("=", 1) for word in words if "=" in word)
        if "--metadatasize" in given:
            sizes[f"{given.get('--vgname')}-{given.get('--name')}"] = int(given["--metadatasize"]) * layout.MIB
    return sizes


def _same(text: str) -> str:
    return text


def text(found: Iterable[Finding], translate: Callable[[str], str] = _same) -> str:
    """All findings as lines, errors first: for a dialog, a console of 80 columns, and the log."""
    return "\n".join(
        line(finding, translate) for finding in sorted(found, key=lambda finding: finding.severity != ERROR)
    )


def line(finding: Finding, translate: Callable[[str], str] = _same) -> str:
    """A finding with its cure. Where the message does not name the mount point, it is put before it."""
    words = describe(finding, translate)
    said = words.message
    if finding.subject.startswith("/") and finding.subject not in said.split():
        said = f"{finding.subject}: {said}"
    cure = " " + translate("Cure: {hint}.").format(hint=words.hint) if words.hint else ""
    kind = translate("Error: {message}.") if finding.severity == ERROR else translate("Warning: {message}.")
    return kind.format(message=said) + cure


def refusal(found: Iterable[Finding], translate: Callable[[str], str] = _same) -> str:
    """What ends the installation; empty where nothing in the findings does."""
    found = tuple(found)
    if not has_errors(found):
        return ""
    first = translate("This storage layout is not that of an oVirt Node. Nothing has been written to the disks.")
    return f"{first}\n\n{text(found, translate)}"
