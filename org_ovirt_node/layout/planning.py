# SPDX-License-Identifier: GPL-2.0-or-later
"""The storage layout of a node or plain host: plan() it, check() one, tell its capacity(), describe() what is wrong.

Pure: sizes in, sizes and findings out. The numbers are in policy.py; all sizes are bytes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Optional

from org_ovirt_node.layout import geometry
from org_ovirt_node.layout.devices import all_known
from org_ovirt_node.layout.findings import ERROR, Finding, WayOut, has_errors
from org_ovirt_node.layout.geometry import align_down, align_up
from org_ovirt_node.layout.image_capacity import Capacity, capacity
from org_ovirt_node.layout.policy import (
    BIOSBOOT_SIZE,
    BOOT_SIZE,
    ESP_SIZE,
    MEMORY_MIN,
    METADATA_SIZE,
    MINIMAL,
    OPTIONS,
    RESERVE_MIN,
    RESERVE_PERCENT,
    ROOT_SIZE_MIN,
    SWAP_SIZE_MIN,
    Device,
    Request,
    boot_size,
    is_thin,
    policy_sizes,
    root_for_image,
    root_size,
    volume_name,
    volume_sizes,
)
from org_ovirt_node.layout.rules import check, check_request, recommended_reserve


@dataclass(frozen=True)
class Plan:
    """The devices of a node or plain host, in the order in which they are made, and what is wrong with them.

    `smallest_disk` is the size that each of its disks needs at least (of joined ones, their sum).
    `reserve_percent` replaces the reserve where the disk is not known.
    """

    request: Request
    devices: tuple[Device, ...]
    capacity: Capacity
    smallest_disk: int
    swap_range: Optional[tuple[int, int]]
    findings: tuple[Finding, ...]

    @property
    def reserve_percent(self) -> int:
        return RESERVE_PERCENT

    @property
    def pool_floor(self) -> int:
        """The sum of the thin volumes. As the pool's size before it grows it makes Anaconda refuse a disk too small."""
        return sum(d.size or 0 for d in self.of_kind("lvmthinlv"))

    def of_kind(self, kind: str) -> tuple[Device, ...]:
        return tuple(device for device in self.devices if device.kind == kind)

    def one(self, kind: str) -> Device:
        (device,) = self.of_kind(kind)
        return device


# --- planning --------------------------------------------------------------------------------------------------------


def plan(request: Request) -> Plan:
    """Plan the devices of a request, exactly as Anaconda will make them, and check them.

    A request that cannot be had yields a plan with errors among its findings; the devices then show what was requested.
    """
    impossible = check_request(request)
    if has_errors(impossible):
        return Plan(request, (), Capacity(None, 0, 0, 0), 0, None, (*impossible, *_besides(request, impossible)))

    volumes = _volumes(request)
    boot = _boot_devices(request)
    swap, swap_range = _swap(request)
    group_size = _group_size(request, boot)
    volumes_size = sum(volume.size or 0 for volume in volumes)
    swaps = (swap,) if swap else ()
    room = None if group_size is None else group_size - sum(one.size or 0 for one in swaps)
    share = _thin(room, group_size, volumes_size, request) if is_thin(request) else _plain(room, volumes_size)
    members = tuple(device.name for device in boot if device.filesystem == "lvmpv")
    group = Device(request.volume_group, "lvmvg", group_size, parents=members, reserve=share.reserve, grows=True)
    devices = (*boot, group, *share.pools, *swaps, *volumes)

    smallest = _smallest(request, volumes_size)
    problems = check(devices, request)
    if not share.fits and group_size is not None:
        follows = ("reserve-too-small", "cannot-update")
        problems = (_does_not_fit(request, group_size, smallest), *(f for f in problems if f.code not in follows))
    return Plan(request, devices, capacity(devices, request), smallest.disk, swap_range, impossible + problems)


class _Share(NamedTuple):
    """What the volumes share in their volume group: what it keeps free, their pool, and whether they fit."""

    reserve: Optional[int]
    pools: tuple[Device, ...]
    fits: bool


def _thin(room: Optional[int], group_size: Optional[int], volumes_size: int, request: Request) -> _Share:
    """A pool for the volumes. `room` is what swap leaves of the volume group; None where the disk is not known."""
    size, reserve, fits = None, None, True
    if room is not None and group_size is not None:
        room -= 2 * METADATA_SIZE
        # The reserve gives way to the volumes.
        reserve = align_down(max(RESERVE_MIN, min(recommended_reserve(group_size), room - volumes_size)))
        fits = room - reserve >= volumes_size
        size = max(volumes_size, room - reserve)
    pool = Device(
        request.pool, "lvmthinpool", size, grows=True, parents=(request.volume_group,), metadata_size=METADATA_SIZE
    )
    return _Share(reserve, (pool,), fits)


def _plain(room: Optional[int], volumes_size: int) -> _Share:
    """The volumes are in the group itself; what they do not use is free."""
    return _Share(None, (), room is None or room >= volumes_size)


def _besides(request: Request, impossible: Iterable[Finding]) -> tuple[Finding, ...]:
    """What else is wrong with a request whose file system or names cannot be had: its sizes, with the usual ones."""
    if any(finding.subject not in ("filesystem", "volume_group", "pool") for finding in impossible):
        return ()
    usual = Request(disks=request.disks)
    with_usual = replace(request, filesystem=usual.filesystem, volume_group=usual.volume_group, pool=usual.pool)
    return plan(with_usual).findings


def _volumes(request: Request) -> tuple[Device, ...]:
    thin = is_thin(request)
    return tuple(
        Device(
            volume_name(mount_point),
            "lvmthinlv" if thin else "lvmlv",
            align_up(size),
            mount_point=mount_point,
            filesystem=request.filesystem,
            options=OPTIONS if thin else None,
            pool=request.pool if thin else None,
            parents=(request.pool if thin else request.volume_group,),
        )
        for mount_point, size in sorted(volume_sizes(request).items())
    )


def _swap(request: Request) -> tuple[Optional[Device], Optional[tuple[int, int]]]:
    """The swap volume, None for no swap, and its range where that depends on the memory of the machine."""
    swap = Device("swap", "lvmlv", None, filesystem="swap", parents=(request.volume_group,))
    if request.swap_size == 0:
        return None, None
    if request.swap_size is not None:
        return replace(swap, size=align_up(request.swap_size)), None
    disks = [disk for disk in request.disks if disk is not None]
    if request.memory is not None:
        size = geometry.recommended_swap(request.memory, disks, request.release)
        return replace(swap, size=size), None
    least = geometry.recommended_swap(MEMORY_MIN, disks, request.release)
    most = geometry.most_recommended_swap(disks, request.release)
    return replace(swap, size=most), (least, most)


def _boot_devices(request: Request) -> tuple[Device, ...]:
    """Disks, partitions and arrays, up to the physical volumes of the group."""
    disks = [Device(f"disk{n}", "disk", size) for n, size in enumerate(request.disks, 1)]
    if request.mirrored:
        return (*disks, *_mirrored_partitions(request, disks))
    first = disks[0].name
    if request.firmware == "bios":
        loader = Device("biosboot", "partition", BIOSBOOT_SIZE, filesystem="biosboot", parents=(first,))
    else:
        # open: the ESP is the larger one, so BIOS has no smaller pool
        loader = Device("efi", "partition", ESP_SIZE, "/boot/efi", "efi", parents=(first,))
    boot = Device("boot", "partition", boot_size(request), "/boot", request.filesystem, parents=(first,))
    return (*disks, loader, boot, *_growing("pv.0", "lvmpv", disks, boot_size(request) + (loader.size or 0)))


def _growing(prefix: str, filesystem: str, disks: Sequence[Device], first_uses: int, each: int = 0) -> list[Device]:
    """The partition that takes the rest of each disk."""
    partitions = []
    for number, disk in enumerate(disks, 1):
        used = each + (first_uses if number == 1 else 0)
        size = None if disk.size is None else max(0, geometry.partition_space(disk.size) - used)
        name = f"{prefix}{number}"
        partitions.append(Device(name, "partition", size, filesystem=filesystem, grows=True, parents=(disk.name,)))
    return partitions


def _mirrored_partitions(request: Request, disks: Sequence[Device]) -> list[Device]:
    """Both firmwares in one: Anaconda's `reqpart` makes a biosboot on one disk only."""
    partitions, arrays = [], []
    for number, disk in enumerate(disks, 1):
        name = f"biosboot{number}"
        partitions.append(Device(name, "partition", BIOSBOOT_SIZE, filesystem="biosboot", parents=(disk.name,)))
    on_arrays = (
        ("boot_efi", ESP_SIZE, "/boot/efi", "efi"),
        ("boot", boot_size(request), "/boot", request.filesystem),
    )
    for row, (name, size, mount_point, filesystem) in enumerate(on_arrays, 1):
        members = [
            Device(f"raid.{row}{n}", "partition", size, filesystem="mdmember", parents=(disk.name,))
            for n, disk in enumerate(disks, 1)
        ]
        partitions += members
        names = tuple(member.name for member in members)
        arrays.append(Device(name, "mdarray", geometry.mirror(size), mount_point, filesystem, parents=names))
    grown = _growing("raid.3", "mdmember", disks, 0, each=BIOSBOOT_SIZE + ESP_SIZE + boot_size(request))
    smallest = None if any(member.size is None for member in grown) else min(member.size or 0 for member in grown)
    rest = None if smallest is None else max(0, geometry.mirror(smallest))
    names = tuple(member.name for member in grown)
    arrays.append(Device("pv01", "mdarray", rest, filesystem="lvmpv", grows=True, parents=names))
    return [*partitions, *grown, *arrays]


def _group_size(request: Request, devices: Iterable[Device]) -> Optional[int]:
    members = all_known(device.size for device in devices if device.filesystem == "lvmpv")
    return None if members is None else geometry.group(members, on_array=request.mirrored)


class _Smallest(NamedTuple):
    """What each disk needs at least (of joined ones, their sum), and what then takes its part of the volume group."""

    disk: int
    group: int
    swap: int


def _smallest(request: Request, volumes_size: int) -> _Smallest:
    """What the disks need at least, so that the volumes fit.

    Recommended swap is at most a tenth of the disks, so it is asked for again on disks of the size that was computed.
    """
    disk = volumes_size
    while True:
        disks = tuple(disk for _ in range(2 if request.mirrored else 1)) if all(request.disks) else request.disks
        swap, _ = _swap(replace(request, disks=disks))
        swap_size = swap.size or 0 if swap else 0
        group = _smallest_group(request, volumes_size, swap_size)
        needed = _disk_for(request, group)
        if needed == disk or not all(request.disks):
            return _Smallest(needed, group, swap_size)
        disk = needed


def _smallest_group(request: Request, volumes_size: int, swap_size: int) -> int:
    content = volumes_size + swap_size + _metadata(request)
    if not is_thin(request):
        return align_up(content)
    # The reserve of a disk that is not known is a percentage and cannot give way.
    percentage = -(-content * 100 // (100 - RESERVE_PERCENT))
    return content + RESERVE_MIN if all(request.disks) else align_up(percentage)


def _metadata(request: Request) -> int:
    """What a pool costs beside its volumes: its metadata, and LVM's spare of the same size."""
    return 2 * METADATA_SIZE if is_thin(request) else 0


def _disk_for(request: Request, group: int) -> int:
    """What each disk needs (of joined ones, their sum) for a volume group of this size."""
    if request.mirrored:
        member = geometry.member_for(geometry.physical_volume_for(group, on_array=True))
        return geometry.disk_for(BIOSBOOT_SIZE + ESP_SIZE + boot_size(request) + member)
    loader = BIOSBOOT_SIZE if request.firmware == "bios" else ESP_SIZE
    # Each further disk costs its own partition table and at most an extent of rounding.
    further = (len(request.disks) - 1) * (geometry.disk_for(0) + geometry.EXTENT)
    return geometry.disk_for(loader + boot_size(request) + geometry.physical_volume_for(group)) + further


# --- when it does not fit --------------------------------------------------------------------------------------------


def _does_not_fit(request: Request, group_size: int, smallest: _Smallest) -> Finding:
    disks = [disk for disk in request.disks if disk is not None]
    available = min(disks) if request.mirrored else sum(disks)
    root = align_up(volume_sizes(request)["/"])
    volumes = sum(map(align_up, volume_sizes(request).values()))
    parts = (
        ("root", root),
        ("volumes", volumes - root),
        ("swap", smallest.swap),
        ("pool metadata and its spare", _metadata(request)),
        ("reserve", smallest.group - volumes - smallest.swap - _metadata(request)),
        ("boot partitions and tables", smallest.disk - smallest.group),
    )
    ways_out = _ways_out(request, smallest.group - group_size, smallest.swap, smallest.disk)
    values = (
        ("found_size", available),
        ("needed_size", smallest.disk),
        ("parts", tuple(part for part in parts if part[1])),
        ("ways_out", ways_out),
    )
    return Finding("does-not-fit", ERROR, "disk", values)


def _ways_out(request: Request, missing: int, swap_size: int, smallest: int) -> tuple[WayOut, ...]:
    """The cheapest changes that make it fit: a single one that is enough, the smallest first, else all together."""
    root_floor = max(ROOT_SIZE_MIN, align_up(root_for_image(request)))
    policy = policy_sizes(request)
    lowered = [
        WayOut(f"volumes.{mount_point}", policy[mount_point], align_up(size) - policy[mount_point])
        for mount_point, size in request.volumes
        if mount_point in policy
    ]
    dropped = sum(align_up(size) for mount_point, size in _minimal_changes(request))
    ways = [
        WayOut("root_size", root_floor, root_size(request) - root_floor),
        WayOut("boot_size", BOOT_SIZE, boot_size(request) - BOOT_SIZE),
        WayOut("swap_size", min(swap_size, SWAP_SIZE_MIN), swap_size - min(swap_size, SWAP_SIZE_MIN)),
        *lowered,
        WayOut("layout", MINIMAL.name, dropped),
    ]
    ways = sorted((way for way in ways if way.saves > 0), key=lambda way: way.saves)
    enough = [way for way in ways if way.saves >= missing]
    if not enough and sum(way.saves for way in ways) >= missing:
        enough = _fewest(ways, missing)
    return (*enough, WayOut("disk", None, smallest))


def _minimal_changes(request: Request) -> list[tuple[str, int]]:
    """What changing to the minimal layout saves: its own /var is larger."""
    if request.layout == MINIMAL.name or not is_thin(request):
        return []
    wished = dict(request.volumes)
    minimal = dict(MINIMAL.volumes)
    now = {**policy_sizes(request), **wished}
    saved = [(m, size) for m, size in policy_sizes(request).items() if m not in wished and m not in minimal]
    grown = sum(max(0, size - now.get(m, 0)) for m, size in minimal.items())
    return [*saved, ("/var", -grown)]


def _fewest(ways: Sequence[WayOut], missing: int) -> list[WayOut]:
    chosen: list[WayOut] = []
    for way in reversed(ways):
        if sum(w.saves for w in chosen) < missing:
            chosen.append(way)
    return chosen
