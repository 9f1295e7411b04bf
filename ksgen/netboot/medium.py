# SPDX-License-Identifier: GPL-2.0-or-later
"""What is on the virtual medium of an armed host: kernel, initrd, command line, and the boot loaders.

It needs neither DHCP nor TFTP: the network of the installer is that of the inventory. The boot loaders are those of the
install tree, so that Secure Boot works, or of Debian.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ksgen import iso
from ksgen.host import Host
from ksgen.netboot import bootargs
from ksgen.netboot.arming import Arming
from ksgen.netboot.bootfiles import KERNEL_FILES, LOCAL_LOADERS
from ksgen.netboot.boottemplates import BootTemplates, Words
from ksgen.netboot.boottree import Loader, missing_loader, placed
from ksgen.problems import Problem

# The names that the firmware looks for on a medium (UEFI 2.10, 3.5.1.1), and those of GRUB that shim then starts.
_TREE_UEFI = (("EFI/BOOT/BOOTX64.EFI", "EFI/BOOT/BOOTX64.EFI"), ("EFI/BOOT/grubx64.efi", "EFI/BOOT/grubx64.efi"))
_DEBIAN_UEFI = (
    Loader("EFI/BOOT/BOOTX64.EFI", ("usr/lib/shim/shimx64.efi.signed",), "shim-signed (Debian)"),
    Loader(
        "EFI/BOOT/grubx64.efi",
        ("usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed",),
        "grub-efi-amd64-signed (Debian), or specify the install tree with --tree",
    ),
)
_BIOS = (
    Loader(
        "isolinux/isolinux.bin",
        ("usr/lib/ISOLINUX/isolinux.bin", "usr/share/syslinux/isolinux.bin"),
        "isolinux (Debian), syslinux (EL)",
    ),
    Loader(
        "isolinux/ldlinux.c32",
        ("usr/lib/syslinux/modules/bios/ldlinux.c32", "usr/share/syslinux/ldlinux.c32"),
        "syslinux-common (Debian), syslinux (EL)",
    ),
)
# By this file Debian's GRUB for CDs finds its medium, and then reads /boot/grub/grub.cfg.
_DEBIAN_MARK = ".disk/info"


def boot_medium(
    host: Host,
    arming: Arming,
    directory: Path,
    tree: Path | None,
    templates: BootTemplates,
    system: Path = Path("/"),
) -> tuple[iso.BootMedium | None, tuple[Problem, ...]]:
    """The medium, None where a boot loader is missing. Raises what a template can raise.

    `directory` is the published tree, which has the kernel; `tree` the install tree of the host's release; `system` the
    root below which the packages' files are looked up.
    """
    firmware = host.settings.firmware
    problems = list(bootargs.problems(host))
    efi, missing = _uefi(tree, system) if firmware != "bios" else ({}, [])
    problems += missing
    bios, missing = _packaged(_BIOS, system) if firmware != "uefi" else ({}, [])
    problems += missing
    if any(problem.severity == "error" for problem in problems):
        return None, tuple(problems)
    kernel, initrd = KERNEL_FILES
    values = {
        "arming": arming,
        "note": Words(f"{host.name} is installed once, until {arming.until:%Y-%m-%dT%H:%M:%SZ}."),
        "arguments": bootargs.kernel_arguments(host, arming.token, is_on_medium=True),
        "kernel": f"/boot/{kernel}",
        "initrd": f"/boot/{initrd}",
    }
    files: dict[str, Path | bytes] = {
        f"boot/{name}": directory / "boot" / host.settings.release / name for name in KERNEL_FILES
    }
    files |= bios
    if bios:
        files["isolinux/isolinux.cfg"] = templates.render("pxelinux.j2", **values).encode()
    if efi:
        begin = templates.render("grub-medium.j2", label=iso.LABEL).encode()
        efi["EFI/BOOT/grub.cfg"] = begin
        files |= {
            _DEBIAN_MARK: b"ksgen\n",
            "boot/grub/grub.cfg": begin,
            "grub/host.cfg": templates.render("grub-host.j2", **values).encode(),
            "grub/local.cfg": templates.render("grub-local.j2", loaders=LOCAL_LOADERS).encode(),
        }
    return iso.BootMedium(files, efi), tuple(problems)


def _uefi(tree: Path | None, system: Path) -> tuple[dict[str, Path | bytes], list[Problem]]:
    """shim and GRUB of the distribution whose kernel they are to trust, otherwise Debian's."""
    if tree is not None and all((tree / place).is_file() for _, place in _TREE_UEFI):
        return {target: tree / place for target, place in _TREE_UEFI}, []
    return _packaged(_DEBIAN_UEFI, system)


def _packaged(loaders: Iterable[Loader], system: Path) -> tuple[dict[str, Path | bytes], list[Problem]]:
    found: dict[str, Path | bytes] = {}
    problems = []
    for loader in loaders:
        source = placed(loader, system)
        if source is None:
            problems.append(missing_loader(system / loader.places[0], loader))
        else:
            found[loader.target] = source
    return found, problems
