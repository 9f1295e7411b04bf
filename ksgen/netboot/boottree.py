# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernels, initrds and boot loaders: which files the published tree needs, where they come from, what is missing.

`copies` decides, `staged` copies.
"""

from __future__ import annotations

import contextlib
import dataclasses
import filecmp
import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from ksgen.host import Host
from ksgen.media import KERNEL
from ksgen.problems import Mark, Problem, Severity

# Machines that boot over the network read them without authentication.
_MODE = 0o644


@dataclasses.dataclass(frozen=True, order=True)
class Copy:
    """A file for the published tree: its path below out/, and the file it is a copy of."""

    target: str
    source: Path


@dataclasses.dataclass(frozen=True)
class Loader:
    """A file of a package: its paths in the distributions, and the names of the package."""

    target: str
    places: tuple[str, ...]
    packages: str
    severity: Severity = "error"


_BIOS = (
    # Not pxelinux.0, which reads TFTP alone and so cannot ask the web server whether an arming has ended.
    Loader(
        "lpxelinux.0",
        ("usr/lib/PXELINUX/lpxelinux.0", "tftpboot/lpxelinux.0", "usr/share/syslinux/lpxelinux.0"),
        "pxelinux (Debian), syslinux-tftpboot (EL)",
    ),
    Loader(
        "ldlinux.c32",
        ("usr/lib/syslinux/modules/bios/ldlinux.c32", "tftpboot/ldlinux.c32", "usr/share/syslinux/ldlinux.c32"),
        "syslinux-common (Debian), syslinux-tftpboot (EL)",
    ),
)
# For UEFI with a DHCP proxy, and for NICs on which PXELINUX does not work.
_IPXE = (
    Loader(
        "undionly.kpxe",
        ("usr/lib/ipxe/undionly.kpxe", "usr/share/ipxe/undionly.kpxe"),
        "ipxe (Debian), ipxe-bootimgs-x86 (EL)",
        "warning",
    ),
    Loader(
        "ipxe.efi",
        # The one that uses the firmware's own driver: a whole ipxe.efi takes the NIC over, and QEMU's OVMF hung when it
        # was released.
        ("usr/lib/ipxe/snponly.efi", "usr/share/ipxe/ipxe-snponly-x86_64.efi"),
        "ipxe (Debian), ipxe-bootimgs-x86 (EL)",
        "warning",
    ),
)
# Without a tree that has them: Debian's. Its signed GRUB has no http of its own and loads it beside its configuration,
# which Secure Boot forbids; nor would Debian's shim trust the kernel of another distribution.
_DEBIAN_UEFI = (
    Loader("shimx64.efi", ("usr/lib/shim/shimx64.efi.signed",), "shim-signed (Debian)"),
    Loader(
        "grubx64.efi",
        ("usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed",),
        "grub-efi-amd64-signed (Debian)",
    ),
    Loader("grub/x86_64-efi/http.mod", ("usr/lib/grub/x86_64-efi/http.mod",), "grub-efi-amd64-bin (Debian)"),
)
_TREE_UEFI = (("shimx64.efi", "EFI/BOOT/BOOTX64.EFI"), ("grubx64.efi", "EFI/BOOT/grubx64.efi"))
# Other files that the installer fetches from the tree (Anaconda's dracut/anaconda-lib.sh reads .treeinfo first).
_STAGE2 = (".treeinfo", "images/install.img")


def needed(
    releases: Collection[str], trees: Mapping[str, Path], system: Path = Path("/")
) -> tuple[tuple[Copy, ...], list[Problem]]:
    """The files for hosts of these releases, and those that are missing.

    `trees` has the directory of each release's install tree: a mounted or copied DVD. `system` is the root below which
    the packages' files are looked up.
    """
    files: list[Copy] = []
    problems: list[Problem] = []
    for release in sorted(releases):
        of_tree, missing = _of_tree(release, trees.get(release))
        files += of_tree
        problems += missing
    uefi = next(filter(None, (_tree_loaders(trees[r]) for r in sorted(releases) if r in trees)), None)
    files += uefi or ()
    for loader in (*_BIOS, *(() if uefi else _DEBIAN_UEFI), *_IPXE):
        source = placed(loader, system)
        if source is None:
            problems.append(missing_loader(system / loader.places[0], loader))
        else:
            files.append(Copy(loader.target, source))
    return tuple(sorted(files)), problems


def copies(
    hosts: Sequence[Host], trees: Mapping[str, Path], is_named: bool = True
) -> tuple[tuple[Copy, ...], list[Problem]]:
    """Kernels and loaders for the releases that have an install tree; nothing without one.

    Problems are warnings unless a tree `is_named`: an earlier run has copied the files that are missing now.
    """
    releases = {host.settings.release for host in hosts} & trees.keys()
    files, problems = needed(releases, trees) if releases else ((), [])
    return files, problems if is_named else [dataclasses.replace(problem, severity="warning") for problem in problems]


def missing_kernels(hosts: Iterable[Host], directory: Path, releases: Collection[str] = ()) -> list[Problem]:
    """Kernels that armed hosts need and that are missing; those of `releases` are being copied by this run."""
    problems = []
    for release in sorted({host.settings.release for host in hosts} - set(releases)):
        path = directory / "boot" / release / KERNEL[0][0]
        if not path.is_file():
            hint = f"specify its install tree: --tree {release}=DIR"
            problems.append(
                Problem(
                    "boot-file-missing", f"no kernel for {release} in the published tree", Mark(str(path), 1), hint=hint
                )
            )
    return problems


def _of_tree(release: str, tree: Path | None) -> tuple[list[Copy], list[Problem]]:
    if tree is None:
        message = f"no source for the kernel and initrd of {release}"
        hint = f"specify the directory of its install tree: the DVD, mounted or copied, with {KERNEL[0][1]}"
        return [], [Problem("boot-file-missing", message, Mark(f"boot/{release}", 1), hint=hint)]
    problems = []
    for path in (*(place for _, place in KERNEL), *_STAGE2):
        if not (tree / path).is_file():
            # `cp -a dvd/* dir` does not copy .treeinfo, as the shell's `*` does not match it.
            hint = "mount the DVD, or copy all of it: cp -a DVD/. DIRECTORY"
            message = f"not found in the install tree of {release}"
            problems.append(Problem("boot-file-missing", message, Mark(str(tree / path), 1), hint=hint))
    copies = [Copy(f"boot/{release}/{name}", tree / place) for name, place in KERNEL if (tree / place).is_file()]
    return copies, problems


def _tree_loaders(tree: Path) -> tuple[Copy, ...]:
    """shim and GRUB of the distribution whose kernel they are to trust, if the tree has both."""
    copies = tuple(Copy(target, tree / place) for target, place in _TREE_UEFI)
    return copies if all(copy.source.is_file() for copy in copies) else ()


def placed(loader: Loader, system: Path) -> Path | None:
    """Where a loader is installed."""
    return next((path for place in loader.places if (path := system / place).is_file()), None)


def missing_loader(path: Path, loader: Loader) -> Problem:
    message = f"not found; required for {loader.target}"
    hint = f"install {loader.packages}"
    return Problem("boot-file-missing", message, Mark(str(path), 1), severity=loader.severity, hint=hint)


def changed(copies: Iterable[Copy], directory: Path) -> Iterator[Copy]:
    """Those whose target is missing or differs. Raises OSError."""
    for copy in copies:
        target = directory / copy.target
        if not target.is_file() or not filecmp.cmp(copy.source, target):
            yield copy


class Staging:
    """Copies under temporary names beside their targets; `placed` are the targets that have been replaced."""

    def __init__(self, directory: Path) -> None:
        self.placed: list[str] = []
        self._directory = directory
        self._waiting: dict[Path, str] = {}
        self._made: set[Path] = set()

    def add(self, copy: Copy) -> None:
        target = self._directory / copy.target
        self._made |= {parent for parent in (target.parent, *target.parent.parents) if not parent.exists()}
        target.parent.mkdir(parents=True, exist_ok=True)
        # A killed run may have left a file of this name.
        scratch = target.with_name(f".{target.name}.new")
        scratch.unlink(missing_ok=True)
        self._waiting[scratch] = copy.target
        _copy(copy.source, scratch)

    def put(self) -> None:
        """Rename all copies to their targets."""
        for scratch, name in list(self._waiting.items()):
            os.replace(scratch, self._directory / name)
            self.placed.append(self._waiting.pop(scratch))

    def give_up(self) -> None:
        """Remove what has not been put in place."""
        for scratch in self._waiting:
            scratch.unlink(missing_ok=True)
        if not self.placed:
            for parent in sorted(self._made, reverse=True):
                with contextlib.suppress(OSError):  # something is in it
                    parent.rmdir()


@contextlib.contextmanager
def staged(copies: Iterable[Copy], directory: Path) -> Iterator[Staging]:
    """Copy what has changed, which needs disk space and can fail; `put` moves it into place, otherwise it is removed.

    Let one run at a time do this. Raises OSError.
    """
    staging = Staging(directory)
    try:
        for copy in changed(copies, directory):
            staging.add(copy)
        yield staging
    finally:
        staging.give_up()


def _copy(source: Path, target: Path) -> None:
    """A copy on the disk, with the time of the source: filecmp then sees by size and time that nothing has changed."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with source.open("rb") as original, os.fdopen(os.open(target, flags, _MODE), "wb") as file:
        shutil.copyfileobj(original, file)
        file.flush()
        os.fchmod(file.fileno(), _MODE)
        os.fsync(file.fileno())
    status = source.stat()
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))


def put_in_place(copies: Iterable[Copy], directory: Path) -> tuple[str, ...]:
    """Copy what has changed, all of it or nothing; returns the targets. Raises OSError, and cleans up."""
    with staged(copies, directory) as staging:
        staging.put()
    return tuple(staging.placed)
