# SPDX-License-Identifier: GPL-2.0-or-later
"""The kickstart of every example host, as it was reviewed last. `make goldens` writes them anew.

The hook and the programs of %pre stand in each of them verbatim, which other tests show; here a line stands for each.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from example_site import kickstarts, site

from ksgen.kickstart.page import source
from ksgen.version import version
from org_ovirt_node.programs import checks, disks, imgbase, names, nics, report

GOLDENS = Path(__file__).parents[1] / "data" / "goldens"
PROGRAMS = {
    "checks.py": checks,
    "disks.py": disks,
    "imgbase.py": imgbase,
    "names.py": names,
    "nics.py": nics,
    "report.py": report,
}


def shortened(text: str) -> str:
    for name, program in PROGRAMS.items():
        text = text.replace(source(program), f"(org_ovirt_node/programs/{name})")
    return text.replace(f"ksgen {version()};", "ksgen VERSION;")


@pytest.mark.parametrize("name", [host.name for host in site()[0]])
def test_kickstart_is_as_reviewed(name: str, request: pytest.FixtureRequest) -> None:
    path = GOLDENS / f"{name}.ks"
    text = shortened(kickstarts()[name])
    if request.config.getoption("--write-goldens"):
        path.write_text(text)
    assert text == path.read_text(), "review the difference, then: make goldens"


def test_every_golden_is_of_a_host() -> None:
    assert {path.stem for path in GOLDENS.iterdir()} == {host.name for host in site()[0]}
