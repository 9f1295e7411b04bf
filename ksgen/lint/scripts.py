# SPDX-License-Identifier: GPL-2.0-or-later
"""Scripts: what pykickstart cuts off, what fails in silence, what the shell does not take."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ksgen.grammar import SECTIONS, Check, Found, Kickstart, Section
from ksgen.lint import chroot, passwords, prewritten, textlines
from ksgen.redaction import HASH, Span, secrets

_PARSER = "pykickstart, parser.py: _readSection"


def carriage_return(ks: Kickstart) -> Iterator[Found]:
    if "\r\n" not in ks.text:
        return
    for section in ks.scripts:
        if "\r" in section.body:
            yield Found(section.line, "lines of this script end in CR LF, which a shell does not support", "dos2unix")


def erroronfail(ks: Kickstart) -> Iterator[Found]:
    for section in ks.all_sections("%post"):
        if "--erroronfail" not in section.args and section.body.strip():
            message = "%post without --erroronfail: its failure does not stop the installation"
            yield Found(section.line, message, "%post --erroronfail", None if ks.installs_node else "note")


def section_word(ks: Kickstart) -> Iterator[Found]:
    """A section that ends, or begins, in the middle of a script."""
    for number, section in enumerate(ks.sections):
        if not section.body and section.end is not None:
            continue
        following = ks.sections[number + 1] if number + 1 < len(ks.sections) else None
        word = section.open_here_document if section.is_shell and section.kind in _SCRIPTS else None
        if section.end is not None and word:
            message = f"%end ends the script here, in the middle of a here-document that waits for {word}"
            yield Found(section.end, message, "write the line in another way: printf '%%end\\n'")
        elif section.end is None and following is not None and section.kind in _SCRIPTS:
            message = f"{following.kind} begins a section here; the {section.kind} above it has no %end yet"
            yield Found(following.line, message, "end the script with %end, or begin the line with something else")


_SCRIPTS = SECTIONS - {"%addon", "%anaconda", "%packages", "%certificate"}


def include_inside(ks: Kickstart) -> Iterator[Found]:
    """What is left of %include here was not read; in a here-document it was not meant for this file."""
    for section in ks.scripts:
        if "%include" not in section.body:
            continue
        shell = {number for number, _ in section.shell}
        for number, text in section.lines:
            if text.split()[:1] == ["%include"] and number not in shell:
                message = "Anaconda processes %include in a here-document too"
                yield Found(number, message, "write the line in another way: printf '%%include %s\\n' FILE")


def shebang(ks: Kickstart) -> Iterator[Found]:
    for section in ks.scripts:
        match = re.match(r"\s*#! *(\S+)(?: +(\S+))?", section.body)
        if match is None or not section.is_shell or "--interpreter" in " ".join(section.args):
            continue
        program = match.group(2) if match.group(1).endswith("/env") and match.group(2) else match.group(1)
        if program.rpartition("/")[2] not in ("sh", "bash", "dash"):
            message = f"the script names {program}, but Anaconda runs it with /bin/sh"
            yield Found(section.line, message, f"{section.kind} --interpreter={match.group(1)}")


# --- disks -----------------------------------------------------------------------------------------------------------

_WIPES = re.compile(
    r"\b(?:wipefs\b|blkdiscard\b|vgremove\b|pvremove\b|lvremove\b|sgdisk\b[^\n|;]*(?:-Z|--zap)|"
    r"dd\b[^\n|;]*\bof=\S*[$/]|mdadm\b[^\n|;]*--zero-superblock|parted\b[^\n|;]*\bmklabel|mkfs\b|shred\b)"
)
_WIPING = ("wipefs", "blkdiscard", "remove", "sgdisk", "dd ", "zero-superblock", "mklabel", "mkfs", "shred")
# What gives the names of all disks, groups or volumes that the installer sees.
_ALL_DISKS = re.compile(
    r"\b(?:lsblk|list-harddrives|vgs|pvs|lvs|vgscan|pvscan|fdisk\s+-l|get_all_disks|blkid)\b|"
    r"/dev/(?:sd|vd|hd|nvme|disk/by-[a-z]+/|mapper/)\S*[*?\[]|/sys/(?:class/)?block/|/proc/partitions"
)
_NARROWED = re.compile(r"\b(?:lsblk|vgs|pvs|blkid)\b[^\n|;)]*\s(?:\"?\$\{?\w|/dev/\w)")


def wiped_by_script(section: Section) -> int | None:
    """The line of a %pre in which a loop over all disks wipes, or None."""
    if not any(word in section.body for word in _WIPING) or not section.is_shell:
        return None
    depth, everything = 0, False
    for number, text in section.shell:
        names_all = bool(_ALL_DISKS.search(text)) and not _NARROWED.search(text)
        if re.search(r"\b(?:for|while)\b", text):
            depth += 1
            everything = everything or names_all
        is_loop = (depth and everything) or (names_all and re.search(r"\bxargs\b|\$\(|`|[*?]", text))
        if is_loop and _WIPES.search(text):
            return number
        if re.search(r"\bdone\b", text):
            depth = max(0, depth - 1)
            everything = everything and depth > 0
    return None


def pre_wipes(ks: Kickstart) -> Iterator[Found]:
    for section in ks.all_sections("%pre"):
        line = wiped_by_script(section)
        if line is not None:
            message = "wipes every disk that the installer sees, including the LUNs of a SAN"
            hint = "wipe the one disk that is meant, by its link below /dev/disk/by-id"
            yield Found(line, message, hint, "error" if ks.installs_node else None)


def secret(ks: Kickstart) -> Iterator[Found]:
    """The first secret of each script. A hash is not counted."""
    for section in ks.scripts:
        # What follows the prompt of read (bash(1)) is asked for in the installer.
        lines = ["" if _ASKS.search(text) else text for text in section.body.split("\n")]
        for (number, text), spans in zip(section.lines, secrets(lines), strict=True):
            if any(span.label != HASH and _is_secret(text, span) for span in spans):
                message = "a password, key or token in this script can be read by everybody who reads the kickstart"
                yield Found(number, message, "let the script fetch it when it runs, or set it after the installation")
                break


_ASKS = re.compile(r"\bread\b[^|;&]*\s-[a-z]*p\b")
_SUDOERS = re.compile(r"(?:NO)?PASSWD:\s*$")
_NO_SECRET = re.compile(r"[!*]*(?:locked|lock|disabled?)?", re.IGNORECASE)


def _is_secret(line: str, span: Span) -> bool:
    """Whether a word is one that redaction hides for more than its place: no hash with escaped dollar signs, no word
    that locks an account, no command behind a tag of sudoers(5)."""
    bare = line[span.start : span.end].strip().strip("'\"").replace("\\", "")
    is_hash = passwords.form(bare) in (passwords.Form.HASH, passwords.Form.WEAK_HASH)
    return not (is_hash or _NO_SECRET.fullmatch(bare) or _SUDOERS.search(line[: span.start]))


CHECKS = (
    *textlines.CHECKS,
    Check("script-line-ends", "warning", carriage_return, "POSIX, Shell Command Language, 2.3"),
    Check("post-without-erroronfail", "warning", erroronfail, "BZ1842484; ovirt-site, Installing Hosts"),
    Check("section-word-inside", "error", section_word, _PARSER),
    Check("include-inside", "warning", include_inside, _PARSER),
    Check("script-secret", "warning", secret, "CWE-256"),
    Check("script-shebang", "warning", shebang, "pyanaconda, core/kickstart/scripts.py"),
    *chroot.CHECKS,
    *prewritten.CHECKS,
    Check("pre-wipes-disks", "warning", pre_wipes, "wipefs(8), vgremove(8)"),
)
