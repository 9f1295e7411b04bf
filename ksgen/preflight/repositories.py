# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks repositories of packages as dnf will read them: of install trees, and of node_repos.

look() requests repomd.xml and what it lists; problems_of() decides what that means for a host.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import hashlib
import http
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol, TypeVar
from urllib.parse import urljoin, urlsplit

from ksgen import media
from ksgen.host import Host
from ksgen.media import Groups, MetadataFile, Packages, Repomd, TreeInfo, TreeRepository, Unreadable
from ksgen.preflight.trees import WHOLE_DVD
from ksgen.preflight.webfiles import ARCH, WEB, Answer, Client, place, unsupported
from ksgen.problems import Finding, Problem
from ksgen.variables import HOST_ENVIRONMENT, Repository, nearest

_SHOWN = 40  # characters of a repository's path beside its progress
_MIRRORS_TRIED = 3  # of a metalink; librepo tries all, one after the other
_PACKED_MAX = 512 << 20  # bytes; the largest primary.xml of a distribution has a tenth
_CHECKSUMS = frozenset(("md5", "sha1", "sha224", "sha256", "sha384", "sha512"))
_APPSTREAM = re.compile("appstream", re.IGNORECASE)
_SYNC = "the copy of the repository is not complete, or being updated: synchronize it again"

_T = TypeVar("_T")

# Called with the name and the size of what is read; returns a function that is called for each piece.
Progress = Callable[[str, int | None], Callable[[int], object]]


@dataclasses.dataclass(frozen=True)
class Source:
    """Where a repository is, and the proxy through which it is fetched; the proxy's URL may have a password."""

    url: str
    is_metalink: bool = False
    proxy: str | None = dataclasses.field(default=None, repr=False)


@dataclasses.dataclass(frozen=True)
class RepositoryLook:
    """What is known of a repository. `base` is where it was found; None: nowhere.

    `packages` and `groups` are None if they were not requested, or could not be read.
    """

    source: Source
    base: str | None = None
    packages: Packages | None = None
    groups: Groups | None = None
    findings: tuple[Finding, ...] = ()

    def to_json(self) -> dict[str, object]:
        return {
            "url": place(self.source.url),
            "base": place(self.base) if self.base else None,
            "packages": len(self.packages.names) if self.packages else None,
            "environments": sorted(self.groups.environments) if self.groups else None,
        }


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What is looked for in a repository: packages, by any name that dnf accepts, and whether groups matter."""

    packages: frozenset[str] = frozenset()
    groups: bool = False


@dataclasses.dataclass(frozen=True)
class HostRepository:
    """A repository of a host. `location` is its place in the inventory; `of_tree` is set for those of its tree."""

    name: str
    source: Source
    location: tuple[str | int, ...]
    of_tree: TreeRepository | None = None
    own: Repository | None = None

    def shows(self, name: str) -> bool:
        """Whether dnf sees a package of this name (dnf.conf(5), includepkgs and excludepkgs)."""
        if self.own is None:
            return True
        includes, excludes = self.own.includepkgs, self.own.excludepkgs
        return (not includes or _matches(name, includes)) and not _matches(name, excludes)


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


# --- what a host has -------------------------------------------------------------------------------------------------


def repositories_of(host: Host, tree: TreeInfo | None) -> list[HostRepository]:
    """Those from which the packages of a host come: a node's own alone, as those of its image are disabled."""
    settings = host.settings
    found: list[HostRepository] = []
    if not settings.is_node:
        for one in media.tree_repositories(tree, settings.tree_url):
            source = Source(one.url or "", proxy=settings.proxy_for(settings.tree_url))
            found.append(HostRepository(one.name or "the tree", source, ("node_tree_url",), of_tree=one))
    version = tree.version.lower() if tree and not settings.is_node else settings.release.removeprefix("el")
    for index, repo in enumerate(settings.repos):
        key = "url" if repo.url else "metalink"
        url = _substituted(repo.place, version)
        source = Source(url, repo.url is None, repo.proxy or settings.proxy_for(url))
        found.append(HostRepository(repo.name, source, ("node_repos", index, key), own=repo))
    return found


def _substituted(url: str, version: str) -> str:
    """The variables of dnf.conf(5) that a URL can have; Anaconda takes the version from .treeinfo."""
    values = {"releasever": version, "basearch": ARCH, "arch": ARCH}
    for name, value in values.items():
        url = re.sub(rf"\$(?:{name}(?![A-Za-z0-9_])|\{{{name}\}})", value, url)
    return url


def wanted_of(host: Host) -> Wanted:
    names = frozenset(name for _, name in _packages(host) if not name.startswith("@"))
    return Wanted(names, not host.settings.is_node)


def _packages(host: Host) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Each package of a host, with its place in the inventory."""
    for index, name in enumerate(host.settings.packages):
        yield ("node_packages", index), name
    for index, driver in enumerate(host.settings.drivers):
        yield ("node_drivers", index, "package"), driver.package


# --- reading ---------------------------------------------------------------------------------------------------------


class _Reader(Protocol):
    def feed(self, data: bytes) -> None: ...


class _TooLarge(Exception):
    """More data than a server said, or than metadata has."""


def look(
    client: Client, source: Source, wanted: Wanted, progress: Progress, stop: Callable[[], None]
) -> RepositoryLook:
    """Request a repository's metadata; its packages and groups are read if they are `wanted`. `stop` may raise."""
    if finding := _out_of_reach(source):
        return RepositoryLook(source, findings=(finding,))
    return _Looking(client.through(source.proxy), source, progress, stop).look(wanted)


def _out_of_reach(source: Source) -> Finding | None:
    scheme = source.url.partition(":")[0]
    if not source.url:
        return Finding("tree-repository", ".treeinfo gives no path on the server of the tree", hint="correct .treeinfo")
    if scheme not in WEB:
        return unsupported(source.url)
    if "$" in source.url:
        message = "not checked: the URL has variables of dnf that ksgen does not know"
    elif source.proxy and source.proxy.startswith("https:") and scheme == "https":
        message = "not checked: ksgen does not support https through a proxy of https"
    else:
        return None
    return Finding("not-looked-at", message, "warning")


@dataclasses.dataclass(frozen=True)
class _Looking:
    client: Client
    source: Source
    progress: Progress
    stop: Callable[[], None]

    def look(self, wanted: Wanted) -> RepositoryLook:
        found = self._repomd()
        if isinstance(found, Finding):
            return RepositoryLook(self.source, findings=(found,))
        base, repomd = found
        findings: list[Finding] = []
        packages: Packages | None = None
        groups = Groups(frozenset(), frozenset()) if repomd.group is None else None
        if repomd.primary is not None:
            url = self._there(base, repomd.primary, findings)
            if url and wanted.packages:
                reader = media.PackageReader(wanted.packages)
                if self._read(url, repomd.primary, reader, findings):
                    packages = _closed(_shown(repomd.primary.location), reader.close, findings)
        if repomd.group is not None and wanted.groups:
            url = self._there(base, repomd.group, findings)
            comps = media.GroupReader()
            if url and self._read(url, repomd.group, comps, findings):
                groups = _closed(_shown(repomd.group.location), comps.close, findings)
        return RepositoryLook(self.source, base, packages, groups, tuple(findings))

    def _repomd(self) -> tuple[str, Repomd] | Finding:
        """The directory that has a valid repomd.xml, and its content; otherwise what is wrong with the first."""
        checksums: frozenset[tuple[str, str]] = frozenset()
        urls: Sequence[str] = (f"{self.source.url.rstrip('/')}/{media.REPOMD}",)
        if self.source.is_metalink:
            answer = self._got(self.source.url, "the metalink")
            if isinstance(answer, Finding):
                return answer
            try:
                metalink = media.parse_metalink(answer.body)
            except Unreadable as error:
                return Finding("repo-metadata", f"the metalink {error}")
            urls, checksums = metalink.urls[:_MIRRORS_TRIED], metalink.checksums
        first: Finding | None = None
        for url in urls:
            found = self._repomd_at(url, checksums)
            if not isinstance(found, Finding):
                return url.removesuffix(media.REPOMD).rstrip("/"), found
            if self.source.is_metalink:
                server = urlsplit(url).netloc.rpartition("@")[2]
                found = dataclasses.replace(found, message=f"{server}, of the metalink: {found.message}")
            first = first or found
        return first or Finding("repo-metadata", "the metalink names no server")

    def _repomd_at(self, url: str, checksums: frozenset[tuple[str, str]]) -> Repomd | Finding:
        answer = self._got(url, media.REPOMD)
        if isinstance(answer, Finding):
            return answer
        known = {(name, text) for name, text in checksums if name in _CHECKSUMS}
        if known and not any(hashlib.new(name, answer.body).hexdigest() == text for name, text in known):
            message = f"{media.REPOMD} does not have the checksum of the metalink"
            return Finding("repo-metadata", message, hint="the mirror is not up to date; try again later")
        try:
            return media.parse_repomd(answer.body)
        except Unreadable as error:
            return Finding("repo-metadata", f"{media.REPOMD} {error}")

    def _got(self, url: str, name: str) -> Answer | Finding:
        self.stop()
        answer = self.client.follow(self.client.get, url)
        if isinstance(answer, Finding) or answer.status == http.HTTPStatus.OK:
            return answer
        return Finding("repo-status", f"{name} is missing ({answer.said})")

    def _there(self, base: str, file: MetadataFile, findings: list[Finding]) -> str | None:
        """The URL of a file of the metadata, behind all redirects; None, with a finding, if it is not as listed."""
        self.stop()
        name = _shown(file.location)
        url = urljoin(f"{base}/", file.location)
        if urlsplit(url).scheme not in WEB:
            findings.append(Finding("repo-metadata", f"{media.REPOMD} lists {name}, which is not http or https"))
            return None
        answer = self.client.follow(self.client.head, url)
        if isinstance(answer, Finding):
            findings.append(answer)
        elif answer.status != http.HTTPStatus.OK:
            findings.append(Finding("repo-status", f"{name} is missing ({answer.said})", hint=_SYNC))
        elif None not in (answer.size, file.size) and answer.size != file.size:
            message = f"{name} has {answer.size} bytes, and {media.REPOMD} lists {file.size}"
            findings.append(Finding("repo-metadata", message, hint=_SYNC))
        else:
            return answer.url
        return None

    def _read(self, url: str, file: MetadataFile, reader: _Reader, findings: list[Finding]) -> bool:
        """Whether a file was read completely and has its checksum; a finding says why not."""
        name = _shown(file.location)
        algorithm, wanted = file.checksum or ("", "")
        total = hashlib.new(algorithm) if algorithm in _CHECKSUMS else None
        advance = self.progress(f"{urlsplit(self.source.url).path.strip('/')[-_SHOWN:]} {name}", file.size)
        limit = min(file.size or _PACKED_MAX, _PACKED_MAX)
        size = 0

        def take(data: bytes) -> None:
            nonlocal size
            self.stop()
            size += len(data)
            if size > limit:
                raise _TooLarge
            if total is not None:
                total.update(data)
            reader.feed(data)
            advance(len(data))

        try:
            answer = self.client.stream(url, take)
        except _TooLarge:
            findings.append(Finding("repo-metadata", f"{name} has more than {limit} bytes", hint=_SYNC))
            return False
        except Unreadable as error:
            findings.append(_unreadable(name, error))
            return False
        if isinstance(answer, Finding):
            findings.append(answer)
        elif answer.status != http.HTTPStatus.OK:
            findings.append(Finding("repo-status", f"{name} is missing (GET returned {answer.said})", hint=_SYNC))
        elif answer.size is not None and answer.size != size:
            findings.append(Finding("repo-metadata", f"the download of {name} ended after {size} bytes"))
        elif total is not None and total.hexdigest() != wanted:
            message = f"{name} does not have the {algorithm} checksum that {media.REPOMD} lists"
            findings.append(Finding("repo-metadata", message, hint=_SYNC))
        else:
            return True
        return False


def _closed(name: str, close: Callable[[], _T], findings: list[Finding]) -> _T | None:
    try:
        return close()
    except Unreadable as error:
        findings.append(_unreadable(name, error))
        return None


def _unreadable(name: str, error: Unreadable) -> Finding:
    if isinstance(error, media.CannotUnpack):
        return Finding("not-looked-at", f"{name} {error}", "warning", "install the program zstd")
    return Finding("repo-metadata", f"{name} {error}", hint=_SYNC)


def _shown(location: str) -> str:
    """The name of a file, without the checksum in front of it."""
    name = urlsplit(location).path.rpartition("/")[2]
    name = re.sub(r"^[0-9a-f]{32,128}-", "", name)
    return "".join(c if c.isprintable() else "?" for c in name)[:100]


# --- problems of a host ----------------------------------------------------------------------------------------------


def problems_of(
    host: Host, tree: TreeInfo | None, looks: Mapping[Source, RepositoryLook], known: Sequence[Finding]
) -> Iterator[Problem]:
    """What is wrong with the repositories of a host, and what they do not have. `known` is reported of its tree."""
    repositories = repositories_of(host, tree)
    for index, one in enumerate(repositories):
        for finding in looks[one.source].findings:
            if not one.of_tree:
                yield host.at(one.location, finding)
            elif finding not in known:
                yield host.at(one.location, _of_tree(finding, one, index == 0))
        yield from _kind_problems(host, one, looks[one.source])
    if not host.settings.is_node:
        yield from _appstream_problems(host, tree, repositories)
        yield from _group_problems(host, repositories, looks)
    yield from _package_problems(host, repositories, looks)


def _of_tree(finding: Finding, one: HostRepository, is_base: bool) -> Finding:
    """A finding of a repository that the tree names. Anaconda stops at each of them that it cannot load."""
    if finding.code == "repo-status" and is_base and finding.hint is None:
        message = f"the tree has no packages, and a plain host is installed from them: {finding.message}"
        hint = f"{WHOLE_DVD}: a boot ISO has only the installer; or write the URL of BaseOS/{ARCH}/os on a mirror"
        return Finding("tree-packages", message, hint=hint)
    if one.of_tree is None or one.of_tree.path == ".":
        return finding
    hint = finding.hint or ""
    if finding.code == "repo-status" and not hint:
        hint = f"copy {one.name} to where .treeinfo of the tree says: {one.of_tree.path}"
    code = "tree-repository" if finding.code == "repo-status" else finding.code
    return Finding(code, f"{one.name}, a repository of the tree: {finding.message}", finding.severity, hint)


def _kind_problems(host: Host, one: HostRepository, found: RepositoryLook) -> Iterator[Problem]:
    packages = found.packages
    if packages is None:
        return
    if not packages.names and packages.other_arches:
        message = f"has packages for {', '.join(sorted(packages.other_arches))}, not for {ARCH}"
        yield host.problem(one.location, "repo-arch", message)
    others = sorted(packages.releases, key=lambda release: -packages.releases[release])
    if others and host.settings.release not in others:
        message = f"has packages of {others[0]}, and node_release is {host.settings.release}"
        yield host.problem(one.location, "repo-release", message, severity="warning")


def _appstream_problems(host: Host, tree: TreeInfo | None, repositories: Sequence[HostRepository]) -> Iterator[Problem]:
    """BaseOS alone installs, but most packages are in AppStream, and dnf of the installed system expects it."""
    if tree is None or any(_APPSTREAM.search(f"{one.name} {one.source.url}") for one in repositories):
        return
    message = ".treeinfo names no AppStream, and neither does node_repos"
    yield host.problem(
        ("node_tree_url",), "tree-repository", message, "use the whole DVD, or add AppStream to node_repos", "warning"
    )


def _group_problems(
    host: Host, repositories: Sequence[HostRepository], looks: Mapping[Source, RepositoryLook]
) -> Iterator[Problem]:
    """Environments and groups that no repository has, if the groups of all could be read."""
    known = [looks[one.source].groups for one in repositories]
    read = [groups for groups in known if groups is not None]
    if len(read) != len(known):
        return
    if not any(groups.has(HOST_ENVIRONMENT) for groups in read):
        message = f"no repository of the host has the environment {HOST_ENVIRONMENT}, which its %packages requires"
        hint = (
            "the copy of BaseOS has no group metadata (comps): copy its repodata as it is, or createrepo_c --groupfile"
        )
        yield host.problem(("node_tree_url",), "package-environment", message, hint)
        return
    for location, wanted in _packages(host):
        if wanted.startswith("@") and not any(groups.has(wanted) for groups in read):
            sign = "@^" if wanted.startswith("@^") else "@"
            kinds = [groups.environments if sign == "@^" else groups.groups for groups in read]
            hint = nearest(wanted, frozenset().union(*kinds), sign)
            message = f"no repository of the host has the group {wanted!r}; Anaconda stops at it"
            yield host.problem(location, "package-not-found", message, hint)


def _package_problems(
    host: Host, repositories: Sequence[HostRepository], looks: Mapping[Source, RepositoryLook]
) -> Iterator[Problem]:
    """Packages that no repository has; only if all could be read. A node's image may have them already."""
    known = [(one, looks[one.source].packages) for one in repositories]
    read = [(one, packages) for one, packages in known if packages is not None]
    if not read or len(read) != len(known):
        return
    for location, wanted in _packages(host):
        if wanted.startswith("@"):
            continue
        found = [(one, name) for one, packages in read for name in packages.found.get(wanted, ())]
        shown = [name for one, name in found if one.shows(name)]
        if shown:
            is_provided = all(wanted in packages.provided for _, packages in read if wanted in packages.found)
            if is_provided and host.settings.is_node:
                message = f"{wanted!r} is not a package, but something that {shown[0]} provides"
                yield host.problem(location, "package-not-found", message, f"write {shown[0]!r}")
            continue
        if found:
            message = f"{found[0][0].name} has {wanted!r}, and its includepkgs or excludepkgs hide it"
            yield host.problem(location, "package-not-found", message, "correct these patterns in node_repos")
            continue
        names = {name for one, packages in read for name in packages.names if one.shows(name)}
        hint = nearest(wanted, names) or "add the repository that has it to node_repos"
        if not host.settings.is_node:
            message = f"no repository of the host has the package {wanted!r}; Anaconda stops at it"
            yield host.problem(location, "package-not-found", message, hint)
        else:
            message = f"no repository of node_repos has the package {wanted!r}, so the image must have it"
            yield host.problem(location, "package-not-found", message, hint, "warning")
