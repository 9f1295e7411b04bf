# SPDX-License-Identifier: GPL-2.0-or-later
"""The layout of a node, by the rules of the add-on: what its storage commands make.

What automatic partitioning makes is for Anaconda to say; where no command says how to partition, the add-on makes the
layout that its section asks for.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from pykickstart.constants import (
    AUTOPART_TYPE_BTRFS,
    AUTOPART_TYPE_LVM,
    AUTOPART_TYPE_PLAIN,
)

from ksgen.grammar import STORAGE, Check, Found, Kickstart, value
from ksgen.lint import pool
from ksgen.lint.disks import comparable
from ksgen.lint.node import node_sections
from ksgen.problems import Severity
from org_ovirt_node import layout
from org_ovirt_node.layout import MINIMAL, STANDARD, Device, Finding, Request
from org_ovirt_node.section import WARN
from org_ovirt_node.section import Section as Wishes

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
    """The rules of the layout on what the kickstart makes, under their own codes."""
    if not ks.installs_node or not ks.storage_is_known or ks.all("mount"):
        return
    wishes = _wishes(ks)
    is_written = ks.all(*STORAGE) and not ks.all("autopart")
    devices = _as_mounted(ks.devices, wishes) if is_written else ()
    of_layout = layout.check(devices, _request(ks, wishes)) if devices else ()
    findings = [*of_layout, *_disks(ks, wishes)]
    said = {finding.code for finding in findings}
    # A pool that is promised twice has no room for an image either.
    dropped = {"cannot-update"} if "over-provisioned" in said else set()
    for finding in findings:
        if finding.code not in dropped:
            yield _found(ks, finding, wishes)
    if devices:
        yield from (_as_grave(found, wishes) for found in pool.of_node(ks) if found.code not in said)


def _found(ks: Kickstart, finding: Finding, wishes: Wishes | None) -> Found:
    words = layout.describe(finding)
    is_named = finding.subject in words.message or not finding.subject.startswith("/")
    message = words.message if is_named else f"{finding.subject}: {words.message}"
    severity: Severity = "error" if _is_grave(finding, wishes) else "warning"
    return Found(_line_of(ks, finding.subject), message, words.hint, severity, finding.code)


def _is_grave(finding: Finding, wishes: Wishes | None) -> bool:
    """Whether the installation stops or ends with no node: the add-on stops at each error, unless it only warns.

    Without it imgbase makes the volumes but /var automatically, if the pool has room (imgbased, plugins/osupdater.py).
    """
    if finding.severity != layout.ERROR:
        return False
    if wishes is not None:
        return wishes.findings != WARN
    return finding.subject == "/var" if finding.code == "volume-missing" else finding.code not in _UNCHECKED


# imgbase does not compare the sizes of volumes that are there, and goes on if the group has no room for metadata
# (imgbased, lvm.py: _resize_metadata).
_UNCHECKED = ("volume-small", "reserve-too-small")


def _as_grave(found: Found, wishes: Wishes | None) -> Found:
    is_unchecked = wishes is None and found.code in _UNCHECKED and found.severity == "error"
    return dataclasses.replace(found, severity="warning") if is_unchecked else found


# --- what is asked for, and what is made -----------------------------------------------------------------------------


def _wishes(ks: Kickstart) -> Wishes | None:
    """What the section of the add-on asks for; None without one that can be read."""
    return next((parsed.section for _, parsed in node_sections(ks) if not parsed.problems), None)


def _request(ks: Kickstart, wishes: Wishes | None) -> Request:
    """What the kickstart asks of its own layout: in its section, or by how it calls imgbase."""
    if wishes is not None:
        return wishes.request()
    return Request(layout=(MINIMAL if _is_minimal(ks) else STANDARD).name)


def _is_minimal(ks: Kickstart) -> bool:
    """Whether a script asks imgbase for /var alone: by its flag file, or as an argument of ksgen's hook."""
    scripts = [section for section in ks.all_sections("%post") if section.is_shell]
    lines = (text for section in scripts for _, text in section.shell)
    return any("/var/imgbased/.skip-volumes" in text or "--layout=minimal" in text for text in lines)


def _as_mounted(devices: tuple[Device, ...], wishes: Wishes | None) -> tuple[Device, ...]:
    """The add-on mounts thin volumes with discard where nothing is said against it (org_ovirt_node/gate.py)."""
    if wishes is None:
        return devices
    return tuple(
        dataclasses.replace(device, options=f"{device.options},discard")
        if device.options is not None and "nodiscard" not in device.options.split(",")
        else device
        for device in devices
    )


def _disks(ks: Kickstart, wishes: Wishes | None) -> Iterator[Finding]:
    """More disks than the section allows, where all of them are named."""
    if wishes is None or wishes.disks is None:
        return
    named = [str(value(command, "disk")) for command in ks.all("part", "partition") if value(command, "disk")]
    used = sorted({*(ks.only_use if not ks.all("part", "partition", "raid") else named)})
    kinds = {(comparable(disk) or "").rpartition("/")[0] for disk in used if comparable(disk)}
    if len(used) > wishes.disks and len(kinds) == 1 and all(comparable(disk) for disk in used):
        values = (("found", len(used)), ("disks", ", ".join(used)), ("wanted", wishes.disks))
        yield Finding("disks-more", layout.ERROR, "disk", values)


def _line_of(ks: Kickstart, subject: str) -> int:
    for command in ks.all("logvol", "part", "partition", "raid"):
        if value(command, "mountpoint") == subject:
            return command.line
    groups = {"pool": "logvol", "images": "logvol", "volume_group": "volgroup", "disk": "ignoredisk"}
    found = ks.all(groups.get(subject, "part"), "partition", "logvol", "raid", "volgroup", "autopart")
    pools = [c for c in found if value(c, "thin_pool")]
    sections = [section.line for section, _ in node_sections(ks)]
    return (pools or found)[0].line if found else next(iter(sections), 1)


CHECKS = (
    Check("node-autopart", "warning", autopart, "observed with Anaconda of EL9 and EL10"),
    Check("node-layout", "error", node_layout, "org_ovirt_node/layout/policy.py"),
)
