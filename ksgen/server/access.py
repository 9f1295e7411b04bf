# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may do what: machines by the token of their arming, people by a token of their own.

A file beside the database has the names and SHA-256 of people's tokens. A token has 256 random bits, too many to
guess, so that its hash needs no salt and no slow function (NIST SP 800-63B, 5.1.2.2, asks for these below 112 bits).
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

Role = Literal["read", "operate"]
ROLES: tuple[Role, ...] = ("read", "operate")
LOGINS_FILE = "logins.json"
_TOKEN_BYTES = 32
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
# A request with more in this header is no one's.
_HEADER_LONGEST = 300
_BEARER = "Bearer "


class AccessError(Exception):
    """Why the file of logins cannot be used."""


@dataclasses.dataclass(frozen=True)
class Login:
    """A person or program, and what it may do."""

    name: str
    role: Role


@dataclasses.dataclass(frozen=True)
class Logins:
    """Everybody who may look, by the SHA-256 of the token."""

    by_hash: Mapping[str, Login]

    def of(self, token: str) -> Login | None:
        """Who has this token. It takes as long for a wrong one as for a right one."""
        digest, found = digest_of(token), None
        for known, login in self.by_hash.items():
            if hmac.compare_digest(known, digest):
                found = login
        return found


def digest_of(token: str) -> str:
    """The SHA-256 of a token, in hexadecimal digits: the only form in which it is kept."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def is_login_name(name: str) -> bool:
    """Whether a user may have this name."""
    return _NAME.fullmatch(name) is not None


def bearer(header: str | None) -> str | None:
    """The token of an Authorization header (RFC 6750)."""
    if header is None or len(header) > _HEADER_LONGEST or not header.startswith(_BEARER):
        return None
    return header.removeprefix(_BEARER).strip() or None


def read_logins(file: Path) -> Logins:
    """Everyone who may log in; without the file, no user. Raises AccessError for one that others may read or that is
    damaged, and OSError."""
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return Logins({})
    if file.stat().st_mode & 0o077:
        raise AccessError(f"{file} can be read by others; run `chmod 600 {file}`")
    try:
        entries = json.loads(data)
        logins = {entry["sha256"]: Login(name, _role(entry["role"])) for name, entry in entries.items()}
    except (ValueError, TypeError, KeyError, AttributeError):
        raise AccessError(f"{file} is damaged; remove it, and make the logins again") from None
    return Logins(logins)


def _role(role: object) -> Role:
    for known in ROLES:
        if role == known:
            return known
    raise ValueError(role)


def add_login(file: Path, name: str, role: Role, target: Path) -> None:
    """Make a token for a user, or a new one: its hash goes into the file, and itself into `target`, which only its
    owner can read. Raises AccessError, and OSError."""
    if not is_login_name(name):
        raise AccessError(f"{name!r} is not a login name; write ASCII letters, digits, '.', '_', '@' and '-'")
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    before = read_logins(file)
    others = {login.name: (digest, login.role) for digest, login in before.by_hash.items() if login.name != name}
    entries = {**others, name: (digest_of(token), role)}
    # First: if this file cannot be written, no login is added.
    with _private(target) as descriptor:
        os.write(descriptor, f"{token}\n".encode())
    text = json.dumps({who: {"sha256": sha, "role": its} for who, (sha, its) in sorted(entries.items())}, indent=1)
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    with _private(new) as descriptor:
        os.write(descriptor, f"{text}\n".encode())
    new.replace(file)


@contextlib.contextmanager
def _private(file: Path) -> Iterator[int]:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        yield descriptor
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
