# SPDX-License-Identifier: GPL-2.0-or-later
"""The resolvers of disks and NICs at the desk: facts of machines to the verdict that the installer would give."""

from ksgen.match.machine import Machine, printable, read_machines
from ksgen.match.pairing import Matched, match, unknown
from ksgen.match.proposal import proposal
from ksgen.match.script import facts_script
from ksgen.match.verdict import Standing, Verdict, problems

__all__ = [
    "Machine",
    "Matched",
    "Standing",
    "Verdict",
    "facts_script",
    "match",
    "printable",
    "problems",
    "proposal",
    "read_machines",
    "unknown",
]
