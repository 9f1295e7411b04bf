# SPDX-License-Identifier: GPL-2.0-or-later
"""The step of kdump: its add-on reserves the memory, if it runs, and enables no service.

com_redhat_kdump, service/installation.py, looks for `systemctl` where none is.
"""

from __future__ import annotations

from collections.abc import Iterator

from ksgen.kickstart.steps import Step, checked
from ksgen.variables import KDUMP_ADDON, Settings

_PACKAGES = {"el9": "kexec-tools", "el10": "kdump-utils"}


def kdump_steps(settings: Settings) -> Iterator[Step]:
    """The service that loads the kernel for dumps when the node boots."""
    if settings.kdump:
        package = _PACKAGES[settings.release]
        reserved = checked(
            "grep -q '^GRUB_CMDLINE_LINUX=.*crashkernel=' /etc/default/grub",
            "the installer has reserved no memory for kdump",
            f"boot it with {KDUMP_ADDON}, as the boot files of ksgen do; "
            "its add-on com_redhat_kdump must be part of it",
        )
        enabled = checked(
            "systemctl enable kdump.service",
            "systemctl did not enable kdump.service",
            f"it is in the package {package}: add it to node_packages, or remove node_kdump",
        )
        yield Step("node_kdump", "kdump", (*reserved, *enabled))
