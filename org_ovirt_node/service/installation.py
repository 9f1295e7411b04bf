# SPDX-License-Identifier: GPL-2.0-or-later
"""The tasks around storage. They are made before anything runs, so each looks at the world in run() alone."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Optional

from dasbus.error import DBusError
from pyanaconda.anaconda_loggers import get_module_logger
from pyanaconda.modules.common.errors.installation import StorageInstallationError
from pyanaconda.modules.common.errors.storage import InvalidStorageError
from pyanaconda.modules.common.task import Task

from org_ovirt_node import erasure, gate
from org_ovirt_node.erasure import Content
from org_ovirt_node.gate import Tree
from org_ovirt_node.i18n import _
from org_ovirt_node.layout import ERROR, Finding, Plan, storage_commands
from org_ovirt_node.programs import report
from org_ovirt_node.programs.checks import Result
from org_ovirt_node.section import WARN, Section
from org_ovirt_node.service import contents, machine, partitioning, storage

log = get_module_logger(__name__)


@dataclass(frozen=True)
class Made:
    """A partitioning that the add-on has made, and the storage commands that it is made of."""

    partitioning: str
    commands: str


@dataclass(frozen=True)
class Look:
    """What a look at Storage found: its plan, what is wrong with it, and the node layout in its place.

    Without an applied partitioning the only finding says so; without selected disks there is no proposal. `contents`
    are what the node layout erases, `obstacles` why it cannot be made, `machine` is what is wrong with processor and
    memory, `made` is what the add-on has just made.
    """

    tree: Tree
    findings: tuple[Finding, ...]
    proposal: Optional[Plan]
    contents: tuple[Content, ...]
    obstacles: tuple[Finding, ...]
    machine: tuple[Result, ...] = ()
    made: Optional[Made] = None


def look(section: Section) -> Look:
    tree = storage.read_tree()
    there = contents.look(tree, section.request().volume_group)
    obstacles = (*gate.obstacles(tree, section), *there.refusals)
    findings = (*gate.findings(tree, section), *gate.remarks(partitioning.warnings(tree.partitioning)))
    return Look(tree, findings, gate.proposal(tree, section), there.contents, obstacles, machine.look())


class CheckStorageTask(Task):
    """Its result is a Look."""

    def __init__(self, section: Section) -> None:
        super().__init__()
        self._section = section

    @property
    def name(self) -> str:
        return "Check the storage of the node"

    def run(self) -> Look:
        return look(self._section)


class UseNodeLayoutTask(Task):
    """Makes the node layout the applied partitioning. Its result is a Look at it.

    `erased` are the disks whose contents a person has consented to lose.
    """

    def __init__(self, section: Section, erased: Collection[str]) -> None:
        super().__init__()
        self._section = section
        self._erased = frozenset(erased)

    @property
    def name(self) -> str:
        return "Use the layout of a node"

    def run(self) -> Look:
        """Raises InvalidStorageError with all that is wrong; what was applied before stays so."""
        tree = storage.read_tree()
        there = contents.look(tree, self._section.request().volume_group, is_thorough=True)
        unconfirmed = erasure.unconfirmed(there.contents, self._erased)
        obstacles = (*gate.obstacles(tree, self._section), *there.refusals, *unconfirmed)
        return _make(tree, self._section, obstacles, erases=True)


class FollowKickstartTask(Task):
    """Makes the layout that a kickstart without storage commands leaves to the add-on. Its result is a Look at it."""

    def __init__(self, section: Section) -> None:
        super().__init__()
        self._section = section

    @property
    def name(self) -> str:
        return "Make the layout of a node"

    def run(self) -> Look:
        """Raises InvalidStorageError with all that is wrong. What may be erased, the kickstart has said."""
        tree = storage.read_tree()
        obstacles = list(gate.obstacles(tree, self._section))
        if not partitioning.clears_disks():
            there = contents.look(tree, self._section.request().volume_group)
            obstacles += erasure.not_cleared(there.contents)
        return _make(tree, self._section, tuple(obstacles), erases=False)


def _make(tree: Tree, section: Section, obstacles: tuple[Finding, ...], erases: bool) -> Look:
    plan = gate.proposal(tree, section)
    if obstacles or plan is None:
        raise InvalidStorageError(gate.text(obstacles, _))
    try:
        problems = partitioning.make(tree, plan, erases)
    except DBusError as error:
        problems = (str(error),)
    if problems:
        raise InvalidStorageError(gate.text(gate.refusals(problems), _))
    found = look(section)
    commands = storage_commands(plan, [disk.name for disk in tree.disks]).text
    return replace(found, made=Made(found.tree.partitioning, commands))


class SetMountOptionsTask(Task):
    """Thin volumes without discard never give freed blocks back to the pool; Anaconda does not ask for it."""

    @property
    def name(self) -> str:
        return "Set the mount options of the node"

    def run(self) -> None:
        for mount_point, options in storage.set_discard().items():
            log.info("%s is mounted with %s.", mount_point, options)


class CheckLayoutTask(Task):
    """The gate: the last look at the plan before a disk is written."""

    def __init__(self, section: Section) -> None:
        super().__init__()
        self._section = section

    @property
    def name(self) -> str:
        return "Check the layout of the node"

    def run(self) -> None:
        """Raises StorageInstallationError with all findings; Anaconda has a dialog for this very class."""
        self.report_progress(_("Checking the storage layout of the node"))
        refusal = self._refusal()
        if refusal and self._section.findings != WARN:
            report.leave("layout", report.FAILED, "the layout", refusal)
            raise StorageInstallationError(refusal)

    def _refusal(self) -> str:
        """Tell everything that is wrong; returns what speaks against the installation."""
        try:
            findings = gate.findings(storage.read_tree(), self._section)
        except DBusError as error:
            log.exception("The storage module does not respond.")
            return _("The storage layout could not be checked: {error}").format(error=error)
        for finding in findings:
            tell = log.error if finding.severity == ERROR else log.warning
            tell("%s", gate.line(finding))
            self.report_progress(gate.line(finding, _))
        return gate.refusal(findings, _)
