# SPDX-License-Identifier: GPL-2.0-or-later
"""The thin pool of a node as far as its commands tell it where sizes grow with a disk that is not known."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from ksgen.grammar import Command, Found, Kickstart, value
from ksgen.lint.facts import is_reused, mounted_at
from ksgen.lint.groups import in_group, least_of
from ksgen.problems import Severity
from org_ovirt_node.layout import (
    ERROR,
    METADATA_SIZE,
    MIB,
    RESERVE_PERCENT,
    ROOT_SIZE_WISE,
    check_reserve,
    describe,
    size_text,
)

# Below it a group has to have more than 1 TiB for the 100 GiB that are always enough.
_PERCENT_MIN = 10
_METADATA_FROM = 1024 * 1024  # MiB of data; blivet then gives the metadata as much as imgbase expects


@dataclasses.dataclass(frozen=True)
class _Pool:
    """The pool of the root volume, and the group and the volumes beside it."""

    root: Command
    pool: Command
    group: Command
    beside: tuple[Command, ...]
    thin: tuple[Command, ...]


def of_node(ks: Kickstart) -> Iterator[Found]:
    """What is wrong with it, under the codes of the layout."""
    found = _find(ks)
    if found is not None:
        yield from _root_grows(found)
        yield from _metadata(found)
        yield from _below_volumes(found)
        yield from _reserve(found)


def _find(ks: Kickstart) -> _Pool | None:
    root = mounted_at(ks, "/")
    if root is None or not value(root, "thin_volume"):
        return None
    group, name = value(root, "vgname"), value(root, "pool_name")
    volumes = [command for command in ks.all("logvol") if value(command, "vgname") == group]
    pool = next((c for c in volumes if value(c, "thin_pool") and value(c, "name") == name), None)
    made = next((c for c in ks.all("volgroup") if value(c, "vgname") == group), None)
    if pool is None or made is None or is_reused(pool) or is_reused(made):
        return None
    thin = tuple(c for c in volumes if value(c, "thin_volume") and value(c, "pool_name") == name)
    return _Pool(root, pool, made, in_group(ks, group), thin)


def _root_grows(found: _Pool) -> Iterator[Found]:
    most = value(found.root, "maxSizeMB") or 0
    is_open = value(found.root, "percent") or (value(found.root, "grow") and not 0 < most * MIB <= ROOT_SIZE_WISE)
    if is_open:
        message = "the root volume grows with the pool, and each image inherits its size"
        yield Found(found.root.line, message, "leave --grow out: --size=10240", "warning", "root-large")


def _metadata(found: _Pool) -> Iterator[Found]:
    if not value(found.pool, "metadata_size") and (value(found.pool, "size") or 0) < _METADATA_FROM:
        wanted = METADATA_SIZE // MIB
        message = f"no --metadatasize: Anaconda makes 1 MiB for each GiB of the pool; imgbase expects {wanted} MiB"
        yield Found(found.pool.line, message, f"--metadatasize={wanted}", "warning", "metadata-small")


def _below_volumes(found: _Pool) -> Iterator[Found]:
    """blivet makes such a pool as large as its volumes, and no larger."""
    size, most = value(found.pool, "size") or 0, value(found.pool, "maxSizeMB") or 0
    given = max(size, most) if value(found.pool, "grow") and most else size if not _grows(found.pool) else 0
    thin = least_of(found.thin)
    if 0 < given < thin:
        volumes, room = size_text(thin * MIB), size_text(given * MIB)
        message = f"the volumes of the pool add up to {volumes}, and the pool is to have {room}: an image has no room"
        yield Found(found.pool.line, message, "let the pool grow: --grow", "warning", "cannot-update")


def _grows(volume: Command) -> bool:
    """Whether a volume takes what its group has left."""
    return bool((value(volume, "grow") and not value(volume, "maxSizeMB")) or value(volume, "percent"))


def _reserve(found: _Pool) -> Iterator[Found]:
    """What stays free where a volume takes all the rest: what the group reserves, and no more."""
    space, percent = value(found.group, "reserved_space") or 0, value(found.group, "reserved_percent") or 0
    shares = sum(value(volume, "percent") or 0 for volume in found.beside)
    takes_all = any(value(volume, "grow") and not value(volume, "maxSizeMB") for volume in found.beside)
    if not space and not percent and shares:
        percent = 0 if takes_all else max(0, 100 - shares)
    elif not takes_all and not shares:
        return
    if not space and percent:
        yield from _small_share(found, percent)
        return
    metadata = (value(found.pool, "metadata_size") or 0) * MIB
    reserve = space * MIB
    known = (least_of(found.beside) + max(0, least_of(found.thin) - (value(found.pool, "size") or 0))) * MIB
    left = reserve - 2 * max(0, METADATA_SIZE - metadata)
    for finding in check_reserve(left, reserve, reserve, known + 2 * metadata + reserve):
        words = describe(finding)
        severity: Severity = "error" if finding.severity == ERROR else "warning"
        yield Found(found.group.line, words.message, words.hint, severity, finding.code)


def _small_share(found: _Pool, percent: int) -> Iterator[Found]:
    if percent < _PERCENT_MIN:
        message = f"{percent} % of the volume group stay free; {RESERVE_PERCENT} % are recommended, 100 GiB at most"
        hint = f"--reserved-percent={RESERVE_PERCENT}"
        yield Found(found.group.line, message, hint, "warning", "reserve-small")
