# SPDX-License-Identifier: GPL-2.0-or-later
"""pykickstart's grammar of a release, and a kickstart as it reads it."""

import ksgen.grammar.loading  # noqa: F401  isort: skip  before anything of pykickstart
from ksgen.grammar.helptexts import Entry, Manual, Option, manual
from ksgen.grammar.ksfile import SIZE_LIMIT, KickstartFile, include, read_file
from ksgen.grammar.ksview import (
    PAYLOADS,
    STORAGE,
    Check,
    Found,
    Kickstart,
    Section,
    init_line,
    mentions_init,
    sections,
    value,
    view,
)
from ksgen.grammar.releases import SECTIONS, Command, Grammar, Numbered

__all__ = [
    "PAYLOADS",
    "SECTIONS",
    "SIZE_LIMIT",
    "STORAGE",
    "Check",
    "Command",
    "Entry",
    "Found",
    "Grammar",
    "Kickstart",
    "KickstartFile",
    "Manual",
    "Numbered",
    "Option",
    "Section",
    "include",
    "init_line",
    "manual",
    "mentions_init",
    "read_file",
    "sections",
    "value",
    "view",
]
