# SPDX-License-Identifier: GPL-2.0-or-later
"""The database of `ksgen serve`: attempts, what the machines said, their logs, and who did what."""

from ksgen.store.attempts import Attempt, Happening, Log, Permission, Store, Transition
from ksgen.store.database import DatabaseError, open_database
from ksgen.store.discovered import Discovered
from ksgen.store.leases import Lease, Progress

__all__ = [
    "Attempt",
    "DatabaseError",
    "Discovered",
    "Happening",
    "Lease",
    "Log",
    "Permission",
    "Progress",
    "Store",
    "Transition",
    "open_database",
]
