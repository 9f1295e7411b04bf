# SPDX-License-Identifier: GPL-2.0-or-later
"""The hook in each release: where Anaconda's own code runs it, and what it shows when the hook fails."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from bench import BENCH, NO_BENCH
from imgbase_site import HALF, HOOK, LAYER, STOPS, Site

from org_ovirt_node import hook

PACKAGE = Path(hook.__file__).parent
CLIENT = Path(__file__).parents[1] / "support" / "hook_client.py"
REFS = ("rhel-9", "rhel-10", "main")
LATER = REFS[1:]
LOG = "root/var/log/ovirt-node-init.log"

COMMANDS = """\
lang en_US.UTF-8
text
reboot --eject
"""
# Those that a second reading adds to the first.
DRACUT = """\
driverdisk --source=http://pxe.example.com/driver.iso
sshpw --username=helper --iscrypted $6$saltsalt$hash
logging --host=log.example.com
"""
SCRIPTS = """\
%addon org_ovirt_node
%end

%pre
echo pre >>/mnt/sysroot/var/log/marks
%end

%pre-install --log=/mnt/sysroot/var/log/pre-install.log --erroronfail
echo pre-install >>/mnt/sysroot/var/log/marks
echo 'said "this"'
%end

# a comment with %post in it
%post --log=/var/log/first.log
echo first >>/var/log/marks
cat <<'END'
%something, 'one quote and $dollars	stay

END
%end

%include /run/install/included.ks

%post --nochroot
echo nochroot >>$ANA_INSTALL_PATH/var/log/marks
exit 1
%end

%post
%include /run/install/lines
%end

%onerror --log=/mnt/sysroot/var/log/onerror.log
echo onerror >>/mnt/sysroot/var/log/marks
echo onerror
%end

%traceback --interpreter=/usr/bin/python3
open("/mnt/sysroot/var/log/marks", "a").write("traceback\\n")
%end
"""
INCLUDED = """\
%post --interpreter=/usr/bin/python3 --erroronfail
import sys
open("/var/log/marks", "a").write("included\\n")
%end
"""
LINES = "echo lines >>/var/log/marks\n"
MARKS = ["pre-install", "first", "included", "nochroot", "lines", "imgbase", "onerror", "traceback"]


class Installation:
    """An installer and an installed system, laid out for hook_client.py, which puts them where they belong."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / "machine"
        self.directory.mkdir()
        self.site = Site(self.directory)
        self.addon = directory / "addon"
        shutil.copytree(PACKAGE, self.addon / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
        for path in ("root/tmp", "root/var/log", "root/dev", "installer-bin"):
            (self.directory / path).mkdir(parents=True, exist_ok=True)
        self.put("share/anaconda/post-scripts", PACKAGE / "data/post-scripts/85-ovirt-node.ks")
        self.put("share/anaconda/addons/org_ovirt_node/programs", HOOK)
        self.write("console", "")
        self.write("installer-bin/modprobe", f"#!/bin/sh\necho modprobe $* >>{self.directory}/modprobe\n", 0o755)
        imgbase = self.site.bin / "imgbase"
        # The hook also asks for its version beforehand.
        mark = '[ "$1" = --version ] || echo imgbase >>/var/log/marks'
        marked = imgbase.read_text().replace("#!/bin/sh\n", f"#!/bin/sh\n{mark}\n", 1)
        self.write("bin/imgbase", marked)
        self.kickstart(COMMANDS + SCRIPTS)
        self.write("install/included.ks", INCLUDED)
        self.write("install/lines", LINES)

    def put(self, place: str, file: Path) -> None:
        target = self.directory / place
        target.mkdir(parents=True)
        shutil.copy(file, target)

    def write(self, place: str, text: str, mode: int | None = None) -> None:
        path = self.directory / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if mode is not None:
            path.chmod(mode)

    def kickstart(self, text: str) -> None:
        self.write("install/ks.cfg", text)

    def read(self, place: str) -> str:
        path = self.directory / place
        return path.read_text() if path.exists() else ""

    @property
    def marks(self) -> list[str]:
        return self.read("root/var/log/marks").splitlines()

    @property
    def console(self) -> list[str]:
        return self.read("console").splitlines()

    def run(self, ref: str, *steps: str) -> Any:
        assert BENCH is not None
        name = f"hook-{os.environ.get('PYTEST_XDIST_WORKER', 'gw')}"
        command = [str(BENCH / "anaconda_bus.py"), "--ref", ref, "--name", name, "--addon", str(self.addon)]
        command += ["--modules", "Runtime,Localization", "--", str(CLIENT), str(self.directory), *steps]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.directory)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    if BENCH is None:
        pytest.skip(NO_BENCH)
    return Installation(tmp_path)


@pytest.mark.anaconda
@pytest.mark.parametrize("ref", REFS)
def test_hook_is_last_and_every_other_script_runs(ref: str, installation: Installation) -> None:
    if ref != "rhel-9":
        installation.kickstart(COMMANDS + DRACUT + SCRIPTS)
    told = installation.run(ref)
    assert told["errors"] == {}
    assert told["progress"][-1] == "imgbase will make the node after the last script of the kickstart"
    assert installation.marks == MARKS
    # the options of each
    assert installation.read("root/var/log/pre-install.log") == 'said "this"\n'
    assert installation.read("root/var/log/first.log") == "%something, 'one quote and $dollars\tstay\n\n"
    assert installation.read("root/var/log/onerror.log") == "onerror\n"
    # and ours
    assert installation.console[-1] == f"ovirt-node: the layer {LAYER} is created and verified; it boots next"
    assert installation.read(LOG).splitlines()[-1] == installation.console[-1]
    assert (installation.directory / LOG).stat().st_mode & 0o777 == 0o600
    assert installation.read("modprobe") == "modprobe dm-snapshot\n"
    if ref == "rhel-9":
        calls = [" ".join(call.split()[:4]) for call in installation.read("answers/calls").splitlines()]
        imgbase = calls.index("imgbase --debug layout --init")
        # 80-setfilecons.ks, ours, 99-copy-logs.ks
        assert calls.index("restorecon -ir /boot /dev") < calls.index("restorecon -i -r /boot") < imgbase
        assert imgbase < calls.index("restorecon -i /var/log/")
        return
    # nothing else that Runtime knows has changed
    assert told["unchanged"]
    assert "driverdisk" in told["commands"]
    # an unknown section would be a line of the script that it stands in, here or there
    assert told["sections"] == sorted((*hook.KEPT, *hook.SKIPPED))


@pytest.mark.anaconda
@pytest.mark.parametrize("ref", REFS)
def test_failure_stops_the_installation(ref: str, installation: Installation) -> None:
    installation.site.fail("no-profile")
    told = installation.run(ref)
    error, outcome = "error: imgbase-profile: ", f"ovirt-node: imgbase failed, and {HALF}"
    (failed,) = told["errors"].items()
    assert (failed[0], failed[1]["class"]) == ("post", "ScriptError")
    ((kind, message),) = failed[1]["shown"]
    assert kind == "error"
    assert message.startswith("There was an error running the kickstart script at line ")
    assert "This is a fatal error and installation will be aborted." in message.replace("  ", " ")
    assert error in message
    assert message.rstrip().splitlines()[-2:] == [outcome, f"ovirt-node: {STOPS}"]
    assert installation.console[-2:] == [outcome, f"ovirt-node: {STOPS}"]
    assert error in installation.read(LOG)
    # those for errors do run
    assert installation.marks[-2:] == MARKS[-2:]


@pytest.mark.anaconda
@pytest.mark.parametrize("ref", ["rhel-9", "main"])
def test_section_without_imgbase(ref: str, installation: Installation) -> None:
    installation.kickstart(COMMANDS + SCRIPTS.replace("%addon org_ovirt_node", "%addon org_ovirt_node --no-imgbase"))
    told = installation.run(ref)
    assert told["errors"] == {}
    assert told["progress"][-1] == "imgbase will not be run: the section disables it"
    assert installation.marks == [mark for mark in MARKS if mark != "imgbase"]
    assert installation.console == []


@pytest.mark.anaconda
def test_el9_leaves_a_rescued_system_alone(installation: Installation) -> None:
    """There the service is never asked for tasks, so there is no order, and that is no error."""
    assert installation.run("rhel-9", "rescue", "post")["errors"] == {}
    assert "imgbase" not in installation.marks
    assert installation.console == []


@pytest.mark.anaconda
@pytest.mark.parametrize("ref", ["rhel-9", "rhel-10"])
def test_hook_of_ksgen_and_ours(ref: str, installation: Installation) -> None:
    """A kickstart that carries the hook itself: ours sees that all is done."""
    arguments = " ".join(hook.order(hook.section.Section()).splitlines()[1:])
    embedded = f"%post --erroronfail --log=/var/log/ovirt-node-init.log\n/usr/bin/python3 - {arguments} <<'END_OF_IT'\n"
    installation.kickstart(COMMANDS + SCRIPTS + embedded + HOOK.read_text() + "END_OF_IT\n%end\n")
    assert installation.run(ref)["errors"] == {}
    assert installation.marks == MARKS
    log = installation.read(LOG)
    assert f"ovirt-node: the layer {LAYER} is created and verified; it boots next\n" in log
    assert log.endswith(f"ovirt-node: the layer {LAYER} already exists and is verified; imgbase was not run again\n")


@pytest.mark.anaconda
@pytest.mark.parametrize("ref", LATER)
def test_include_that_is_gone(ref: str, installation: Installation) -> None:
    """What %pre has made for an %include, and a script has taken away: stopped before a disk is touched."""
    told = installation.run(ref, "lose-include", "configure", "post")
    problem = "/run/install/ks.cfg cannot be read again: "
    error = told["errors"]["configure"]
    assert error["class"] == "PayloadInstallationError"
    assert error["message"].startswith(f"imgbase cannot be run after the last script of the kickstart: {problem}")
    assert "/run/install/included.ks" in error["message"]
    assert error["message"].endswith(
        "Write this as the last line of the kickstart, and install again: "
        "%include /usr/share/anaconda/post-scripts/85-ovirt-node.ks"
    )
    ((kind, shown),) = error["shown"]
    assert kind == "error"
    assert shown == (
        "The following error occurred while installing the payload. "
        "This is a fatal error and installation will be aborted.\n\n" + error["message"]
    )
    # Runtime was left alone
    assert installation.marks == [mark for mark in MARKS if mark in ("first", "included", "nochroot", "lines")]


@pytest.mark.anaconda
@pytest.mark.parametrize("ref", LATER)
def test_kickstart_that_the_command_line_names(ref: str, installation: Installation) -> None:
    """Relative to where Anaconda was started; the one in the usual place is not what it has read."""
    installation.write("install/named.ks", COMMANDS + SCRIPTS)
    installation.kickstart(f"{COMMANDS}%post\necho wrong >>/var/log/marks\n%end\n")
    told = installation.run(ref, "name", "configure", "pre-install", "post", "onerror", "traceback")
    assert told["errors"] == {}
    assert installation.marks == MARKS


@pytest.mark.anaconda
@pytest.mark.parametrize("ref", LATER)
def test_command_line_that_cannot_be_read(ref: str, installation: Installation) -> None:
    """Then it is not known which kickstart Anaconda has read: stopped before a disk is touched."""
    error = installation.run(ref, "end", "configure")["errors"]["configure"]
    assert error["class"] == "PayloadInstallationError"
    assert "No such file or directory: '/proc/999999/cmdline'. Write this as the last line" in error["message"]


@pytest.mark.anaconda
@pytest.mark.parametrize("ref", LATER)
def test_cure_for_an_include_that_is_gone(ref: str, installation: Installation) -> None:
    installation.kickstart(f"{COMMANDS}{SCRIPTS}\n%include /usr/share/anaconda/post-scripts/85-ovirt-node.ks\n")
    assert installation.run(ref, "lose-include", "configure", "post")["errors"] == {}
    assert installation.marks == ["first", "included", "nochroot", "lines", "imgbase"]


@pytest.mark.anaconda
@pytest.mark.parametrize("ref", LATER)
def test_failing_script_of_the_user(ref: str, installation: Installation) -> None:
    """Its options hold, and the dialog names the line where it stands in the kickstart."""
    text = COMMANDS + SCRIPTS.replace("%post --log=/var/log/first.log", "%post --log=/var/log/first.log --erroronfail")
    text = text.replace("echo first >>/var/log/marks\n", "echo first >>/var/log/marks\nexit 3\n")
    installation.kickstart(text)
    line = text.splitlines().index("%post --log=/var/log/first.log --erroronfail") + 1
    error = installation.run(ref)["errors"]["post"]
    assert error["class"] == "ScriptError"
    assert f"script at line {line}." in error["shown"][0][1]
    assert installation.marks == ["pre-install", "first", "onerror", "traceback"]


@pytest.mark.anaconda
@pytest.mark.parametrize(
    ("ref", "class_name", "kind"),
    [("rhel-9", "StorageInstallationError", "detailed error"), ("main", "PayloadInstallationError", "error")],
)
def test_order_that_cannot_be_left(ref: str, class_name: str, kind: str, installation: Installation) -> None:
    """Each release has another class that it shows, and that leaves no way but out."""
    error = installation.run(ref, "block", "configure")["errors"]["configure"]
    assert error["class"] == class_name
    assert error["message"] == "[Errno 21] Is a directory: '/run/anaconda/ovirt-node-hook.new'"
    ((shown, *text),) = error["shown"]
    assert shown == kind
    assert error["message"] in text[-1]
