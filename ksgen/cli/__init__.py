# SPDX-License-Identifier: GPL-2.0-or-later
"""The command `ksgen`."""

from ksgen.cli.command import main

__all__ = ["main"]
