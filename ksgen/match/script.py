# SPDX-License-Identifier: GPL-2.0-or-later
"""The script that collects the facts of a machine: one file, with the programs of the installer in it."""

from __future__ import annotations

import types
from collections.abc import Sequence
from pathlib import Path

from ksgen.version import version
from org_ovirt_node.facts import collecting, record
from org_ovirt_node.programs import disks, nics

_WORDS = """\
Prints the facts of this machine for `ksgen match`, as JSON. From ksgen {version}: ksgen facts

Run it as root, in the shell of an installer, on a live medium or on an installed system:

    ssh root@HOST python3 - <collect-facts.py >HOST.json

It reads disks with lsblk, udevadm, wipefs, pvs, lvs and mdadm, and what NICs there are. It writes to no disk. On an
installed system nothing is mounted; what is mounted is searched for storage domains and Gluster bricks.
"""
_HEAD = '''\
#!/usr/bin/env python3
"""{words}"""
import sys
import types


def add(name, source):
    module = sys.modules[name] = types.ModuleType(name)
    exec(compile(source, name, "exec"), vars(module))


for package in ("org_ovirt_node", "org_ovirt_node.facts", "org_ovirt_node.programs"):
    add(package, "")
'''
_MODULE = """\
add("{name}", r'''
{source}''')
"""
_TAIL = """\
sys.exit(sys.modules["{name}"].main())
"""
_MODULES = (disks, nics, record, collecting)


def facts_script() -> str:
    """The text of the script. Its modules are those that judge the facts."""
    return combined(_WORDS.format(version=version()), _MODULES, _TAIL.format(name=collecting.__name__))


def combined(words: str, modules: Sequence[types.ModuleType], tail: str) -> str:
    """A script of several modules: each may import those before it. `words` say what it is, `tail` runs it."""
    parts = [_MODULE.format(name=module.__name__, source=_source(module)) for module in modules]
    return "".join([_HEAD.format(words=words), *parts, tail])


def _source(module: types.ModuleType) -> str:
    """What can be written between the quotes of a raw string."""
    text = Path(str(module.__file__)).read_text(encoding="utf-8")
    if "'''" in text:
        raise ValueError(f"{module.__name__} contains three single quotes")
    return text
