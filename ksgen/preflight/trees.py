# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks install trees as the installer will fetch them: what is read, and what that means for a host."""

from __future__ import annotations

import dataclasses
import http
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from ksgen import media
from ksgen.host import Host
from ksgen.media import TreeInfo
from ksgen.preflight.webfiles import ARCH, WEB, Answer, Client, place, unsupported
from ksgen.problems import Finding, Problem

_TREE_IMAGES = ("images/updates.img", "images/product.img")  # Anaconda's dracut/anaconda-lib.sh fetches both
WHOLE_DVD = "copy the whole DVD, including hidden files"


@dataclasses.dataclass(frozen=True)
class TreeLook:
    """What is known of an install tree. `has_image`: it has an image that may contain the add-on; None: unknown."""

    url: str
    info: TreeInfo | None = None
    has_image: bool | None = None
    findings: tuple[Finding, ...] = ()

    def to_json(self) -> dict[str, object]:
        return {"url": place(self.url), "info": dataclasses.asdict(self.info) if self.info else None}


def look_at_tree(client: Client, url: str) -> TreeLook:
    if urlsplit(url).scheme not in WEB:
        return TreeLook(url, findings=(unsupported(url),))
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


def tree_findings(
    answer: Answer, info: TreeInfo | None, files: Mapping[str, Answer | Finding], stage2: Sequence[str]
) -> Iterator[Finding]:
    """What is missing in an install tree. `files` has the answers for its kernel, initrd and stage 2."""
    if info is None:
        what = "it cannot be parsed" if answer.status == http.HTTPStatus.OK else answer.said
        message = f"no valid .treeinfo ({what}); dracut falls back to {media.STAGE2}"
        yield Finding("tree-info", message, "warning", WHOLE_DVD)
    failures = {found.message: found for found in files.values() if isinstance(found, Finding)}
    yield from failures.values()
    there = {path for path, found in files.items() if isinstance(found, Finding) or _is_there(found)}
    for path in files:
        if path not in there and path not in stage2:
            yield Finding("tree-file", f"{path} is missing ({_said(files[path])})", hint=WHOLE_DVD)
    if not there.intersection(stage2):
        message = f"{stage2[0]}, the installer's stage 2, is missing ({_said(files[stage2[0]])})"
        yield Finding("tree-file", message, hint=WHOLE_DVD)
    if info is not None and info.arch != ARCH:
        yield Finding("tree-arch", f"is for {info.arch}; the boot files are for {ARCH}")


def _is_there(answer: Answer | Finding) -> bool:
    return isinstance(answer, Answer) and answer.status == http.HTTPStatus.OK and answer.size != 0


def _said(answer: Answer | Finding) -> str:
    if isinstance(answer, Finding):
        return answer.message
    return "empty file" if answer.status == http.HTTPStatus.OK else answer.said


def tree_problems(host: Host, tree: TreeLook) -> Iterator[Problem]:
    if tree.info is not None and tree.info.release != host.settings.release:
        message = f"is an install tree of {tree.info}; node_release is {host.settings.release}"
        yield host.problem(("node_tree_url",), "tree-release", message)
    if host.settings.addon == "tree" and tree.has_image is False:
        message = f"the tree has neither {' nor '.join(_TREE_IMAGES)}, so it does not contain the add-on"
        cure = "ksgen image TREE/images/updates.img, or remove node_addon; ignore this if stage 2 contains the add-on"
        yield host.problem(("node_addon",), "tree-file", message, cure, severity="warning")
