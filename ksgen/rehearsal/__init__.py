# SPDX-License-Identifier: GPL-2.0-or-later
"""A host of the inventory as a machine in QEMU: installed as published, booted, and compared with its plan."""

from ksgen.rehearsal.acceleration import KVM, accelerator
from ksgen.rehearsal.changes import Change, needed_changes, overlay
from ksgen.rehearsal.course import Limits, Step
from ksgen.rehearsal.installers import (
    InstallTree,
    Source,
    installer,
    kernel_of,
    needs_authority,
    read_install_tree,
    release_of,
    release_problems,
    tree_of,
    trusting,
)
from ksgen.rehearsal.machine import Machine, machine_of, memory_problem
from ksgen.rehearsal.namespace import NoNamespace
from ksgen.rehearsal.network import network_of
from ksgen.rehearsal.preparing import (
    Certificates,
    NotPublished,
    armed_token,
    certificates,
    image_directory,
    image_name,
    image_problem,
    published,
    url_problems,
    web_configuration,
)
from ksgen.rehearsal.programs import Missing, devices, missing, required, uefi
from ksgen.rehearsal.qemu import CONSOLE, Start, log, missing_devices
from ksgen.rehearsal.run import Order, rehearse
from ksgen.rehearsal.servers import NotServed, Served
from ksgen.rehearsal.shapes import Alike, alike

__all__ = [
    "CONSOLE",
    "KVM",
    "Alike",
    "Certificates",
    "Change",
    "InstallTree",
    "Limits",
    "Machine",
    "Missing",
    "NoNamespace",
    "NotPublished",
    "NotServed",
    "Order",
    "Served",
    "Source",
    "Start",
    "Step",
    "accelerator",
    "alike",
    "armed_token",
    "certificates",
    "devices",
    "image_directory",
    "image_name",
    "image_problem",
    "installer",
    "kernel_of",
    "log",
    "machine_of",
    "memory_problem",
    "missing",
    "missing_devices",
    "needed_changes",
    "needs_authority",
    "network_of",
    "overlay",
    "published",
    "read_install_tree",
    "rehearse",
    "release_of",
    "release_problems",
    "required",
    "tree_of",
    "trusting",
    "uefi",
    "url_problems",
    "web_configuration",
]
