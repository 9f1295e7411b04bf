# SPDX-License-Identifier: GPL-2.0-or-later
"""What `serve` and `login` do."""

from __future__ import annotations

import dataclasses
import datetime
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from ksgen import netboot
from ksgen.cli.edges import stop, talk
from ksgen.cli.listening import Listener, bind, read_listener
from ksgen.cli.selection import read
from ksgen.host import read_hosts

if TYPE_CHECKING:
    from ksgen.server import Logins, Member

_REQUIRED = ("starlette", "uvicorn", "sqlalchemy", "alembic", "prometheus_client", "psycopg")
# Seconds for open pages to end when the server stops, and for the notified command.
_SHUTDOWN_S, _NOTIFY_S = 5, 60
# For how long a thread keeps the interpreter while others wait. A log is searched for secrets in such a thread, and
# CPython's 5 ms at each of their turns add up to what people notice.
_SWITCH_S = 0.001


@dataclasses.dataclass(frozen=True)
class Options:
    """The arguments of `serve`."""

    hosts: tuple[str, ...]
    directory: Path
    state: Path
    database: str | None
    listen: tuple[str, ...]
    user_header: str | None
    names: tuple[str, ...]
    certificate: Path | None
    key: Path | None
    keep: int
    notify: Path | None
    passwords: tuple[str, ...]

    @property
    def database_or_default(self) -> str:
        return self.database or str(self.state / "reports.db")


def serve(options: Options) -> None:
    """Serve until a signal ends it."""
    try:
        import uvicorn

        from ksgen import server, store
    except ModuleNotFoundError as error:
        _stop_without(error)
    listeners = [read_listener(one) for one in options.listen]
    _refuse_unsafe(options, listeners)
    now = datetime.datetime.now(datetime.timezone.utc)
    memory = netboot.read_remembered(options.directory.absolute())
    run = memory.run_of(options.directory)
    site = server.Site(options.directory, run, lambda: _members(options), list(map(Path, options.hosts)))
    site.refresh()
    try:
        options.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        engine = store.open_database(options.database_or_default, now)
        _logins(options.state)
    except store.DatabaseError as error:
        stop(f"{error.message}; {error.hint}")
    except server.AccessError as error:
        stop(str(error))
    except OSError as error:
        stop(f"{error.filename or options.state}: {error.strerror}")
    if not _logins(options.state).by_hash:
        talk(f"note: there is no login yet; run `ksgen login NAME --state {options.state} -o FILE`")
    settings = server.Settings(
        hosts=(*server.Settings().hosts, *options.names, *site.servers),
        keep=datetime.timedelta(days=options.keep),
        notify=_notifier(options.notify) if options.notify else None,
        user_header=options.user_header,
    )
    application = server.application(site, store.Store(engine), lambda: _logins(options.state), settings)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    config = uvicorn.Config(
        application,
        ssl_certfile=options.certificate,
        ssl_keyfile=options.key,
        # No access log: nginx has one, and of a thousand machines it is long.
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=_SHUTDOWN_S,
        proxy_headers=False,
    )
    try:
        sockets = bind(listeners)
    except OSError as error:
        engine.dispose()
        stop(f"{error.filename}: {error.strerror}")
    if netboot.REPORTS_ADDRESS not in options.listen:
        talk(f"note: nginx.conf passes reports to {netboot.REPORTS_ADDRESS}; name --listen in node_report_url")
    talk(f"listening on {', '.join(options.listen)}; Ctrl-C stops")
    sys.setswitchinterval(_SWITCH_S)
    try:
        uvicorn.Server(config).run(sockets=sockets)
    finally:
        engine.dispose()


def login(name: str, role: str, state: Path, target: Path) -> None:
    """Make a login, and say where its token is."""
    try:
        from ksgen import server
    except ModuleNotFoundError as error:
        _stop_without(error)
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        (known,) = [one for one in server.ROLES if one == role]
        server.add_login(state / server.LOGINS_FILE, name, known, target)
    except server.AccessError as error:
        stop(f"{error}; nothing was written")
    except FileExistsError:
        stop(f"{target}: exists; name a new file, or remove it")
    except OSError as error:
        stop(f"{error.filename or target}: {error.strerror}; nothing was written")
    talk(f"the token of {name} is in {target}; servers that run accept it from now on")


def _stop_without(error: ModuleNotFoundError) -> None:
    if (error.name or "").partition(".")[0] not in _REQUIRED:
        raise error
    stop(f"this requires {error.name}: pip install 'ovirt-node-installer[serve]'")


def _refuse_unsafe(options: Options, listeners: Sequence[Listener]) -> None:
    """Tokens are sent encrypted, or not over a network; a name in a header is believed on a Unix socket only."""
    if (options.certificate is None) != (options.key is None):
        raise click.UsageError("--certificate and --key are required together")
    has_socket = any(one.path is not None for one in listeners)
    if has_socket and options.certificate:
        raise click.UsageError("--certificate is not for a Unix socket: the proxy in front of it has the certificate")
    if options.user_header and not has_socket:
        raise click.UsageError("--user-header needs a Unix socket: add --listen unix:PATH")
    for given, one in zip(options.listen, listeners, strict=True):
        if not one.is_private and options.certificate is None:
            raise click.UsageError(f"--listen {given} can be reached by others: add --certificate and --key")


def _members(options: Options) -> tuple[Sequence[Member], str]:
    """The hosts of the inventory, and the first error in it."""
    from ksgen.cli.picture import layout_of
    from ksgen.match import described_macs
    from ksgen.server import Member

    try:
        site, report = read(list(options.hosts), options.passwords)
    except (OSError, click.ClickException) as error:
        return (), str(error)
    known, problems = read_hosts(site)
    report.extend(problems)
    errors = (problem for problem in report.problems if problem.severity == "error")
    # A rack whose machines are still to be discovered is in order.
    first = next((problem for problem in errors if problem.code not in ("no-hosts", "no-nodes")), None)
    groups = {entry.name: tuple(entry.groups) for entry in site.hosts}
    members = [
        Member(
            host.name,
            groups.get(host.name, ()),
            host.settings.kind,
            layout_of(host.plan),
            urlsplit(host.settings.server_url).hostname,
            described_macs(host),
        )
        for host in known
    ]
    return members, f"{first.mark}: {first.message}" if first else ""


def _logins(state: Path) -> Logins:
    from ksgen import server

    return server.read_logins(state / server.LOGINS_FILE)


def _notifier(command: Path) -> Callable[[str, str, str], None]:
    """Runs the site's command. What it prints goes to the server's own standard error."""

    def notify(host: str, state: str, message: str) -> None:
        words = [os.fspath(command.absolute()), host, state]
        try:
            done = subprocess.run(words, input=message, text=True, stdout=sys.stderr, timeout=_NOTIFY_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            talk(f"warning: {command}: {error}")
            return
        if done.returncode:
            talk(f"warning: {command} {host} {state}: exit status {done.returncode}")

    return notify
