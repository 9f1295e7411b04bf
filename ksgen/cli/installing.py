# SPDX-License-Identifier: GPL-2.0-or-later
"""What `install` does: it asks, takes the hosts at the server, and carries out the rollout."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import json
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from ksgen import netboot
from ksgen.cli import confirmation
from ksgen.cli.asking import Away, Refused, Server, stop_unanswered
from ksgen.cli.edges import DONE, PROBLEMS, count, counted, names_text, show_problems, stop, talk
from ksgen.cli.followed import Followed
from ksgen.cli.listening import Listener, read_listener
from ksgen.cli.powering import switching
from ksgen.cli.rolling import Site
from ksgen.cli.selection import limited, read
from ksgen.host import Host, read_hosts
from ksgen.inventory import Inventory
from ksgen.rollout import Course, Limits, Rollout, is_stopped_by_failures, resumed, summary

_INTERRUPTED = 130  # 128 and SIGINT


@dataclasses.dataclass(frozen=True)
class Options:
    """The arguments of `install`; times are seconds."""

    hosts: str
    names: tuple[str, ...]
    directory: Path
    via: str
    listen: str
    at_once: int
    max_failures: int | None
    boot_within: float
    give_up_after: float
    take_over: bool
    skip_preflight: bool
    yes: bool
    server: str
    token: Path
    ca: Path | None
    passwords: tuple[str, ...]
    is_reinstallation: bool


def install(options: Options) -> None:
    """Install the hosts, and exit."""
    if options.hosts == "-":
        raise click.UsageError("the inventory is read again for each host: name a file instead of -")
    listener = _listener(options)
    server = Server(options.server, options.token, options.ca)
    inventory, hosts = _chosen(options)
    known = _known(server, [host.name for host in hosts])
    if not options.skip_preflight:
        _preflight(options, [host.name for host in hosts])
    with switching(options.via, inventory, hosts, options.directory, listener, options.boot_within) as switch:
        _ask(options, hosts, known)
        run = secrets.token_hex(16)
        leases = _take(server, options, [host.name for host in hosts], run)
        now = time.monotonic()
        courses = [resumed(host.name, *leases[host.name], now) for host in hosts]
        limits = Limits(options.at_once, options.max_failures, options.boot_within, options.give_up_after)
        site = Site(server, options.hosts, options.directory, options.passwords, run, switch, options.is_reinstallation)
        with Followed(options.via) as followed:
            rollout = Rollout(courses, limits, site, followed.show)
            with _interrupts(rollout) as interrupted:
                done = rollout.run()
        site.end(done)
    _tell(done, limits, now, bool(interrupted))
    if interrupted:
        sys.exit(_INTERRUPTED)
    sys.exit(DONE if all(one.phase == "up" for one in done) else PROBLEMS)


def _listener(options: Options) -> Listener:
    """Where the media are served. Raises a usage error."""
    listener = read_listener(options.listen)
    if listener.path is not None:
        raise click.UsageError(f"--listen {options.listen}: a TCP port is required")
    return listener


def _chosen(options: Options) -> tuple[Inventory, list[Host]]:
    """The inventory, and the hosts that are named, in its order. Stops for errors in the inventory."""
    site, report = read([options.hosts], options.passwords)
    found, problems = read_hosts(site)
    report.extend(problems)
    chosen = limited(site, ",".join(options.names))
    errors = [one for one in report.problems if one.severity == "error" and (one.host is None or one.host in chosen)]
    if errors:
        show_problems(errors, site.sources, as_json=False)
        stop(f"{count(errors)}; no host was armed")
    hosts = [host for host in found if host.name in chosen]
    return site, [host.reinstalled() for host in hosts] if options.is_reinstallation else hosts


def _preflight(options: Options, names: Sequence[str]) -> None:
    """What the installer will fetch, and the controllers, are looked at before anything is erased."""
    words = [sys.executable, "-m", "ksgen", "preflight", options.hosts, "--limit", ",".join(names)]
    words += [] if options.via == "hand" else ["--bmc"]
    words += [word for file in options.passwords for word in ("--vault-password-file", file)]
    if subprocess.run(words, stdin=subprocess.DEVNULL).returncode != 0:
        stop("`ksgen preflight` has found errors; no host was armed; --skip-preflight goes on nevertheless")


def _known(server: Server, names: Sequence[str]) -> dict[str, str]:
    """What the server last heard of each host, in words."""
    hosts = {one["host"]: one for one in server.answer("/api/hosts")["hosts"]}
    return {name: _last(hosts[name]) for name in names if name in hosts}


def _last(one: Mapping[str, Any]) -> str:
    if one["state"] == "idle":
        return "never installed by this server"
    since = datetime.datetime.fromisoformat(one["since"])
    return f"last known: {one['state']} since {confirmation.time_text(since)}"


def _ask(options: Options, hosts: Sequence[Host], known: Mapping[str, str]) -> None:
    """Show what is erased, and have it confirmed by name."""
    until = datetime.datetime.now(datetime.timezone.utc) + netboot.DEFAULT_DURATION
    for line in confirmation.lines(hosts, confirmation.time_text(until), known):
        talk(line)
    if options.yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("standard input is not a terminal: add --yes")
    word = hosts[0].name if len(hosts) == 1 else f"{len(hosts)} hosts"
    if click.prompt(f"Type {word!r} to erase and install", err=True, default="", show_default=False) != word:
        stop("no host was armed")


def _take(
    server: Server, options: Options, names: Sequence[str], run: str
) -> dict[str, tuple[str, datetime.datetime | None]]:
    """Take the hosts at the server: phase and begin of the arming of each, as an earlier run has left them."""
    wanted = {"run": run, "hosts": list(names), "take_over": options.take_over}
    try:
        given = server.ask("/api/installs", "POST", wanted)["installs"]
    except Away as error:
        stop_unanswered(error)
    except Refused as error:
        if error.status != 409:
            stop(str(error))
        for one in json.loads(error.body)["held"]:
            talk(f"{one['host']} is being installed by {one['who']} ({one['phase']}, since {one['taken']})")
        stop("no host was armed; `--take-over` takes them over")
    return {
        one["host"]: (one["phase"], datetime.datetime.fromisoformat(one["given"]) if one["given"] else None)
        for one in given
    }


@contextlib.contextmanager
def _interrupts(rollout: Rollout) -> Iterator[list[bool]]:
    """Ctrl-C stops the rollout; the list is not empty if it was pressed."""
    pressed: list[bool] = []

    def stop_it(*_: object) -> None:
        pressed.append(True)
        rollout.stop()

    before = [(number, signal.signal(number, stop_it)) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        yield pressed
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def _tell(courses: Sequence[Course], limits: Limits, began: float, is_interrupted: bool) -> None:
    """What has come of each host that is not simply up, and the counts."""
    for one in courses:
        if one.phase != "up" or one.message:
            words = "still installing; it goes on by itself" if one.is_active else one.message
            talk(f"{one.host}: {one.phase}{f': {words}' if words else ''}")
    if is_stopped_by_failures(courses, limits):
        talk(f"more than {counted(limits.failures or 0, 'host')} failed: no more were begun")
    if is_interrupted:
        names = [one.host for one in courses if one.is_active]
        talk(f"{names_text(names)} will go on without this command" if names else "no host is on its way")
    counts = ", ".join(f"{number} {phase}" for phase, number in summary(courses).items())
    talk(f"{counts}, in {time.monotonic() - began:.0f} s")
