# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks images, trees and repositories of an inventory as the installer will fetch them, and their contents.

look() requests and reads each of them once; problems() decides what that means for each host.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from ksgen.host import Host
from ksgen.preflight import repositories
from ksgen.preflight.images import ImageLook, Looking, image_problems, inside_problems
from ksgen.preflight.repositories import Progress, RepositoryLook, Wanted
from ksgen.preflight.trees import TreeLook, look_at_tree, tree_problems
from ksgen.preflight.webfiles import Client
from ksgen.problems import Finding, Problem

_AT_ONCE = 4  # files; a site's web server may have one disk and one NIC
_PAUSE = 0.2  # seconds between two checks for a signal


@dataclasses.dataclass(frozen=True)
class Looks:
    """By URL, in the order of the hosts."""

    images: Mapping[str, ImageLook]
    trees: Mapping[str, TreeLook]
    repositories: Mapping[repositories.Source, RepositoryLook]


def look(
    client: Client, hosts: Sequence[Host], files: Mapping[str, Path], with_sums: bool, progress: Progress
) -> Looks:
    """Check every image, tree and repository of these hosts, several at once.

    `files` has local copies of images, by URL; of the others only parts are fetched, unless `with_sums`.
    """
    images = dict.fromkeys(url for host in hosts if (url := host.settings.image_url))
    trees = dict.fromkeys(host.settings.tree_url for host in hosts)
    declared = frozenset(url for host in hosts if (url := host.settings.image_url) and host.settings.image_sha256)
    looking = Looking(client, with_sums, declared, progress, threading.Event())
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        try:
            trees_running = {url: pool.submit(look_at_tree, client, url) for url in trees}
            images_running = {url: pool.submit(looking.image, url, files.get(url)) for url in images}
            _wait_for(trees_running.values())
            # A tree says which repositories it has, and what $releasever is.
            tree_looks = {url: running.result() for url, running in trees_running.items()}
            wanted = _wanted(hosts, tree_looks)
            running = {
                source: pool.submit(repositories.look, client, source, one, progress, looking.stop)
                for source, one in wanted.items()
            }
            _wait_for([*running.values(), *images_running.values()])
            return Looks(
                {url: future.result() for url, future in images_running.items()},
                tree_looks,
                {source: future.result() for source, future in running.items()},
            )
        except BaseException:  # Ctrl-C must not wait for a download of gigabytes
            looking.stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _wait_for(running: Iterable[Future[Any]]) -> None:
    """Only the main thread handles signals, so it must not block until all is done."""
    futures = list(running)
    while wait(futures, _PAUSE).not_done:
        continue


def _wanted(hosts: Iterable[Host], trees: Mapping[str, TreeLook]) -> dict[repositories.Source, Wanted]:
    """What all hosts together look for in each repository."""
    found: dict[repositories.Source, Wanted] = {}
    for host in hosts:
        own = repositories.wanted_of(host)
        for one in repositories.repositories_of(host, trees[host.settings.tree_url].info):
            others = found.get(one.source, Wanted())
            found[one.source] = Wanted(others.packages | own.packages, others.groups or own.groups)
    return found


def problems(hosts: Iterable[Host], looks: Looks) -> Iterator[Problem]:
    """All problems, at the lines of the inventory that caused them."""
    for host in hosts:
        tree = looks.trees[host.settings.tree_url]
        image = looks.images[url] if (url := host.settings.image_url) else None
        yield from _as_problems(host, "node_image_url", image.findings if image else ())
        yield from _as_problems(host, "node_tree_url", tree.findings)
        yield from image_problems(host, image) if image else ()
        yield from tree_problems(host, tree)
        if image is not None and image.inside is not None:
            yield from inside_problems(host, image.inside, tree.info)
        yield from repositories.problems_of(host, tree.info, looks.repositories, tree.findings)


def _as_problems(host: Host, variable: str, findings: Iterable[Finding]) -> Iterator[Problem]:
    for found in findings:
        yield host.at((variable,), found)
