# SPDX-License-Identifier: GPL-2.0-or-later
"""The virtual media of armed hosts: decided for all of them, then each is written and served while it is needed."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ksgen import iso, netboot
from ksgen.cli.edges import count, show_problems, stop
from ksgen.cli.listening import Listener
from ksgen.host import Host
from ksgen.netboot import Arming
from ksgen.problems import Problem
from ksgen.templates import TEMPLATE_ERRORS, template_problem

if TYPE_CHECKING:
    from ksgen.bmc import Access, MediaServer

# The URL of a host's medium, while the context lasts; None for a host that has none.
Prepared = Callable[[str], contextlib.AbstractContextManager[str | None]]


@dataclasses.dataclass(frozen=True)
class Place:
    """The web server of media, and the directory in which they are made."""

    server: MediaServer
    directory: Path


def planned(
    hosts: Sequence[Host], armings: Mapping[str, Arming], directory: Path, memory: netboot.Remembered
) -> dict[str, iso.BootMedium]:
    """What is on the medium of each host. Exits if something is missing for one."""
    if missing := iso.missing_programs():
        stop("; ".join(f"{finding.message}: {finding.hint}" for finding in missing) + "; nothing was done")
    found: dict[str, iso.BootMedium] = {}
    problems: list[Problem] = list(netboot.missing_kernels(hosts, directory))
    for host in hosts:
        medium, more = planned_one(host, armings[host.name], directory, memory)
        problems += [problem for problem in more if problem not in problems]
        if medium:
            found[host.name] = medium
    show_problems(problems, {}, as_json=False)
    if errors := [problem for problem in problems if problem.severity == "error"]:
        stop(f"{count(errors)}; nothing was done")
    return found


def planned_one(
    host: Host, arming: Arming, directory: Path, memory: netboot.Remembered
) -> tuple[iso.BootMedium | None, tuple[Problem, ...]]:
    """What is on the medium of a host, None where something is missing."""
    tree, templates = memory.trees.get(host.settings.release), netboot.BootTemplates(memory.templates)
    try:
        return netboot.boot_medium(host, arming, directory, tree, templates)
    except TEMPLATE_ERRORS as error:
        return None, (template_problem(error),)


@contextlib.contextmanager
def opened(listener: Listener, consequence: str) -> Iterator[Place]:
    """A web server for media with a directory to make them in. Exits with the consequence if it cannot listen."""
    from ksgen.bmc import MediaServer

    try:
        server = MediaServer(listener.host, listener.port)
    except OSError as error:
        stop(f"--listen {listener.host}:{listener.port}: {error.strerror}; {consequence}")
    # No other user of this machine can read the directory; the web server is this process.
    with server, tempfile.TemporaryDirectory(prefix="ksgen-") as directory:
        yield Place(server, Path(directory))


@contextlib.contextmanager
def serving(
    media: Mapping[str, iso.BootMedium], logins: Mapping[str, Access], listener: Listener, url: str | None
) -> Iterator[Prepared]:
    """Serve media while the context lasts. `url`: by which controllers reach the listener, None for its address."""
    if not media:
        yield lambda _host: contextlib.nullcontext()
        return
    with opened(listener, "nothing was done") as place:
        yield lambda host: served(place, logins[host], host, media[host], url)


@contextlib.contextmanager
def served(place: Place, access: Access, host: str, medium: iso.BootMedium, url: str | None) -> Iterator[str]:
    """Write a host's medium, serve it, and remove it. Raises BmcError."""
    from ksgen.bmc import BmcError, own_address

    file = place.directory / f"{host}.iso"
    try:
        base = url or _base_url(own_address(access.address), place.server.port)
        iso.write_medium(medium, file, lambda _step, _done, _total: None)
    except iso.NotWritten as error:
        message = f"the medium cannot be written: {error.finding.message}"
        raise BmcError("refused", message, error.finding.hint or "") from None
    except OSError as error:
        raise BmcError("refused", f"the medium cannot be written: {error.strerror}") from None
    try:
        with place.server.offered(host, file) as path:
            yield base.rstrip("/") + path
    finally:
        file.unlink()


def _base_url(address: str, port: int) -> str:
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"
