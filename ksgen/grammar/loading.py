# SPDX-License-Identifier: GPL-2.0-or-later
"""Loads pykickstart without requests, a fifth of the start of a command.

pykickstart needs it to fetch kickstarts by URL (pykickstart/load.py). ksgen reads files itself and gives pykickstart
texts, so that nothing is ever fetched.
"""

from __future__ import annotations

import contextlib
import sys
import types
from collections.abc import Iterator

_NAMES = ("requests", "requests.exceptions")


@contextlib.contextmanager
def _without_requests() -> Iterator[None]:
    """Something in the place of requests, gone again afterwards; an imported one stays."""
    if "requests" in sys.modules:
        yield
        return
    package, exceptions = (types.ModuleType(name) for name in _NAMES)
    vars(exceptions).update(SSLError=OSError, RequestException=OSError)
    vars(package).update(exceptions=exceptions)
    sys.modules.update(zip(_NAMES, (package, exceptions), strict=True))
    try:
        yield
    finally:
        for name in _NAMES:
            del sys.modules[name]


with _without_requests():
    import pykickstart.load  # noqa: F401  everything else of pykickstart uses this one
