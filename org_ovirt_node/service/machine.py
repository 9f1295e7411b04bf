# SPDX-License-Identifier: GPL-2.0-or-later
"""Looks at the machine with the program that does so in %pre of ksgen's kickstarts: what needs no inventory."""

from org_ovirt_node.programs import checks
from org_ovirt_node.programs.checks import Result, Wanted
from org_ovirt_node.service import releases

CHECKS = ("virtualization", "cpu", "memory")


def look() -> tuple[Result, ...]:
    """What is wrong with the processor and the memory for a host of oVirt."""
    results = checks.check_machine(checks.System(), Wanted(releases.word()))
    return tuple(one for one in results if one.name in CHECKS and one.verdict != checks.OK)
