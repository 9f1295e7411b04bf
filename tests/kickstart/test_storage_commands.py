# SPDX-License-Identifier: GPL-2.0-or-later
"""The storage commands of ksgen's kickstarts are those that the add-on gives to Storage."""

from __future__ import annotations

from pathlib import Path

import pytest
from anaconda_cases import CASES, Case, storage_commands

from org_ovirt_node.storage_kickstart import node_kickstart


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
def test_commands_are_those_of_the_kickstart(case: Case, tmp_path: Path) -> None:
    """Which tests/data/anaconda has what Anaconda makes of."""
    host = case.host("el9", tmp_path)
    written = storage_commands(case.kickstart("el9", tmp_path))
    given = node_kickstart(host.plan, host.disk_links, "", erases=True).splitlines()
    assert given == [line for line in written if not line.startswith("bootloader ")]
