# SPDX-License-Identifier: GPL-2.0-or-later
"""The layout of a plain EL host of oVirt, by the sizes that its documentation recommends: all of it is advice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pykickstart.constants import AUTOPART_TYPE_LVM_THINP

from ksgen.grammar import Check, Found, Kickstart, value
from ksgen.lint.facts import mounted_at
from ksgen.problems import Severity
from org_ovirt_node import layout
from org_ovirt_node.layout import HOST, Finding, Request, size_text

_COMMANDS = "part, volgroup and logvol commands"
# What is a rule of plain volumes, or of any pool. Others are about images, or whether the machine boots at all, which
# has checks for every machine.
_ADVICE = frozenset((
    "boot-large", "boot-small", "host-root-small", "host-volume-small", "over-provisioned", "swap-thin", "volume-small",
))  # fmt: skip
_MISSING = "host-volume-missing"


def autopart(ks: Kickstart) -> Iterator[Found]:
    """Anaconda's own has / and /home (data/anaconda.conf); an install tree with a product of its own may have more."""
    for command in ks.all("autopart"):
        message = f"autopart does not create /var; the oVirt documentation recommends {_sizes(dict(HOST.volumes))}"
        yield Found(command.line, message, f"write {_COMMANDS}")


def thin(ks: Kickstart) -> Iterator[Found]:
    """Of the system alone: pools for Gluster's bricks and the like are its users' own affair."""
    message = "a thin pool for the system; nothing takes snapshots of a plain host, and a pool that is full stops it"
    for command in ks.all("autopart"):
        if value(command, "type") == AUTOPART_TYPE_LVM_THINP:
            yield Found(command.line, message, f"write {_COMMANDS} without --thinpool")
    root = mounted_at(ks, "/")
    pool = value(root, "pool_name") if root and value(root, "thin_volume") else None
    for command in ks.all("logvol") if pool else ():
        if value(command, "thin_pool") and value(command, "name") == pool:
            yield Found(command.line, message, "leave it out, and --thin and --poolname of its volumes")


def host_layout(ks: Kickstart) -> Iterator[Found]:
    """The rules of the layout on what the kickstart makes, under their own codes."""
    if not ks.devices or not ks.storage_is_known or ks.all("mount", "autopart"):
        return
    findings = layout.check(ks.devices, Request(layout=HOST.name))
    yield from _missing(ks, [finding for finding in findings if finding.code == _MISSING])
    for finding in findings:
        if finding.code in _ADVICE:
            words = layout.describe(finding)
            # What the documentation asks for is 1 GiB; more is for the third kernel.
            severity: Severity = "note" if finding.code == "boot-small" else "warning"
            message = f"{finding.subject}: {words.message}"
            yield Found(_line_of(ks, finding.subject), message, words.hint, severity, finding.code)


def _missing(ks: Kickstart, findings: Sequence[Finding]) -> Iterator[Found]:
    """In one: mostly it is a root that holds everything. Of volumes below a /var of its own it is a note."""
    if not findings or not ks.is_installation or mounted_at(ks, "/") is None:
        return
    sizes = {finding.subject: dict(HOST.volumes)[finding.subject] for finding in findings}
    is_one = len(sizes) == 1
    message = f"{', '.join(sizes)} {'is not a separate volume' if is_one else 'are not separate volumes'}"
    message += f"; the oVirt documentation recommends {_sizes(sizes)}"
    which = "it as a logical volume" if is_one else "them as logical volumes"
    hint = f"add {which}, or leave as much to the volume above"
    yield Found(_line_of(ks, "/"), message, hint, "warning" if "/var" in sizes else "note", _MISSING)


def _sizes(sizes: dict[str, int]) -> str:
    return ", ".join(f"{mount_point} of {size_text(size)}" for mount_point, size in sizes.items())


def _line_of(ks: Kickstart, subject: str) -> int:
    """The line of a mount point; of what is none, and of what is made without a line of its own, the first."""
    command = mounted_at(ks, subject) or mounted_at(ks, "/") or ks.first("logvol", "part", "partition", "raid")
    return command.line if command else 1


CHECKS = (
    Check("host-autopart", "warning", autopart, "ovirt-site, Host Storage Requirements; observed with EL9 and EL10"),
    Check("host-thin-pool", "note", thin, "vdsm issue 468; lvmthin(7)"),
    Check("host-layout", "warning", host_layout, "org_ovirt_node/layout/policy.py"),
)
