# SPDX-License-Identifier: GPL-2.0-or-later
"""What makes a kickstart one of an oVirt Node: the image, the layout, and imgbase as the last step."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from pykickstart.constants import (
    AUTOPART_TYPE_BTRFS,
    AUTOPART_TYPE_LVM,
    AUTOPART_TYPE_PLAIN,
)

from ksgen.grammar import Check, Found, Kickstart, Section, init_line, value
from org_ovirt_node import layout
from org_ovirt_node.layout import MINIMAL, STANDARD, Request
from org_ovirt_node.section import NAME, Parsed, parse

_PAYLOAD = "pyanaconda, modules/payloads/payload/factory.py"


def sources(ks: Kickstart) -> Iterator[Found]:
    """Anaconda uses one source and silently ignores the others."""
    image = ks.first("liveimg")
    for command in ks.all("url", "nfs", "cdrom", "harddrive", "hmc") if image else ():
        message = f"{command.name} together with liveimg; Anaconda installs the image and reads nothing from the other"
        yield Found(command.line, message, "remove one of them")


def packages(ks: Kickstart) -> Iterator[Found]:
    if not ks.all("liveimg"):
        return
    for section in ks.all_sections("%packages"):
        if any(text.strip() and not text.lstrip().startswith("#") for _, text in section.lines):
            yield Found(section.line, "%packages together with liveimg; an image is installed as it is", "remove it")


def image_url(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("liveimg"):
        url = str(value(command, "url") or "")
        scheme = urlsplit(url).scheme if _can_be_split(url) else ""
        if scheme not in ("http", "https", "ftp", "file"):
            hint = "write http://, https://, ftp:// or file:// and the path of the image"
            yield Found(command.line, f"liveimg cannot read {url!r}", hint)


def _can_be_split(url: str) -> bool:
    try:
        return bool(urlsplit(url))
    except ValueError:
        return False


def checksum(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("liveimg"):
        given = str(value(command, "checksum") or "")
        if given and not re.fullmatch(r"[0-9a-fA-F]{64}", given):
            message = f"a checksum of {len(given)} characters; SHA-256 has 64 hex digits"
            yield Found(command.line, message, "take what sha256sum prints")


def not_verified(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("liveimg", "url", "repo"):
        if value(command, "noverifyssl"):
            message = "--noverifyssl: TLS is not verified; a man-in-the-middle could replace the image"
            yield Found(command.line, message, "give the installer the certificate: inst.ks.cert, %certificate")


# --- the first layer -------------------------------------------------------------------------------------------------


def _inits(ks: Kickstart) -> list[tuple[Section, int, str]]:
    found = ((section, init_line(section)) for section in ks.all_sections("%post"))
    return [(section, *row) for section, row in found if row is not None]


def imgbase_missing(ks: Kickstart) -> Iterator[Found]:
    if not ks.installs_node or not ks.is_whole or _inits(ks):
        return
    message = "no script calls imgbase: the machine boots a root without layers and cannot be updated"
    sections = _node_sections(ks)
    if sections:
        # What is wrong in a section is told for itself.
        if not any(parsed.problems or parsed.section.imgbase for _, parsed in sections):
            yield Found(sections[0][0].line, message, "leave --no-imgbase out")
        return
    image = ks.first("liveimg")
    if image is not None:
        yield Found(image.line, message, "let the last %post --erroronfail end with: imgbase layout --init")


def _node_sections(ks: Kickstart) -> list[tuple[Section, Parsed]]:
    """The sections of the node's add-on, read with its own code."""
    found = (section for section in ks.all_sections("%addon") if section.args[:1] == (NAME,))
    return [(section, parse(section.args[1:], section.body.split("\n"))) for section in found]


# What may follow without writing into the root that is no longer booted.
_HARMLESS = re.compile(
    r"\s*(?:echo|printf|sync|reboot|poweroff|shutdown|exit|true|logger|set|fi|done|esac|else|\}|\)|;;|"
    r"lvs|vgs|imgbase|nodectl|cat|date|umount|\|\||&&|then|sleep|END_OF_IMGBASE_PY)(?:\W|$)[^>]*$"
)


def _writes(lines: tuple[tuple[int, str], ...]) -> int | None:
    return next((number for number, text in lines if not _HARMLESS.match(text)), None)


def imgbase_last(ks: Kickstart) -> Iterator[Found]:
    inits = _inits(ks)
    if not inits:
        return
    section, line, _ = inits[0]
    hint = "imgbase layout --init is the last line of the last %post"
    message = "comes after imgbase: outside of /etc, /boot and /var it writes into a root that is never booted"
    own = _writes(tuple(row for row in section.shell if row[0] > line))
    if own is not None:
        yield Found(own, f"this {message}", hint)
    for other in ks.all_sections("%post"):
        if other.line > section.line and (not other.is_shell or _writes(other.shell) is not None):
            yield Found(other.line, f"this %post {message}", hint, "warning" if "--nochroot" in other.args else None)


def nodectl(ks: Kickstart) -> Iterator[Found]:
    for _, line, text in _inits(ks):
        if re.search(r"\bnodectl\b", text):
            message = "nodectl init reports a failure but exits with status 0"
            yield Found(line, message, "imgbase --debug layout --init")


def in_chroot(ks: Kickstart) -> Iterator[Found]:
    for section, line, text in _inits(ks):
        if "--nochroot" in section.args and "chroot" not in text:
            message = "imgbase in %post --nochroot works on the installer, not on the new system"
            yield Found(line, message, "leave --nochroot out")


# --- add-ons ---------------------------------------------------------------------------------------------------------

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
    for section, parsed in _node_sections(ks):
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
        elif not _node_sections(ks):
            message = (
                "autopart does not create /var unless the install tree contains the node's layout; imgbase then fails"
            )
            yield Found(command.line, message, "write part, volgroup and logvol commands, as ksgen does")


def node_layout(ks: Kickstart) -> Iterator[Found]:
    """The rules of the layout on the kickstart's own storage commands, under their own codes."""
    if not ks.installs_node or not ks.storage_is_known or not ks.devices or ks.all("autopart", "mount"):
        return
    findings = layout.check(ks.devices, _request(ks))
    # A pool that is promised twice has no room for an image either.
    follows = "cannot-update" if any(finding.code == "over-provisioned" for finding in findings) else ""
    for finding in findings:
        if finding.code == follows:
            continue
        words = layout.describe(finding)
        # imgbase makes the other volumes by itself where the pool has room (imgbased, plugins/osupdater.py)
        is_made = finding.code == "volume-missing" and finding.subject != "/var"
        is_error = finding.severity == layout.ERROR and not is_made
        line = _line_of(ks, finding.subject)
        is_named = finding.subject in words.message or not finding.subject.startswith("/")
        message = words.message if is_named else f"{finding.subject}: {words.message}"
        yield Found(line, message, words.hint, "error" if is_error else "warning", finding.code)


def _request(ks: Kickstart) -> Request:
    """What the kickstart asks of its own layout: in its section, or by how it calls imgbase."""
    sections = [parsed.section for _, parsed in _node_sections(ks) if not parsed.problems]
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
    Check("source-twice", "warning", sources, _PAYLOAD),
    Check("packages-with-image", "warning", packages, _PAYLOAD),
    Check("image-url", "error", image_url, "pyanaconda, modules/payloads/payload/live_image/utils.py"),
    Check("image-checksum", "error", checksum, "pyanaconda, payload_liveimg.py"),
    Check("tls-not-verified", "warning", not_verified, "CWE-295"),
    Check("imgbase-missing", "error", imgbase_missing, "imgbased, plugins/core.py"),
    Check("imgbase-not-last", "error", imgbase_last, "BZ1842484; Foreman pull request 8262"),
    Check("imgbase-nodectl", "warning", nodectl, "ovirt-node-ng, src/nodectl/initialize.py"),
    Check("imgbase-nochroot", "error", in_chroot, "pyanaconda, core/kickstart/scripts.py"),
    Check("addon-name", "warning", addon, "pykickstart, parser.py: NullSection"),
    Check("addon-section", "error", addon_section, "org_ovirt_node/section.py"),
    Check("node-autopart", "warning", autopart, "observed with Anaconda of EL9 and EL10"),
    Check("node-layout", "error", node_layout, "org_ovirt_node/layout/policy.py"),
)
