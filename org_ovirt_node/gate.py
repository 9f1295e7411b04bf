# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether what Anaconda is about to make is a node: the rules of every layout, and those that need a machine.

Pure: service/storage.py reads the tree, here it is judged.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Optional

from org_ovirt_node import layout
from org_ovirt_node.layout import (
    ERROR,
    WARNING,
    Device,
    Finding,
    Request,
    all_known,
    describe,
    free_space,
    group_of,
    has_errors,
    node_pool,
    volumes_of,
)
from org_ovirt_node.programs.imgbase import TAG_GROUP
from org_ovirt_node.section import Section


@dataclass(frozen=True)
class Group:
    """A volume group that LVM sees now, with the paths of its physical volumes."""

    name: str
    tags: tuple[str, ...] = ()
    physical_volumes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tree:
    """What Storage plans, and on what.

    `partitioning` is the object path of the applied partitioning, empty for none; `method` is how it was made. Where
    Storage has refused to apply one, `refused` says why in Storage's words, and all else is about that one.
    `devices` are those on the disks that the node uses. `disks` are the ones selected, that with the boot loader first;
    `used` names the ones on which something is mounted or swap lies. `removed` and `created` name what the plan
    destroys and makes. `existing` are a selected disk and what is on it now, by names. `is_encrypted`: a person has
    chosen to encrypt what automatic partitioning makes.
    """

    partitioning: str = ""
    method: str = ""
    refused: tuple[str, ...] = ()
    devices: tuple[Device, ...] = ()
    disks: tuple[Device, ...] = ()
    used: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    created: tuple[str, ...] = ()
    existing: tuple[tuple[str, str], ...] = ()
    groups: tuple[Group, ...] = ()
    is_efi: bool = False
    release: str = "el9"
    memory: Optional[int] = None
    is_encrypted: bool = False


def request(tree: Tree, section: Section) -> Request:
    """What the section asks for, in this machine."""
    return replace(
        section.request(),
        firmware="uefi" if tree.is_efi else "bios",
        release=tree.release,
        memory=tree.memory,
    )


def proposal(tree: Tree, section: Section) -> Optional[layout.Plan]:
    """The node layout on the selected disks, all of each; None without disks."""
    if not tree.disks:
        return None
    plan = layout.plan(replace(request(tree, section), disks=tuple(disk.size for disk in tree.disks)))
    names = {made.name: disk.name for made, disk in zip(plan.of_kind("disk"), tree.disks)}
    return replace(plan, devices=tuple(_renamed(device, names) for device in plan.devices))


def _renamed(device: Device, names: dict[str, str]) -> Device:
    parents = tuple(names.get(name, name) for name in device.parents)
    return replace(device, name=names.get(device.name, device.name), parents=parents)


def findings(tree: Tree, section: Section) -> tuple[Finding, ...]:
    """Everything that is wrong with the applied partitioning, or with the one that Storage has refused to apply."""
    if not tree.partitioning and not tree.refused:
        return (_finding("partitioning-missing", ERROR, "layout"),)
    made = devices(tree)
    return (
        *refusals(tree.refused),
        *layout.check(made, request(tree, section)),
        *_check_reserve(made),
        *_check_disks(tree, section),
        *_check_tags(tree),
    )


def obstacles(tree: Tree, section: Section) -> tuple[Finding, ...]:
    """Why the node layout cannot be made on the selected disks, apart from what is on them."""
    plan = proposal(tree, section)
    if plan is None:
        return (_finding("disk-unselected", ERROR, "disk"),)
    encrypted = [_finding("encryption-chosen", ERROR, "disk")] if tree.is_encrypted else []
    return (*encrypted, *(finding for finding in plan.findings if finding.severity == ERROR))


def refusals(problems: Iterable[str]) -> tuple[Finding, ...]:
    """What Storage has against a layout."""
    return tuple(_finding("storage-refused", ERROR, "disk", why=problem.rstrip(".")) for problem in problems)


def remarks(warnings: Iterable[str]) -> tuple[Finding, ...]:
    """What Storage's own checker remarks about a layout."""
    return tuple(_finding("storage-remark", WARNING, "layout", why=warning.rstrip(".")) for warning in warnings)


def with_discard(options: str) -> str:
    """The mount options of a thin volume: what the user gave, and discard unless they said otherwise."""
    words = [word for word in options.split(",") if word]
    if {"discard", "nodiscard"} & set(words):
        return options
    return ",".join((*words, "discard")) if words else layout.OPTIONS


def devices(tree: Tree) -> tuple[Device, ...]:
    """The devices with what Storage does not tell, or not yet: mount options, metadata, what a group keeps free."""
    made = tuple(_completed(device) for device in tree.devices)
    return tuple(replace(d, reserve=free_space(d, made)) if d.kind == "lvmvg" else d for d in made)


def _completed(device: Device) -> Device:
    if device.kind == "lvmthinlv" and device.mount_point:
        return replace(device, options=with_discard(device.options or ""))
    return device


def _finding(code: str, severity: str, subject: str, **values: object) -> Finding:
    return Finding(code, severity, subject, tuple(values.items()))


def _check_reserve(made: tuple[Device, ...]) -> Iterator[Finding]:
    """What a volume group keeps free where the metadata of its pool is not known.

    Metadata, its spare and the reserve are then one number. imgbase makes the metadata as large as it has to be, and
    LVM the spare with it; so what is said is true however the three share it.
    """
    pool = node_pool(made)
    group = group_of(pool, made) if pool else None
    if pool is None or pool.metadata_size is not None or group is None or group.size is None:
        return
    sizes = all_known(volume.size for volume in volumes_of(group, made))
    if sizes is None:
        return
    kept = group.size - sum(sizes)
    free = kept - 2 * layout.METADATA_SIZE
    yield from layout.check_reserve(free, kept, free, group.size)


def _check_disks(tree: Tree, section: Section) -> Iterator[Finding]:
    if section.disks is not None and len(tree.used) > section.disks:
        yield _finding(
            "disks-more", ERROR, "disk", found=len(tree.used), disks=", ".join(tree.used), wanted=section.disks
        )


def _check_tags(tree: Tree) -> Iterator[Finding]:
    """Volume groups of nodes that are there and stay; imgbase.py, `_trace_findings`, judges the same afterwards."""
    staying = [group for group in tree.groups if TAG_GROUP in group.tags and not _is_removed(group, tree)]
    pool = node_pool(tree.devices)
    home = group_of(pool, tree.devices) if pool else None
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


def _same(text: str) -> str:
    return text


def text(findings: Iterable[Finding], translate: Callable[[str], str] = _same) -> str:
    """All findings as lines, errors first: for a dialog, a console of 80 columns, and the log."""
    return "\n".join(
        line(finding, translate) for finding in sorted(findings, key=lambda finding: finding.severity != ERROR)
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


def refusal(findings: Iterable[Finding], translate: Callable[[str], str] = _same) -> str:
    """What ends the installation; empty where nothing in the findings does."""
    findings = tuple(findings)
    if not has_errors(findings):
        return ""
    first = translate("This storage layout is not that of an oVirt Node. Nothing has been written to the disks.")
    return f"{first}\n\n{text(findings, translate)}"
