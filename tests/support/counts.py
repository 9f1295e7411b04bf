# SPDX-License-Identifier: GPL-2.0-or-later
"""How much of a long test is run: a part of it by `make test`, all of it by `make test-long`."""

import os

IS_LONG = os.environ.get("LONG_TESTS") == "1"


def count(usual: int, long: int) -> int:
    return long if IS_LONG else usual
