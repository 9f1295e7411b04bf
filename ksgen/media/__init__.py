# SPDX-License-Identifier: GPL-2.0-or-later
"""Images, ISOs and install trees, read without unpacking."""

from ksgen.media.bootiso import ARCHES, PRODUCT, UPDATES, BootIso, Config, check_boot_iso, medium, mtools, read_boot_iso
from ksgen.media.filesystem import FileSource, Unreadable
from ksgen.media.iso9660 import SECTOR, Iso9660
from ksgen.media.nodeimage import NO_NODE_IMAGE, NodeImage, look_at_image, read_node_image
from ksgen.media.squashfs import Squashfs
from ksgen.media.treeinfo import KERNEL, STAGE2, STAGE2_LAST, TreeInfo, parse_treeinfo

__all__ = [
    "ARCHES",
    "KERNEL",
    "NO_NODE_IMAGE",
    "PRODUCT",
    "SECTOR",
    "STAGE2",
    "STAGE2_LAST",
    "UPDATES",
    "BootIso",
    "Config",
    "FileSource",
    "Iso9660",
    "NodeImage",
    "Squashfs",
    "TreeInfo",
    "Unreadable",
    "check_boot_iso",
    "look_at_image",
    "medium",
    "mtools",
    "parse_treeinfo",
    "read_boot_iso",
    "read_node_image",
]
