# SPDX-License-Identifier: GPL-2.0-or-later
"""The rules of a node's layout, wherever it comes from: a plan, a kickstart, or a person at Anaconda's screen."""

import re
from collections.abc import Iterator, Sequence
from typing import Optional

from org_ovirt_node.layout import policy
from org_ovirt_node.layout.devices import node_pool, room_beside
from org_ovirt_node.layout.findings import ERROR, WARNING, Finding
from org_ovirt_node.layout.geometry import MIB, align_down, filesystem_space, mirror
from org_ovirt_node.layout.image_capacity import capacity
from org_ovirt_node.layout.policy import Device, Request, policy_sizes, root_for_image, volume_name

# A volume at one of these would hide what each image brings along.
_IMAGE_PLACES = ("/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/run", "/sbin", "/sys", "/usr")
_NAME = re.compile(r"[a-zA-Z0-9+_.][a-zA-Z0-9+_.-]*")  # lvm(8), "VALID NAMES"
_NAME_LONGEST = 55  # imgbased's own limit; LVM's is longer
_NAME_RESERVED = re.compile(
    r"\.\.?|(snapshot|pvmove).*|.*(_cdata|_cmeta|_corig|_iorig|_mimage|_mlog|_pmspare|_rimage|_rmeta|_tdata|_tmeta|_vorigin|_vdata).*"
)  # lvm(8)
_MOUNT_POINT = re.compile(r"(/[a-zA-Z0-9+_.-]+)+")

_KIND_NAMES = {
    "disk": "a whole disk",
    "partition": "a partition",
    "mdarray": "an md array",
    "lvmlv": "a plain logical volume",
    "lvmthinlv": "a thin volume",
    "btrfs subvolume": "a btrfs subvolume",
}


def is_name_reserved(name: str) -> bool:
    """Whether LVM keeps a name for itself."""
    return bool(_NAME_RESERVED.fullmatch(name))


def check_request(request: Request) -> tuple[Finding, ...]:
    """What no device shows: words that are unknown, names that LVM refuses."""
    findings: list[Finding] = []

    def error(code: str, subject: str, **values: object) -> None:
        findings.append(Finding(code, ERROR, subject, tuple(values.items())))

    if request.layout not in (*policy.LAYOUTS, policy.HOST.name):
        error("layout-unknown", "layout", found=request.layout, known=" and ".join(policy.LAYOUTS))
    if request.filesystem not in policy.FILESYSTEMS:
        error("filesystem-unknown", "filesystem", found=request.filesystem)
    if request.firmware not in (None, "uefi", "bios"):
        error("firmware-unknown", "firmware", found=request.firmware)
    if request.mirrored and len(request.disks) != 2:
        error("disks-for-mirror", "disk", found=len(request.disks))

    def check_name(subject: str, name: str) -> None:
        if not _NAME.fullmatch(name) or len(name) > _NAME_LONGEST:
            error("name-characters", subject, found=name, longest=_NAME_LONGEST)
        elif is_name_reserved(name):
            error("name-reserved", subject, found=name)

    check_name("volume_group", request.volume_group)
    check_name("pool", request.pool)
    names = {"root": "/", "swap": "swap"}
    for mount_point in sorted({*dict(request.volumes), *policy_sizes(request)} - {"/"}):
        if not _MOUNT_POINT.fullmatch(mount_point) or {".", ".."} & set(mount_point.split("/")):
            error("volume-mount-point", mount_point, mount_point=mount_point)
            continue
        if mount_point == "/boot":
            error("volume-boot", mount_point, default_size=policy.BOOT_SIZE)
            continue
        if _is_image_place(mount_point):
            error("volume-place", mount_point, mount_point=mount_point)
        name = volume_name(mount_point)
        if name in names:
            error("volume-name-twice", mount_point, mount_point=mount_point, other=names[name], name=name)
        else:
            check_name(mount_point, name)
        names.setdefault(name, mount_point)
    if request.pool in names:
        error("pool-name-taken", "pool", found=names[request.pool])
    return tuple(findings)


def _is_image_place(mount_point: str) -> bool:
    return any(mount_point == place or mount_point.startswith(place + "/") for place in _IMAGE_PLACES)


def recommended_reserve(group_size: int) -> int:
    """What is to stay free in a volume group of this size where there is room enough."""
    return align_down(min(group_size * policy.RESERVE_PERCENT // 100, policy.RESERVE_MAX))


def is_reserve_small(free: int, group_size: int) -> bool:
    """Whether noticeably less than recommended stays free in a volume group of this size."""
    return free * 100 < recommended_reserve(group_size) * (100 - policy.RESERVE_TOLERANCE_PERCENT)


def check_reserve(left: int, free: int, shown: int, group_size: int) -> Iterator[Finding]:
    """Whether a volume group keeps enough free.

    `left` bytes are free when the metadata of the pool has grown, `free` are compared with what is recommended, and
    `shown` are named where they are fewer.
    """
    if left < policy.RESERVE_MIN:
        needed = policy.RESERVE_MIN
        yield _finding("reserve-too-small", ERROR, "volume_group", found_size=max(0, left), needed_size=needed)
    elif is_reserve_small(free, group_size):
        recommended = recommended_reserve(group_size)
        yield _finding("reserve-small", WARNING, "volume_group", found_size=shown, wanted_size=recommended)


def check(devices: Sequence[Device], request: Request) -> tuple[Finding, ...]:
    """Return everything that is wrong with a layout; what is not known (a size of None) is not judged.

    Of the request only what devices do not show is used: the layout's name, the sizes and volumes asked for, the image,
    the requested images.
    """
    mounted = {device.mount_point: device for device in devices if device.mount_point}
    root = mounted.get("/")
    return (
        *_check_boot(mounted.get("/boot"), request),
        *(_check_root if policy.is_thin(request) else _check_host_root)(root, request),
        *(_check_volumes(mounted, root, request) if policy.is_thin(request) else _check_host_volumes(mounted, request)),
        *_check_swap(devices),
        *_check_pool(devices),
        *_check_capacity(devices, request),
    )


def _finding(code: str, severity: str, subject: str, **values: object) -> Finding:
    return Finding(code, severity, subject, tuple(values.items()))


def _kind(device: Device) -> str:
    return _KIND_NAMES.get(device.kind, device.kind)


def _check_boot(boot: Optional[Device], request: Request) -> Iterator[Finding]:
    recommended = policy.BOOT_SIZE
    if boot is None:
        yield _finding("boot-missing", ERROR, "/boot", wanted_size=recommended)
        return
    if boot.kind not in ("partition", "mdarray"):
        yield _finding("boot-kind", ERROR, "/boot", kind=_kind(boot), wanted_size=recommended)
    if boot.size is None:
        return
    space = filesystem_space(boot.size, boot.filesystem or "xfs")
    host_minimum = _as_kind(policy.HOST_BOOT_SIZE_MIN, boot)
    if not policy.is_thin(request) and boot.size < host_minimum:
        yield _finding("volume-small", ERROR, "/boot", found_size=boot.size, needed_size=host_minimum)
    elif policy.is_thin(request) and space < policy.BOOT_SPACE_MIN:
        yield _finding(
            "boot-too-small",
            ERROR,
            "/boot",
            found_bytes=f"{space:,}",
            filesystem=boot.filesystem or "xfs",
            needed_bytes=f"{policy.BOOT_SPACE_MIN:,}",
            wanted_size=recommended,
        )
    # A mirror of partitions of the recommended size is as large as it has to be.
    elif boot.size < _as_kind(recommended, boot):
        yield _finding("boot-small", WARNING, "/boot", found_size=boot.size, wanted_size=recommended)
    elif boot.size > policy.BOOT_SIZE_MAX:
        yield _finding("boot-large", WARNING, "/boot", found_size=boot.size, wanted_size=policy.BOOT_SIZE_MAX)


def _as_kind(size: int, device: Device) -> int:
    """What is left of a partition of this size, if the device is a mirror of such."""
    return mirror(size) if device.kind == "mdarray" else size


def _check_host_root(root: Optional[Device], request: Request) -> Iterator[Finding]:
    if root is None or root.size is None:
        return
    if root.size < policy.ROOT_SIZE_MIN:
        yield _finding("host-root-small", ERROR, "/", found_size=root.size, needed_size=policy.ROOT_SIZE_MIN)
    elif request.root_size is not None and root.size < request.root_size:
        yield _below_wish(root, "/", request.root_size)


def _check_host_volumes(mounted: dict[str, Device], request: Request) -> Iterator[Finding]:
    """A plain host works with other volumes; its documents have sizes for them."""
    sizes, wishes = policy_sizes(request), dict(request.volumes)
    for mount_point in sorted({*sizes, *wishes} - {"/"}):
        device, needed = mounted.get(mount_point), sizes.get(mount_point, 0)
        if _is_image_place(mount_point):
            yield _finding("volume-place", ERROR, mount_point, mount_point=mount_point)
        elif device is None and mount_point in wishes:
            yield _missing(mount_point, request)
        elif device is None:
            yield _finding("host-volume-missing", WARNING, mount_point, mount_point=mount_point, needed_size=needed)
        elif device.size is None:
            continue
        elif device.size < needed:
            yield _finding("host-volume-small", WARNING, mount_point, found_size=device.size, needed_size=needed)
        elif device.size < wishes.get(mount_point, 0):
            yield _below_wish(device, mount_point, wishes[mount_point])
        elif device.size < policy.VOLUME_SIZE_MIN and device.filesystem == "xfs":
            needed = policy.VOLUME_SIZE_MIN
            yield _finding("volume-tiny", ERROR, mount_point, found_size=device.size, needed_size=needed)


def _check_root(root: Optional[Device], request: Request) -> Iterator[Finding]:
    if root is None:
        yield _finding("root-missing", ERROR, "/")
        return
    if root.kind != "lvmthinlv":
        yield _finding("volume-not-thin", ERROR, "/", mount_point="/", kind=_kind(root))
    if root.size is None:
        return
    needed = root_for_image(request)
    if root.size < policy.ROOT_SIZE_MIN:
        yield _finding("root-small", ERROR, "/", found_size=root.size, needed_size=policy.ROOT_SIZE_MIN)
    elif root.size < needed:
        factor = policy.IMAGE_FACTOR_LOCAL if request.image_is_local else policy.IMAGE_FACTOR_REMOTE
        yield _finding("root-below-image", ERROR, "/", found_size=root.size, needed_size=needed, factor=factor)
    elif request.root_size is not None and root.size < request.root_size:
        yield _below_wish(root, "/", request.root_size)
    elif root.size > max(policy.ROOT_SIZE_WISE, needed):
        yield _finding("root-large", WARNING, "/", found_size=root.size, wanted_size=policy.ROOT_SIZE_WISE)


def _check_volumes(mounted: dict[str, Device], root: Optional[Device], request: Request) -> Iterator[Finding]:
    sizes = policy_sizes(request)
    wishes = dict(request.volumes)
    for mount_point in sorted({*mounted, *sizes, *wishes} - {"/boot", "/boot/efi"}):
        device = mounted.get(mount_point)
        if device is None:
            yield _missing(mount_point, request)
            continue
        if mount_point != "/":
            yield from _check_place(device, mount_point, root, mount_point in sizes or mount_point in wishes)
            yield from _check_size(device, mount_point, sizes.get(mount_point), wishes.get(mount_point))
        if device.kind == "lvmthinlv":
            if device.filesystem not in (None, *policy.FILESYSTEMS):
                filesystem = device.filesystem
                yield _finding("volume-filesystem", ERROR, mount_point, mount_point=mount_point, found=filesystem)
            if device.options is not None and "discard" not in device.options.split(","):
                yield _finding("volume-option", WARNING, mount_point, mount_point=mount_point)


def _missing(mount_point: str, request: Request) -> Finding:
    needed = policy_sizes(request).get(mount_point)
    if needed is None or not policy.is_thin(request):
        requested = dict(request.volumes)[mount_point]
        return _finding("volume-wish-missing", ERROR, mount_point, mount_point=mount_point, wanted_size=requested)
    return _finding(
        "volume-missing", ERROR, mount_point, mount_point=mount_point, layout=request.layout, needed_size=needed
    )


def _check_place(device: Device, mount_point: str, root: Optional[Device], is_demanded: bool) -> Iterator[Finding]:
    if _is_image_place(mount_point):
        yield _finding("volume-place", ERROR, mount_point, mount_point=mount_point)
    elif is_demanded and device.kind != "lvmthinlv":
        yield _finding("volume-not-thin", ERROR, mount_point, mount_point=mount_point, kind=_kind(device))
    elif is_demanded and root is not None and root.pool and device.pool != root.pool:
        yield _finding(
            "volume-other-pool", ERROR, mount_point, mount_point=mount_point, found=device.pool, needed=root.pool
        )


def _check_size(device: Device, mount_point: str, needed: Optional[int], requested: Optional[int]) -> Iterator[Finding]:
    """`needed` is the layout's smallest size, `requested` what the request says."""
    size = device.size
    if size is None:
        return
    if needed is not None and size < needed:
        yield _finding("volume-small", ERROR, mount_point, found_size=size, needed_size=needed)
    elif requested is not None and size < requested:
        yield _below_wish(device, mount_point, requested)
    elif needed is None and device.kind == "lvmthinlv" and size < policy.VOLUME_SIZE_MIN:
        yield _finding("volume-tiny", ERROR, mount_point, found_size=size, needed_size=policy.VOLUME_SIZE_MIN)


def _below_wish(device: Device, mount_point: str, requested: int) -> Finding:
    return _finding(
        "volume-below-wish", ERROR, mount_point, mount_point=mount_point, found_size=device.size, wanted_size=requested
    )


def _check_swap(devices: Sequence[Device]) -> Iterator[Finding]:
    if any(device.filesystem == "swap" and device.kind == "lvmthinlv" for device in devices):
        yield _finding("swap-thin", WARNING, "swap")


def _check_pool(devices: Sequence[Device]) -> Iterator[Finding]:
    """The pool of the root volume, and what its volume group keeps free."""
    pool = node_pool(devices)
    if pool is None:
        return
    yield from _check_metadata(pool)
    yield from _check_provisioning(pool, devices)
    room = room_beside(pool, devices)
    if room is not None:
        yield from check_reserve(room.left, room.free, room.free, room.group_size)


def _check_metadata(pool: Device) -> Iterator[Finding]:
    size, needed = pool.metadata_size, policy.METADATA_SIZE
    if size is not None and size < needed:
        yield _finding("metadata-small", WARNING, "pool", found_size=size, needed_size=needed, mib=needed // MIB)


def _check_provisioning(pool: Device, devices: Sequence[Device]) -> Iterator[Finding]:
    thin = sum(d.size or 0 for d in devices if d.kind == "lvmthinlv" and d.pool == pool.name)
    if pool.size is not None and thin > pool.size:
        yield _finding("over-provisioned", ERROR, "pool", found_size=thin, needed_size=pool.size)


def _check_capacity(devices: Sequence[Device], request: Request) -> Iterator[Finding]:
    held = capacity(devices, request)
    if held.images is None:
        return
    if held.images == 0:
        yield _finding("cannot-update", WARNING, "images", found_size=held.pool_size, needed_size=held.pool_for_update)
    elif held.images < request.images:
        yield _finding(
            "images-below-wish",
            WARNING,
            "images",
            found_size=held.pool_size,
            found=held.images,
            wanted=request.images,
            needed_size=held.pool_for_wish,
        )
