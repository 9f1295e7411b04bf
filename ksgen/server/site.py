# SPDX-License-Identifier: GPL-2.0-or-later
"""What the published tree, the web server and the inventory say now. Only read: the server's process writes no tree."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ksgen import netboot
from ksgen.netboot import Arming
from ksgen.server.access import digest_of
from ksgen.store import Permission
from org_ovirt_node.presentation import View


@dataclasses.dataclass(frozen=True)
class Member:
    """A host of the inventory: its groups, from the largest to the smallest, its kind, the planned layout, the name
    of the web server that it installs from, and the MAC addresses that describe it."""

    host: str
    groups: tuple[str, ...]
    kind: str
    layout: View = dataclasses.field(default_factory=View)
    server: str | None = None
    macs: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True)
class Tree:
    """A moment of a published tree: the armings, those that are accepted or used, and what has been fetched with them.

    `fetched` are the host and begin of each arming whose kernel or kickstart the web server has given out. `damage`
    says why the tree cannot be read.
    """

    permissions: tuple[Permission, ...] = ()
    armed: frozenset[str] = frozenset()
    fetched: frozenset[tuple[str, datetime.datetime]] = frozenset()
    damage: str = ""


class Site:
    """Reads tree and inventory, again where they have changed.

    `read` reads the inventory: its members, and what is wrong with it. `sources` are its files and directories.
    """

    def __init__(
        self,
        directory: Path,
        run: Path,
        read: Callable[[], tuple[Sequence[Member], str]],
        sources: Sequence[Path] = (),
    ) -> None:
        self._directory, self._run, self._read, self._sources = directory, run, read, sources
        self._stamp: tuple[object, ...] | None = None
        published = (directory / name for name in (netboot.STATE_FILE, "armed", "ks"))
        self._parts = (*published, run / "spent", run / "booted")
        self._tree = Tree()
        self._looks: tuple[object, object] = (None, None)
        self._fingerprints: dict[str, tuple[tuple[int, ...], str]] = {}
        self.members: Mapping[str, Member] = {}
        self.damage = ""

    def refresh(self) -> bool:
        """Read the inventory if it has changed; what was read before stays if it is wrong now. Whether it was read."""
        stamp = tuple(_stamps(self._sources))
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        members, self.damage = self._read()
        if members or not self.damage:
            self.members = {one.host: one for one in members}
        return True

    @property
    def servers(self) -> frozenset[str]:
        """The names of the web servers, which pass on what is meant for `ksgen serve`."""
        return frozenset(one.server for one in self.members.values() if one.server)

    def tree(self) -> Tree:
        """What the tree says now; read again where a file of it was made, replaced or removed.

        It is read once more when nothing has changed since the last look: a change within the same tick of the file
        system's clock does not show in its times.
        """
        stamp = tuple(map(_stamp, self._parts))
        if self._looks != (stamp, stamp) or self._tree.damage:
            self._tree = self._read_tree()
            self._looks = self._looks[1], stamp
        return self._tree

    def _read_tree(self) -> Tree:
        try:
            armings = netboot.stored(self._directory)
            tokens = netboot.tokens(self._directory)
            spent, booted = netboot.spent(self._run), netboot.booted(self._run)
        except (OSError, ValueError) as error:
            return Tree(damage=str(error))
        named = {one.token: one for one in armings}
        fetched = frozenset((named[token].host, named[token].given) for token in spent | booted if token in named)
        armed = frozenset(one.host for one in armings if one.token in tokens or one.token in spent)
        return Tree(tuple(map(self._permission, armings)), armed, fetched)

    def _permission(self, one: Arming) -> Permission:
        token = digest_of(one.report) if one.report else None
        return Permission(one.host, one.mac, one.given, one.until, token, self.fingerprint(one.host))

    def is_discovery(self, token: str, now: datetime.datetime) -> bool:
        """Whether machines that are discovered show a token now, by its SHA-256."""
        try:
            running = netboot.stored_discovery(self._directory)
            return (
                running is not None
                and running.is_running(now, netboot.tokens(self._directory))
                and hmac.compare_digest(digest_of(running.report), token)
            )
        except (OSError, ValueError):
            return False

    def kickstart(self, host: str) -> bytes | None:
        """The kickstart that a host would get now, with its secrets."""
        try:
            return self._kickstart(host).read_bytes()
        except OSError:
            return None

    def fingerprint(self, host: str) -> str | None:
        """The SHA-256 of the kickstart that a host would get now."""
        stamp = _stamp(self._kickstart(host))
        known = self._fingerprints.get(host)
        if known is not None and known[0] == stamp:
            return known[1]
        content = self.kickstart(host)
        if content is None:
            return None
        self._fingerprints[host] = stamp, fingerprint(content)
        return self._fingerprints[host][1]

    def _kickstart(self, host: str) -> Path:
        return self._directory / "ks" / f"{host}.ks"


def fingerprint(kickstart: bytes) -> str:
    """The SHA-256 of a kickstart, in hexadecimal digits."""
    return hashlib.sha256(kickstart).hexdigest()


def _stamp(path: Path) -> tuple[int, ...]:
    """What changes with a file, and when one of a directory is made, replaced or removed; () where there is none."""
    try:
        state = path.stat()
    except OSError:
        return ()
    return state.st_ino, state.st_ctime_ns, state.st_size


def _stamps(sources: Sequence[Path]) -> list[tuple[str, int, int]]:
    found = []
    for source in sources:
        for path in sorted((source, *source.rglob("*")) if source.is_dir() else (source,)):
            try:
                state = path.stat()
            except OSError:
                continue
            found.append((str(path), state.st_mtime_ns, state.st_size))
    return found
