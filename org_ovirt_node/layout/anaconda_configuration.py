# SPDX-License-Identifier: GPL-2.0-or-later
"""The policy as Anaconda's own configuration: the text of conf.d/90-ovirt-node.conf.

With it Anaconda's own automatic partitioning makes the volumes of a node. What a layout must have is not asked for:
Anaconda's checker would stop with its own words, without a cure, and before the add-on has told everything. One text
for all releases: each ignores the options that it does not know.
"""

import re
from typing import Optional

from org_ovirt_node.layout.geometry import GIB, MIB
from org_ovirt_node.layout.policy import automatic_sizes

COMMAND = "python3 -m org_ovirt_node.layout.anaconda_configuration >org_ovirt_node/data/conf.d/90-ovirt-node.conf"

_EFI_DIR = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

# Anaconda drops comment lines and blank ones at the end, but a blank line among the mount points is one without a name,
# and it does not start.
_TEXT = """\
# Anaconda's configuration for an oVirt Node. Generated from org_ovirt_node/layout/policy.py:
#     {command}

[Anaconda]
# A node that was installed without its add-on is no node, so that one has to start. kdump's ends itself where it is
# disabled (inst.kdump_addon=off).
optional_modules =
    org.fedoraproject.Anaconda.Modules.Subscription
    org.fedoraproject.Anaconda.Addons.Kdump
    org.fedoraproject.Anaconda.Addons.OSCAP
{bootloader}
[Storage]
default_scheme = LVM_THINP
file_system_type = xfs
# GPT with either firmware: EL9 knows the first option, later releases the second.
gpt = True
disk_label_type = gpt
# For Anaconda's own automatic partitioning; the node layout comes from the add-on. Root does not grow, each later image
# inherits its size. Every volume of every layout, in its largest size.
default_partitioning =
{partitioning}

[Storage Constraints]
# The add-on checks the layout, and tells everything that is wrong with its cure. oVirt's own profile asks for a part of
# it here: Anaconda would stop for that alone.
root_device_types =
must_not_be_on_root =
req_partition_sizes =
swap_is_recommended = True

[User Interface]
# A node has root and the users of its engine.
hidden_spokes = UserSpoke
"""


def configuration(efi_dir: Optional[str] = None) -> str:
    """The text of Anaconda's conf.d/90-ovirt-node.conf.

    `efi_dir` is the directory below EFI/ that the boot loader of the image has; without, Anaconda's own holds.
    """
    if efi_dir is not None and not is_efi_dir(efi_dir):
        raise ValueError(f"{efi_dir!r} is not the name of a directory below EFI/")
    bootloader = f"\n[Bootloader]\nefi_dir = {efi_dir}\n" if efi_dir is not None else ""
    volumes = [f"{mount_point} (size {_size(size)})" for mount_point, size in sorted(automatic_sizes().items())]
    return _TEXT.format(
        command=COMMAND,
        bootloader=bootloader,
        partitioning="\n".join("    " + line for line in (*volumes, "swap")),
    )


def is_efi_dir(word: str) -> bool:
    return _EFI_DIR.fullmatch(word) is not None


def _size(size: int) -> str:
    """A size as blivet reads it."""
    return f"{size // GIB} GiB" if size % GIB == 0 else f"{size // MIB} MiB"


if __name__ == "__main__":
    print(configuration(), end="")
