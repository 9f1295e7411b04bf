# SPDX-License-Identifier: GPL-2.0-or-later
"""The list of disks in text mode, to select those of the node.

Anaconda's own list goes on to its automatic partitioning, which would be applied; here a person comes back to the node
layout on the disks that were selected.
"""

from typing import Any, NamedTuple, Union

from pyanaconda.modules.common.constants.objects import DEVICE_TREE, DISK_SELECTION
from pyanaconda.modules.common.constants.services import STORAGE
from pyanaconda.modules.common.structures.storage import DeviceData
from pyanaconda.modules.common.structures.validation import ValidationReport
from pyanaconda.ui.lib.storage import apply_disk_selection
from pyanaconda.ui.tui.spokes import NormalTUISpoke
from simpleline.render.containers import ListColumnContainer
from simpleline.render.prompt import Prompt
from simpleline.render.screen import InputState
from simpleline.render.widgets import CheckboxWidget, TextWidget

from org_ovirt_node import presentation
from org_ovirt_node.i18n import N_, _

__all__ = ["DiskSelectionScreen"]


class _Disk(NamedTuple):
    """A disk that the node may use; `handle` is what Storage calls it: its name, in Anaconda main its identifier."""

    handle: str
    text: str


class DiskSelectionScreen(NormalTUISpoke):
    """`is_changed` afterwards: other disks are selected than before, or were to be."""

    def __init__(self, data: Any, storage: Any, payload: Any) -> None:
        super().__init__(data, storage, payload)
        self.title = N_("Select Disks")
        self.is_changed = False
        self._selection = STORAGE.get_proxy(DISK_SELECTION)
        self._disks = _usable_disks(self._selection)
        self._chosen = {disk.handle for disk in self._disks} & set(self._selection.SelectedDisks)
        self._complaints: list[str] = []
        self._choices = ListColumnContainer(1)

    @staticmethod
    def get_screen_id() -> str:
        return "ovirt-node-disks"

    def refresh(self, args: Any = None) -> None:
        super().refresh(args)
        self._choices = ListColumnContainer(1)
        for disk in self._disks:
            is_chosen = disk.handle in self._chosen
            self._choices.add(CheckboxWidget(title=disk.text, completed=is_chosen), self._toggle, disk.handle)
        self.window.add_with_separator(self._choices)
        text = _("The node uses all of each selected disk.") if self._disks else _("There is no disk to install on.")
        for paragraph in (text, *self._complaints):
            self.window.add_with_separator(TextWidget(paragraph))

    def input(self, args: Any, key: str) -> Union[InputState, str]:
        if self._choices.process_user_input(key):
            return InputState.PROCESSED_AND_REDRAW
        if key.lower() == Prompt.CONTINUE and not self._select():
            return InputState.PROCESSED_AND_REDRAW
        answer: Union[InputState, str] = super().input(args, key)
        return answer

    def apply(self) -> None:
        """The selection reaches Storage on leaving, if it may be."""

    def _toggle(self, handle: str) -> None:
        self._chosen ^= {handle}
        self._complaints = []

    def _select(self) -> bool:
        """Select the chosen disks; what is applied on others is dropped. False if Storage refuses some of them."""
        storage = STORAGE.get_proxy()
        handles = [disk.handle for disk in self._disks if disk.handle in self._chosen]
        if set(handles) == set(self._selection.SelectedDisks):
            return True
        self.is_changed = True
        if storage.AppliedPartitioning:
            # Before it asks what belongs together: that is to be what is on the disks, not what is planned for them.
            storage.ResetPartitioning()
        report = ValidationReport.from_structure(self._selection.ValidateSelectedDisks(handles))
        self._complaints = list(report.get_messages())
        if not self._complaints:
            apply_disk_selection(handles, reset_boot_drive=True)
        return not self._complaints


def _usable_disks(selection: Any) -> list[_Disk]:
    tree = STORAGE.get_proxy(DEVICE_TREE)
    found = []
    for handle in selection.GetUsableDisks():
        data = DeviceData.from_structure(tree.GetDeviceData(handle))
        text = presentation.disk_text(data.name, data.attrs.get("model", ""), data.size)
        found.append(_Disk(handle, text))
    return found
