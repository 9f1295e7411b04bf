# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the add-on's service is on Anaconda's message bus."""

from dasbus.identifier import DBusServiceIdentifier
from pyanaconda.core.dbus import DBus
from pyanaconda.modules.common.constants.namespaces import ADDONS_NAMESPACE

NAMESPACE = (*ADDONS_NAMESPACE, "OvirtNode")
NODE = DBusServiceIdentifier(namespace=NAMESPACE, message_bus=DBus)
