# SPDX-License-Identifier: GPL-2.0-or-later
"""A tree of files that is replaced atomically, inside a directory that stays in place.

    out/ks/node01.ks            -> ../.ksgen/current/ks/node01.ks      a link per published file
    out/.ksgen/current          -> 7                                   the switch
    out/.ksgen/7/ks/node01.ks                                          the files, a generation of them
    out/.ksgen/6/                                                      the generation before, until the next one
    out/.ksgen/lock                                                    flock(2)

A new generation is built completely beside the present one, with hard links for unchanged files. Then the links of new
files are created; they dangle until the switch, so that a reader finds no file, as before. One rename(2) of `current`
is the switch, and is flushed to disk before the run ends. Then the links of removed files dangle, and are
deleted. Kubernetes publishes its volumes to running containers in this way (AtomicWriter, `..data`).

Why not exchange two directories (renameat2(2), RENAME_EXCHANGE)? It needs write permission in the parent, fails on a
mount point, on NFS and on overlayfs, leaves a container that has mounted the directory with the old one, and has to
move all other files over, such as large images that are being copied in at that moment. Here those are never touched:
outside `.ksgen`, only links with exactly our targets are created or removed.

The previous generation is kept because a server may have followed `current` just before the switch. It costs the disk
space of the files that have changed since. Directories outside `.ksgen` are created, never removed.

The next run removes what a killed run has left: everything in `.ksgen` but the two generations, the lock and the
switch, after the links that only point there.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import errno
import fcntl
import os
import re
import shutil
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple, TypeAlias

STATE = ".ksgen"
_CURRENT, _LOCK = "current", "lock"
_SCRATCH_LINK, _SCRATCH_DIRECTORY = "next", "directory"
_NUMBER = re.compile(r"[1-9][0-9]{0,17}")

LOCK_PATIENCE_S = 60  # a publication of 10,000 hosts takes a few seconds
_LOCK_PAUSE_S = 0.05

_OPEN_DIRECTORY, _CLOSED_DIRECTORY = 0o755, 0o750


@dataclasses.dataclass(frozen=True)
class Generation:
    """What is published: the number of the generation, 0 for none, and the names of its files."""

    directory: Path
    number: int
    names: frozenset[str]

    def path(self, name: str) -> Path:
        return Path(self.place(name))

    def place(self, name: str) -> str:
        """The path as a text, of which there is one for each file of a site."""
        return f"{self.directory}/{STATE}/{self.number}/{name}"

    def mode(self, name: str) -> int:
        """The mode of a file. Raises OSError."""
        return stat.S_IMODE(os.lstat(self.place(name)).st_mode)


# What a file holds: a text, also in parts, of which other files have the same, or bytes.
Content: TypeAlias = str | bytes | tuple[str, ...]


def encoded(content: Content) -> bytes:
    if isinstance(content, bytes):
        return content
    return (content if isinstance(content, str) else "".join(content)).encode()


class Entry(NamedTuple):
    """A file of a generation: its content, or None for the present generation's file, its mode, whether to link it."""

    content: Content | None
    mode: int
    is_linked: bool = True


# --- reading ---------------------------------------------------------------------------------------------------------


def present(directory: Path) -> Generation:
    """The published generation. Raises OSError, also if `.ksgen` was not created by ksgen."""
    state = directory / STATE
    try:
        if not stat.S_ISDIR(os.lstat(state).st_mode):
            raise NotADirectoryError(
                errno.ENOTDIR, "is not a directory, but ksgen keeps published files there", str(state)
            )
        text = os.readlink(state / _CURRENT)
    except FileNotFoundError:
        return Generation(directory, 0, frozenset())
    except OSError as error:
        if error.errno == errno.EINVAL:  # readlink(2): no link
            raise FileExistsError(
                errno.EEXIST, "is not a symbolic link created by ksgen", str(state / _CURRENT)
            ) from error
        raise
    if not _NUMBER.fullmatch(text):
        raise FileExistsError(errno.EEXIST, "is not a symbolic link created by ksgen", str(state / _CURRENT))
    return Generation(directory, int(text), _names(state / text))


def has_link(directory: Path, name: str) -> bool:
    """Whether our link to a published file exists."""
    try:
        return os.readlink(f"{directory}/{name}") == _link_text(name)
    except OSError:
        return False


def obstacles(directory: Path, names: Iterable[str]) -> Iterator[tuple[Path, str]]:
    """The paths that block our links, each once, with the kind of file."""
    seen: dict[str, bool] = {}
    for name in names:
        parts = name.split("/")
        for depth in range(1, len(parts)):
            parent = "/".join(parts[:depth])
            if parent not in seen:
                kind = _kind(f"{directory}/{parent}")
                seen[parent] = kind == "directory"  # below a directory that is missing, nothing is in the way
                if kind not in ("directory", None):
                    yield directory / parent, kind
            if not seen[parent]:
                break
        else:
            if not has_link(directory, name) and (kind := _kind(f"{directory}/{name}")):
                yield directory / name, kind


def has_leftovers(directory: Path) -> bool:
    """Whether an earlier run was killed before it was done, or another run is active."""
    links, paths = _leftovers(present(directory))
    return bool(links or paths)


def _kind(path: str) -> str | None:
    try:
        mode = os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    kinds = {stat.S_IFDIR: "directory", stat.S_IFLNK: "symbolic link", stat.S_IFREG: "file"}
    return kinds.get(stat.S_IFMT(mode), "special file")


def _link_text(name: str) -> str:
    return "../" * name.count("/") + f"{STATE}/{_CURRENT}/{name}"


def _names(generation: Path) -> frozenset[str]:
    """All regular files below a directory; links are not followed."""
    found = []
    waiting = [""]
    while waiting:
        below = waiting.pop()
        with contextlib.suppress(FileNotFoundError), os.scandir(generation / below) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(f"{below}{entry.name}/")
                elif entry.is_file(follow_symlinks=False):
                    found.append(below + entry.name)
    return frozenset(found)


def _leftovers(now: Generation) -> tuple[list[str], list[Path]]:
    """The names whose links dangle, and obsolete files in `.ksgen`."""
    kept = {_LOCK, _CURRENT, str(now.number), str(now.number - 1)}
    left: list[Path] = []
    superseded: set[str] = set()
    with contextlib.suppress(FileNotFoundError), os.scandir(now.directory / STATE) as entries:
        for entry in entries:
            if entry.name not in kept:
                left.append(Path(entry.path))
            if entry.name != str(now.number) and entry.is_dir(follow_symlinks=False):
                superseded |= _names(Path(entry.path))
    return sorted(name for name in superseded - now.names if has_link(now.directory, name)), left


# --- writing ----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def locked(directory: Path, patience_s: float | None = None) -> Iterator[None]:
    """Create the directory and lock it. Raises OSError if another run holds the lock too long."""
    path = directory / STATE / _LOCK
    patience_s = LOCK_PATIENCE_S if patience_s is None else patience_s
    deadline = time.monotonic() + patience_s
    while (handle := _lock(directory, path)) is None:
        if time.monotonic() > deadline:
            raise BlockingIOError(errno.EAGAIN, f"another ksgen has held the lock for {patience_s} s", str(path))
        time.sleep(_LOCK_PAUSE_S)
    try:
        yield
    finally:
        os.close(handle)


def switch(
    now: Generation, entries: Mapping[str, Entry], group: int | None, last: Callable[[], None] | None = None
) -> None:
    """Publish a generation of `entries` after `now`, completely or, on OSError, not at all. The caller holds the lock.

    `group` is the group id of files and new directories, None for the default. `last` is called when everything else
    is in place, immediately before the switch; nothing is published if it raises.
    """
    state = now.directory / STATE
    number = now.number + 1
    modes = _directory_modes(entries)
    try:
        _build(now, state / str(number), entries, modes, group)
        _flush(state)
        _lay_links(now.directory, entries, modes, group)
        os.symlink(str(number), state / _SCRATCH_LINK)
        if last is not None:
            last()
        os.replace(state / _SCRATCH_LINK, state / _CURRENT)
    except BaseException:
        with contextlib.suppress(OSError):  # report the first error; the next run cleans up
            sweep(now.directory)
        raise
    # It is published; errors from here on do not undo that. The next run cleans up.
    with contextlib.suppress(OSError):
        _flush_switch(state)
    with contextlib.suppress(OSError):
        sweep(now.directory)


def sweep(directory: Path) -> None:
    """Remove everything but the last two generations. The caller holds the lock."""
    links, paths = _leftovers(present(directory))
    # The links first: they are listed in the generation that is removed next.
    for name in links:
        os.unlink(directory / name)
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _lock(directory: Path, path: Path) -> int | None:
    directory.parent.mkdir(parents=True, exist_ok=True)
    _make_open_directory(directory)
    _make_open_directory(directory / STATE)
    # For writing: over NFS, flock(2) becomes a lock of fcntl(2), which asks for it.
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # the directory may have been removed and created again meanwhile
        if os.path.samestat(os.fstat(handle), os.stat(path)):
            return handle
    except (BlockingIOError, FileNotFoundError):
        pass
    except BaseException:
        os.close(handle)
        raise
    os.close(handle)
    return None


def _build(
    now: Generation, target: Path, entries: Mapping[str, Entry], modes: Mapping[str, int], group: int | None
) -> None:
    present = now.path("")
    _make_directory(target, _OPEN_DIRECTORY, group)
    for below, mode in modes.items():
        _make_directory(target / below, mode, group)
    for name, entry in entries.items():
        if entry.content is not None:
            _write(f"{target}/{name}", entry.content, entry.mode, group)
            continue
        try:
            os.link(f"{present}/{name}", f"{target}/{name}", follow_symlinks=False)
        except OSError:
            # link(2): a file system without hard links, too many of them, or another owner's file, which
            # protected_hardlinks of proc(5) guards.
            _write(f"{target}/{name}", now.path(name).read_bytes(), entry.mode, group)


def _lay_links(directory: Path, entries: Mapping[str, Entry], modes: Mapping[str, int], group: int | None) -> None:
    wanted = [name for name, entry in entries.items() if entry.is_linked and not has_link(directory, name)]
    for below in sorted(_directories(wanted)):
        if not os.path.lexists(directory / below):
            # Renamed into place, it has its mode and group from the start; rename(2) replaces no non-empty directory.
            scratch = directory / STATE / _SCRATCH_DIRECTORY
            _make_directory(scratch, modes[below], group)
            os.rename(scratch, directory / below)
    for name in wanted:
        os.symlink(_link_text(name), f"{directory}/{name}")


def _directory_modes(entries: Mapping[str, Entry]) -> dict[str, int]:
    """The directories of a generation, parents first; closed to others if no file in it is readable by others."""
    open_ones = _directories(name for name, entry in entries.items() if entry.mode & stat.S_IROTH)
    modes = dict.fromkeys(_directories(entries), _CLOSED_DIRECTORY) | dict.fromkeys(open_ones, _OPEN_DIRECTORY)
    return dict(sorted(modes.items()))


def _directories(names: Iterable[str]) -> set[str]:
    """The directories of files, with their parents."""
    direct = {name.rpartition("/")[0] for name in names}
    return {str(parent) for one in direct for parent in (PurePosixPath(one), *PurePosixPath(one).parents)} - {"."}


def _make_open_directory(path: Path) -> None:
    """Create a directory that all users can enter, regardless of the umask; an existing one is not changed."""
    umask = os.umask(0)
    try:
        os.mkdir(path, _OPEN_DIRECTORY)
    except FileExistsError:
        pass
    finally:
        os.umask(umask)


def _make_directory(path: Path, mode: int, group: int | None) -> None:
    os.mkdir(path, 0o700)
    if group is not None:
        os.chown(path, -1, group)
    os.chmod(path, mode | (os.stat(path).st_mode & stat.S_ISGID))


def _write(path: str, content: Content, mode: int, group: int | None) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(handle, "wb") as file:
        file.write(encoded(content))
        if group is not None:
            os.fchown(handle, -1, group)
        os.fchmod(handle, mode)


def _flush(state: Path) -> None:
    """Flush the new files to disk before the switch: one syncfs(2), as an fsync(2) per file takes minutes."""
    handle = os.open(state, os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(handle) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(state))
    finally:
        os.close(handle)


def _flush_switch(state: Path) -> None:
    """Flush the switch to the disk, so that a disarm that was reported survives a power failure."""
    handle = os.open(state, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
