# SPDX-License-Identifier: GPL-2.0-or-later
"""What a kickstart can be for: the releases, and what is installed."""

from __future__ import annotations

from typing import Literal, get_args

# What pykickstart calls each release.
VERSIONS = {"el9": "RHEL9", "el10": "RHEL10"}
RELEASES = tuple(VERSIONS)
# What is installed: a node from its image, a plain EL host of oVirt or OLVM from packages, or another machine.
Machine = Literal["node", "host", "other"]
# What the user says of it; `any`: each file by what is in it.
Kind = Literal["node", "host", "other", "any"]
KINDS: tuple[Kind, ...] = get_args(Kind)
