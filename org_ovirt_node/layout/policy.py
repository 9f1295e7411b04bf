# SPDX-License-Identifier: GPL-2.0-or-later
"""THE numbers of storage, of an oVirt Node and of a plain host: which volumes, how large, and where each is from.

Everything else that uses sizes (plans, checks, kickstarts, Anaconda's configuration, documents) is derived from
here. All sizes are bytes.
"""

from dataclasses import dataclass
from typing import Optional

from org_ovirt_node.layout.geometry import GIB, MIB, align_up

# --- boot ------------------------------------------------------------------------------------------------------------
# A layer takes about 90 MiB of initramfs and 12 of kernel, twice for the running one; 1 GiB, EL9's own choice, holds
# one update's (BZ1907746, EL10 makes 2 GiB).
BOOT_SIZE = 2 * GIB
# As many images as can be requested (99) have no more kernels than fit in here: nothing can use a larger one.
BOOT_SIZE_MAX = 10 * GIB
# imgbased, BootConfiguration.validate(): 1000**3 bytes as statvfs(2) counts, else BootPartitionRequires1G.
BOOT_SPACE_MIN = 1000**3
# ovirt-site, Host Storage Requirements; nothing on a plain host counts the bytes of its file system.
HOST_BOOT_SIZE_MIN = 1 * GIB
# Anaconda's `reqpart` makes these where there is room (pyanaconda, modules/storage/platform.py).
ESP_SIZE = 600 * MIB
BIOSBOOT_SIZE = 1 * MIB

# --- root ------------------------------------------------------------------------------------------------------------
ROOT_SIZE = 10 * GIB
# ovirt-site, Host Storage Requirements: 6 GiB.
ROOT_SIZE_MIN = 6 * GIB
# A larger one is inherited by every later image: it costs time to make and nothing can use it.
ROOT_SIZE_WISE = 50 * GIB
# Free space that Anaconda asks for: Content-Length * 4 from a server, size * 3 of a local file
# (pyanaconda, payload_liveimg.py and source/live_image/initialization.py).
IMAGE_FACTOR_REMOTE = 4
IMAGE_FACTOR_LOCAL = 3
# What the system of one image uses: the images are built into 5 GiB (ovirt-node-ng-image), and about as much as three
# times the compressed image; 15 % more for what its own layer writes.
IMAGE_USED = 5 * GIB
IMAGE_UNPACKED_FACTOR = 3
LAYER_GROWTH_PERCENT = 15

# --- pool ------------------------------------------------------------------------------------------------------------
# lvmthin(7) recommends 1 GiB, imgbased asks for it (BZ1432359, BZ1473175); LVM keeps a spare of the same size.
METADATA_SIZE = 1 * GIB
# blivet's DEFAULT_THPOOL_RESERVE: what automatic partitioning leaves free for the pool and its metadata to grow into.
RESERVE_PERCENT = 20
RESERVE_MAX = 100 * GIB
RESERVE_MIN = 1 * GIB
# A kickstart for disks of one nominal size, 3 % up or down, reserves what the smallest of them can give.
RESERVE_TOLERANCE_PERCENT = 6
# `nodectl check` fails from 80 % of data on.
POOL_FILL_PERCENT = 80
OPTIONS = "defaults,discard"  # imgbased mends what lacks discard in its layer only (BZ1472189, BZ1803017)
VOLUME_SIZE_MIN = 300 * MIB  # mkfs.xfs(8): smaller ones are refused since xfsprogs 6.0
FILESYSTEMS = ("xfs", "ext4")  # imgbased, Filesystem.supported_filesystem

# --- the rest --------------------------------------------------------------------------------------------------------
SWAP_SIZE = 4 * GIB  # Anaconda's own for 64 GiB of memory and more
SWAP_SIZE_MIN = 1 * GIB  # ovirt-site, Host Storage Requirements
MEMORY_MIN = 2 * GIB  # ovirt-site, Memory Requirements
VOLUME_GROUP = "onn"  # what Anaconda makes of "oVirt Node Next"
HOST_VOLUME_GROUP = "el"
POOL = "pool00"
IMAGES = 2  # imgbased, images_to_keep


@dataclass(frozen=True)
class Layout:
    """A named policy: the volumes beside root that a node must have, with the sizes they have at least.

    `root_size` is the default of root. `is_thin`: the volumes are in a pool, which imgbase takes snapshots of.
    """

    name: str
    volumes: tuple[tuple[str, int], ...]
    root_size: int = ROOT_SIZE
    is_thin: bool = True


STANDARD = Layout(
    "standard",
    (
        # imgbased, IMGBASED_DEFAULT_VOLUMES; Anaconda's profile.d/ovirt.conf (NIST 800-53 SC-32, BZ1422952)
        ("/home", 1 * GIB),
        ("/tmp", 1 * GIB),
        ("/var", 5 * GIB),
        ("/var/crash", 10 * GIB),  # BZ1433394
        ("/var/log", 8 * GIB),
        ("/var/log/audit", 2 * GIB),
        ("/var/tmp", 10 * GIB),  # the engine appliance is unpacked here (BZ2055829)
    ),
)
MINIMAL = Layout("minimal", (("/var", 8 * GIB),))  # imgbased, IMGBASED_MINIMUM_VOLUMES (BZ1777886)
LAYOUTS = {layout.name: layout for layout in (STANDARD, MINIMAL)}
# A plain host has no images: nothing takes snapshots of its volumes, so they are plain ones. ovirt-site, Host Storage
# Requirements, has the sizes; /var/tmp is that of a node, for the engine appliance.
HOST = Layout(
    "host",
    (
        ("/home", 1 * GIB),
        ("/tmp", 1 * GIB),
        ("/var", 15 * GIB),
        ("/var/crash", 10 * GIB),
        ("/var/log", 8 * GIB),
        ("/var/log/audit", 2 * GIB),
        ("/var/tmp", 10 * GIB),
    ),
    root_size=15 * GIB,
    is_thin=False,
)
_POLICIES = {**LAYOUTS, HOST.name: HOST}


@dataclass(frozen=True)
class Request:
    """What is requested. Sizes are bytes; None is "not known" for a disk, "the default" for root and /boot.

    `swap_size` None leaves swap to Anaconda, which goes by `memory` and `release`. `firmware` None is open. Several
    `disks` are joined, or a pair is `mirrored`; partitions for booting are on the first.
    """

    layout: str = STANDARD.name
    disks: tuple[Optional[int], ...] = (None,)
    mirrored: bool = False
    firmware: Optional[str] = None
    filesystem: str = "xfs"
    root_size: Optional[int] = None
    boot_size: Optional[int] = None
    image_size: Optional[int] = None
    image_is_local: bool = False
    images: int = IMAGES
    volumes: tuple[tuple[str, int], ...] = ()
    swap_size: Optional[int] = SWAP_SIZE
    memory: Optional[int] = None
    release: str = "el9"
    volume_group: str = VOLUME_GROUP
    pool: str = POOL


@dataclass(frozen=True)
class Device:
    """One device of a layout, planned or found. `kind` is blivet's word for its type.

    `size` is bytes, None where it is not known. `metadata_size` is a pool's; `reserve` what a volume group keeps free.
    """

    name: str
    kind: str
    size: Optional[int]
    mount_point: Optional[str] = None
    filesystem: Optional[str] = None
    options: Optional[str] = None
    pool: Optional[str] = None
    grows: bool = False
    parents: tuple[str, ...] = ()
    metadata_size: Optional[int] = None
    reserve: Optional[int] = None


def volume_name(mount_point: str) -> str:
    """The name that Anaconda and imgbased give the volume of a mount point (BZ1472193)."""
    return "root" if mount_point == "/" else mount_point[1:].replace("/", "_")


def policy_sizes(request: Request) -> dict[str, int]:
    """The mount points that the layout of a request demands, with their smallest sizes."""
    return dict(_POLICIES[request.layout].volumes) if request.layout in _POLICIES else {}


def is_thin(request: Request) -> bool:
    """Whether the volumes of a request are in a thin pool, as those of a node."""
    return request.layout != HOST.name


def automatic_sizes() -> dict[str, int]:
    """The volumes for Anaconda's own automatic partitioning, root among them: each in the largest size of any layout.

    Anaconda has one list of them.
    """
    sizes = {"/": ROOT_SIZE}
    for layout in LAYOUTS.values():
        for mount_point, size in layout.volumes:
            sizes[mount_point] = max(size, sizes.get(mount_point, 0))
    return sizes


def boot_size(request: Request) -> int:
    """The size of /boot, or of each half of a mirrored one."""
    return BOOT_SIZE if request.boot_size is None else align_up(request.boot_size, MIB)


def volume_sizes(request: Request) -> dict[str, int]:
    """The volumes that are made for a request, without swap."""
    return {**policy_sizes(request), **dict(request.volumes), "/": root_size(request)}


def root_size(request: Request) -> int:
    """The size of the root volume: as requested, or large enough for the image."""
    if request.root_size is not None:
        return align_up(request.root_size)
    return max(_POLICIES[request.layout].root_size, align_up(root_for_image(request), GIB))


def root_for_image(request: Request) -> int:
    """The free space on root for which Anaconda asks before it installs the image."""
    factor = IMAGE_FACTOR_LOCAL if request.image_is_local else IMAGE_FACTOR_REMOTE
    return factor * (request.image_size or 0)
