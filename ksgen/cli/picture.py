# SPDX-License-Identifier: GPL-2.0-or-later
"""Text output: the plan of a host as a table and a bar, groups as a tree, where a value comes from."""

from __future__ import annotations

import json
from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from ksgen.host import Explanation, Host
from ksgen.inventory import Inventory
from ksgen.problems import Problem
from org_ovirt_node.layout import Device, Plan, has_errors, size_text

_BAR_WIDTH = 72
_KINDS = {
    "disk": "disk", "partition": "partition", "mdarray": "mirror", "lvmvg": "group",
    "lvmthinpool": "thin pool", "lvmlv": "volume", "lvmthinlv": "thin volume",
}  # fmt: skip


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
    """A table of the devices, a bar of the volume group, and how many images fit."""
    table = Table(title=Text(f"{host.name}  {_subtitle(host)}"), title_justify="left", box=None, pad_edge=False)
    for heading in ("device", "kind", "size", "mount point", "type"):
        table.add_column(heading, justify="right" if heading == "size" else "left", no_wrap=True)
    table.add_column("")
    for device in plan.devices:
        size = "grows" if device.size is None else size_text(device.size)
        mount = device.mount_point or ""
        table.add_row(device.name, _KINDS[device.kind], size, mount, device.filesystem or "", _note(device, plan))
    return Group(table, Text(), *_bars(plan), _capacity_text(plan), Text())


def _subtitle(host: Host) -> str:
    settings = host.settings
    disks = " + ".join(disk.link for disk in host.disks)
    how = {"autopart": ", automatic partitioning"}.get(settings.partitioning, "")
    return f"layout {settings.layout}, {settings.firmware or 'any firmware'}, {disks}{how}"


def _note(device: Device, plan: Plan) -> str:
    if device.kind == "disk" and device.size is not None:
        return "at least"
    if device.kind == "lvmvg" and device.reserve is not None:
        return f"{size_text(device.reserve)} stay free"
    if device.kind == "lvmvg":
        return f"{plan.reserve_percent} % stay free"
    if device.kind == "lvmthinpool" and device.metadata_size:
        return f"metadata and spare: {size_text(device.metadata_size)} each"
    if device.name == "swap" and plan.swap_range:
        least, most = plan.swap_range
        return f"{size_text(least)} to {size_text(most)}, depending on RAM"
    return ""


def _bars(plan: Plan) -> Iterator[Text]:
    """The volume group and, below it, the pool, each to its own scale."""
    if not plan.devices or any(finding.code == "does-not-fit" for finding in plan.findings):
        return
    group, pool = plan.one("lvmvg"), plan.one("lvmthinpool")
    if group.size is None or pool.size is None or group.reserve is None:
        yield Text(f"needs a disk of at least {size_text(plan.smallest_disk, round_up=True)}")
        return
    swap = sum(device.size or 0 for device in plan.of_kind("lvmlv"))
    rest = [("pool", pool.size), ("metadata", 2 * (pool.metadata_size or 0)), ("swap", swap), ("free", group.reserve)]
    yield from _bar(group.name, rest)
    volumes = [(device.mount_point or "", device.size or 0) for device in plan.of_kind("lvmthinlv")]
    used = sum(size for _, size in volumes)
    largest = sorted(volumes, key=lambda volume: -volume[1])
    yield from _bar(pool.name, [*largest, ("for images", max(0, pool.size - used))])


def _bar(name: str, parts: list[tuple[str, int]]) -> Iterator[Text]:
    parts = [part for part in parts if part[1] > 0]
    total = sum(size for _, size in parts)
    marks, at, done = "█▓▒░▞▚▤▥▦▧", 0, 0
    bar, legend = "", []
    for index, (label, size) in enumerate(parts):
        done += size
        width = max(1, round(done * _BAR_WIDTH / total) - at)
        at += width
        bar += marks[index % len(marks)] * width
        legend.append(f"{marks[index % len(marks)]} {label} {size_text(size)}")
    yield Text(f"{name:>8} {bar}")
    for start in range(0, len(legend), 4):
        yield Text(" " * 9 + "  ".join(legend[start : start + 4]))


def _capacity_text(plan: Plan) -> Text:
    if has_errors(plan.findings):
        return Text("cannot be installed")
    images = plan.capacity.images
    if images is None:
        pool = size_text(plan.capacity.pool_for_wish, round_up=True)
        return Text(f"{plan.request.images} images need a pool of {pool}; the disk size is unknown")
    return Text(f"images: {images} ({plan.request.images} requested), with room to install one more")


def explanation_text(found: Explanation) -> Iterator[str]:
    """A variable, its origin, and the values that it overrode."""
    yield f"{found.name}: {_value_text(found.value)}"
    other = "" if found.is_own else "; not a variable of ksgen"
    yield f"  from {found.mark.file}:{found.mark.line}, {found.origin}{other}"
    for lost in found.overrides:
        yield f"  over {_value_text(lost.value)}"
        yield f"    from {lost.mark.file}:{lost.mark.line}, {lost.origin}: {lost.because}"


def _value_text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


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
