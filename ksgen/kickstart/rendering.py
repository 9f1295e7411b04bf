# SPDX-License-Identifier: GPL-2.0-or-later
"""All hosts of a site -> their checked kickstarts, on all processors where that pays.

One host of each shape is rendered and checked in full, and those like it are filled in.
"""

from __future__ import annotations

import collections
import concurrent.futures
import contextlib
import dataclasses
import functools
import gc
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from ksgen.host import Host, stand_in
from ksgen.kickstart.checks import Checker
from ksgen.kickstart.page import Templates, in_parts, programs
from ksgen.kickstart.patterns import Pattern, pattern
from ksgen.kickstart.provenance import Place, places, veiled
from ksgen.problems import Problem
from ksgen.syntax import Node, plain

# Fewer hosts are done before further processes have started.
_PARALLEL_FROM = 40
_CHUNK = 20
# Objects of which Python's collector takes note before it looks; a kickstart leaves about two thousand.
_COLLECT_FROM = 100_000
# By host: all variables of the inventory.
_Variables: TypeAlias = Mapping[str, Mapping[str, Node]]


@dataclasses.dataclass(frozen=True)
class Rendered:
    """The kickstart of a host, None where a template failed, what is wrong with it, and where its secrets are.

    The text is in parts, of which hosts share most: `text` puts them together. `pattern` has those of its shape.
    """

    name: str
    parts: tuple[str, ...] | None
    problems: tuple[Problem, ...] = ()
    secrets: tuple[Place, ...] = ()
    pattern: Pattern | None = None

    @property
    def text(self) -> str | None:
        return None if self.parts is None else "".join(self.parts)


class _Renderer:
    """Renders and checks hosts in full; of those whose names are `typical`, the pattern of their shape as well."""

    def __init__(
        self, hosts: Sequence[Host], typical: frozenset[str], own_templates: Path | None, variables: _Variables
    ) -> None:
        self.hosts = hosts
        self._typical = typical
        self._variables = variables
        self._templates = Templates(own_templates)
        self._checker = Checker(self._templates)

    def render(self, host: Host) -> Rendered:
        if not host.plan.devices:
            return Rendered(host.name, None)  # a layout that cannot be had; the plan has said why
        nodes = self._variables.get(host.name, {})
        values = {name: plain(node) for name, node in nodes.items()}
        text, problems = self._templates.render(host, values)
        if text is None:
            return Rendered(host.name, None, tuple(map(host.discreet, problems)))
        problems = [*problems, *self._checker.run(host, text, values)]
        secrets = self._secrets(host, text)
        of_shape = self._pattern(host, text, secrets) if host.name in self._typical and not problems else None
        return Rendered(host.name, in_parts(text), tuple(map(host.discreet, problems)), secrets, of_shape)

    def _secrets(self, host: Host, text: str) -> tuple[Place, ...]:
        """Where the secrets of the host are in its kickstart."""
        other = veiled(host, self._variables.get(host.name, {}))
        if other is None:
            return ()
        shown, _ = self._templates.render(other.host, other.variables)
        # A template that cannot be rendered without the secrets is one big secret.
        return places(text, shown or "", other.searched)

    def _pattern(self, host: Host, text: str, secrets: tuple[Place, ...]) -> Pattern | None:
        """The pattern of a host's shape, None where it does not make the text that the host has."""
        assert host.shape
        other = stand_in(host)
        if other is None:
            return None
        shown, _ = self._templates.render(other[0])
        found = pattern(shown or "", other[1], secrets)
        return found if found and "".join(found.filled(host.shape.values)) == text else None


def render_all(
    hosts: Sequence[Host], own_templates: Path | None = None, variables: _Variables | None = None
) -> Iterator[Rendered]:
    """Render and check every host, in their order.

    One host of each shape (host/shapes.py) is rendered and checked, and those like it are filled in. With
    `own_templates`, a site's directory, each host is rendered and checked, as templates can do anything with a name;
    `variables` are those of each host that they can use.
    """
    shapes = collections.Counter(host.shape.key for host in hosts if host.shape and own_templates is None)
    firsts: dict[str, Host] = {}
    for host in hosts:
        if host.shape and shapes[host.shape.key] > 1:
            firsts.setdefault(host.shape.key, host)
    typical = frozenset(host.name for host in firsts.values())
    with _mapping(_Renderer(hosts, typical, own_templates, variables or {})) as render:
        done = {one.name: one for one in render([n for n, host in enumerate(hosts) if host.name in typical])}
        patterns = {key: found for key, host in firsts.items() if (found := done[host.name].pattern)}

        def is_like_another(host: Host) -> bool:
            return host.name in done or (host.shape is not None and host.shape.key in patterns)

        others = iter(render([n for n, host in enumerate(hosts) if not is_like_another(host)]))
        for host in hosts:
            if not is_like_another(host):
                yield next(others)
            elif host.name in done:
                yield done[host.name]
            else:
                assert host.shape
                of_shape = patterns[host.shape.key]
                yield Rendered(host.name, of_shape.filled(host.shape.values), (), of_shape.secrets)


# Renders the hosts with these numbers, in their order.
_Render: TypeAlias = Callable[[Sequence[int]], Iterable[Rendered]]


@contextlib.contextmanager
def _mapping(renderer: _Renderer) -> Iterator[_Render]:
    """What renders hosts: in this process where they are few, otherwise on all processors."""
    processors = len(os.sched_getaffinity(0))
    with contextlib.ExitStack() as stack:

        @functools.cache
        def pool() -> concurrent.futures.Executor:
            # A fork has the hosts already; nothing but numbers goes in and only results come out.
            fork = multiprocessing.get_context("fork")
            return stack.enter_context(concurrent.futures.ProcessPoolExecutor(processors, fork, _start, (renderer,)))

        def render(numbers: Sequence[int]) -> Iterable[Rendered]:
            if len(numbers) < _PARALLEL_FROM or processors == 1:
                return (renderer.render(renderer.hosts[number]) for number in numbers)
            chunk = max(1, min(_CHUNK, len(numbers) // (2 * processors)))
            chunks = [numbers[n : n + chunk] for n in range(0, len(numbers), chunk)]
            return (_interned(one) for some in pool().map(_render_chunk, chunks) for one in some)

        yield render


def _interned(rendered: Rendered) -> Rendered:
    """With our own programs in the place of those that have come from another process."""
    known: dict[str, str] = {program: program for program in programs()}
    parts = None if rendered.parts is None else tuple(known.get(part, part) for part in rendered.parts)
    return dataclasses.replace(rendered, parts=parts)


# What a worker process works with; nothing in the process that the command runs in.
_renderer: _Renderer | None = None


def _start(renderer: _Renderer) -> None:
    global _renderer
    # Thousands of hosts that stay need not be looked through again and again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_FROM)
    _renderer = renderer


def _render_chunk(numbers: Sequence[int]) -> list[Rendered]:
    assert _renderer is not None
    return [_renderer.render(_renderer.hosts[number]) for number in numbers]
