# SPDX-License-Identifier: GPL-2.0-or-later
"""Images and install trees of the wrong release: mostly a value that a group of el10 hosts inherits from all hosts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from urllib.parse import unquote, urlsplit

from ksgen.host.host import Host
from ksgen.problems import Problem, Severity

_WHAT = {"image_url": "image", "tree_url": "install tree"}
# How paths name a release: el9, rhel-9.4, centos-stream/9, almalinux/9/, 9-stream, c9s. A number alone names nothing:
# 4.5.10 is a version of oVirt.
_NAMES = re.compile(
    r"(?<![a-z0-9])(?:"
    r"(?:el|rhel|ol|oraclelinux|centos|alma|almalinux|rocky|rockylinux|eurolinux)"
    r"(?:[ /_.-]?linux)?[ /_.-]?(?:stream[ /_.-]?)?(?P<after>[0-9]{1,2})"
    r"|(?P<before>[0-9]{1,2})-stream"
    r"|c(?P<short>[0-9]{1,2})s"
    r")(?![0-9a-z])"
)


def named_releases(url: str) -> frozenset[str]:
    """The releases that the path of a URL names, as `el9`."""
    path = unquote(url.partition(":/")[2] if url.startswith("nfs:") else urlsplit(url).path).lower()
    return frozenset(f"el{next(filter(None, match.groups()))}" for match in _NAMES.finditer(path))


def release_problems(hosts: Sequence[Host]) -> list[Problem]:
    """What hosts of two releases cannot share, URLs that name another release, and one checksum of two images."""
    shared = [problem for variable, what in _WHAT.items() for problem in _shared(hosts, variable, what)]
    told = {(problem.host, problem.variable) for problem in shared}
    named = [problem for host in hosts for problem in _named(host) if (problem.host, problem.variable) not in told]
    return [*shared, *named, *_checksums(hosts)]


def _named(host: Host) -> Iterator[Problem]:
    """A URL that names another release than the host's, and not the host's as well."""
    for variable, what in _WHAT.items():
        named = named_releases(getattr(host.settings, variable) or "")
        release = host.settings.release
        if named and release not in named:
            message = f"node_release is {release}, and the URL of this {what} names {' and '.join(sorted(named))}"
            hint = "correct the URL, or node_release; `ksgen preflight` reads the release on the server"
            yield host.problem((f"node_{variable}",), "release-named", message, hint, "warning")


def _shared(hosts: Sequence[Host], variable: str, what: str) -> Iterator[Problem]:
    """The first host with a URL has its release; on an ISO, every image has the same path."""
    first: dict[str, Host] = {}
    for host in hosts:
        url = (getattr(host.settings, variable) or "").rstrip("/")
        if not url:
            continue
        other = first.setdefault(url, host)
        if other.settings.release != host.settings.release and not url.startswith("file:"):
            message = (
                f"{other.name} ({other.settings.release}) and {host.name} ({host.settings.release}) have the same "
                f"{what}, which is of one release"
            )
            hint = f"set node_{variable} for the hosts of each release, in group_vars of their group"
            yield host.problem((f"node_{variable}",), "release-shared", message, hint)


def _checksums(hosts: Sequence[Host]) -> Iterator[Problem]:
    """A copy on another server has the same file name."""
    first: dict[str, Host] = {}
    for host in hosts:
        checksum = host.settings.image_sha256
        if checksum is None:
            continue
        other = first.setdefault(checksum, host)
        names = [(one.settings.image_url or "").rpartition("/")[2] for one in (other, host)]
        if names[0] != names[1]:
            is_other_release = other.settings.release != host.settings.release
            severity: Severity = "error" if is_other_release else "warning"
            message = (
                f"this is also the checksum of {names[0]}, the image of {other.name}; the image here is {names[1]}"
            )
            hint = "write the checksum of each image, as sha256sum prints it"
            yield host.problem(("node_image_sha256",), "checksum-shared", message, hint, severity)
