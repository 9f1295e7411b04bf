# SPDX-License-Identifier: GPL-2.0-or-later
"""Where scripts run: a %post in the new system, %post --nochroot and %pre in the installer."""

from __future__ import annotations

from collections.abc import Iterator

from ksgen.grammar import Check, Found, Kickstart, Section
from ksgen.lint.shell import Simple, commands

_SCRIPTS = "pyanaconda, core/kickstart/scripts.py"
_QUOTED_LINES = 40  # the most of one quotation; one that is longer is not followed
# systemctl(1): in a chroot these are ignored.
_OF_RUNNING = frozenset((
    "start", "restart", "reload", "stop", "try-restart", "reload-or-restart", "isolate", "kill", "condrestart",
))  # fmt: skip
TARGETS = ("/mnt/sysimage", "/mnt/sysroot")


def statements(section: Section) -> Iterator[tuple[int, Simple]]:
    """The commands of a script, each with its line: here-documents are no commands, quotations of lines are one."""
    waiting: list[str] = []
    first = 0
    for number, text in section.shell if section.is_shell else ():
        first = first if waiting else number
        waiting.append(text.removesuffix("\\"))
        if text.endswith("\\") and len(waiting) < _QUOTED_LINES:
            continue
        found = commands(" ".join(waiting))
        if found is None and len(waiting) < _QUOTED_LINES:
            continue
        waiting = []
        yield from ((first, command) for command in found or ())


def is_chroot(section: Section) -> bool:
    return section.kind == "%post" and "--nochroot" not in section.args


def in_new_system(ks: Kickstart) -> Iterator[tuple[int, Simple]]:
    """What runs in the new system, by a %post or by chroot(1)."""
    for section in ks.all_sections("%post"):
        for line, command in statements(section):
            if is_chroot(section):
                yield line, command
            elif command.program == "chroot" and len(command.words) > 2:
                yield line, Simple(command.words[2:], command.operator)


def needs_running(ks: Kickstart) -> Iterator[Found]:
    """Commands that talk to a daemon of the running system: there is none in the chroot."""
    for line, command in in_new_system(ks):
        said = _needs(command)
        if said:
            yield Found(line, *said)


def _needs(command: Simple) -> tuple[str, str] | None:
    program, words = command.program, [word for word in command.words[1:] if not word.startswith("-")]
    verb = words[0] if words else ""
    unit = words[1] if len(words) > 1 and not set(words[1]) & set("$`") else "NAME"
    if program == "systemctl" and "--root" not in " ".join(command.words):
        if verb in _OF_RUNNING:
            cure = "disable" if verb == "stop" else "enable"
            return f"systemctl {verb} is ignored in the chroot of %post", f"systemctl {cure} {unit}"
        if verb == "enable" and "--now" in command.words:
            return "systemctl enable --now does not start anything in the chroot of %post", f"systemctl enable {unit}"
    if program == "service" and len(words) > 1 and words[1] in _OF_RUNNING:
        return "service does not start anything in the chroot of %post", f"systemctl enable {verb}"
    if program == "firewall-cmd":
        return "firewall-cmd needs a running firewalld, which %post does not have", "use firewall-offline-cmd"
    if program in ("docker", "docker-compose") and verb not in ("", "version", "help"):
        return f"{program} needs a running daemon, which %post does not have", "let a unit do it at the first boot"
    if program in ("reboot", "poweroff", "halt", "shutdown") and "--help" not in command.words:
        hint = "use the kickstart command reboot, which waits for the end of the installation"
        return f"{program} in %post ends the installer before the installation is complete", hint
    return None


# --- paths -----------------------------------------------------------------------------------------------------------

# What belongs to the new system: in the installer it is lost.
_OF_SYSTEM = ("/etc/", "/root/", "/home/", "/usr/", "/opt/", "/boot/", "/srv/", "/var/lib/", "/var/spool/")
_COPY = frozenset(("cp", "install", "mv", "rsync", "ln"))
_WRITE = frozenset(("tee", "touch", "mkdir", "chmod", "chown", "truncate"))


def _written(command: Simple) -> Iterator[str]:
    """The paths that a command writes to."""
    yield from command.targets
    words = [word for word in command.words[1:] if not word.startswith("-")]
    if command.program in _COPY:
        yield from words[-1:]
    elif command.program in _WRITE:
        yield from words
    elif command.program == "sed" and any(word.startswith(("-i", "--in-place")) for word in command.words):
        yield from words[1:]


# Programs that change the system that they run in, unless they are told another root.
_CHANGING = frozenset((
    "useradd", "usermod", "userdel", "groupadd", "groupmod", "passwd", "chpasswd", "authselect", "setsebool",
    "firewall-offline-cmd", "grubby", "dnf", "yum", "update-ca-trust", "localectl", "hostnamectl", "timedatectl",
))  # fmt: skip
_UNITS = frozenset(("enable", "disable", "mask", "unmask", "set-default", "preset"))
_OTHER_ROOT = ("--root", "-R", "--installroot", "--prefix", "-P")


def _changes_installer(command: Simple) -> bool:
    if any(word.partition("=")[0] in _OTHER_ROOT for word in command.words[1:]):
        return False
    is_unit = command.program == "systemctl" and bool(_UNITS & set(command.words[1:]))
    return is_unit or command.program in _CHANGING


def outside(ks: Kickstart) -> Iterator[Found]:
    for section in ks.all_sections("%post"):
        if is_chroot(section):
            continue
        for line, command in statements(section):
            if _changes_installer(command):
                message = f"{command.program} changes the installer here, which is gone after the installation"
                yield Found(line, message, f"leave --nochroot out, or: chroot {TARGETS[0]} {command.program} ...")
            path = next((path for path in _written(command) if path.startswith(_OF_SYSTEM)), None)
            if path:
                message = f"{path} is a file of the installer here, which is gone after the installation"
                yield Found(line, message, f"write {TARGETS[0]}{path}, or leave --nochroot out")


_TALK = frozenset(("[", "[[", "echo", "logger", "mountpoint", "printf", "test", "umount"))


def target_path(ks: Kickstart) -> Iterator[Found]:
    """The path of the new system where the script is in it, or where nothing is mounted yet."""
    for section in ks.all_sections("%post", "%pre"):
        if section.kind == "%post" and not is_chroot(section):
            continue
        for line, command in statements(section):
            words = () if command.program in _TALK else command.words[1:]
            path = next((word for word in (*words, *command.targets) if word.startswith(TARGETS)), None)
            if path is None:
                continue
            if section.kind == "%pre":
                message = f"{path} is empty in %pre: the disks of the new system are mounted later"
                yield Found(line, message, "use %pre-install, or %post --nochroot")
            else:
                message = f"{path} does not exist in this %post, which runs in the new system"
                yield Found(line, message, "write the path without it, or use %post --nochroot")
            break


CHECKS = (
    Check("post-needs-daemon", "warning", needs_running, "systemctl(1); firewall-cmd(1); " + _SCRIPTS),
    Check("post-outside", "warning", outside, _SCRIPTS),
    Check("post-target-path", "warning", target_path, _SCRIPTS),
)
