# SPDX-License-Identifier: GPL-2.0-or-later
"""The installer of a release: from a boot ISO, or from an install tree on disk; as a tree, and how it is started."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from ksgen import media
from ksgen.addon import File, archive
from ksgen.media import BootIso
from ksgen.problems import Mark, Problem
from ksgen.rehearsal.qemu import Installer
from ksgen.variables import Settings

_TREEINFO = ".treeinfo"
_KERNEL, _INITRD = (place for _, place in media.KERNEL)
# What an installer fetches from its tree.
_FETCHED = (_TREEINFO, _KERNEL, _INITRD, media.STAGE2)
# Of a tree that a site publishes (netboot/boottree.py); a rehearsal starts without them.
_LOADERS = ("EFI/BOOT/BOOTX64.EFI", "EFI/BOOT/grubx64.efi")
_COPIED = 4 * 2**20  # bytes at a time
# Of a boot entry: what names its files, and what is said otherwise here.
_OF_ENTRY = re.compile(r"initrd=|inst\.(?:stage2|ks|repo)=|rd\.live\.check|quiet$")
_ENTRY = re.compile(r"^\s*(?:append|linux(?:efi)?|linux16)\s+(.*)$", re.MULTILINE)
# Where curl of EL finds authorities (--with-ca-bundle of its package), and dracut's url-lib copies them from: a link,
# and the file that it leads to.
_AUTHORITIES = ("etc/pki/tls/certs/ca-bundle.crt", "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem")
# The kernel looks for the next archive of an initrd at a multiple of this (its initramfs buffer format).
_ALIGNED = 4  # bytes


@dataclasses.dataclass(frozen=True)
class InstallTree:
    """An install tree on disk: a DVD, mounted or copied. `release` is that of its .treeinfo, None if it has none."""

    path: Path
    release: str | None


Source = BootIso | InstallTree


@dataclasses.dataclass(frozen=True)
class Tree:
    """An install tree of a release in a directory. One out of a boot ISO has the arguments of that ISO's entry, and
    the ISO with its label; stage 2 is in it."""

    directory: Path
    arguments: tuple[str, ...] = ()
    iso: Path | None = None
    label: str = ""


def read_install_tree(path: Path) -> tuple[InstallTree, tuple[Problem, ...]]:
    """The install tree in a directory, and the files that an installer would miss there."""
    hint = "mount the DVD, or copy all of it: cp -a DVD/. DIRECTORY"
    problems = tuple(
        Problem("boot-file-missing", "not found in the install tree", Mark(str(path / name), 1), hint=hint)
        for name in _FETCHED
        if not (path / name).is_file()
    )
    info = None
    with contextlib.suppress(OSError):
        info = media.parse_treeinfo((path / _TREEINFO).read_text(errors="replace"))
    return InstallTree(path, info.release if info else None), problems


def release_of(source: Source) -> str | None:
    """The release of an installer, None if it does not say."""
    if isinstance(source, InstallTree):
        return source.release
    return source.stage2.release if source.stage2 else None


def tree_of(source: Source, release: str, directory: Path) -> Tree:
    """The installer as the tree that hosts fetch it from, below `directory`. Raises OSError, Unreadable."""
    target = directory / "trees" / release
    target.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(source, InstallTree):
        _share(source.path.resolve(), target)
        return Tree(target)
    with open(source.path, "rb") as file:
        iso = media.Iso9660(media.FileSource(file))
        stage2 = next(name for name in (media.STAGE2, media.STAGE2_LAST) if iso.find(f"/{name}") is not None)
        loaders = (name for name in _LOADERS if iso.find(f"/{name}") is not None)
        for name in (_KERNEL, _INITRD, stage2, *loaders):
            _copy_out(iso, name, target / name)
        info = iso.text(f"/{_TREEINFO}")
    number = release.removeprefix("el")
    (target / _TREEINFO).write_text(info or f"[general]\nfamily = EL\nversion = {number}\narch = x86_64\n")
    return Tree(target, entry_arguments(source), source.path, source.label)


def _share(tree: Path, target: Path) -> None:
    """Have nginx serve a tree. Its workers are another user if we are root, and may not come to it: then they get
    what an installer fetches."""
    if os.geteuid() != 0 or is_open(tree):
        target.symlink_to(tree)
        return
    for name in (*_FETCHED, *(name for name in _LOADERS if (tree / name).is_file())):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        link_or_copy(tree / name, target / name)


def link_or_copy(source: Path, target: Path) -> None:
    """A file where every user can read it: a link, or a copy if that is not possible. Raises OSError."""
    if _has_mode(source, stat.S_IROTH):
        with contextlib.suppress(OSError):
            target.hardlink_to(source.resolve())
            return
    shutil.copyfile(source, target)
    target.chmod(0o644)


def is_open(tree: Path) -> bool:
    """Whether every user can read a tree. Raises OSError."""
    directories = {tree, *tree.parents, *(tree / name for each in _FETCHED for name in Path(each).parents)}
    return all(_has_mode(one, stat.S_IXOTH) for one in directories) and all(
        _has_mode(tree / name, stat.S_IROTH) for name in _FETCHED
    )


def _has_mode(path: Path, mode: int) -> bool:
    return bool(path.stat().st_mode & mode)


def kernel_of(source: Source, directory: Path) -> Path:
    """The kernel of an installer, as a file. Raises OSError, Unreadable."""
    if isinstance(source, InstallTree):
        return source.path / _KERNEL
    kernel = directory / "vmlinuz"
    with open(source.path, "rb") as file:
        _copy_out(media.Iso9660(media.FileSource(file)), _KERNEL, kernel)
    return kernel


def _copy_out(iso: media.Iso9660, name: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    found = iso.find(f"/{name}")
    assert found is not None  # a boot ISO with an installer has it
    source = iso.content(found)
    with target.open("wb") as file:
        for place in range(0, source.size, _COPIED):
            file.write(source.read(place, _COPIED))


def entry_arguments(boot: BootIso) -> tuple[str, ...]:
    """What the first entry of a boot ISO that starts its installer gives the kernel besides its files."""
    for config in boot.configs:
        for found in _ENTRY.finditer(config.text):
            if "inst.stage2=" in found[1]:
                words = [word for word in found[1].split() if not word.startswith("/")]
                return tuple(word for word in words if not _OF_ENTRY.match(word))
    return ()


def installer(tree: Tree, arguments: Iterable[str]) -> Installer:
    """How the kernel starts with the published arguments of a host. Stage 2 of a boot ISO comes from it, in a drive."""
    kernel, initrd = tree.directory / _KERNEL, tree.directory / _INITRD
    if tree.iso is None:
        return Installer(kernel, initrd, " ".join(arguments), ())
    # A blank in a label is written as udev writes it.
    stage2 = f"inst.stage2=hd:LABEL={tree.label.replace(' ', chr(92) + 'x20')}"
    words = [stage2 if word.startswith("inst.stage2=") else word for word in arguments]
    own = [word for word in tree.arguments if word not in words]
    return Installer(kernel, initrd, " ".join([*own, *words]), (tree.iso,))


def trusting(started: Installer, authority: str, directory: Path) -> Installer:
    """The same with an initrd that trusts an authority (PEM), and no other: nothing else is fetched from here."""
    initrd = directory / "initrd.img"
    shutil.copyfile(started.initrd, initrd)
    with initrd.open("ab") as file:
        file.write(bytes(-file.tell() % _ALIGNED))
        file.write(archive(File(path, authority.encode()) for path in _AUTHORITIES))
    return dataclasses.replace(started, initrd=initrd)


def needs_authority(source: Source, settings: Settings) -> bool:
    """Whether the initrd fetches by HTTPS: the kickstart and the add-on, or stage 2."""
    fetched = [settings.server_url, *([settings.tree_url] if isinstance(source, InstallTree) else [])]
    return any(urlsplit(url or "").scheme == "https" for url in fetched)


def release_problems(named: Iterable[tuple[str | None, Source]]) -> Iterator[Problem]:
    """Installers that are of another release than the one that they were named for."""
    for release, source in named:
        own = release_of(source)
        if release and own and own != release:
            message = f"is an installer of {own}; it was given for {release}"
            yield Problem("rehearsal-release", message, Mark(str(source.path), 1))
