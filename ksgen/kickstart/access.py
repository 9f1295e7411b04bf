# SPDX-License-Identifier: GPL-2.0-or-later
"""Users of a kickstart who cannot do what they are there for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ksgen.host import Host
from ksgen.problems import Problem

# What a script says where it gives a user a password, or lets sudo go without.
_GIVES_SUDO = re.compile(r"NOPASSWD|sudoers|\b(?:ch)?passwd\b(?!\s+\S+\s*\|\s*cut)|usermod|pam_ssh_agent_auth")
_WHEEL_CURE = (
    "add password_hash:, or a script in node_post: echo '%wheel ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/50-wheel"
)


def sudo_problems(host: Host, text: str) -> Iterator[Problem]:
    """Members of wheel without a password: the sudoers file of EL has `%wheel ALL=(ALL) ALL`, which asks for it."""
    if _GIVES_SUDO.search(text):
        return
    for index, user in enumerate(host.settings.users):
        if "wheel" in user.groups and not user.password_hash:
            message = f"{user.name} is in wheel and has no password, which sudo asks for"
            location = ("node_users", index, "groups")
            yield host.problem(location, "user-sudo", message, _WHEEL_CURE, "warning")
