# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the system comes from: one source, and it is what it was."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ksgen.grammar import PAYLOADS, Check, Found, Kickstart, value
from ksgen.lint.urls import split

_PAYLOAD = "pyanaconda, modules/payloads/payload/factory.py"


def sources(ks: Kickstart) -> Iterator[Found]:
    """Anaconda uses one source and silently ignores the others."""
    image = ks.first("liveimg")
    for command in ks.all("url", "nfs", "cdrom", "harddrive", "hmc") if image else ():
        message = f"{command.name} together with liveimg; Anaconda installs the image and reads nothing from the other"
        yield Found(command.line, message, "remove one of them")


def packages(ks: Kickstart) -> Iterator[Found]:
    if not ks.all("liveimg"):
        return
    for section in ks.all_sections("%packages"):
        if any(text.strip() and not text.lstrip().startswith("#") for _, text in section.lines):
            yield Found(section.line, "%packages together with liveimg; an image is installed as it is", "remove it")


def image_url(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("liveimg"):
        url = str(value(command, "url") or "")
        parts = split(url)
        if (parts.scheme if parts else "") not in ("http", "https", "ftp", "file"):
            hint = "write http://, https://, ftp:// or file:// and the path of the image"
            yield Found(command.line, f"liveimg cannot read {url!r}", hint)


def iso(ks: Kickstart) -> Iterator[Found]:
    """An ISO is a medium: what is installed from it is an install tree, or an image that is on it."""
    for command in ks.all("liveimg", "url"):
        if str(value(command, "url") or "").lower().endswith(".iso"):
            what = "an image of a root file system" if command.name == "liveimg" else "an install tree"
            hint = {"liveimg": "name the .squashfs.img that is on the ISO", "url": "unpack the ISO on the server"}
            yield Found(command.line, f"{command.name} installs {what}, not an ISO", hint[command.name])


def checksum(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("liveimg"):
        given = str(value(command, "checksum") or "")
        if given and not re.fullmatch(r"[0-9a-fA-F]{64}", given):
            message = f"a checksum of {len(given)} characters; SHA-256 has 64 hex digits"
            yield Found(command.line, message, "take what sha256sum prints")


def not_verified(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("liveimg", "url", "repo"):
        if value(command, "noverifyssl"):
            message = "--noverifyssl: TLS is not verified; a man-in-the-middle could replace the image"
            yield Found(
                command.line, message, "let %pre add the CA to /etc/pki/ca-trust/source/anchors and run update-ca-trust"
            )


def unchecked(ks: Kickstart) -> Iterator[Found]:
    """What is on the medium was read with it; ksgen leaves the sum out where an inventory has none."""
    for command in ks.all("liveimg") if " written by ksgen " not in ks.text.partition("\n")[0] else ():
        url = str(value(command, "url") or "")
        if url.startswith(("http://", "https://", "ftp://")) and not value(command, "checksum"):
            message = "no --checksum: a truncated or replaced image is installed without an error"
            yield Found(command.line, message, "--checksum= and what sha256sum prints of the image")


# What says that the installer comes with its packages, or gets their place from its own command line; machines of
# Packer and Vagrant are installed from an ISO.
_MEDIUM = re.compile(
    r"\b(?:cdrom|dvd|iso|usb|medium|media|packer|vagrant|inst\.repo|inst\.stage2)\b|\brepo=|/run/install/|/dev/sr",
    re.IGNORECASE,
)


def source_missing(ks: Kickstart) -> Iterator[Found]:
    """Packages without a place to take them from. An image of a node is one, so a node without it is none."""
    if not ks.is_whole or ks.all(*PAYLOADS, "repo", "module") or ks.rejected & {*PAYLOADS} or _MEDIUM.search(ks.text):
        return
    packages = next(ks.all_sections("%packages"), None)
    if ks.installs_node and ks.all("part", "partition", "autopart", "logvol"):
        line = ks.first("part", "partition", "autopart", "logvol")
        message = "no liveimg: nothing says which image of the node is installed"
        yield Found(line.line if line else 1, message, "liveimg --url= and --checksum=", "error")
    elif packages is not None:
        message = "no installation source: only a boot medium with packages, or inst.repo=, can provide one"
        yield Found(packages.line, message, "url --url=, nfs, harddrive or cdrom", "note")


CHECKS = (
    Check("source-twice", "warning", sources, _PAYLOAD),
    Check("source-missing", "warning", source_missing, _PAYLOAD),
    Check("packages-with-image", "warning", packages, _PAYLOAD),
    Check("image-url", "error", image_url, "pyanaconda, modules/payloads/payload/live_image/utils.py"),
    Check("url-iso", "error", iso, "pyanaconda, modules/payloads: live_image and url sources"),
    Check("image-checksum", "error", checksum, "pyanaconda, payload_liveimg.py"),
    Check("image-unchecked", "warning", unchecked, "pyanaconda, payload_liveimg.py; CWE-494"),
    Check("tls-not-verified", "warning", not_verified, "CWE-295"),
)
