# SPDX-License-Identifier: GPL-2.0-or-later
"""Groups, hosts and variable files, merged as Ansible merges them."""

from ksgen.inventory.declared import STDIN, Origin, Variable
from ksgen.inventory.insertion import Insertion, with_host
from ksgen.inventory.naming import MAGIC_NAMES, did_you_mean, is_host
from ksgen.inventory.reader import Group, HostEntry, Inventory, read
from ksgen.inventory.vault import Opener, password_files

__all__ = [
    "MAGIC_NAMES",
    "STDIN",
    "Group",
    "HostEntry",
    "Insertion",
    "Inventory",
    "Opener",
    "Origin",
    "Variable",
    "did_you_mean",
    "is_host",
    "password_files",
    "read",
    "with_host",
]
