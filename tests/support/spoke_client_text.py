# SPDX-License-Identifier: GPL-2.0-or-later
"""Run with Anaconda's own code: the summary hub of text mode with the add-on's spoke in it. Input is read from stdin;
`automatic` stands for a person who has Storage's own spoke partition automatically. ENTER at the end of a page is given
without being read, so that where a page ends does not matter.

In the mode `by hand`, Anaconda's own storage spoke is there too, and it selects the disks.

Ends with status 0 when the hub lets the installation begin, 3 when it asks for more input than there is.
"""

from __future__ import annotations

import builtins
import functools
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Optional
from unittest.mock import Mock

from gi.repository import GLib
from pyanaconda.core.constants import ANACONDA_ENVIRON
from pyanaconda.flags import flags
from pyanaconda.ui.tui.hubs.summary import SummaryHub
from pyanaconda.ui.tui.spokes.storage import StorageSpoke
from simpleline import App
from simpleline.event_loop.glib_event_loop import GLibEventLoop
from simpleline.input.input_handler import InputHandlerRequest
from simpleline.render.screen_handler import ScreenHandler

import org_ovirt_node

sys.path.insert(0, str(Path(__file__).parent))
import spoke_storage

PACKAGE = Path(org_ovirt_node.__file__).parent
# Seconds for the main loop to come to rest, on the slowest machine.
_REST = 60


def wait_for_main_loop() -> None:
    """Until the screen that asks is finished with its work.

    simpleline asks in a thread of its own while that screen is still being handled. An answer that comes before its
    main loop waits again, which no person gives, can meet the screen before.
    """
    rests = threading.Event()
    source = GLib.idle_source_new()
    source.set_priority(GLib.PRIORITY_LOW)
    source.set_callback(lambda _: rests.set())
    # A modal screen has a loop of its own.
    source.attach(App.get_event_loop()._event_loops[-1].loop.get_context())
    rests.wait(_REST)


def wait_for_spokes(hub: SummaryHub) -> None:
    """Until none of them says "Processing...": a person who is faster than Storage finds no usable disks there."""
    end = time.monotonic() + _REST
    while not all(spoke.ready for spoke in hub._spokes.values()) and time.monotonic() < end:
        time.sleep(0.1)


def read_line(prompt: object = "", ask: Callable[[object], str] = input, hub: Optional[SummaryHub] = None) -> str:
    """Asked for more than there is, simpleline would ask for ever."""
    wait_for_main_loop()
    if hub is not None:
        wait_for_spokes(hub)
    try:
        answer = ask(prompt)
        while answer == "automatic":
            spoke_storage.apply_automatic()
            answer = ask(prompt)
    except EOFError:
        print("\n[no more input]", flush=True)
        os._exit(3)
    print(answer)
    return answer


def without_pages(ask: Callable[[InputHandlerRequest], str]) -> Callable[[InputHandlerRequest], str]:
    def answer(request: InputHandlerRequest) -> str:
        prompt: str = request.text_prompt()
        if "Press ENTER to continue" not in " ".join(prompt.split()):
            return ask(request)
        print(prompt, flush=True)
        return ""

    return answer


def with_storage(collect: Callable[[], dict[type, list[type]]]) -> Callable[[], dict[type, list[type]]]:
    """A hub takes all spokes of a directory; this one beside the add-on's, because others need more of an installer."""

    def collected() -> dict[type, list[type]]:
        mine = StorageSpoke.category.__name__
        return {
            kind: [*spokes, StorageSpoke] if kind.__name__ == mine else spokes for kind, spokes in collect().items()
        }

    return collected


def main() -> None:
    InputHandlerRequest._ask_input = without_pages(InputHandlerRequest._ask_input)
    kickstart, mode = sys.argv[1:]
    spoke_storage.prepare(Path(kickstart), has_disks=mode not in ("without disks", "by hand"))
    flags.automatedInstall = mode in ("automated", "cmdline")
    flags.ksprompt = mode != "cmdline"
    App.initialize(event_loop=GLibEventLoop())
    hub = SummaryHub(Mock(), Mock(), Mock())
    builtins.input = functools.partial(read_line, hub=hub)
    if mode == "by hand":
        hub._collectCategoriesAndSpokes = with_storage(hub._collectCategoriesAndSpokes)
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
