# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may log in, and the place: accounts, keys, time zone, language."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pykickstart.constants import FIRSTBOOT_DEFAULT, FIRSTBOOT_RECONFIG

from ksgen.grammar import Check, Found, Kickstart, value
from ksgen.lint import passwords, services
from ksgen.variables import any_address, domain_name, keyboard_layout, language, refusal, ssh_key, time_zone, user_name


def key(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("sshkey"):
        refused = refusal(ssh_key, value(command, "key"))
        if refused:
            yield Found(command.line, refused.message, refused.hint)


def key_owner(ks: Kickstart) -> Iterator[Found]:
    users = {value(command, "name") for command in ks.all("user")} | {"root"}
    if not ks.is_installation or "user" in ks.rejected:
        return
    for command in ks.all("sshkey"):
        name = value(command, "username")
        if name not in users:
            yield Found(
                command.line, f"a key for {name!r}, and no command creates this user", f"add: user --name={name}"
            )


# What makes an account, a key or a password after the installation, or lets users of a directory log in.
_MAKES_LOGIN = re.compile(
    r"\b(?:useradd|adduser|usermod|newusers|chpasswd|passwd|authorized_keys|ssh-copy-id|ssh-import-id|realm\s+join"
    r"|ipa-client-install|adcli|authselect|cloud-init|ignition|initial-setup|ansible\S*|puppet\S*|salt-\w+|chef-\w+)\b|/etc/shadow"
)


# Sources of a whole system, which may have accounts of its own.
_WITH_ACCOUNTS = ("ostreecontainer", "ostreesetup", "bootc")


def no_login(ks: Kickstart) -> Iterator[Found]:
    if not ks.is_installation or ks.all("sshkey", "realm") or {"rootpw", "user", "sshkey"} & ks.rejected:
        return
    if any(value(c, "firstboot") in (FIRSTBOOT_DEFAULT, FIRSTBOOT_RECONFIG) for c in ks.all("firstboot")):
        return
    if any(_MAKES_LOGIN.search(section.body) for section in ks.all_sections("%post", "%packages")):
        return
    if ks.all(*_WITH_ACCOUNTS) or (ks.all("liveimg") and not ks.installs_node):
        return
    who = ks.all("rootpw", "user")
    if who and not any(passwords.can_log_in(command) for command in who):
        yield Found(who[0].line, "every account is locked, and there is no key", "add: sshkey --username=root '...'")


# Accounts of every installation (the package `setup`), which useradd does not create again.
_SYSTEM_USERS = frozenset((
    "root", "bin", "daemon", "adm", "lp", "sync", "shutdown", "halt", "mail", "operator", "games", "ftp", "nobody",
))  # fmt: skip


def user(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("user"):
        name = str(value(command, "name"))
        refused = refusal(user_name, name)
        if name in _SYSTEM_USERS:
            hint = "rootpw, and sshkey --username=root" if name == "root" else "use another name"
            yield Found(command.line, f"user {name} exists already; this command is ignored", hint, "warning")
        elif refused and passwords.form(name) is not passwords.Form.PLACEHOLDER:
            yield Found(command.line, refused.message, refused.hint)
        if ":" in str(value(command, "gecos") or ""):
            yield Found(command.line, "useradd refuses a colon in --gecos: it ends a field of passwd(5)", "remove it")
        shell = str(value(command, "shell") or "")
        if shell and not shell.startswith("/"):
            message = f"the shell {shell!r} is not a path, which useradd requires"
            yield Found(command.line, message, f"write --shell=/bin/{shell}")


# Groups that give rights on other systems, and the one that does here (sudoers(5) of EL).
_ADMINISTRATORS = ("sudo", "admin", "sudoers", "root", "whell", "weel", "wheels")


def group(ks: Kickstart) -> Iterator[Found]:
    made = {value(command, "name") for command in ks.all("group")}
    for command in ks.all("user"):
        groups = {str(name).strip() for name in value(command, "groups") or ()}
        for name in sorted(groups & set(_ADMINISTRATORS) - made - {"root"}):
            if "wheel" not in groups and not any(name in section.body for section in ks.all_sections("%post")):
                yield Found(command.line, f"members of the group {name} get no rights", "did you mean 'wheel'?")


def sudo(ks: Kickstart) -> Iterator[Found]:
    """sudo asks for the user's own password (sudoers(5)), which one without a password does not have."""
    if any("sudoers" in section.body or "NOPASSWD" in section.body for section in ks.scripts):
        return
    if any(_MAKES_LOGIN.search(section.body) for section in ks.all_sections("%post")) or not ks.is_installation:
        return
    for command in ks.all("user"):
        groups = {str(name).strip() for name in value(command, "groups") or ()}
        if "wheel" in groups and not passwords.can_log_in(command):
            message = f"{value(command, 'name')} is a member of wheel without a password, and sudo asks for it"
            yield Found(command.line, message, "add --iscrypted --password=, or a rule with NOPASSWD: in %post")


def timezone(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("timezone"):
        refused = refusal(time_zone, value(command, "timezone") or "Etc/UTC")
        if refused:
            yield Found(command.line, refused.message, refused.hint)


def lang(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("lang"):
        for name in (value(command, "lang"), *(value(command, "addsupport") or ())):
            refused = refusal(language, _locale(str(name or "")))
            if refused:
                yield Found(command.line, refused.message, refused.hint)


_LANGUAGE_CODE = 3  # letters, ISO 639


def _locale(name: str) -> str:
    """A locale in full: glibc's own, and without its encoding (pyanaconda, localization.py: find_best_locale_match)."""
    is_a_code = len(name) <= _LANGUAGE_CODE and "_" not in name  # de: langtable completes it
    if name in ("", "C", "C.UTF-8", "POSIX", "None") or is_a_code:
        name = "en_US.UTF-8"
    elif "_" in name and "." not in name:
        name = name + ".UTF-8"
    return name.replace(".utf8", ".UTF-8").replace(".UTF8", ".UTF-8")


def layout(ks: Kickstart) -> Iterator[Found]:
    """Layouts of X, and what nearly is one: the console has keymaps besides (kbd), which no list here has."""
    for command in ks.all("keyboard"):
        of_console = [value(command, "_keyboard"), value(command, "vc_keymap")]
        of_x = list(value(command, "x_layouts") or ())
        for name in filter(None, (*of_console, *of_x)):
            refused = refusal(keyboard_layout, name)
            if refused and (name in of_x or not refused.hint.startswith("write ")):
                yield Found(command.line, refused.message, refused.hint)


def time_source(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("timesource"):
        for text in (value(command, "ntp_server"), value(command, "ntp_pool")):
            if text and refusal(any_address, text) and (refused := refusal(domain_name, text)):
                yield Found(command.line, refused.message, "write --ntp-server=ntp.example.com")


CHECKS = (
    *passwords.CHECKS,
    Check("ssh-key-unusable", "warning", key, "sshd(8), AUTHORIZED_KEYS FILE FORMAT"),
    Check("ssh-key-owner", "warning", key_owner, "pyanaconda, core/users.py: set_user_ssh_key"),
    Check("user-account", "error", user, "pyanaconda, core/users.py: create_user; useradd(8)"),
    Check("user-group", "warning", group, "sudoers(5) of EL"),
    Check("sudo-without-password", "warning", sudo, "sudoers(5)"),
    Check("no-login", "warning", no_login, "pyanaconda, modules/users/users.py"),
    Check("time-zone-unknown", "warning", timezone, "pyanaconda, modules/timezone/installation.py"),
    Check("time-source", "error", time_source, "chrony.conf(5): server"),
    Check("keyboard-unknown", "warning", layout, "pyanaconda, keyboard.py; xkeyboard-config(7)"),
    Check("language-unknown", "warning", lang, "pyanaconda, localization.py"),
    *services.CHECKS,
)
