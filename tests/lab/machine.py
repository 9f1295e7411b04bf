# SPDX-License-Identifier: GPL-2.0-or-later
"""Machines in QEMU: what is plugged in, what boots, and a job that runs in them.

    result = run(Machine(kernel=kernel, root=vm_root, disks=(Disk(path, 64 * GIB),)), {"run": "lsblk"}, timeout=120)

Everything is a file: disks are sparse, no disk of this machine is used, and there is no network unless the machine
names one. A machine ends with its job, with the text that is waited for, or with its time, whichever comes first.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import io
import os
import random
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from ksgen.rehearsal import acceleration as accelerated
from ksgen.rehearsal import disks
from ksgen.rehearsal.disks import allocated, digest
from lab.console import Console
from lab.root import OVMF_CODE, OVMF_VARIABLES, Kernel, LabError, cache, kernel, program

MIB = 2**20
GIB = 2**30
# Under software emulation, on a machine that has other work too, everything takes this much longer than on a quiet one.
PATIENCE = 3
# The digest of a disk on which nothing has been written.
EMPTY = hashlib.sha256().hexdigest()
_SEED = os.environ.get("LAB_SEED") or str(random.randrange(10**6))


@dataclasses.dataclass(frozen=True)
class Disk(disks.Disk):
    """A disk of the lab; its size is 64 GiB unless a case needs another."""

    size: int = 64 * GIB


@dataclasses.dataclass(frozen=True)
class Machine:
    """`firmware` is bios or uefi; without a kernel it boots from `boot`: disk, cdrom or net.

    With `kernel` and `root` it runs jobs, with `cdrom` as /dev/sr2; `initrd` stands in for that of the lab, and
    `arguments` go beside its own. `nics` are values of QEMU's -nic. `variables` is the UEFI's memory between boots;
    without it each boot has a fresh one. `memory` is MiB.
    """

    disks: tuple[Disk, ...] = ()
    memory: int = 1024
    firmware: str = "bios"
    kernel: Kernel | None = None
    root: Path | None = None
    initrd: Path | None = None
    arguments: str = ""
    boot: str = "disk"
    cdrom: Path | None = None
    nics: tuple[str, ...] = ()
    variables: Path | None = None
    more: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Result:
    """What a machine left: its console, the files below /job/out, the job's exit status.

    `status` is None when there was no job, or when the machine ended before it; `has_ended` is false when the time was
    over first. A machine that shows the text waited for has ended.
    """

    console: str
    files: Mapping[str, bytes]
    status: int | None
    has_ended: bool
    seconds: float

    def text(self, name: str) -> str:
        """A file of the job; one that is missing shows the console."""
        assert name in self.files, f"the job left no {name}; the console:\n{self.console}"
        return self.files[name].decode(errors="replace")


class Watch:
    """Whether consoles are shown while they are written; --console sets it."""

    is_on = False


def run(
    machine: Machine,
    job: Mapping[str, str | bytes | Path] | None = None,
    timeout: float = 120,
    until: str | None = None,
    more_seconds: float = 0,
    person: Callable[[Console], None] | None = None,
) -> Result:
    """Boot a machine, and wait for its end.

    `job` are files for /job, of which `run` is a script for bash; what it writes below $OUT comes back. The machine is
    cut off `more_seconds` after its console matches `until`. `person` sits at the serial console: called when the
    machine has been started, and what it raises ends the machine. `timeout` is seconds on a quiet machine.
    """
    with tempfile.TemporaryDirectory(prefix="lab-") as work:
        directory = Path(work)
        out = directory / "out"
        out.touch()
        command = [program("qemu-system-x86_64"), *_board(machine, directory), *_start(machine)]
        if job is not None:
            command += _job(machine, _pack(job, directory / "job.tar"), out)
        command += _disks(machine)
        begin = time.monotonic()
        wanted = re.compile(until.encode(), re.MULTILINE) if until else None
        console, has_ended = _watch(command, timeout * PATIENCE, wanted, more_seconds, person)
        files = _unpack(out)
        status = int(files.pop("status", b"-1"))
        return Result(
            console.decode(errors="replace").replace("\r", ""),
            files,
            status if status >= 0 else None,
            has_ended,
            time.monotonic() - begin,
        )


def _board(machine: Machine, directory: Path) -> list[str]:
    command = [*acceleration(), "-smp", "2", "-m", str(machine.memory)]
    command += ["-display", "none", "-vga", "none", "-serial", "stdio", "-monitor", "none"]
    command += ["-no-reboot", "-device", "virtio-rng-pci"]
    if machine.firmware == "uefi":
        variables = machine.variables or directory / "variables.fd"
        if not variables.exists():
            shutil.copy(program(OVMF_VARIABLES), variables)
        code = program(OVMF_CODE)
        command += ["-M", "q35", "-drive", f"if=pflash,format=raw,readonly=on,file={code}"]
        command += ["-drive", f"if=pflash,format=raw,file={variables}"]
    else:
        command += ["-M", "pc"]
    for nic in machine.nics or ("none",):
        command += ["-nic", nic]
    return [*command, *machine.more]


def _start(machine: Machine) -> list[str]:
    if machine.kernel is None:
        cdrom = [] if machine.cdrom is None else ["-cdrom", str(machine.cdrom)]
        return ["-boot", f"order={_BOOT[machine.boot]}", *cdrom]
    initrd = machine.initrd or machine.kernel.initramfs
    # Where the emulation gets little time, the kernel takes its timer for broken.
    arguments = f"console=ttyS0 panic=-1 quiet no_timer_check {machine.arguments}".strip()
    return ["-kernel", str(machine.kernel.vmlinuz), "-initrd", str(initrd), "-append", arguments]


_BOOT = {"disk": "c", "cdrom": "d", "net": "n"}


def _job(machine: Machine, job: Path, out: Path) -> list[str]:
    """Root, job and CD-ROM are CD-ROMs, and the answer leaves by a port: the machine's disks are the test's alone.

    An installed system of the lab's image finds its job on a disk.
    """
    port = ["-device", "virtio-serial-pci", "-chardev", f"file,id=out,path={out}"]
    port += ["-device", "virtserialport,chardev=out,name=lab.out"]
    if machine.kernel is None:
        drive = f"if=none,id=job,file={job},format=raw,readonly=on"
        return [*port, "-drive", drive, "-device", "virtio-blk-pci,drive=job,serial=lab-job"]
    assert machine.root is not None, "a machine that runs a job needs a root"
    command = ["-device", "virtio-scsi-pci,id=lab"]
    for number, file in enumerate(filter(None, (machine.root, job, machine.cdrom))):
        command += ["-drive", f"if=none,id=lab{number},file={file},format=raw,readonly=on"]
        command += ["-device", f"scsi-cd,drive=lab{number},bus=lab.0,scsi-id={number}"]
    return [*port, *command]


def _disks(machine: Machine) -> list[str]:
    for disk in machine.disks:
        disks.make(disk)
    return disks.arguments(machine.disks)


def _pack(job: Mapping[str, str | bytes | Path], path: Path) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, content in job.items():
            if isinstance(content, Path):
                tar.add(content, name)
                continue
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o755
            tar.addfile(member, io.BytesIO(data))
    return path


def _unpack(out: Path) -> dict[str, bytes]:
    if not out.stat().st_size:
        return {}
    with tarfile.open(out) as tar:
        opened = {member.name.removeprefix("./"): tar.extractfile(member) for member in tar.getmembers()}
        return {name: file.read() for name, file in opened.items() if file}


def _watch(
    command: list[str],
    seconds: float,
    until: re.Pattern[bytes] | None,
    more_seconds: float = 0,
    person: Callable[[Console], None] | None = None,
) -> tuple[bytes, bool]:
    """The console of QEMU, which is ended when it has shown what is waited for, or when its time is over."""
    console = bytearray()
    is_seen = threading.Event()
    # If the tests are stopped, the machine is stopped too.
    command = [program("setpriv"), "--pdeathsig=KILL", *command]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL if person is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        cut = threading.Timer(more_seconds, process.kill)
        seat = Console(functools.partial(_type, process), PATIENCE)

        def read() -> None:
            assert process.stdout is not None
            while data := os.read(process.stdout.fileno(), 65536):
                console.extend(data)
                seat.add(data)
                if Watch.is_on:
                    sys.stderr.buffer.write(data)
                    sys.stderr.flush()
                if until is not None and not is_seen.is_set() and until.search(console):
                    is_seen.set()
                    cut.start()
            seat.end()

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        begin = time.monotonic()
        try:
            if person is not None:
                person(seat)
            process.wait(max(0.0, seconds - (time.monotonic() - begin)))
            has_ended = True
        except subprocess.TimeoutExpired:
            has_ended = False
        finally:
            process.kill()
            process.wait()
            reader.join()
            cut.cancel()
    return bytes(console), has_ended and (until is None or is_seen.is_set())


def _type(process: subprocess.Popen[bytes], keys: bytes) -> None:
    assert process.stdin is not None
    process.stdin.write(keys)
    process.stdin.flush()


def acceleration() -> list[str]:
    """QEMU's arguments for a processor as fast as this machine can have it."""
    return accelerated.processor(_accelerator())


@functools.cache
def _accelerator() -> str:
    """Tried once for each start of this machine."""
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    cache().mkdir(parents=True, exist_ok=True)
    answer = cache() / f"accelerator-{boot_id}"
    if not answer.exists():
        answer.write_text(accelerated.accelerator(program("qemu-system-x86_64"), kernel().vmlinuz))
    return answer.read_text()


def power_cut(longest: float, number: int = 0) -> float:
    """A moment to cut the power, in seconds: the same again for the LAB_SEED that it prints."""
    moment = random.Random(f"{_SEED} {number}").uniform(0, longest)
    print(f"LAB_SEED={_SEED}: cut after {moment:.1f} s")
    return moment


__all__ = ["EMPTY", "GIB", "MIB", "Disk", "LabError", "Machine", "Result", "allocated", "digest", "power_cut", "run"]
