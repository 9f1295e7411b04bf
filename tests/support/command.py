# SPDX-License-Identifier: GPL-2.0-or-later
"""The command in this process, the same with every click that setup.cfg allows."""

from __future__ import annotations

import inspect
from typing import Any

import click.testing


class CliRunner(click.testing.CliRunner):
    """Keeps standard error apart from standard output, as click does by itself since 8.2."""

    def __init__(self) -> None:
        parameters = inspect.signature(click.testing.CliRunner).parameters
        older: dict[str, Any] = {"mix_stderr": False} if "mix_stderr" in parameters else {}
        super().__init__(**older)
