# SPDX-License-Identifier: GPL-2.0-or-later
"""Plain EL hosts of oVirt and OLVM: packages, repositories and modules that they cannot use, or that harm vdsm."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import NamedTuple

from ksgen.grammar import Check, Found, Kickstart, Section, value
from ksgen.lint.chroot import in_new_system
from ksgen.lint.history import NAMES

_MANAGERS = frozenset(("dnf", "dnf-3", "yum", "microdnf"))
_INSTALL = frozenset(("install", "localinstall", "reinstall"))


class _Package(NamedTuple):
    """A package as it is named for installation: by %packages, or in a script by its name or URL."""

    line: int
    name: str
    is_of_installer: bool


@functools.lru_cache(maxsize=1)
def _packages(ks: Kickstart) -> tuple[_Package, ...]:
    listed = (_Package(line, name, True) for section in ks.all_sections("%packages") for line, name in _listed(section))
    return (*listed, *_installed(ks))


def _listed(section: Section) -> Iterator[tuple[int, str]]:
    """The packages of a section, without groups and what is left out."""
    for line, text in section.lines:
        name = text.partition("#")[0].strip()
        if name and name[0] not in "-@":
            yield line, name


def _installed(ks: Kickstart) -> Iterator[_Package]:
    for line, command in in_new_system(ks):
        words = [word for word in command.words[1:] if not word.startswith("-")]
        is_rpm = command.program == "rpm" and any(re.match(r"-[a-zA-Z]*[iUF]|--install", w) for w in command.words[1:])
        if command.program in _MANAGERS and words[:1] and words[0] in _INSTALL:
            words = words[1:]
        elif not is_rpm:
            continue
        yield from (_Package(line, word.rpartition("/")[2], False) for word in words if not word.startswith("@"))


# --- another release of EL -------------------------------------------------------------------------------------------

# oVirt 4.3 is of EL7, 4.4 of EL8; since 4.5 one package is for all (ovirt-site, download/install_on_rhel.md).
_OLD_RELEASE = re.compile(r"(?:centos-release-ovirt|ovirt-release-?)(?P<version>3\d|4[0-4])(?!\d)")
_ORACLE_RELEASE = re.compile(r"oracle-ovirt-release(?:-\d+)?-el(?P<major>\d+)")
_EPEL_RELEASE = re.compile(r"epel-release-latest-(?P<major>\d+)")
# /8/, /8.10/, /8-stream/, /el8/, /OL8/, epel/8, of URLs; of Red Hat's repositories the name has it.
_IN_URL = re.compile(
    r"/(?:(?:el|rhel|ol|centos|almalinux|rocky)-?)?(?P<major>\d{1,2})(?:\.\d+|-stream)?(?=/|$)", re.IGNORECASE
)
_IN_NAME = re.compile(r"\b(?:rhel-(?P<major>\d+)-for-[\w-]+|rhv-4-[\w-]+-for-rhel-(?P<rhv>\d+)-[\w-]+)")
_OVIRT_44 = re.compile(r"\bovirt-?4\.?[0-4](?!\d)")


def old_release(ks: Kickstart) -> Iterator[Found]:
    """The repositories of an older release have no packages for this one, or mix both."""
    major, release = int(ks.release.removeprefix("el")), NAMES[ks.release]
    told = set()
    for package in _packages(ks):
        of_ovirt = _OLD_RELEASE.match(package.name)
        of_other = _ORACLE_RELEASE.match(package.name) or _EPEL_RELEASE.match(package.name)
        if of_ovirt is not None:
            version = ".".join(of_ovirt["version"])
            message = f"{of_ovirt.group()} has the repositories of oVirt {version}, which has no packages for {release}"
            yield Found(package.line, message, "centos-release-ovirt45")
            told.add(package.line)
        elif of_other is not None and int(of_other["major"]) != major:
            message = f"{of_other.group()} has the repositories of EL{of_other['major']}; {release} is installed"
            yield Found(package.line, message, of_other.group().removesuffix(of_other["major"]) + str(major))
            told.add(package.line)
    yield from (found for found in _old_repositories(ks, major, release) if found.line not in told)


def _old_repositories(ks: Kickstart, major: int, release: str) -> Iterator[Found]:
    """A path of a site's own server may have such a number for another reason: a warning."""
    for line, text in _repositories(ks):
        found = _IN_NAME.search(text) or (_IN_URL.search(text) if "://" in text else None)
        older = next(filter(None, found.groupdict().values())) if found else ""
        if older and _OLDEST <= int(older) < major:
            what = found.group().strip("/") if found else ""
            message = f"{what!r} is of EL{older}; {release} is installed"
            yield Found(line, message, f"name the repository of {release}", "warning")
        elif "://" in text and (of_44 := _OVIRT_44.search(text)):
            message = f"{of_44.group()!r}: this oVirt has no packages for {release}"
            yield Found(line, message, "name the repository of oVirt 4.5", "warning")


def _repositories(ks: Kickstart) -> Iterator[tuple[int, str]]:
    """What may name a repository: of a command, in a script, and in a file that a script writes."""
    yield from ((command.line, str(value(command, n) or "")) for command in ks.all("url", "repo") for n in _URLS)
    yield from ((line, word) for line, command in in_new_system(ks) for word in command.words[1:])
    for section in ks.all_sections("%post"):
        yield from ((line, text) for line, text in section.lines if _IN_FILE.match(text))


_URLS = ("url", "baseurl", "mirrorlist", "metalink")
_IN_FILE = re.compile(r"\s*(?:baseurl|mirrorlist|metalink)\s*=")
_OLDEST = 6  # a smaller number in a URL is hardly a release


# --- what is not there -----------------------------------------------------------------------------------------------

# Modules with streams that oVirt needed on EL8, and EL9 does not have.
_EL8_MODULES = frozenset(("javapackages-tools", "mod_auth_openidc", "pki-deps", "virt", "virt-devel"))


def modules(ks: Kickstart) -> Iterator[Found]:
    """Anaconda asks whether to go on without a module (errors.py). That EL10 ignores the command says its grammar."""
    hint = f"remove it: {NAMES[ks.release]} has the packages without modules"
    for command in ks.all("module") if ks.release == "el9" else ():
        name = str(value(command, "name"))
        if name in _EL8_MODULES:
            message = f"{NAMES[ks.release]} has no module {name!r}; the installation stops and asks"
            yield Found(command.line, message, hint)
    for line, call in in_new_system(ks):
        words = [word for word in call.words[1:] if not word.startswith("-")]
        if call.program not in _MANAGERS or words[:1] != ["module"]:
            continue
        for name in (word.partition(":")[0].partition("/")[0] for word in words[2:]):
            if name in _EL8_MODULES:
                yield Found(line, f"{NAMES[ks.release]} has no module {name!r}", hint, "warning")


_OF_OVIRT = re.compile(r"(?:centos-release-ovirt|ovirt-|oracle-ovirt-|vdsm)")


def missing_ignored(ks: Kickstart) -> Iterator[Found]:
    for section in ks.all_sections("%packages"):
        name = next((name for _, name in _listed(section) if _OF_OVIRT.match(name)), None)
        if name and "--ignoremissing" in section.args:
            message = f"--ignoremissing: if no repository has {name}, the installation succeeds without it"
            yield Found(section.line, message, "leave --ignoremissing out")


# --- what harms ------------------------------------------------------------------------------------------------------


def watchdog(ks: Kickstart) -> Iterator[Found]:
    for package in _packages(ks):
        if re.fullmatch(r"watchdog(?:-\d\S*|\.\w+)?", package.name):
            yield Found(package.line, "the package watchdog interferes with that of vdsm (wdmd)", "remove it")


_TEAM = re.compile(r"\btype\s+team\b")


def team(ks: Kickstart) -> Iterator[Found]:
    """Of nodes too. That EL10 ignores the option says its grammar."""
    if ks.machine == "other":
        return
    message, hint = "a team; oVirt supports no team devices", "a bond: --bondslaves=, with --bondopts=mode="
    for command in ks.all("network") if ks.release == "el9" else ():
        if value(command, "teamslaves") or value(command, "teamconfig"):
            yield Found(command.line, message, hint)
    for line, call in in_new_system(ks):
        if call.program == "nmcli" and _TEAM.search(" ".join(call.words)):
            yield Found(line, message, "a bond: nmcli connection add type bond")


# What says how packages of a repository are verified, in a script or a file that it writes.
_KEYS = re.compile(r"\bgpgkey\b|\bgpgcheck\b|--nogpgcheck\b|\brpm(?:keys)?\b.*--import\b")


def repository_key(ks: Kickstart) -> Iterator[Found]:
    """Anaconda installs without looking at signatures, and writes a file without gpgkey; dnf.conf of EL has gpgcheck=1.

    It writes no file for a place that only the installer reaches.
    """
    if any(_KEYS.search(section.body) for section in ks.all_sections("%post")):
        return
    for command in ks.all("repo"):
        urls = [str(value(command, name) or "") for name in _URLS]
        if value(command, "install") and any(url.startswith(("http:", "https:", "ftp:")) for url in urls):
            name = value(command, "name")
            message = f"--install writes {name}.repo without a key; dnf refuses its packages until the key is imported"
            hint = "write the file in %post, with gpgkey=; or import the key there: rpm --import URL"
            yield Found(command.line, message, hint)


_SITE_HOSTS = "ovirt-site, Installing Enterprise Linux hosts"

CHECKS = (
    Check("host-release-old", "error", old_release, "ovirt-site, download/install_on_rhel.md"),
    Check("host-module", "error", modules, "pyanaconda, payload/dnf/payload.py; errors.py"),
    Check("host-packages-ignored", "note", missing_ignored, "pyanaconda, modules/payloads/payload/dnf/dnf_manager.py"),
    Check("host-watchdog", "warning", watchdog, _SITE_HOSTS),
    Check("network-team", "error", team, _SITE_HOSTS),
    Check(
        "host-repository-key",
        "warning",
        repository_key,
        "pyanaconda, payload/dnf/payload.py: _write_dnf_repo; dnf_manager.py: generate_repo_file; dnf.conf(5)",
    ),
)
