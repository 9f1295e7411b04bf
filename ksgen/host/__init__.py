# SPDX-License-Identifier: GPL-2.0-or-later
"""Variables of the inventory to typed hosts, and back to the lines that they come from."""

from ksgen.host.discretion import shown_plan
from ksgen.host.evaluation import all_variables
from ksgen.host.explanation import Default, Explanation, explain_default, explain_host, has_no_effect
from ksgen.host.host import Host
from ksgen.host.hosts import read_hosts
from ksgen.host.nodes import boot_mac, is_skipped
from ksgen.host.overriding import overridden
from ksgen.host.places import Location
from ksgen.host.shapes import stand_in
from ksgen.host.vaulted import opened_passwords

__all__ = [
    "Default",
    "Explanation",
    "Host",
    "Location",
    "all_variables",
    "boot_mac",
    "explain_default",
    "explain_host",
    "has_no_effect",
    "is_skipped",
    "opened_passwords",
    "overridden",
    "read_hosts",
    "shown_plan",
    "stand_in",
]
