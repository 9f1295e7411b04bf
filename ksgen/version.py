# SPDX-License-Identifier: GPL-2.0-or-later
"""The version of this installation."""

from __future__ import annotations

import functools

DISTRIBUTION = "ovirt-node-installer"


@functools.cache
def version() -> str:
    from importlib import metadata  # not at the top: few commands tell the version, and it takes as long as click

    return metadata.version(DISTRIBUTION)
