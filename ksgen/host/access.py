# SPDX-License-Identifier: GPL-2.0-or-later
"""Keys that the kernel's arguments make useless."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ksgen.host.host import Host
from ksgen.host.places import Location
from ksgen.problems import Problem
from ksgen.variables import key_type


def fips_keys(host: Host) -> Iterator[Problem]:
    """Ed25519 is not in the FIPS policy of EL9 (crypto-policies, FIPS.pol), so sshd refuses such keys."""
    settings = host.settings
    is_fips = "fips=1" in (*settings.kernel_args, *settings.installer_args)
    if not is_fips or settings.release != "el9":
        return
    users = [(("node_users", n, "ssh_keys"), user.ssh_keys) for n, user in enumerate(settings.users)]
    accounts: list[tuple[Location, Sequence[str]]] = [(("node_ssh_keys",), settings.ssh_keys), *users]
    passwords = (settings.root_password_hash, *(user.password_hash for user in settings.users))
    can_log_in = any(passwords) or any(_is_usable(key) for _, keys in accounts for key in keys)
    for location, keys in accounts:
        if keys and not any(map(_is_usable, keys)):
            message = "with fips=1, sshd refuses Ed25519 keys, and there is no other key here"
            hint = "add a key made with: ssh-keygen -t ecdsa -b 384"
            yield host.problem(location, "ssh-key-fips", message, hint, "warning" if can_log_in else "error")


def _is_usable(key: str) -> bool:
    return "ed25519" not in key_type(key)
