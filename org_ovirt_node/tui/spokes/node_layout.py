# SPDX-License-Identifier: GPL-2.0-or-later
"""The layout in text mode.

Text mode draws a screen on request and is idle in between. So this spoke does not listen to
Storage: it looks again, and waits for the answer, whenever the hub or the spoke itself is drawn.
"""

from typing import Any, Callable, Union

from pyanaconda.flags import flags
from pyanaconda.ui.categories.system import SystemCategory
from pyanaconda.ui.tui.spokes import NormalTUISpoke
from pyanaconda.ui.tui.tuiobject import Dialog
from simpleline.render.containers import ListColumnContainer
from simpleline.render.screen import InputState
from simpleline.render.screen_handler import ScreenHandler
from simpleline.render.widgets import CheckboxWidget, TextWidget

from org_ovirt_node import presentation
from org_ovirt_node.i18n import N_, _
from org_ovirt_node.presentation import View
from org_ovirt_node.remote import RemoteNode, is_storage_busy, is_wanted, wait_for_storage
from org_ovirt_node.tui.disk_selection import DiskSelectionScreen

__all__ = ["NodeLayoutSpoke"]

# simpleline's own width, what a console without a frame buffer has.
_WIDTH = 80


class NodeLayoutSpoke(NormalTUISpoke):
    category = SystemCategory

    @staticmethod
    def get_screen_id() -> str:
        return "ovirt-node-layout"

    @classmethod
    def should_run(cls, environment: str, data: Any) -> bool:
        del data
        return is_wanted(environment)

    def __init__(self, data: Any, storage: Any, payload: Any) -> None:
        super().__init__(data, storage, payload)
        self.title = N_("oVirt Node")
        self._node = RemoteNode()
        self._choices = ListColumnContainer(1)
        self._shows_proposal = False
        self._has_followed = False

    # --- on the hub --------------------------------------------------------------------------------------------------

    @property
    def mandatory(self) -> bool:
        return True

    @property
    def ready(self) -> bool:
        """The hub of an automated installation asks until all spokes are: by then the disks are known."""
        if flags.automatedInstall and not self._has_followed:
            if is_storage_busy():
                return False
            self._has_followed = True
            self._follow_kickstart()
        return True

    def _follow_kickstart(self) -> None:
        """Make the layout that a kickstart leaves to the add-on; tell what is wrong where there is none.

        The hub would name nothing but the titles of spokes that are not complete.
        """
        if self._node.is_layout_due:
            self._node.follow_kickstart()
            told = [self._node.failure] if self._node.failure else []
        else:
            problems = self._node.look_at_refusal()
            told = [line for problem in problems for line in presentation.problem_lines(problem, _WIDTH, _)]
        if told:
            print("", *told, sep="\n", flush=True)

    @property
    def completed(self) -> bool:
        self._node.catch_up()
        return self._node.may_begin(flags.automatedInstall)

    @property
    def status(self) -> str:
        self._node.catch_up()
        return self._node.status

    def render(self, width: int) -> None:
        self._node.look_again()
        self.title = _("oVirt Node")
        super().render(width)

    def apply(self) -> None:
        """Each choice reaches the service at once."""

    def execute(self) -> None:
        """The layout is applied by a choice of its own."""

    # --- the screen --------------------------------------------------------------------------------------------------

    def setup(self, args: Any = None) -> bool:
        super().setup(args)
        if is_storage_busy():
            print(_("Looking at the disks..."), flush=True)
            wait_for_storage()
        self._check()
        return True

    def refresh(self, args: Any = None) -> None:
        super().refresh(args)
        self._shows_proposal = self._shows_proposal or not self._has_chosen
        view = self._node.proposal if self._shows_proposal else self._node.current
        for paragraph in self._paragraphs(view):
            self.window.add_with_separator(TextWidget(paragraph))
        self._choices = self._make_choices(view)
        self.window.add(self._choices)

    def input(self, args: Any, key: str) -> Union[InputState, str]:
        if self._choices.process_user_input(key):
            return InputState.PROCESSED_AND_REDRAW
        answer: Union[InputState, str] = super().input(args, key)
        return answer

    @property
    def _has_chosen(self) -> bool:
        """Whether there is something to show beside the node layout."""
        return self._node.is_applied or self._node.is_refused

    def _paragraphs(self, view: View) -> list[str]:
        """What is shown above the choices."""
        of_machine = [line for each in self._node.machine for line in presentation.problem_lines(each, _WIDTH, _)]
        paragraphs = [*filter(None, (self._node.failure, "\n".join(of_machine)))]
        if not view.devices and not view.problems:
            return [*paragraphs, _("No disk is selected.")]
        name = _("Node layout") if self._shows_proposal else _("Chosen storage")
        headings = (name, *presentation.headings(_)[1:])
        paragraphs.append("\n".join(presentation.table_lines(presentation.rows(view, _), headings, _WIDTH)))
        lines = [presentation.count_text(view, _)] if view.problems else []
        for problem in presentation.worst_first(view.problems):
            lines += presentation.problem_lines(problem, _WIDTH, _)
        erased = presentation.erased_text(self._node.disks, _) if self._node.can_use_node_layout else ""
        is_asked = bool(self._node.contents)
        return [*paragraphs, *filter(None, ("\n".join(lines), "" if is_asked else erased))]

    def _make_choices(self, view: View) -> ListColumnContainer:
        request = self._node.request
        choices = ListColumnContainer(1)
        for name in presentation.layout_names():
            text = _("Layout {name}: {purpose}").format(name=name, purpose=presentation.layout_text(name, _))
            choices.add(CheckboxWidget(title=text, completed=name == request.layout), self._choose_layout, name)
        choices.add(TextWidget(presentation.wish_text(view, request.images, _)), self._ask_for_images)
        choices.add(TextWidget(presentation.sizes_text(self._node.sizes, _)), self._ask_for_size)
        if len(self._node.disks) == 2 or request.mirrored:
            text = _("Mirror the two disks")
            choices.add(CheckboxWidget(title=text, completed=request.mirrored), self._choose_mirror)
        if self._node.contents:
            text = presentation.erase_text(self._node.disks, _)
            choices.add(CheckboxWidget(title=text, completed=self._node.is_erasure_confirmed), self._confirm_erasure)
        if self._node.can_use_node_layout:
            choices.add(TextWidget(_("Use the node layout")), self._use_node_layout)
        if self._has_chosen:
            other = _("Show the chosen storage") if self._shows_proposal else _("Show the node layout")
            choices.add(TextWidget(other), self._show_other)
        choices.add(TextWidget(_("Select disks")), self._select_disks)
        return choices

    # --- what a person does ------------------------------------------------------------------------------------------

    def _choose_layout(self, name: str) -> None:
        self._node.ask_for(layout=name)
        self._look_again()

    def _select_disks(self, _data: Any) -> None:
        screen = DiskSelectionScreen(self.data, self.storage, self.payload)
        ScreenHandler.push_screen_modal(screen)
        if screen.is_changed:
            self._shows_proposal = True
            self._check()

    def _choose_mirror(self, _data: Any) -> None:
        self._node.ask_for(mirrored=not self._node.request.mirrored)
        self._look_again()

    def _confirm_erasure(self, _data: Any) -> None:
        self._node.confirm_erasure(not self._node.is_erasure_confirmed)

    def _ask_for_images(self, _data: Any) -> None:
        answer = Dialog(title=_("Images to hold"), conditions=[_is_number]).run()
        self._node.ask_for(images=int(answer))
        self._look_again()

    def _ask_for_size(self, _data: Any) -> None:
        title = _("Mount point (or swap) and size, for example /data 20 GiB; without a size, the default")
        self._node.ask_for_size(Dialog(title=title).run())
        self._look_again()

    def _use_node_layout(self, _data: Any) -> None:
        print(_("Creating the node layout..."), flush=True)
        self._node.use_node_layout()
        self._shows_proposal = False

    def _show_other(self, _data: Any) -> None:
        self._shows_proposal = not self._shows_proposal

    def _look_again(self) -> None:
        if not self._node.failure:
            self._check()

    def _check(self) -> None:
        """It takes a while, in which the screen would stand still."""
        print(_("Checking the storage layout..."), flush=True)
        self._node.check()


def _is_number(answer: str, report: Callable[[str], None]) -> bool:
    if answer.isdecimal() and int(answer) > 0:
        return True
    report(_("Enter a number of images, for example 2."))
    return False
