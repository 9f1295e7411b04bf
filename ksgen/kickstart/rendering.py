# SPDX-License-Identifier: GPL-2.0-or-later
"""All hosts of a site -> their checked kickstarts, on all processors where that pays."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import gc
import multiprocessing
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from ksgen.host import Host
from ksgen.kickstart.checks import Checker
from ksgen.kickstart.page import Templates
from ksgen.kickstart.provenance import Place, places, veiled
from ksgen.problems import Problem
from ksgen.syntax import Node, plain

# Fewer hosts are done before further processes have started.
_PARALLEL_FROM = 100
_CHUNK = 20
# Objects of which Python's collector takes note before it looks; a kickstart leaves about two thousand.
_COLLECT_FROM = 100_000
# By host: all variables of the inventory.
_Variables: TypeAlias = Mapping[str, Mapping[str, Node]]


@dataclasses.dataclass(frozen=True)
class Rendered:
    """The kickstart of a host, None where a template failed, what is wrong with it, and where its secrets are."""

    name: str
    text: str | None
    problems: tuple[Problem, ...]
    secrets: tuple[Place, ...] = ()


class _Renderer:
    def __init__(self, hosts: Sequence[Host], own_templates: Path | None, variables: _Variables) -> None:
        self.hosts = hosts
        self._variables = variables
        self._templates = Templates(own_templates)
        self._checker = Checker(self._templates)

    def render(self, host: Host) -> Rendered:
        if not host.plan.devices:
            return Rendered(host.name, None, ())  # a layout that cannot be had; the plan has said why
        nodes = self._variables.get(host.name, {})
        values = {name: plain(node) for name, node in nodes.items()}
        text, problems = self._templates.render(host, values)
        if text is not None:
            problems = [*problems, *self._checker.run(host, text, values)]
        return Rendered(host.name, text, tuple(map(host.discreet, problems)), self._secrets(host, text or ""))

    def _secrets(self, host: Host, text: str) -> tuple[Place, ...]:
        """Where the secrets of the host are in its kickstart."""
        other = veiled(host, self._variables.get(host.name, {})) if text else None
        if other is None:
            return ()
        shown, _ = self._templates.render(other.host, other.variables)
        # A template that cannot be rendered without the secrets is one big secret.
        return places(text, shown or "", other.searched)


def render_all(
    hosts: Sequence[Host], own_templates: Path | None = None, variables: _Variables | None = None
) -> Iterator[Rendered]:
    """Render and check every host, in their order.

    `own_templates` is the site's directory, if it has one, and `variables` are those of each host that its templates
    can use.
    """
    processors = len(os.sched_getaffinity(0))
    if len(hosts) < _PARALLEL_FROM or processors == 1:
        yield from map(_Renderer(hosts, own_templates, variables or {}).render, hosts)
        return
    # A fork has the hosts already; nothing but numbers goes in and only results come out.
    pool = concurrent.futures.ProcessPoolExecutor(
        processors, multiprocessing.get_context("fork"), _start, (hosts, own_templates, variables or {})
    )
    with pool:
        for rendered in pool.map(_render_chunk, range(0, len(hosts), _CHUNK)):
            yield from rendered


# What a worker process works with; nothing in the process that the command runs in.
_renderer: _Renderer | None = None


def _start(hosts: Sequence[Host], own_templates: Path | None, variables: _Variables) -> None:
    global _renderer
    # Thousands of hosts that stay need not be looked through again and again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_FROM)
    _renderer = _Renderer(hosts, own_templates, variables)


def _render_chunk(first: int) -> list[Rendered]:
    assert _renderer is not None
    return [_renderer.render(host) for host in _renderer.hosts[first : first + _CHUNK]]
