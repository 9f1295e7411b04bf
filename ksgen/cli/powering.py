# SPDX-License-Identifier: GPL-2.0-or-later
"""Switches the machines of a rollout on by their controllers, as `ksgen bmc` does, so that they boot the installer."""

from __future__ import annotations

import contextlib
import dataclasses
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
from ksgen.problems import Problem
from ksgen.rollout import Failed

if TYPE_CHECKING:
    from ksgen.bmc import Access, BmcError, Order, Result, Task

_NOT_DONE = "no host was armed"
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
        stop(f"{count(problems)}; {_NOT_DONE}")
    (verb,) = [one for one in bmc.VERBS if one == via]
    order = bmc.Order(verb, boot_s=boot_s)
    if via == "media" and (missing := iso.missing_programs()):
        stop("; ".join(f"{one.message}: {one.hint}" for one in missing) + f"; {_NOT_DONE}")
    with boot_media.opened(listener, _NOT_DONE) if via == "media" else contextlib.nullcontext() as media:
        yield _Switch(order, {host.name: host for host in hosts}, logins, directory, media).on


@dataclasses.dataclass(frozen=True)
class _Switch:
    """The controllers of the hosts of a published tree."""

    order: Order
    hosts: Mapping[str, Host]
    logins: Mapping[str, Access]
    directory: Path
    media: boot_media.Place | None

    def on(self, host: str, stop_it: threading.Event) -> None:
        """Raises Failed. Until the installer runs, the controller has to be kept from booting it again."""
        from ksgen import bmc

        arming = self._arming(host)
        run = self._memory().run_of(self.directory)
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
        medium, problems = boot_media.planned_one(self.hosts[host], arming, self.directory, self._memory())
        if medium is None:
            raise Failed("; ".join(map(_words, problems)))
        return boot_media.served(self.media, self.logins[host], host, medium, None)


def _words(error: BmcError | Problem) -> str:
    return "; ".join(filter(None, (error.message, error.hint)))
