# SPDX-License-Identifier: GPL-2.0-or-later
"""What makes a kickstart one of an oVirt Node: the section of its add-on, and the layout."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from pykickstart.constants import (
    AUTOPART_TYPE_BTRFS,
    AUTOPART_TYPE_LVM,
    AUTOPART_TYPE_PLAIN,
)

from ksgen.grammar import Check, Found, Kickstart, Section, value
from ksgen.lint import pool
from ksgen.problems import Severity
from org_ovirt_node import layout
from org_ovirt_node.layout import MINIMAL, STANDARD, Request
from org_ovirt_node.section import NAME, WARN, Parsed, parse

# --- add-ons ---------------------------------------------------------------------------------------------------------


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


# --- the layout ------------------------------------------------------------------------------------------------------


# However they are written: --type=lvm, --type lvm, --nolvm.
_NOT_THIN = {
    AUTOPART_TYPE_BTRFS: "btrfs",
    AUTOPART_TYPE_LVM: "lvm",
    AUTOPART_TYPE_PLAIN: "plain",
}


def autopart(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("autopart") if ks.installs_node else ():
        kind = value(command, "type")
        if kind in _NOT_THIN:
            message = f"autopart --type={_NOT_THIN[kind]}; imgbase needs a thin pool"
            yield Found(command.line, message, "autopart --type=thinp, or part, volgroup and logvol commands", "error")
        elif not node_sections(ks):
            message = (
                "autopart does not create /var unless the install tree contains the node's layout; imgbase then fails"
            )
            yield Found(command.line, message, "write part, volgroup and logvol commands, as ksgen does")


def node_layout(ks: Kickstart) -> Iterator[Found]:
    """The rules of the layout on the kickstart's own storage commands, under their own codes."""
    if not ks.installs_node or not ks.storage_is_known or not ks.devices or ks.all("autopart", "mount"):
        return
    findings = layout.check(ks.devices, _request(ks))
    said = {finding.code for finding in findings}
    # A pool that is promised twice has no room for an image either.
    follows = "cannot-update" if "over-provisioned" in said else ""
    for finding in findings:
        if finding.code == follows:
            continue
        words = layout.describe(finding)
        line = _line_of(ks, finding.subject)
        is_named = finding.subject in words.message or not finding.subject.startswith("/")
        message = words.message if is_named else f"{finding.subject}: {words.message}"
        severity: Severity = "error" if _is_grave(finding, ks) else "warning"
        yield Found(line, message, words.hint, severity, finding.code)
    yield from (found for found in pool.of_node(ks) if found.code not in said)


def _is_grave(finding: layout.Finding, ks: Kickstart) -> bool:
    """Whether the installation stops or ends with no node: the add-on stops at each error, unless it only tells.

    Without it imgbase makes the volumes but /var by itself, where the pool has room (imgbased, plugins/osupdater.py).
    """
    if finding.severity != layout.ERROR:
        return False
    sections = [parsed.section for _, parsed in node_sections(ks) if not parsed.problems]
    if sections:
        return sections[0].findings != WARN
    return finding.code != "volume-missing" or finding.subject == "/var"


def _request(ks: Kickstart) -> Request:
    """What the kickstart asks of its own layout: in its section, or by how it calls imgbase."""
    sections = [parsed.section for _, parsed in node_sections(ks) if not parsed.problems]
    if sections:
        return sections[0].request()
    return Request(layout=(MINIMAL if _is_minimal(ks) else STANDARD).name)


def _is_minimal(ks: Kickstart) -> bool:
    """Whether a script asks imgbase for /var alone: by its flag file, or as an argument of ksgen's hook."""
    scripts = [section for section in ks.all_sections("%post") if section.is_shell]
    lines = (text for section in scripts for _, text in section.shell)
    return any("/var/imgbased/.skip-volumes" in text or "--layout=minimal" in text for text in lines)


def _line_of(ks: Kickstart, subject: str) -> int:
    for command in ks.all("logvol", "part", "partition", "raid"):
        if value(command, "mountpoint") == subject:
            return command.line
    groups = {"pool": "logvol", "images": "logvol", "volume_group": "volgroup"}
    found = ks.all(groups.get(subject, "part"), "partition", "logvol", "raid", "volgroup")
    pools = [c for c in found if value(c, "thin_pool")]
    return (pools or found)[0].line if found else 1


CHECKS = (
    Check("addon-name", "warning", addon, "pykickstart, parser.py: NullSection"),
    Check("addon-section", "error", addon_section, "org_ovirt_node/section.py"),
    Check("node-autopart", "warning", autopart, "observed with Anaconda of EL9 and EL10"),
    Check("node-layout", "error", node_layout, "org_ovirt_node/layout/policy.py"),
)
