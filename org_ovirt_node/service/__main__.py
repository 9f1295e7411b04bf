# SPDX-License-Identifier: GPL-2.0-or-later
"""The add-on's process."""

from pyanaconda.modules.common import init

init()  # before anything else of Anaconda is imported: it sets up logging and signals

from org_ovirt_node.service.node import Node  # noqa: E402

service = Node()
service.run()
