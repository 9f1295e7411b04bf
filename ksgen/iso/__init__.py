# SPDX-License-Identifier: GPL-2.0-or-later
"""The installation ISO of a node: planned, then written; and the small one that boots the installer of one host."""

from ksgen.iso.bootmedium import LABEL, BootMedium, write_medium
from ksgen.iso.isowriter import NotWritten, Progress, missing_programs, output_findings, sha256, write
from ksgen.iso.planning import Request, kickstart_findings, plan

__all__ = [
    "LABEL",
    "BootMedium",
    "NotWritten",
    "Progress",
    "Request",
    "kickstart_findings",
    "missing_programs",
    "output_findings",
    "plan",
    "sha256",
    "write",
    "write_medium",
]
