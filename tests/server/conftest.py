# SPDX-License-Identifier: GPL-2.0-or-later
"""A server that serves, and a client that asks it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from server_site import TOKENS, Served
from starlette.testclient import TestClient


@pytest.fixture
def served(tmp_path: Path) -> Served:
    return Served(tmp_path)


@pytest.fixture
def client(served: Served) -> Iterator[TestClient]:
    with TestClient(served.application) as client:
        for _ in range(200):
            if len(served.store.newest()) == len(TOKENS):
                break
            time.sleep(0.02)
        yield client
