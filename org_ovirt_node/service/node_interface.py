# SPDX-License-Identifier: GPL-2.0-or-later
"""The D-Bus face of the service: names and types, no logic. docs/dbus.md documents it."""

from dasbus.server.interface import dbus_interface
from dasbus.server.property import emits_properties_changed
from dasbus.typing import ObjPath, Str, Structure
from pyanaconda.modules.common.base import KickstartModuleInterface
from pyanaconda.modules.common.containers import TaskContainer

from org_ovirt_node.constants import NODE
from org_ovirt_node.structures import LayoutView, NodeRequest


@dbus_interface(NODE.interface_name)
class NodeInterface(KickstartModuleInterface):
    def connect_signals(self) -> None:
        super().connect_signals()
        self.watch_property("Request", self.implementation.request_changed)
        self.watch_property("Partitioning", self.implementation.checked)
        self.watch_property("Current", self.implementation.checked)
        self.watch_property("Proposal", self.implementation.checked)

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
        """The node layout on the selected disks, as automatic partitioning makes it: LayoutView."""
        return LayoutView.to_structure(self.implementation.report.proposal)

    def CheckStorageWithTask(self) -> ObjPath:
        """A task that looks at Storage and renews Partitioning, Current and Proposal."""
        return TaskContainer.to_object_path(self.implementation.check_storage_with_task())

    def UseNodeLayoutWithTask(self) -> ObjPath:
        """A task that makes the node layout on the selected disks the applied partitioning."""
        return TaskContainer.to_object_path(self.implementation.use_node_layout_with_task())
