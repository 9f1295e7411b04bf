# SPDX-License-Identifier: GPL-2.0-or-later
"""A host: its settings, its layout, and the way back from each value to the line it comes from."""

from __future__ import annotations

import dataclasses
import functools
from typing import NamedTuple
from urllib.parse import urlsplit

from ksgen.host.places import Location, problem_at, secret_texts
from ksgen.inventory import HostEntry
from ksgen.problems import Finding, Problem, Severity
from ksgen.redaction import names_secret
from ksgen.variables import PREFIX, Disk, Settings, node_link
from org_ovirt_node import layout

# A finding's subject -> the variables that can cause it, the likeliest first.
_SUBJECTS = {
    "/": ("node_root_size", "node_image_size", "node_disk"),
    "/boot": ("node_boot_size", "node_disk"),
    "swap": ("node_swap_size",),
    "disk": ("node_disk", "node_raid"),
    "images": ("node_images", "node_disk"),
    "volume_group": ("node_vg", "node_disk"),
    "pool": ("node_pool", "node_disk"),
    "layout": ("node_layout",),
    "filesystem": ("node_filesystem",),
    "firmware": ("node_firmware",),
}
_NAME_CODES = frozenset({"name-characters", "name-reserved", "pool-name-taken"})


class Shape(NamedTuple):
    """What a host has in common with others (`key`), and the values that are its own, in the order of their places."""

    key: str
    values: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Shape(…, {self.values})"  # what hosts have in common can be secret


@dataclasses.dataclass(frozen=True, eq=False)
class Host:
    """One host of the site: its settings, and the entry of the inventory that they come from.

    `shape` is what it has in common with other hosts, None where it has to be looked at by itself.
    """

    name: str
    settings: Settings = dataclasses.field(repr=False)
    entry: HostEntry
    shape: Shape | None = dataclasses.field(default=None, repr=False)

    def reinstalled(self) -> Host:
        """The same host with `node_reinstall`: a node on its disk may be erased. No other host is like it then."""
        return dataclasses.replace(self, settings=self.settings.model_copy(update={"reinstall": True}), shape=None)

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
            boot_size=s.boot_size,
            image_size=s.image_size,
            image_is_local=urlsplit(s.image_url or "").scheme == "file",
            images=s.images,
            volumes=tuple(sorted(s.volumes.items())),
            swap_size=s.swap_size,
            release=s.release,
            volume_group=s.vg,
            pool=s.pool,
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
        severity: Severity = "error" if finding.severity == layout.ERROR else "warning"
        location = self._subject_location(finding)
        return self.at(location, Finding(finding.code, words.message, severity, words.hint))

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
