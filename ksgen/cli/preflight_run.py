# SPDX-License-Identifier: GPL-2.0-or-later
"""What `ksgen preflight` does: its progress, and what it prints."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from ksgen import preflight
from ksgen.cli.bmc_command import AT_ONCE
from ksgen.cli.controllers import accesses, stop_without
from ksgen.cli.edges import DONE, PROBLEMS, show_problems
from ksgen.cli.selection import limited, read
from ksgen.host import Host, read_hosts
from ksgen.inventory import Inventory
from ksgen.preflight import ImageLook, RepositoryLook, TreeLook
from ksgen.problems import Problem, Report, folded
from org_ovirt_node.layout import size_text

if TYPE_CHECKING:
    from ksgen.bmc import Look

_SUM_SHOWN = 12  # digits
# A controller is asked some dozen times, one after the other; --timeout is that of one request.
_REQUESTS = 6


def preflight_images(
    hosts: str,
    limit: str | None,
    download: bool,
    images: Sequence[Path],
    ca: Path | None,
    timeout: float,
    passwords: Sequence[str],
    with_bmc: bool,
    as_json: bool,
) -> None:
    """Print what was found of the images, trees, repositories and controllers, and exit."""
    client = _client(timeout, ca)
    site, report = read([hosts], passwords)
    known, found = read_hosts(site)
    report.extend(found)
    chosen = limited(site, limit)
    wanted = [host for host in known if host.name in chosen]
    with _progress() as progress:
        looks = preflight.look(client, wanted, _copies(wanted, images), download, progress)
    report.extend(preflight.problems(wanted, looks))
    controllers = _controllers(site, report, wanted, timeout) if with_bmc else {}
    problems = [problem for problem in report.problems if problem.host is None or problem.host in chosen]
    if as_json:
        click.echo(json.dumps(_json(problems, looks, controllers.values() if with_bmc else None), indent=1))
    else:
        show_problems(problems, site.sources, as_json=False)
        for image in looks.images.values():
            click.echo(_image_line(image, _users(wanted, image.url)))
        for tree in looks.trees.values():
            click.echo(_tree_line(tree, _users(wanted, tree.url)))
        for repository in looks.repositories.values():
            click.echo(_repository_line(repository))
        for controller in controllers.values():
            click.echo(_controller_line(controller))
    sys.exit(PROBLEMS if any(problem.severity == "error" for problem in problems) else DONE)


def _client(timeout: float, ca: Path | None) -> preflight.Client:
    try:
        return preflight.Client(timeout, ca)
    except OSError as error:
        raise click.BadParameter(f"{ca}: cannot read any certificates", param_hint="--ca") from error


def _copies(hosts: Sequence[Host], files: Sequence[Path]) -> dict[str, Path]:
    """Which image each file is a copy of: the one with its file name, or the only image."""
    urls = list(dict.fromkeys(url for host in hosts if (url := host.settings.image_url)))
    found: dict[str, Path] = {}
    for file in files:
        named = [url for url in urls if urlsplit(url).path.rpartition("/")[2] == file.name]
        if len(urls) == len(files) == 1:
            named = urls
        if not named and urls:
            names = ", ".join(sorted({urlsplit(url).path.rpartition("/")[2] for url in urls}))
            raise click.BadParameter(
                f"{file} does not have the name of an image; the images are {names}", param_hint="--image"
            )
        found |= dict.fromkeys(named, file)
    return found


@contextlib.contextmanager
def _progress() -> Iterator[preflight.Progress]:
    """Progress bars on a terminal, otherwise nothing."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _name, _size: lambda _length: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(binary_units=True), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True) as bars:

        def begin(name: str, size: int | None) -> Callable[[int], object]:
            task = bars.add_task(escape(name), total=size)
            return lambda length: bars.advance(task, length)

        yield begin


def _users(hosts: Sequence[Host], url: str) -> str:
    count = sum(url in (host.settings.image_url, host.settings.tree_url) for host in hosts)
    return f"{count} host{'' if count == 1 else 's'}"


def _image_line(look: ImageLook, users: str) -> str:
    parts = [size_text(look.size)] if look.size else []
    if look.inside is not None:
        parts += [look.inside.nvr or "no NVR", look.inside.os_release.get("PRETTY_NAME", "")]
    if look.sha256 is not None:
        parts.append(f"sha256 {look.sha256[:_SUM_SHOWN]}…")
    return _line("image", look.url, parts, users)


def _tree_line(look: TreeLook, users: str) -> str:
    return _line("tree ", look.url, [str(look.info)] if look.info else [], users)


def _repository_line(look: RepositoryLook) -> str:
    parts = [f"from {preflight.place(look.base)}"] if look.base and look.source.is_metalink else []
    if look.packages is not None:
        parts.append(f"{len(look.packages.names)} packages")
    return _line("repo ", look.source.url, parts, "" if look.base else "not read")


def _line(kind: str, url: str, parts: Sequence[str], users: str) -> str:
    told = ", ".join(part for part in (*parts, users) if part)
    shown = "".join(c if c.isprintable() else "?" for c in told)
    return f"{kind}  {preflight.place(url)}  {shown}".rstrip()


def _controllers(site: Inventory, report: Report, hosts: Sequence[Host], timeout: float) -> dict[str, Look]:
    """What the controllers of hosts say, by the host's name; their problems are added to the report.

    A host without one, or with one that has no Redfish, is no problem here.
    """
    try:
        from ksgen import bmc
    except ModuleNotFoundError as error:
        stop_without(error)
    logins, closed = accesses(site, [one for one in hosts if one.settings.bmc and one.settings.bmc.may_have_redfish])
    report.extend(closed)
    stopped, pace = threading.Event(), bmc.Pace()

    def look(host: str) -> Look:
        return bmc.look(host, logins[host], timeout * _REQUESTS, pace, stopped)

    def given_up(host: str, error: bmc.BmcError) -> Look:
        return bmc.Look(host, logins[host].server, error=error)

    limit_s = timeout * _REQUESTS
    found = {one.host: one for one in bmc.at_once(list(logins), look, given_up, AT_ONCE, limit_s, stopped)}
    report.extend(bmc.problems(hosts, found))
    return {host: found[host] for host in logins}


def _controller_line(look: Look) -> str:
    known = look.inventory
    parts = [known.model, known.serial, look.power, look.firmware or ""] if known else ["not asked"]
    told = ", ".join(part for part in parts if part)
    return f"bmc    {look.server}  {look.host}  {told}"


def _json(problems: Sequence[Problem], looks: preflight.Looks, controllers: Iterable[Look] | None) -> dict[str, object]:
    return {
        "problems": [fold.to_json() for fold in folded(problems)],
        "images": [look.to_json() for look in looks.images.values()],
        "trees": [look.to_json() for look in looks.trees.values()],
        "repositories": [look.to_json() for look in looks.repositories.values()],
        **({} if controllers is None else {"controllers": [look.to_json() for look in controllers]}),
    }
