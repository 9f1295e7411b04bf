# SPDX-License-Identifier: GPL-2.0-or-later
"""What the releases of pykickstart have of commands and options: since when, until when, and what instead."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

from pykickstart.base import DeprecatedCommand, KickstartHandler, RemovedCommand
from pykickstart.handlers.control import commandMap
from pykickstart.parser import KickstartParser
from pykickstart.version import stringToVersion

from ksgen.grammar import Check, Found, Kickstart
from ksgen.targets import VERSIONS

PYKICKSTART = "pykickstart, handlers/control.py"
NAMES = {"el9": "EL9", "el10": "EL10"}

# pykickstart's documentation of each command says so; Red Hat, "Kickstart commands and options reference".
INSTEAD = {
    "auth": "authselect select PROFILE",
    "authconfig": "authselect select PROFILE",
    "autostep": "remove it",
    "btrfs": "EL has no btrfs: part or logvol with --fstype=xfs",
    "device": "inst.dd= or driverdisk",
    "deviceprobe": "remove it",
    "dmraid": "remove it; such arrays are found automatically",
    "install": "remove it; url, nfs, cdrom or liveimg sets the installation source",
    "interactive": "inst.ks without inst.noninteractive",
    "key": "remove it; rhsm registers the system",
    "langsupport": "lang --addsupport=",
    "lilo": "bootloader",
    "lilocheck": "remove it",
    "method": "url, nfs, cdrom or harddrive",
    "module": "EL10 has no modules: name the packages",
    "monitor": "remove it",
    "mouse": "remove it",
    "multipath": "remove it; multipath devices are found automatically",
    "nvdimm": "remove it; ndctl configures them before",
    "unsupported_hardware": "remove it",
    "upgrade": "leapp upgrades EL",
    "vnc": "rdp",
}
INSTEAD_OF_OPTIONS = {
    ("timezone", "--isUtc"): "--utc",
    ("timezone", "--ntpservers"): "timesource --ntp-server=NAME, a line for each",
    ("timezone", "--nontp"): "timesource --ntp-disable",
    ("logging", "--level"): "remove it; everything is logged",
    ("repo", "--ignoregroups"): "remove it",
    ("bootloader", "--upgrade"): "remove it",
    ("ignoredisk", "--interactive"): "remove it",
    ("part", "--active"): "remove it",
    ("network", "--teamslaves"): "--bondslaves=, with --bondopts=mode=",
    ("network", "--teamconfig"): "--bondopts=",
    ("%packages", "--instLangs"): "--inst-langs",
    ("%packages", "--excludeWeakdeps"): "--exclude-weakdeps",
    ("%packages", "--nobase"): "remove it",
    ("%packages", "--ignoredeps"): "remove it",
    ("%packages", "--resolvedeps"): "remove it",
}


def _version(release: str) -> int:
    return int(stringToVersion(VERSIONS[release]))


@functools.cache
def known(release: str) -> Mapping[str, Any]:
    return dict(commandMap[_version(release)])


@functools.cache
def elsewhere(release: str) -> tuple[Mapping[str, bool], Mapping[str, bool]]:
    """The commands that older and newer releases have, with whether they mean anything there."""
    older: dict[str, bool] = {}
    newer: dict[str, bool] = {}
    for version, commands in commandMap.items():
        for name, cls in commands.items():
            side = older if version < _version(release) else newer
            side[name] = side.get(name, False) or not issubclass(cls, (DeprecatedCommand, RemovedCommand))
    return older, newer


@functools.cache
def _parser_of(cls: Any) -> Any:
    """The argparse of a command as a class of pykickstart has it, or None."""
    if not hasattr(cls, "_getParser"):
        return None
    try:
        command = cls()
        # Most make it at once, and another one takes as long again.
        return getattr(command, "op", None) or command._getParser()
    except Exception:  # what such a class needs beyond that differs from release to release
        return None


@functools.cache
def options_of(cls: Any) -> frozenset[str]:
    """The options of a command as a class of pykickstart has them."""
    actions = getattr(_parser_of(cls), "_actions", ())
    # Of one that does nothing any more the grammar says so by itself.
    return frozenset(option for action in actions if not action.deprecated for option in action.option_strings)


@functools.cache
def _sections(release: str) -> Any:
    """The sections of a release, by their names. Of a handler they need its version alone; its commands take long."""
    handler = KickstartHandler()
    handler.version = _version(release)
    return KickstartParser(handler)._sections


@functools.cache
def actions(name: str, release: str) -> Mapping[str, Any]:
    """The options of a command, or of the header of a section (`%packages`), as argparse has them."""
    if name.startswith("%"):
        section = _sections(release).get(name)
        return dict(section._getParser()._option_string_actions) if hasattr(section, "_getParser") else {}
    cls = known(release).get(name)
    return dict(_parser_of(cls)._option_string_actions) if cls is not None and options_of(cls) else {}


def options(name: str, release: str) -> frozenset[str]:
    """The same by their names, without those that do nothing any more."""
    return frozenset(option for option, action in actions(name, release).items() if not action.deprecated)


@functools.cache
def options_elsewhere(name: str, release: str) -> tuple[frozenset[str], frozenset[str]]:
    older: set[str] = set()
    newer: set[str] = set()
    for version, commands in commandMap.items():
        if name in commands:
            (older if version < _version(release) else newer).update(options_of(commands[name]))
    return frozenset(older), frozenset(newer)


# --- what the grammar takes, for now ---------------------------------------------------------------------------------


def _means_something(name: str) -> bool:
    """Whether EL9 acts on a command."""
    cls = known("el9").get(name)
    return cls is not None and not issubclass(cls, (DeprecatedCommand, RemovedCommand))


def _is_gone(name: str) -> bool:
    """Whether EL10 has no such command any more."""
    cls = known("el10").get(name)
    return cls is None or issubclass(cls, RemovedCommand)


def _is_option_gone(name: str, option: str) -> bool:
    """Whether EL9 has an option of a command, and EL10 no more."""
    return option not in options_of(known("el10")[name]) and option in options_of(known("el9")[name])


def ending(ks: Kickstart) -> Iterator[Found]:
    if ks.release != "el9":
        return
    for command in ks.commands:
        name = command.name
        if not _means_something(name):
            continue
        if _is_gone(name):
            yield Found(command.line, f"EL10 has no command {name!r} any more", INSTEAD.get(name, ""))
            continue
        for argument in command.args:
            option = argument.partition("=")[0]
            if option.startswith("--") and _is_option_gone(name, option):
                cure = INSTEAD_OF_OPTIONS.get((name, option), "")
                yield Found(command.line, f"{name} of EL10 has no option {option} any more", cure)


CHECKS = (Check("ends-with-el9", "warning", ending, PYKICKSTART),)
