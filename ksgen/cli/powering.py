# SPDX-License-Identifier: GPL-2.0-or-later
"""Switches the machines of a rollout on by their controllers, as `ksgen bmc` does, so that they boot the installer."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ksgen import iso, netboot
from ksgen.cli import boot_media
from ksgen.cli.controllers import accesses, stop_without
from ksgen.cli.edges import count, show_problems, stop
from ksgen.cli.listening import Listener
from ksgen.host import Host
from ksgen.inventory import Inventory
from ksgen.netboot import Arming
from ksgen.rollout import Failed
from ksgen.templates import TEMPLATE_ERRORS

if TYPE_CHECKING:
    from ksgen.bmc import Access, BmcError, MediaServer, Order, Result, Task

PowerOn = Callable[[str, threading.Event], None]


@contextlib.contextmanager
def switching(
    via: str, site: Inventory, hosts: Sequence[Host], directory: Path, listener: Listener, boot_s: float
) -> Iterator[PowerOn | None]:
    """What switches a machine on and returns when its installer runs, while the context lasts; None for `hand`.

    `via` is `hand`, `pxe` or `media`, `boot_s` how long a machine may take. Exits if a controller is not described, its
    password cannot be read, or media cannot be made or served.
    """
    if via == "hand":
        yield None
        return
    try:
        from ksgen import bmc
    except ModuleNotFoundError as error:
        stop_without(error)
    logins, problems = accesses(site, hosts)
    if problems:
        show_problems(problems, site.sources, as_json=False)
        stop(f"{count(problems)}; no host was armed")
    (verb,) = [one for one in bmc.VERBS if one == via]
    order = bmc.Order(verb, boot_s=boot_s)
    with _media(listener) if via == "media" else contextlib.nullcontext() as media:
        yield _Switch(order, {host.name: host for host in hosts}, logins, directory, media).on


@contextlib.contextmanager
def _media(listener: Listener) -> Iterator[_Media]:
    from ksgen.bmc import MediaServer

    if missing := iso.missing_programs():
        stop("; ".join(f"{one.message}: {one.hint}" for one in missing) + "; no host was armed")
    try:
        server = MediaServer(listener.host, listener.port)
    except OSError as error:
        stop(f"--listen {listener.host}:{listener.port}: {error.strerror}; no host was armed")
    # No other user of this machine can read the directory; the web server is this process.
    with server, tempfile.TemporaryDirectory(prefix="ksgen-") as place:
        yield _Media(server, Path(place))


@dataclasses.dataclass(frozen=True)
class _Media:
    """The web server of the media, and the directory in which they are made."""

    server: MediaServer
    place: Path


@dataclasses.dataclass(frozen=True)
class _Switch:
    """The controllers of the hosts of a published tree."""

    order: Order
    hosts: Mapping[str, Host]
    logins: Mapping[str, Access]
    directory: Path
    media: _Media | None

    def on(self, host: str, stop_it: threading.Event) -> None:
        """Raises Failed. Until the installer runs, the controller has to be kept from booting it again."""
        from ksgen import bmc

        arming = self._arming(host)
        run = self._memory().run or self.directory.absolute().parent / "run"
        firmware = self.hosts[host].settings.firmware
        task = bmc.Task(host, self.logins[host], firmware, lambda: arming.token in netboot.spent(run))

        def act(task: Task) -> Result:
            with self._medium(host, arming) as url:
                return bmc.perform(dataclasses.replace(task, medium_url=url), self.order, stop_it, lambda _: None)

        def given_up(_: Task, error: BmcError) -> Result:
            return bmc.Result(host, error=error)

        try:
            (result,) = bmc.at_once([task], act, given_up, 1, self.order.limit_s, threading.Event())
        except bmc.BmcError as error:
            raise Failed(_words(error)) from error
        if result.error is not None:
            raise Failed(_words(result.error))

    def _arming(self, host: str) -> Arming:
        try:
            armings = {one.host: one for one in netboot.stored(self.directory)}
        except (OSError, ValueError) as error:
            raise Failed(f"{self.directory}: {error}") from error
        if host not in armings:
            raise Failed("disarmed by another command")
        return armings[host]

    def _memory(self) -> netboot.Remembered:
        try:
            return netboot.read_remembered(self.directory.absolute())
        except (OSError, ValueError) as error:
            raise Failed(f"{self.directory / netboot.REMEMBERED_FILE}: {error}") from error

    def _medium(self, host: str, arming: Arming) -> contextlib.AbstractContextManager[str | None]:
        """The URL of the host's medium, while the context lasts; None where it boots from the network."""
        if self.media is None:
            return contextlib.nullcontext()
        memory = self._memory()
        tree = memory.trees.get(self.hosts[host].settings.release)
        templates = netboot.BootTemplates(memory.templates)
        try:
            medium, problems = netboot.boot_medium(self.hosts[host], arming, self.directory, tree, templates)
        except TEMPLATE_ERRORS as error:
            raise Failed(f"a template of boot files fails: {error}") from error
        if medium is None:
            raise Failed("; ".join(filter(None, (text for one in problems for text in (one.message, one.hint)))))
        return boot_media.served(self.media.server, self.logins[host], host, medium, self.media.place, None)


def _words(error: BmcError) -> str:
    return "; ".join(filter(None, (error.message, error.hint)))
