# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may log in, and the place: passwords, keys, time zone, language, services."""

from __future__ import annotations

from collections.abc import Iterator

from ksgen.grammar import Check, Found, Kickstart, value
from ksgen.variables import language, password_hash, refusal, ssh_key, time_zone

_HASH = "write its hash: --iscrypted and what openssl passwd -6 prints"
_BOOT_HASH = "write its hash: --iscrypted and what grub2-mkpasswd-pbkdf2 prints"


def plain_password(ks: Kickstart) -> Iterator[Found]:
    """Passwords in plain text, readable by all who can read the file. They are never repeated."""
    for command in ks.all("rootpw", "user", "sshpw", "bootloader"):
        given = value(command, "password")
        if not given or value(command, "isCrypted") or value(command, "sshkey"):
            continue
        whose = {"rootpw": "root", "bootloader": "the boot loader"}.get(command.name) or (
            value(command, "name") or value(command, "username")
        )
        hint = _BOOT_HASH if command.name == "bootloader" else _HASH
        yield Found(command.line, f"the password of {whose} is stored in plain text", hint)
    for command in ks.all("autopart", "part", "partition", "logvol", "raid"):
        if value(command, "passphrase"):
            hint = "leave --passphrase out and let %pre write it, or enrol a key later"
            yield Found(command.line, "the passphrase of a disk is stored in plain text", hint)


def hashed(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("rootpw", "user", "sshpw"):
        given = value(command, "password")
        if not given or not value(command, "isCrypted") or value(command, "lock"):
            continue
        # "!" and "*" before or instead of a hash lock the account (shadow(5)).
        if not given.strip("!*"):
            continue
        refused = refusal(password_hash, given.lstrip("!*"))
        if refused:
            is_weak = refused.code == "password-hash-weak"
            message = "a hash of a broken algorithm" if is_weak else "--iscrypted without a hash: login is not possible"
            yield Found(command.line, message, _HASH, "warning" if is_weak else None)


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


def no_login(ks: Kickstart) -> Iterator[Found]:
    if not ks.is_installation or ks.all("sshkey") or {"rootpw", "user", "sshkey"} & ks.rejected:
        return
    who = ks.all("rootpw", "user")
    can = [c for c in who if not value(c, "lock") and (c.name == "rootpw" or value(c, "password"))]
    if who and not can:
        yield Found(who[0].line, "every account is locked, and there is no key", "add: sshkey --username=root '...'")


def timezone(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("timezone"):
        refused = refusal(time_zone, value(command, "timezone") or "Etc/UTC")
        if refused:
            yield Found(command.line, refused.message, refused.hint)


def lang(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("lang"):
        name = str(value(command, "lang") or "")
        # glibc's own, and what is written without its encoding (pyanaconda, localization.py: find_best_locale_match)
        if name in ("", "C", "C.UTF-8", "POSIX", "None") or "." not in name:
            name = name + ".UTF-8" if "_" in name else "en_US.UTF-8"
        refused = refusal(language, name.replace(".utf8", ".UTF-8").replace(".UTF8", ".UTF-8"))
        if refused:
            yield Found(command.line, refused.message, refused.hint)


def services(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("services"):
        enabled = {name.strip() for name in value(command, "enabled", ())}
        for name in sorted({name.strip() for name in value(command, "disabled", ())} & enabled):
            yield Found(command.line, f"{name} is enabled and disabled", "remove one of them")


CHECKS = (
    Check("password-readable", "warning", plain_password, "CWE-256"),
    Check("password-no-hash", "error", hashed, "crypt(5), shadow(5)"),
    Check("ssh-key-unusable", "warning", key, "sshd(8), AUTHORIZED_KEYS FILE FORMAT"),
    Check("ssh-key-owner", "warning", key_owner, "pyanaconda, core/users.py: set_user_ssh_key"),
    Check("no-login", "warning", no_login, "pyanaconda, modules/users/users.py"),
    Check("time-zone-unknown", "warning", timezone, "pyanaconda, modules/timezone/installation.py"),
    Check("language-unknown", "warning", lang, "pyanaconda, localization.py"),
    Check("service-both", "warning", services, "pyanaconda, modules/services/installation.py"),
)
