# SPDX-License-Identifier: GPL-2.0-or-later
"""Run with Anaconda's own code: its storage service in this process, with network disks that a kickstart has connected.

No such disk is there: the sessions that open-iscsi and the kernel would report are pretended, one for iSCSI, one for
FCoE. The service reads that kickstart, and then what the add-on gives it for the node layout on sda. One object of
JSON: the targets that were logged in to, and what the service writes before and after.
"""

import json
from types import SimpleNamespace

import lab_fakes  # type: ignore[import-not-found]  # the bench's: pretended disks
from blivet.fcoe import fcoe
from blivet.iscsi import iscsi
from pyanaconda.modules.storage import kickstart
from pyanaconda.modules.storage.storage import StorageService

from org_ovirt_node.layout import GIB, Request, plan
from org_ovirt_node.storage_kickstart import node_kickstart

TARGET = "iqn.2001-01.com.example:disk"
KICKSTART = f"""\
iscsiname iqn.1994-05.com.example:node01
iscsi --ipaddr=192.0.2.1 --target={TARGET} --user=reader --password=word
fcoe --nic=eno1 --dcb
ignoredisk --only-use=sda
"""


def pretend_sessions(targets: list[str]) -> None:
    node = SimpleNamespace(
        name=TARGET, address="192.0.2.1", port=3260, iface="default", username="reader", password="word"
    )
    node.r_username = node.r_password = ""
    iscsi.started = True
    type(iscsi).initiator = property(lambda self: self._initiator, lambda self, name: setattr(self, "_initiator", name))
    iscsi.active_nodes = lambda target=None: [node]
    iscsi.add_target = lambda *arguments, target=None, **more: targets.append(target)
    kickstart.get_supported_devices = lambda: [SimpleNamespace(device_name="eno1")]
    fcoe.started = True

    def add_san(*arguments: object, **more: object) -> str:
        targets.append("fcoe")
        return ""  # no error

    fcoe.add_san = add_san


def main() -> None:
    targets: list[str] = []
    lab_fakes.apply()
    pretend_sessions(targets)
    service = StorageService()
    service.scan_devices_with_task().run()
    errors = [message.message for message in service.read_kickstart(KICKSTART).error_messages]
    before = service.generate_kickstart()
    text = node_kickstart(plan(Request(disks=(250 * GIB,))), ["sda"], before, erases=True)
    errors += [message.message for message in service.read_kickstart(text).error_messages]
    out = {"errors": errors, "targets": targets, "before": before.splitlines(), "given": text.splitlines()}
    print(json.dumps({**out, "after": service.generate_kickstart().splitlines(), "initiator": iscsi.initiator}))


if __name__ == "__main__":
    main()
