# SPDX-License-Identifier: GPL-2.0-or-later
"""What a run publishes beside the kickstarts: who boots what, the servers' files, and who is armed."""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from ksgen import arming, bootargs, boottree, netboot
from ksgen.arming import Arming
from ksgen.host import Host
from ksgen.problems import Mark, Problem

STATE_FILE = "arming.json"


@dataclasses.dataclass(frozen=True)
class Files:
    """Files below out/ with the host that each belongs to (none: the site), and what is wrong with them."""

    texts: Mapping[str, str]
    owners: Mapping[str, str]
    problems: tuple[Problem, ...]


def stored(directory: Path) -> tuple[Arming, ...]:
    """Who was armed when the tree was published. Raises OSError, and ValueError for a file that is not ours."""
    path = directory / STATE_FILE
    return arming.load(json.loads(path.read_text()) if path.exists() else None)


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
    boot, problems = netboot.boot_files(hosts, active, templates)
    conf, more = netboot.server_files(hosts, server, templates)
    state = json.dumps(arming.dump(known), indent=1) + "\n"
    return Files({**boot, **conf, STATE_FILE: state}, _owners(boot, hosts), (*problems, *more))


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


def copies(hosts: Sequence[Host], trees: Mapping[str, Path]) -> tuple[tuple[boottree.Copy, ...], list[Problem]]:
    """Kernels and loaders for the releases whose installer tree was named; nothing without one."""
    releases = {host.settings.release for host in hosts} & trees.keys()
    return boottree.wanted(releases, trees) if releases else ((), [])


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
