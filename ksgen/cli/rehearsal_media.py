# SPDX-License-Identifier: GPL-2.0-or-later
"""The installer and the image that each host is rehearsed with: what was given, read and chosen."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ksgen import media, rehearsal
from ksgen.cli.edges import names_text
from ksgen.host import Host
from ksgen.media import NodeImage
from ksgen.problems import Finding, Mark, Problem
from ksgen.rehearsal import Source
from ksgen.targets import RELEASES

Named = tuple[str | None, Source]


@dataclasses.dataclass(frozen=True)
class Given:
    """The options: files of boot ISOs, some with the release that they are for; install trees; image, or images."""

    isos: tuple[tuple[str | None, Path], ...]
    trees: tuple[tuple[str, Path], ...]
    image: Path | None
    images: Path | None

    @property
    def has_installer(self) -> bool:
        return bool(self.isos or self.trees)

    def image_of(self, host: Host) -> Path:
        """The file of the host's image; it may be missing."""
        if self.image is not None:
            return self.image
        assert self.images is not None  # otherwise it is wrong usage (complaints)
        return self.images / rehearsal.image_name(host)


def read_installers(given: Given) -> tuple[tuple[Named, ...], list[Problem]]:
    """Every installer that was given, and what is wrong with them. Raises OSError."""
    named, problems = list[Named](), list[Problem]()
    for release, path in given.isos:
        boot, findings = media.read_boot_iso(path)
        more = media.check_boot_iso(boot) if boot is not None else ()
        problems += [finding.at(Mark(str(path), 1)) for finding in (*findings, *more)]
        if boot is not None:
            named.append((release, boot))
    for release, path in given.trees:
        tree, found = rehearsal.read_install_tree(path)
        problems += found
        named.append((release, tree))
    return tuple(named), [*problems, *rehearsal.release_problems(named)]


def chosen(named: Sequence[Named]) -> tuple[Mapping[str, Source], list[str]]:
    """The installer of each release, and why there are two. One that does not say its release is for all others."""
    by_release, wrong = dict[str, Source](), list[str]()
    unknown = []
    for release, source in named:
        own = release or rehearsal.release_of(source)
        if own not in RELEASES:
            unknown.append(source)
            continue
        if own in by_release:
            wrong.append(f"{own} has two installers: {by_release[own].path} and {source.path}")
        by_release[own] = source
    if len(unknown) > 1:
        paths = " and ".join(str(source.path) for source in unknown)
        wrong.append(f"{paths} do not say their release: write {'=FILE or '.join(RELEASES)}=FILE")
    rest = dict.fromkeys(RELEASES, unknown[0]) if unknown else {}
    return {**rest, **by_release}, wrong


def complaints(given: Given, hosts: Sequence[Host], installers: Mapping[str, Source]) -> list[str]:
    """What was not given for these hosts, or twice."""
    found = []
    releases = dict.fromkeys(host.settings.release for host in hosts)
    for release in releases:
        if release not in installers:
            names = names_text([host.name for host in hosts if host.settings.release == release])
            found.append(f"no installer of {release}, for {names}: add --boot-iso FILE or --tree {release}=DIR")
    if given.image is not None and given.images is not None:
        found.append("--image and --images exclude each other")
    elif given.image is None and given.images is None:
        names = names_text([host.name for host in hosts])
        found.append(f"no image, for {names}: add --image FILE or --images DIR")
    return found


def read_images(given: Given, hosts: Sequence[Host]) -> tuple[Mapping[str, NodeImage], list[Problem]]:
    """The image of each host by its name, and what is wrong with them: a file, or its release. Raises OSError."""
    read, images, problems = dict[Path, NodeImage | None](), dict[str, NodeImage](), list[Problem]()
    for host in hosts:
        if not host.settings.is_node:
            continue
        path = given.image_of(host)
        if not path.is_file():
            message = f"{path.parent} has no file {path.name}"
            hint = "--images is a directory with the files that the URLs name"
            problems.append(host.at(("node_image_url",), Finding("rehearsal-url", message, hint=hint)))
            continue
        if path not in read:
            read[path], findings = media.read_node_image(path)
            problems += [finding.at(Mark(str(path), 1)) for finding in findings]
        image = read[path]
        if image is None:
            continue
        images[host.name] = image
        own = f"el{image.os_release.get('VERSION_ID', '').partition('.')[0]}"
        if own in RELEASES and own != host.settings.release:
            message = f"is of {host.settings.release}; the image {path} is of {own}"
            problems.append(host.at(("node_release",), Finding("rehearsal-release", message)))
    return images, problems


def checksum_problems(given: Given, hosts: Sequence[Host]) -> Iterator[Problem]:
    """Images that are other ones than those of the inventory. Raises OSError."""
    known: dict[Path, str] = {}
    for host in hosts:
        if host.settings.image_sha256:
            path = given.image_of(host)
            if path not in known:
                with path.open("rb") as file:
                    known[path] = hashlib.file_digest(file, "sha256").hexdigest()
            wrong = rehearsal.image_problem(host, path, known[path])
            if wrong:
                yield wrong
