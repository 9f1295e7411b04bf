# SPDX-License-Identifier: GPL-2.0-or-later
"""The step of what users may do with sudo."""

from __future__ import annotations

from collections.abc import Iterator

from ksgen.kickstart.files import writing
from ksgen.kickstart.steps import Step, checked
from ksgen.variables import Settings

# sudo ignores files with a dot or a tilde in their names (sudoers(5)), and a name of a user may have a dot.
SUDOERS = "/etc/sudoers.d/60-ovirt-node-users"


def sudo_steps(settings: Settings) -> Iterator[Step]:
    """A file of our own: a changed /etc/sudoers would stay as it is with each update.

    Names are in quotes, as one in capitals would be an alias.
    """
    lines = [
        f'"{user.name}" ALL=(ALL) {"NOPASSWD: " if user.sudo == "nopasswd" else ""}ALL'
        for user in settings.users
        if user.sudo
    ]
    if lines:
        valid = checked(
            f"visudo -cf {SUDOERS}",
            "visudo refused the rules",
            "read its messages above; with an invalid file, sudo refuses every user",
        )
        text = "".join(f"{line}\n" for line in lines)
        yield Step("node_users", "rights of users in sudo", (*writing(SUDOERS, text, "0440"), *valid))
