# SPDX-License-Identifier: GPL-2.0-or-later
"""Images, ISOs and install trees, read without unpacking."""

from ksgen.media.bootiso import ARCHES, PRODUCT, UPDATES, BootIso, Config, check_boot_iso, medium, mtools, read_boot_iso
from ksgen.media.filesystem import FileSource, Unreadable
from ksgen.media.iso9660 import SECTOR, Iso9660
from ksgen.media.nodeimage import NO_NODE_IMAGE, NodeImage, look_at_image, read_node_image
from ksgen.media.repodata import (
    REPOMD,
    GroupReader,
    Groups,
    MetadataFile,
    PackageReader,
    Packages,
    Repomd,
    parse_metalink,
    parse_repomd,
)
from ksgen.media.squashfs import Squashfs
from ksgen.media.treeinfo import (
    KERNEL,
    STAGE2,
    STAGE2_LAST,
    TreeInfo,
    TreeRepository,
    parse_treeinfo,
    tree_repositories,
)
from ksgen.media.xmlstream import CannotUnpack

__all__ = [
    "ARCHES",
    "KERNEL",
    "NO_NODE_IMAGE",
    "PRODUCT",
    "REPOMD",
    "SECTOR",
    "STAGE2",
    "STAGE2_LAST",
    "UPDATES",
    "BootIso",
    "CannotUnpack",
    "Config",
    "FileSource",
    "GroupReader",
    "Groups",
    "Iso9660",
    "MetadataFile",
    "NodeImage",
    "PackageReader",
    "Packages",
    "Repomd",
    "Squashfs",
    "TreeInfo",
    "TreeRepository",
    "Unreadable",
    "check_boot_iso",
    "look_at_image",
    "medium",
    "mtools",
    "parse_metalink",
    "parse_repomd",
    "parse_treeinfo",
    "read_boot_iso",
    "read_node_image",
    "tree_repositories",
]
