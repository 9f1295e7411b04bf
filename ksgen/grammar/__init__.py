# SPDX-License-Identifier: GPL-2.0-or-later
"""pykickstart's grammar of a release, and a kickstart as it reads it."""

from ksgen.grammar.ksfile import SIZE_LIMIT, KickstartFile, include, read_file
from ksgen.grammar.ksview import STORAGE, Check, Found, Kickstart, Kind, Section, init_line, value, view
from ksgen.grammar.releases import SECTIONS, VERSIONS, Command, Grammar, Numbered

__all__ = [
    "SECTIONS",
    "SIZE_LIMIT",
    "STORAGE",
    "VERSIONS",
    "Check",
    "Command",
    "Found",
    "Grammar",
    "Kickstart",
    "KickstartFile",
    "Kind",
    "Numbered",
    "Section",
    "include",
    "init_line",
    "read_file",
    "value",
    "view",
]
