# SPDX-License-Identifier: GPL-2.0-or-later
"""The template of limit/render.py, made from kickstarts that ksgen has written.

Such a template is a kickstart in which the values of its host are replaced by Jinja expressions: no loops, no
conditions inside, no quoting, no sizes to compute. So the limit does less than any template that a person would write,
and it stays up to date when the kickstarts change. Whether its output is the same for all hosts is compared afterwards.

The site `flat` has kickstarts of one kind; the limit reads the inventory itself, and the expressions take the values
out of its variables (EXPRESSIONS). For the site `examples` the limit gets a file in which each host has its final
values, as plain texts under plain names, and the name of its kind: hosts are of one kind if their kickstarts differ in
these values only. Groups, expressions and defaults were resolved by ksgen before the clock starts. The kinds are the
branches of one template.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import yaml

from ksgen.host import Host, read_hosts
from ksgen.inventory import reader

EXPRESSIONS = (
    "name",
    "node_mac",
    "node_disk.wwn",
    'node_network[1].ipv4.split("/")[0]',
    "node_network[1].gateway4",
    'node_network[1].dns|join(",")',
    'node_network[0].bond.members|join(",")',
    "node_network[0].bond.mode",
    "node_image_url",
    "node_ssh_keys[0]",
)


class Syntax(NamedTuple):
    """How a template engine prints a value, and a text that it would read as its own."""

    value: str
    special: str
    escaped: str


JINJA = Syntax("{{{{ {} }}}}", r"\{[{%#]", '{{{{ "{}" }}}}')
CHEETAH = Syntax("${{{}}}", r"[$#]", "\\{}")

# More than examples/ can have, were each of its hosts a kind: then a value of a host's own is missing in _own_values.
MOST_KINDS = 40


def of_inventory(inventory: Path, kickstarts: Path, directory: Path) -> tuple[Path, Path]:
    """The two files that the limit reads for the site `flat`: the inventory as it is, and a template."""
    site = yaml.load(inventory.read_text(), Loader=yaml.CSafeLoader)["all"]
    hosts: dict[str, Any] = next(iter(site["children"].values()))["hosts"]
    name, host = next(iter(hosts.items()))
    values = evaluated(EXPRESSIONS, {"name": name, **site["vars"], **host})
    template = directory / "limit.ks.j2"
    template.write_text(flattened((kickstarts / f"{name}.ks").read_text(), values))
    return inventory, template


def of_resolved(inventory: Path, kickstarts: Path, directory: Path) -> tuple[Path, Path]:
    """The two files that the limit reads for the site `examples`: values of each host, and a template of all kinds."""
    found, _ = reader.read([inventory])
    kinds: dict[str, int] = {}
    rows: dict[str, dict[str, str | int]] = {}
    for host in read_hosts(found)[0]:
        values = dict(_own_values(host))
        text = flattened((kickstarts / f"{host.name}.ks").read_text(), {**values, "name": host.name})
        rows[host.name] = {"kind": kinds.setdefault(text, len(kinds)), **values}
    if len(kinds) > MOST_KINDS:
        raise ValueError(f"{len(kinds)} kinds of kickstarts: values of single hosts are left in the limit's template")
    resolved, template = directory / "resolved.yaml", directory / "limit.ks.j2"
    site = {"all": {"vars": {}, "children": {"all_hosts": {"hosts": rows}}}}
    resolved.write_text(yaml.dump(site, Dumper=yaml.CSafeDumper, sort_keys=False))
    template.write_text(_branches(list(kinds)))
    return resolved, template


def flattened(kickstart: str, values: Mapping[str, str], syntax: Syntax = JINJA) -> str:
    """A template that prints this kickstart; `values` has the text that each expression replaces."""
    expressions = {text: expression for expression, text in reversed([*values.items()])}
    longest_first = sorted(expressions, key=len, reverse=True)
    either = "|".join(map(re.escape, longest_first))

    def printed(match: re.Match[str]) -> str:
        expression = expressions.get(match[0])
        return syntax.value.format(expression) if expression else syntax.escaped.format(match[0])

    # Not a part of a longer name, address or number.
    return re.sub(rf"(?<![\w.:])(?:{either})(?![.:]?\w)|{syntax.special}", printed, kickstart)


def evaluated(expressions: Iterable[str], variables: Mapping[str, Any]) -> dict[str, str]:
    """The text of each expression."""
    environment = jinja2.Environment()
    return {expression: str(environment.compile_expression(expression)(**variables)) for expression in expressions}


def _branches(kinds: Sequence[str]) -> str:
    words = ["if", *["elif"] * (len(kinds) - 1)]
    branches = (f"{{% {word} kind == {n} %}}\n{text}" for n, (word, text) in enumerate(zip(words, kinds, strict=True)))
    return "".join(branches) + "{% endif %}\n"


def _own_values(host: Host) -> Iterator[tuple[str, str]]:
    """What distinguishes a host from others of its kind, by the names that the limit's template has for them."""
    if host.settings.mac:
        yield "mac", host.settings.mac
    if host.settings.iscsi_initiator:
        yield "iscsi_initiator", host.settings.iscsi_initiator
    for n, disk in enumerate(host.disks):
        for name, value in (("wwn", disk.wwn), ("serial", disk.serial)):
            if value:
                yield f"disk{n}_{name}", value
    for n, interface in enumerate(host.settings.network):
        members = interface.bond.members if interface.bond else ()
        if interface.mac:
            yield f"nic{n}_mac", interface.mac
        addresses = (("ipv4", interface.ipv4), ("ipv6", interface.ipv6))
        yield from ((f"nic{n}_mac{m}", member) for m, member in enumerate(members) if ":" in member)
        yield from ((f"nic{n}_{name}", value.partition("/")[0]) for name, value in addresses if value and "/" in value)
        gateways = (("gateway4", interface.gateway4), ("gateway6", interface.gateway6))
        yield from ((f"nic{n}_{name}", value) for name, value in gateways if value)
