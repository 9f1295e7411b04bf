# SPDX-License-Identifier: GPL-2.0-or-later
"""The service as the user interfaces use it: what it knows as plain values, and its tasks."""

from dataclasses import replace
from typing import Any, Callable, Optional

from dasbus.error import DBusError
from pyanaconda.anaconda_loggers import get_module_logger
from pyanaconda.core.constants import (
    ANACONDA_ENVIRON,
    THREAD_EXECUTE_STORAGE,
    THREAD_STORAGE,
    THREAD_STORAGE_WATCHER,
)
from pyanaconda.modules.common.constants.services import STORAGE
from pyanaconda.modules.common.task import async_run_task, wait_for_task
from pyanaconda.modules.common.util import is_module_available

from org_ovirt_node.constants import NODE
from org_ovirt_node.i18n import _
from org_ovirt_node.layout import Device
from org_ovirt_node.presentation import Problem, View, status_text, worst_first
from org_ovirt_node.section import size_asked
from org_ovirt_node.structures import DeviceRow, DiskContent, FindingData, LayoutView, NodeRequest

try:
    from pyanaconda.core.threads import thread_manager
except ImportError:  # EL 9
    from pyanaconda.threading import threadMgr as thread_manager

log = get_module_logger(__name__)

# The value of NodeRequest.findings that lets an installation go on with errors in its layout.
_ONLY_TOLD = "warn"

_BUSY = (THREAD_STORAGE, THREAD_STORAGE_WATCHER, THREAD_EXECUTE_STORAGE)


def is_storage_busy() -> bool:
    """Whether Anaconda's own spoke still scans or selects disks, or applies what a kickstart partitions with."""
    return any(map(thread_manager.get, _BUSY))


def wait_for_storage() -> None:
    """Until it does so no more, as Anaconda's own text spoke waits; what failed in it is raised again."""
    for name in _BUSY:
        thread_manager.wait(name)


def is_wanted(environment: str) -> bool:
    """Whether a spoke belongs there: in the installer, where the service runs."""
    return environment == ANACONDA_ENVIRON and bool(is_module_available(NODE))


class RemoteNode:
    """The layout asked for, the applied one and the node's own one, as of the last check.

    `failure` is what the last task ended with, empty when it succeeded.
    """

    def __init__(self) -> None:
        self._node = NODE.get_proxy()
        self._storage = STORAGE.get_proxy()
        # What a kickstart partitions with is created while it is read, before there is a user interface. Without any,
        # Storage's spoke adds the automatic one that a person would start from.
        self._of_kickstart = frozenset(self._storage.CreatedPartitioning)
        self._is_running = False
        self._is_applying = False
        self._is_outdated = False
        self._confirmed: tuple[DiskContent, ...] = ()
        self.failure = ""

    # --- what is known -----------------------------------------------------------------------------------------------

    @property
    def is_running(self) -> bool:
        return self._is_running

    @property
    def is_applying(self) -> bool:
        return self._is_applying

    @property
    def request(self) -> NodeRequest:
        return NodeRequest.from_structure(self._node.Request)

    @property
    def current(self) -> View:
        """The applied layout, or the one that Storage has refused to apply; empty when there is neither."""
        return _view(self._node.Current)

    @property
    def proposal(self) -> View:
        """The node layout on the selected disks; empty when none is selected."""
        return _view(self._node.Proposal)

    @property
    def is_applied(self) -> bool:
        return bool(self._node.Partitioning)

    @property
    def is_refused(self) -> bool:
        """Whether Storage has refused to apply what was chosen."""
        return not self.is_applied and bool(self.current.devices)

    @property
    def is_behind(self) -> bool:
        """Whether another partitioning is applied than the one that was checked."""
        return bool(self._node.Partitioning != self._storage.AppliedPartitioning)

    @property
    def disks(self) -> tuple[DiskContent, ...]:
        """The selected disks, with what is on them now."""
        return tuple(DiskContent.from_structure_list(self._node.Contents))

    @property
    def contents(self) -> tuple[DiskContent, ...]:
        """Those of the selected disks that are not empty."""
        return tuple(disk for disk in self.disks if disk.content)

    @property
    def machine(self) -> tuple[Problem, ...]:
        """What is wrong with the processor and the memory of the machine; it keeps no installation from beginning."""
        return _problems(self._node.Machine)

    @property
    def is_erasure_confirmed(self) -> bool:
        """Whether a person has consented to lose just what is on the selected disks now."""
        return self._confirmed == self.contents

    @property
    def is_layout_due(self) -> bool:
        """Whether a kickstart without storage commands has left the layout to the add-on, and it is not made yet."""
        return bool(self._node.IsLayoutDue)

    @property
    def can_use_node_layout(self) -> bool:
        """Whether there are disks for it, large enough, and what is on them may go."""
        return bool(self.proposal.devices) and not self.proposal.has_errors and self.is_erasure_confirmed

    @property
    def status(self) -> str:
        if self._is_running:
            return _("Checking the storage layout...")
        if self.failure and (self.is_behind or not self.is_applied) and not self.is_refused:
            return self.failure.partition("\n")[0]
        return status_text(self.current, self.is_applied, _)

    def may_begin(self, is_automated: bool) -> bool:
        """Whether the installation may begin as far as the layout goes.

        An automated one never waits here for a person: with an error in what its kickstart makes, the service ends it
        before any disk is written and tells all findings, where a hub would stop at the title of a spoke
        (ui/tui/hubs/summary.py, CmdlineError) or wait without end. Once a person has chosen something else, it waits.
        """
        applied = self._storage.AppliedPartitioning
        if is_automated and (not applied or applied in self._of_kickstart):
            return True
        if self.is_behind or not self.is_applied:
            return False
        return not self.current.has_errors or self.request.findings == _ONLY_TOLD

    # --- what can be done --------------------------------------------------------------------------------------------

    def ask_for(self, **changes: Any) -> None:
        """Change the request; nothing is checked by that. What the service refuses is in `failure`."""
        self.failure = ""
        try:
            self._node.Request = NodeRequest.to_structure(replace(self.request, **changes))
        except DBusError as error:
            self.failure = str(error)

    def ask_for_size(self, text: str) -> None:
        """Change the size of a volume or of swap, or ask for a further volume: `/data 20 GiB`."""
        asked = size_asked(text)
        if isinstance(asked, str):
            self.failure = asked
            return
        name, size = asked
        if name == "/":
            self.ask_for(root_size=size or 0)
        elif name == "swap":
            self.ask_for(swap_size=size or 0)
        else:
            others = {other: known for other, known in self.request.volumes.items() if other != name}
            self.ask_for(volumes={**others, **({name: size} if size else {})})

    @property
    def sizes(self) -> tuple[tuple[str, int], ...]:
        """The sizes that are asked for."""
        request = self.request
        asked = {"/": request.root_size, **request.volumes, "swap": request.swap_size}
        return tuple((name, size) for name, size in asked.items() if size)

    def check(self) -> None:
        """Look at Storage and wait for the answer."""
        self.failure = ""
        self._wait_for(self._node.CheckStorageWithTask)

    def catch_up(self) -> None:
        """Look again if another partitioning is applied by now, and wait for the answer."""
        if self.is_behind:
            self.check()

    def look_again(self) -> None:
        """Look again if there is anything to look at: the same partitioning may have been applied anew, or refused."""
        if self.is_behind or self.is_applied or self._storage.CreatedPartitioning:
            self.check()

    def look_at_refusal(self) -> tuple[Problem, ...]:
        """Look at what a kickstart partitions with if Storage has refused it: everything that is wrong with it."""
        if self._storage.AppliedPartitioning or not self._of_kickstart:
            return ()
        self.check()
        return worst_first(self.current.problems) if self.is_refused else ()

    def confirm_erasure(self, is_confirmed: bool) -> None:
        """A person consents to lose what is on the selected disks, or no more."""
        self._confirmed = self.contents if is_confirmed else ()

    def use_node_layout(self) -> None:
        """Make the node layout the applied one, and wait for it."""
        self.failure = ""
        self._wait_for(self._create_use)
        self.catch_up_quietly()

    def _create_use(self) -> str:
        task: str = self._node.UseNodeLayoutWithTask([disk.disk for disk in self._confirmed])
        return task

    def follow_kickstart(self) -> None:
        """Make the layout that is due, and wait for it."""
        self.failure = ""
        self._wait_for(self._node.FollowKickstartWithTask)
        self._of_kickstart |= {self._storage.AppliedPartitioning}
        self.catch_up_quietly()

    def catch_up_quietly(self) -> None:
        """As `catch_up`, and what failed before stays in `failure`."""
        if self.is_behind:
            self._wait_for(self._node.CheckStorageWithTask)

    def start_check(self, done: Callable[[], None]) -> None:
        """As `check`, but return at once and call `done` later, in the main loop; while a task runs, after it."""
        if self._is_running:
            self._is_outdated = True
            return
        self.failure = ""
        self._start(self._node.CheckStorageWithTask, done)

    def start_use_node_layout(self, done: Callable[[], None]) -> None:
        """As `use_node_layout`, but return at once and call `done` later, in the main loop."""
        self.failure = ""
        self._is_applying = True
        self._start(self._create_use, done)

    def start_follow_kickstart(self, done: Callable[[], None]) -> None:
        """As `follow_kickstart`, but return at once and call `done` later, in the main loop."""
        self.failure = ""
        self._is_applying = True

        def made() -> None:
            self._of_kickstart |= {self._storage.AppliedPartitioning}
            done()

        self._start(self._node.FollowKickstartWithTask, made)

    def watch_storage(self, changed: Callable[[], None]) -> None:
        """Call `changed` in the main loop whenever a partitioning is applied or reset."""

        def properties_changed(interface: str, properties: dict[str, Any], invalid: list[str]) -> None:
            del interface, invalid
            if "AppliedPartitioning" in properties:
                changed()

        self._storage.PropertiesChanged.connect(properties_changed)

    def _wait_for(self, create: Callable[[], str]) -> None:
        try:
            task = NODE.get_proxy(create())
            task.Start()
            wait_for_task(task)
        except DBusError as error:
            self._fail(error)

    def _start(self, create: Callable[[], str], done: Callable[[], None]) -> None:
        self._is_running = True
        self._is_outdated = False

        def stopped(task: Any) -> None:
            try:
                task.Finish()
            except DBusError as error:
                self._fail(error)
            self._stopped(done)

        try:
            async_run_task(NODE.get_proxy(create()), stopped)
        except DBusError as error:
            self._fail(error)
            self._stopped(done)

    def _stopped(self, done: Callable[[], None]) -> None:
        # What the service itself applied, it has looked at.
        is_old = self.is_behind if self._is_applying else self._is_outdated
        self._is_running = self._is_applying = False
        if is_old:
            self._start(self._node.CheckStorageWithTask, done)
        else:
            done()

    def _fail(self, error: DBusError) -> None:
        log.error("The service failed: %s", error)
        self.failure = str(error) or type(error).__name__


def _view(structure: dict[str, Any]) -> View:
    view = LayoutView.from_structure(structure)
    return View(
        devices=tuple(map(_device, DeviceRow.from_structure_list(view.devices))),
        problems=_problems(view.findings),
        images=_known(view.images, -1),
        reserve=_known(view.reserve, 0),
    )


def _problems(findings: list[dict[str, Any]]) -> tuple[Problem, ...]:
    return tuple(
        Problem(finding.severity, finding.subject, finding.message, finding.hint)
        for finding in FindingData.from_structure_list(findings)
    )


def _device(row: DeviceRow) -> Device:
    return Device(
        name=row.name,
        kind=row.kind,
        size=row.size or None,
        mount_point=row.mount_point or None,
        filesystem=row.filesystem or None,
        options=row.options or None,
        pool=row.pool or None,
        parents=tuple(row.parents),
    )


def _known(number: int, unknown: int) -> Optional[int]:
    return None if number == unknown else number
