# SPDX-License-Identifier: GPL-2.0-or-later
"""The resolvers of disks and NICs at the desk: facts of machines to the verdict that the installer would give."""

from ksgen.match.discovery import discovery_kickstart
from ksgen.match.machine import Machine, machine_from, printable, read_machines
from ksgen.match.pairing import described_macs, hosts_of, match, unknown
from ksgen.match.proposal import Inherited, entry_lines, proposed_entry
from ksgen.match.script import facts_script
from ksgen.match.verdict import Standing, Verdict, problems
from ksgen.match.verification import differences, reported

__all__ = [
    "Inherited",
    "Machine",
    "Standing",
    "Verdict",
    "described_macs",
    "differences",
    "discovery_kickstart",
    "entry_lines",
    "facts_script",
    "hosts_of",
    "machine_from",
    "match",
    "printable",
    "problems",
    "proposed_entry",
    "read_machines",
    "reported",
    "unknown",
]
