# SPDX-License-Identifier: GPL-2.0-or-later
"""What differs between Anaconda's releases for the service; nothing else asks which one it runs in."""

from __future__ import annotations

from typing import Any

from pyanaconda.modules.common.constants import objects, services
from pyanaconda.modules.common.errors import installation


def set_property(proxy: Any, name: str, value: Any) -> None:
    """Set a property of one of Anaconda's modules: EL 9's have a method SetX() where later ones have a writable X."""
    setter = getattr(proxy, f"Set{name}", None)
    if setter is None:
        setattr(proxy, name, value)
    else:
        setter(value)


def word() -> str:
    """The release as the layout calls it; later ones than EL 10 partition like it."""
    return "el9" if runtime_service() is None else "el10"


def payload_error_class() -> type[Exception]:
    """What ends an installation with our words in a dialog of its own when it is not storage that is wrong.

    Anaconda chooses the dialog by the exact class (its errors.py). EL 9 has none for what the payload's module
    raises; there the storage's is the only one that shows the text and does not offer to go on.
    """
    later: type[Exception] = installation.StorageInstallationError
    return getattr(installation, "PayloadInstallationError", later)


def runtime_service() -> Any:
    """The module that runs the scripts of a kickstart; None on EL 9, where the user interface runs them."""
    return services.RUNTIME if hasattr(objects, "SCRIPTS") else None
