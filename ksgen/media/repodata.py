# SPDX-License-Identifier: GPL-2.0-or-later
"""The metadata of a repository of packages, as createrepo_c writes it: repomd.xml, primary.xml, comps.xml, metalinks.

Everything is from a server that may be anything: what cannot be read is an Unreadable, whose message follows the name
of the file. The formats are those of createrepo_c's and librepo's parsers (xml_parser_*.c, repomd.c, metalink.c).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping

from ksgen.media.filesystem import Unreadable
from ksgen.media.xmlstream import Unpacked, XmlReader

REPOMD = "repodata/repomd.xml"  # in the directory of a repository
_PACKAGES_MAX = 1_000_000  # of a repository; all of Debian, whose packages are many, has a tenth
_NAME_MAX = 256  # characters of a package's name
_GROUPS_MAX = 10_000
_FILES_MAX = 1000  # of a repomd.xml or a metalink
# What dnf installs on this architecture (dnf's rpm/__init__.py, _BASEARCH_MAP).
_ARCHES = frozenset(("x86_64", "x86_64_v2", "amd64", "ia32e", "noarch", "athlon", "i386", "i486", "i586", "i686"))
_SOURCES = frozenset(("src", "nosrc"))
_RELEASE = re.compile(r"\.el([0-9]{1,2})(?![0-9])")
_PARTS = re.compile(r"[-.]")


@dataclasses.dataclass(frozen=True)
class MetadataFile:
    """A file that repomd.xml lists: `location` is relative to the repository, `size` in bytes, packed."""

    location: str
    size: int | None
    checksum: tuple[str, str] | None  # algorithm and hex digits


@dataclasses.dataclass(frozen=True)
class Repomd:
    """The list of a repository's metadata; None for what it does not have."""

    primary: MetadataFile | None
    group: MetadataFile | None


@dataclasses.dataclass(frozen=True)
class Metalink:
    """Where a repomd.xml is, the preferred server first, and the checksums (algorithm, hex digits) that it may have."""

    urls: tuple[str, ...]
    checksums: frozenset[tuple[str, str]]


@dataclasses.dataclass(frozen=True)
class Groups:
    """The ids and names of a repository's environments and groups, in lower case: dnf ignores it (dnf's comps.py)."""

    environments: frozenset[str]
    groups: frozenset[str]

    def has(self, wanted: str) -> bool:
        """Whether there is what %packages calls `@group` or `@^environment`; dnf takes `@` for both."""
        name = wanted.lstrip("@^").lower()
        return name in self.environments or (not wanted.startswith("@^") and name in self.groups)


@dataclasses.dataclass(frozen=True)
class Packages:
    """What a repository has for x86_64.

    `found` has the names of the packages that a wanted one is, or that provide it; `provided` those wanted ones that
    are no package's name. `releases` are the numbers of EL in their releases, `other_arches` what is of no use here.
    """

    names: frozenset[str]
    found: Mapping[str, tuple[str, ...]]
    provided: frozenset[str]
    releases: Mapping[str, int]
    other_arches: frozenset[str]


def parse_repomd(data: bytes) -> Repomd:
    """Raises Unreadable if it is not a repomd.xml that lists packages."""
    files: dict[str, MetadataFile] = {}
    kind, location, size = "", "", None
    algorithm, checksum = "", None

    def start(name: str, attributes: Mapping[str, str]) -> None:
        nonlocal kind, location, size, algorithm, checksum
        if name == "data":
            kind, location, size, checksum = attributes.get("type", ""), "", None, None
        elif name == "location":
            location = attributes.get("href", "")
        elif name == "checksum":
            algorithm = attributes.get("type", "").lower()

    def end(name: str, text: str) -> None:
        nonlocal size, checksum
        if name == "size":
            size = int(text) if re.fullmatch(r"[0-9]{1,15}", text) else None
        elif name == "checksum":
            checksum = (algorithm, text.lower())
        elif name == "data" and location and len(files) < _FILES_MAX:
            files[kind] = MetadataFile(location, size, checksum)

    _parse(data, XmlReader("repomd", start, end, frozenset(("size", "checksum"))))
    if "primary" not in files:
        raise Unreadable("lists no primary metadata, so it has no packages")
    group = next((files[kind] for kind in ("group", "group_gz", "group_xz", "group_zst") if kind in files), None)
    return Repomd(files["primary"], group)


def parse_metalink(data: bytes) -> Metalink:
    """Raises Unreadable if it is not the metalink of a repomd.xml. Of its servers those of http and https count."""
    urls: list[tuple[int, str]] = []
    checksums: set[tuple[str, str]] = set()
    is_repomd, algorithm, preference = False, "", 0

    def start(name: str, attributes: Mapping[str, str]) -> None:
        nonlocal is_repomd, algorithm, preference
        if name == "file":
            is_repomd = attributes.get("name") == "repomd.xml"
        elif name == "hash":
            algorithm = attributes.get("type", "").lower()
        elif name == "url":
            text = attributes.get("preference", "")
            preference = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else 0

    def end(name: str, text: str) -> None:
        if not is_repomd or len(urls) + len(checksums) > _FILES_MAX:
            return
        if name == "hash":
            checksums.add((algorithm, text.lower()))
        elif name == "url" and re.match(r"https?://", text):
            urls.append((preference, text))

    _parse(data, XmlReader("metalink", start, end, frozenset(("hash", "url"))))
    if not urls:
        raise Unreadable("names no server with repomd.xml")
    return Metalink(tuple(url for _, url in sorted(urls, key=lambda one: -one[0])), frozenset(checksums))


class GroupReader:
    """The groups of a comps.xml: `feed` its pieces, packed or not, and `close` it. Raises Unreadable."""

    def __init__(self) -> None:
        self._found: dict[str, set[str]] = {"group": set(), "environment": set()}
        self._path: list[str] = []
        self._reader = XmlReader("comps", self._start, self._end, frozenset(("id", "name")))
        self._unpacked = Unpacked(self._reader.feed)

    def feed(self, data: bytes) -> None:
        self._unpacked.feed(data)

    def close(self) -> Groups:
        self._unpacked.close()
        self._reader.close()
        return Groups(frozenset(self._found["environment"]), frozenset(self._found["group"]))

    def _start(self, name: str, _attributes: Mapping[str, str]) -> None:
        self._path.append(name)

    def _end(self, name: str, text: str) -> None:
        self._path.pop()
        kind = self._path[-1] if self._path else ""
        if name in ("id", "name") and kind in self._found and len(self._found[kind]) < _GROUPS_MAX:
            self._found[kind].add(text.lower())


@dataclasses.dataclass
class _Package:
    """The package that is being read."""

    name: str = ""
    arch: str = ""
    version: str = ""
    release: str = ""
    epoch: str = "0"
    provides: set[str] = dataclasses.field(default_factory=set)

    @property
    def forms(self) -> frozenset[str]:
        """How dnf names it (hawkey's subject.h): NA, NEV, NEVR, NEVRA; without epoch, which cannot be written."""
        whole = f"{self.name}-{self.version}-{self.release}"
        return frozenset(
            (self.name, f"{self.name}.{self.arch}", f"{self.name}-{self.version}", whole, f"{whole}.{self.arch}")
        )


class PackageReader:
    """What of the `wanted` packages a primary.xml has: `feed` its pieces, packed or not, and `close` it.

    Raises Unreadable if it is not valid, and for more packages than a repository has.
    """

    def __init__(self, wanted: Iterable[str]) -> None:
        self._wanted = frozenset(wanted)
        self._may_be = _possible_names(self._wanted)
        self._names: set[str] = set()
        self._found: dict[str, set[str]] = {}
        self._named: set[str] = set()
        self._releases: dict[str, int] = {}
        self._other_arches: set[str] = set()
        self._package = _Package()
        self._is_providing, self._count = False, 0
        self._reader = XmlReader("metadata", self._start, self._end, frozenset(("name", "arch")))
        self._unpacked = Unpacked(self._reader.feed)

    def feed(self, data: bytes) -> None:
        self._unpacked.feed(data)

    def close(self) -> Packages:
        self._unpacked.close()
        self._reader.close()
        return Packages(
            frozenset(self._names),
            {one: tuple(sorted(names)) for one, names in self._found.items()},
            frozenset(self._found) - self._named,
            dict(self._releases),
            frozenset(self._other_arches),
        )

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "package":
            self._package = _Package()
        elif name == "version":
            self._package.version = attributes.get("ver", "")
            self._package.release = attributes.get("rel", "")
        elif name == "provides":
            self._is_providing = True
        elif name == "entry" and self._is_providing and attributes.get("name") in self._wanted:
            self._package.provides.add(attributes["name"])

    def _end(self, name: str, text: str) -> None:
        if name == "name":
            self._package.name = text
        elif name == "arch":
            self._package.arch = text
        elif name == "provides":
            self._is_providing = False
        elif name == "package":
            self._take(self._package)

    def _take(self, package: _Package) -> None:
        self._count += 1
        if self._count > _PACKAGES_MAX:
            raise Unreadable(f"has more than {_PACKAGES_MAX} packages")
        if package.arch not in _ARCHES:
            if package.arch not in _SOURCES and len(self._other_arches) < _NAME_MAX:
                self._other_arches.add(package.arch[:_NAME_MAX])
            return
        if not package.name or len(package.name) > _NAME_MAX:
            return
        self._names.add(package.name)
        if match := _RELEASE.search(package.release):
            self._releases[f"el{match[1]}"] = self._releases.get(f"el{match[1]}", 0) + 1
        named = package.forms & self._wanted if package.name in self._may_be else frozenset()
        self._named |= named
        for one in named | package.provides:
            self._found.setdefault(one, set()).add(package.name)


def _possible_names(wanted: Iterable[str]) -> frozenset[str]:
    """What the names of these packages can be: `a-1.2` is a package of this name, or version 1.2 of `a`."""
    return frozenset(end for one in wanted for end in (one, *(one[: match.start()] for match in _PARTS.finditer(one))))


def _parse(data: bytes, reader: XmlReader) -> None:
    unpacked = Unpacked(reader.feed)
    unpacked.feed(data)
    unpacked.close()
    reader.close()
