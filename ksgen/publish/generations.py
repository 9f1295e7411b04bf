# SPDX-License-Identifier: GPL-2.0-or-later
"""A tree of files that changes from old to new in one step, inside a directory that stays where it is.

    out/ks/node01.ks            -> ../.ksgen/current/ks/node01.ks      a link per published file
    out/.ksgen/current          -> 7                                   the switch
    out/.ksgen/7/ks/node01.ks                                          the files, a generation of them
    out/.ksgen/6/                                                      the generation before, until the next one
    out/.ksgen/lock                                                    flock(2)

A new generation is built whole beside the present one, with hard links for what has not changed. Links of new files
are laid next: until the switch they lead nowhere, so that a reader meets no file, as before. One rename(2) of `current`
is the switch, and is on the disk before the run ends. Then the links of files that left lead nowhere, and are taken
away. Kubernetes publishes its volumes to running containers in this way (AtomicWriter, `..data`).

Why not exchange two directories (renameat2(2), RENAME_EXCHANGE)? It needs write permission in the parent, fails on a
mount point, on NFS and on overlayfs, leaves a container that has mounted the directory with the old one for ever, and
has to carry everybody else's files over, large images that are being copied in at that moment among them. Here those
are never touched: of all that is outside `.ksgen`, only links that say word for word what ours say are laid or removed.

The generation before stays because a server may have followed `current` the moment before the switch. It costs the
disk space of the files that have changed since. Directories outside `.ksgen` are made, never removed.

What a killed run leaves, the next one removes: everything in `.ksgen` but the two generations, the lock and the
switch, after the links that only lead there.
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
        return self.directory / STATE / str(self.number) / name


@dataclasses.dataclass(frozen=True)
class Entry:
    """A file of a generation: its content, or None for the present generation's file, its mode, whether to link it."""

    content: str | bytes | None
    mode: int
    is_linked: bool = True


# --- looking ---------------------------------------------------------------------------------------------------------


def present(directory: Path) -> Generation:
    """The published generation. Raises OSError, also when `.ksgen` is something that is not ours."""
    state = directory / STATE
    try:
        if not stat.S_ISDIR(os.lstat(state).st_mode):
            raise NotADirectoryError(errno.ENOTDIR, "stands where ksgen keeps what it has published", str(state))
        text = os.readlink(state / _CURRENT)
    except FileNotFoundError:
        return Generation(directory, 0, frozenset())
    except OSError as error:
        if error.errno == errno.EINVAL:  # readlink(2): no link
            raise FileExistsError(errno.EEXIST, "is not the link that ksgen has made", str(state / _CURRENT)) from error
        raise
    if not _NUMBER.fullmatch(text):
        raise FileExistsError(errno.EEXIST, "is not the link that ksgen has made", str(state / _CURRENT))
    return Generation(directory, int(text), _names(state / text))


def has_link(directory: Path, name: str) -> bool:
    """Whether our link to a published file is in its place."""
    try:
        return os.readlink(directory / name) == _link_text(name)
    except OSError:
        return False


def obstacles(directory: Path, names: Iterable[str]) -> Iterator[tuple[Path, str]]:
    """What is in the way of our links, each once: its path, and which kind of thing it is."""
    seen: dict[str, bool] = {}
    for name in names:
        parts = name.split("/")
        for depth in range(1, len(parts)):
            parent = "/".join(parts[:depth])
            if parent not in seen:
                kind = _kind(directory / parent)
                seen[parent] = kind in ("directory", None)
                if not seen[parent]:
                    yield directory / parent, str(kind)
            if not seen[parent]:
                break
        else:
            if not has_link(directory, name) and (kind := _kind(directory / name)):
                yield directory / name, kind


def has_leftovers(directory: Path) -> bool:
    """Whether an earlier run was killed before it was done, or another run is at work."""
    links, paths = _leftovers(present(directory))
    return bool(links or paths)


def _kind(path: Path) -> str | None:
    try:
        mode = os.lstat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    kinds = {stat.S_IFDIR: "directory", stat.S_IFLNK: "symbolic link", stat.S_IFREG: "file"}
    return kinds.get(stat.S_IFMT(mode), "special file")


def _link_text(name: str) -> str:
    return "../" * name.count("/") + f"{STATE}/{_CURRENT}/{name}"


def _names(generation: Path) -> frozenset[str]:
    """All regular files below a directory; nothing is followed."""
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
    """The names whose links lead nowhere any more, and what is in `.ksgen` for no reason."""
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


# --- acting ----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def locked(directory: Path, patience_s: float | None = None) -> Iterator[None]:
    """Make the directory ours alone, and first of all make it. Raises OSError when another run does not end."""
    path = directory / STATE / _LOCK
    patience_s = LOCK_PATIENCE_S if patience_s is None else patience_s
    deadline = time.monotonic() + patience_s
    while (handle := _lock(directory, path)) is None:
        if time.monotonic() > deadline:
            raise BlockingIOError(errno.EAGAIN, f"another ksgen has been writing for {patience_s} s", str(path))
        time.sleep(_LOCK_PAUSE_S)
    try:
        yield
    finally:
        os.close(handle)


def switch(
    now: Generation, entries: Mapping[str, Entry], group: int | None, last: Callable[[], None] | None = None
) -> None:
    """Publish a generation of `entries` after `now`, all of it or, on OSError, nothing. The caller has the lock.

    `group` is the group id of files and new directories, None for the one that the system gives. `last` is called when
    everything else is in place, immediately before the switch; nothing is published if it raises.
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
        with contextlib.suppress(OSError):  # the first error is the one to tell; the next run cleans up
            sweep(now.directory)
        raise
    # It is published, and nothing that fails now can take it back; the next run cleans up.
    with contextlib.suppress(OSError):
        _flush_switch(state)
    with contextlib.suppress(OSError):
        sweep(now.directory)


def sweep(directory: Path) -> None:
    """Remove what is not of the two last generations. The caller has the lock."""
    links, paths = _leftovers(present(directory))
    # The links first: a generation that is there names them.
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
        # somebody may have removed the directory and somebody else made it anew
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
    _make_directory(target, _OPEN_DIRECTORY, group)
    for below, mode in modes.items():
        _make_directory(target / below, mode, group)
    for name, entry in entries.items():
        if entry.content is not None:
            _write(target / name, entry.content, entry.mode, group)
            continue
        try:
            os.link(now.path(name), target / name, follow_symlinks=False)
        except OSError:
            # link(2): a file system without hard links, too many of them, or another owner's file, which
            # protected_hardlinks of proc(5) guards.
            _write(target / name, now.path(name).read_bytes(), entry.mode, group)


def _lay_links(directory: Path, entries: Mapping[str, Entry], modes: Mapping[str, int], group: int | None) -> None:
    wanted = [name for name, entry in entries.items() if entry.is_linked and not has_link(directory, name)]
    parents = {str(parent) for name in wanted for parent in PurePosixPath(name).parents} - {"."}
    for below in sorted(parents):
        if not os.path.lexists(directory / below):
            # In its place it has its mode and group from the first moment on; rename(2) replaces no full directory.
            scratch = directory / STATE / _SCRATCH_DIRECTORY
            _make_directory(scratch, modes[below], group)
            os.rename(scratch, directory / below)
    for name in wanted:
        os.symlink(_link_text(name), directory / name)


def _directory_modes(entries: Mapping[str, Entry]) -> dict[str, int]:
    """The directories of a generation, parents first; closed to others where no file in it is for others."""
    modes: dict[str, int] = {}
    for name, entry in entries.items():
        mode = _OPEN_DIRECTORY if entry.mode & stat.S_IROTH else _CLOSED_DIRECTORY
        for parent in PurePosixPath(name).parents:
            modes[str(parent)] = modes.get(str(parent), 0) | mode
    modes.pop(".", None)
    return dict(sorted(modes.items()))


def _make_open_directory(path: Path) -> None:
    """Make a directory that everybody can pass, whatever the umask; one that is there stays as it is."""
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


def _write(path: Path, content: str | bytes, mode: int, group: int | None) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(handle, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        if group is not None:
            os.fchown(handle, -1, group)
        os.fchmod(handle, mode)


def _flush(state: Path) -> None:
    """Bring the new files to the disk before the switch: one syncfs(2), where an fsync(2) per file takes minutes."""
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
