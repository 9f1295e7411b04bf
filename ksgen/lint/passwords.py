# SPDX-License-Identifier: GPL-2.0-or-later
"""Passwords, recognized by their form: a hash, a lock, a placeholder of a template, or plain text. None is repeated."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator

from ksgen.grammar import Check, Command, Found, Kickstart, value
from ksgen.variables import password_hash, refusal

_HASH = "write its hash: --iscrypted and what openssl passwd -6 prints"
_BOOT_HASH = "write its hash: --iscrypted and what grub2-mkpasswd-pbkdf2 prints"


class Form(enum.Enum):
    """What the text of a password is, by its form."""

    NONE = enum.auto()
    PLACEHOLDER = enum.auto()
    LOCK = enum.auto()
    HASH = enum.auto()
    WEAK_HASH = enum.auto()
    BROKEN_HASH = enum.auto()
    BOOT_HASH = enum.auto()
    TEXT = enum.auto()


# Jinja, ERB, Cheetah, envsubst, sed scripts; what it will be is not known.
_PLACEHOLDER = re.compile(r"\{\{|\{%|<%|\$\{|##\w+##|@[A-Z][A-Z0-9_]*@|^\$[A-Z_]{3,}$|\$SNIPPET|^<[A-Za-z][\w -]*>$")
# Words that people write to say that there is no password; "!" and "*" are those of shadow(5).
_LOCK = re.compile(
    r"[!*]+(?:LK\*?)?|x|!?(?:there-?)?(?:is-?)?no(?:[a-z-]*)|!?[a-z-]*(?:lock|disable)[a-z-]*", re.IGNORECASE
)
# The methods of crypt(5), and the hash of DES that has no mark: it cannot be told from a word and counts as text.
_CRYPT = re.compile(r"\$(?:[1-9]|2[abxy]?|g?y|md5|sha1|gost-yescrypt|sm3y?)[$,]")


def form(text: str) -> Form:
    """The form of a password's text; a lock mark before a hash is no part of it."""
    bare = text.lstrip("!*")
    if not text:
        return Form.NONE
    if _PLACEHOLDER.search(text):
        return Form.PLACEHOLDER
    if _LOCK.fullmatch(text):
        return Form.LOCK
    if bare.startswith("grub.pbkdf2."):
        return Form.BOOT_HASH
    refused = refusal(password_hash, bare)
    if refused is None:
        return Form.HASH if bare == text else Form.LOCK
    if refused.code == "password-hash-weak":
        return Form.WEAK_HASH
    return Form.BROKEN_HASH if _CRYPT.match(bare) else Form.TEXT


def form_of(command: Command) -> Form:
    return form(str(value(command, "password") or ""))


def can_log_in(command: Command) -> bool:
    """Whether an account can be used with a password; of a placeholder this is not known and taken for yes."""
    if value(command, "lock"):
        return False
    found = form_of(command)
    is_hash = found in (Form.HASH, Form.WEAK_HASH, Form.PLACEHOLDER)
    return is_hash if value(command, "isCrypted") else found is not Form.NONE


def _whose(command: Command) -> str:
    names = {"rootpw": "root", "bootloader": "the boot loader"}
    return names.get(command.name) or str(value(command, "name") or value(command, "username") or "a user")


def plain(ks: Kickstart) -> Iterator[Found]:
    """Passwords in plain text, readable by all who can read the file."""
    for command in ks.all("rootpw", "user", "sshpw", "bootloader"):
        is_text = form_of(command) in (Form.TEXT, Form.LOCK)
        if value(command, "isCrypted") or value(command, "sshkey") or not is_text:
            continue
        hint = _BOOT_HASH if command.name == "bootloader" else _HASH
        yield Found(command.line, f"the password of {_whose(command)} is stored in plain text", hint)
    for command in ks.all("autopart", "part", "partition", "logvol", "raid"):
        if form(str(value(command, "passphrase") or "")) in (Form.TEXT, Form.LOCK):
            hint = "leave --passphrase out and let %pre write it, or enrol a key later"
            yield Found(command.line, "the passphrase of a disk is stored in plain text", hint)


def as_text(ks: Kickstart) -> Iterator[Found]:
    """Hashes without --iscrypted: Anaconda hashes them once more."""
    hashes = (Form.HASH, Form.WEAK_HASH, Form.BROKEN_HASH, Form.BOOT_HASH)
    for command in ks.all("rootpw", "user", "sshpw", "bootloader"):
        if value(command, "isCrypted") or value(command, "sshkey") or value(command, "lock"):
            continue
        if form_of(command) in hashes:
            message = f"a hash without --iscrypted: the text of the hash becomes the password of {_whose(command)}"
            yield Found(command.line, message, "add --iscrypted")


def no_hash(ks: Kickstart) -> Iterator[Found]:
    """Words after --iscrypted that are no hash lock the account; where its user has a key, this may be meant."""
    with_key = {value(command, "username") for command in ks.all("sshkey")}
    for command in ks.all("rootpw", "user", "sshpw"):
        if not value(command, "isCrypted") or value(command, "lock"):
            continue
        found = form_of(command)
        name = "root" if command.name == "rootpw" else value(command, "name")
        is_meant = name in with_key or found is Form.LOCK
        if found is Form.BROKEN_HASH:
            yield Found(command.line, "an incomplete hash, or of an unknown method: login is not possible", _HASH)
        elif found in (Form.TEXT, Form.BOOT_HASH) or (found is Form.LOCK and not _is_marked(command)):
            hint = f"write {command.name} --lock to lock the account, or {_HASH.removeprefix('write ')}"
            message = "--iscrypted without a hash locks the account"
            yield Found(command.line, message, hint, "warning" if is_meant else None)


def _is_marked(command: Command) -> bool:
    """Whether a lock is that of shadow(5): `!` or `*`, alone or before a hash."""
    return str(value(command, "password"))[:1] in ("!", "*")


def weak(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("rootpw", "user", "sshpw"):
        if value(command, "isCrypted") and not value(command, "lock") and form_of(command) is Form.WEAK_HASH:
            message = "a hash of a weak algorithm (MD5, DES or SHA-1)"
            yield Found(command.line, message, "make one with: openssl passwd -6")


CHECKS = (
    Check("password-readable", "warning", plain, "CWE-256"),
    Check("password-hash-as-text", "error", as_text, "pyanaconda, core/users.py: set_user_password"),
    Check("password-no-hash", "error", no_hash, "crypt(5), shadow(5)"),
    Check("password-hash-weak", "warning", weak, "crypt(5)"),
)
