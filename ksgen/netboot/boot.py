# SPDX-License-Identifier: GPL-2.0-or-later
"""What a run publishes beside the kickstarts: who boots what, the servers' files, and who is armed."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import grp
import json
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from ksgen import addon
from ksgen.host import Host
from ksgen.netboot import arming, bootargs, bootfiles, boottree
from ksgen.netboot.arming import Arming
from ksgen.netboot.bootfiles import File
from ksgen.netboot.remembered import Remembered
from ksgen.problems import Mark, Problem
from ksgen.templates import TEMPLATE_ERRORS, template_problem

STATE_FILE = "arming.json"


@dataclasses.dataclass(frozen=True)
class Files:
    """Files below out/ and their problems."""

    files: tuple[File, ...]
    problems: tuple[Problem, ...]


def stored(directory: Path) -> tuple[Arming, ...]:
    """Who was armed when the tree was published. Raises OSError, and ValueError for an invalid file."""
    path = directory / STATE_FILE
    if not path.exists():
        return ()
    try:
        state = json.loads(path.read_bytes())
    except (ValueError, RecursionError):  # JSON's and UTF-8's errors are ValueErrors
        raise ValueError("is not JSON") from None
    return arming.load(state if state is not None else ())


def server(directory: Path, user: str, group: str, known: Remembered) -> bootfiles.Server:
    """The machine that serves what is published in a directory, with a run directory beside it unless one is named."""
    tree = directory.absolute()
    tls = bootfiles.Certificate(known.certificate, known.key) if known.certificate and known.key else None
    return bootfiles.Server(tree, known.run or tree.parent / "run", user, group, tls, known.trees, known.images)


def readers(directory: Path, group: str) -> int | None:
    """The group id of the web server, which has to read the kickstarts; None where the group of the directory stays.

    It is kept if it was set explicitly, or if this user may not change it.
    """
    with contextlib.suppress(FileNotFoundError):
        if directory.stat().st_gid != os.getegid():
            return None
    wanted = grp.getgrnam(group).gr_gid
    return wanted if os.geteuid() == 0 or wanted in (os.getegid(), *os.getgroups()) else None


def spent(run: Path) -> frozenset[str]:
    """The tokens with which a kickstart has been fetched, as nginx has noted them. Raises OSError."""
    place = run / "spent"
    return frozenset(path.name for path in place.iterdir()) if place.is_dir() else frozenset()


def site_files(
    hosts: Sequence[Host],
    armings: Iterable[Arming],
    server: bootfiles.Server,
    templates: bootfiles.BootTemplates,
    now: datetime.datetime,
) -> Files:
    """The boot files of all machines, those of the servers, and the state of arming. Raises OSError."""
    known = tuple(armings)
    active = arming.active(known, hosts, now, spent(server.run))
    try:
        boot, problems = bootfiles.boot_files(hosts, active, templates)
        conf, more = bootfiles.server_files(hosts, server, templates)
    except TEMPLATE_ERRORS as error:
        return Files((), (template_problem(error),))
    of_site: dict[str, str | bytes] = {**conf, **addon_images(hosts), STATE_FILE: state_text(known)}
    return Files((*boot, *(File(path, text) for path, text in of_site.items())), (*problems, *more))


def state_text(armings: Iterable[Arming]) -> str:
    """The file that `stored` reads."""
    return json.dumps(arming.dump(armings), indent=1) + "\n"


def addon_images(hosts: Iterable[Host]) -> dict[str, bytes]:
    """The add-on's images that the boot files of these hosts name, by their path below out/."""
    wanted = {bootargs.addon_image(h.settings): h.settings.efi_dir for h in hosts if h.settings.addon is True}
    return {path: addon.image(efi_dir) for path, efi_dir in wanted.items()}


def copies(
    hosts: Sequence[Host], trees: Mapping[str, Path], is_named: bool = True
) -> tuple[tuple[boottree.Copy, ...], list[Problem]]:
    """Kernels and loaders for the releases that have an install tree; nothing without one.

    Problems are warnings unless a tree `is_named`: an earlier run has copied the files that are missing now.
    """
    releases = {host.settings.release for host in hosts} & trees.keys()
    found, problems = boottree.wanted(releases, trees) if releases else ((), [])
    return found, problems if is_named else [dataclasses.replace(problem, severity="warning") for problem in problems]


def missing_kernels(hosts: Iterable[Host], directory: Path, releases: Collection[str] = ()) -> list[Problem]:
    """Kernels that armed hosts need and that are missing; those of `releases` are being copied by this run."""
    problems = []
    for release in sorted({host.settings.release for host in hosts} - set(releases)):
        path = directory / "boot" / release / bootfiles.KERNEL_FILES[0]
        if not path.is_file():
            hint = f"specify its install tree: --tree {release}=DIR"
            problems.append(
                Problem(
                    "boot-file-missing", f"no kernel for {release} in the published tree", Mark(str(path), 1), hint=hint
                )
            )
    return problems
