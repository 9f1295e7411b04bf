# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the ISO that planning.py has decided: completely, replacing an existing file, or not at all.

Everything is created in a directory beside it, which is always removed. The next run removes what a killed run has
left there; a lock distinguishes that from a running one.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ksgen import media
from ksgen.iso import mediacheck, planning, site
from ksgen.iso.planning import Plan
from ksgen.media import FileSource, Iso9660
from ksgen.problems import Finding

# program: the package that has it, with Debian and with EL
PROGRAMS = {"xorriso": "xorriso", "mtype": "mtools", "mcopy": "mtools", "mformat": "mtools", "mmd": "mtools"}
_PIECE = 1 << 20  # bytes
_LOOKS = 0.2  # seconds between two checks of xorriso's progress
_ROOM = 16 << 20  # bytes besides the ISO: temporary files, and overhead of the file system
_PRIVATE, _PUBLIC = 0o600, 0o644
# The severities of xorriso's messages that give the cause, worst first (its man page, -report_about).
_GRAVITIES = ("FATAL", "FAILURE", "SORRY")

Progress = Callable[[str, int, int], None]


class NotWritten(Exception):
    """The ISO was not written; nothing is left of it."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


def missing_programs() -> tuple[Finding, ...]:
    """Required programs that are not installed."""
    missing = {package: name for name, package in reversed(PROGRAMS.items()) if shutil.which(name) is None}
    return tuple(
        Finding("program-missing", f"{name} is not installed", hint=f"install the package {package}")
        for package, name in sorted(missing.items())
    )


def sha256(path: Path, progress: Progress) -> str:
    """Of a file's content. Raises OSError."""
    total, done = hashlib.sha256(), 0
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        while piece := file.read(_PIECE):
            total.update(piece)
            done += len(piece)
            progress("checksum of the image", done, size)
    return total.hexdigest()


def output_findings(output: Path, inputs: tuple[Path, ...], size: int) -> Iterator[Finding]:
    """Problems of the path where an ISO of this size is to be written."""
    if output.exists() and not output.is_file():
        hint = "write the ISO to a file, and the file to the USB stick: docs/iso.md"
        yield Finding("iso-output", "is not a regular file", hint=hint)
    elif any(output.exists() and output.samefile(path) for path in inputs):
        yield Finding("iso-output", "is one of the input files", hint="specify another file with -o")
    elif not output.parent.is_dir():
        yield Finding("iso-output", f"directory {output.parent} not found")
    elif (free := shutil.disk_usage(output.parent).free) < size + _ROOM:
        message = f"{_mib(size + _ROOM)} MiB are required, {_mib(free)} MiB are free in {output.parent}"
        yield Finding("iso-space", message)


def write(plan: Plan, output: Path, progress: Progress) -> None:
    """Write it. Raises NotWritten, and OSError."""
    with workplace(output) as work:
        made = work / "iso"
        command = ["xorriso", *_arguments(plan, _put(plan, work), made)]
        run(command, work / "log", made, plan.size, progress)
        with open(made, "r+b") as file:
            mediacheck.implant(file, lambda done, total: progress("checksum for the media check", done, total))
            os.fchmod(file.fileno(), _PRIVATE if planning.KICKSTART in dict(plan.files) else _PUBLIC)
            os.fsync(file.fileno())
        _verify(plan, made)
        os.replace(made, output)


@contextlib.contextmanager
def workplace(output: Path) -> Iterator[Path]:
    """An empty temporary directory on the same file system."""
    work = output.with_name(f".{output.name}.ksgen")
    work.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(work, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_there = os.path.samestat(os.fstat(descriptor), os.stat(work))
        except (BlockingIOError, FileNotFoundError):
            is_there = False
        if not is_there:
            raise NotWritten(Finding("iso-output", "another run is writing this file"))
        try:
            for left in work.iterdir():
                shutil.rmtree(left) if left.is_dir() else left.unlink()
            yield work
        finally:
            shutil.rmtree(work)
    finally:
        os.close(descriptor)


def _put(plan: Plan, work: Path) -> dict[str, Path]:
    """What goes on the ISO, by its path there. Raises NotWritten if the EFI boot image is full."""
    files = {planning.image_path(): plan.image_path}
    for number, (path, content) in enumerate(plan.files):
        if path.startswith(f"{site.DIRECTORY}/"):
            # One argument for all hosts: a command line has an end.
            files[site.DIRECTORY] = work / "site"
            files[site.DIRECTORY].mkdir(exist_ok=True)
            (files[site.DIRECTORY] / path.rpartition("/")[2]).write_bytes(content)
        else:
            files[path] = work / f"file{number}"
            files[path].write_bytes(content)
    efi_image = plan.boot.efi_image
    if plan.efi_configs and efi_image is not None:
        place = work / "efi"
        with open(plan.boot.path, "rb") as file:
            place.write_bytes(os.pread(file.fileno(), efi_image.size, efi_image.offset))
        for number, config in enumerate(plan.efi_configs):
            text = work / f"config{number}"
            text.write_text(config.text, encoding="utf-8")
            done = media.mtools("mcopy", "-o", "-i", str(place), str(text), f"::{config.path}")
            if done.returncode:
                message = f"cannot write {config.path} to the EFI boot image: {last_line(done.stderr)}"
                raise NotWritten(Finding("iso-efi-image", message, hint=plan.efi_cure))
        if efi_image.path is not None:
            files[efi_image.path] = place
    return files


def _arguments(plan: Plan, files: dict[str, Path], made: Path) -> list[str]:
    """The arguments of xorriso: the boot ISO's content and boot records, with our files."""
    boot, efi_image = plan.boot, plan.boot.efi_image
    # -no_rc: no user settings. no_emul_toc: the ISO starts at block 0, without space for further sessions.
    arguments = ["-no_rc", "-abort_on", "FAILURE", "-compliance", "no_emul_toc"]
    arguments += ["-indev", f"stdio:{boot.path}", "-outdev", f"stdio:{made}"]
    arguments += ["-joliet", "on" if boot.has_joliet else "off", "-boot_image", "any", "replay"]
    if plan.efi_configs and efi_image is not None and efi_image.partition is not None:
        number, kind = efi_image.partition
        arguments += ["-append_partition", str(number), kind, str(made.with_name("efi"))]
    for path, source in files.items():
        arguments += ["-map", str(source), path, "-chown_r", "0", path, "--", "-chgrp_r", "0", path, "--"]
        if source.is_dir():
            arguments += ["-chmod_r", "0444", path, "--", "-chmod", "0555", path, "--"]
        else:
            arguments += ["-chmod", "0444", path, "--"]
    return [*arguments, "-commit", "-end"]


def run(command: list[str], log: Path, made: Path, size: int, progress: Progress) -> None:
    """Run xorriso, which makes an ISO of about this size. Raises NotWritten."""
    with open(log, "wb") as messages:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=messages, stderr=messages)
        try:
            while process.poll() is None:
                done = made.stat().st_size if made.exists() else 0
                progress("writing the ISO", min(done, size - 1), size)
                time.sleep(_LOOKS)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    progress("writing the ISO", size, size)
    if process.returncode:
        text = log.read_text(encoding="utf-8", errors="replace")
        raise NotWritten(Finding("iso-xorriso", f"xorriso exited with {process.returncode}: {_reason(text)}"))


def _reason(text: str) -> str:
    for gravity in _GRAVITIES:
        found = [line for line in text.splitlines() if f" : {gravity} : " in line]
        if found:
            return found[0].partition(f" : {gravity} : ")[2].strip()
    return last_line(text)


def last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no output"])[-1].strip()


def _verify(plan: Plan, made: Path) -> None:
    """Check the result: a full disk, or a boot record that xorriso did not understand, must not go unnoticed."""
    try:
        found, findings = media.read_boot_iso(made)
    except OSError as error:
        raise NotWritten(Finding("iso-xorriso", f"cannot read the ISO that xorriso wrote: {error.strerror}")) from error
    told = (*findings, *(media.check_boot_iso(found) if found else ()))
    wrong = [finding.message for finding in told if finding.severity == "error"]
    if found is not None:
        with open(made, "rb") as file:
            root = Iso9660(FileSource(file))
            wanted = {planning.image_path(): plan.image_size} | {path: len(content) for path, content in plan.files}
            wrong += [
                f"{path} is missing or incomplete"
                for path, size in wanted.items()
                if (node := root.find(path)) is None or node.size != size
            ]
        before = sorted(image.platform for image in plan.boot.boot_images)
        if sorted(image.platform for image in found.boot_images) != before:
            wrong.append("the boot records differ")
    if wrong:
        raise NotWritten(Finding("iso-xorriso", f"the ISO that xorriso wrote is not as planned: {wrong[0]}"))


def _mib(size: int) -> int:
    return -(-size >> 20)
