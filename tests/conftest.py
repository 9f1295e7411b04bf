# SPDX-License-Identifier: GPL-2.0-or-later
"""The options of these tests, and how far they search."""

import gc
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


# What takes half a minute or more, files and tests: begun first, so that no process is left alone with one at the end.
LONGEST = (
    "tests/lab/test_storage.py",
    "tests/lint/test_one_judge.py::test_generated_kickstarts_have_one_judge",
    "tests/gate/test_gate.py::test_anaconda_still_plans_the_same",
    "tests/gate/test_gate.py::test_written_kickstart_makes_the_same_node",
    "tests/gate/test_gate.py::test_works_in_main",
    "tests/gui/test_spokes.py",
    "tests/lab/test_quick.py",
    "tests/kickstart/test_shapes.py::test_any_site_both_ways",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


def pytest_collection_finish() -> None:
    """Thousands of tests stay until the end: Python need not look through them for garbage again and again."""
    gc.freeze()
