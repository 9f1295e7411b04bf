# SPDX-License-Identifier: GPL-2.0-or-later
"""Dumps of a crashed kernel: where they go, and who reserves the memory for them."""

from __future__ import annotations

from collections.abc import Iterator

from ksgen.host.host import Host
from ksgen.problems import Problem
from org_ovirt_node import layout

_PLACE = "/var/crash"


def kdump_problems(host: Host) -> Iterator[Problem]:
    """A dump without a volume of its own fills /var; `crashkernel=` is removed (com_redhat_kdump, installation.py)."""
    settings = host.settings
    if settings.kdump is not None and _PLACE not in layout.policy_sizes(host.request):
        message = f"dumps go to {_PLACE}, which is a part of /var here: one can fill it, and stop the node"
        hint = f"add {_PLACE}: 10 GiB to node_volumes"
        yield host.problem(("node_kdump",), "kdump-volume", message, hint, "warning")
    for index, argument in enumerate(settings.kernel_args):
        if argument.startswith("crashkernel="):
            message = "crashkernel= does not reach the node: the kdump add-on of the installer removes it"
            hint = "remove it, and set node_kdump: auto, or the size" if settings.kdump is None else "remove it"
            yield host.problem(("node_kernel_args", index), "kdump-argument", message, hint, "warning")
