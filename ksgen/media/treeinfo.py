# SPDX-License-Identifier: GPL-2.0-or-later
"""The `.treeinfo` of an install tree: product, architecture, and paths (productmd's treeinfo 1.2)."""

from __future__ import annotations

import configparser
import dataclasses

# The kernel and the initrd: their names in the published tree, and their places in an install tree.
KERNEL = (("vmlinuz", "images/pxeboot/vmlinuz"), ("initrd.img", "images/pxeboot/initrd.img"))
# What dracut fetches if .treeinfo names nothing, and what it tries last (Anaconda's dracut/anaconda-lib.sh).
STAGE2, STAGE2_LAST = "images/install.img", "LiveOS/squashfs.img"
# The directory below EFI/ in which Anaconda looks for the boot loader, by product: efi_dir in its product.d, profile.d.
_EFI_DIRS = {
    "AlmaLinux": "almalinux",
    "CentOS Linux": "centos",
    "CentOS Stream": "centos",
    "Circle Linux": "circle",
    "Fedora": "fedora",
    "Red Hat Enterprise Linux": "redhat",
    "Rocky Linux": "rocky",
    "Virtuozzo Linux": "virtuozzo",
    "oVirt Node Next": "centos",
}


@dataclasses.dataclass(frozen=True)
class TreeInfo:
    """`name` and `version` are the product's, `stage2` a path in the tree."""

    name: str
    version: str
    arch: str
    variant: str
    stage2: str

    @property
    def release(self) -> str | None:
        """`el9`; None if the version does not begin with a number."""
        major = self.version.partition(".")[0]
        return f"el{major}" if major.isascii() and major.isdigit() else None

    @property
    def efi_dir(self) -> str | None:
        """None for a product that Anaconda does not know."""
        return _EFI_DIRS.get(self.name)

    def __str__(self) -> str:
        return " ".join(filter(None, (self.name, self.version, self.arch)))


def parse_treeinfo(text: str) -> TreeInfo | None:
    """None if the text is not a valid .treeinfo."""
    config = configparser.RawConfigParser(strict=False, allow_no_value=True)
    try:
        config.read_string(text)
    except configparser.Error:
        return None

    def value(*places: tuple[str, str]) -> str:
        found = (config.get(section, key, fallback=None) for section, key in places)
        return next(filter(None, found), "")

    info = TreeInfo(
        name=value(("release", "name"), ("general", "family")),
        version=value(("release", "version"), ("general", "version")),
        arch=value(("tree", "arch"), ("general", "arch")),
        variant=value(("general", "variant"), ("tree", "variants")),
        stage2=value(("stage2", "mainimage")) or STAGE2,
    )
    return info if info.version and info.arch else None
