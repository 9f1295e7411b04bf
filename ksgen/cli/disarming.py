# SPDX-License-Identifier: GPL-2.0-or-later
"""What `disarm` and `armed` do, which work with the published tree alone.

The inventory is read only for groups and notes; it may be invalid, unreadable or missing.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from ksgen import netboot, publish
from ksgen.cli import confirmation
from ksgen.cli.edges import DONE, PROBLEMS, count, files_text, names_text, show_problems, stop, talk
from ksgen.cli.selection import matching, read
from ksgen.host import read_hosts
from ksgen.inventory import Inventory
from ksgen.netboot import Remembered
from ksgen.problems import Report


@dataclasses.dataclass(frozen=True)
class _Meant:
    """The hosts that the arguments select, and the arguments that select no host."""

    hosts: frozenset[str]
    unknown: tuple[str, ...]


def disarm(hosts: str, names: tuple[str, ...], directory: Path, is_ended: bool, dry_run: bool, as_json: bool) -> None:
    """Disarm the hosts that the names mean, say so, and exit. `is_ended`: only those whose arming is no more;
    with all of them a discovery that is no more."""
    words = [word for name in names for word in name.split(",") if word]
    try:
        groups = _groups(hosts, words, _published(directory).hosts)
        if publish.present(directory).number == 0:
            cure = (
                f"disarm on the machine where ksgen publishes, or in an emergency here: rm {directory / 'armed'}/HOST.*"
            )
            raise click.UsageError(f"{directory} is a copy of a published tree; {cure}")
        with contextlib.nullcontext() if dry_run else publish.locked(directory):
            tree = netboot.read_published(directory)
            meant = _meant(words, groups, tree.hosts)
            _refuse_unknown(hosts, meant)
            if is_ended:
                if tree.damage is not None:
                    stop(f"{directory / netboot.STATE_FILE}: {tree.damage}; nothing was written")
                meant = dataclasses.replace(meant, hosts=meant.hosts & _ended(tree, directory))
            done = netboot.disarmed(tree, meant.hosts, _templates(directory))
            if is_ended and "all" in words:
                done = _with_ended_discovery(done, tree, hosts, directory)
            outcome = publish.amended(directory, done.texts, done.removed)
            if not dry_run:
                publish.carry_out(outcome)
    except OSError as error:
        stop(f"{error.filename or directory}: {error.strerror}; nothing was written")
    would = "would be " if dry_run else ""
    removed = sum(change.new is None for change in outcome.changes)
    updated = len(outcome.changes) - removed
    files = {"updated": updated, "removed": removed}
    changes = [change.to_json(directory) for change in outcome.changes]
    more = {"disarmed": list(done.hosts) if not outcome.errors else [], "files": files, "changes": changes}
    show_problems(outcome.problems, {}, as_json, more)
    if outcome.errors:
        stop(f"{count(outcome.errors)}; nothing was written")
    if tree.damage is not None:
        talk(
            f"{directory / netboot.STATE_FILE}: {tree.damage}; all hosts {would}disarmed and the file {would}rewritten"
        )
    elif others := sorted(meant.hosts - set(done.hosts)):
        talk(f"{names_text(others)} {'was' if len(others) == 1 else 'were'} not armed")
    if done.hosts or outcome.changes:
        shown = ["the discovery" if host == netboot.DISCOVERY_NAME else host for host in done.hosts]
        who = names_text(shown) if shown else "no host"
        talk(f"{who} {would}disarmed; {files_text(updated, removed, directory, would)}")
    for word in meant.unknown:
        talk(f"error: no host or group named {word!r}")
    sys.exit(PROBLEMS if meant.unknown or (dry_run and outcome.changes) else DONE)


def _ended(tree: netboot.Published, directory: Path) -> frozenset[str]:
    """The hosts whose arming has expired or was withdrawn.

    One that was used stays until it expires: the installer may still ask for the token of its reports.
    """
    now = datetime.datetime.now(datetime.timezone.utc)
    spent = netboot.spent(_run(directory))
    return frozenset(
        one.host
        for one in tree.permissions
        if now >= one.until or netboot.status(one, now, spent, tree.tokens) == "withdrawn"
    )


def _with_ended_discovery(
    done: netboot.Disarming, tree: netboot.Published, hosts: str, directory: Path
) -> netboot.Disarming:
    """With the end of a discovery whose time is over, or whose permission was withdrawn."""
    try:
        discovery = netboot.stored_discovery(directory)
    except ValueError as error:
        talk(f"{directory / netboot.DISCOVERY_FILE}: warning: {error}; `ksgen discover {hosts} --end` ends it")
        return done
    now = datetime.datetime.now(datetime.timezone.utc)
    if discovery is None or discovery.is_running(now, tree.tokens):
        return done
    texts, removed = netboot.discovery_ended(directory, discovery, _templates(directory))
    return netboot.Disarming(
        (*done.hosts, netboot.DISCOVERY_NAME), {**done.texts, **texts}, frozenset({*done.removed, *removed})
    )


def _run(directory: Path) -> Path:
    """Where nginx notes what has been fetched."""
    return _memory(directory).run_of(directory)


def armed(hosts: str, directory: Path, run: Path | None, passwords: tuple[str, ...], as_json: bool) -> None:
    """Print which hosts are armed, and exit."""
    try:
        tree = _published(directory)
        spent = netboot.spent(run or _run(directory))
    except OSError as error:
        stop(f"{error.filename or directory}: {error.strerror}")
    now = datetime.datetime.now(datetime.timezone.utc)
    notes = _notes(tree, hosts, passwords)
    states: dict[str, dict[str, Any]] = {}
    for one in tree.permissions:
        status = netboot.status(one, now, spent, tree.tokens)
        states[one.host] = {"until": one.until.isoformat(), "status": status}
        states[one.host] |= {"reinstall": True} if one.is_reinstallation else {}
        states[one.host] |= {"note": notes[one.host]} if one.host in notes else {}
        if not as_json:
            what = "  --reinstall" if one.is_reinstallation else ""
            click.echo(f"{one.host}  until {confirmation.time_text(one.until)}  {status}{what}")
            if one.host in notes:
                click.echo(f"  {notes[one.host]}")
    if as_json:
        click.echo(json.dumps(states, indent=1))
    elif not tree.permissions:
        click.echo("no host is armed")
    if tree.damage is not None:
        talk(f"{directory / netboot.STATE_FILE}: error: {tree.damage}; showing the contents of {directory / 'armed'}")
        talk(f"  hint: `ksgen disarm {hosts} all` disarms every host and rewrites the file")
    sys.exit(PROBLEMS if tree.damage is not None else DONE)


def _published(directory: Path) -> netboot.Published:
    """The published tree. Raises OSError, and a usage error if nothing is published there."""
    tree = netboot.read_published(directory)
    if not tree.hosts and not (directory / netboot.STATE_FILE).exists():
        raise click.UsageError(f"nothing is published in {directory}; specify the directory with -o")
    return tree


def _memory(directory: Path) -> Remembered:
    """The remembered options of the tree; none if they cannot be read."""
    try:
        return netboot.read_remembered(directory.absolute())
    except ValueError as error:
        talk(f"{directory / netboot.REMEMBERED_FILE}: warning: {error}")
        return Remembered()


def _templates(directory: Path) -> netboot.BootTemplates:
    return netboot.BootTemplates(_memory(directory).templates)


# --- what needs the inventory ----------------------------------------------------------------------------------------


def _groups(hosts: str, words: Sequence[str], known: frozenset[str]) -> Mapping[str, Sequence[str]]:
    """The groups of each host. The inventory is read only if an argument is not simply the name of a host."""
    if all(word in known or word == "all" for word in words):
        return {}
    site, report = _read(hosts, ())
    if report is not None and report.has_errors:
        first = next(problem for problem in report.problems if problem.severity == "error")
        talk(f"{first.mark}: warning: groups may be incomplete: {first.message}")
    return {entry.name: entry.groups for entry in site.hosts} if site else {}


def _read(hosts: str, passwords: Sequence[str]) -> tuple[Inventory | None, Report | None]:
    try:
        return read([hosts], passwords)
    except (OSError, click.ClickException) as error:
        talk(f"{hosts}: warning: the inventory cannot be read ({error})")
        return None, None


def _meant(words: Sequence[str], groups: Mapping[str, Sequence[str]], known: frozenset[str]) -> _Meant:
    all_hosts = {**dict.fromkeys(known, ()), **groups}
    found = {word: matching(word, all_hosts) for word in words}
    unknown = tuple(word for word, those in found.items() if not those and word != "all")
    return _Meant(frozenset().union(*found.values()), unknown)


def _refuse_unknown(hosts: str, meant: _Meant) -> None:
    """Raises a usage error if no argument matches a host; otherwise the matching hosts are disarmed."""
    if meant.unknown and not meant.hosts:
        words = ", ".join(map(repr, meant.unknown))
        raise click.UsageError(f"no host or group named {words} in the published tree or in {hosts}")


def _notes(tree: netboot.Published, hosts: str, passwords: Sequence[str]) -> dict[str, str]:
    """What the inventory would change in the armings, by host; nothing if it cannot be read."""
    site, report = _read(hosts, passwords)
    if site is None or report is None:
        return {}
    known, problems = read_hosts(site)
    report.extend(problems)
    names = {entry.name for entry in site.hosts}
    if report.has_errors:
        talk(f"{hosts}: warning: the inventory has errors; showing what is published")
    by_name = {host.name: host for host in known}
    concerned = [
        one for one in tree.permissions if one.host in by_name or (one.host not in names and _is_whole(report))
    ]
    return {
        host: f"{reason}: `ksgen disarm` or the next full run disarms it"
        for host, reason in netboot.void(concerned, by_name).items()
        if tree.damage is None
    }


def _is_whole(report: Report) -> bool:
    """Whether all hosts could be read: an error without a host may hide some."""
    return not any(problem.severity == "error" and problem.host is None for problem in report.problems)
