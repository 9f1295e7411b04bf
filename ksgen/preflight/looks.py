# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks the images and trees that an inventory names, as the installer will fetch them, and their contents.

look() requests and reads each image and tree once; problems() decides what that means for each host.
"""

from __future__ import annotations

import dataclasses
import hashlib
import http
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ksgen import media
from ksgen.host import Host
from ksgen.media import NodeImage, Squashfs, TreeInfo, Unreadable
from ksgen.preflight.webfiles import Answer, Client, NoPart, RemoteFile, has_secret, place
from ksgen.problems import Finding, Problem
from org_ovirt_node import layout
from org_ovirt_node.layout import size_text

_AT_ONCE = 4  # files; a site's web server may have one disk and one NIC
_WEB = ("http", "https")
_FILE_URL = "file://"  # Anaconda removes this and uses the rest unchanged (its payload_liveimg.py)
_BEGINNING = 4096  # bytes; enough to recognize a squashfs, or an HTML page
_PIECE = 1 << 20  # bytes
_PAUSE = 0.2  # seconds between two checks for a signal
# docs/pxe.md has node_image_size with one decimal of GiB, rounded up; no node image is smaller than one GiB.
_SIZE_TOLERANCE_PERCENT = 10
_TREE_IMAGES = ("images/updates.img", "images/product.img")  # Anaconda's dracut/anaconda-lib.sh fetches both
_ARCH = "x86_64"  # what the boot files of ksgen are for
_ARCHES = re.compile(r"\.(x86_64|aarch64|ppc64le|s390x)\b")  # how a kernel's version ends in EL
_WHOLE_DVD = "copy the whole DVD, including hidden files"

# Called with the name and the size (None: unknown) of what is read; returns a function that is called for each piece.
Progress = Callable[[str, int | None], Callable[[int], object]]


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


@dataclasses.dataclass(frozen=True)
class TreeLook:
    """What is known of an install tree. `has_image`: it has an image that may contain the add-on; None: unknown."""

    url: str
    info: TreeInfo | None = None
    has_image: bool | None = None
    findings: tuple[Finding, ...] = ()

    def to_json(self) -> dict[str, object]:
        return {"url": place(self.url), "info": dataclasses.asdict(self.info) if self.info else None}


@dataclasses.dataclass(frozen=True)
class Looks:
    """By URL, in the order of the hosts."""

    images: Mapping[str, ImageLook]
    trees: Mapping[str, TreeLook]


# --- reading ---------------------------------------------------------------------------------------------------------


def look(
    client: Client, hosts: Sequence[Host], files: Mapping[str, Path], with_sums: bool, progress: Progress
) -> Looks:
    """Check every image and tree of these hosts, several at once.

    `files` has local copies of images, by URL; of the others only parts are fetched, unless `with_sums`.
    """
    images = dict.fromkeys(host.settings.image_url for host in hosts)
    trees = dict.fromkeys(host.settings.tree_url for host in hosts)
    declared = frozenset(host.settings.image_url for host in hosts if host.settings.image_sha256)
    looking = _Looking(client, with_sums, declared, progress, threading.Event())
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        try:
            tree_looks = {url: pool.submit(_look_at_tree, client, url) for url in trees}
            image_looks = {url: pool.submit(looking.image, url, files.get(url)) for url in images}
            # Only the main thread handles signals, so it must not block until all is done.
            running: list[Future[Any]] = [*tree_looks.values(), *image_looks.values()]
            while wait(running, _PAUSE).not_done:
                continue
            return Looks(
                {url: future.result() for url, future in image_looks.items()},
                {url: future.result() for url, future in tree_looks.items()},
            )
        except BaseException:  # Ctrl-C must not wait for a download of gigabytes
            looking.stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


class _Stopped(Exception):
    """The command was interrupted."""


@dataclasses.dataclass(frozen=True)
class _Looking:
    """How to check images; if a checksum is `declared`, a local copy is always summed."""

    client: Client
    with_sums: bool
    declared: frozenset[str]
    progress: Progress
    stopped: threading.Event

    def image(self, url: str, file: Path | None) -> ImageLook:
        if urlsplit(url).scheme in _WEB:
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

    def __init__(self, looking: _Looking, name: str, size: int | None) -> None:
        self._stopped, self._advance = looking.stopped, looking.progress(name, size)
        self._sum, self.read = hashlib.sha256(), 0

    def take(self, data: bytes) -> None:
        if self._stopped.is_set():
            raise _Stopped
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


def _look_at_tree(client: Client, url: str) -> TreeLook:
    if urlsplit(url).scheme not in _WEB:
        return TreeLook(url, findings=(_not_looked_at(url),))
    base = url.rstrip("/")
    answer = client.follow(client.get, f"{base}/.treeinfo")
    if isinstance(answer, Finding):
        return TreeLook(url, findings=(answer,))
    info = None
    if answer.status == http.HTTPStatus.OK:
        info = media.parse_treeinfo(answer.body.decode("utf-8", "replace"))
    stage2 = (info.stage2 if info else media.STAGE2, media.STAGE2_LAST)
    files = [path for _, path in media.KERNEL] + list(stage2)
    answers = {path: client.follow(client.head, f"{base}/{path}") for path in files}
    images = [client.follow(client.head, f"{base}/{path}") for path in _TREE_IMAGES]
    has_image = None if any(isinstance(found, Finding) for found in images) else any(map(_is_there, images))
    return TreeLook(url, info, has_image, tuple(tree_findings(answer, info, answers, stage2)))


# --- findings in a response ------------------------------------------------------------------------------------------


def _not_looked_at(url: str) -> Finding:
    scheme = url.partition(":")[0]
    if scheme == "file":
        message, hint = "not found on this machine; the installer may have it", "check a local copy: --image FILE"
    else:
        message, hint = f"not checked: ksgen does not support {scheme}, only the installer does", None
    return Finding("not-looked-at", message, "warning", hint)


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


def tree_findings(
    answer: Answer, info: TreeInfo | None, files: Mapping[str, Answer | Finding], stage2: Sequence[str]
) -> Iterator[Finding]:
    """What is missing in an install tree. `files` has the answers for its kernel, initrd and stage 2."""
    if info is None:
        what = "it cannot be parsed" if answer.status == http.HTTPStatus.OK else answer.said
        message = f"no valid .treeinfo ({what}); dracut falls back to {media.STAGE2}"
        yield Finding("tree-info", message, "warning", _WHOLE_DVD)
    failures = {found.message: found for found in files.values() if isinstance(found, Finding)}
    yield from failures.values()
    there = {path for path, found in files.items() if isinstance(found, Finding) or _is_there(found)}
    for path in files:
        if path not in there and path not in stage2:
            yield Finding("tree-file", f"{path} is missing ({_said(files[path])})", hint=_WHOLE_DVD)
    if not there.intersection(stage2):
        message = f"{stage2[0]}, the installer's stage 2, is missing ({_said(files[stage2[0]])})"
        yield Finding("tree-file", message, hint=_WHOLE_DVD)
    if info is not None and info.arch != _ARCH:
        yield Finding("tree-arch", f"is for {info.arch}; the boot files are for {_ARCH}")


def _is_there(answer: Answer | Finding) -> bool:
    return isinstance(answer, Answer) and answer.status == http.HTTPStatus.OK and answer.size != 0


def _said(answer: Answer | Finding) -> str:
    if isinstance(answer, Finding):
        return answer.message
    return "empty file" if answer.status == http.HTTPStatus.OK else answer.said


# --- problems of the hosts ------------------------------------------------------------------------------------------


def problems(hosts: Iterable[Host], looks: Looks) -> Iterator[Problem]:
    """All problems, at the lines of the inventory that caused them."""
    for host in hosts:
        image, tree = looks.images[host.settings.image_url], looks.trees[host.settings.tree_url]
        yield from _as_problems(host, "node_image_url", image.findings)
        yield from _as_problems(host, "node_tree_url", tree.findings)
        # Of a file of another kind neither size nor checksum can be right.
        is_node_image = all(found.code != media.NO_NODE_IMAGE for found in image.findings)
        yield from _size_problems(host, image) if is_node_image else ()
        wanted = host.settings.image_sha256
        if is_node_image and None not in (wanted, image.sha256) and wanted != image.sha256:
            message = f"the SHA-256 of the image is {image.sha256}"
            yield host.problem(
                ("node_image_sha256",), "image-sha256", message, "check node_image_url, or correct node_image_sha256"
            )
        yield from _tree_problems(host, tree)
        if image.inside is not None:
            yield from _inside_problems(host, image.inside, tree.info)


def _as_problems(host: Host, variable: str, findings: Iterable[Finding]) -> Iterator[Problem]:
    for found in findings:
        yield host.at((variable,), found)


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


def _tree_problems(host: Host, tree: TreeLook) -> Iterator[Problem]:
    if tree.info is not None and tree.info.release != host.settings.release:
        message = f"is an install tree of {tree.info}; node_release is {host.settings.release}"
        yield host.problem(("node_tree_url",), "tree-release", message)
    if host.settings.addon == "tree" and tree.has_image is False:
        message = f"the tree has neither {' nor '.join(_TREE_IMAGES)}, so it does not contain the add-on"
        cure = "ksgen image TREE/images/updates.img, or remove node_addon; ignore this if stage 2 contains the add-on"
        yield host.problem(("node_addon",), "tree-file", message, cure, severity="warning")


def _inside_problems(host: Host, image: NodeImage, tree: TreeInfo | None) -> Iterator[Problem]:
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
