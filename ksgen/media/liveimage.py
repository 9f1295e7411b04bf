# SPDX-License-Identifier: GPL-2.0-or-later
"""A root file system packed as a squashfs: a node image, or the installer itself. Nothing is unpacked.

It is the squashfs itself, or, as livemedia-creator and lorax create it, LiveOS/rootfs.img within it.
"""

from __future__ import annotations

import dataclasses
import shlex

from ksgen.media.ext4 import Ext4
from ksgen.media.filesystem import FileSystem, Source, Unreadable
from ksgen.media.squashfs import Squashfs

# Anaconda mounts the first LiveOS/*.img of a squashfs that has one (its live_image/installation.py).
_LIVE = "/LiveOS"


@dataclasses.dataclass(frozen=True)
class LiveImage:
    """`root` becomes the root file system of a machine; `is_nested`: it is a file within the squashfs."""

    root: FileSystem
    is_nested: bool


def read(source: Source) -> LiveImage:
    """Raises Unreadable."""
    outer = Squashfs(source)
    nested = [name for name in outer.names(_LIVE) if name.endswith(".img")]
    if not nested:
        return LiveImage(outer, is_nested=False)
    path = f"{_LIVE}/{nested[0]}"
    inner = outer.find(path)
    if inner is None or not inner.is_file:
        raise Unreadable(f"has a {path} that is not a file")
    try:
        return LiveImage(Ext4(outer.content(inner)), is_nested=True)
    except Unreadable as error:
        raise Unreadable(f"has a {path} that {error}") from error


def os_release(root: FileSystem) -> dict[str, str]:
    """os-release(5): NAME=value, quoted as a shell does."""
    found = {}
    for line in (root.text("/etc/os-release") or "").splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith("#"):
            try:
                found[name] = "".join(shlex.split(value)[:1])
            except ValueError:
                found[name] = value
    return found
