# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs beside Anaconda's D-Bus services: the scripts of a kickstart and the hook, run by Anaconda's own code.

    hook_client.py DIRECTORY [STEP]...

DIRECTORY is what test_hook_bench.py has laid out. It is mounted where an installer and an installed system have their
files, for this run alone. Steps, by default in this order:

    configure   let the add-on prepare the installation, twice, as one who goes back and begins again
    block       be in the way of the order that the service leaves for the hook
    rescue      be an installer that rescues a system
    name        be an Anaconda whose command line names another kickstart
    end         be one whose main program has ended and left its process id behind
    lose-include    take away a file that the kickstart includes
    pre-install, post, onerror, traceback    run the scripts of this kind

One object of JSON: the errors of configure and of the scripts, each with what Anaconda's error handler showed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dasbus.error import DBusError
from pyanaconda.core.dbus import DBus
from pyanaconda.core.glib import create_main_loop
from pyanaconda.errors import errorHandler
from pyanaconda.flags import flags
from pyanaconda.modules.common.constants import services
from pyanaconda.modules.common.structures.kickstart import KickstartReport
from pyanaconda.modules.common.task import sync_run_task
from pykickstart import constants

KICKSTART = "/run/install/ks.cfg"
# Named on the command line of Anaconda's main program.
NAMED = "/run/install/named.ks"
TYPES = {
    "pre-install": constants.KS_SCRIPT_PREINSTALL,
    "post": constants.KS_SCRIPT_POST,
    "onerror": constants.KS_SCRIPT_ONERROR,
    "traceback": constants.KS_SCRIPT_TRACEBACK,
}


def name_kickstart() -> None:
    """A process with such a command line, and its id where Anaconda leaves its own."""
    command = [sys.executable, "-c", "import time; time.sleep(600)", "--kickstart", os.path.basename(NAMED)]
    process = subprocess.Popen(command, cwd=os.path.dirname(NAMED))
    Path("/run/anaconda.pid").write_text(f"{process.pid}\n")


def end_main_program() -> None:
    Path("/run/anaconda.pid").write_text("999999\n")


CHANGES: dict[str, Callable[[], None]] = {
    "lose-include": Path("/run/install/included.ks").unlink,
    "block": Path("/run/anaconda/ovirt-node-hook.new").mkdir,
    "rescue": Path("/run/install/RESCUE_MODE").touch,
    "name": name_kickstart,
    "end": end_main_program,
}
BOSS = services.BOSS.get_proxy()
IS_EL9 = not hasattr(services, "RUNTIME")


def mount(*arguments: object) -> None:
    subprocess.run(["mount", *map(str, arguments)], check=True)


def bind(source: str | Path, target: str | Path) -> None:
    """Make a file or a directory seen at another place."""
    if Path(source).is_dir():
        Path(target).mkdir(parents=True, exist_ok=True)
    else:
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        Path(target).touch()
    mount("--bind", source, target)


def cover(source: Path, target: str | Path) -> None:
    """Lay the files of a directory over those of another one."""
    mount("-t", "overlay", "overlay", "-o", f"lowerdir={source}:{target}", target)


def stage(directory: Path) -> None:
    """Make this mount namespace an installer with an installed system in it."""
    root = directory / "root"
    venv = os.path.dirname(shutil.which("python3") or "")
    mount("-t", "tmpfs", "tmpfs", "/run")
    bind(os.path.join(os.environ["BENCH_RUN"], "run"), "/run/anaconda")
    shutil.copytree(directory / "install", "/run/install")
    if IS_EL9:
        own = Path(os.environ["BENCH_SRC"], "data/post-scripts")
        for script in own.glob("*.ks"):
            shutil.copy(script, directory / "share/anaconda/post-scripts")
    cover(directory / "share", "/usr/share")
    cover(directory / "installer-bin", venv)
    bind(root, "/mnt/sysroot")
    system = Path("/mnt/sysroot")
    mount("-t", "overlay", "overlay", "-o", f"lowerdir={root}/usr:/usr", system / "usr")
    for name in ("bin", "lib", "lib64", "sbin"):
        (system / name).symlink_to(f"usr/{name}")
    bind(directory, f"{system}{directory}")
    bind(directory / "bin", f"{system}{venv}")
    bind("/dev/null", system / "dev/null")
    bind(directory / "console", system / "dev/console")
    bind(directory / "console", "/dev/console")


class Recorder:
    """A user interface that answers nobody."""

    def __init__(self) -> None:
        self.shown: list[list[str]] = []

    def showError(self, message: str) -> None:
        self.shown.append(["error", message])

    def showDetailedError(self, message: str, details: str, buttons: object = None) -> None:
        self.shown.append(["detailed error", message, details])

    def showYesNoQuestion(self, message: str) -> None:
        self.shown.append(["question", message])


def handled(error: Exception) -> dict[str, Any]:
    """An error as Anaconda's user interface takes it."""
    errorHandler.ui = Recorder()
    flags.ksprompt = True
    errorHandler.cb(error)
    return {"class": type(error).__name__, "message": str(error), "shown": errorHandler.ui.shown}


def run_task(proxy: Any) -> dict[str, Any] | None:
    try:
        sync_run_task(proxy)
    except DBusError as error:
        return handled(error)
    return None


def configure(messages: list[str]) -> dict[str, Any] | None:
    """Run the add-on's task, as the first thing in the queue of an installation."""
    loop = create_main_loop()
    tasks = [DBus.get_proxy(*place) for place in BOSS.CollectConfigureRuntimeTasks()]
    (task,) = [task for task in tasks if task.Name == "Prepare the hook of the node"]
    task.ProgressChanged.connect(lambda step, message: messages.append(message))
    task.Stopped.connect(loop.quit)
    task.Start()
    loop.run()
    try:
        task.Finish()
    except DBusError as error:
        return handled(error)
    return None


class El9:
    """The user interface's process runs the scripts."""

    def __init__(self) -> None:
        from pyanaconda import kickstart

        self._code = kickstart
        self._data = kickstart.AnacondaKSHandler()
        kickstart.parseKickstart(self._data, KICKSTART, pass_to_boss=True)
        kickstart.appendPostScripts(self._data)

    def generate(self) -> str:
        return ""

    def run(self, kind: str) -> dict[str, Any] | None:
        from pyanaconda.core import util

        run = {
            "pre-install": self._code.runPreInstallScripts,
            "post": self._code.runPostScripts,
            "onerror": util.runOnErrorScripts,
            "traceback": self._code.runTracebackScripts,
        }
        errorHandler.ui = Recorder()
        errors: list[Exception] = []
        original = errorHandler.cb
        # to see what it is called with; what it does is its own

        def noted(error: Exception) -> Any:
            errors.append(error)
            return original(error)

        errorHandler.cb = noted
        try:
            run[kind](self._data.scripts)
        except SystemExit as stop:
            (error,) = errors
            return {"class": type(error).__name__, "exit": stop.code, "shown": errorHandler.ui.shown}
        finally:
            errorHandler.cb = original
        return None


class Later:
    """The module Runtime runs them."""

    def __init__(self) -> None:
        from pyanaconda.modules.common.constants import objects

        path = NAMED if os.path.exists(NAMED) else KICKSTART
        report = KickstartReport.from_structure(BOSS.ReadKickstartFile(path))
        assert not report.error_messages, [message.message for message in report.error_messages]
        self._scripts = services.RUNTIME.get_proxy(objects.SCRIPTS)

    def generate(self) -> str:
        return str(services.RUNTIME.get_proxy().GenerateKickstart())

    def run(self, kind: str) -> dict[str, Any] | None:
        return run_task(services.RUNTIME.get_proxy(self._scripts.RunScriptsWithTask(TYPES[kind])))


def main() -> None:
    directory = Path(sys.argv[1])
    steps = sys.argv[2:] or ["configure", *TYPES]
    stage(directory)
    # before the queue is filled, as Anaconda does
    scripts: El9 | Later = El9() if IS_EL9 else Later()
    before = scripts.generate()
    out: dict[str, Any] = {"errors": {}, "progress": [], "sections": sections()}
    for step in steps:
        if step == "configure":
            configure([])
            error = configure(out["progress"])
        elif step in CHANGES:
            CHANGES[step]()
            error = None
        else:
            error = scripts.run(step)
        if error:
            out["errors"][step] = error
    out["unchanged"] = scripts.generate() == before
    out["commands"] = before
    print(json.dumps(out))


def sections() -> list[str]:
    from pyanaconda.modules.boss.kickstart_manager.parser import VALID_SECTIONS_ANACONDA

    return sorted(VALID_SECTIONS_ANACONDA)


if __name__ == "__main__":
    main()
