# SPDX-License-Identifier: GPL-2.0-or-later
"""From the variables of an inventory to typed hosts, and back from each value to the line it comes from."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit

from pydantic import ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from ksgen.expressions import Expressions, Rendered
from ksgen.host.places import KEY, Location, locate, problem_at, secret_texts
from ksgen.host.validation import validation_problem
from ksgen.inventory import HostEntry, Inventory
from ksgen.problems import Finding, Problem, Severity
from ksgen.redaction import names_secret
from ksgen.syntax import plain
from ksgen.variables import (
    PREFIX,
    DhcpRange,
    Disk,
    Identity,
    Settings,
    host_name,
    is_claimed,
    misspelt,
    node_link,
    static_addresses,
    topology_findings,
)
from org_ovirt_node import layout

# A finding's subject -> the variables that can cause it, the likeliest first.
_SUBJECTS = {
    "/": ("node_root_size", "node_image_size", "node_disk"),
    "swap": ("node_swap_size",),
    "disk": ("node_disk", "node_raid"),
    "images": ("node_images", "node_disk"),
    "volume_group": ("node_vg", "node_disk"),
    "pool": ("node_pool", "node_disk"),
    "layout": ("node_layout",),
    "filesystem": ("node_filesystem",),
    "firmware": ("node_firmware",),
}
_NAME_CODES = frozenset({"name-characters", "name-reserved", "pool-name-taken", "automatic-name"})
_NO_AUTOPART = "remove node_partitioning"
# Sizes that automatic partitioning cannot be asked for.
_MADE_BY_AUTOPART = frozenset({"boot-small", "root-below-image"})


@dataclasses.dataclass(frozen=True, eq=False)
class Host:
    """One host of the site: its settings, and the entry of the inventory that they come from."""

    name: str
    settings: Settings = dataclasses.field(repr=False)
    entry: HostEntry

    @functools.cached_property
    def request(self) -> layout.Request:
        """What is asked of the layout policy. A disk counts with the smallest size that the inventory admits."""
        s = self.settings
        return layout.Request(
            layout=s.layout,
            disks=tuple(disk.smallest_size for disk in s.disk),
            mirrored=s.raid == 1,
            firmware=s.firmware,
            filesystem=s.filesystem,
            root_size=s.root_size,
            image_size=s.image_size,
            image_is_local=urlsplit(s.image_url).scheme == "file",
            images=s.images,
            volumes=tuple(sorted(s.volumes.items())),
            swap_size=s.swap_size,
            release=s.release,
            volume_group=s.vg,
            pool=s.pool,
            automatic=s.partitioning == "autopart",
        )

    @property
    def plan(self) -> layout.Plan:
        return _plan(self.request)

    @property
    def hostname(self) -> str:
        return self.settings.hostname or self.name

    @property
    def disks(self) -> tuple[Disk, ...]:
        return tuple(self.settings.disk)

    @property
    def disk_links(self) -> tuple[str, ...]:
        """What the kickstart calls the disks."""
        return tuple(map(node_link, range(len(self.disks))))

    def problem(
        self, location: Location, code: str, message: str, hint: str = "", severity: Severity = "error"
    ) -> Problem:
        return self.at(location, Finding(code, message, severity, hint))

    def at(self, location: Location, finding: Finding) -> Problem:
        """The problem that a finding is at a variable of the host, or inside of one."""
        return problem_at(self.entry, location, finding)

    def discreet(self, problem: Problem) -> Problem:
        """The problem without anything that comes out of a vault or has the name of a secret."""
        told = f"{problem.message} {problem.hint}"
        variables = self.entry.variables.items()
        if not any(text and text in told for name, v in variables for text in secret_texts(v.node, names_secret(name))):
            return problem
        message = f"a secret value gives a result that is not valid here ({problem.code} in docs/problems.md)"
        return dataclasses.replace(problem, message=message, hint=None, secret=True)

    def layout_problem(self, finding: layout.Finding) -> Problem:
        """A finding of the layout policy, pinned to the variable that caused it."""
        words = layout.describe(finding, setting=_variable_name)
        hint, location = words.hint, self._subject_location(finding)
        if finding.code.startswith("automatic-"):
            hint = f"remove it, or {_NO_AUTOPART}"  # the policy's own cure is for kickstarts
        elif self.request.automatic and finding.code in _MADE_BY_AUTOPART:
            hint, location = _NO_AUTOPART, ("node_partitioning",)
        severity: Severity = "error" if finding.severity == layout.ERROR else "warning"
        return self.at(location, Finding(finding.code, words.message, severity, hint))

    def _subject_location(self, finding: layout.Finding) -> Location:
        subject = finding.subject
        is_volume = subject.startswith("/") or finding.code == "volume-mount-point"
        if is_volume and subject in self.settings.volumes:
            return ("node_volumes", subject)
        candidates: tuple[str, ...] = _SUBJECTS.get(subject, ("node_layout", "node_disk"))
        if subject in ("pool", "volume_group") and finding.code not in _NAME_CODES:
            candidates = candidates[1:]
        written = (name for name in candidates if name in self.entry.variables)
        return (next(written, candidates[0]),)


@functools.lru_cache(maxsize=4096)
def _plan(request: layout.Request) -> layout.Plan:
    """Hosts of a site share a few layouts."""
    return layout.plan(request)


def _variable_name(setting: str) -> str:
    return PREFIX + setting


def read_hosts(inventory: Inventory) -> tuple[tuple[Host, ...], list[Problem]]:
    """Type and check the variables of every host.

    A host with an error is left out, unless the layout policy alone has found it: its plan can be shown.
    """
    hosts, identities, problems = [], [], []
    nodes, others = _nodes(inventory)
    problems += others
    expressions = Expressions(inventory)
    for raw in nodes:
        rendered = expressions.rendered(raw)
        entry = rendered.entry
        data = {name: plain(v.node) for name, v in entry.variables.items() if is_claimed(name)}
        host, found = _read_host(entry, data)
        if rendered.failed:
            host, found = None, _beside(rendered, found)
        problems += [*rendered.problems, *found]
        if host is not None:
            hosts.append(host)
        identities.append((entry, host.settings.identity if host else _identity(data)))
    problems += _across(identities)
    return tuple(hosts), problems


# A host is a node if it has one of these.
_MAKE_A_NODE = ("node_mac", "node_disk")
_NAMES_LISTED = 3


def _nodes(inventory: Inventory) -> tuple[list[HostEntry], list[Problem]]:
    """The hosts to install, and a note on the others: an inventory of Ansible's holds hosts of every kind."""
    nodes = [entry for entry in inventory.hosts if _is_node(entry)]
    skipped = [entry for entry in inventory.hosts if not _is_node(entry) and not _is_declared_none(entry)]
    problems = []
    if inventory.hosts and not nodes:
        message = "no host of the inventory is a node: none has node_mac or node_disk"
        hint = "set both for each host that is to be installed"
        problems.append(Problem("no-nodes", message, inventory.hosts[0].mark, hint=hint))
    elif skipped:
        names = ", ".join(entry.name for entry in skipped[:_NAMES_LISTED])
        more = f" and {len(skipped) - _NAMES_LISTED} more" if len(skipped) > _NAMES_LISTED else ""
        message = f"skipped, because neither node_mac nor node_disk is set: {names}{more}"
        hint = "set node_kind: none for hosts that are not nodes; --limit names the hosts of a run"
        problems.append(Problem("host-skipped", message, skipped[0].mark, "warning", hint=hint))
    return nodes, problems


def _is_node(entry: HostEntry) -> bool:
    """A misspelt variable of ksgen's says that the host is meant to be one."""
    if _is_declared_none(entry):
        return False
    return any(name in entry.variables for name in _MAKE_A_NODE) or any(map(misspelt, entry.variables))


def _is_declared_none(entry: HostEntry) -> bool:
    kind = entry.variables.get("node_kind")
    return kind is not None and kind.node.value == "none"


def _beside(rendered: Rendered, found: Iterable[Problem]) -> list[Problem]:
    """What is wrong in a host beside the variables that have no value, as far as it can be told without them."""
    written = rendered.entry.variables
    return [
        problem
        for problem in found
        if (name := re.split(r"[.\[]", problem.variable or "", maxsplit=1)[0]) in written
        or (problem.code == "variable-missing" and name not in rendered.failed)
    ]


def _identity(data: Mapping[str, object]) -> Identity:
    """What can be read of the identity of a host that has errors elsewhere."""
    readable = dict(data)
    while True:
        try:
            return Identity.model_validate(readable)
        except ValidationError as error:
            for details in error.errors(include_url=False, include_input=False):
                name, *below = details["loc"]
                value = readable.get(str(name))
                if isinstance(value, list) and below and isinstance(below[0], int):
                    readable[str(name)] = [None if n == below[0] else one for n, one in enumerate(value)]
                else:
                    readable.pop(str(name), None)


def _read_host(entry: HostEntry, data: Mapping[str, object]) -> tuple[Host | None, list[Problem]]:
    try:
        settings = Settings.model_validate(data)
    except ValidationError as error:
        found = [validation_problem(entry, details) for details in error.errors(include_url=False) if _counts(details)]
        # What the reader of the file has told of a value is its whole trouble.
        told = {problem.mark for variable in entry.variables.values() for problem in variable.problems}
        return None, [problem for problem in found if problem.mark not in told]
    host = Host(entry.name, settings, entry)
    problems = list(_host_problems(host))
    if problems:
        return None, problems
    return host, [host.layout_problem(finding) for finding in host.plan.findings]


def _counts(details: ErrorDetails) -> bool:
    """Not reported again: a key that is not a string; a mapping that does not match the allowed words."""
    is_odd_key = details["type"] == "invalid_key" or (
        details["loc"][-1:] == (KEY,) and not isinstance(details["input"], str)
    )
    return not is_odd_key and not (details["type"] == "literal_error" and isinstance(details["input"], dict))


def _autopart_problems(host: Host) -> Iterator[Problem]:
    """What the kickstart's `autopart` has no option for; of sizes and names the plan tells."""
    settings = host.settings
    if settings.raid:
        message = "automatic partitioning cannot create a mirror"
        yield host.problem(("node_raid",), "automatic-mirror", message, _NO_AUTOPART)
    made, wanted = layout.automatic_sizes(), layout.volume_sizes(host.request)
    if settings.layout in layout.LAYOUTS and (too_much := sorted(made.keys() - wanted.keys())):
        message = f"automatic partitioning cannot omit {', '.join(too_much)}"
        yield host.problem(("node_layout",), "automatic-layout", message, _NO_AUTOPART)


def _host_problems(host: Host) -> Iterator[Problem]:
    """What is wrong between the variables of one host."""
    settings = host.settings
    yield from _host_name_problems(host)
    for location, finding in topology_findings(settings.network):
        yield host.at(("node_network", *location), finding)
    if isinstance(settings.dhcp, DhcpRange):
        for place, address in static_addresses(settings.network):
            if place[1] == "ipv4" and settings.dhcp.holds(address):
                message = f"{address} is inside the DHCP range of node_dhcp"
                yield host.problem(
                    ("node_network", *place), "address-in-dhcp-range", message, "choose an address outside it"
                )
    seen: set[str] = set()
    for index, disk in enumerate(settings.disk):
        by_path = (("path", disk.path),) if disk.path else ()
        for key, value in dict.fromkeys((*disk.identities, *by_path)):
            if value in seen:
                yield host.problem(("node_disk", index, key), "disk-twice", f"{value} is listed twice")
        seen |= {value for _, value in (*disk.identities, *by_path)}
    if settings.raid and len(settings.disk) != 2:
        message = f"a mirror needs two disks; node_disk has {len(settings.disk)}"
        yield host.problem(("node_raid",), "disks-for-mirror", message, "list two disks, or remove node_raid")
    if settings.partitioning == "autopart":
        yield from _autopart_problems(host)
    names = [user.name for user in settings.users]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield host.problem(("node_users", index, "name"), "user-twice", f"{name} is listed twice")


def _host_name_problems(host: Host) -> Iterator[Problem]:
    """The name of a host in the inventory need not be one that the host itself can have."""
    try:
        host_name(host.hostname)
    except PydanticCustomError as error:
        yield host.problem(("node_hostname",), error.type, error.message(), "add node_hostname: to the host")


def _across(identities: Iterable[tuple[HostEntry, Identity]]) -> Iterator[Problem]:
    """What two hosts cannot both have."""
    seen: dict[tuple[str, str], tuple[HostEntry, Location]] = {}
    for entry, identity in identities:
        for kind, value, location in _unique_values(entry, identity):
            other = seen.setdefault((kind, value.lower()), (entry, location))
            if other[0] is not entry:
                place = locate(*other)
                value = f"this {kind}" if place.is_hidden else value
                message = f"{value} is also the {kind} of {other[0].name}, {place.mark.file}:{place.mark.line}"
                code = kind.replace(" ", "-").lower() + "-of-two-hosts"
                yield problem_at(entry, location, Finding(code, message, hint="each host needs its own"))


def _unique_values(entry: HostEntry, identity: Identity) -> Iterator[tuple[str, str, Location]]:
    yield "host name", identity.hostname or entry.name, ("node_hostname",)
    if identity.mac:
        yield "MAC address", identity.mac, ("node_mac",)
    for index, interface in enumerate(identity.network):
        if interface is None:
            continue
        if interface.mac and interface.mac != identity.mac:
            yield "MAC address", interface.mac, ("node_network", index, "mac")
        for where, lower in interface.lower_places:
            if ":" in lower and lower != identity.mac:
                yield "MAC address", lower, ("node_network", index, *where)
    for place, address in static_addresses(identity.network):
        yield "address", address, ("node_network", *place)
    for index, disk in enumerate(identity.disk):
        for key, value in disk.identities if disk else ():
            yield "disk", value, ("node_disk", index, key)
