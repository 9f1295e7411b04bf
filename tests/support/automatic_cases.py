# SPDX-License-Identifier: GPL-2.0-or-later
"""Disks that Anaconda has partitioned automatically with our configuration: which, in which machine, with which layout.

record_automatic.py asks Anaconda and writes what it answered to tests/data/anaconda; test_automatic.py compares.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from org_ovirt_node.layout import GIB, MIB, TIB, Request, excluded_mount_points
from org_ovirt_node.layout.geometry import KIB

RECORDED = Path(__file__).parents[1] / "data" / "anaconda"
RELEASES = {"el9": "rhel-9", "el10": "rhel-10"}
CONFIGURATION = Path(__file__).parents[2] / "org_ovirt_node" / "data" / "conf.d" / "90-ovirt-node.conf"

_UNITS = {"KiB": KIB, "MiB": MIB, "GiB": GIB, "TiB": TIB, "GB": 1000**3}


@dataclass(frozen=True)
class Case:
    """`size` is that of each disk, with its unit. `interactive` asks as the user interfaces do, not by `autopart`."""

    name: str
    size: str
    layout: str = "standard"
    firmware: str = "uefi"
    disks: int = 1
    filesystem: str = "xfs"
    has_swap: bool = True
    memory_mib: int = 16384
    interactive: bool = False
    releases: tuple[str, ...] = ("el9", "el10")

    @property
    def disk_size(self) -> int:
        number, unit = self.size.split()
        return int(number) * _UNITS[unit]

    @property
    def is_interactive(self) -> bool:
        """A kickstart can leave out swap, but not the volumes of a layout."""
        return self.interactive or self.layout != "standard"

    def request(self, release: str) -> Request:
        return Request(
            automatic=True,
            layout=self.layout,
            disks=(self.disk_size,) * self.disks,
            firmware=self.firmware,
            filesystem=self.filesystem,
            swap_size=None if self.has_swap else 0,
            memory=self.memory_mib * MIB,
            release=release,
        )

    def kickstart(self) -> str:
        words = ["autopart"]
        if self.filesystem != "xfs":
            words.append(f"--fstype={self.filesystem}")
        if not self.has_swap:
            words.append("--noswap")
        return f"zerombr\nclearpart --all --initlabel\n{' '.join(words)}\n"

    def partitioning_request(self) -> dict[str, object]:
        """The same as Anaconda's PartitioningRequest; 3 is LVM_THINP."""
        wanted: dict[str, object] = {"partitioning-scheme": 3}
        if self.filesystem != "xfs":
            wanted["file-system-type"] = self.filesystem
        excluded = excluded_mount_points(self.request("el9"))
        return {**wanted, "excluded-mount-points": list(excluded)} if excluded else wanted


def _sizes() -> list[Case]:
    """Every size with either firmware, and with the layout that a disk of that size is for."""
    standard = (
        "75 GiB", "76 GiB", "77 GiB", "80 GiB", "90 GiB", "100 GiB", "128 GiB", "250 GiB", "468851544 KiB", "500 GB",
        "937692504 KiB", "1 TiB", "1920 GB", "4 TiB", "15 TiB", "16 TiB", "32 TiB", "64 TiB",
    )  # fmt: skip
    # the disks of anaconda_bus.py are files that end at 16 TiB
    minimal = ("29 GiB", "32 GiB", "64 GiB", "250 GiB", "2 TiB", "15 TiB")
    return [
        Case(f"{layout}-{firmware}-{size.replace(' ', '')}", size, layout, firmware)
        for layout, sizes in (("standard", standard), ("minimal", minimal))
        for size in sizes
        for firmware in ("uefi", "bios")
    ]


CASES = (
    *_sizes(),
    # the smallest disk to the MiB
    Case("tightest-el9-uefi", "75227 MiB", releases=("el9",)),
    Case("tightest-el9-bios", "74544 MiB", firmware="bios", releases=("el9",)),
    Case("tightest-el10-uefi", "76399 MiB", releases=("el10",)),
    Case("tightest-el10-bios", "75712 MiB", firmware="bios", releases=("el10",)),
    Case("tightest-el9-minimal", "28279 MiB", "minimal", releases=("el9",)),
    Case("tightest-el10-minimal", "28768 MiB", "minimal", "bios", releases=("el10",)),
    # a group of which a fifth is a whole number of extents
    *(Case(f"fifth-{size}", f"{size} MiB") for size in (102400, 102404, 102408, 102412, 102416)),
    # around the largest pool with chunks of 64 KiB
    Case("chunk-16260GiB", "16260 GiB"),
    Case("chunk-16400GiB", "16400 GiB", firmware="bios"),
    # two disks
    Case("two-40GiB", "40 GiB", disks=2),
    Case("two-200GiB-uefi", "200 GiB", disks=2),
    Case("two-200GiB-bios", "200 GiB", firmware="bios", disks=2),
    Case("two-468851544KiB", "468851544 KiB", disks=2),
    Case("two-64TiB", "64 TiB", firmware="bios", disks=2),
    Case("two-20GiB-minimal", "20 GiB", "minimal", disks=2),
    Case("two-1TiB-minimal", "1 TiB", "minimal", "bios", disks=2),
    Case("three-100GiB", "100 GiB", disks=3),
    # swap
    *(Case(f"memory-{mib}MiB", "500 GiB", memory_mib=mib) for mib in (2048, 6000, 8192, 65535, 131072)),
    Case("memory-60000MiB-tenth", "100 GiB", firmware="bios", memory_mib=60000),
    Case("memory-60000MiB-tenth-of-two", "100 GiB", disks=2, memory_mib=60000),
    Case("no-swap", "100 GiB", has_swap=False),
    Case("no-swap-minimal", "64 GiB", "minimal", has_swap=False),
    # file system
    Case("ext4", "250 GiB", filesystem="ext4"),
    Case("ext4-minimal", "100 GiB", "minimal", "bios", filesystem="ext4"),
    # the standard layout over D-Bus, too
    Case("interactive-uefi", "250 GiB", interactive=True),
    Case("interactive-bios-two", "200 GiB", firmware="bios", disks=2, interactive=True),
)

# What plan() refuses. Anaconda takes some: the metadata makes the pool smaller than its volumes, and it does not look.
REFUSED = (
    Case("refused-26GiB", "26 GiB"),
    Case("refused-56GiB", "56 GiB", firmware="bios"),
    Case("refused-70GiB", "70 GiB"),
    Case("refused-el9-uefi-one-MiB-short", "75226 MiB", releases=("el9",)),
    Case("refused-el9-bios-50MiB-short", "74494 MiB", firmware="bios", releases=("el9",)),
    Case("refused-el10-uefi-one-MiB-short", "76398 MiB", releases=("el10",)),
    Case("refused-el10-bios-50MiB-short", "75662 MiB", firmware="bios", releases=("el10",)),
    Case("refused-minimal-26GiB", "26 GiB", "minimal"),
    Case("refused-el9-minimal-one-MiB-short", "28278 MiB", "minimal", releases=("el9",)),
    Case("refused-el10-minimal-40MiB-short", "28728 MiB", "minimal", "bios", releases=("el10",)),
    Case("refused-two-36GiB", "36 GiB", disks=2),
)
