# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab: cases marked `lab` boot machines for minutes and run in `make lab`; the others belong to `make test`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab import pxe_installer, root, whole
from lab.machine import Watch


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--console", action="store_true", help="show the consoles of the lab's machines; goes with -s")


def pytest_configure(config: pytest.Config) -> None:
    Watch.is_on = bool(config.getoption("--console", default=False))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long cases are for those who ask for the lab."""
    if "lab" in config.option.markexpr:
        return
    long = [item for item in items if item.get_closest_marker("lab")]
    items[:] = [item for item in items if item not in long]
    config.hook.pytest_deselected(items=long)


@pytest.fixture(scope="session")
def vm_root() -> Path:
    """The root of machines that run jobs."""
    return root.vm_root()


@pytest.fixture(scope="session")
def kernel() -> root.Kernel:
    """The kernel of machines that run jobs, with the lab's initramfs."""
    return root.kernel()


@pytest.fixture(scope="module")
def stand_ins() -> Iterator[Path]:
    """What stands in for the installer and the node image."""
    with pxe_installer.served() as directory:
        yield directory


@pytest.fixture(params=whole.RELEASES)
def release(request: pytest.FixtureRequest) -> str:
    """A release of EL whose Anaconda the bench can run whole."""
    found = str(request.param)
    if reason := whole.reason(found):
        pytest.skip(reason)
    return found


@pytest.fixture(scope="session")
def overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The add-on's image, unpacked."""
    return whole.overlay(tmp_path_factory.mktemp("addon"))


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Takes lines that are printed at the end of the run."""
    return lambda line: record_property("figure", line)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    figures = {
        report.nodeid: [line for name, line in report.user_properties if name == "figure"]
        for report in reports
        if getattr(report, "when", "") == "call"
    }
    if any(figures.values()):
        terminalreporter.section("where the time goes")
    for nodeid, lines in figures.items():
        for line in lines:
            terminalreporter.line(f"{nodeid.rpartition('::')[2]}: {line}")
