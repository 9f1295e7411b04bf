# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads a node image: a squashfs that Anaconda copies, and from which imgbase can create the first layer."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from ksgen.media import liveimage
from ksgen.media.filesystem import FileSource, FileSystem, Source, Unreadable
from ksgen.problems import Finding
from org_ovirt_node.programs import imgbase

LVM_PROFILE = "/etc/lvm/profile/imgbased-pool.profile"
_VARIANT = "ovirt-node"  # VARIANT_ID that ovirt-node-ng's %post writes
# Written by the installation, not part of the image: Anaconda's fstab and boot loader configuration.
_MADE_LATER = frozenset((imgbase.FSTAB, "/etc/default/grub"))
# Lorax writes it into the installer's root, where Anaconda reads it (pyanaconda/product.py).
_BUILD_STAMP = "/.buildstamp"
NO_NODE_IMAGE = "image-no-node"
_KERNEL = "vmlinuz-"
_RESCUE = "-rescue-"  # Anaconda ignores such a kernel (its live_image/utils.py)
_EFI = "/boot/efi/EFI"
_EFI_FALLBACK = "BOOT"  # UEFI's fallback directory, of no distribution
_PROGRAM_PLACES = ("/usr/bin", "/usr/sbin", "/bin", "/sbin")
_SITE_PACKAGES = re.compile(r"python3\.\d+")
_PACKAGE_VERSION = re.compile(r"^PACKAGE_VERSION = ['\"]([^'\"]+)['\"]", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class NodeImage:
    """The contents of an image; a field is None, or empty, if not found.

    `os_release` is that of the image (`ID`, `VERSION_ID`, `VARIANT_ID`, `PRETTY_NAME`), `kernels` are versions,
    `efi_dirs` the directories below EFI/ other than BOOT, `release_cpe` the text of
    /etc/system-release-cpe, `missing_files` and `missing_programs` what imgbase requires.
    """

    size: int
    nvr: str | None
    os_release: Mapping[str, str]
    kernels: tuple[str, ...]
    efi_dirs: tuple[str, ...]
    imgbased_version: str | None
    release_cpe: str | None
    missing_files: tuple[str, ...] = ()
    missing_programs: tuple[str, ...] = ()
    is_nested: bool = False


def read_node_image(path: Path) -> tuple[NodeImage | None, tuple[Finding, ...]]:
    """The image in a file, and its problems; None if it cannot be read. Raises OSError."""
    with open(path, "rb") as file:
        return look_at_image(FileSource(file))


def look_at_image(source: Source) -> tuple[NodeImage | None, tuple[Finding, ...]]:
    """Like read_node_image(), from any source."""
    try:
        live = liveimage.read(source)
        image = _node(live.root, source.size, live.is_nested)
    except Unreadable as error:
        return None, (Finding("image-unreadable", str(error), hint="use the .squashfs.img of a node image"),)
    if image.nvr is None and image.imgbased_version is None:
        return None, (_of_another_kind(live, image),)
    return image, tuple(check(image))


def _of_another_kind(live: liveimage.LiveImage, image: NodeImage) -> Finding:
    """What is said of an image that has nothing of imgbased: one fault, whatever else it lacks."""
    name = image.os_release.get("PRETTY_NAME")
    what = f"an image of {name!r}" if name else "an image of another kind"
    if live.root.find(_BUILD_STAMP) is not None:
        what = "the LiveOS image of an installer (stage 2)"
    elif live.is_nested:
        what = "a LiveOS image" + (f" of {name!r}" if name else "")
    hint = "use the .squashfs.img of a node image, as the oVirt project publishes it"
    return Finding(NO_NODE_IMAGE, f"{what}, not a node image: neither imgbased nor its NVR is in it", hint=hint)


def check(image: NodeImage) -> Iterator[Finding]:
    """Why the image cannot become a node, and what is probably a mistake."""
    cure = imgbase.NODE_IMAGE
    for found in imgbase.nvr_findings(image.nvr):
        yield Finding("image-nvr", f"{found.found}; needed: {found.needed}", hint=found.cure)
    if not image.kernels:
        yield Finding("image-kernel", f"has no kernel /boot/{_KERNEL}*, so it cannot boot", hint=cure)
    if image.imgbased_version is None:
        yield Finding("image-imgbased", "does not contain imgbased", hint=cure)
    for found in imgbase.cpe_findings(image.release_cpe):
        yield Finding("image-file", f"{found.found}; needed: {found.needed}", hint=found.cure)
    for path in image.missing_files:
        yield Finding("image-file", f"has no {path}, which imgbase reads", hint=imgbase.FILES[path])
    if image.missing_programs:
        names = ", ".join(image.missing_programs)
        yield Finding("image-program", f"has no {names}, which imgbase calls", hint=cure)
    if image.os_release.get("VARIANT_ID") != _VARIANT:
        name = image.os_release.get("PRETTY_NAME", "unnamed")
        yield Finding("image-variant", f"identifies itself as {name!r}, without VARIANT_ID={_VARIANT}", "warning")
    if not image.efi_dirs:
        yield Finding("image-efi", f"has no boot loader in {_EFI}: it boots on machines with BIOS only", "warning")


def _node(root: FileSystem, size: int, is_nested: bool) -> NodeImage:
    programs = {name for place in _PROGRAM_PLACES for name in root.names(place)}
    return NodeImage(
        size=size,
        nvr=root.text(imgbase.NVR_FILE),
        os_release=liveimage.os_release(root),
        kernels=tuple(
            name.removeprefix(_KERNEL)
            for name in root.names("/boot")
            if name.startswith(_KERNEL) and _RESCUE not in name
        ),
        efi_dirs=tuple(
            name
            for name in root.names(_EFI)
            if name != _EFI_FALLBACK and any(file.endswith(".efi") for file in root.names(f"{_EFI}/{name}"))
        ),
        imgbased_version=_imgbased_version(root),
        release_cpe=root.text(imgbase.RELEASE_CPE),
        missing_files=tuple(path for path in imgbase.FILES if path not in _MADE_LATER and root.find(path) is None),
        missing_programs=tuple(name for name in imgbase.PROGRAMS if name not in programs),
        is_nested=is_nested,
    )


def _imgbased_version(root: FileSystem) -> str | None:
    """The version in imgbased's constants.py, in the site-packages of the image's Python."""
    for name in root.names("/usr/lib"):
        if _SITE_PACKAGES.fullmatch(name):
            text = root.text(os.path.join("/usr/lib", name, "site-packages/imgbased/constants.py"))
            if text is not None:
                found = _PACKAGE_VERSION.search(text)
                return found.group(1) if found else "unknown"
    return None
