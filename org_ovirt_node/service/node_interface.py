# SPDX-License-Identifier: GPL-2.0-or-later
"""The D-Bus face of the service: names and types, no logic. docs/dbus.md documents it."""

from dasbus.server.interface import dbus_interface
from dasbus.server.property import emits_properties_changed
from dasbus.typing import Bool, List, ObjPath, Str, Structure
from pyanaconda.modules.common.base import KickstartModuleInterface
from pyanaconda.modules.common.containers import TaskContainer

from org_ovirt_node.constants import NODE
from org_ovirt_node.structures import DiskContent, FindingData, LayoutView, NodeRequest


@dbus_interface(NODE.interface_name)
class NodeInterface(KickstartModuleInterface):
    def connect_signals(self) -> None:
        super().connect_signals()
        self.watch_property("Request", self.implementation.request_changed)
        self.watch_property("Partitioning", self.implementation.checked)
        self.watch_property("Current", self.implementation.checked)
        self.watch_property("Proposal", self.implementation.checked)
        self.watch_property("Contents", self.implementation.checked)
        self.watch_property("Machine", self.implementation.checked)

    @property
    def Request(self) -> Structure:
        """What is asked of the add-on: NodeRequest."""
        return NodeRequest.to_structure(self.implementation.request)

    @Request.setter
    @emits_properties_changed
    def Request(self, request: Structure) -> None:
        self.implementation.set_request(NodeRequest.from_structure(request))

    @property
    def Partitioning(self) -> Str:
        """The partitioning in Storage that Current is about; empty when none is applied, or nothing was looked at."""
        return self.implementation.report.partitioning

    @property
    def Current(self) -> Structure:
        """The applied partitioning, checked: LayoutView."""
        return LayoutView.to_structure(self.implementation.report.current)

    @property
    def Proposal(self) -> Structure:
        """The node layout on the selected disks, with what speaks against it: LayoutView."""
        return LayoutView.to_structure(self.implementation.report.proposal)

    @property
    def Contents(self) -> List[Structure]:
        """The selected disks, and what is on them now: DiskContent."""
        return DiskContent.to_structure_list(self.implementation.report.contents)

    @property
    def Machine(self) -> List[Structure]:
        """What is wrong with the processor and the memory of the machine: FindingData."""
        return FindingData.to_structure_list(self.implementation.report.machine)

    @property
    def IsLayoutDue(self) -> Bool:
        """Whether a kickstart without storage commands has left the layout to the add-on, and it is not made yet."""
        return self.implementation.is_layout_due

    def CheckStorageWithTask(self) -> ObjPath:
        """A task that looks at Storage and renews Partitioning, Current and Proposal."""
        return TaskContainer.to_object_path(self.implementation.check_storage_with_task())

    def UseNodeLayoutWithTask(self, erased: List[Str]) -> ObjPath:
        """A task that makes the node layout on the selected disks the applied partitioning.

        A disk that is not empty has to be in `erased`.
        """
        return TaskContainer.to_object_path(self.implementation.use_node_layout_with_task(erased))

    def FollowKickstartWithTask(self) -> ObjPath:
        """The same where the layout is due; what may be erased, the kickstart has said."""
        return TaskContainer.to_object_path(self.implementation.follow_kickstart_with_task())
