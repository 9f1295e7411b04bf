# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may log in: hashes of passwords, SSH keys, names of users."""

from __future__ import annotations

import base64
import re
import struct
from typing import Annotated

from pydantic import BeforeValidator

from ksgen.variables.values import a_text, one_line, refuse, shown

_B64 = "[./A-Za-z0-9]"
# crypt(5) of libxcrypt 4.4, the methods of EL9 and EL10 that are not broken: SHA-512, SHA-256, yescrypt and its GOST
# kin, scrypt, bcrypt.
_HASHES = re.compile(
    rf"\$6\$(rounds=[1-9][0-9]{{3,8}}\$)?{_B64}{{1,16}}\${_B64}{{86}}"
    rf"|\$5\$(rounds=[1-9][0-9]{{3,8}}\$)?{_B64}{{1,16}}\${_B64}{{43}}"
    rf"|\$g?y\${_B64}+\${_B64}{{1,86}}\${_B64}{{43}}"
    rf"|\$7\${_B64}{{11,97}}\${_B64}{{43}}"
    rf"|\$2[aby]\$(0[4-9]|[12][0-9]|3[01])\${_B64}{{53}}"
)
_WEAK_HASHES = re.compile(r"\$(1|md5|3|sha1)[$,]|_[./A-Za-z0-9]{19}$")
_HASH_CURE = "make one with: openssl passwd -6"


def password_hash(value: object) -> str:
    """A hash as crypt(5) writes it. What was found is never repeated: it may be the password."""
    if not isinstance(value, str):
        refuse("password-plain", "not the hash of a password", _HASH_CURE)
    if _HASHES.fullmatch(value):
        return value
    if _WEAK_HASHES.match(value):
        refuse("password-hash-weak", "a hash of a broken algorithm", _HASH_CURE)
    if value.startswith("$"):
        refuse("password-hash", "not a complete hash of an algorithm that EL9 and EL10 support", _HASH_CURE)
    refuse("password-plain", "a password must be given as its hash", _HASH_CURE)


PasswordHash = Annotated[str, BeforeValidator(password_hash)]

_KEY_TYPES = {
    "ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com",
}  # fmt: skip
RSA_BITS_MIN = 2048  # EL9's and EL10's DEFAULT crypto policy refuses shorter ones


# sshd(8), "AUTHORIZED_KEYS FILE FORMAT"
_KEY_OPTIONS = {
    "agent-forwarding", "cert-authority", "command", "environment", "expiry-time", "from", "no-agent-forwarding",
    "no-port-forwarding", "no-pty", "no-touch-required", "no-user-rc", "no-x11-forwarding", "permitlisten",
    "permitopen", "port-forwarding", "principals", "pty", "restrict", "tunnel", "user-rc", "verify-required",
    "x11-forwarding",
}  # fmt: skip
_OPTION_LIST = re.compile(r'(?:([A-Za-z0-9-]+)(?:="(?:[^"\\]|\\.)*")?(?:,(?=\S)|(?=\s)))+')
_OPTION_NAMES = re.compile(r'([A-Za-z0-9-]+)(?:="(?:[^"\\]|\\.)*")?,?')


_PRIVATE_KEY = re.compile(r"PRIVATE KEY|PuTTY-User-Key-File")


def _wire_strings(blob: bytes) -> list[bytes]:
    """The length-prefixed strings of an SSH key blob (RFC 4251, 5)."""
    strings, at = [], 0
    while at < len(blob):
        (length,) = struct.unpack_from(">I", blob, at)
        strings.append(blob[at + 4 : at + 4 + length])
        if len(strings[-1]) != length:
            raise ValueError("the blob ends inside a string")
        at += 4 + length
    return strings


def _without_options(text: str) -> str:
    """A line of authorized_keys from its key type on."""
    if text.split(None, 1)[:1] and text.split(None, 1)[0] in _KEY_TYPES:
        return text
    options = _OPTION_LIST.match(text)
    names = _OPTION_NAMES.findall(options.group()) if options else []
    return text[options.end() :].strip() if options and _KEY_OPTIONS.issuperset(map(str.lower, names)) else ""


def ssh_key(value: object) -> str:
    """A public key as in authorized_keys (sshd(8)), options allowed."""
    text = a_text(value, '"ssh-ed25519 AAAA… ops"')
    if _PRIVATE_KEY.search(text):
        refuse("ssh-key-private", "this is a private key, which must not be shared", "use the line of the .pub file")
    text = one_line(text).strip()
    fields = _without_options(text).split()
    if not fields or fields[0] not in _KEY_TYPES:
        known = "ssh-ed25519, ssh-rsa, ecdsa-sha2-nistp256"
        refuse("ssh-key", "not a public key of a type that EL9 and EL10 accept", f"one line of a .pub file: {known}, …")
    try:
        strings = _wire_strings(base64.b64decode(fields[1], validate=True))
        is_whole = _is_whole(fields[0], strings)
    except (IndexError, ValueError, struct.error):
        is_whole = False
    if not is_whole:
        refuse("ssh-key", f"this {fields[0]} key is damaged or truncated", "use the whole line of the .pub file")
    bits = int.from_bytes(strings[2], "big").bit_length() if fields[0] == "ssh-rsa" else RSA_BITS_MIN
    if bits < RSA_BITS_MIN:
        cure = "make a new one with: ssh-keygen -t ed25519"
        refuse("ssh-key-weak", f"an RSA key of {bits} bits; EL9 and EL10 accept {RSA_BITS_MIN} and more", cure)
    return text


def key_type(key: str) -> str:
    """The type of a public key, such as `ssh-ed25519`."""
    return _without_options(key).split()[0]


# RFC 5656, 3.1: a point is a byte and two coordinates.
_POINT_BYTES = {b"nistp256": 65, b"nistp384": 97, b"nistp521": 133}


def _is_whole(kind: str, strings: list[bytes]) -> bool:
    """Whether a key has all of its parts (RFC 4253, 5656, 8709; sk-: OpenSSH, PROTOCOL.u2f)."""
    if strings[0] != kind.encode():
        return False
    parts = strings[1:-1] if kind.startswith("sk-") else strings[1:]
    if "ed25519" in kind:
        return [len(part) for part in parts] == [32]
    if kind == "ssh-rsa":
        return len(parts) == 2 and all(parts)
    curve, point = parts
    return kind.partition("@")[0].endswith(curve.decode()) and len(point) == _POINT_BYTES[curve]


SshKey = Annotated[str, BeforeValidator(ssh_key)]

# useradd(8) of EL, which allows more than upstream's, as pyanaconda's is_valid_name() does
_USER = re.compile(r"(?![0-9]+$|\.\.?$)[A-Za-z0-9_.][A-Za-z0-9_.-]{0,31}")


def user_name(value: object) -> str:
    """A name as useradd(8) of EL accepts it."""
    text = a_text(value, "admin")
    if not _USER.fullmatch(text):
        refuse("user-name", f"{shown(value)} is not a user or group name", "letters, digits, '_', '.', '-', at most 32")
    return text


UserName = Annotated[str, BeforeValidator(user_name)]

# Accounts and groups of every EL system (the package "setup"), and of a node's own packages. useradd refuses a name
# that either has, and Anaconda then goes on without the user (modules/users/installation.py).
_SYSTEM_NAMES = frozenset({
    "adm", "audio", "bin", "cdrom", "daemon", "dialout", "disk", "floppy", "ftp", "games", "halt", "input", "kmem",
    "kvm", "lock", "lp", "mail", "man", "mem", "nobody", "operator", "render", "shutdown", "sync", "sys", "tape",
    "tty", "users", "utempter", "utmp", "video", "wheel",
    "chrony", "cockpit-ws", "dbus", "dnsmasq", "hugetlbfs", "libvirt", "openvswitch", "ovirt-vmconsole", "polkitd",
    "qemu", "rpc", "rpcuser", "sanlock", "saslauth", "ssh_keys", "sshd", "systemd-coredump", "systemd-journal",
    "systemd-resolve", "tss", "vdsm",
})  # fmt: skip


def person_name(value: object) -> str:
    """The name of a user whom Anaconda can create."""
    text = user_name(value)
    if text == "root":
        refuse("user-root", "root already exists", "use node_ssh_keys and node_root_password_hash")
    if text in _SYSTEM_NAMES:
        message = f"{text} is an account or group of the system: Anaconda cannot create it"
        refuse("user-system", message, "choose another name")
    return text


PersonName = Annotated[str, BeforeValidator(person_name)]
