# SPDX-License-Identifier: GPL-2.0-or-later
"""Publication: all or nothing, atomic, incremental; and what it would change."""

from ksgen.publish.generations import Content, Generation, has_leftovers, locked, present
from ksgen.publish.manifest import sha256
from ksgen.publish.output import Change, Publication, Site, amended, carry_out, changes, diff
from ksgen.publish.selection import is_written

__all__ = [
    "Change",
    "Content",
    "Generation",
    "Publication",
    "Site",
    "amended",
    "carry_out",
    "changes",
    "diff",
    "has_leftovers",
    "is_written",
    "locked",
    "present",
    "sha256",
]
