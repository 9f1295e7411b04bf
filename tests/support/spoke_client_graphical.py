# SPDX-License-Identifier: GPL-2.0-or-later
"""Run with Anaconda's own code on a virtual X server: main window and summary hub with the add-on's spoke in it.

Does what its arguments say, one after the other, and prints a line of JSON for each: what the hub and the spoke show.

    spoke_client_graphical.py KICKSTART interactive|automated PICTURES ACTION...

`german` (the first one: from the beginning), `select=DISK,DISK` (what a person does in Storage's spoke; none without
names), `automatic` (there, too), `enter`, `again` (enter for the second time), `back`, `use`, `reuse`, `mirror`,
`erase`, `proposal`, `current`, `disks`, `layout=NAME`, `images=N`, `size=MOUNT_POINT SIZE`, `tab` (walks through by
keyboard), `picture=NAME` (a screenshot NAME.png in PICTURES; tells its size and how many pixels have the colour of the
root volume).
"""

from __future__ import annotations

import faulthandler
import json
import locale
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

sys.path.insert(0, str(Path(__file__).parent))
import indexed_png

SIZE = (1024, 768)
# Seconds for all actions; a machine that does much else beside needs most of them.
_LIMIT = 900
# With Alt.
KEYS = {"use": "u", "reuse": "u", "mirror": "r", "erase": "e", "proposal": "n", "current": "c", "disks": "k"}
# Of the spoke, in the hub.
ICON = "drive-multidisk-symbolic"
# What the segment of the root volume is filled with: picture.py's colour in bytes.
ROOT_COLOUR = bytes((25, 94, 181))


def start_display() -> subprocess.Popen[bytes]:
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", "1", "-screen", "0", "{}x{}x24".format(*SIZE), "-nolisten", "tcp"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert server.stdout is not None
    os.environ["DISPLAY"] = ":" + server.stdout.readline().decode().strip()
    os.environ["GDK_BACKEND"] = "x11"
    return server


def add_icons(theme: Any) -> None:
    """Plain pictures in the place of icons that GTK cannot load: the root of EL10 has no loader for SVG.

    Without an icon, Anaconda's SpokeSelector frees the one that it had and keeps using it (set_icon in
    widgets/src/SpokeSelector.c), and crashes.
    """
    if theme.lookup_icon(ICON, 32, 0) is not None:
        return
    directory = Path(tempfile.mkdtemp())
    rows = bytes((128, 128, 128)) * 32 * 32
    (directory / f"{ICON}.png").write_bytes(indexed_png.encode(32, 32, rows, 3 * 32))
    theme.append_search_path(str(directory))


class Session:
    def __init__(self, mode: str, pictures: Path) -> None:
        from gi.repository import Gdk, Gtk
        from pyanaconda.flags import flags
        from pyanaconda.ui.gui import MainWindow
        from pyanaconda.ui.gui.hubs.summary import SummaryHub

        import org_ovirt_node

        flags.automatedInstall = mode == "automated"
        self._gdk, self._gtk, self._pictures = Gdk, Gtk, pictures
        add_icons(Gtk.IconTheme.get_default())
        style = Gtk.CssProvider()
        style.load_from_path(os.environ["ANACONDA_DATA"] + "/anaconda-gtk.css")
        Gtk.StyleContext.add_provider_for_screen(Gdk.Screen.get_default(), style, 600)
        self.window = MainWindow()
        self.hub = SummaryHub(Mock(), Mock(), Mock())
        # The room that the payload needs is not what this is about.
        self.hub._checker = None
        package = Path(org_ovirt_node.__file__).parent
        categories = Path(sys.modules["pyanaconda"].__file__ or "").parent / "ui" / "categories"
        self.hub.set_path("categories", [("pyanaconda.ui.categories.%s", str(categories))])
        self.hub.set_path("spokes", [("org_ovirt_node.gui.spokes.%s", str(package / "gui" / "spokes"))])
        self.continued = False
        self.hub.window.connect("continue-clicked", self._note_continue)
        self.hub.initialize()
        self.hub.refresh()
        self.window.setCurrentAction(self.hub)
        self.window.show()
        self.window.resize(*SIZE)
        # No tooltip in the pictures.
        display = Gdk.Display.get_default()
        display.get_default_seat().get_pointer().warp(display.get_default_screen(), 0, SIZE[1] - 1)
        (self.spoke,) = self.hub._spokes.values()

    def _note_continue(self, window: Any) -> None:
        self.continued = True

    def is_idle(self) -> bool:
        """Whether nothing is going on any more, in the spoke or between it and the hub."""
        from pyanaconda.ui.communication import hubQ

        # Once it has continued by itself, the hub looks into its queue no more.
        is_empty = self.continued or hubQ.q.empty()
        return self.spoke.ready and is_empty and not self._gtk.events_pending()

    def look(self) -> dict[str, Any]:
        get, spoke = self.spoke.builder.get_object, self.spoke
        picture = get("picture").get_accessible().get_description()
        return {
            "status": spoke.selector.get_property("status"),
            "incomplete": spoke.selector.get_incomplete(),
            "may continue": self.hub.window.get_may_continue(),
            "continued": self.continued,
            "in spoke": self.window.current_window is spoke.window,
            "layout": [name for name, button in spoke._layouts.items() if button.get_active()],
            "images": get("images_spin").get_value_as_int(),
            "shown": "proposal" if get("proposal_button").get_active() else "current",
            "capacity": get("capacity_label").get_text(),
            "bars": picture.splitlines() if picture else [],
            "table": [" | ".join(row[:4]) + (f" ({row[4]})" if row[4] else "") for row in spoke._rows],
            "problems": [row.get_accessible().get_name() for row in get("problems").get_children()],
            "usable": get("use_button").get_sensitive(),
            "erase": get("erase_label").get_label() if get("erase_check").get_visible() else "",
            "erased": get("erased_label").get_text() if get("erased_label").get_visible() else "",
            "button": get("use_button").get_label(),
            "sizes": get("sizes_label").get_text(),
            "mirrored": get("mirror_check").get_active(),
            "failure": spoke._node.failure,
        }

    def act(self, action: str) -> object:
        """Do one thing as a person does, by mnemonic where there is one; returns what it showed beside the look."""
        name, _, value = action.partition("=")
        get = self.spoke.builder.get_object
        if name == "german":
            pass  # from the beginning
        elif name in ("enter", "again"):
            self.hub._on_spoke_clicked(self.spoke.selector, None, self.spoke)
        elif name == "back":
            self.spoke.window.emit("button-clicked")
        elif name in KEYS:
            self._press(KEYS[name])
        elif name == "automatic":
            import spoke_storage

            spoke_storage.apply_automatic()
        elif name == "select":
            from pyanaconda.ui.lib.storage import apply_disk_selection

            apply_disk_selection([disk for disk in value.split(",") if disk])
        elif name == "layout":
            self._press(value[0])
        elif name == "images":
            self._press("i")
            assert self.window.get_focus() is get("images_spin")
            get("images_spin").set_text(value)
            get("images_spin").update()
        elif name == "size":
            self._press("l")
            assert self.window.get_focus() is get("size_entry")
            get("size_entry").set_text(value)
            get("size_entry").activate()
        elif name == "tab":
            return list(self._walk())
        elif name == "picture":
            source = self.window.get_window()
            pixels = self._gdk.pixbuf_get_from_window(source, 0, 0, source.get_width(), source.get_height())
            size, shown = (pixels.get_width(), pixels.get_height()), bytes(pixels.get_pixels())
            assert pixels.get_n_channels() == len(ROOT_COLOUR)
            picture = indexed_png.encode(*size, shown, pixels.get_rowstride())
            (self._pictures / f"{value}.png").write_bytes(picture)
            return [*size, shown.count(ROOT_COLOUR)]
        else:
            sys.exit(f"no action {action}")
        return None

    def _press(self, letter: str) -> None:
        """Alt and a letter."""
        key = self._gdk.unicode_to_keyval(ord(letter))
        assert self.window.mnemonic_activate(key, self._gdk.ModifierType.MOD1_MASK), letter

    def _walk(self) -> Iterator[str]:
        """Where Tab leads, until it is back."""
        seen: list[Any] = []
        self.window.set_focus(None)
        while self.window.child_focus(self._gtk.DirectionType.TAB_FORWARD) and len(seen) < 40:
            focus = self.window.get_focus()
            if focus in seen:
                return
            seen.append(focus)
            label = focus.get_label() if isinstance(focus, self._gtk.Button) else ""
            yield label or self._gtk.Buildable.get_name(focus) or type(focus).__name__


def run(session: Session, actions: list[str]) -> None:
    from gi.repository import GLib, Gtk

    steps = iter(["start", *actions])
    quiet = 0

    def go_on() -> bool:
        nonlocal quiet
        # The hub looks into its queue ten times a second; the stack slides for a moment.
        quiet = quiet + 1 if session.is_idle() else 0
        if quiet < 10:
            return True
        quiet = 0
        report(lambda: session.look())
        return True

    pending: list[tuple[str, object]] = []

    def report(look: Callable[[], dict[str, Any]]) -> None:
        if pending:
            action, told = pending.pop()
            print(json.dumps({"action": action, "told": told, **look()}), flush=True)
        action = next(steps, "")
        if not action:
            Gtk.main_quit()
            return
        pending.append((action, None if action == "start" else session.act(action)))

    GLib.timeout_add(50, go_on)
    GLib.timeout_add_seconds(_LIMIT, lambda: sys.exit(f"not done in {_LIMIT} seconds"))
    Gtk.main()


def main() -> None:
    # A crash inside GTK tells what was being done.
    faulthandler.enable()
    kickstart, mode, pictures, *actions = sys.argv[1:]
    if actions[:1] == ["german"]:
        # As after the welcome screen, where there is an installer's locale; the translations are beside the package.
        os.environ.update(LANG="en_US.UTF-8", LANGUAGE="de")
        locale.bindtextdomain("org_ovirt_node", "locale")
    server = start_display()
    try:
        import gi.overrides

        gi.overrides.__path__.insert(0, os.environ["ANACONDA_WIDGETS_OVERRIDES"])
        import spoke_storage

        spoke_storage.prepare(Path(kickstart))
        run(Session(mode, Path(pictures)), actions)
    finally:
        server.terminate()
        server.wait()
    # GTK may crash while Python takes it down without a display.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
