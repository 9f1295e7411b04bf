# SPDX-License-Identifier: GPL-2.0-or-later
"""Looks at the machine with the program that does so in %pre of ksgen's kickstarts: what needs no inventory."""

from org_ovirt_node.programs import checks
from org_ovirt_node.programs.checks import Result
from org_ovirt_node.service import releases


def look() -> tuple[Result, ...]:
    """What is wrong with the processor and the memory for a host of oVirt."""
    machine = checks.look_at_machine(checks.System())
    found = (
        checks.made("virtualization", lambda: checks.check_virtualization(machine)),
        checks.made("cpu", lambda: checks.check_cpu(machine, releases.word())),
        checks.made("memory", lambda: checks.check_memory(machine)),
    )
    return tuple(result for result in found if result.verdict != checks.OK)
