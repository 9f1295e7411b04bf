# SPDX-License-Identifier: GPL-2.0-or-later
"""Run with Anaconda's own code: the summary hub of text mode with the add-on's spoke in it. Input is read from stdin.

Ends with status 0 when the hub lets the installation begin, 3 when it asks for more input than there is.
"""

from __future__ import annotations

import builtins
import os
import sys
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

from pyanaconda.core.constants import ANACONDA_ENVIRON
from pyanaconda.flags import flags
from pyanaconda.ui.tui.hubs.summary import SummaryHub
from simpleline import App
from simpleline.event_loop.glib_event_loop import GLibEventLoop
from simpleline.render.screen_handler import ScreenHandler

import org_ovirt_node

sys.path.insert(0, str(Path(__file__).parent))
import spoke_storage

PACKAGE = Path(org_ovirt_node.__file__).parent


def read_line(prompt: object = "", ask: Callable[[object], str] = input) -> str:
    """Asked for more than there is, simpleline would ask for ever."""
    try:
        answer = ask(prompt)
    except EOFError:
        print("\n[no more input]", flush=True)
        os._exit(3)
    print(answer)
    return answer


def main() -> None:
    builtins.input = read_line
    kickstart, mode = sys.argv[1:]
    spoke_storage.prepare(Path(kickstart))
    flags.automatedInstall = mode in ("automated", "cmdline")
    flags.ksprompt = mode != "cmdline"
    App.initialize(event_loop=GLibEventLoop())
    hub = SummaryHub(Mock(), Mock(), Mock())
    # The room that the payload needs is not what this is about.
    hub._checker = None
    categories = Path(sys.modules["pyanaconda"].__file__ or "").parent / "ui" / "categories"
    hub.set_path("categories", [("pyanaconda.ui.categories.%s", str(categories))])
    hub.set_path("spokes", [("org_ovirt_node.tui.spokes.%s", str(PACKAGE / "tui" / "spokes"))])
    ScreenHandler.schedule_screen(hub, args=ANACONDA_ENVIRON)
    App.run()
    print("\n[the installation begins]")


if __name__ == "__main__":
    main()
