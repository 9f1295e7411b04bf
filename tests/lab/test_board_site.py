# SPDX-License-Identifier: GPL-2.0-or-later
"""`make board`, as a new user runs it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from lab import board
from lab.machine import PATIENCE


@pytest.mark.lab
def test_a_machine_installs_itself_and_is_followed() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "lab.board", "--once"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300 * PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{board.HOST}: installed" in done.stdout
