# SPDX-License-Identifier: GPL-2.0-or-later
"""The web server of a site, for all tests of preflight."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import image_servers
import pytest
from image_servers import Site


@pytest.fixture
def site(root: Path) -> Iterator[Site]:
    """What serves `root`, which each module fills."""
    with image_servers.serving(root) as found:
        yield found
