# SPDX-License-Identifier: GPL-2.0-or-later
"""Arguments of the installed kernel: memory for crash dumps, FIPS, SELinux."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ksgen.grammar import Check, Found, Kickstart, Section, value
from ksgen.lint.facts import mounted_at
from ksgen.variables import one_argument, refusal

_KERNEL = "kernel, Documentation/admin-guide/kdump/kdump.rst"
# What `kdumpctl get-default-crashkernel` prints on x86_64.
_DEFAULT = {"el9": "1G-4G:192M,4G-64G:256M,64G-:512M", "el10": "2G-64G:256M,64G-:512M"}
_RESERVE_MIN = 64 * 1024**2  # a kdump kernel with its initramfs does not start in less
_SIZE = r"(?:\d+|0x[0-9a-f]+)[kmgt]?"
_SIMPLE = re.compile(rf"({_SIZE})(?:@{_SIZE}|,(?:high|low|cma))?", re.IGNORECASE)
_RANGE = re.compile(rf"({_SIZE})-({_SIZE})?:({_SIZE})", re.IGNORECASE)
_UNITS = {"k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
_OFF = ("", "0", "0M", "no", "none", "off")
# By its own word; up to EL8 `auto` is right.
_OLDER = re.compile(r"^#\s*version\s*=\s*(?:RHEL|EL|CENTOS)?[3-8]\b", re.MULTILINE | re.IGNORECASE)
_ARGUMENT = re.compile(r"\bcrashkernel=([^\s\"'`;&|)]*)")


def arguments(ks: Kickstart) -> Iterator[tuple[int, str]]:
    """The words of `bootloader --append`, each with its line."""
    for command in ks.all("bootloader"):
        for word in str(value(command, "appendLine") or "").split():
            yield command.line, word


def crashkernel(ks: Kickstart) -> Iterator[Found]:
    given = [(line, word.partition("=")[2]) for line, word in arguments(ks) if word.startswith("crashkernel=")]
    given += [row for section in ks.all_sections("%post") for row in _in_script(section)]
    if _OLDER.search(ks.text):
        return
    default = f"crashkernel={_DEFAULT[ks.release]}"
    for line, reserve in given:
        if reserve == "auto":
            yield Found(line, "crashkernel=auto: kernels since EL9 reserve nothing for it", default)
        elif (what := _what_is_wrong(reserve)) and not re.search(r"[$<{%]", reserve):
            yield Found(line, f"crashkernel={reserve}: {what}", default)


def _in_script(section: Section) -> Iterator[tuple[int, str]]:
    if "crashkernel=" in section.body and section.is_shell:
        for line, text in section.shell:
            if re.search(r"\b(?:grubby|kernelopts|GRUB_CMDLINE_LINUX)\b", text) and "remove-args" not in text:
                yield from ((line, match.group(1)) for match in _ARGUMENT.finditer(text))


def _what_is_wrong(reserve: str) -> str:
    """Why the kernel reserves nothing, or too little."""
    if reserve in _OFF:
        return ""
    simple = _SIMPLE.fullmatch(reserve)
    if simple:
        is_low = reserve.lower().endswith(",low")
        return "" if is_low or _bytes(simple.group(1)) >= _RESERVE_MIN else _too_small(simple.group(1))
    ranges, _, offset = reserve.partition("@")
    rows = [_RANGE.fullmatch(part) for part in ranges.split(",")]
    if None in rows or (offset and not re.fullmatch(_SIZE, offset, re.IGNORECASE)):
        return "not a size with its unit, and not ranges of memory with sizes"
    for row in (row for row in rows if row):
        start, end, size = row.groups()
        if end and _bytes(end) <= _bytes(start):
            return f"the range {start}-{end} is empty"
        if 0 < _bytes(size) < _RESERVE_MIN:
            return _too_small(size)
    return ""


def _too_small(size: str) -> str:
    return f"{size} is too small for a dump kernel" if size[-1:].isalpha() else f"{size} bytes; the unit is missing"


def _bytes(size: str) -> int:
    unit = _UNITS.get(size[-1:].lower(), 1)
    digits = size if unit == 1 else size[:-1]
    return int(digits, 16 if digits.lower().startswith("0x") else 10) * unit


def glued(ks: Kickstart) -> Iterator[Found]:
    """Two arguments with a comma between them are one to the kernel."""
    for line, word in arguments(ks):
        refused = refusal(one_argument, word)
        if refused:
            yield Found(line, refused.message, 'separate arguments by spaces: --append="a=1 b=2"')


def of_installer(ks: Kickstart) -> Iterator[Found]:
    for line, word in arguments(ks):
        if word.startswith("inst."):
            name = word.partition("=")[0]
            yield Found(line, f"{name} is an argument of the installer", "remove it, or boot the installer with it")


def fips_late(ks: Kickstart) -> Iterator[Found]:
    """The installer's own `fips=1` makes a system for it, and tells dracut where /boot is."""
    words = {word: line for line, word in arguments(ks)}
    has_boot = mounted_at(ks, "/boot") or ks.all("autopart") or any(value(c, "addBoot") for c in ks.all("reqpart"))
    is_set_up = any("fips-mode-setup" in section.body for section in ks.all_sections("%post"))
    if "fips=1" not in words or ks.installs_node or not has_boot or is_set_up:
        return
    if not any(word.startswith("boot=") for word in words):
        message = "fips=1 for the installed kernel alone, with /boot of its own: dracut stops, as boot= is missing"
        yield Found(words["fips=1"], message, "boot the installer with fips=1; it sets up FIPS and adds boot=")


def selinux_off(ks: Kickstart) -> Iterator[Found]:
    """imgbase labels layers with SELinux, and the hook refuses a system without it."""
    if not ks.installs_node:
        return
    for command in ks.all("selinux"):
        if value(command, "selinux") == 0:
            yield Found(command.line, "SELinux is disabled; a node needs it enforcing", "selinux --enforcing")
    for line, word in arguments(ks):
        if word == "selinux=0":
            yield Found(line, "selinux=0 disables SELinux; a node needs it enforcing", "remove it")


CHECKS = (
    Check("crashkernel", "warning", crashkernel, _KERNEL),
    Check("kernel-arg", "warning", glued, "kernel, Documentation/admin-guide/kernel-parameters.rst"),
    Check("kernel-arg-installer", "warning", of_installer, "Anaconda, boot options"),
    Check("fips-late", "warning", fips_late, "dracut, modules.d/01fips/fips.sh; fips-mode-setup(8)"),
    Check("selinux-off", "error", selinux_off, "imgbased, plugins/osupdater.py"),
)
