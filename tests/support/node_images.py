# SPDX-License-Identifier: GPL-2.0-or-later
"""Small squashfs files that look like node images: everything that somebody looks at, and nothing that runs."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

NVR = "ovirt-node-ng-4.5.7-0.20260101.0"
KERNEL = "5.14.0-503.el9.x86_64"
OS_RELEASE = """\
# what the release package wrote
NAME="CentOS Stream"
ID="centos"
VERSION_ID="9"
PRETTY_NAME="oVirt Node 4.5.7"
VARIANT_ID="ovirt-node"
"""
# Path: text, None for a file that is not there; a link says where to.
LINKS = {"/etc/os-release": "../usr/lib/os-release", "/sbin": "usr/sbin", "/bin": "/usr/bin"}
FILES: Mapping[str, str | None] = {
    "/usr/share/imgbase/build/meta/nvr": NVR,
    "/usr/lib/os-release": OS_RELEASE,
    f"/boot/vmlinuz-{KERNEL}": "a kernel",
    "/boot/vmlinuz-0-rescue-0123": "a kernel to rescue",
    "/boot/efi/EFI/centos/shimx64.efi": "a boot loader",
    "/boot/efi/EFI/BOOT/BOOTX64.EFI": "a boot loader",
    "/usr/lib/python3.9/site-packages/imgbased/constants.py": "PACKAGE_NAME = 'imgbased'\nPACKAGE_VERSION = '1.2.24'\n",
    "/etc/lvm/profile/imgbased-pool.profile": "",
    "/etc/system-release-cpe": "cpe:/o:centos:centos:9\n",
    "/etc/ssh/sshd_config": "",
    "/usr/share/factory/etc/passwd": "",
    "/usr/share/factory/etc/group": "",
    "/usr/share/factory/etc/systemd/system.conf": "",
    "/usr/libexec/grubby/grubby-bls": "#!/bin/sh\n",
    **{f"/usr/bin/{name}": "#!/bin/sh\n" for name in ("findmnt", "rpm", "rsync", "nsenter", "pkill", "grub2-editenv")},
    **{
        f"/usr/sbin/{name}": "#!/bin/sh\n"
        for name in (
            *("imgbase", "lvs", "vgs", "lvcreate", "lvchange", "dmeventd", "dmsetup", "blkid"),
            *("getenforce", "restorecon", "setfiles", "grubby", "grub2-mkconfig"),
        )
    },
}


def program(name: str) -> str:
    """The path of a program, which in sbin is not on everybody's PATH."""
    found = shutil.which(name, path="/usr/bin:/bin:/usr/sbin:/sbin")
    assert found, f"{name} is not installed; .ci/system-packages has its package"
    return found


def run(*command: str) -> None:
    done = subprocess.run([program(command[0]), *command[1:]], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def tree(place: Path, files: Mapping[str, str | None] = FILES, links: Mapping[str, str] = LINKS) -> Path:
    """A root file system of these files."""
    for path, text in files.items():
        if text is not None:
            target = place / path[1:]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
    for path, aim in links.items():
        (place / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        (place / path[1:]).symlink_to(aim)
    return place


def squashfs(place: Path, root: Path, *options: str) -> Path:
    """The directory packed into the file `place`."""
    run("mksquashfs", str(root), str(place), "-noappend", "-quiet", "-all-root", *(options or ("-comp", "gzip")))
    return place


def plain(place: Path, changes: Mapping[str, str | None] | None = None, *options: str) -> Path:
    """A node image whose root lies in the squashfs itself."""
    root = tree(place.with_name(f"{place.name}.tree"), {**FILES, **(changes or {})})
    return squashfs(place, root, *options)


def nested(place: Path, changes: Mapping[str, str | None] | None = None, *options: str) -> Path:
    """A node image as livemedia-creator makes it, with LiveOS/rootfs.img in the squashfs."""
    root = tree(place.with_name(f"{place.name}.tree"), {**FILES, **(changes or {})})
    outer = place.with_name(f"{place.name}.outer")
    (outer / "LiveOS").mkdir(parents=True)
    run("mkfs.ext4", "-q", "-d", str(root), str(outer / "LiveOS" / "rootfs.img"), "64M")
    return squashfs(place, outer, *options)
