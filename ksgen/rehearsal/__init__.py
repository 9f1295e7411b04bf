# SPDX-License-Identifier: GPL-2.0-or-later
"""A host of the inventory as a machine in QEMU: installed as published, booted, and compared with its plan."""

from ksgen.rehearsal.acceleration import KVM, accelerator
from ksgen.rehearsal.changes import Change, needed_changes, overlay
from ksgen.rehearsal.course import Limits, Step
from ksgen.rehearsal.machine import Machine, machine_of
from ksgen.rehearsal.namespace import NoNamespace
from ksgen.rehearsal.network import network_of
from ksgen.rehearsal.preparing import (
    Certificates,
    NotPublished,
    armed_token,
    certificates,
    image_directory,
    image_problem,
    installer,
    kernel_of,
    published,
    tree_of,
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
    "Limits",
    "Machine",
    "Missing",
    "NoNamespace",
    "NotPublished",
    "NotServed",
    "Order",
    "Served",
    "Start",
    "Step",
    "accelerator",
    "alike",
    "armed_token",
    "certificates",
    "devices",
    "image_directory",
    "image_problem",
    "installer",
    "kernel_of",
    "log",
    "machine_of",
    "missing",
    "missing_devices",
    "needed_changes",
    "network_of",
    "overlay",
    "published",
    "rehearse",
    "required",
    "tree_of",
    "uefi",
    "url_problems",
    "web_configuration",
]
