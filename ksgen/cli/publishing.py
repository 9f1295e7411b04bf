# SPDX-License-Identifier: GPL-2.0-or-later
"""What `render` and `arm` do: they publish from the inventory."""

from __future__ import annotations

import datetime
import io
import sys
from collections.abc import Iterable
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress

from ksgen import netboot, publish
from ksgen.cli import confirmation, planning
from ksgen.cli.arguments import ARMED_UNASKED
from ksgen.cli.edges import DONE, PROBLEMS, count, counted, files_text, names_text, show_problems, stop, talk
from ksgen.cli.planning import Options, Order, Plan
from ksgen.kickstart import Rendered

_PROGRESS_FROM = 50  # hosts; with fewer a progress bar is not worthwhile
# How often a run starts over because another run has published in the meantime.
_ATTEMPTS = 5


def render(dry_run: bool, only_check: bool, options: dict[str, Any]) -> None:
    """Publish the site, or the hosts that --limit selects, and exit."""
    _publish(Options(dry_run=dry_run, only_check=only_check, **options))


def arm(
    hosts: list[str], names: tuple[str, ...], until: str | None, reinstall: bool, yes: bool, options: dict[str, Any]
) -> None:
    """Publish the hosts that the names mean, armed, and exit."""
    now = datetime.datetime.now(datetime.timezone.utc)
    end = netboot.parse_until(until, now)
    if isinstance(end, netboot.UntilError):
        raise click.UsageError(f"{end.message}; {end.hint}")
    _publish(Options(hosts=hosts, limit=",".join(names), order=Order(end, now, yes, reinstall), **options))


def _publish(options: Options) -> None:
    """Check everything, publish what was chosen, and exit.

    The result is published only if no other run has published since this one started, so that no change is lost;
    otherwise the run starts over.
    """
    stdin = sys.stdin.read() if "-" in options.hosts else ""
    asked: list[str] = []
    for _ in range(_ATTEMPTS):
        try:
            began = publish.present(options.directory)
            plan = _planned(options, io.StringIO(stdin))
        except OSError as error:
            stop(f"{error.filename or options.directory}: {error.strerror}; nothing was written")
        if plan.errors:
            show_problems(plan.report.problems, plan.source.site.sources, options.as_json)
            stop(f"{count(plan.errors)}; nothing was written")
        if options.order:
            asked = _confirmed(options, options.order, plan, asked)
        if options.dry_run or _carried_out(options, plan, began):
            _tell(options, plan)
    stop(f"other ksgen runs have published {_ATTEMPTS} times in the meantime; nothing was written")


def _planned(options: Options, stdin: io.StringIO) -> Plan:
    source = planning.read_source(options, stdin)
    for note in source.notes:
        talk(f"note: {note}")
    return planning.decide(options, source, _with_progress)


def _confirmed(options: Options, order: Order, plan: Plan, asked: list[str]) -> list[str]:
    """List what would be erased and ask, unless already asked; exits if refused. Returns the lines shown."""
    lines = list(confirmation.lines(plan.hosts, confirmation.time_text(order.until)))
    if lines == asked:
        return asked
    for line in lines:
        talk(line)
    if options.dry_run or order.is_confirmed or len(plan.hosts) <= ARMED_UNASKED:
        return lines
    question = f"Arm {len(plan.hosts)} hosts?"
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} Standard input is not a terminal: add --yes")
    if not click.confirm(question, err=True):
        stop("nothing was written")
    return lines


def _carried_out(options: Options, plan: Plan, began: publish.Generation) -> bool:
    """Publish; False where another run has published since this one started. Exits on an OSError."""
    assert plan.publication
    if not (plan.publication.is_needed or plan.copies or publish.has_leftovers(options.directory)):
        return True
    placed: list[str] = []
    try:
        with publish.locked(options.directory):
            if publish.present(options.directory) != began:
                return False
            with netboot.staged(plan.copies, options.directory) as staging:
                placed = staging.placed
                publish.carry_out(plan.publication, staging.put)
    except OSError as error:
        show_problems(plan.report.problems, plan.source.site.sources, options.as_json)
        written = f"{counted(len(placed), 'boot file')} replaced and nothing else" if placed else "nothing"
        stop(f"{error.filename or options.directory}: {error.strerror}; {written} was written")
    return True


def _tell(options: Options, plan: Plan) -> None:
    """Print what was done, and exit."""
    changes = plan.changes
    removed = sum(change.new is None for change in changes)
    updated = len(changes) - removed + len(plan.copies)
    until = options.order.until.isoformat() if options.order else None
    more = (
        {}
        if not options.as_json
        else {
            "armed": {host.name: until for host in plan.hosts} if options.order else {},
            "disarmed": dict(plan.disarmed),
            "files": {"updated": updated, "removed": removed},
            "changes": [*(change.to_json(options.directory) for change in changes), *plan.copied],
        }
    )
    show_problems(plan.report.problems, plan.source.site.sources, options.as_json, more)
    if options.show_diff and not options.as_json:
        for changed in changes:  # the previous generation can still be read
            click.echo("\n".join(publish.diff(changed)))
    would = "would be " if options.dry_run else ""
    for host, reason in plan.disarmed.items():
        talk(f"{host} {would}disarmed: {reason}")
    if options.order:
        end = confirmation.time_text(options.order.until)
        what = f"{names_text([host.name for host in plan.hosts])} {would}armed until {end}"
    else:
        what = f"{counted(len(plan.hosts), 'host')} checked"
    talk(f"{what}; {files_text(updated, removed, options.directory, would)}")
    would_change = options.dry_run and bool(changes or plan.copies)
    sys.exit(PROBLEMS if would_change and not options.only_check else DONE)


def _with_progress(rendered: Iterable[Rendered], count: int) -> Iterable[Rendered]:
    """Pass the kickstarts through, with a progress bar on a terminal if there are many."""
    console = Console(stderr=True)
    if not console.is_terminal or count < _PROGRESS_FROM:
        yield from rendered
        return
    with Progress(console=console, transient=True) as progress:
        yield from progress.track(rendered, total=count, description="hosts")
