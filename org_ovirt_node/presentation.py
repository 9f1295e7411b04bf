# SPDX-License-Identifier: GPL-2.0-or-later
"""What the spokes and `ksgen plan` show of a layout: rows of a table, bars, a line on what it holds, the first problem.

Pure: values in, words and numbers out; widgets are elsewhere. `translate` gets each text before anything is put in.
"""

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Optional, Protocol

from org_ovirt_node.layout import ERROR, LAYOUTS, Device, Request, plan, size_text

Translate = Callable[[str], str]

_INDENT = "    "


class Problem(NamedTuple):
    """A finding in words, as the service sends it."""

    severity: str
    subject: str
    message: str
    hint: str = ""


@dataclass(frozen=True)
class View:
    """A layout with what is wrong in it. None is "not known": of `images` it holds, of `reserve` it keeps free."""

    devices: tuple[Device, ...] = ()
    problems: tuple[Problem, ...] = ()
    images: Optional[int] = None
    reserve: Optional[int] = None

    @property
    def has_errors(self) -> bool:
        return any(problem.severity == ERROR for problem in self.problems)


# --- the table -------------------------------------------------------------------------------------------------------


class Row(NamedTuple):
    """A device; `depth` is how far it is indented, `severity` that of the worst problem with it, empty for none."""

    depth: int
    name: str
    kind: str
    size: str
    mount_point: str
    filesystem: str
    severity: str


def headings(translate: Translate) -> tuple[str, str, str, str]:
    """The columns that show a row; the last one has type_text."""
    return translate("Device"), translate("Size"), translate("Mount point"), translate("Type")


def rows(view: View, translate: Translate) -> tuple[Row, ...]:
    """The devices, each below what it is made of: disks, arrays, then the volume group with all that is in it."""
    return tuple(
        Row(
            depth,
            device.name,
            kind_text(device.kind, translate),
            size_text(device.size) if device.size else "",
            device.mount_point or "",
            _content(device),
            _severity(view, device),
        )
        for depth, device in _in_order(view.devices)
    )


def kind_text(kind: str, translate: Translate) -> str:
    """A person's word for blivet's; its own where there is none."""
    words = {
        "disk": translate("disk"),
        "partition": translate("partition"),
        "mdarray": translate("mirror"),
        "lvmvg": translate("volume group"),
        "lvmthinpool": translate("thin pool"),
        "lvmlv": translate("volume"),
        "lvmthinlv": translate("thin volume"),
    }
    return words.get(kind, kind)


def _content(device: Device) -> str:
    """What is on it; blivet's format of a disk is the partition table, which goes without saying."""
    return "" if device.filesystem in (None, "disklabel") else str(device.filesystem)


def _in_order(devices: Sequence[Device]) -> list[tuple[int, Device]]:
    ordered: list[tuple[int, Device]] = []
    for disk in _of_kind(devices, "disk"):
        ordered.append((0, disk))
        ordered += [(1, device) for device in _of_kind(devices, "partition") if disk.name in device.parents]
    below_others = ("disk", "lvmvg", "lvmthinpool", "lvmlv", "lvmthinlv")
    placed = {device.name for _, device in ordered}
    ordered += [(0, device) for device in devices if device.kind not in below_others and device.name not in placed]
    for group in _of_kind(devices, "lvmvg"):
        ordered.append((0, group))
        for pool in _of_kind(devices, "lvmthinpool"):
            if group.name in pool.parents:
                ordered.append((1, pool))
                ordered += [(2, volume) for volume in _by_mount_point(devices, pool.name)]
        ordered += [(1, volume) for volume in _of_kind(devices, "lvmlv") if group.name in volume.parents]
    shown = {device.name for _, device in ordered}
    return ordered + [(0, device) for device in devices if device.name not in shown]


def _of_kind(devices: Sequence[Device], kind: str) -> list[Device]:
    return [device for device in devices if device.kind == kind]


def _by_mount_point(devices: Sequence[Device], pool: str) -> list[Device]:
    inside = [d for d in _of_kind(devices, "lvmthinlv") if pool in (d.pool, *d.parents)]
    return sorted(inside, key=lambda device: device.mount_point or "~")


def _severity(view: View, device: Device) -> str:
    kinds = {"disk": "disk", "lvmvg": "volume_group", "lvmthinpool": "pool"}
    subjects = {device.mount_point, device.filesystem, kinds.get(device.kind)} - {None}
    severities = [problem.severity for problem in view.problems if problem.subject in subjects]
    return ERROR if ERROR in severities else next(iter(severities), "")


# --- the picture -----------------------------------------------------------------------------------------------------


class Segment(NamedTuple):
    """A part of a bar. `role` chooses its colour: boot, group, pool, root, volume, swap, metadata, other or free."""

    label: str
    size: int
    role: str


class Bar(NamedTuple):
    """Something as wide as all of it; the segment whose role is `opens` is what the next bar shows larger."""

    title: str
    size: int
    segments: tuple[Segment, ...]
    opens: str


def bars(view: View, translate: Translate) -> tuple[Bar, ...]:
    """Disks, volume group and pool, each to its own scale; nothing where sizes are not known, or cannot be had."""
    devices = view.devices
    disks = _of_kind(devices, "disk")
    pool = _pool(devices)
    group = next((d for d in _of_kind(devices, "lvmvg") if pool and d.name in pool.parents), None)
    if pool is None or group is None or not (pool.size and group.size and all(disk.size for disk in disks)):
        return ()
    group_bar = _group_bar(devices, group, pool, view.reserve or 0, translate)
    if sum(segment.size for segment in group_bar.segments) > group_bar.size:
        return ()
    disk_bars = (_disk_bar(devices, disks, translate),) if disks else ()
    return (*disk_bars, group_bar, _pool_bar(devices, pool, translate))


def _pool(devices: Sequence[Device]) -> Optional[Device]:
    """The pool of the root volume; without one the first."""
    root = next((device for device in devices if device.mount_point == "/"), None)
    pools = _of_kind(devices, "lvmthinpool")
    return next((pool for pool in pools if root and pool.name in (root.pool, *root.parents)), next(iter(pools), None))


def _disk_bar(devices: Sequence[Device], disks: Sequence[Device], translate: Translate) -> Bar:
    names = {disk.name for disk in disks}
    parts = [d for d in devices if d.kind == "partition" and names & set(d.parents)]
    segments = [Segment(_part_label(part, devices, translate), part.size or 0, _part_role(part)) for part in parts]
    total = sum(disk.size or 0 for disk in disks)
    title = disks[0].name if len(disks) == 1 else translate("{count} disks").format(count=len(disks))
    return Bar(title, total, _with_rest(segments, total, translate("free")), "group")


def _part_label(part: Device, devices: Sequence[Device], translate: Translate) -> str:
    array = next((d for d in devices if d.kind == "mdarray" and part.name in d.parents), part)
    if array.filesystem == "lvmpv":
        return translate("volume group")
    return array.mount_point or array.filesystem or array.name


def _part_role(part: Device) -> str:
    if part.filesystem in ("lvmpv", "mdmember"):
        return "group"
    return "boot" if part.mount_point or part.filesystem in ("biosboot", "efi", "prepboot") else "other"


def _group_bar(devices: Sequence[Device], group: Device, pool: Device, reserve: int, translate: Translate) -> Bar:
    segments = [Segment(translate("thin pool"), pool.size or 0, "pool")]
    for device in devices:
        # The group may be called like what something else is made of.
        is_inside = group.name in device.parents and device.kind not in ("partition", "lvmvg", "lvmthinlv")
        if is_inside and device is not pool:
            role = "swap" if device.filesystem == "swap" else "other"
            segments.append(Segment(device.mount_point or device.filesystem or device.name, device.size or 0, role))
    rest = (group.size or 0) - sum(segment.size for segment in segments)
    # What the group keeps free, and the pool's metadata with its spare, are one number in the device tree.
    if 0 < reserve < rest:
        segments.append(Segment(translate("metadata"), rest - reserve, "metadata"))
    return Bar(group.name, group.size or 0, _with_rest(segments, group.size or 0, translate("free")), "pool")


def _pool_bar(devices: Sequence[Device], pool: Device, translate: Translate) -> Bar:
    segments = [
        Segment(volume.mount_point or volume.name, volume.size or 0, "root" if volume.mount_point == "/" else "volume")
        for volume in _by_mount_point(devices, pool.name)
    ]
    return Bar(pool.name, pool.size or 0, _with_rest(segments, pool.size or 0, translate("for images")), "")


def _with_rest(segments: Sequence[Segment], total: int, label: str) -> tuple[Segment, ...]:
    rest = total - sum(segment.size for segment in segments)
    # Less than a thousandth is the rounding of partitions and extents.
    return (*segments, Segment(label, rest, "free")) if rest * 1000 > total else tuple(segments)


def bar_text(bar: Bar, translate: Translate) -> str:
    """A bar for who does not see it."""
    parts = ", ".join(f"{segment.label} {size_text(segment.size)}" for segment in bar.segments)
    return translate("{name}, {size}: {parts}").format(name=bar.title, size=size_text(bar.size), parts=parts)


def widths(sizes: Sequence[int], width: int, least: int) -> tuple[int, ...]:
    """Share `width` out in proportion, but give each at least `least` while there is that much; the sum is `width`."""
    if not sizes:
        return ()
    least = min(least, width // len(sizes))
    spare, total = width - least * len(sizes), max(1, sum(sizes))
    edges = [sum(sizes[:n]) * spare // total + least * n for n in range(len(sizes))] + [width]
    return tuple(after - before for before, after in zip(edges, edges[1:]))


# --- words -----------------------------------------------------------------------------------------------------------


def layout_text(name: str, translate: Translate) -> str:
    """What a layout is for, in a few words."""
    words = {
        "standard": translate("each kind of data on a volume of its own"),
        "minimal": translate("only /var in addition to the root volume"),
    }
    return words.get(name, "")


def layout_volumes(name: str) -> tuple[tuple[str, str], ...]:
    """The mount points of a layout with their sizes."""
    planned = plan(Request(layout=name))
    return tuple((device.mount_point or "", size_text(device.size or 0)) for device in planned.of_kind("lvmthinlv"))


def layout_names() -> tuple[str, ...]:
    return tuple(LAYOUTS)


def sizes_text(sizes: Sequence[tuple[str, int]], translate: Translate) -> str:
    """The sizes that are asked for."""
    if not sizes:
        return translate("Sizes: those of the layout")
    return translate("Sizes: {sizes}").format(sizes=", ".join(f"{name} {size_text(size)}" for name, size in sizes))


class SelectedDisk(Protocol):
    """A selected disk; `content` is what is on it, empty for nothing."""

    @property
    def disk(self) -> str: ...

    @property
    def model(self) -> str: ...

    @property
    def size(self) -> int: ...

    @property
    def content(self) -> str: ...


def erase_text(disks: Sequence[SelectedDisk], translate: Translate) -> str:
    """What a person consents to lose."""
    return translate("Erase {disks}").format(disks=_disks_text(disks, translate))


def erased_text(disks: Sequence[SelectedDisk], translate: Translate) -> str:
    """What the node layout takes where nothing is lost; empty where no disk is selected."""
    return translate("Will be erased: {disks}").format(disks=_disks_text(disks, translate)) if disks else ""


def _disks_text(disks: Sequence[SelectedDisk], translate: Translate) -> str:
    empty = translate("empty")
    return ", ".join(f"{disk_text(each.disk, each.model, each.size)} ({each.content or empty})" for each in disks)


def disk_text(name: str, model: str, size: int) -> str:
    """A disk by what a person knows it by."""
    return " ".join(filter(None, (name, model, size_text(size))))


def capacity_text(view: View, requested: int, translate: Translate) -> str:
    """How many images it holds; empty where that is not known."""
    if view.images is None or not view.devices:
        return ""
    if view.images == 0:
        return translate("No room for a second image: this node cannot be updated.")
    text = translate("Room for {images} images, and one more while it is installed; {wanted} are requested.")
    return text.format(images=view.images, wanted=requested)


def wish_text(view: View, requested: int, translate: Translate) -> str:
    """How many images are requested, and how many it holds where that is known."""
    if view.images is None or not view.devices:
        return translate("Images to hold: {wanted}").format(wanted=requested)
    if view.images == 0:
        return translate("Images to hold: {wanted} (no room for a second one)").format(wanted=requested)
    text = translate("Images to hold: {wanted} (room for {images}, and one more while it is installed)")
    return text.format(wanted=requested, images=view.images)


def problem_text(problem: Problem) -> str:
    """The message, with what it is about where that is a mount point and the message does not name it."""
    if problem.subject.startswith("/") and problem.subject not in problem.message.split():
        return f"{problem.subject}: {problem.message}"
    return problem.message


def count_text(view: View, translate: Translate) -> str:
    """How many problems there are; empty for none."""
    errors = sum(problem.severity == ERROR for problem in view.problems)
    warnings = len(view.problems) - errors
    if errors and warnings:
        return translate("Errors: {errors}, warnings: {warnings}.").format(errors=errors, warnings=warnings)
    if errors:
        return translate("Errors: {errors}.").format(errors=errors)
    return translate("Warnings: {warnings}.").format(warnings=warnings) if warnings else ""


def worst_first(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda problem: problem.severity != ERROR))


def status_text(view: View, is_applied: bool, translate: Translate) -> str:
    """The line on the hub: the first problem, also of a layout that Anaconda refuses, or what the node will be."""
    if not is_applied and not view.devices:
        return translate("No storage chosen yet")
    for problem in worst_first(view.problems):
        text = problem_text(problem)
        more = len(view.problems) - 1
        return translate("{problem} (and {count} more)").format(problem=text, count=more) if more else text
    if view.images is None:
        return translate("Fit for a node")
    return translate("Fit for a node, room for {images} images").format(images=view.images)


def severity_text(problem: Problem, translate: Translate) -> str:
    return translate("Error") if problem.severity == ERROR else translate("Warning")


# --- text mode -------------------------------------------------------------------------------------------------------


def table_lines(shown: Sequence[Row], headings: Sequence[str], width: int) -> tuple[str, ...]:
    """The rows in columns, at most `width` wide: name, size, mount point, type; a mark where something is wrong."""
    cells = [tuple(headings)]
    cells += [("  " * row.depth + row.name, row.size, row.mount_point, type_text(row)) for row in shown]
    spans = [max(len(line[column]) for line in cells) for column in range(len(headings))]
    marks = ["  "] + ["! " if row.severity else "  " for row in shown]
    lines = (
        f"{mark}{name:<{spans[0]}}  {size:>{spans[1]}}  {place:<{spans[2]}}  {kind}"
        for mark, (name, size, place, kind) in zip(marks, cells)
    )
    return tuple(line[:width].rstrip() for line in lines)


def problem_lines(problem: Problem, width: int, translate: Translate) -> tuple[str, ...]:
    """The words of a problem, its cure indented below it."""
    text = translate("{severity}: {message}")
    text = text.format(severity=severity_text(problem, translate), message=problem_text(problem))
    lines = textwrap.wrap(text, width, subsequent_indent=_INDENT)
    return (*lines, *textwrap.wrap(problem.hint, width, initial_indent=_INDENT, subsequent_indent=_INDENT))


def type_text(row: Row) -> str:
    """What a device is and what is on it."""
    return f"{row.kind}, {row.filesystem}" if row.filesystem else row.kind
