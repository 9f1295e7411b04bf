# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a plain host is installed from: the commands for its tree and repositories, and its packages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ksgen.variables import HOST_ENVIRONMENT, Settings, nfs_place

# Hosts whose clocks differ cannot be added to an engine, and `firewall` has no effect without a firewall.
_ALWAYS = (HOST_ENVIRONMENT, "chrony", "firewalld")


def source_words(settings: Settings) -> tuple[tuple[str, ...], ...]:
    """The commands that say where packages come from, each as its words; none for a node, which has an image."""
    return () if settings.is_node else (_tree(settings), *map(tuple, _repositories(settings)))


def package_lines(settings: Settings) -> tuple[str, ...]:
    """The lines of `%packages`: groups and names, each once; none for a node."""
    if settings.is_node:
        return ()
    needed = [
        *_ALWAYS,
        *(["device-mapper-multipath"] if settings.multipath or settings.local_disks else []),
        *(["iscsi-initiator-utils"] if settings.iscsi_initiator else []),
    ]
    of_drivers = [driver.package for driver in settings.drivers]
    return tuple(dict.fromkeys((*needed, *settings.packages, *of_drivers)))


def _tree(settings: Settings) -> tuple[str, ...]:
    """Anaconda adds the variants that .treeinfo names, such as AppStream (its modules/payloads/source/utils.py)."""
    if nfs := nfs_place(settings.tree_url):
        options = (f"--opts={nfs.options}",) if nfs.options else ()
        return ("nfs", f"--server={nfs.server}", f"--dir={nfs.directory}", *options)
    return ("url", f"--url={settings.tree_url}", *_through(settings.proxy_for(settings.tree_url)))


def _repositories(settings: Settings) -> Iterator[list[str]]:
    """Those of the site, for the installation; a script writes their files, which have keys and priorities as well."""
    for repo in settings.repos:
        words = ["repo", f"--name={repo.name}", f"--{repo.option}={repo.place}"]
        words += _patterns("includepkgs", repo.includepkgs) + _patterns("excludepkgs", repo.excludepkgs)
        yield words + _through(repo.proxy or settings.proxy_for(repo.place))


def _patterns(option: str, patterns: Sequence[str]) -> list[str]:
    return [f"--{option}={','.join(patterns)}"] if patterns else []


def _through(proxy: str | None) -> list[str]:
    return [f"--proxy={proxy}"] if proxy else []
