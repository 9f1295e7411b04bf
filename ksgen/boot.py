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

from ksgen import arming, bootargs, boottree, image, netboot
from ksgen.arming import Arming
from ksgen.host import Host
from ksgen.problems import Mark, Problem

STATE_FILE = "arming.json"
SERVER_FILE = "server.json"
_SERVER_VERSION = 1


@dataclasses.dataclass(frozen=True)
class Files:
    """Files below out/ with the host that each belongs to (none: the site), and what is wrong with them."""

    texts: Mapping[str, str | bytes]
    owners: Mapping[str, str]
    problems: tuple[Problem, ...]


def stored(directory: Path) -> tuple[Arming, ...]:
    """Who was armed when the tree was published. Raises OSError, and ValueError for a file that is not ours."""
    path = directory / STATE_FILE
    return arming.load(json.loads(path.read_text()) if path.exists() else None)


def server(
    directory: Path,
    user: str,
    group: str,
    trees: Mapping[str, Path],
    images: Path | None = None,
    run: Path | None = None,
) -> netboot.Server:
    """The machine that serves what is published in a directory, with a run directory beside it unless one is named.

    What is not named now is what a run for the whole site named before. Raises OSError, and ValueError for a file that
    is not ours.
    """
    tree = directory.absolute()
    before = _remembered(tree)
    installers = {**before.installers, **{release: path.absolute() for release, path in trees.items()}}
    return netboot.Server(
        tree,
        run.absolute() if run else before.run,
        user,
        group,
        None,
        installers,
        images.absolute() if images else before.images,
    )


def _remembered(tree: Path) -> netboot.Server:
    nothing = netboot.Server(tree, tree.parent / "run", "", "")
    path = tree / SERVER_FILE
    if not path.exists():
        return nothing
    known = json.loads(path.read_text())
    try:
        if known["version"] != _SERVER_VERSION:
            raise KeyError("version")
        return dataclasses.replace(
            nothing,
            run=Path(known["run"]) if known["run"] is not None else nothing.run,
            installers={release: Path(place) for release, place in known["trees"].items()},
            images=Path(known["images"]) if known["images"] is not None else None,
        )
    except (TypeError, KeyError, AttributeError):
        raise ValueError(f"does not say in version {_SERVER_VERSION} who serves the tree") from None


def _for_the_next_run(server: netboot.Server) -> dict[str, str]:
    """The file that `server` reads, if there is anything to say in it."""
    known = {
        "trees": {release: str(path) for release, path in sorted(server.installers.items())},
        "images": str(server.images) if server.images else None,
        # In its usual place it goes along when the tree is moved.
        "run": None if server.run == server.tree.parent / "run" else str(server.run),
    }
    if not any(known.values()):
        return {}
    return {SERVER_FILE: json.dumps({"version": _SERVER_VERSION, **known}, indent=1) + "\n"}


def readers(directory: Path, group: str) -> int | None:
    """The group id of the web server, which has to read the kickstarts; None where the group of the directory stays.

    It stays where somebody has chosen it, and where we are nobody who could give another.
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


def files(
    hosts: Sequence[Host],
    armings: Iterable[Arming],
    server: netboot.Server,
    templates: netboot.BootTemplates,
    now: datetime.datetime,
) -> Files:
    """The boot files of all machines, those of the servers, and the state of arming."""
    known = tuple(armings)
    active = arming.active(known, hosts, now, spent(server.run))
    boot, problems = netboot.boot_files(hosts, active, templates, with_addon=True)
    conf, more = netboot.server_files(hosts, server, templates)
    state = json.dumps(arming.dump(known), indent=1) + "\n"
    texts: dict[str, str | bytes] = {**boot, **conf, **addon_images(hosts), STATE_FILE: state}
    texts |= _for_the_next_run(server)
    return Files(texts, _owners(boot, hosts), (*problems, *more))


def addon_images(hosts: Iterable[Host]) -> dict[str, bytes]:
    """The add-on's images that the boot files of these hosts name, by their path below out/."""
    wanted = {bootargs.addon_image(h.settings): h.settings.efi_dir for h in hosts if h.settings.addon is True}
    return {path: image.image(efi_dir) for path, efi_dir in wanted.items()}


def _owners(paths: Iterable[str], hosts: Sequence[Host]) -> dict[str, str]:
    """A path ends in the address of a host's card, or in its token."""
    by_card = {bootargs.dashed(host.settings.mac): host.name for host in hosts}
    found = {}
    for path in paths:
        name = path.rpartition("/")[2]
        card = name.removesuffix(".ipxe").removeprefix("grub.cfg-").removeprefix("01-")
        if path.startswith("armed/"):
            found[path] = name.rsplit(".", 2)[0]
        elif card in by_card:
            found[path] = by_card[card]
    return found


def copies(
    hosts: Sequence[Host], trees: Mapping[str, Path], is_named: bool = True
) -> tuple[tuple[boottree.Copy, ...], list[Problem]]:
    """Kernels and loaders for the releases that have an installer tree; nothing without one.

    A run for which no tree `is_named` is not stopped: an earlier one has put in place what is missing now.
    """
    releases = {host.settings.release for host in hosts} & trees.keys()
    found, problems = boottree.wanted(releases, trees) if releases else ((), [])
    return found, problems if is_named else [dataclasses.replace(problem, severity="warning") for problem in problems]


def missing_kernels(hosts: Iterable[Host], directory: Path, releases: Collection[str] = ()) -> list[Problem]:
    """What an armed host could not boot; `releases` are being put in place."""
    problems = []
    for release in sorted({host.settings.release for host in hosts} - set(releases)):
        path = directory / "boot" / release / netboot.KERNEL_FILES[0]
        if not path.is_file():
            hint = f"name its installer tree: --tree {release}=DIR"
            problems.append(
                Problem("boot-file-missing", f"no kernel of {release} to boot", Mark(str(path), 1), hint=hint)
            )
    return problems
