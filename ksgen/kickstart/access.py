# SPDX-License-Identifier: GPL-2.0-or-later
"""Users of a kickstart who cannot do what they are there for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ksgen.host import Host
from ksgen.kickstart.rights import sudo_steps
from ksgen.problems import Problem

# What a script says where it gives a user a password, or lets sudo go without.
_GIVES_SUDO = re.compile(r"NOPASSWD|sudoers|\b(?:ch)?passwd\b(?!\s+\S+\s*\|\s*cut)|usermod|pam_ssh_agent_auth")
_WHEEL_CURE = "add password_hash:, or sudo: nopasswd"
_SUDO_CURE = "add password_hash:, or write sudo: nopasswd"


def sudo_problems(host: Host, text: str) -> Iterator[Problem]:
    """Users without a password who may use sudo: EL's rule for wheel is `%wheel ALL=(ALL) ALL`, which asks for it."""
    if _GIVES_SUDO.search(_of_site(host, text)):
        return
    for index, user in enumerate(host.settings.users):
        if user.password_hash or user.sudo == "nopasswd":
            continue
        if user.sudo:
            message = f"{user.name} has sudo: true and no password, which sudo asks for"
            yield host.problem(("node_users", index, "sudo"), "user-sudo", message, _SUDO_CURE, "warning")
        elif "wheel" in user.groups:
            message = f"{user.name} is in wheel and has no password, which sudo asks for"
            yield host.problem(("node_users", index, "groups"), "user-sudo", message, _WHEEL_CURE, "warning")


def _of_site(host: Host, text: str) -> str:
    """The text without our own rules for sudo, which are known."""
    for step in sudo_steps(host.settings):
        text = text.replace("\n".join(step.commands), "")
    return text
