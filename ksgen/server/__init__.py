# SPDX-License-Identifier: GPL-2.0-or-later
"""`ksgen serve`: takes the reports of machines, and answers people."""

from ksgen.server.access import LOGINS_FILE, ROLES, AccessError, Logins, add_login, read_logins
from ksgen.server.parts import Settings
from ksgen.server.routes import application
from ksgen.server.site import Member, Site

__all__ = [
    "LOGINS_FILE",
    "ROLES",
    "AccessError",
    "Logins",
    "Member",
    "Settings",
    "Site",
    "add_login",
    "application",
    "read_logins",
]
