# SPDX-License-Identifier: GPL-2.0-or-later
"""What scripts change on a node and an update, or imgbase itself, changes back."""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Iterator

from ksgen.grammar import Check, Found, Kickstart, Section
from ksgen.lint import imgbase
from ksgen.lint.chroot import TARGETS, in_new_system, is_chroot, statements
from ksgen.lint.shell import Simple
from ksgen.variables import owner_of

_UPDATER = "imgbased, plugins/osupdater.py"


@functools.lru_cache(maxsize=1)
def _commands(ks: Kickstart) -> tuple[tuple[int, Simple], ...]:
    """The commands that change the new system, with its paths; each check here looks at all of them."""
    outside = (
        (line, _inside(command))
        for section in ks.all_sections("%post")
        if not is_chroot(section)
        for line, command in statements(section)
        if command.program != "chroot" and any(TARGETS[0] in w or TARGETS[1] in w for w in _all_words(command))
    )
    return (*in_new_system(ks), *outside)


def _all_words(command: Simple) -> tuple[str, ...]:
    return (*command.words, *command.targets)


def _inside(command: Simple) -> Simple:
    """A command of %post --nochroot with the paths of the new system; its own paths are none of it."""

    def path(word: str) -> str:
        target = next((target for target in TARGETS if word.startswith(target)), None)
        if target is not None:
            return word.removeprefix(target) or "/"
        return "" if word.startswith("/") else word

    return Simple(
        (command.words[0], *map(path, command.words[1:])), command.operator, tuple(map(path, command.targets))
    )


def _arguments(command: Simple) -> list[str]:
    return [word for word in command.words[1:] if word and not word.startswith("-")]


def _path(word: str) -> str:
    """A path without `//`, `..` and a slash at its end; empty for one that a variable begins."""
    return posixpath.normpath(word) if word.startswith("/") and "$" not in word and "`" not in word else ""


def _written(command: Simple) -> Iterator[str]:
    """The files that a command writes or replaces."""
    yield from filter(None, map(_path, command.targets))
    arguments = _arguments(command)
    if command.program in ("cp", "install", "mv", "ln", "rsync") and len(arguments) > 1:
        last = arguments[-1]
        is_directory = last.endswith("/") or _path(last) in _DIRECTORIES
        names = [posixpath.join(last, posixpath.basename(name)) for name in arguments[:-1]] if is_directory else [last]
        yield from filter(None, map(_path, names))
    elif command.program in ("tee", "touch", "truncate", "mkdir"):
        yield from filter(None, map(_path, arguments))
    elif command.program == "sed" and any(word.startswith(("-i", "--in-place")) for word in command.words):
        yield from filter(None, map(_path, arguments[1:]))
    elif command.program in ("curl", "wget"):
        yield from filter(None, map(_path, arguments))


_DIRECTORIES = frozenset(("/etc", "/etc/ssh", "/etc/lvm", "/etc/libvirt", "/etc/vdsm", "/etc/sanlock", "/etc/sysctl.d"))

# --- removed files ---------------------------------------------------------------------------------------------------

# Not files of the image's /etc: made on each machine, or carried as removed (imgbased, fix_systemd_services).
_MADE_HERE = re.compile(
    r"/etc/(?:systemd/.+|ssh/ssh_host_\S+|machine-id|hostname|resolv\.conf|adjtime|locale\.conf|vconsole\.conf|"
    r"iscsi/initiatorname\.iscsi|sysconfig/network-scripts/(?:ifcfg|route|rule)-\S+|NetworkManager/system-connections/\S+|"
    r"udev/rules\.d/70-persistent\S*|pki/consumer/\S+|pki/entitlement/\S+|nvme/\S+|\S+\.(?:rpmsave|rpmnew|bak|orig|tmp)|"
    r"multipath/(?:wwids|bindings)|lvm/(?:devices|archive|backup|cache)/\S+|\.\w+|\S+-)"
)


def removed(ks: Kickstart) -> Iterator[Found]:
    made: set[str] = set()
    for line, command in _commands(ks):
        for path in _removed(command):
            own = any(path == one or path.startswith(f"{one}/") for one in made)
            if path.startswith("/etc/") and not own and not _MADE_HERE.fullmatch(path):
                message = f"{path} is removed; if the image has it, the next update puts it back"
                yield Found(line, message, _instead(command, path))
        made.update(_written(command))


def _removed(command: Simple) -> Iterator[str]:
    arguments = _arguments(command)
    if command.program in ("rm", "unlink", "rmdir", "shred"):
        yield from filter(None, map(_path, arguments))
    elif command.program == "mv" and len(arguments) > 1:
        yield from filter(None, map(_path, arguments[:-1]))
    elif command.program == "find" and "-delete" in command.words and arguments and _path(arguments[0]):
        yield f"{_path(arguments[0])}/*"


def _instead(command: Simple, path: str) -> str:
    if path.startswith("/etc/yum.repos.d"):
        return "disable the repository instead: enabled=0 in its file"
    if any(c in path for c in "*?[") or command.program in ("rmdir", "find") or "r" in "".join(_letters(command)):
        return "empty the files instead; an update keeps what was changed"
    return f"empty it instead, which an update keeps: : >{path}"


def _letters(command: Simple) -> Iterator[str]:
    return (word[1:] for word in command.words[1:] if re.fullmatch(r"-[a-zA-Z]+", word))


# --- modes and owners ------------------------------------------------------------------------------------------------

# Files and directories of packages of the image: of setup, filesystem, openssh, cronie, sudo, audit and others.
_PACKAGED = re.compile(
    r"/etc/(?:passwd|shadow|group|gshadow|crontab|anacrontab|cron\.(?:d|hourly|daily|weekly|monthly|deny|allow)|at\.deny|"
    r"sudoers|sudoers\.d|ssh|ssh/sshd_config|ssh/ssh_config|issue|issue\.net|motd|hosts|profile|bashrc|login\.defs|"
    r"securetty|fstab|sysctl\.conf|logrotate\.conf|rsyslog\.conf|chrony\.conf|chrony\.keys|audit|audit/auditd\.conf|"
    r"audit/rules\.d|dnf/dnf\.conf|yum\.repos\.d|security|security/\w+\.conf|pam\.d|pam\.d/[\w-]+|multipath\.conf|"
    r"libvirt|libvirt/\w+\.conf|vdsm|vdsm/vdsm\.conf|snmp/snmpd\.conf|cockpit|cockpit/disallowed-users|kdump\.conf)"
    r"|/(?:usr/)?(?:s?bin|lib|lib64|libexec|share)/\S+"
)
_OF_NO_PACKAGE = ("/etc/fstab", "/etc/multipath.conf")


def modes(ks: Kickstart) -> Iterator[Found]:
    made: set[str] = set()
    for line, command in _commands(ks):
        if command.program in ("chmod", "chown", "chgrp") and not any("--reference" in w for w in command.words):
            for path in filter(None, map(_path, _arguments(command)[1:])):
                is_own = path in made and not path.startswith("/etc/")
                if _PACKAGED.fullmatch(path) and path not in _OF_NO_PACKAGE and not is_own:
                    what = "the mode" if command.program == "chmod" else "the owner"
                    # hack_rpm_permissions is there to undo it at once, and does nothing: it compares bytes with text.
                    message = (
                        f"the next update gives {path} {what} of the new image: only changed content is carried over"
                    )
                    yield Found(line, message, _cure(path, command.program))
        made.update(_written(command))


def _cure(path: str, program: str) -> str:
    if path.startswith("/etc/"):
        return "remove it; a file of the site keeps its own, such as one in a drop-in directory"
    return f"let a unit of /etc/systemd/system run {program} at each boot, or remove it"


# --- files of vdsm and imgbase ---------------------------------------------------------------------------------------

_PRIVATE = "VDSM PRIVATE"


def rewritten(ks: Kickstart) -> Iterator[Found]:
    is_private = any(_PRIVATE in section.body for section in ks.all_sections("%post"))
    for line, command in _commands(ks):
        for path in _written(command):
            owner = owner_of(path)
            is_lost = owner is not None and owner.writer and not (is_private and path == "/etc/multipath.conf")
            if owner is not None and is_lost and command.program != "mkdir":
                yield Found(line, f"{path} is rewritten by {owner.writer}", owner.script_cure)
                break


# --- packages --------------------------------------------------------------------------------------------------------

_CONTENT_LOG = "--log=/var/log/ovirt-node-content.log"  # of the script for what the inventory adds to a node
_MANAGERS = frozenset(("dnf", "yum", "microdnf", "dnf-3", "dnf5"))
_INSTALLS = frozenset(("install", "groupinstall", "localinstall"))
# What gives the new system a repository: a file, an option, a release package, a script from elsewhere.
_REPOSITORY = re.compile(
    r"yum\.repos\.d|config-manager|--enable-?repo|--repofrompath|--repo(?:id)?\b|\bcopr\b|subscription-manager|"
    r"\bset-enabled\b|\.rpm\b|\.repo\b|\benabled ?= ?(?:1|true)\b|\brhc\b"
)


def no_repository(ks: Kickstart) -> Iterator[Found]:
    """An image is built with all its repositories disabled (imgbased, plugins/build.py).

    Of node_packages ksgen reports it at the variable.
    """
    own = [section for section in ks.all_sections("%post") if _CONTENT_LOG in section.args]
    for line, command in _commands(ks):
        if any(section.line < line < (section.end or line) for section in own):
            continue
        if command.program not in _MANAGERS or not any(word in _INSTALLS for word in command.words):
            continue
        is_unclear = "$" in "".join(command.words[1 : command.words.index(next(_installs(command)))])
        if is_unclear or not ks.is_whole or ks.all("rhsm") or any(map(_may_add, ks.all_sections("%post"))):
            return
        message = f"{command.program} finds no package: all repositories of a node image are disabled"
        yield Found(line, message, "write a file in /etc/yum.repos.d before it, or add --enablerepo=ID")


def _installs(command: Simple) -> Iterator[str]:
    return (word for word in command.words if word in _INSTALLS)


def _may_add(section: Section) -> bool:
    code = [text for _, text in section.lines if not text.lstrip().startswith("#")]
    is_elsewhere = section.is_shell and any(imgbase.ELSEWHERE.search(text) for _, text in section.shell)
    return is_elsewhere or any(_REPOSITORY.search(text) for text in code)


CHECKS = (
    Check("node-etc-removed", "warning", removed, f"{_UPDATER}: migrate_etc"),
    Check("node-mode-undone", "warning", modes, f"{_UPDATER}: migrate_etc"),
    Check("node-file-rewritten", "warning", rewritten, f"{_UPDATER}; vdsm, lib/vdsm/tool/configurators"),
    Check("node-no-repository", "warning", no_repository, "imgbased, plugins/build.py"),
)
