# SPDX-License-Identifier: GPL-2.0-or-later
"""What the kernel's arguments do to those who log in, and to kdump."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ksgen.host.host import Host
from ksgen.host.places import Location
from ksgen.problems import Problem
from ksgen.variables import key_type

# What EL9 and EL10 reserve for kdump (kdump-utils, kdump-lib.sh: kdump_get_arch_recommend_crashkernel(), x86-64).
CRASHKERNEL = "crashkernel=1G-4G:192M,4G-64G:256M,64G-:512M"


def crashkernel(host: Host) -> Iterator[Problem]:
    """The kernel of EL9 and later has no `auto`."""
    for index, argument in enumerate(host.settings.kernel_args):
        if argument == "crashkernel=auto":
            message = "crashkernel=auto reserves no memory in EL9 and EL10, and kdump does not start"
            location: Location = ("node_kernel_args", index)
            yield host.problem(location, "kernel-arg-crashkernel", message, f"write {CRASHKERNEL}", "warning")


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
