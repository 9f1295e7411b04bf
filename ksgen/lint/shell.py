# SPDX-License-Identifier: GPL-2.0-or-later
"""Lines of shell scripts as commands with their words and the files that they write."""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Iterable, Iterator

# Words before the name of a program.
_BEFORE = frozenset(
    ("!", "do", "else", "elif", "env", "exec", "if", "nice", "nohup", "sudo", "then", "time", "until", "while", "{")
)
_OPERATORS = frozenset(("&&", "||", "|", "|&", ";", ";;", "&", "(", ")"))
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=.*", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Simple:
    """A command: its words, the operator behind it, and the files that its output goes into."""

    words: tuple[str, ...]
    operator: str
    targets: tuple[str, ...] = ()

    @property
    def program(self) -> str:
        return self.words[0].rpartition("/")[2] if self.words else ""


def commands(text: str) -> tuple[Simple, ...] | None:
    """The commands of a line; None where it cannot be split, such as inside a quotation of several lines."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars="();<>|&")
    lexer.whitespace_split = True
    try:
        return tuple(_grouped(list(lexer)))
    except ValueError:
        return None


def _grouped(tokens: Iterable[str]) -> Iterator[Simple]:
    words: list[str] = []
    targets: list[str] = []
    waiting = ""  # the redirection whose file comes next
    for token in tokens:
        if waiting:
            if ">" in waiting and not waiting.endswith("&"):
                targets.append(token)
            waiting = ""
        elif token in _OPERATORS:
            yield Simple(_of_program(words), token, tuple(targets))
            words, targets = [], []
        elif set(token) <= set("<>&|") and set(token) & set("<>"):
            waiting = token
            if words and words[-1].isdigit():
                words.pop()
        else:
            words.append(token)
    yield Simple(_of_program(words), "", tuple(targets))


def _of_program(words: list[str]) -> tuple[str, ...]:
    """Without what precedes the program: assignments, words of the shell, `timeout 60`."""
    position = 0
    while position < len(words):
        word = words[position]
        if word in _BEFORE or _ASSIGNMENT.fullmatch(word):
            position += 1
        elif word == "timeout":
            position += 1
            while position < len(words) and (words[position].startswith("-") or words[position][:1].isdigit()):
                position += 1
        else:
            break
    return tuple(words[position:])


# --- what a command changes ------------------------------------------------------------------------------------------

# They read, talk, or steer a script.
_READ = frozenset((
    "", ":", "[", "[[", "]]", "awk", "basename", "blkid", "break", "case", "cat", "cd", "chronyc", "chvt", "cmp",
    "continue", "cut", "date", "declare", "df", "diff", "dirname", "dmesg", "done", "du", "echo", "efibootmgr", "egrep",
    "eject", "esac", "exit", "export", "false", "fgrep", "fi", "file", "findmnt", "for", "free", "function", "getent",
    "getenforce", "grep", "head", "host", "hostname", "hwclock", "id", "imgbase", "in", "ip", "ipmitool", "jq", "kill",
    "local", "logger", "ls", "lsblk", "lvs", "md5sum", "mount", "mountpoint", "nc", "ncat", "nodectl", "nslookup",
    "ping", "poweroff", "printf", "ps", "pvs", "pwd", "read", "readlink", "reboot", "return", "seq", "set", "sha256sum",
    "shift", "shutdown", "sleep", "sort", "stat", "sync", "systemd-cat", "tail", "test", "tr", "trap", "true", "tty",
    "udevadm", "umount", "uname", "uniq", "unset", "uptime", "vgs", "wait", "wc", "which", "who", "whoami", "xargs",
    "}", "END_OF_IMGBASE_PY",
))  # fmt: skip
# They write where their last word says, or each of their words.
_COPY = frozenset(("cp", "install", "ln", "mv", "rsync", "scp"))
_WRITE = frozenset((
    "chattr", "chcon", "chgrp", "chmod", "chown", "mkdir", "restorecon", "rm", "rmdir", "setfacl", "shred", "tee",
    "touch", "truncate", "unlink",
))  # fmt: skip
# They change the system wherever it keeps things.
CHANGING = frozenset((
    "alternatives", "authselect", "chage", "chpasswd", "dnf", "firewall-cmd", "firewall-offline-cmd", "gpasswd",
    "groupadd", "localectl", "nmcli", "passwd", "pip", "pip3", "python3", "rpm", "semanage", "setsebool", "ssh-keygen",
    "subscription-manager", "timedatectl", "tuned-adm", "update-ca-trust", "useradd", "usermod", "vdsm-tool", "yum",
    *_COPY, *_WRITE,
))  # fmt: skip
# Of volumes of their own, or of nothing that stays; imgbased binds /etc of the new layer over the old one.
_APART = ("/boot", "/dev", "/etc", "/home", "/mnt", "/proc", "/run", "/sys", "/tmp", "/var")
_TARGETS = ("/mnt/sysroot", "/mnt/sysimage")


def writes_root(command: Simple, is_chroot: bool = True) -> bool:
    """Whether a command may write into the root volume of the installed system."""
    if any(_is_of_root(target, is_chroot) for target in command.targets):
        return True
    program, arguments = command.program, [word for word in command.words[1:] if not word.startswith("-")]
    if program == "chroot":
        return writes_root(Simple(tuple(arguments[1:]), ""), is_chroot=True) if len(arguments) > 1 else False
    if program in _COPY:
        return any(_is_of_root(word, is_chroot) for word in arguments[-1:])
    if program in _WRITE:
        paths = [word for word in arguments if "/" in word or program in ("mkdir", "tee", "touch")]
        return any(_is_of_root(word, is_chroot) for word in paths)
    if program == "sed":
        in_place = any(word.startswith(("-i", "--in-place")) for word in command.words)
        return in_place and any(_is_of_root(word, is_chroot) for word in arguments[1:])
    if program in ("curl", "wget"):
        return any(_is_of_root(path, is_chroot) for path in _downloads(command.words))
    if program == "dd":
        return any(_is_of_root(word[3:], is_chroot) for word in arguments if word.startswith("of="))
    if program == "systemctl":
        return bool({"disable", "enable", "mask", "set-default", "unmask"} & set(arguments)) and is_chroot
    if program == "find":
        return bool({"-delete", "-exec"} & set(command.words)) and any(_is_of_root(a, is_chroot) for a in arguments[:1])
    return program not in _READ and is_chroot and not _is_unknown(command.words)


def _is_unknown(words: tuple[str, ...]) -> bool:
    """Whether a program is not of the system: a script by its path, or what a variable holds."""
    return bool(words) and ("$" in words[0] or ("/" in words[0] and not re.match(r"/(?:usr/)?s?bin/", words[0])))


def _is_of_root(path: str, is_chroot: bool) -> bool:
    if not is_chroot:
        place = next((target for target in _TARGETS if path.startswith(target)), None)
        if place is None:
            return False
        path = path.removeprefix(place) or "/"
    if path.startswith("&") or "$" in path.partition("/")[0] or path.startswith("$"):
        return False
    return not any(path == apart or path.startswith(apart + "/") for apart in _APART)


def _downloads(words: tuple[str, ...]) -> Iterator[str]:
    """The files that curl and wget write: curl to its output, wget to the present directory unless told otherwise."""
    is_curl = words[0].endswith("curl")
    named = re.compile(
        r"-(?!-)\w*o(.*)|--output(?:=(.*))?" if is_curl else r"-(?!-)\w*[OP](.*)|--output-document(?:=(.*))?"
    )
    found = False
    for word, following in zip(words[1:], (*words[2:], ""), strict=True):
        match = named.fullmatch(word)
        if match:
            found = True
            path = (match.group(1) or match.group(2) or following).lstrip("=")
            yield from () if path == "-" else (path,)
        elif is_curl and (word == "--remote-name" or re.fullmatch(r"-(?!-)\w*O", word)):
            yield "."
    if not is_curl and not found and "--spider" not in words:
        yield "."
