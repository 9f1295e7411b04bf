# SPDX-License-Identifier: GPL-2.0-or-later
"""What `ksgen rehearse` does: it decides, prepares and carries out rehearsals, and prints their steps."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click

from ksgen import media, netboot, rehearsal
from ksgen.cli.edges import DONE, PROBLEMS, counted, names_text, show_problems, stop, talk
from ksgen.cli.selection import limited, read
from ksgen.cli.stopping import stoppable
from ksgen.host import Host, read_hosts
from ksgen.media import BootIso, NodeImage
from ksgen.problems import Finding, Mark, Problem, Report
from ksgen.rehearsal import Alike, Change, Machine, Step
from ksgen.targets import RELEASES

_MINUTES, _MINUTES_EMULATED = 60, 240
# Until the installer has fetched its kickstart: firmware, its kernel, and its network.
_BOOT_MINUTES, _BOOT_MINUTES_EMULATED = 10, 30
# The whole machine's memory that others need.
_MEMORY_LEFT_MIB = 512
# A node with its image, as far as it is written: bytes.
_SPACE = 12 * 10**9
_PROGRAMS = (
    "qemu-system-x86_64", "ip", "unshare", "nsenter", "setpriv", "sleep", "timeout", "nginx", "dnsmasq",
    "openssl",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Options:
    """The arguments of `rehearse`."""

    hosts: str
    names: tuple[str, ...]
    more: tuple[str, ...]
    boot: Path | None
    image: Path | None
    shapes: bool
    replace: tuple[str, ...]
    memory: int | None
    minutes: int | None
    work: Path | None
    keep: bool
    console: bool
    passwords: tuple[str, ...]
    as_json: bool

    @property
    def inventories(self) -> tuple[str, ...]:
        return (self.hosts, *self.more)


def rehearse(options: Options) -> None:
    """Rehearse, and exit: 0 if every step of every host is as it has to be."""
    if "-" in options.inventories:
        raise click.UsageError("a rehearsal reads the inventory several times: name a file")
    site, report = read(options.inventories, options.passwords)
    known, found = read_hosts(site)
    report.extend(found)
    chosen = limited(site, ",".join(options.names) or None)
    if not options.names and not options.shapes:
        raise click.UsageError("name a HOST to rehearse, or add --shapes for one of each shape")
    hosts = [host for host in known if host.name in chosen]
    if options.keep and options.as_json:
        raise click.UsageError("--keep and --json exclude each other")
    if options.shapes and (plain := [host.name for host in hosts if not host.settings.is_node]):
        talk(f"note: {names_text(plain)}: plain hosts are not rehearsed")
        hosts = [host for host in hosts if host.settings.is_node]
    groups = rehearsal.alike(hosts) if options.shapes else tuple(Alike((host,)) for host in hosts)
    if options.boot is None and options.shapes:
        _list(groups, options.as_json)
        return
    if options.boot is None or options.image is None:
        raise click.UsageError("--boot-iso and --image are required")
    errors = report.errors_of(chosen)
    if errors:
        _stop(Report(), errors, site.sources, options.as_json)
    with stoppable():
        _Run(options, dict(site.sources)).all(groups, options.boot, options.image)


def _list(groups: Sequence[Alike], as_json: bool) -> None:
    if as_json:
        shapes = [{"rehearsed": one.first.name, "hosts": list(one.names)} for one in groups]
        show_problems((), {}, as_json=True, more={"shapes": shapes})
        return
    for one in groups:
        others = one.names[1:]
        click.echo(one.first.name + (f" for {counted(len(others), 'other')}: {', '.join(others)}" if others else ""))


def _stop(report: Report, more: Sequence[Problem], sources: Mapping[str, str], as_json: bool) -> None:
    problems = [*report.problems, *more]
    show_problems(problems, sources, as_json)
    errors = sum(problem.severity == "error" for problem in problems)
    stop(f"{counted(errors, 'error')}; nothing was rehearsed")


class _Run:
    """The rehearsals of one command."""

    def __init__(self, options: Options, sources: dict[str, str]) -> None:
        self._options, self._sources = options, sources
        self._told: list[dict[str, object]] = []

    def all(self, groups: Sequence[Alike], boot_path: Path, image_path: Path) -> None:
        """Rehearse one host of each group, and exit."""
        boot, image = self._media(boot_path, image_path)
        problems = [problem for group in groups for problem in self._in_the_way(group.first, boot, image_path)]
        if problems:
            _stop(Report(), problems, self._sources, self._options.as_json)
        accelerator = self._accelerator(boot)
        failed = []
        for group in groups:
            steps = self._one(group, boot, image, image_path, accelerator)
            if not steps or not all(step.is_good for step in steps):
                failed.append(group.first.name)
        if self._options.as_json:
            show_problems((), {}, as_json=True, more={"rehearsals": self._told})
        done = len(groups) - len(failed)
        talk(f"{done} of {counted(len(groups), 'host')} as planned" + (f"; not {', '.join(failed)}" if failed else ""))
        sys.exit(PROBLEMS if failed else DONE)

    def _media(self, boot_path: Path, image_path: Path) -> tuple[BootIso, NodeImage]:
        report = Report()
        boot, findings = media.read_boot_iso(boot_path)
        report.extend(finding.at(Mark(str(boot_path), 1)) for finding in findings)
        if boot is not None:
            report.extend(finding.at(Mark(str(boot_path), 1)) for finding in media.check_boot_iso(boot))
        image, findings = media.read_node_image(image_path)
        report.extend(finding.at(Mark(str(image_path), 1)) for finding in findings)
        missing = rehearsal.missing(_PROGRAMS)
        report.extend(Problem("program-missing", text, Mark(str(boot_path), 1)) for text in missing)
        if report.has_errors or boot is None or image is None:
            _stop(report, (), self._sources, self._options.as_json)
        assert boot is not None
        assert image is not None
        show_problems([one for one in report.problems if not self._options.as_json], self._sources, as_json=False)
        return boot, image

    def _accelerator(self, boot: BootIso) -> str:
        with self._directory() as directory:
            kernel = rehearsal.kernel_of(boot, directory)
            found = rehearsal.accelerator(rehearsal.required("qemu-system-x86_64"), kernel)
        if found != rehearsal.KVM:
            talk("note: KVM does not work here; the machine is emulated, which takes ten to thirty times as long")
        return found

    def _one(self, group: Alike, boot: BootIso, image: NodeImage, image_path: Path, accelerator: str) -> Sequence[Step]:
        host = group.first
        with self._directory() as directory:
            machine, _ = rehearsal.machine_of(host, directory, self._options.replace, self._options.memory)
            try:
                tls = rehearsal.certificates(host, directory)
                authority = tls.authority if tls else None
                is_emulated = accelerator != rehearsal.KVM
                changes = rehearsal.needed_changes(host, self._options.replace, authority, is_emulated=is_emulated)
                self._announce(group, machine, changes)
                order = self._order(host, changes, tls, boot, image, image_path, directory, accelerator)
                with self._console(directory):
                    steps = rehearsal.rehearse(order, self._tell, self._kept if self._options.keep else None)
            except (rehearsal.NotPublished, rehearsal.NoNamespace, rehearsal.NotServed, rehearsal.Missing) as error:
                stop(f"{host.name}: {error}")
            except media.Unreadable as error:
                stop(f"{boot.path}: {error}")
            except OSError as error:
                stop(f"{error.filename or directory}: {error.strerror}")
        self._told.append(
            {
                "host": host.name,
                "stands_for": list(group.names[1:]),
                "changes": [{"variable": one.variable, "reason": one.reason} for one in changes],
                "steps": [step.to_json() for step in steps],
            }
        )
        return steps

    @contextlib.contextmanager
    def _directory(self) -> Iterator[Path]:
        """A directory with a short path, for sockets. It is removed, unless the machine is kept."""
        above = self._options.work
        if above is not None:
            above.mkdir(parents=True, exist_ok=True)
        # nginx's workers may be another user.
        with tempfile.TemporaryDirectory(prefix="ksgen-", dir=above) as made:
            os.chmod(made, 0o755)
            yield Path(made).absolute()

    def _in_the_way(self, host: Host, boot: BootIso, image_path: Path) -> list[Problem]:
        """Everything that is known to be in the way of a rehearsal."""
        directory = self._options.work or Path(tempfile.gettempdir())
        machine, found = rehearsal.machine_of(host, directory, self._options.replace, self._options.memory)
        problems = [*found, *rehearsal.network_of(host, machine)[1], *rehearsal.url_problems(host)]
        if not host.settings.is_node:
            message = "is a plain host; only nodes can be rehearsed"
            problems.append(host.at(("node_kind",), Finding("rehearsal-kind", message)))
        own = boot.stage2.release if boot.stage2 else None
        if own in RELEASES and own != host.settings.release:
            message = f"is of {host.settings.release}; the installer of the boot ISO is {own}"
            problems.append(host.at(("node_release",), Finding("rehearsal-release", message)))
        if machine.firmware == "uefi" and rehearsal.uefi() is None:
            problems += [host.at((), Finding("program-missing", text)) for text in rehearsal.missing(["UEFI firmware"])]
        absent = rehearsal.missing_devices(machine, rehearsal.devices(rehearsal.required("qemu-system-x86_64")))
        if absent:
            message = f"the QEMU of this machine has no device {', '.join(absent)}"
            problems.append(host.at(("node_disk",), Finding("rehearsal-disk", message)))
        problems += _space_problems(host, machine, directory)
        if host.settings.image_sha256 and not problems:
            with image_path.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            wrong = rehearsal.image_problem(host, image_path, sha256)
            problems += [wrong] if wrong else []
        return problems

    def _announce(self, group: Alike, machine: Machine, changes: Sequence[Change]) -> None:
        host, others = group.first, group.names[1:]
        talk(f"{host.name}" + (f", for {', '.join(others)} too" if others else ""))
        disks = ", ".join(f"{disk.bus} {disk.size / 10**9:.0f} GB" for disk in machine.disks)
        nics = counted(len(machine.nics), "NIC")
        talk(f"  a machine with {machine.firmware}, {machine.memory_mib} MiB, {disks}, {nics}")
        talk("  the kickstart is the published one, but for")
        for one in changes:
            talk(f"    {one.variable}: {one.reason}")
        talk("    inst.stage2: from the boot ISO in a drive")

    def _order(
        self, host: Host, changes: Sequence[Change], tls: rehearsal.Certificates | None, boot: BootIso,
        image: NodeImage, image_path: Path, directory: Path, accelerator: str,
    ) -> rehearsal.Order:  # fmt: skip
        overlay = directory / "rehearsal.yaml"
        overlay.touch(mode=0o600)
        overlay.write_text(rehearsal.overlay(host.name, changes))
        inventories = (*(Path(one).absolute() for one in self._options.inventories), overlay)
        release = host.settings.release
        tree = rehearsal.tree_of(boot, release, directory)
        images = rehearsal.image_directory(host, image_path, directory)
        rehearsal.published(
            inventories, host.name, directory, {release: tree.directory}, images, tls, self._options.passwords
        )
        configuration = rehearsal.web_configuration(directory, is_root=os.geteuid() == 0)
        again, _ = read([str(one) for one in inventories], self._options.passwords)
        (changed,) = (one for one in read_hosts(again, chosen=[host.name])[0] if one.name == host.name)
        # With what was replaced.
        machine, _ = rehearsal.machine_of(changed, directory, memory_mib=self._options.memory)
        arguments = netboot.kernel_arguments(changed, rehearsal.armed_token(directory))
        is_fast = accelerator == rehearsal.KVM
        minutes = self._options.minutes or (_MINUTES if is_fast else _MINUTES_EMULATED)
        boot_minutes = min(minutes, _BOOT_MINUTES if is_fast else _BOOT_MINUTES_EMULATED)
        return rehearsal.Order(
            host=changed,
            nvr=str(image.nvr),
            machine=machine,
            network=rehearsal.network_of(changed, machine)[0],
            served=rehearsal.Served(directory, inventories, directory / "serve", configuration),
            start=rehearsal.Start(
                rehearsal.required("qemu-system-x86_64"), accelerator, directory,
                rehearsal.uefi() if machine.firmware == "uefi" else None, rehearsal.installer(tree, arguments),
            ),
            limits=rehearsal.Limits(minutes * 60, boot_minutes * 60),
        )  # fmt: skip

    def _tell(self, step: Step) -> None:
        time_text = f" ({step.seconds:.0f} s)" if step.seconds is not None else ""
        (talk if self._options.as_json else click.echo)(
            f"  {'ok   ' if step.is_good else 'WRONG'} {step.name}: {step.text}{time_text}"
        )

    def _kept(self, directory: Path) -> None:
        talk(f"  the machine is kept in {directory}: console (a Unix socket), console.log, qmp, out/; Ctrl-C ends it")
        while True:  # until a signal ends it
            time.sleep(1)

    @contextlib.contextmanager
    def _console(self, directory: Path) -> Iterator[None]:
        """With --console, what the serial console shows goes to standard error meanwhile."""
        if not self._options.console:
            yield
            return
        over = threading.Event()
        follower = threading.Thread(target=_follow, args=(rehearsal.log(directory, rehearsal.CONSOLE), over))
        follower.start()
        try:
            yield
        finally:
            over.set()
            follower.join()


def _follow(file: Path, over: threading.Event) -> None:
    place = 0
    while True:
        is_last = over.is_set()
        if file.exists():
            with file.open("rb") as opened:
                opened.seek(place)
                data = opened.read()
            place += len(data)
            sys.stderr.buffer.write(data)
            sys.stderr.flush()
        if is_last:
            return
        over.wait(0.2)


def _space_problems(host: Host, machine: Machine, directory: Path) -> Iterator[Problem]:
    """Memory and disk space that this machine does not have."""
    directory = next(one for one in (directory.absolute(), *directory.absolute().parents) if one.exists())
    free_mib = _free_memory_mib()
    if free_mib is not None and free_mib < machine.memory_mib + _MEMORY_LEFT_MIB:
        message = f"{free_mib} MiB of memory are free here; the machine needs {machine.memory_mib} MiB"
        yield host.at((), Finding("rehearsal-memory", message, hint="--memory MIB gives it less"))
    status = os.statvfs(directory)
    free = status.f_bavail * status.f_frsize
    if free < _SPACE:
        message = f"{directory}: {free / 10**9:.0f} GB are free; a rehearsal writes up to {_SPACE / 10**9:.0f} GB"
        yield host.at((), Finding("rehearsal-space", message, hint="--work DIR uses another directory"))


def _free_memory_mib() -> int | None:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) // 1024
    return None
