# SPDX-License-Identifier: GPL-2.0-or-later
"""The one option of these tests."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-goldens", action="store_true", help="write the golden kickstarts anew")
