# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs beside Anaconda's D-Bus services and the add-on's: asks the service, prints its answers as JSON.

service_client.py read KICKSTART...     the Boss reads each: its complaints, the section it writes back, Request
service_client.py write REQUEST...      each is JSON of changes to Request: what was refused, Request afterwards
service_client.py introspect            the service's own interface, in XML
"""

import json
import os
import sys
from typing import Any

from dasbus.error import DBusError
from dasbus.typing import get_native
from pyanaconda.core.dbus import DBus
from pyanaconda.modules.common.constants.services import BOSS
from pyanaconda.modules.common.structures.kickstart import KickstartReport

from org_ovirt_node.constants import NODE
from org_ovirt_node.structures import NodeRequest


def read(path: str) -> dict[str, Any]:
    boss = BOSS.get_proxy()
    report = KickstartReport.from_structure(boss.ReadKickstartFile(os.path.abspath(path)))
    written = boss.GenerateKickstart()
    start = written.find("%addon org_ovirt_node")
    return {
        "errors": [[message.line_number, message.message] for message in report.error_messages],
        "warnings": [message.message for message in report.warning_messages],
        "section": written[start : written.find("%end", start) + 5],
        "request": get_native(NODE.get_proxy().Request),
    }


def write(changes: str) -> dict[str, Any]:
    proxy = NODE.get_proxy()
    request = {**vars(NodeRequest.from_structure(proxy.Request)), **json.loads(changes)}
    refused = None
    try:
        proxy.Request = NodeRequest.to_structure(NodeRequest(**request))
    except DBusError as error:
        refused = [type(error).__name__, str(error)]
    return {"refused": refused, "request": get_native(proxy.Request)}


def main() -> None:
    what, arguments = sys.argv[1], sys.argv[2:]
    if what == "introspect":
        proxy = DBus.get_proxy(NODE.service_name, NODE.object_path, "org.freedesktop.DBus.Introspectable")
        print(json.dumps(proxy.Introspect()))
    for argument in arguments:
        print(json.dumps({"read": read, "write": write}[what](argument)), flush=True)


if __name__ == "__main__":
    main()
