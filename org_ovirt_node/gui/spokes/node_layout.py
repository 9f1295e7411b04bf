# SPDX-License-Identifier: GPL-2.0-or-later
"""The layout in the graphical interface. What it says is made in presentation.py, what it draws in gui/picture.py."""

from collections.abc import Sequence
from typing import Any, Optional

import gi

gi.require_version("Gtk", "3.0")

from gi.repository import Gdk, GdkPixbuf, GLib, Gtk  # noqa: E402
from pyanaconda.flags import flags  # noqa: E402
from pyanaconda.ui.categories.system import SystemCategory  # noqa: E402
from pyanaconda.ui.communication import hubQ  # noqa: E402
from pyanaconda.ui.gui.spokes import NormalSpoke  # noqa: E402

from org_ovirt_node import presentation  # noqa: E402
from org_ovirt_node.gui.picture import Picture, can_draw  # noqa: E402
from org_ovirt_node.i18n import DOMAIN, N_, _  # noqa: E402
from org_ovirt_node.presentation import Problem, View  # noqa: E402
from org_ovirt_node.remote import RemoteNode, is_storage_busy, is_wanted  # noqa: E402

__all__ = ["NodeLayoutSpoke"]

# What a finding is marked with: the icon and its colour, GNOME's dark red, orange and green, readable on white.
_MARKS = {
    "error": ("dialog-error-symbolic", "#c01c28"),
    "warning": ("dialog-warning-symbolic", "#c64600"),
    "": ("emblem-ok-symbolic", "#26a269"),
}
_ICON_SIZE = 16
# Milliseconds between two looks whether Anaconda knows the disks.
_POLL = 200


class NodeLayoutSpoke(NormalSpoke):
    builderObjects = ["images_adjustment", "node_layout_window"]  # noqa: RUF012
    mainWidgetName = "node_layout_window"
    uiFile = "node_layout.glade"
    translationDomain = DOMAIN
    category = SystemCategory
    icon = "drive-multidisk-symbolic"
    title = N_("_oVirt Node")
    hide_help_button = True

    @staticmethod
    def get_screen_id() -> str:
        return "ovirt-node-layout"

    @classmethod
    def should_run(cls, environment: str, data: Any) -> bool:
        del data
        return is_wanted(environment)

    def __init__(self, data: Any, storage: Any, payload: Any) -> None:
        super().__init__(data, storage, payload)
        # The hub looks titles up in Anaconda's own catalogue, where a translated one is not found and stays.
        self.title = _(type(self).title)
        self._node = RemoteNode()
        self._picture = Picture()
        self._layouts: dict[str, Gtk.RadioButton] = {}
        self._rows = Gtk.ListStore(str, str, str, str, str, GdkPixbuf.Pixbuf)
        self._is_filling = False
        self._was_entered = False
        self._is_entering = False

    def initialize(self) -> None:
        super().initialize()
        self.initialize_start()
        self._make_layout_choices()
        self._make_table()
        picture = self._object("picture")
        picture.set_size_request(-1, self._picture.height)
        picture.set_no_show_all(True)
        for name in ("erase_check", "erased_label", "mirror_check"):
            self._object(name).set_no_show_all(True)
        self._node.watch_storage(self._check)
        if self._node.is_behind:
            self._check()
        if flags.automatedInstall:
            GLib.timeout_add(_POLL, self._follow_kickstart)
        self.initialize_done()

    # --- on the hub --------------------------------------------------------------------------------------------------

    @property
    def mandatory(self) -> bool:
        return True

    @property
    def ready(self) -> bool:
        return not self._node.is_running and not self._is_layout_due

    @property
    def _is_layout_due(self) -> bool:
        return bool(flags.automatedInstall) and self._node.is_layout_due

    @property
    def completed(self) -> bool:
        return self._node.may_begin(flags.automatedInstall and not self._was_entered)

    @property
    def status(self) -> str:
        return self._node.status

    def apply(self) -> None:
        """Each choice reaches the service at once."""

    def execute(self) -> None:
        """The layout is applied by a button of its own."""

    # --- the screen --------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        super().refresh()
        self._was_entered = True
        self._is_entering = True
        self._choose_view()
        self._check()
        self._fill()

    @property
    def _has_chosen(self) -> bool:
        """Whether there is something to show beside the node layout."""
        return self._node.is_applied or self._node.is_refused

    def _choose_view(self) -> None:
        self._object("current_button" if self._has_chosen else "proposal_button").set_active(True)

    def _object(self, name: str) -> Any:
        return self.builder.get_object(name)

    def _make_layout_choices(self) -> None:
        first: Optional[Gtk.RadioButton] = None
        for name in presentation.layout_names():
            volumes = ", ".join(f"{place} {size}" for place, size in presentation.layout_volumes(name))
            button = Gtk.RadioButton.new_with_mnemonic_from_widget(first, f"_{name}")
            words = Gtk.Label(label=presentation.layout_text(name, _), xalign=0.0)
            words.set_tooltip_text(volumes)
            words.get_style_context().add_class("dim-label")
            line = Gtk.Box(spacing=6)
            line.pack_start(button, False, False, 0)
            line.pack_start(words, True, True, 0)
            self._object("layout_box").pack_start(line, False, False, 0)
            button.get_accessible().set_description(f"{words.get_text()}: {volumes}")
            button.connect("toggled", self.on_layout_toggled, name)
            self._layouts[name] = button
            first = first or button
        self._object("layout_box").show_all()

    def _make_table(self) -> None:
        table = self._object("table")
        table.set_model(self._rows)
        device, *others = presentation.headings(_)
        marked = Gtk.TreeViewColumn(device)
        icon, text = Gtk.CellRendererPixbuf(), Gtk.CellRendererText()
        marked.pack_start(text, True)
        marked.pack_end(icon, False)
        marked.add_attribute(text, "text", 0)
        marked.add_attribute(icon, "pixbuf", 5)
        table.append_column(marked)
        for number, (heading, align) in enumerate(zip(others, (1.0, 0.0, 0.0)), 1):
            cell = Gtk.CellRendererText(xalign=align, xpad=8)
            column = Gtk.TreeViewColumn(heading, cell, text=number)
            column.set_alignment(align)
            table.append_column(column)

    def _fill(self) -> None:
        """Show what is known now."""
        self._is_filling = True
        request = self._node.request
        if request.layout in self._layouts:
            self._layouts[request.layout].set_active(True)
        self._object("images_spin").set_value(request.images)
        self._object("sizes_label").set_text(presentation.sizes_text(self._node.sizes, _))
        self._object("mirror_check").set_active(request.mirrored)
        disks, is_asked = self._node.disks, bool(self._node.contents)
        self._object("mirror_check").set_visible(len(disks) == 2 or request.mirrored)
        erase = presentation.erase_text(disks, _).replace("_", "__")
        self._object("erase_label").set_text_with_mnemonic(f"_{erase}")
        self._object("erase_check").set_active(self._node.is_erasure_confirmed)
        self._object("erase_check").set_visible(is_asked)
        self._object("erased_label").set_text(presentation.erased_text(disks, _))
        self._object("erased_label").set_visible(bool(disks) and not is_asked)
        self._is_filling = False

        view = self._shown
        told = (presentation.count_text(view, _), presentation.capacity_text(view, request.images, _))
        self._object("capacity_label").set_text(" ".join(filter(None, told)))
        self._picture.bars = presentation.bars(view, _)
        picture = self._object("picture")
        picture.get_accessible().set_description(self._picture.text)
        picture.set_visible(bool(self._picture.bars) and can_draw())
        picture.queue_draw()
        self._fill_table(view)
        self._fill_problems(view)

        self._object("current_button").set_sensitive(self._has_chosen)
        self.show_warning_message(self._node.failure)
        self._show_activity()

    def _show_activity(self) -> None:
        """A check leaves the choices alone, so that none loses the focus while the user types."""
        is_busy = self._node.is_running
        self._object("spinner").set_property("active", is_busy)
        self._object("choices_grid").set_sensitive(not self._node.is_applying)
        self._object("use_button").set_sensitive(not is_busy and self._node.can_use_node_layout)

    @property
    def _shown(self) -> View:
        return self._node.proposal if self._object("proposal_button").get_active() else self._node.current

    def _fill_table(self, view: View) -> None:
        self._rows.clear()
        for row in presentation.rows(view, _):
            name = "    " * row.depth + row.name
            icon = _icon(row.severity) if row.severity else None
            self._rows.append([name, row.size, row.mount_point, presentation.type_text(row), row.severity, icon])

    def _fill_problems(self, view: View) -> None:
        listed = self._object("problems")
        for child in listed.get_children():
            child.destroy()
        self._list(listed, self._node.machine)
        if not view.devices and not view.problems:
            listed.add(_line(None, _("No disk is selected. Choose one in Installation Destination.")))
        elif not view.problems:
            listed.add(_line(_icon(""), _("Nothing is wrong with it.")))
        self._list(listed, presentation.worst_first(view.problems))
        listed.show_all()

    @staticmethod
    def _list(listed: Gtk.ListBox, problems: Sequence[Problem]) -> None:
        for problem in problems:
            said = presentation.severity_text(problem, _)
            listed.add(_line(_icon(problem.severity), presentation.problem_text(problem), problem.hint, said))

    # --- what happens ------------------------------------------------------------------------------------------------

    def _check(self) -> None:
        hubQ.send_not_ready(type(self).__name__)
        self._node.start_check(self._checked)
        self._show_activity()

    def _checked(self) -> None:
        hubQ.send_ready(type(self).__name__)
        if self._is_entering:
            # Only now is it known whether Storage has refused something.
            self._is_entering = False
            self._choose_view()
        self._fill()

    def _follow_kickstart(self) -> bool:
        """Once the disks are known: make the layout that is due, else look at what was made; whether to try again."""
        if is_storage_busy():
            return True
        if self._is_layout_due:
            self._node.start_follow_kickstart(self._used)
        else:
            self._check()
        return False

    def _used(self) -> None:
        if not self._node.failure:
            self._object("current_button").set_active(True)
        self._checked()
        # Storage's own line on the hub is redrawn only on request.
        hubQ.send_ready("StorageSpoke")

    def on_layout_toggled(self, button: Gtk.RadioButton, name: str) -> None:
        if button.get_active() and not self._is_filling:
            self._ask_for(layout=name)

    def on_images_changed(self, button: Gtk.SpinButton) -> None:
        if not self._is_filling:
            self._ask_for(images=button.get_value_as_int())

    def on_mirror_toggled(self, button: Gtk.CheckButton) -> None:
        if not self._is_filling:
            self._ask_for(mirrored=button.get_active())

    def on_erase_toggled(self, button: Gtk.CheckButton) -> None:
        if not self._is_filling:
            self._node.confirm_erasure(button.get_active())
            self._show_activity()

    def on_size_entered(self, entry: Gtk.Entry) -> None:
        """What is refused stays there to be corrected."""
        self._node.ask_for_size(entry.get_text())
        if not self._node.failure:
            entry.set_text("")
        self._asked()

    def _ask_for(self, **changes: Any) -> None:
        self._node.ask_for(**changes)
        self._asked()

    def _asked(self) -> None:
        if not self._node.failure:
            self._check()
        self._fill()

    def on_use_clicked(self, button: Gtk.Button) -> None:
        del button
        hubQ.send_not_ready(type(self).__name__)
        self._node.start_use_node_layout(self._used)
        self._fill()

    def on_disks_clicked(self, button: Gtk.Button) -> None:
        """To where disks are selected, as Anaconda's own spokes lead to each other."""
        del button
        self.skipTo = "StorageSpoke"
        self.window.emit("button-clicked")

    def on_view_toggled(self, button: Gtk.RadioButton) -> None:
        del button
        self._fill()

    def on_picture_draw(self, area: Gtk.DrawingArea, context: Any) -> None:
        self._picture.draw(area, context)

    def on_picture_tooltip(
        self, area: Gtk.DrawingArea, x: int, y: int, keyboard_mode: bool, tooltip: Gtk.Tooltip
    ) -> bool:
        text = self._picture.text_at(area.get_allocated_width(), x, y)
        if keyboard_mode or not text:
            return False
        tooltip.set_text(text)
        return True


def _icon(severity: str) -> Optional[GdkPixbuf.Pixbuf]:
    """None where the theme has no such icon."""
    name, colour = _MARKS[severity]
    icon = Gtk.IconTheme.get_default().lookup_icon(name, _ICON_SIZE, Gtk.IconLookupFlags.FORCE_SIZE)
    ink = Gdk.RGBA()
    ink.parse(colour)
    return icon.load_symbolic(ink)[0] if icon else None


def _line(icon: Optional[GdkPixbuf.Pixbuf], message: str, hint: str = "", severity: str = "") -> Gtk.ListBoxRow:
    """A finding; the severity in words is for who does not see the icon, and for a theme that has none."""
    line = Gtk.Box(spacing=8, margin=8)
    if icon:
        line.pack_start(Gtk.Image(pixbuf=icon, valign=Gtk.Align.START, margin_top=2), False, False, 0)
    words = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=2)
    shown = message if icon or not severity else _("{severity}: {message}").format(severity=severity, message=message)
    words.pack_start(Gtk.Label(label=shown, xalign=0.0, wrap=True), False, False, 0)
    if hint:
        cure = Gtk.Label(label=hint, xalign=0.0, wrap=True)
        cure.get_style_context().add_class("dim-label")
        words.pack_start(cure, False, False, 0)
    line.pack_start(words, True, True, 0)
    row = Gtk.ListBoxRow(activatable=False)
    row.add(line)
    row.get_accessible().set_name(". ".join(filter(None, (severity, message, hint))))
    return row
