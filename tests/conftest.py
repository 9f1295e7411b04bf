# SPDX-License-Identifier: GPL-2.0-or-later
"""The options of these tests, and how far they search."""

import os
import signal

import pytest
from hypothesis import settings

# The same examples each time, so that a change is red only for what it changes. A search for new ones:
# HYPOTHESIS_PROFILE=default make test
settings.register_profile("fixed", derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))

# A shell starts a job in the background with SIGINT ignored, and so would be the programs that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-goldens", action="store_true", help="write the golden kickstarts anew")
    parser.addoption("--write-traps", action="store_true", help="write the messages of tests/data/*-traps.txt anew")
