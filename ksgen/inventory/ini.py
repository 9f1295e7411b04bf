# SPDX-License-Identifier: GPL-2.0-or-later
"""Inventories in Ansible's INI format, which ksgen does not read: how they are known, and what turns them into YAML.

The format is that of ansible.plugins.inventory.ini: sections in brackets, and hosts with `name=value` behind them.
"""

from __future__ import annotations

import os
import re
import shlex

from ksgen.problems import Mark, Problem

_SECTION = re.compile(r"\[[^\[\]\s:]+(?::(?:vars|children|hosts))?\]\s*(?:[#;].*)?")
_HOST = re.compile(r"[\w.\[\]:-]+(?:\s+\w+\s*=\s*\S.*)")
_BARE = re.compile(r"[\w.\[\]-]+")


def is_ini(text: str) -> bool:
    """Whether a text that is no YAML inventory is one in INI: a section or a host with variables, after hosts alone."""
    for line in map(str.strip, text.split("\n")):
        if not line or line[0] in "#;":
            continue
        if _SECTION.fullmatch(line) or _HOST.fullmatch(line):
            return True
        if not _BARE.fullmatch(line):
            return False
    return False


def problem(path: str) -> Problem:
    """What is said of a file in INI."""
    name = "".join(char if char.isprintable() else "?" for char in path)
    target = os.path.splitext(name)[0] + ".yaml"
    command = f"ansible-inventory -i {shlex.quote(name)} --list --yaml --export --output {shlex.quote(target)}"
    return Problem(
        "ini-inventory", "an inventory in INI; ksgen reads YAML", Mark(name, 1), hint=f"turn it into YAML: {command}"
    )
