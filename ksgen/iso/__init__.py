# SPDX-License-Identifier: GPL-2.0-or-later
"""The installation ISO of a node or of a site, planned and then written; and the small one that boots one installer."""

from ksgen.iso.bootmedium import LABEL, BootMedium, write_medium
from ksgen.iso.isowriter import NotWritten, Progress, missing_programs, output_findings, sha256, write
from ksgen.iso.planning import Request, image_url, kickstart_findings, plan
from ksgen.iso.site import SiteHost, chooser, exposed, site_files

__all__ = [
    "LABEL",
    "BootMedium",
    "NotWritten",
    "Progress",
    "Request",
    "SiteHost",
    "chooser",
    "exposed",
    "image_url",
    "kickstart_findings",
    "missing_programs",
    "output_findings",
    "plan",
    "sha256",
    "site_files",
    "write",
    "write_medium",
]
