# SPDX-License-Identifier: GPL-2.0-or-later
"""Controllers of machines by Redfish: power, what is booted next, virtual media, and what they know of the machine and
of its past."""

from ksgen.bmc.access import Access, BmcError, Pace
from ksgen.bmc.actions import CUTTING, VERBS, Order, Result, Task, perform
from ksgen.bmc.checks import Look, look, problems
from ksgen.bmc.fleet import at_once
from ksgen.bmc.serving import MediaServer, own_address

__all__ = [
    "CUTTING",
    "VERBS",
    "Access",
    "BmcError",
    "Look",
    "MediaServer",
    "Order",
    "Pace",
    "Result",
    "Task",
    "at_once",
    "look",
    "own_address",
    "perform",
    "problems",
]
