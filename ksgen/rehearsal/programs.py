# SPDX-License-Identifier: GPL-2.0-or-later
"""The programs and firmware that a rehearsal runs, where they are, and the packages that have them."""

from __future__ import annotations

import dataclasses
import functools
import os
import re
import shutil
import subprocess
from collections.abc import Collection
from pathlib import Path

# EL has its QEMU outside of PATH.
_QEMU = ("qemu-system-x86_64", "/usr/libexec/qemu-kvm")
_QEMU_OLDEST = (7, 2)  # -netdev dgram
# UEFI for QEMU: code and an empty memory, of Debian, Fedora and EL, openSUSE.
_UEFI = (
    ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
    ("/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"),
    ("/usr/share/qemu/ovmf-x86_64-4m-code.bin", "/usr/share/qemu/ovmf-x86_64-4m-vars.bin"),
)
# Program or firmware: its package in Debian, in EL.
PACKAGES = {
    "qemu-system-x86_64": ("qemu-system-x86", "qemu-kvm"),
    "UEFI firmware": ("ovmf", "edk2-ovmf"),
    "ip": ("iproute2", "iproute"),
    "unshare": ("util-linux", "util-linux"),
    "nsenter": ("util-linux", "util-linux-core"),
    "setpriv": ("util-linux", "util-linux"),
    "sleep": ("coreutils", "coreutils"),
    "timeout": ("coreutils", "coreutils"),
    "nginx": ("nginx", "nginx"),
    "dnsmasq": ("dnsmasq-base", "dnsmasq"),
    "openssl": ("openssl", "openssl"),
    "xorriso": ("xorriso", "xorriso"),
}


class Missing(Exception):
    """A program or firmware is not on this machine; the text says which, and what to install."""


@dataclasses.dataclass(frozen=True)
class Uefi:
    """The files of a UEFI for QEMU."""

    code: Path
    variables: Path


def located(name: str) -> str | None:
    """The path of a program, also of those in directories that only root has in PATH; of a file, the file."""
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
    return shutil.which(name, path=path) or (name if name.startswith("/") and os.path.exists(name) else None)


def required(name: str) -> str:
    """The path of a program. Raises Missing."""
    found = qemu() if name == _QEMU[0] else located(name)
    if found is None:
        raise Missing(missing_text(name))
    return found


def missing_text(name: str) -> str:
    """What is missing, and which package has it."""
    debian, el = PACKAGES[name]
    return f"{name} is not installed; package {debian} (Debian), {el} (EL)"


def missing(names: Collection[str]) -> list[str]:
    """What of these is not on this machine, or too old, in words."""
    found = [missing_text(name) for name in PACKAGES if name in names and not _is_there(name)]
    own = qemu() if _QEMU[0] in names else None
    wrong = too_old(version_text(own)) if own else None
    return [*found, *([wrong] if wrong else [])]


def _is_there(name: str) -> bool:
    if name == "UEFI firmware":
        return uefi() is not None
    return (qemu() if name == _QEMU[0] else located(name)) is not None


def qemu() -> str | None:
    """The path of QEMU for x86-64."""
    return next(filter(None, map(located, _QEMU)), None)


def uefi() -> Uefi | None:
    """The first UEFI for QEMU that is installed."""
    found = (Uefi(Path(code), Path(variables)) for code, variables in _UEFI)
    return next((one for one in found if one.code.exists() and one.variables.exists()), None)


def too_old(version_text: str) -> str | None:
    """What is wrong with a QEMU that says this of itself, None if nothing is."""
    found = re.search(r"version (\d+)\.(\d+)", version_text)
    if found and (int(found[1]), int(found[2])) >= _QEMU_OLDEST:
        return None
    what = f"QEMU {found[1]}.{found[2]}" if found else "a QEMU that does not say its version"
    return f"{what} is installed; {'.'.join(map(str, _QEMU_OLDEST))} is required"


def version_text(qemu: str) -> str:
    """What a QEMU says of its version."""
    return subprocess.run([qemu, "--version"], capture_output=True, text=True, check=False).stdout


@functools.cache
def devices(qemu: str) -> frozenset[str]:
    """The devices that a QEMU has: those of distributions leave some out. Empty if it does not run."""
    done = subprocess.run([qemu, "-device", "help"], capture_output=True, text=True, check=False)
    names = (line.split('"')[1] for line in done.stdout.splitlines() if line.startswith('name "'))
    return frozenset(names)
