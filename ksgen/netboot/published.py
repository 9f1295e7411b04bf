# SPDX-License-Identifier: GPL-2.0-or-later
"""Who boots the installer as the published tree says it, and how a host is disarmed with the tree alone.

Neither needs the inventory, the vault password or the site's templates: disarming must work in an emergency.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from ksgen.netboot import arming, bootfiles, state
from ksgen.netboot.arming import Arming
from ksgen.netboot.boottemplates import BootTemplates
from ksgen.templates import TEMPLATE_ERRORS

_TOKEN_IN_FILE = re.compile(r"[?&]armed=([^\s'\"&]+)")


@dataclasses.dataclass(frozen=True)
class Published:
    """The arming state of a published tree.

    `armings` are those of arming.json, and `damage` is why it cannot be read. `tokens` are the permissions that the web
    server accepts until they end, and `installing` has the boot files that ask for the installer, with their token.
    `hosts` are all names that the tree knows.
    """

    armings: tuple[Arming, ...]
    damage: str | None
    tokens: frozenset[str]
    installing: Mapping[str, str]
    hosts: frozenset[str]

    @property
    def permissions(self) -> tuple[Arming, ...]:
        """The armings; if arming.json is damaged, those that the tokens name."""
        if self.damage is None:
            return self.armings
        return tuple(sorted(one for one in map(arming.read_token, self.tokens) if one is not None))

    @property
    def concerned(self) -> frozenset[str]:
        """The hosts that are in arming.json, in armed/ or in a boot file that asks for the installer."""
        named = {token_host(token) for token in (*self.tokens, *self.installing.values())}
        return frozenset({one.host for one in self.armings} | named)


@dataclasses.dataclass(frozen=True)
class Disarming:
    """What changes in the tree, and the hosts that were armed and are not any more."""

    hosts: tuple[str, ...]
    texts: Mapping[str, str]
    removed: frozenset[str]


def read_published(directory: Path) -> Published:
    """Look at a published tree. Raises OSError, but not for a damaged arming.json."""
    armings: tuple[Arming, ...] = ()
    damage = None
    try:
        armings = state.stored(directory)
    except ValueError as error:
        damage = str(error)
    permitted = tokens(directory)
    installing = dict(_installing(directory))
    kickstarts = (path.stem for path in _files(directory / "ks") if path.suffix == ".ks")
    tree = Published(armings, damage, permitted, installing, frozenset())
    return dataclasses.replace(tree, hosts=frozenset({*kickstarts, *tree.concerned}))


def tokens(directory: Path) -> frozenset[str]:
    """The permissions in armed/, which the web server accepts until they end. Raises OSError."""
    return frozenset(path.name for path in _files(directory / "armed"))


def token_host(token: str) -> str:
    """The host of a token; any other text is returned unchanged."""
    one = arming.read_token(token)
    return one.host if one else token


def disarmed(tree: Published, names: Collection[str], templates: BootTemplates) -> Disarming:
    """Remove the permissions of hosts, and make their boot files boot the disk.

    Without a readable arming.json the other permissions cannot be verified: no host stays armed.
    """
    hosts = tree.concerned if tree.damage is not None else tree.concerned & frozenset(names)
    texts = {state.STATE_FILE: state.state_text(arming.disarm(tree.armings, hosts))}
    for path, token in tree.installing.items():
        if (host := token_host(token)) in hosts:
            texts[path] = _disk_file(path, host, templates)
    removed = frozenset(f"armed/{token}" for token in tree.tokens if token_host(token) in hosts)
    return Disarming(tuple(sorted(hosts)), texts, removed)


def _disk_file(path: str, host: str, templates: BootTemplates) -> str:
    """From the site's templates, or the built-in ones if these fail: disarming must not depend on a template."""
    try:
        return bootfiles.disk_file(path, host, templates)
    except TEMPLATE_ERRORS:
        return bootfiles.disk_file(path, host, BootTemplates())


def _installing(directory: Path) -> Iterator[tuple[str, str]]:
    for begin, _ in bootfiles.HOST_FILES:
        folder, _, prefix = begin.rpartition("/")
        for path in _files(directory / folder):
            if path.name.startswith(prefix) and (match := _TOKEN_IN_FILE.search(path.read_text(errors="replace"))):
                yield f"{folder}/{path.name}", match[1]


def _files(directory: Path) -> list[Path]:
    """The files of a directory, with links to files; none if it does not exist."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        return sorted(path for path in directory.iterdir() if path.is_file())
    return []
