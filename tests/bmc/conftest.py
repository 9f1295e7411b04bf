# SPDX-License-Identifier: GPL-2.0-or-later
"""Controllers on the loopback."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redfish_server
from redfish_server import Controller

Start = Callable[..., Controller]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return redfish_server.certificate(tmp_path_factory.mktemp("bmc"), "DNS:localhost", "IP:127.0.0.1")


@pytest.fixture
def start(certificate: tuple[Path, Path]) -> Iterator[Start]:
    """Start a controller that behaves as it is told."""
    with contextlib.ExitStack() as stack:
        yield lambda **behaviour: stack.enter_context(redfish_server.serving(Controller(**behaviour), *certificate))
