# SPDX-License-Identifier: GPL-2.0-or-later
"""The add-on's service: what is asked for and what was found as frozen values, and the tasks that act on them.

The Boss calls the handlers here and waits. So they neither look at Storage, which takes its time, nor call the Boss,
which would wait for itself; tasks do, each in a thread of its own.
"""

import functools
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Any, Optional

from dasbus.error import DBusError
from pyanaconda.anaconda_loggers import get_module_logger
from pyanaconda.core.dbus import DBus
from pyanaconda.core.signal import Signal
from pyanaconda.modules.common.base import KickstartService
from pyanaconda.modules.common.constants.services import BOSS
from pyanaconda.modules.common.containers import TaskContainer
from pyanaconda.modules.common.errors.general import InvalidValueError
from pyanaconda.modules.common.task import Task

from org_ovirt_node.constants import NODE
from org_ovirt_node.section import Section
from org_ovirt_node.service import partitioning
from org_ovirt_node.service.installation import (
    CheckLayoutTask,
    CheckStorageTask,
    FollowKickstartTask,
    Look,
    Made,
    SetMountOptionsTask,
    UseNodeLayoutTask,
)
from org_ovirt_node.service.kickstart import NodeKickstartSpecification
from org_ovirt_node.service.node_interface import NodeInterface
from org_ovirt_node.service.scripts import PrepareHookTask, append_hook
from org_ovirt_node.service.views import Report, report_of, request_of, section_of
from org_ovirt_node.structures import NodeRequest

log = get_module_logger(__name__)


@dataclass(frozen=True)
class State:
    """What the service knows. Each change is a new one.

    `is_layout_due`: a kickstart without storage commands has left the layout to the add-on, and it is not made yet.
    """

    section: Section = field(default_factory=Section)
    report: Report = field(default_factory=Report)
    made: Optional[Made] = None
    is_layout_due: bool = False


class Node(KickstartService):
    def __init__(self) -> None:
        super().__init__()
        self._state = State()
        self.request_changed = Signal()
        self.checked = Signal()

    def publish(self) -> None:
        TaskContainer.set_namespace(NODE.namespace)
        DBus.publish_object(NODE.object_path, NodeInterface(self))
        DBus.register_service(NODE.service_name)

    # --- kickstart ---------------------------------------------------------------------------------------------------

    @property
    def kickstart_specification(self) -> type:
        return NodeKickstartSpecification

    def process_kickstart(self, data: Any) -> None:
        section = data.addons.org_ovirt_node.section
        if section is not None:
            self._set_section(section)
            _when_kickstart_is_read(self._find_out_who_partitions)

    def _find_out_who_partitions(self) -> None:
        self._change(is_layout_due=not partitioning.has_commands())

    def setup_kickstart(self, data: Any) -> None:
        data.addons.org_ovirt_node.section = self._state.section

    # --- what is asked for -------------------------------------------------------------------------------------------

    @property
    def request(self) -> NodeRequest:
        return request_of(self._state.section)

    def set_request(self, request: NodeRequest) -> None:
        """Raises InvalidValueError for what a kickstart could not ask for either."""
        parsed = section_of(request)
        if parsed.problems:
            raise InvalidValueError("\n".join(problem.message for problem in parsed.problems))
        self._set_section(parsed.section)

    def _set_section(self, section: Section) -> None:
        self._change(section=section)
        self.request_changed.emit()
        log.debug("Asked for: %s", section)

    def _change(self, **changes: Any) -> None:
        self._state = replace(self._state, **changes)

    # --- what was found ----------------------------------------------------------------------------------------------

    @property
    def report(self) -> Report:
        return self._state.report

    def check_storage_with_task(self) -> Task:
        return self._reporting(CheckStorageTask)

    def use_node_layout_with_task(self, erased: Collection[str]) -> Task:
        return self._reporting(functools.partial(UseNodeLayoutTask, erased=erased))

    @property
    def is_layout_due(self) -> bool:
        return self._state.is_layout_due

    def follow_kickstart_with_task(self) -> Task:
        """It is tried once: when it fails, a person decides."""
        self._change(is_layout_due=False)
        return self._reporting(FollowKickstartTask)

    def _reporting(self, kind: Callable[[Section], Task]) -> Task:
        section = self._state.section
        task = kind(section)
        task.succeeded_signal.connect(lambda: self._looked(task.get_result(), section))
        return task

    def _looked(self, look: Look, section: Section) -> None:
        self._change(report=report_of(look, section), made=look.made or self._state.made)
        self.checked.emit()

    # --- the installation --------------------------------------------------------------------------------------------

    def configure_with_tasks(self) -> list[Task]:
        """What runs before any disk is written.

        EL10 and later collect the scripts of the kickstart right after this, so here is where the hook joins them.
        """
        section = self._state.section
        return [
            CheckLayoutTask(section),
            SetMountOptionsTask(),
            PrepareHookTask(section, append_hook(), self._state.made),
        ]


def _when_kickstart_is_read(act: Callable[[], None]) -> None:
    """Run `act` when every module has read its part.

    Which module reads when is not specified. The Boss does not respond before the last one has read, so its answer to a
    question that does not matter comes at the right moment.
    """

    def answered(call: Callable[[], Any]) -> None:
        try:
            call()
            act()
        except DBusError as error:
            log.error("No node layout could be prepared: %s", error)

    BOSS.get_proxy().GetModules(callback=answered)
