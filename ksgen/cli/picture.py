# SPDX-License-Identifier: GPL-2.0-or-later
"""Text output: the plan of a host as a table and a bar, groups as a tree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from operator import mul

from rich.console import Group, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from ksgen.host import Host
from ksgen.inventory import Inventory
from ksgen.problems import Problem
from org_ovirt_node import presentation
from org_ovirt_node.layout import Device, Plan, describe, free_space, has_errors, size_text
from org_ovirt_node.presentation import Bar, View

_BAR_WIDTH = 72
_MARKS = "█▓▒░▞▚▤▥▦▧"
_JUSTIFY: tuple[JustifyMethod, ...] = ("left", "right", "left", "left")


def _untranslated(text: str) -> str:
    return text


def plan_json(plan: Plan | None, problems: list[Problem]) -> dict[str, object]:
    """The plan of a host as `ksgen plan --json` prints it; sizes are bytes. None: the host has errors."""
    if plan is None:
        return {"devices": [], "capacity": {"images": None}, "findings": [problem.to_json() for problem in problems]}
    return {
        "devices": [_device_json(device) for device in plan.devices],
        "capacity": {
            "images": plan.capacity.images,
            "wanted": plan.request.images,
            "image_used": plan.capacity.image_used,
            "pool_for_wanted": plan.capacity.pool_for_wish,
            "pool_for_update": plan.capacity.pool_for_update,
        },
        "smallest_disk": plan.smallest_disk,
        "findings": [problem.to_json() for problem in problems],
    }


def _device_json(device: Device) -> dict[str, object]:
    return {
        "name": device.name,
        "kind": device.kind,
        "size": device.size,
        "mount_point": device.mount_point,
        "filesystem": device.filesystem,
        "options": device.options,
        "pool": device.pool,
        "grows": device.grows,
        "parents": list(device.parents),
        "metadata_size": device.metadata_size,
        "reserve": device.reserve,
    }


def plan_picture(host: Host, plan: Plan) -> RenderableType:
    """A table of the devices, bars of what they are divided into, and how many images fit, in the spokes' words."""
    view = layout_of(plan)
    table = Table(title=Text(f"{host.name}  {_subtitle(host)}"), title_justify="left", box=None, pad_edge=False)
    device, *others = presentation.headings(_untranslated)
    for heading, justify in zip(("  " + device, *others), _JUSTIFY, strict=True):
        table.add_column(heading, justify=justify, no_wrap=True)
    table.add_column("")
    notes = {
        (device.name, presentation.kind_text(device.kind, _untranslated)): _note(device, plan)
        for device in plan.devices
    }
    for row in presentation.rows(view, _untranslated):
        name = ("! " if row.severity else "  ") + "  " * row.depth + row.name
        note = notes[row.name, row.kind]
        table.add_row(name, row.size or "grows", row.mount_point, presentation.type_text(row), note)
    return Group(table, Text(), *_bars(plan, view), _capacity_text(plan, view), Text())


def layout_of(plan: Plan) -> View:
    """A plan as spokes and pictures show it."""
    reserve = next((device.reserve for device in plan.of_kind("lvmvg")), None)
    problems = tuple(
        presentation.Problem(finding.severity, finding.subject, *describe(finding)) for finding in plan.findings
    )
    return View(plan.devices, problems, plan.capacity.images, reserve)


def plan_table(plans: Sequence[tuple[Host, Plan]]) -> Table:
    """A line for each host: its disk, the pool, what stays free, and how many images fit."""
    table = Table(box=None, pad_edge=False)
    for heading in ("host", "layout", "disk", "pool", "free", "images", ""):
        table.add_column(heading, justify="right" if heading in ("disk", "pool", "free", "images") else "left")
    for host, plan in plans:
        table.add_row(Text(host.name), Text(host.settings.layout), *_sizes(plan), _verdict(plan))
    return table


def _sizes(plan: Plan) -> tuple[str, str, str, str]:
    """Of the disks, the pool and the free space of the volume group, and the number of images."""
    disks = [device.size for device in plan.of_kind("disk")]
    pool = next(iter(plan.of_kind("lvmthinpool")), None)
    total = "" if None in disks or not disks else " + ".join(size_text(size) for size in disks if size is not None)
    images = "" if plan.capacity.images is None else str(plan.capacity.images)
    return total, _size(pool.size if pool else None), _size(_free(plan)), images


def _free(plan: Plan) -> int | None:
    """What stays free in the volume group: the reserve of a node, and what the volumes of a plain host leave."""
    group = next(iter(plan.of_kind("lvmvg")), None)
    if group is None or group.reserve is not None or plan.of_kind("lvmthinpool"):
        return group.reserve if group else None
    return free_space(group, plan.devices)


def _size(size: int | None) -> str:
    return "" if size is None else size_text(size)


def _verdict(plan: Plan) -> str:
    if has_errors(plan.findings):
        return "cannot be installed"
    if any(disk.size is None for disk in plan.of_kind("disk")):
        return f"needs a disk of at least {size_text(plan.smallest_disk, round_up=True)}"
    held = plan.capacity.images
    return "" if held is None or held >= plan.request.images else f"{plan.request.images} images requested"


def _subtitle(host: Host) -> str:
    settings = host.settings
    disks = " + ".join(disk.link for disk in host.disks)
    return f"layout {settings.layout}, {settings.firmware or 'any firmware'}, {disks}"


def _notes(plan: Plan) -> dict[tuple[str, str], str]:
    """The last column, by name and kind of the devices: a partition and a volume can have the same name."""
    return {(d.name, presentation.kind_text(d.kind, _untranslated)): _note(d, plan) for d in plan.devices}


def _note(device: Device, plan: Plan) -> str:
    if device.kind == "disk" and device.size is not None:
        return "at least"
    if device.kind == "lvmvg" and (free := _free(plan)) is not None:
        return f"{size_text(free)} stay free"
    if device.kind == "lvmvg" and plan.of_kind("lvmthinpool"):
        return f"{plan.reserve_percent} % stay free"
    if device.kind == "lvmthinpool" and device.metadata_size:
        return f"metadata and spare: {size_text(device.metadata_size)} each"
    if device.name == "swap" and plan.swap_range:
        least, most = plan.swap_range
        return f"{size_text(least)} to {size_text(most)}, depending on RAM"
    return ""


def _bars(plan: Plan, view: View) -> Iterator[Text]:
    """Disks, volume group and pool, each to its own scale; without the size of the disk, how large it has to be."""
    if any(disk.size is None for disk in plan.of_kind("disk")):
        yield Text(f"needs a disk of at least {size_text(plan.smallest_disk, round_up=True)}")
    bars = presentation.bars(view, _untranslated)
    title_width = max((len(bar.title) for bar in bars), default=0)
    for bar in bars:
        yield from _bar(bar, title_width)


def _bar(bar: Bar, title_width: int) -> Iterator[Text]:
    marks = list(islice(cycle(_MARKS), len(bar.segments)))
    sizes = [segment.size for segment in bar.segments]
    filled = "".join(map(mul, marks, presentation.widths(sizes, _BAR_WIDTH, 1)))
    yield Text(f"{bar.title:>{title_width}} {filled}")
    legend = [f"{mark} {segment.label} {size_text(segment.size)}" for mark, segment in zip(marks, bar.segments)]
    for start in range(0, len(legend), 4):
        yield Text(" " * (title_width + 1) + "  ".join(legend[start : start + 4]))


def _capacity_text(plan: Plan, view: View) -> Text:
    if view.has_errors:
        return Text("cannot be installed")
    if not plan.of_kind("lvmthinpool"):
        return Text("")
    if view.images is None:
        pool = size_text(plan.capacity.pool_for_wish, round_up=True)
        return Text(f"{plan.request.images} images need a pool of {pool}; the disk size is unknown")
    return Text(presentation.capacity_text(view, plan.request.images, _untranslated))


def group_tree(site: Inventory) -> Tree:
    """The groups of an inventory with their direct hosts."""
    tree = Tree(Text("all"))
    _grow(tree, "all", site)
    return tree


def _grow(tree: Tree, name: str, site: Inventory) -> None:
    group = site.groups[name]
    for child in sorted(group.children):
        if child != "ungrouped" or site.groups[child].hosts:
            _grow(tree.add(Text(child, style="bold")), child, site)
    # Hosts of a child group are shown there.
    below = {host for child in group.children for host in _hosts_below(child, site)}
    for host in group.hosts:
        if host not in below or name != "all":
            tree.add(Text(host))


def _hosts_below(name: str, site: Inventory) -> set[str]:
    group = site.groups[name]
    return set(group.hosts).union(*(_hosts_below(child, site) for child in group.children))
