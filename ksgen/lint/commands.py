# SPDX-License-Identifier: GPL-2.0-or-later
"""What the grammar of a release says of a line, in words that help: what was removed, since when, and what instead."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pykickstart.base import DeprecatedCommand, RemovedCommand
from pykickstart.handlers.control import commandMap
from pykickstart.version import stringToVersion

from ksgen.grammar import SECTIONS, VERSIONS, Check, Complaint, Found, Kickstart
from ksgen.problems import Severity
from ksgen.variables import nearest

_PYKICKSTART = "pykickstart, handlers/control.py"
_NAMES = {"el9": "EL9", "el10": "EL10"}

# pykickstart's documentation of each command says so; Red Hat, "Kickstart commands and options reference".
_INSTEAD = {
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
_INSTEAD_OF_OPTIONS = {
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
def _known(release: str) -> Mapping[str, Any]:
    return dict(commandMap[_version(release)])


@functools.cache
def _elsewhere(release: str) -> tuple[Mapping[str, bool], Mapping[str, bool]]:
    """The commands that older and newer releases have, with whether they mean anything there."""
    older: dict[str, bool] = {}
    newer: dict[str, bool] = {}
    for version, commands in commandMap.items():
        for name, cls in commands.items():
            side = older if version < _version(release) else newer
            side[name] = side.get(name, False) or not issubclass(cls, (DeprecatedCommand, RemovedCommand))
    return older, newer


@functools.cache
def _options(cls: Any) -> frozenset[str]:
    """The options of a command as a class of pykickstart has them."""
    make_parser = getattr(cls, "_getParser", None)
    if make_parser is None:
        return frozenset()
    try:
        actions = getattr(cls()._getParser(), "_actions", ())
    except Exception:  # what such a class needs beyond that differs from release to release
        return frozenset()
    # Of one that does nothing any more the grammar says so by itself.
    return frozenset(option for action in actions if not action.deprecated for option in action.option_strings)


@functools.cache
def _options_elsewhere(name: str, release: str) -> tuple[frozenset[str], frozenset[str]]:
    older: set[str] = set()
    newer: set[str] = set()
    for version, commands in commandMap.items():
        if name in commands:
            (older if version < _version(release) else newer).update(_options(commands[name]))
    return frozenset(older), frozenset(newer)


@dataclasses.dataclass(frozen=True)
class Told:
    """A complaint of the grammar, told."""

    code: str
    message: str
    hint: str = ""
    severity: Severity = "error"


def tell(complaint: Complaint, text: str, release: str) -> Told:
    """What the grammar's complaint of a line means; `text` is that line."""
    name = (text.split() or [""])[0]
    severity: Severity = "error" if complaint.severity == "error" else "warning"
    message = complaint.message
    if re.match(r"Unknown command: ", message):
        return _unknown_command(name, release)
    if message.endswith(" has been removed."):
        return Told("command-removed", f"{_NAMES[release]} has no command {name!r} any more", _INSTEAD.get(name, ""))
    found = re.search(r"The (\S+) command has been deprecated", message)
    if found:
        name = found.group(1)
        words = f"command {name!r} does nothing in {_NAMES[release]} any more"
        return Told("command-deprecated", words, _INSTEAD.get(name, "remove it"), "warning")
    found = re.search(r"The (\S+) option has been deprecated", message)
    if found:
        option = found.group(1)
        words = f"option {option} of {name} does nothing in {_NAMES[release]} any more"
        return Told("option-deprecated", words, _INSTEAD_OF_OPTIONS.get((name, option), "remove it"), "warning")
    found = re.match(r"The option (\S+) will be deprecated .* preferred alias (\S+?)\.?$", message)
    if found:
        words = f"option {found.group(1)} has been renamed"
        return Told("ends-with-el9", words, found.group(2), "warning")
    found = re.match(r"(?:unrecognized arguments|no such option): (--?[\w-]+)", message)
    if found and name in _known(release):
        return _unknown_option(name, found.group(1), release)
    found = re.match(r"Unknown kickstart section: (\S+)", message)
    if found:
        cure = nearest(found.group(1), SECTIONS) or f"one of: {', '.join(sorted(SECTIONS))}"
        return Told("section-unknown", f"unknown section {found.group(1)!r}", cure)
    if re.match(r"Section \S+ does not end with %end", message):
        return Told("section-without-end", message.rstrip("."), "write %end on a line of its own")
    if message.startswith("No closing quotation"):
        return Told("quote-not-closed", "a quotation mark in this line is not closed", "close it, or quote it")
    return Told("kickstart-grammar", message or "the grammar does not allow it", "", severity)


def _unknown_command(name: str, release: str) -> Told:
    older, newer = _elsewhere(release)
    if name in older:
        words = f"{_NAMES[release]} has no command {name!r} any more"
        return Told("command-removed", words, _INSTEAD.get(name, "remove it"))
    if name in newer:
        return Told("command-too-new", f"{_NAMES[release]} does not have command {name!r} yet")
    return Told("command-unknown", f"unknown command {name!r}", nearest(name, _known(release)))


def _unknown_option(name: str, option: str, release: str) -> Told:
    own = _options(_known(release)[name])
    older, newer = _options_elsewhere(name, release)
    cure = _INSTEAD_OF_OPTIONS.get((name, option), "")
    if option in older:
        return Told("option-removed", f"{name} of {_NAMES[release]} has no option {option} any more", cure)
    if option in newer:
        return Told("option-too-new", f"{name} of {_NAMES[release]} does not have option {option} yet")
    return Told("option-unknown", f"{name} has no option {option}", nearest(option, own))


# --- what the grammar takes, for now ---------------------------------------------------------------------------------


@functools.cache
def _ending() -> tuple[Mapping[str, str], Mapping[tuple[str, str], str]]:
    """Commands and options that EL9 has and EL10 has no more."""
    now, then = _known("el9"), _known("el10")
    meant = {name: cls for name, cls in now.items() if not issubclass(cls, (DeprecatedCommand, RemovedCommand))}
    gone = [name for name in meant if name not in then or issubclass(then[name], RemovedCommand)]
    commands = {name: _INSTEAD.get(name, "") for name in gone}
    options = {
        (name, option): _INSTEAD_OF_OPTIONS.get((name, option), "")
        for name, cls in meant.items()
        if name not in commands
        for option in _options(cls) - _options(then[name])
    }
    return commands, options


def ending(ks: Kickstart) -> Iterator[Found]:
    if ks.release != "el9":
        return
    commands, options = _ending()
    for command in ks.commands:
        if command.name in commands:
            yield Found(command.line, f"EL10 has no command {command.name!r} any more", commands[command.name])
        for argument in command.args:
            cure = options.get((command.name, argument.partition("=")[0])) if argument.startswith("--") else None
            if cure is not None:
                option = argument.partition("=")[0]
                yield Found(command.line, f"{command.name} of EL10 has no option {option} any more", cure)


# Of these Anaconda keeps the last and forgets the others without a word.
_ONCE = (
    "rootpw", "lang", "keyboard", "timezone", "bootloader", "clearpart", "autopart", "liveimg", "url", "selinux",
    "authselect", "firstboot", "firewall", "services", "reqpart",
)  # fmt: skip


def twice(ks: Kickstart) -> Iterator[Found]:
    for name in _ONCE:
        for command in ks.all(name)[1:]:
            message = f"a second {name}; only the last one is used, without a warning"
            yield Found(command.line, message, "remove one of them")


CHECKS = (
    Check("ends-with-el9", "warning", ending, _PYKICKSTART),
    Check("command-twice", "warning", twice, "pykickstart, parser.py: handleCommand"),
)
# What tell() makes of the grammar's own complaints: code, severity, source.
GRAMMAR = (
    ("command-removed", "error", _PYKICKSTART),
    ("command-deprecated", "warning", _PYKICKSTART),
    ("command-too-new", "error", _PYKICKSTART),
    ("command-unknown", "error", _PYKICKSTART),
    ("option-removed", "error", _PYKICKSTART),
    ("option-deprecated", "warning", _PYKICKSTART),
    ("option-too-new", "error", _PYKICKSTART),
    ("option-unknown", "error", _PYKICKSTART),
    ("section-unknown", "error", "pykickstart, parser.py"),
    ("section-without-end", "error", "pykickstart, parser.py"),
    ("quote-not-closed", "error", "pykickstart, parser.py: shlex"),
    ("kickstart-grammar", "error", "pykickstart of the release"),
)
