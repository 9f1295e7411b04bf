# SPDX-License-Identifier: GPL-2.0-or-later
"""(Host, Plan) -> the text of a kickstart. Jinja lives here, and so does the one gate that every value passes."""

from __future__ import annotations

import dataclasses
import functools
import re
import shlex
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ksgen import variables
from ksgen.host import Host
from ksgen.kickstart.content import DONE, LOG, content_steps
from ksgen.kickstart.machine import wanted_checks
from ksgen.kickstart.source import package_lines, source_words
from ksgen.kickstart.steps import Step
from ksgen.problems import Mark, Problem
from ksgen.templates import ORDER, TEMPLATE_ERRORS, GateError, environment, template_problem
from ksgen.variables import Disk, Settings, SizeRange, one_line
from ksgen.version import version
from org_ovirt_node import layout, section
from org_ovirt_node.layout import Commands, storage_commands
from org_ovirt_node.programs import checks, disks, imgbase, names, nics, report

NETWORK_FILE = "/tmp/node-network.ks"
# Where the add-on's image puts the programs that run in the installer.
PROGRAMS = f"{disks.ADDON}/programs"


class Verbatim(str):
    """Text that goes into a kickstart as it is: a script whose lines have been checked."""


# What the shell-like lexer of pykickstart leaves alone.
_PLAIN = re.compile(r"[A-Za-z0-9@_+=:,./*\[\]%^~-]+")


def gate(value: object) -> str:
    """The one way of a value into a kickstart: as pykickstart's lexer (shlex) reads it back, or not at all."""
    if isinstance(value, Verbatim):
        return value
    if isinstance(value, jinja2.Undefined) or (isinstance(value, int | float) and not isinstance(value, bool)):
        return str(value)  # which an undefined value refuses
    if not isinstance(value, str):
        raise GateError(f"prints {type(value).__name__}, which is neither a string nor a number")
    try:
        one_line(value)
    except ValueError as error:
        raise GateError(str(error)) from error
    if value.lstrip().startswith("%"):
        raise GateError("begins with '%', with which Anaconda's sections begin")
    return value if _PLAIN.fullmatch(value) else "'" + value.replace("'", "'\"'\"'") + "'"


@dataclasses.dataclass(frozen=True)
class ScriptPart:
    """A script of the site: its variable, its body, and the interpreter that its first line names."""

    variable: str
    body: Verbatim
    interpreter: str | None

    @classmethod
    def of(cls, variable: str, text: str) -> ScriptPart:
        match = re.match(r"#! *(/[^\n]+)", text)
        return cls(variable, Verbatim(text.rstrip("\n")), match.group(1).rstrip() if match else None)


@dataclasses.dataclass(frozen=True)
class ContentPart:
    """A step of the script that puts the site's variables on the node: its variable, its title as a word, its body."""

    variable: Verbatim
    title: Verbatim
    body: Verbatim

    @classmethod
    def of(cls, step: Step) -> ContentPart:
        return cls(Verbatim(step.variable), Verbatim(shlex.quote(step.title)), Verbatim("\n".join(step.commands)))


@dataclasses.dataclass(frozen=True)
class Page:
    """The template context."""

    version: str
    name: str
    hostname: str
    settings: Settings
    storage: Commands
    disks: tuple[str, ...]
    network: tuple[tuple[str, ...], ...]
    has_other_ports: bool
    network_file: str | None
    boot_arguments: tuple[str, ...]
    namer: Verbatim
    pinned_names: tuple[str, ...]
    iscsi_names: tuple[str, ...]
    image_proxy: str | None
    package_sources: tuple[tuple[str, ...], ...]
    package_lines: tuple[str, ...]
    certificates: Verbatim | None
    kdump: str | int | None
    keys: tuple[tuple[str, str], ...]
    more_keys: tuple[tuple[str, Verbatim], ...]
    pre: tuple[ScriptPart, ...]
    post: tuple[ScriptPart, ...]
    content: tuple[ContentPart, ...]
    content_log: str
    content_done: str
    addon: Verbatim | None
    report: Verbatim | None
    reporter: Verbatim
    report_place: str
    hook: Verbatim
    hook_arguments: tuple[str, ...]
    hook_log: str
    checker: Verbatim
    checks_wanted: Verbatim
    nics: Verbatim
    resolver: Verbatim
    resolver_wanted: Verbatim
    programs: str
    addon_words: AddonWords | None


@dataclasses.dataclass(frozen=True)
class AddonWords:
    """Why the installation stops where the installer lacks the add-on, or has one without the programs."""

    directory: str
    too_old: Verbatim
    not_provided: Verbatim | None  # with the shell variable $updates; None if it does not come as inst.updates
    missing: Verbatim
    # How often, and how many seconds apart, every terminal says it.
    repeats: int = disks.REPEAT_FOR // disks.REPEAT_EVERY
    seconds: int = disks.REPEAT_EVERY

    @classmethod
    def of(cls, way: str) -> AddonWords:
        cure = {
            "updates": "run ksgen again, which publishes the add-on's image, and boot with the files that it writes",
            "tree": "build images/product.img of the install tree again (ksgen image)",
        }
        too_old = disks.refusal("addon-too-old", path=f"{PROGRAMS}/disks.py", cure=cure[way])
        given = disks.addon_missing(way, "$updates") if way == "updates" else None
        return cls(
            disks.ADDON,
            Verbatim(disks.describe([too_old])),
            Verbatim(disks.describe([given])) if given else None,
            Verbatim(disks.describe([disks.addon_missing(way, "")])),
        )


def page(host: Host) -> Page:
    """Everything that a host's kickstart says, decided; the templates give it words and order."""
    settings = host.settings
    return Page(
        version=version(),
        name=host.name,
        hostname=host.hostname,
        settings=settings,
        storage=storage_commands(host.plan, host.disk_links),
        disks=host.disk_links,
        network=variables.network_options(settings.network, settings.mac, _is_of_installer(settings)),
        has_other_ports=not _is_of_installer(settings) and any(i.bond or i.bridge for i in settings.network),
        network_file=NETWORK_FILE if variables.has_mac_members(settings.network) else None,
        image_proxy=settings.proxy_for(settings.image_url),
        package_sources=source_words(settings),
        package_lines=package_lines(settings),
        certificates=Verbatim("".join(settings.ca_certificates).rstrip("\n")) if settings.ca_certificates else None,
        kdump=settings.kdump // layout.MIB if isinstance(settings.kdump, int) else settings.kdump,
        boot_arguments=variables.boot_arguments(settings),
        namer=source(names),
        pinned_names=tuple(f"{name}={mac}" for name, mac in variables.pins(settings.network)),
        iscsi_names=tuple(filter(None, (settings.iscsi_initiator,))),
        keys=tuple((user, keys[0]) for user, keys in _keys(settings)),
        more_keys=tuple((user, Verbatim("\n".join(keys[1:]))) for user, keys in _keys(settings) if keys[1:]),
        pre=tuple(ScriptPart.of("node_pre", text) for text in settings.pre),
        post=tuple(ScriptPart.of(*script) for script in settings.scripts),
        content=tuple(map(ContentPart.of, content_steps(settings))),
        content_log=LOG,
        content_done=DONE,
        addon=Verbatim(section.text(addon_section(host)).rstrip("\n")) if settings.addon else None,
        report=_report(settings),
        reporter=source(report),
        report_place=str(report.PLACE),
        hook=source(imgbase),
        hook_arguments=_hook_arguments(host.request),
        hook_log=imgbase.LOG,
        checker=source(checks),
        checks_wanted=Verbatim(checks.written(wanted_checks(settings))),
        nics=source(nics),
        resolver=source(disks),
        resolver_wanted=Verbatim(disks.written(wanted_disks(settings))),
        programs=PROGRAMS,
        addon_words=_addon_words(_ADDON_WAYS[settings.addon]) if settings.addon else None,
    )


_addon_words = functools.cache(AddonWords.of)
_ADDON_WAYS: dict[bool | str, str] = {True: "updates", False: "none", "tree": "tree"}


def network_commands(settings: Settings) -> str:
    """What programs/nics.py finds the names of NICs for: the commands of a host as pre.ks.j2 writes them."""
    commands = variables.network_options(settings.network, settings.mac, _is_of_installer(settings))
    return "".join(f"network {' '.join(map(gate, options))}\n" for options in commands)


def _is_of_installer(settings: Settings) -> bool:
    """Whether the `network` commands are for the installer too; DHCP on the boot NIC is what they say by default."""
    return settings.boot_network == "same" or (settings.boot_network == "dhcp" and not settings.network)


_NO_VARIABLES: Mapping[str, object] = types.MappingProxyType({})


def context(host: Host, variables: Mapping[str, object]) -> dict[str, object]:
    """The names that a template can use: those of the page, and the inventory's variables, which they hide.

    `vars` has all variables of the inventory, also those that a name of the page hides.
    """
    return {**variables, "vars": dict(variables), **vars(page(host))}


def _keys(settings: Settings) -> list[tuple[str, list[str]]]:
    """The SSH keys of each person. A second `sshkey` for one person draws a warning, so a script adds the others."""
    everybody = [("root", settings.ssh_keys), *((user.name, user.ssh_keys) for user in settings.users)]
    return [(name, keys) for name, keys in everybody if keys]


@functools.cache
def source(program: types.ModuleType) -> Verbatim:
    """The source of a program that runs in the installer, as it is."""
    return Verbatim(Path(str(program.__file__)).read_text(encoding="utf-8").rstrip("\n"))


@functools.cache
def programs() -> tuple[Verbatim, ...]:
    """What kickstarts carry verbatim, in its order there."""
    return tuple(map(source, (report, checks, disks, names, nics, imgbase)))


def in_parts(text: str) -> tuple[str, ...]:
    """A kickstart in parts: the programs in it are most of it, and the same for all hosts."""
    parts = [text]
    for program in programs():
        before, found, after = parts[-1].partition(program)
        parts[-1:] = [before, program, after] if found else [before]
    return tuple(parts)


def _report(settings: Settings) -> Verbatim | None:
    """What programs/report.py reads, as JSON; None for no reports."""
    if settings.report_url is False:
        return None
    wanted = report.Config(settings.server_url, settings.report_url or "", settings.report_pin or "")
    return Verbatim(report.written(wanted))


def wanted_disks(settings: Settings) -> disks.Wanted:
    """What programs/disks.py looks for on a host."""
    return disks.Wanted(
        disks=tuple(map(_wanted_disk, settings.disk)),
        group=settings.vg,
        reinstall=settings.reinstall,
        multipath=settings.multipath,
        addon=_ADDON_WAYS[settings.addon],
        erase=tuple(settings.erase),
        keep=tuple(settings.local_disks),
    )


def _wanted_disk(disk: Disk) -> disks.WantedDisk:
    size = disk.size or SizeRange()
    return disks.WantedDisk(disk.wwn, disk.serial, disk.path, disk.model, smallest=size.min, largest=size.max)


def addon_section(host: Host) -> section.Section:
    """What a host asks of the add-on: what it asks of the policy, without what the policy says anyway."""
    request = host.request
    sizes = layout.policy_sizes(request)
    return section.Section(
        layout=request.layout,
        images=request.images,
        filesystem=request.filesystem,
        disks=len(request.disks),
        root_size=request.root_size,
        volumes=tuple(wish for wish in request.volumes if sizes.get(wish[0]) != wish[1]),
        image_size=request.image_size,
        image_is_local=request.image_is_local,
    )


def _hook_arguments(request: layout.Request) -> tuple[str, ...]:
    volumes = tuple(sorted(layout.policy_sizes(request)))
    return imgbase.options(imgbase.Wanted(request.layout, volumes, layout.BOOT_SPACE_MIN, layout.METADATA_SIZE))


# --- templates -------------------------------------------------------------------------------------------------------

_TRACE = re.compile("\x01([^\x02]*)\x02")


class _LineTrace(Extension):
    """Marks each line of template text with its place, so that a finding in a rendered line can be led back."""

    def filter_stream(self, stream: TokenStream) -> TokenStream:
        return TokenStream(self._marked(stream), stream.name, stream.filename)

    @staticmethod
    def _marked(stream: TokenStream) -> Any:
        for token in stream:
            if token.type == "data":
                lines = str(token.value).split("\n")
                marked = [f"\x01{stream.filename}:{token.lineno + n}\x02{line}" for n, line in enumerate(lines)]
                # What follows the last newline belongs to the next token's line, which has its own mark.
                yield Token(token.lineno, "data", "\n".join(marked if lines[-1] else [*marked[:-1], ""]))
            else:
                yield token


@dataclasses.dataclass(frozen=True)
class TracedLine:
    """A line of a kickstart, the template line that it is from, and the values that were printed in it."""

    text: str
    mark: Mark
    values: tuple[str, ...]


_OWN_PROGRAM = "{name} is a program, not a template: kickstarts contain ksgen's own copy, and this file is ignored"
_OWN_PROGRAM_CURE = (
    "remove it; commands that run before it go into node_pre; a change to it requires your own build of ksgen"
)


def own_programs(own: Path | None) -> list[Problem]:
    """Files of a site's directory that are named like a program of ours: a kickstart carries ours all the same."""
    if own is None:
        return []
    found = []
    for program in (checks, disks, nics, imgbase):
        name = Path(str(program.__file__)).name
        for path in (own / name, own / Path(str(program.__file__)).parent.name / name):
            if path.exists():
                message = _OWN_PROGRAM.format(name=name)
                found.append(Problem("template-program", message, Mark(str(path), 1), hint=_OWN_PROGRAM_CURE))
    return found


class Templates:
    """The templates of a site: its own directory, if it has one, in front of ours. Compiled at first use."""

    def __init__(self, own: Path | None = None) -> None:
        self._own = own
        self._plain = environment(own, gate)

    @functools.cached_property
    def _traced(self) -> ImmutableSandboxedEnvironment:
        return environment(self._own, _traced_gate, _LineTrace)

    def render(self, host: Host, variables: Mapping[str, object] = _NO_VARIABLES) -> tuple[str | None, list[Problem]]:
        """The text of a host's kickstart, or why there is none. `variables`: all of the inventory's."""
        try:
            return self._plain.get_template(ORDER).render(context(host, variables)), []
        except TEMPLATE_ERRORS as error:
            return None, [template_problem(error, host.name)]

    def trace(self, host: Host, variables: Mapping[str, object] = _NO_VARIABLES) -> tuple[TracedLine, ...]:
        """The lines of a kickstart that render() has made, each with its origin."""
        text = self._traced.get_template(ORDER).render(context(host, variables))
        lines, mark = [], Mark(ORDER, 1)
        for line in text.split("\n"):
            notes = _TRACE.findall(line)
            values = [note[1:] for note in notes if note.startswith("=")]
            places = [note for note in notes if not note.startswith("=")]
            if places:
                file, _, number = places[0].rpartition(":")
                mark = Mark(file, int(number))
            lines.append(TracedLine(_TRACE.sub("", line), mark, tuple(values)))
        return tuple(lines)


def _traced_gate(value: object) -> str:
    shown = gate(value)
    return shown if isinstance(value, Verbatim) else f"\x01={value}\x02{shown}"
