# SPDX-License-Identifier: GPL-2.0-or-later
"""The add-on as an image for `inst.updates`."""

from ksgen.addon.cpio import NotMerged, merged
from ksgen.addon.updates import ADDON, ADDONS_PLACE, INTERACTIVE, NAME, File, addon_files, archive, image, write

__all__ = [
    "ADDON",
    "ADDONS_PLACE",
    "INTERACTIVE",
    "NAME",
    "File",
    "NotMerged",
    "addon_files",
    "archive",
    "image",
    "merged",
    "write",
]
