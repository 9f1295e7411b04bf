# SPDX-License-Identifier: GPL-2.0-or-later
"""Boot files of the hosts and configuration of the servers: who boots what, and until when."""

from ksgen.netboot.arming import DEFAULT_DURATION, Arming, UntilError, active, arm, disarm, parse_until, status, void
from ksgen.netboot.bootargs import kernel_arguments
from ksgen.netboot.boottemplates import BootTemplates
from ksgen.netboot.boottree import Copy, changed, copies, missing_kernels, staged
from ksgen.netboot.discovery import (
    DISCOVERY_FILE,
    DISCOVERY_NAME,
    Discovery,
    Running,
    discovery_ended,
    discovery_of,
    disk_paths,
    running_discovery,
    stored_discovery,
)
from ksgen.netboot.medium import boot_medium
from ksgen.netboot.published import Disarming, Published, disarmed, read_published, tokens
from ksgen.netboot.remembered import (
    NONE,
    REMEMBERED_FILE,
    Given,
    Remembered,
    combined,
    differences,
    read_remembered,
    remembered_text,
)
from ksgen.netboot.site import site_files
from ksgen.netboot.state import STATE_FILE, booted, spent, stored
from ksgen.netboot.webserver import REPORTS_ADDRESS, Server, readers, server

__all__ = [
    "DEFAULT_DURATION",
    "DISCOVERY_FILE",
    "DISCOVERY_NAME",
    "NONE",
    "REMEMBERED_FILE",
    "REPORTS_ADDRESS",
    "STATE_FILE",
    "Arming",
    "BootTemplates",
    "Copy",
    "Disarming",
    "Discovery",
    "Given",
    "Published",
    "Remembered",
    "Running",
    "Server",
    "UntilError",
    "active",
    "arm",
    "boot_medium",
    "booted",
    "changed",
    "combined",
    "copies",
    "differences",
    "disarm",
    "disarmed",
    "discovery_ended",
    "discovery_of",
    "disk_paths",
    "kernel_arguments",
    "missing_kernels",
    "parse_until",
    "read_published",
    "read_remembered",
    "readers",
    "remembered_text",
    "running_discovery",
    "server",
    "site_files",
    "spent",
    "staged",
    "status",
    "stored",
    "stored_discovery",
    "tokens",
    "void",
]
