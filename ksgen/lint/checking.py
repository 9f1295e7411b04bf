# SPDX-License-Identifier: GPL-2.0-or-later
"""All checks, and what they and the grammar say of a kickstart, in words that a terminal can show."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from ksgen.grammar import Check, Kickstart, Numbered
from ksgen.lint import (
    bootable,
    carried,
    certificates,
    commands,
    disks,
    groups,
    hostlayout,
    hosts,
    image,
    imgbase,
    kernelargs,
    layout,
    network,
    node,
    nodelayout,
    people,
    scripts,
    units,
)
from ksgen.problems import Finding
from ksgen.redaction import without_secrets

CHECKS: tuple[Check, ...] = (
    *scripts.CHECKS,
    *commands.CHECKS,
    *disks.CHECKS,
    *layout.CHECKS,
    *groups.CHECKS,
    *bootable.CHECKS,
    *kernelargs.CHECKS,
    *network.CHECKS,
    *people.CHECKS,
    *image.CHECKS,
    *imgbase.CHECKS,
    *node.CHECKS,
    *nodelayout.CHECKS,
    *hosts.CHECKS,
    *hostlayout.CHECKS,
    *certificates.CHECKS,
    *units.CHECKS,
    *carried.CHECKS,
)


# Rules with codes of their own, which are disabled together by that of the check.
MANY_RULES = frozenset(("host-layout", "node-layout"))


def grammar_of(said: Sequence[Numbered], kickstart: Kickstart) -> Iterator[Numbered]:
    """What the grammar says, in words that help, each at its line."""
    lines = kickstart.text.splitlines() if said else []
    for number, one in said:
        line = lines[number - 1] if 0 < number <= len(lines) else ""
        told = commands.tell(one, line, kickstart.release)
        if told is not None:
            yield number, _shown(told, line, kickstart.text)


def check(kickstart: Kickstart, checks: Sequence[Check] = CHECKS) -> Iterator[Numbered]:
    """Everything that the checks find."""
    lines = kickstart.text.split("\n")
    for one in checks:
        if not _applies(one.code, kickstart):
            continue
        for found in one.decide(kickstart):
            line = lines[found.line - 1] if 0 < found.line <= len(lines) else ""
            severity = found.severity or one.severity
            finding = Finding(found.code or one.code, found.message, severity, found.hint)
            yield found.line, _shown(finding, line, kickstart.text)


def _applies(code: str, kickstart: Kickstart) -> bool:
    """Whether a check is for this machine: what only a node has (imgbase, its section), or only a host."""
    if code.startswith(("imgbase-", "node-")) or code == "addon-section":
        return kickstart.installs_node
    return kickstart.installs_host or not code.startswith("host-")


def _shown(finding: Finding, line: str, text: str) -> Finding:
    """The same without the secrets of the line that it is about, as a terminal can show it."""
    message, hint = without_secrets(finding.message, line, text), finding.hint
    return dataclasses.replace(finding, message=_printable(message), hint=_printable(hint) if hint else None)


def _printable(text: str) -> str:
    """What was quoted from a file may hold anything."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
