# SPDX-License-Identifier: GPL-2.0-or-later
"""Arguments of the kernel: of the installed system, and of the installer."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from ksgen.variables.values import Line, refuse, shown

KERNEL_LINE_LONGEST = 2047  # characters; COMMAND_LINE_SIZE of x86-64 and aarch64 with its NUL is 2048
KERNEL_LINE_CURE = "set module options in node_modules, and parameters in node_sysctl"
# Anaconda writes the arguments into /etc/default/grub between double quotes as they are (grub2.py), and a shell reads
# that file whenever GRUB is configured anew.
_NO_KERNEL_ARGUMENT = frozenset(" \t\n\r\v\f\"'`$\\")
_KERNEL_ARGUMENT = re.compile(r"[A-Za-z0-9_][^\s\"'`$\\]*")
# Arguments that never follow a comma inside of another one (the kernel's kernel-parameters.txt, dracut.cmdline(7)).
_AFTER_A_COMMA = re.compile(
    r",(?P<name>(?:intel_iommu|amd_iommu|iommu|console|crashkernel|fips|selinux|enforcing|audit|mitigations|hugepages|"
    r"hugepagesz|default_hugepagesz|isolcpus|nohz_full|rcu_nocbs|transparent_hugepage|numa_balancing|nmi_watchdog|"
    r"module_blacklist|processor\.max_cstate|intel_idle\.max_cstate|intel_pstate|pcie_aspm|biosdevname|panic|"
    r"rd\.[a-z.]+|inst\.[a-z.]+|net\.ifnames|kvm(?:_intel|_amd)?\.[a-z_]+|vfio[a-z_-]*\.[a-z_]+|modprobe\.blacklist|"
    r"systemd\.[a-z_.]+)=|(?:quiet|rhgb|nomodeset)(?=,|$))"
)


def split_words(value: object) -> Any:
    """Arguments of the kernel: one text with blanks, or a list."""
    return re.findall(r"[^ \t\n]+", value) if isinstance(value, str) else value


def _kernel_argument(value: str) -> str:
    """An argument is not quoted: it may be a password, or a part of one that was split at its blanks."""
    if not value.isascii() or not _KERNEL_ARGUMENT.fullmatch(value):
        wrong = next((c for c in value if not c.isascii() or c in _NO_KERNEL_ARGUMENT), None)
        found = f"contain {wrong!r}" if wrong else f"begin with {value[0]!r}" if value else "be empty"
        cure = "ASCII without spaces, quotes, backslashes, '$' and '`', each argument by itself"
        refuse("kernel-arg", f"an argument of the kernel cannot {found}", cure)
    return value


def _system_argument(value: str) -> str:
    name = value.partition("=")[0]
    if name in ("root", "rootflags", "img.bootid", "boot"):
        refuse("kernel-arg-reserved", f"{name}= is written by imgbase for each image", "remove it")
    if value == "selinux=0":
        cure = "set node_selinux: permissive"
        refuse("kernel-arg-reserved", "without SELinux a node cannot be updated", cure)
    if name.startswith("inst."):
        refuse(
            "kernel-arg-installer", f"{shown(name)} is an argument of the installer", "move it to node_installer_args"
        )
    return value


def _not_too_long(value: list[str]) -> list[str]:
    length = len(" ".join(value))
    if length > KERNEL_LINE_LONGEST:
        message = f"{length} characters exceed the {KERNEL_LINE_LONGEST} that a kernel reads"
        refuse("text-too-long", message, KERNEL_LINE_CURE)
    return value


def one_argument(value: Any) -> Any:
    """Commas join the values of one argument; the kernel does not split arguments there."""
    match = _AFTER_A_COMMA.search(value)
    if match:
        refuse("kernel-arg", f"{match['name']} follows a comma, and is read as a part of the argument before", _SPLIT)
    if value.endswith(","):
        refuse("kernel-arg", "an argument of the kernel ends with a comma", _SPLIT)
    return value


_SPLIT = "separate arguments by spaces, or write a list: [intel_iommu=on, iommu=pt]"
_Argument = Annotated[Line, AfterValidator(_kernel_argument), AfterValidator(one_argument)]
InstallerArguments = Annotated[list[_Argument], BeforeValidator(split_words), AfterValidator(_not_too_long)]
SystemArguments = Annotated[
    list[Annotated[_Argument, AfterValidator(_system_argument)]],
    BeforeValidator(split_words),
    AfterValidator(_not_too_long),
]
