# SPDX-License-Identifier: GPL-2.0-or-later
"""Switches the machines of a rollout on by their controllers, as `ksgen bmc` does, so that they boot the installer; and
asks the controllers of those that are silent."""

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
_ASKED_S = 30  # for a controller to tell the power state; a healthy one takes a few seconds


@contextlib.contextmanager
def switching(
    via: str, site: Inventory, hosts: Sequence[Host], directory: Path, listener: Listener, boot_s: float
) -> Iterator[Switch | None]:
    """The controllers of hosts, while the context lasts; None for `hand`.

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
        yield Switch(order, {host.name: host for host in hosts}, logins, directory, media)


@dataclasses.dataclass(frozen=True)
class Switch:
    """The controllers of the hosts of a published tree."""

    order: Order
    hosts: Mapping[str, Host]
    logins: Mapping[str, Access]
    directory: Path
    media: boot_media.Place | None

    def on(self, host: str, stop_it: threading.Event) -> None:
        """Switch a machine on, and return when its installer runs. Raises Failed.

        Until the installer runs, the controller has to be kept from booting it again.
        """
        from ksgen import bmc

        arming = self._arming(host)
        run = self._memory().run_of(self.directory)
        firmware = self.hosts[host].settings.firmware
        task = bmc.Task(host, self.logins[host], firmware, lambda: arming.token in netboot.spent(run))

        def act(task: Task) -> Result:
            with self._medium(host, arming) as url:
                return bmc.perform(dataclasses.replace(task, medium_url=url), self.order, stop_it, lambda _: None)

        try:
            result = _carried_out(task, act, self.order.limit_s)
        except bmc.BmcError as error:
            raise Failed(_words(error)) from error
        if result.error is not None:
            state = "" if result.error.kind == "stopped" else power_words(result.power)
            raise Failed("; ".join(filter(None, (_words(result.error), state))))

    def ask(self, host: str, stop_it: threading.Event) -> str:
        """What the controller says of the power of a machine. Raises Failed if it does not answer."""
        from ksgen import bmc

        order = bmc.Order("status", timeout_s=_ASKED_S)
        task = bmc.Task(host, self.logins[host])
        result = _carried_out(task, lambda one: bmc.perform(one, order, stop_it, lambda _: None), _ASKED_S)
        if result.error is not None:
            raise Failed(_words(result.error))
        return power_words(result.power)

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


def power_words(power: str) -> str:
    """The power state that a controller has reported, as the summary has it; empty where it does not know it."""
    words = {"on": "that it is on", "off": "that it is off", "changing": "that its power is changing"}
    return f"the controller says {words[power]}" if power in words else ""


def _carried_out(task: Task, act: Callable[[Task], Result], limit_s: float) -> Result:
    from ksgen import bmc

    def given_up(_: Task, error: BmcError) -> Result:
        return bmc.Result(task.host, error=error)

    (result,) = bmc.at_once([task], act, given_up, 1, limit_s, threading.Event())
    return result


def _words(error: BmcError | Problem) -> str:
    return "; ".join(filter(None, (error.message, error.hint)))
