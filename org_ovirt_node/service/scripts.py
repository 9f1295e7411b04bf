# SPDX-License-Identifier: GPL-2.0-or-later
"""The hook in the service: makes it the last script of the installation, and tells it what to do."""

import os
from typing import Optional

from dasbus.error import DBusError
from pyanaconda.anaconda_loggers import get_module_logger
from pyanaconda.core.kernel import kernel_arguments
from pyanaconda.modules.common.constants.services import STORAGE
from pyanaconda.modules.common.structures.kickstart import KickstartReport
from pyanaconda.modules.common.task import Task

from org_ovirt_node import hook
from org_ovirt_node.i18n import _
from org_ovirt_node.section import Section
from org_ovirt_node.service import releases
from org_ovirt_node.service.installation import Made

log = get_module_logger(__name__)

# Anaconda's main program leaves its process id there (its anaconda.py).
_PID_FILE = "/run/anaconda.pid"


def append_hook() -> Optional[str]:
    """Have the hook run after every script of the kickstart; None, or why that cannot be.

    For the handler that returns the tasks to configure: after it, and before the installation begins, Anaconda
    collects the scripts. Runtime does not publish which ones it has, so they are read again from the kickstart. May be
    called again.
    """
    runtime = releases.runtime_service()
    if runtime is None:
        return None  # this Anaconda runs the file by itself
    try:
        kickstart = hook.find_kickstart(_named_kickstart())
    except (OSError, ValueError) as error:
        return str(error)
    read = hook.read_scripts(kickstart) if kickstart else hook.Scripts(())
    if kickstart and read.problem:
        return None if hook.includes_hook(kickstart) else read.problem
    try:
        with open(hook.SCRIPT, encoding="utf-8") as file:
            script = file.read()
        module = runtime.get_proxy()
        text = hook.runtime_kickstart(module.GenerateKickstart(), read.scripts, script)
        report = KickstartReport.from_structure(module.ReadKickstart(text))
    except (OSError, DBusError) as error:
        return str(error)
    if report.error_messages:
        return "; ".join(message.message for message in report.error_messages)
    log.info("Runtime has %d scripts of %s, and the hook behind them.", len(read.scripts), kickstart)
    return None


def _named_kickstart() -> Optional[str]:
    """The kickstart that command lines name, as an absolute path. Raises OSError and ValueError if they cannot be read.

    Without a main program that has left its process id there is no command line.
    """
    arguments: list[str] = []
    directory = "/"
    if os.path.exists(_PID_FILE):
        with open(_PID_FILE, encoding="utf-8") as file:
            process = f"/proc/{int(file.read())}"
        with open(f"{process}/cmdline", encoding="utf-8", errors="surrogateescape") as file:
            arguments = file.read().split("\0")
        directory = os.readlink(f"{process}/cwd")
    of_kernel = [f"{name}={value}" for name, value in kernel_arguments.items_raw()]
    named = hook.named_kickstart(arguments, of_kernel)
    return os.path.join(directory, named) if named else None


class PrepareHookTask(Task):
    """Leaves the hook its order, and the storage commands of a layout that the add-on has made.

    `problem` is what append_hook has said.
    """

    def __init__(self, section: Section, problem: Optional[str] = None, made: Optional[Made] = None) -> None:
        super().__init__()
        self._section = section
        self._problem = problem
        self._made = made

    @property
    def name(self) -> str:
        return "Prepare the hook of the node"

    def run(self) -> None:
        """Raises the error that stops the installation, while no disk has been touched yet."""
        if not self._section.imgbase:
            self.report_progress(_("imgbase will not be run: the section disables it"))
        elif self._problem:
            raise releases.payload_error_class()(
                _(
                    "imgbase cannot be run after the last script of the kickstart: {problem}. "
                    "Write this as the last line of the kickstart, and install again: {line}"
                ).format(problem=self._problem, line=hook.INCLUDE)
            )
        else:
            self.report_progress(_("imgbase will make the node after the last script of the kickstart"))
        try:
            _write(hook.ORDER, hook.order(self._section))
            _write(hook.COMMANDS, self._commands)
        except (OSError, DBusError) as error:
            raise releases.payload_error_class()(str(error)) from error

    @property
    def _commands(self) -> str:
        """Empty where the applied partitioning is not the one that the add-on has made."""
        if self._made is None or self._made.partitioning != STORAGE.get_proxy().AppliedPartitioning:
            return ""
        return self._made.commands


def _write(path: str, text: str) -> None:
    """In one step: the hook takes half an order for none."""
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(f"{path}.new", path)
