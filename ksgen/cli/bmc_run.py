# SPDX-License-Identifier: GPL-2.0-or-later
"""What `bmc` does: which machines are meant, and what is asked before."""

from __future__ import annotations

import dataclasses
import datetime
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ksgen import netboot
from ksgen.cli import boot_media
from ksgen.cli.bmc_results import show
from ksgen.cli.controllers import accesses, stop_without
from ksgen.cli.edges import DONE, PROBLEMS, count, counted, names_text, show_problems, stop, talk
from ksgen.cli.listening import read_listener
from ksgen.cli.selection import limited, read
from ksgen.host import Host, read_hosts
from ksgen.netboot import Arming

if TYPE_CHECKING:
    from ksgen.bmc import Order, Result, Task


@dataclasses.dataclass(frozen=True)
class Options:
    """The arguments of `bmc`."""

    hosts: str
    names: tuple[str, ...]
    verb: str
    is_graceful: bool
    is_confirmed: bool
    at_once: int
    timeout_s: float
    boot_s: float
    entries: int
    directory: Path
    listen: str
    media_url: str | None
    passwords: tuple[str, ...]
    as_json: bool


@dataclasses.dataclass(frozen=True)
class _Installation:
    """The armed hosts, and where it is noted that one has fetched its kickstart."""

    armings: Mapping[str, Arming]
    run: Path
    memory: netboot.Remembered

    def is_running(self, host: str) -> bool:
        return self.armings[host].token in netboot.spent(self.run)


def run(options: Options) -> None:
    """Do it, print the results, and exit."""
    try:
        from ksgen import bmc
    except ModuleNotFoundError as error:
        stop_without(error)
    listener = read_listener(options.listen)
    if listener.path is not None:
        raise click.UsageError(f"--listen {options.listen}: a TCP port is required")
    site, report = read([options.hosts], options.passwords)
    known, found = read_hosts(site)
    report.extend(found)
    chosen = limited(site, ",".join(options.names))
    hosts = [host for host in known if host.name in chosen]
    if unread := chosen - {host.name for host in hosts}:
        wrong = [problem for problem in report.problems if problem.host in unread or problem.host is None]
        show_problems(wrong, site.sources, as_json=False)
        stop(f"{names_text(sorted(unread))}: not a host that can be read; nothing was done")
    logins, problems = accesses(site, hosts)
    if problems:
        show_problems(problems, site.sources, as_json=False)
        stop(f"{count(problems)}; nothing was done")
    (verb,) = [one for one in bmc.VERBS if one == options.verb]
    order = bmc.Order(verb, options.is_graceful, options.timeout_s, options.boot_s, options.entries)
    installation = _installation(options, hosts) if verb in ("pxe", "media") else None
    armed = installation.armings if installation else {}
    with_media = installation if verb == "media" else None
    media = boot_media.planned(hosts, armed, options.directory, with_media.memory) if with_media else {}
    if verb in bmc.CUTTING:
        _confirm(options, hosts, installation)
    tasks = [
        bmc.Task(
            host.name,
            logins[host.name],
            host.settings.firmware,
            _looking(installation, host.name) if installation and host.name in armed else None,
        )
        for host in hosts
    ]
    with boot_media.serving(media, logins, listener, options.media_url) as prepared:
        results = _carried_out(options, order, tasks, prepared)
    show(results, with_logs=verb == "log", as_json=options.as_json)
    sys.exit(PROBLEMS if any(result.error for result in results) else DONE)


def _looking(installation: _Installation, host: str) -> Callable[[], bool]:
    return lambda: installation.is_running(host)


# --- what is armed ---------------------------------------------------------------------------------------------------


def _installation(options: Options, hosts: Sequence[Host]) -> _Installation:
    """What the published tree says. For `media` each host has to be armed: its medium has the permission to install."""
    directory = options.directory
    try:
        memory = netboot.read_remembered(directory.absolute())
        run = memory.run_of(directory)
        now, spent = datetime.datetime.now(datetime.timezone.utc), netboot.spent(run)
        tokens = netboot.tokens(directory)
        armings = {
            one.host: one for one in netboot.stored(directory) if netboot.status(one, now, spent, tokens) == "armed"
        }
    except ValueError as error:
        stop(f"{directory}: {error}; nothing was done")
    except OSError as error:
        stop(f"{error.filename or directory}: {error.strerror}; nothing was done")
    missing = [host.name for host in hosts if host.name not in armings]
    if missing and options.verb == "media":
        cure = f"`ksgen arm {options.hosts} {' '.join(missing)} -o {directory}` arms them"
        stop(f"{names_text(missing)}: not armed in {directory}; nothing was done; {cure}")
    return _Installation(armings, run, memory)


_QUESTIONS = {
    "off": "Switch {} off?",
    "cycle": "Power cycle {}?",
    "pxe": "Boot {} from the network?",
    "media": "Boot {} from virtual media?",
}


def _confirm(options: Options, hosts: Sequence[Host], installation: _Installation | None) -> None:
    """List the machines whose power is cut, and ask; exits if refused."""
    way = "their systems are asked to shut down" if options.is_graceful else "their power is cut"
    talk(f"{counted(len(hosts), 'machine')}; where they are on, {way}:")
    for host in hosts:
        arming = installation.armings.get(host.name) if installation else None
        note = "  armed: the installer erases its disks" if arming else ""
        talk(f"  {host.name}  {host.settings.bmc.address if host.settings.bmc else ''}{note}")
        if installation and not arming:
            talk("    not armed: it boots its disk")
    if options.is_confirmed:
        return
    question = _QUESTIONS[options.verb].format(counted(len(hosts), "machine"))
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} Standard input is not a terminal: add --yes")
    if not click.confirm(question, err=True):
        stop("nothing was done")


# --- carrying it out -------------------------------------------------------------------------------------------------


def _carried_out(options: Options, order: Order, tasks: Sequence[Task], prepared: boot_media.Prepared) -> list[Result]:
    from ksgen import bmc

    stopped = threading.Event()
    quiet = order.verb in ("status", "log")

    def act(task: Task) -> Result:
        def tell(words: str) -> None:
            if not quiet:
                talk(f"{task.host}: {words}")

        try:
            with prepared(task.host) as url:
                return bmc.perform(dataclasses.replace(task, medium_url=url), order, stopped, tell)
        except bmc.BmcError as error:
            return bmc.Result(task.host, error=error)

    def given_up(task: Task, error: bmc.BmcError) -> Result:
        return bmc.Result(task.host, error=error)

    results = []
    for result in bmc.at_once(tasks, act, given_up, options.at_once, order.limit_s, stopped):
        results.append(result)
        if result.error is not None:
            talk(f"{result.host}: error: {result.error.message}")
            if result.error.hint:
                talk(f"  hint: {result.error.hint}")
    order_of = {task.host: number for number, task in enumerate(tasks)}
    return sorted(results, key=lambda result: order_of[result.host])
