# SPDX-License-Identifier: GPL-2.0-or-later
"""What `ksgen iso` does: its steps, its progress, and what it prints."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NoReturn

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from ksgen import grammar, iso, media
from ksgen.cli.edges import PROBLEMS, count, counted, show_problems, talk
from ksgen.cli.iso_site import SiteOrder, site_content
from ksgen.cli.stopping import stoppable
from ksgen.iso import Request, SiteHost
from ksgen.lint import Linter
from ksgen.media import BootIso, NodeImage
from ksgen.problems import Finding, Mark, Report
from ksgen.targets import RELEASES
from ksgen.version import version


def write_iso(
    boot: Path, image: Path, output: Path | None, kickstart: Path | None, site: SiteOrder | None,
    efi_dir: str | None, append: str,
) -> None:  # fmt: skip
    """Write the ISO with its progress shown, or print what is wrong and exit."""
    with stoppable(), _progress() as progress:
        _Run().write(boot, image, output, kickstart, site, efi_dir, tuple(append.split()), progress)


class _Run:
    """The steps, and the problems found so far."""

    def __init__(self) -> None:
        self._report, self._sources = Report(), dict[str, str]()

    def write(
        self, boot_path: Path, image_path: Path, output: Path | None, kickstart_path: Path | None,
        site: SiteOrder | None, efi_dir: str | None, append: tuple[str, ...], progress: iso.Progress,
    ) -> None:  # fmt: skip
        self._add(boot_path, iso.missing_programs())
        self._stop_on_errors()
        boot = self._boot(boot_path)
        image = self._image(image_path)
        kickstart = self._kickstart(kickstart_path, boot) if kickstart_path else None
        # Without a valid image there is no default name for the output.
        if boot is None or image is None or (output is None and self._report.has_errors):
            self._stop()
        output = output or Path(f"{image.nvr}.iso")
        inputs = tuple(filter(None, (boot_path, image_path, kickstart_path)))
        self._add(output, iso.output_findings(output, inputs, boot.size + image.size))
        self._stop_on_errors()
        try:
            sha256 = iso.sha256(image_path, progress)
            site_files: tuple[tuple[str, bytes], ...] = ()
            if site is not None:
                hosts = self._hosts(site, boot, sha256, image)
                kickstart = iso.chooser(len(hosts), version()).encode()
                site_files = iso.site_files(hosts, site.asks)
            plan = iso.plan(Request(boot, image_path, image, sha256, kickstart, site_files, efi_dir, append, version()))
            self._add(boot_path, plan.findings)
            if kickstart_path and kickstart is not None:
                self._add(kickstart_path, iso.kickstart_findings(kickstart.decode(), sha256))
            self._stop_on_errors()
            iso.write(plan, output, progress)
        except iso.NotWritten as error:
            self._add(output, (error.finding,))
        except OSError as error:
            self._add(output, (Finding("iso-output", f"{error.filename or output}: {error.strerror}"),))
        self._stop_on_errors()
        show_problems(self._report.problems, self._sources, as_json=False)
        of_site = f", {counted(len(site_files) - 1, 'host')}" if site else ""
        talk(f"{output} written: {image.nvr}{of_site}, volume {boot.label}")

    def _boot(self, path: Path) -> BootIso | None:
        try:
            found, findings = media.read_boot_iso(path)
        except OSError as error:
            found, findings = None, (Finding("cannot-read", str(error.strerror)),)
        self._add(path, (*findings, *(media.check_boot_iso(found) if found else ())))
        return found

    def _image(self, path: Path) -> NodeImage | None:
        try:
            found, findings = media.read_node_image(path)
        except OSError as error:
            found, findings = None, (Finding("cannot-read", str(error.strerror)),)
        self._add(path, findings)
        return found

    def _kickstart(self, path: Path, boot: BootIso | None) -> bytes:
        """The kickstart with its %include files merged, because only one file goes onto the ISO."""
        file = grammar.read_file(path)
        release = boot.stage2.release if boot and boot.stage2 else None
        # Whether it installs this image is said by iso, with its place on the medium.
        linter = Linter(release if release in RELEASES else None, ("source-missing",))
        self._report.extend(linter.lint(file))
        self._sources.update(file.sources)
        return file.text.encode()

    def _hosts(self, site: SiteOrder, boot: BootIso, sha256: str, image: NodeImage) -> tuple[SiteHost, ...]:
        """The hosts of the site, if none of those that are chosen has an error."""
        content = site_content(site, boot.stage2.release if boot.stage2 else None, sha256, image.size)
        self._report.extend(content.problems)
        self._sources.update(content.sources)
        self._stop_on_errors()
        if not content.hosts:
            self._add(Path(site.inventory), (Finding("iso-site-host", "no host to install"),))
            self._stop()
        return content.hosts

    def _add(self, path: Path, findings: Iterable[Finding]) -> None:
        self._report.extend(finding.at(Mark(str(path), 1)) for finding in findings)

    def _stop_on_errors(self) -> None:
        if self._report.has_errors:
            self._stop()

    def _stop(self) -> NoReturn:
        show_problems(self._report.problems, self._sources, as_json=False)
        errors = [problem for problem in self._report.problems if problem.severity == "error"]
        talk(f"{count(errors)}; nothing was written")
        sys.exit(PROBLEMS)


@contextlib.contextmanager
def _progress() -> Iterator[iso.Progress]:
    """A progress bar for each step; a line each if standard error is not a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        told: set[str] = set()

        def tell(step: str, _done: int, _total: int) -> None:
            if step not in told:
                told.add(step)
                click.echo(step, err=True)

        yield tell
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def advance(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step, total=total)
            bars.update(tasks[step], completed=done, total=total)

        yield advance
