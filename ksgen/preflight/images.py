# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks node images as Anaconda will fetch them, and their contents: what is read, and what that means for a host."""

from __future__ import annotations

import dataclasses
import hashlib
import http
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from ksgen import media
from ksgen.host import Host
from ksgen.media import NodeImage, Squashfs, TreeInfo, Unreadable
from ksgen.preflight.repositories import Progress
from ksgen.preflight.webfiles import WEB, Answer, Client, NoPart, RemoteFile, has_secret, place, unsupported
from ksgen.problems import Finding, Problem
from org_ovirt_node import layout
from org_ovirt_node.layout import size_text

_FILE_URL = "file://"  # Anaconda removes this and uses the rest unchanged (its payload_liveimg.py)
_BEGINNING = 4096  # bytes; enough to recognize a squashfs, or an HTML page
_PIECE = 1 << 20  # bytes
# docs/pxe.md has node_image_size with one decimal of GiB, rounded up; no node image is smaller than one GiB.
_SIZE_TOLERANCE_PERCENT = 10
_ARCHES = re.compile(r"\.(x86_64|aarch64|ppc64le|s390x)\b")  # how a kernel's version ends in EL


@dataclasses.dataclass(frozen=True)
class ImageLook:
    """What is known of an image. None: unknown, or not checked."""

    url: str
    size: int | None = None
    sha256: str | None = None
    inside: NodeImage | None = None
    findings: tuple[Finding, ...] = ()

    def to_json(self) -> dict[str, object]:
        inside = dataclasses.asdict(self.inside) if self.inside else None
        return {"url": place(self.url), "size": self.size, "sha256": self.sha256, "inside": inside}


# --- reading ---------------------------------------------------------------------------------------------------------


class Stopped(Exception):
    """The command was interrupted."""


@dataclasses.dataclass(frozen=True)
class Looking:
    """How to check images; if a checksum is `declared`, a local copy is always summed."""

    client: Client
    with_sums: bool
    declared: frozenset[str]
    progress: Progress
    stopped: threading.Event

    def stop(self) -> None:
        """Raises Stopped if the command was interrupted."""
        if self.stopped.is_set():
            raise Stopped

    def image(self, url: str, file: Path | None) -> ImageLook:
        if urlsplit(url).scheme in WEB:
            return self._served(url, file)
        if file is None and url.startswith(_FILE_URL) and Path(url[len(_FILE_URL) :]).exists():
            file = Path(url[len(_FILE_URL) :])
        return self._file(url, file) if file is not None else ImageLook(url, findings=(_not_looked_at(url),))

    def _served(self, url: str, file: Path | None) -> ImageLook:
        answer = self.client.head(url)
        findings = head_findings(answer)
        if isinstance(answer, Finding) or answer.status != http.HTTPStatus.OK:
            return ImageLook(url, findings=findings)
        if file is not None:
            local = self._file(url, file)
            if None not in (answer.size, local.size) and answer.size != local.size:
                message = f"the image on the server has {answer.size} bytes, {file.name} has {local.size}"
                findings = (*findings, Finding("image-other-file", message))
            return dataclasses.replace(local, findings=(*findings, *local.findings))
        inside, more = (None, ()) if answer.size is None else self._into(url, answer.size)
        found = ImageLook(url, answer.size, None, inside, (*findings, *more))
        return self._with_sum(found) if self.with_sums else found

    def _into(self, url: str, size: int) -> tuple[NodeImage | None, tuple[Finding, ...]]:
        """The contents of an image; only the parts that are read are fetched."""
        answer = self.client.part(url, 0, _BEGINNING)
        if isinstance(answer, Finding):
            return None, (answer,)
        if answer.status == http.HTTPStatus.OK:
            return None, beginning_findings(answer.body, size)
        if answer.status != http.HTTPStatus.PARTIAL_CONTENT:
            return None, (Finding("image-status", f"GET returned {answer.said}"),)
        if found := unlike_an_image(answer.body, size):
            return None, found
        try:
            return media.look_at_image(RemoteFile(self.client, url, size))
        except NoPart as error:
            return None, (error.finding,)

    def _with_sum(self, found: ImageLook) -> ImageLook:
        total = _Sum(self, found.url.rpartition("/")[2], found.size)
        more = stream_findings(self.client.stream(found.url, total.take), total.read)
        return dataclasses.replace(
            found, sha256=None if more else total.hexdigest(), findings=tuple(dict.fromkeys((*found.findings, *more)))
        )

    def _file(self, url: str, path: Path) -> ImageLook:
        try:
            size = path.stat().st_size
            inside, found = media.read_node_image(path)
            total = self._sum_of(path, size) if self.with_sums or url in self.declared else None
        except OSError as error:
            return ImageLook(url, findings=(Finding("cannot-read", f"{path}: {error.strerror}"),))
        return ImageLook(url, size, total, inside, found)

    def _sum_of(self, path: Path, size: int) -> str:
        total = _Sum(self, path.name, size)
        with open(path, "rb") as file:
            while data := file.read(_PIECE):
                total.take(data)
        return total.hexdigest()


class _Sum:
    """The SHA-256 sum of the data taken, and its size."""

    def __init__(self, looking: Looking, name: str, size: int | None) -> None:
        self._stop, self._advance = looking.stop, looking.progress(name, size)
        self._sum, self.read = hashlib.sha256(), 0

    def take(self, data: bytes) -> None:
        self._stop()
        self._sum.update(data)
        self.read += len(data)
        self._advance(len(data))

    def hexdigest(self) -> str:
        return self._sum.hexdigest()


@dataclasses.dataclass(frozen=True)
class _Beginning:
    """The first bytes of a file, as a Source."""

    data: bytes
    size: int

    def read(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + length]


# --- findings in a response ------------------------------------------------------------------------------------------


def _not_looked_at(url: str) -> Finding:
    if urlsplit(url).scheme != "file":
        return unsupported(url)
    message = "not found on this machine; the installer may have it"
    return Finding("not-looked-at", message, "warning", "check a local copy: --image FILE")


def head_findings(answer: Answer | Finding) -> tuple[Finding, ...]:
    """Why Anaconda cannot fetch an image: it sends one HEAD, does not follow redirects, and needs the size."""
    if isinstance(answer, Finding):
        return (answer,)
    if answer.is_redirect:
        target = answer.location or ""
        hint = None if has_secret(target) else f"node_image_url: {target}"
        return (
            Finding(
                "image-redirect", f"redirected to {place(target)!r}; Anaconda does not follow redirects", hint=hint
            ),
        )
    if answer.status != http.HTTPStatus.OK:
        return (Finding("image-status", f"HEAD returned {answer.said}; Anaconda requires 200 OK"),)
    if answer.size is None:
        cause = f" (Content-Encoding: {answer.encoding})" if answer.encoding else ""
        message = f"the server sends no Content-Length{cause}; Anaconda would load the whole image into memory"
        return (Finding("image-length", message, hint="serve it as a static file, without compression"),)
    return ()


def unlike_an_image(data: bytes, size: int) -> tuple[Finding, ...]:
    """Whether the first bytes of a file are those of a squashfs that is complete."""
    if data.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        return (Finding("image-unreadable", "is an HTML page, not a node image"),)
    try:
        Squashfs(_Beginning(data, size))
    except Unreadable as error:
        return (Finding("image-unreadable", str(error), hint="use the .squashfs.img of a node image"),)
    return ()


def beginning_findings(data: bytes, size: int) -> tuple[Finding, ...]:
    """What the first bytes of an image tell if the server does not support Range requests."""
    message = "contents not checked: the server does not support Range requests"
    return unlike_an_image(data, size) or (
        Finding("not-looked-at", message, "warning", "check a local copy: --image FILE"),
    )


def stream_findings(answer: Answer | Finding, read: int) -> tuple[Finding, ...]:
    """Whether an image was received completely."""
    if isinstance(answer, Finding):
        return (answer,)
    if answer.status != http.HTTPStatus.OK:
        return (Finding("image-status", f"GET returned {answer.said}"),)
    if answer.size is not None and answer.size != read:
        return (Finding("image-cut-off", f"the download ended after {read} of {answer.size} bytes"),)
    return ()


# --- problems of a host ----------------------------------------------------------------------------------------------


def image_problems(host: Host, image: ImageLook) -> Iterator[Problem]:
    """The size and the checksum: of a file of another kind neither can be right."""
    if any(found.code == media.NO_NODE_IMAGE for found in image.findings):
        return
    yield from _size_problems(host, image)
    wanted = host.settings.image_sha256
    if None not in (wanted, image.sha256) and wanted != image.sha256:
        message = f"the SHA-256 of the image is {image.sha256}"
        yield host.problem(
            ("node_image_sha256",), "image-sha256", message, "check node_image_url, or correct node_image_sha256"
        )


def _size_problems(host: Host, image: ImageLook) -> Iterator[Problem]:
    """Anaconda uses the size of the image that it fetches, the plan the size that the inventory declares."""
    if not image.size:
        return
    request = dataclasses.replace(host.request, image_size=image.size)
    cure = f"node_image_size: {size_text(image.size, round_up=True)}"
    below = [found for found in layout.check(host.plan.devices, request) if found.code == "root-below-image"]
    for finding in below:
        candidates = ("node_root_size", "node_image_size", "node_image_url")
        location = next(name for name in candidates if name in host.entry.variables)
        words = layout.describe(finding)
        hint = words.hint if location == "node_root_size" else f"{cure}; the size of root is derived from it"
        yield host.problem((location,), finding.code, f"root: {words.message}", hint)
    declared = host.settings.image_size
    if declared and not below and abs(declared - image.size) * 100 > image.size * _SIZE_TOLERANCE_PERCENT:
        message = f"{size_text(declared)}; the image has {size_text(image.size, round_up=True)}"
        yield host.problem(("node_image_size",), "image-size", message, cure, "warning")


def inside_problems(host: Host, image: NodeImage, tree: TreeInfo | None) -> Iterator[Problem]:
    version = image.os_release.get("VERSION_ID", "")
    name = image.os_release.get("PRETTY_NAME", version)
    if version and f"el{version.partition('.')[0]}" != host.settings.release:
        message = f"is an image of {name!r}; node_release is {host.settings.release}"
        yield host.problem(("node_image_url",), "image-release", message)
    if tree is None:
        return
    others = [kernel for kernel in image.kernels if (arch := _ARCHES.search(kernel)) and arch.group(1) != tree.arch]
    if others:
        message = f"contains the kernel {others[0]}; the tree is for {tree.arch}"
        yield host.problem(("node_image_url",), "image-arch", message)
    yield from _efi_problems(host, image, tree)


def _efi_problems(host: Host, image: NodeImage, tree: TreeInfo) -> Iterator[Problem]:
    """Anaconda creates the firmware's boot entry for a boot loader in the directory that it is configured for."""
    settings = host.settings
    told = settings.efi_dir if settings.addon is not False else None
    wanted = told or tree.efi_dir
    if settings.firmware == "bios" or not image.efi_dirs or wanted is None or wanted in image.efi_dirs:
        return
    has = ", ".join(image.efi_dirs)
    if told:
        message, location = f"EFI/ of the image has {has}, not {told}", "node_efi_dir"
    else:
        location = "node_image_url"
        message = f"EFI/ of the image has {has}; {tree.name} looks for the boot loader in EFI/{wanted}"
    first = image.efi_dirs[0]
    hints: dict[bool | str, str] = {
        True: f"node_efi_dir: {first}",
        False: f"node_efi_dir: {first}, and remove node_addon: false, as the add-on sets it in Anaconda",
        "tree": f"create the image in the tree with ksgen image --efi-dir {first}, and set node_efi_dir: {first}",
    }
    yield host.problem((location,), "image-efi-dir", message, hints[settings.addon])
