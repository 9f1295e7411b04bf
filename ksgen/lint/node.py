# SPDX-License-Identifier: GPL-2.0-or-later
"""The section of the node's add-on, and the names of others."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from ksgen.grammar import Check, Found, Kickstart, Section
from org_ovirt_node.section import NAME, Parsed, parse


def node_sections(ks: Kickstart) -> list[tuple[Section, Parsed]]:
    """The sections of the node's add-on, read with its own code."""
    found = (section for section in ks.all_sections("%addon") if section.args[:1] == (NAME,))
    return [(section, parse(section.args[1:], section.body.split("\n"))) for section in found]


_ADDONS = (NAME, "org_fedora_oscap", "com_redhat_kdump", "com_redhat_subscription_manager")


def addon(ks: Kickstart) -> Iterator[Found]:
    for section in ks.all_sections("%addon"):
        name = section.args[0] if section.args else ""
        if not name:
            yield Found(section.line, "%addon without a name", f"write: %addon {NAME}")
        elif name not in _ADDONS:
            # Of the many that may exist only what is a slip of the pen away from a known one.
            known = difflib.get_close_matches(name, _ADDONS, n=1, cutoff=0.85)
            if known:
                message = f"unknown add-on {name!r}; Anaconda silently ignores it"
                yield Found(section.line, message, f"did you mean {known[0]!r}?")


def addon_section(ks: Kickstart) -> Iterator[Found]:
    for section, parsed in node_sections(ks):
        for problem in parsed.problems:
            line = section.line if problem.line is None else section.first + problem.line
            yield Found(line, problem.message, problem.hint)


CHECKS = (
    Check("addon-name", "warning", addon, "pykickstart, parser.py: NullSection"),
    Check("addon-section", "error", addon_section, "org_ovirt_node/section.py"),
)
