# SPDX-License-Identifier: GPL-2.0-or-later
"""What the grammar of a release says of a line, in words that help: what was removed, since when, and what instead."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pykickstart.base import DeprecatedCommand, RemovedCommand
from pykickstart.handlers.control import commandMap
from pykickstart.version import stringToVersion

from ksgen.grammar import SECTIONS, VERSIONS, Check, Found, Kickstart
from ksgen.problems import Finding
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


def tell(said: Finding, text: str, release: str) -> Finding:
    """What the grammar says of a line, in words that help; `text` is that line."""
    name = (text.split() or [""])[0]
    message = said.message
    if re.match(r"Unknown command: ", message):
        return _unknown_command(name, release)
    if message.endswith(" has been removed."):
        words = f"{_NAMES[release]} has no command {name!r} any more"
        return Finding("command-removed", words, hint=_INSTEAD.get(name))
    found = re.search(r"The (\S+) command has been deprecated", message)
    if found:
        name = found.group(1)
        words = f"command {name!r} does nothing in {_NAMES[release]} any more"
        return Finding("command-deprecated", words, "warning", hint=_INSTEAD.get(name, "remove it"))
    found = re.search(r"The (\S+) option has been deprecated", message)
    if found:
        option = found.group(1)
        words = f"option {option} of {name} does nothing in {_NAMES[release]} any more"
        return Finding("option-deprecated", words, "warning", hint=_INSTEAD_OF_OPTIONS.get((name, option), "remove it"))
    found = re.match(r"The option (\S+) will be deprecated .* preferred alias (\S+?)\.?$", message)
    if found:
        words = f"option {found.group(1)} has been renamed"
        return Finding("ends-with-el9", words, "warning", hint=found.group(2))
    found = re.match(r"(?:unrecognized arguments|no such option): (--?[\w-]+)", message)
    if found and name in _known(release):
        return _unknown_option(name, found.group(1), release)
    found = re.match(r"Unknown kickstart section: (\S+)", message)
    if found:
        cure = nearest(found.group(1), SECTIONS) or f"one of: {', '.join(sorted(SECTIONS))}"
        return Finding("section-unknown", f"unknown section {found.group(1)!r}", hint=cure)
    if re.match(r"Section \S+ does not end with %end", message):
        return Finding("section-without-end", message.rstrip("."), hint="write %end on a line of its own")
    if message.startswith("No closing quotation"):
        return Finding("quote-not-closed", "a quotation mark in this line is not closed", hint="close it, or quote it")
    return Finding(said.code, message or "the grammar does not allow it", said.severity)


def _unknown_command(name: str, release: str) -> Finding:
    older, newer = _elsewhere(release)
    if name in older:
        words = f"{_NAMES[release]} has no command {name!r} any more"
        return Finding("command-removed", words, hint=_INSTEAD.get(name, "remove it"))
    if name in newer:
        return Finding("command-too-new", f"{_NAMES[release]} does not have command {name!r} yet")
    return Finding("command-unknown", f"unknown command {name!r}", hint=nearest(name, _known(release)))


def _unknown_option(name: str, option: str, release: str) -> Finding:
    own = _options(_known(release)[name])
    older, newer = _options_elsewhere(name, release)
    cure = _INSTEAD_OF_OPTIONS.get((name, option))
    if option in older:
        return Finding("option-removed", f"{name} of {_NAMES[release]} has no option {option} any more", hint=cure)
    if option in newer:
        return Finding("option-too-new", f"{name} of {_NAMES[release]} does not have option {option} yet")
    return Finding("option-unknown", f"{name} has no option {option}", hint=nearest(option, own))


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
# What tell() makes of what the grammar itself says: code, severity, source.
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
