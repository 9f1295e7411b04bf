# SPDX-License-Identifier: GPL-2.0-or-later
"""What ksgen tells of an inventory, one line for each problem, and the tables in data/*-traps.txt that say what."""

from __future__ import annotations

import re
from pathlib import Path

from inventories import HOST, read_text
from trapfile import DATA, Entry

from ksgen.problems import Problem


def line(problem: Problem) -> str:
    """`11:25 node_network[0].gateway4: gateway-outside: what is wrong; hint: the cure`; warnings say so."""
    place = f"{problem.mark.line}:{problem.mark.column} {problem.variable or problem.host}"
    hint = f"; hint: {problem.hint}" if problem.hint else ""
    severity = " (warning)" if problem.severity == "warning" else ""
    return f"{place}: {problem.code}{severity}: {problem.message}{hint}"


def told(text: str) -> tuple[str, ...]:
    """The problems of an inventory, which is written into the current directory."""
    return tuple(map(line, read_text(text, Path())[1]))


def host_text(changes: str) -> str:
    """An inventory of one good host with these lines for it, or in the place of its own; new ones from line 11 on."""
    lines = {key: f"{key}: {value}" for key, value in HOST.items()}
    lines.update({change.partition(":")[0]: change for change in changes.splitlines()})
    return "\n".join(["all:", "  hosts:", "    node01.example.com:", *(f"      {one}" for one in lines.values()), ""])


def hosts_text(part: str) -> str:
    """An inventory of several good hosts: `[name]` and lines for each, `[vars]` for the group of all."""
    sections = re.findall(r"^\[(.*)\]\n((?:(?!\[).*\n)*)", part, re.MULTILINE)
    shared = next((body for name, body in sections if name == "vars"), "")
    text = ["all:", *(["  vars:", *(f"    {one}" for one in shared.splitlines())] if shared else []), "  hosts:"]
    for number, (name, body) in enumerate((section for section in sections if section[0] != "vars"), 1):
        lines = {key: f"{key}: {value}" for key, value in HOST.items()}
        lines["node_mac"] = f'node_mac: "52:54:00:aa:00:0{number}"'
        lines["node_disk"] = f'node_disk: {{wwn: "0x500000000000000{number}"}}'
        lines.update({change.partition(":")[0]: change for change in body.splitlines()})
        text += [f"    {name}:", *(f"      {one}" for one in lines.values())]
    return "\n".join([*text, ""])


def text_of(entry: Entry) -> str:
    """The inventory of a row: the whole of it, several hosts, or lines for one host."""
    given = entry.given
    return given if given.startswith("all:") else hosts_text(given) if given.startswith("[") else host_text(given)


def codes(file: str) -> set[str]:
    """The codes that the table of a file expects."""
    found = re.findall(r"^[0-9]+:[0-9]+ .*?: ([a-z0-9-]+)(?: \(warning\))?: ", (DATA / file).read_text(), re.MULTILINE)
    return set(found)
