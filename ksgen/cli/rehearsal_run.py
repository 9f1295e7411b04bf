# SPDX-License-Identifier: GPL-2.0-or-later
"""The rehearsals of one command: what is in their way, each prepared and carried out, its steps printed."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click

from ksgen import media, netboot, rehearsal
from ksgen.cli.edges import DONE, PROBLEMS, counted, show_problems, stop, talk
from ksgen.cli.rehearsal_media import Given, checksum_problems, read_images
from ksgen.cli.selection import read
from ksgen.host import Host, read_hosts
from ksgen.media import NodeImage
from ksgen.problems import Finding, Mark, Problem
from ksgen.rehearsal import Alike, Change, Machine, Source, Step

_MINUTES, _MINUTES_EMULATED = 60, 240
# Until the installer has fetched its kickstart: firmware, its kernel, and its network.
_BOOT_MINUTES, _BOOT_MINUTES_EMULATED = 10, 30
# A node with its image, as far as it is written: bytes.
_SPACE = 12 * 10**9
PROGRAMS = (
    "qemu-system-x86_64", "ip", "unshare", "nsenter", "setpriv", "sleep", "timeout", "nginx", "dnsmasq",
    "openssl",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Options:
    """The arguments of `rehearse`."""

    hosts: str
    names: tuple[str, ...]
    more: tuple[str, ...]
    isos: tuple[tuple[str | None, Path], ...]
    trees: tuple[tuple[str, Path], ...]
    image: Path | None
    images: Path | None
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

    @property
    def given(self) -> Given:
        return Given(self.isos, self.trees, self.image, self.images)


def refuse(problems: Sequence[Problem], sources: Mapping[str, str], as_json: bool) -> None:
    """Show why nothing is rehearsed, and exit."""
    show_problems(problems, sources, as_json)
    errors = sum(problem.severity == "error" for problem in problems)
    stop(f"{counted(errors, 'error')}; nothing was rehearsed")


def has_errors(problems: Sequence[Problem]) -> bool:
    return any(problem.severity == "error" for problem in problems)


class Run:
    """The rehearsals of one command."""

    def __init__(self, options: Options, sources: dict[str, str], installers: Mapping[str, Source]) -> None:
        self._options, self._sources, self._installers = options, sources, installers
        self._told: list[dict[str, object]] = []

    def all(self, groups: Sequence[Alike]) -> None:
        """Rehearse one host of each group, and exit."""
        hosts = [group.first for group in groups]
        images = self._checked(hosts)
        accelerator = self._accelerator(self._installers[hosts[0].settings.release])
        failed = []
        for group in groups:
            steps = self._one(group, images[group.first.name], accelerator)
            if not steps or not all(step.is_good for step in steps):
                failed.append(group.first.name)
        if self._options.as_json:
            show_problems((), {}, as_json=True, more={"rehearsals": self._told})
        done = len(groups) - len(failed)
        talk(f"{done} of {counted(len(groups), 'host')} as planned" + (f"; not {', '.join(failed)}" if failed else ""))
        sys.exit(PROBLEMS if failed else DONE)

    def _checked(self, hosts: Sequence[Host]) -> Mapping[str, NodeImage]:
        """The image of each host, if nothing is in the way of its rehearsal."""
        images, problems = read_images(self._options.given, hosts)
        here = Mark(self._options.hosts, 1)
        problems += [Problem("program-missing", text, here) for text in rehearsal.missing(PROGRAMS)]
        if not any(problem.code == "program-missing" for problem in problems):
            problems += [problem for host in hosts for problem in self._in_the_way(host)]
        if not has_errors(problems):
            problems += checksum_problems(self._options.given, hosts)
        if has_errors(problems):
            refuse(problems, self._sources, self._options.as_json)
        show_problems([] if self._options.as_json else problems, self._sources, as_json=False)
        return images

    def _accelerator(self, source: Source) -> str:
        with self._directory() as directory:
            kernel = rehearsal.kernel_of(source, directory)
            found = rehearsal.accelerator(rehearsal.required("qemu-system-x86_64"), kernel)
        if found != rehearsal.KVM:
            talk("note: KVM does not work here; the machine is emulated, which takes ten to thirty times as long")
        return found

    def _one(self, group: Alike, image: NodeImage, accelerator: str) -> Sequence[Step]:
        host = group.first
        source = self._installers[host.settings.release]
        with self._directory() as directory:
            machine, _ = rehearsal.machine_of(host, directory, self._options.replace, self._options.memory)
            try:
                tls = rehearsal.certificates(host, directory)
                is_emulated = accelerator != rehearsal.KVM
                changes = rehearsal.needed_changes(host, self._options.replace, tls, is_emulated=is_emulated)
                self._announce(group, machine, changes, tls)
                order = self._order(host, changes, tls, image, directory, accelerator)
                with self._console(directory):
                    steps = rehearsal.rehearse(order, self._tell, self._kept if self._options.keep else None)
            except (rehearsal.NotPublished, rehearsal.NoNamespace, rehearsal.NotServed, rehearsal.Missing) as error:
                stop(f"{host.name}: {error}")
            except media.Unreadable as error:
                stop(f"{source.path}: {error}")
            except OSError as error:
                stop(f"{error.filename or directory}: {error.strerror}")
        self._told.append(
            {
                "host": host.name,
                "stands_for": list(group.names[1:]),
                "changes": [{"variable": one.variable, "reason": one.reason} for one in changes],
                "boot_changes": [{"what": what, "reason": reason} for what, reason in self._boot_changes(host, tls)],
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

    def _in_the_way(self, host: Host) -> list[Problem]:
        """Everything that is known to be in the way of a rehearsal."""
        directory = self._options.work or Path(tempfile.gettempdir())
        machine, found = rehearsal.machine_of(host, directory, self._options.replace, self._options.memory)
        problems = [*found, *rehearsal.network_of(host, machine)[1], *rehearsal.url_problems(host)]
        if not host.settings.is_node:
            message = "is a plain host; only nodes can be rehearsed"
            problems.append(host.at(("node_kind",), Finding("rehearsal-kind", message)))
        if machine.firmware == "uefi" and rehearsal.uefi() is None:
            problems += [host.at((), Finding("program-missing", text)) for text in rehearsal.missing(["UEFI firmware"])]
        absent = rehearsal.missing_devices(machine, rehearsal.devices(rehearsal.required("qemu-system-x86_64")))
        if absent:
            message = f"the QEMU of this machine has no device {', '.join(absent)}"
            problems.append(host.at(("node_disk",), Finding("rehearsal-disk", message)))
        problems += _space_problems(host, machine, directory)
        return problems

    def _announce(
        self, group: Alike, machine: Machine, changes: Sequence[Change], tls: rehearsal.Certificates | None
    ) -> None:
        host, others = group.first, group.names[1:]
        talk(f"{host.name}" + (f", for {', '.join(others)} too" if others else ""))
        disks = ", ".join(f"{disk.bus} {disk.size / 10**9:.0f} GB" for disk in machine.disks)
        nics = counted(len(machine.nics), "NIC")
        talk(f"  a machine with {machine.firmware}, {machine.memory_mib} MiB, {disks}, {nics}")
        talk("  the kickstart is the published one, but for")
        for one in changes:
            talk(f"    {one.variable}: {one.reason}")
        for what, reason in self._boot_changes(host, tls):
            talk(f"    {what}: {reason}")

    def _boot_changes(self, host: Host, tls: rehearsal.Certificates | None) -> Iterator[tuple[str, str]]:
        """What differs in how the installer is started, and why."""
        source = self._installers[host.settings.release]
        if not isinstance(source, rehearsal.InstallTree):
            yield "inst.stage2", "from the boot ISO in a drive"
        if tls and rehearsal.needs_authority(source, host.settings):
            yield "initrd.img", "it trusts the authority of the rehearsal's servers alone"

    def _order(
        self, host: Host, changes: Sequence[Change], tls: rehearsal.Certificates | None, image: NodeImage,
        directory: Path, accelerator: str,
    ) -> rehearsal.Order:  # fmt: skip
        overlay = directory / "rehearsal.yaml"
        overlay.touch(mode=0o600)
        overlay.write_text(rehearsal.overlay(host.name, changes))
        inventories = (*(Path(one).absolute() for one in self._options.inventories), overlay)
        release = host.settings.release
        source = self._installers[release]
        tree = rehearsal.tree_of(source, release, directory)
        images = rehearsal.image_directory(host, self._options.given.image_of(host), directory)
        rehearsal.published(
            inventories, host.name, directory, {release: tree.directory}, images, tls, self._options.passwords
        )
        configuration = rehearsal.web_configuration(directory, is_root=os.geteuid() == 0)
        again, _ = read([str(one) for one in inventories], self._options.passwords)
        (changed,) = (one for one in read_hosts(again, chosen=[host.name])[0] if one.name == host.name)
        # With what was replaced.
        machine, _ = rehearsal.machine_of(changed, directory, memory_mib=self._options.memory)
        arguments = netboot.kernel_arguments(changed, rehearsal.armed_token(directory))
        installer = rehearsal.installer(tree, arguments)
        if tls and rehearsal.needs_authority(source, host.settings):
            installer = rehearsal.trusting(installer, tls.authority, directory)
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
                rehearsal.uefi() if machine.firmware == "uefi" else None, installer,
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
    short = rehearsal.memory_problem(host, machine, _free_memory_mib())
    if short:
        yield short
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
