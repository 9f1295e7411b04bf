# SPDX-License-Identifier: GPL-2.0-or-later
"""The example site, read and rendered once for all tests."""

from __future__ import annotations

import functools
import re
from pathlib import Path

from ksgen.host import Host, read_hosts
from ksgen.inventory import reader
from ksgen.kickstart.page import Templates
from ksgen.problems import Problem
from org_ovirt_node.programs import nics

CHECKOUT = Path(__file__).resolve().parents[2]
EXAMPLE = CHECKOUT / "examples" / "hosts.yaml"


@functools.cache
def site() -> tuple[tuple[Host, ...], tuple[Problem, ...]]:
    found, problems = reader.read([EXAMPLE])
    hosts, more = read_hosts(found)
    return hosts, (*problems, *more)


@functools.cache
def kickstarts() -> dict[str, str]:
    templates = Templates()
    rendered = {host.name: templates.render(host) for host in site()[0]}
    assert not [problem for _, problems in rendered.values() for problem in problems]
    return {name: text for name, (text, _) in rendered.items() if text is not None}


def included_network(kickstart: str) -> str:
    """What the kickstart's own %pre leaves for its %include, on a machine that has every card it names."""
    wanted = re.search(r"<<'END_OF_NETWORK'\n(.*?)END_OF_NETWORK\n", kickstart, re.DOTALL)
    if wanted is None:
        return ""
    addresses = sorted(set(nics.MAC.findall(wanted.group(1))))
    text, missing = nics.decide(wanted.group(1), {mac: f"eno{n}" for n, mac in enumerate(addresses, 1)})
    assert not missing
    return str(text)
