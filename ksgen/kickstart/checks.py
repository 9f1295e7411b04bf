# SPDX-License-Identifier: GPL-2.0-or-later
"""The text of a kickstart -> what is wrong with it, led back to the line that a person wrote."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from typing import Literal

from ksgen import lint
from ksgen.grammar import Grammar, view
from ksgen.host import Host, Location
from ksgen.kickstart.access import sudo_problems
from ksgen.kickstart.content import content_steps
from ksgen.kickstart.page import Templates, TracedLine, in_parts, programs
from ksgen.problems import Finding, Problem, Severity
from ksgen.syntax import Node
from ksgen.templates import TEMPLATES
from org_ovirt_node import layout

# Those of lint, without what the inventory knows better: how large disks are, who brings the layout, who can log in,
# which services the firewall has.
_OF_INVENTORY = ("node-layout", "node-autopart", "no-login", "firewall-service")
_CHECKS = tuple(check for check in lint.CHECKS if check.code not in _OF_INVENTORY)

_SCRIPTS = ("node_pre", "node_post_site", "node_post_group", "node_post", "node_files")


class Checker:
    """Checks rendered kickstarts."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates

    def run(self, host: Host, text: str, variables: Mapping[str, object] | None = None) -> list[Problem]:
        """Everything that is wrong with a host's kickstart beyond what the plan has found already."""
        release = host.settings.release
        grammar = _grammar(release)
        short, cuts = _without_programs(text)
        said = grammar.read(short)
        devices = _devices(host, grammar)
        # The view goes without the devices: only the rule that is left out looks at them.
        kind: Literal["node", "host"] = "node" if host.settings.is_node else "host"
        kickstart = dataclasses.replace(view(release, short, grammar.commands, said), kind=kind)
        found = [*lint.grammar_of(said, kickstart), *lint.check(kickstart, _CHECKS)]
        found += lint.check_written(grammar, kickstart)
        off = lint.disabled_in(short)
        found = [(line, finding) for line, finding in lint.without_echoes(found) if not off.covers(line, finding)]
        if layout.has_errors(host.plan.findings):
            # The section says it once more.
            found = [(line, finding) for line, finding in found if finding.code != "addon-section"]
        of_layout = [finding for finding in _layout_findings(host, devices) if finding.code not in off.everywhere]
        problems = list(sudo_problems(host, short))
        if found or of_layout:
            lines = self._templates.trace(host, variables or {})
            found = [(_line_in_whole(line, cuts), finding) for line, finding in found]
            found = [(line, finding) for line, finding in found if not _is_proxy_secret(host, finding, lines, line)]
            problems += [_line_problem(host, finding, line, lines) for line, finding in found]
            problems += [_layout_problem(host, finding, lines) for finding in of_layout]
        return problems


@functools.cache
def _grammar(release: str) -> Grammar:
    """The grammar of a release, made once: that takes as long as checking several kickstarts."""
    grammar = Grammar(release)
    for program in programs():
        if grammar.read(f"%post\n{program}\n%end\n"):
            raise AssertionError("a program of ours is no body for a script")
    return grammar


def _without_programs(text: str) -> tuple[str, list[tuple[int, int]]]:
    """The text without the programs that every kickstart carries, which are most of it and have been read once.

    And where they were cut out: the line, and how many lines less there are from there on.
    """
    short, cuts = "", []
    for part in in_parts(text):
        if part in programs():
            cuts.append((short.count("\n") + 1, part.count("\n")))
        else:
            short += part
    return short, cuts


def _line_in_whole(line: int, cuts: list[tuple[int, int]]) -> int:
    for first, skipped in reversed(cuts):
        line += skipped if line > first else 0
    return line


def _devices(host: Host, grammar: Grammar) -> tuple[layout.Device, ...]:
    sizes = dict(zip(host.disk_links, host.request.disks, strict=True))
    return lint.devices(grammar.handler, sizes, host.settings.firmware)


def _layout_findings(host: Host, devices: tuple[layout.Device, ...]) -> tuple[layout.Finding, ...]:
    """What the kickstart's own storage commands break, as far as the plan has not said it."""
    known = {(finding.code, finding.subject) for finding in host.plan.findings}
    refused = layout.has_errors(host.plan.findings)
    found = layout.check(devices, host.request)
    return () if refused else tuple(f for f in found if (f.code, f.subject) not in known)


def _is_proxy_secret(host: Host, finding: Finding, lines: tuple[TracedLine, ...], number: int) -> bool:
    """Whether it is about the proxy's password in a script of ours, which is reported at the variable."""
    proxy = host.settings.proxy
    return finding.code == "script-secret" and proxy is not None and proxy.url in lines[number - 1].text


def _line_problem(host: Host, finding: Finding, number: int, lines: tuple[TracedLine, ...]) -> Problem:
    line = lines[number - 1] if 0 < number <= len(lines) else lines[0]
    location = _culprit(host, line, finding.message)
    return host.at(location, finding) if location else _template_problem(host, line, finding)


def _layout_problem(host: Host, finding: layout.Finding, lines: tuple[TracedLine, ...]) -> Problem:
    """A broken layout that the plan did not have: a template of the site made it."""
    words = layout.describe(finding, setting="node_{}".format)
    severity: Severity = "error" if finding.severity == layout.ERROR else "warning"
    commands = ("logvol " + finding.subject + " ", "part " + finding.subject + " ", "volgroup ", "logvol ", "part ")
    found = (line for command in commands for line in lines if line.text.startswith(command))
    return _template_problem(host, next(found, lines[0]), Finding(finding.code, words.message, severity, words.hint))


def _template_problem(host: Host, line: TracedLine, finding: Finding) -> Problem:
    if line.mark.file.startswith(str(TEMPLATES)):
        finding = dataclasses.replace(finding, message=f"bug in template: {finding.message}")
    return finding.at(line.mark, host.name, shared=True)


def _culprit(host: Host, line: TracedLine, message: str) -> Location | None:
    """The variable whose value was printed in this line; where there are several, the one the message is about."""
    written = {
        text: location
        for name, variable in host.entry.variables.items()
        if name.startswith("node_")
        for location, text in _leaves((name,), variable.node)
    }
    printed = [value for value in line.values if value in written]
    named = [value for value in printed if value in message] or (printed if len(printed) == 1 else [])
    if named:
        return written[named[0]]
    # A script is printed as it is, a line of it in a line.
    scripts = (text for text, location in written.items() if location[0] in _SCRIPTS)
    holding = [text for text in scripts if line.text.strip() and line.text in text.split("\n")]
    if holding:
        return written[holding[0]]
    steps = (step for step in content_steps(host.settings) if line.text in "\n".join(step.commands).split("\n"))
    return next(((step.variable.partition(",")[0],) for step in steps if line.text.strip()), None)


def _leaves(location: Location, node: Node) -> Iterator[tuple[Location, str]]:
    if isinstance(node.value, dict):
        for key, child in node.value.items():
            yield from _leaves((*location, str(key)), child)
    elif isinstance(node.value, tuple):
        for index, child in enumerate(node.value):
            yield from _leaves((*location, index), child)
    else:
        yield location, str(node.value)
