# SPDX-License-Identifier: GPL-2.0-or-later
"""The hook of the add-on: its order, a kickstart's scripts with it behind them, and its own script in a shell."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Optional

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pykickstart import constants, version
from pykickstart.parser import KickstartParser

from org_ovirt_node import hook
from org_ovirt_node.hook import Script
from org_ovirt_node.programs import imgbase
from org_ovirt_node.section import WARN, Section

PACKAGE = Path(hook.__file__).parent
HOOK = (PACKAGE / "data/post-scripts/85-ovirt-node.ks").read_text()
STANDARD = "/home,/tmp,/var,/var/crash,/var/log,/var/log/audit,/var/tmp"

# The order


@pytest.mark.parametrize(
    ("section", "lines"),
    [
        pytest.param(Section(), ["run", "--layout=standard", f"--volumes={STANDARD}"], id="standard"),
        pytest.param(Section(layout="minimal"), ["run", "--layout=minimal", "--volumes=/var"], id="minimal"),
        # what the layout lacks has been told; imgbase.py asks for /var by itself
        pytest.param(Section(findings=WARN), ["run", "--layout=standard", "--volumes="], id="findings-only-told"),
        pytest.param(
            Section(volumes=(("/data", 2**30),)),
            ["run", "--layout=standard", f"--volumes={STANDARD}"],
            id="volume-of-the-site",
        ),
    ],
)
def test_order(section: Section, lines: list[str]) -> None:
    assert hook.order(section).splitlines() == [*lines, "--boot-size=1000000000", "--metadata-size=1073741824"]
    wanted, _ = imgbase.parse(hook.order(section).splitlines()[1:])
    assert wanted.layout == section.layout
    assert "/var" in wanted.volumes


def test_order_to_do_nothing() -> None:
    assert hook.order(Section(imgbase=False)) == "skip\n"


# Which kickstart


def test_find_kickstart(tmp_path: Path) -> None:
    given_one, default = tmp_path / "ks.cfg", tmp_path / "interactive-defaults.ks"
    places = (str(given_one), str(default))
    assert hook.find_kickstart(None, places) is None
    default.touch()
    assert hook.find_kickstart(None, places) == str(default)
    given_one.touch()
    assert hook.find_kickstart(None, places) == str(given_one)
    # one that is not there, too: that it cannot be read is told
    assert hook.find_kickstart("/elsewhere.ks", places) == "/elsewhere.ks"


@pytest.mark.parametrize(
    ("arguments", "kernel_arguments", "named"),
    [
        pytest.param("/usr/bin/python3 /sbin/anaconda --text", "quiet inst.text=None", None, id="none"),
        pytest.param("anaconda --kickstart node.ks --text", "", "node.ks", id="two-words"),
        pytest.param("anaconda --kickstart=/root/node.ks", "", "/root/node.ks", id="one-word"),
        pytest.param("anaconda --kick node.ks", "", "node.ks", id="shortened"),
        pytest.param("anaconda --keymap us --ksstrict --kexec", "", None, id="similar"),
        pytest.param("anaconda", "inst.kickstart=/mnt/node.ks", "/mnt/node.ks", id="kernel"),
        pytest.param("anaconda", "kickstart=/mnt/node.ks", None, id="kernel-without-prefix"),
        pytest.param("anaconda", "inst.ks=http://pxe.example.com/node.ks", "/run/install/ks.cfg", id="fetched"),
        pytest.param("anaconda --kickstart a.ks", "inst.ks=http://pxe.example.com/b.ks", "a.ks", id="program-wins"),
        pytest.param("anaconda --kickstart a.ks --kickstart=b.ks", "", "b.ks", id="last-wins"),
        pytest.param("anaconda --kickstart a.ks --ks", "", "/run/install/ks.cfg", id="fetched-wins"),
    ],
)
def test_named_kickstart(arguments: str, kernel_arguments: str, named: str | None) -> None:
    assert hook.named_kickstart(arguments.split(), kernel_arguments.split()) == named


# Reading


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "post.ks").write_text("%post --interpreter=/usr/bin/python3\nprint()\n%end\n")
    (tmp_path / "lines").write_text("echo included\n")
    (tmp_path / "nested.ks").write_text("%include post.ks\nzerombr\n")
    return tmp_path


def read(directory: Path, text: str) -> hook.Scripts:
    path = directory / "ks.cfg"
    path.write_text(text)
    return hook.read_scripts(str(path))


POST = Script(("%post", "--interpreter=/usr/bin/python3"), ("print()\n",), 1)


@pytest.mark.parametrize(
    ("text", "scripts"),
    [
        pytest.param("", (), id="empty"),
        pytest.param("liveimg --url=x\nno such command\n%pre\ntrue\n%end\n%packages\n@core\n%end\n", (), id="others"),
        pytest.param(
            "%pre-install --log=/tmp/x\na\n%end\n%onerror --erroronfail\nb\n%end\n%traceback\nc\n%end\n",
            (
                Script(("%pre-install", "--log=/tmp/x"), ("a\n",), 1),
                Script(("%onerror", "--erroronfail"), ("b\n",), 4),
                Script(("%traceback",), ("c\n",), 7),
            ),
            id="kinds",
        ),
        pytest.param(
            '\n%post --nochroot --log="/tmp/a b" --option-of-tomorrow # why\n%end\n',
            (Script(("%post", "--nochroot", "--log=/tmp/a b", "--option-of-tomorrow"), (), 2),),
            id="options",
        ),
        pytest.param(
            "%post\n# comment\n\n  %something\n%anaconda\ntab\there 'quote\nx %end\n%end\n",
            (
                Script(
                    ("%post",),
                    ("# comment\n", "\n", "  %something\n", "%anaconda\n", "tab\there 'quote\n", "x %end\n"),
                    1,
                ),
            ),
            id="lines-as-they-are",
        ),
        pytest.param("%include post.ks\n%post\n%end\n", (POST, Script(("%post",), (), 2)), id="included"),
        pytest.param("%include nested.ks\n", (POST,), id="included-twice-over"),
        pytest.param(
            "%post\na\n%include lines\nb\n%end\n",
            (Script(("%post",), ("a\n", "echo included\n", "", "b\n"), 1),),
            id="included-in-a-script",
        ),
        # dracut has put the file in its place; what is left of such a line is none
        pytest.param("%ksappend http://pxe.example.com/x.ks\n", (), id="ksappend"),
        pytest.param("%addon org_ovirt_node --images=2\nimage 2 GiB\n%end\n", (), id="addon"),
    ],
)
def test_read_scripts(directory: Path, text: str, scripts: tuple[Script, ...]) -> None:
    assert read(directory, text) == hook.Scripts(scripts)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param(
            "%include /nowhere.ks\n",
            "Unable to open input kickstart file: Error opening file: [Errno 2] No such file or directory: "
            "'/nowhere.ks'",
            id="include-missing",
        ),
        pytest.param("%post\necho\n", "Section %post does not end with %end.", id="no-end"),
        pytest.param("%nonsense\n%end\n", "Unknown kickstart section: %nonsense", id="unknown-section"),
        pytest.param("%post --log='x\n%end\n", "No closing quotation", id="quote"),
    ],
)
def test_problem(directory: Path, text: str, problem: str) -> None:
    found = read(directory, text)
    assert found.scripts == ()
    assert found.problem is not None
    assert found.problem.startswith(f"{directory}/ks.cfg cannot be read again: ")
    assert problem in found.problem
    assert "\n" not in found.problem


def test_bytes_that_are_no_text(directory: Path) -> None:
    (directory / "ks.cfg").write_bytes(b"%post\n\xff\n%end\n")
    problem = hook.read_scripts(str(directory / "ks.cfg")).problem
    assert problem is not None
    assert "can't decode byte 0xff" in problem


@pytest.mark.parametrize(
    ("text", "includes"),
    [
        pytest.param("lang en_US\n%include  /usr/share/anaconda/post-scripts/85-ovirt-node.ks\n", True, id="yes"),
        pytest.param("# %include /usr/share/anaconda/post-scripts/85-ovirt-node.ks\n", False, id="comment"),
        pytest.param("%include /tmp/85-ovirt-node.ks\n", False, id="another"),
    ],
)
def test_includes_hook(tmp_path: Path, text: str, includes: bool) -> None:
    (tmp_path / "ks.cfg").write_text(text)
    assert hook.includes_hook(str(tmp_path / "ks.cfg")) is includes


def test_no_file_includes_nothing(tmp_path: Path) -> None:
    assert not hook.includes_hook(str(tmp_path / "ks.cfg"))


# Writing


def test_runtime_kickstart() -> None:
    scripts = (
        Script(("%post", "--log=/tmp/a b"), ("a\n", "%x\n"), 3),
        Script(("%traceback",), ("no line end",), 9),
        Script(("%onerror",), (), 2),  # of an included file
    )
    commands = "# Use text mode install\ntext\ndriverdisk --source=x\nsshpw --username=y z\nlogging --host=l\n"
    assert hook.runtime_kickstart(commands, scripts, "%post\nhook\n%end\n") == (
        "\n\n%post '--log=/tmp/a b'\na\n%x\n%end\n"
        "\n\n%traceback\nno line end\n%end\n"
        "%onerror\n%end\n"
        "%post\nhook\n%end\n\n"
        "# Use text mode install\ntext\nlogging --host=l\n"
    )


def kickstart_scripts(text: str) -> list[tuple[object, ...]]:
    """What Anaconda's classes are made from: pykickstart's own reading."""
    parser = KickstartParser(version.makeVersion(version.DEVEL))
    parser.handleCommand = lambda lineno, args: None
    parser.readKickstartFromString(text)
    return [
        (each.type, each.interp, each.inChroot, each.logfile, each.errorOnFail, each.script, each.lineno)
        for each in parser.handler.scripts
        if each.type != constants.KS_SCRIPT_PRE
    ]


MANY = """\
text
%pre
echo pre
%end
%pre-install --erroronfail --log=/tmp/pre-install.log
echo "$HOME" 'x' \\
  y
%end
%post --nochroot --interpreter=/usr/bin/python3

print('%post')
%end

%post
cat <<EOF
# kept
%packages-like
EOF
%end
%onerror --logfile /tmp/e
z
%end
%traceback
z
%end
"""


@pytest.mark.filterwarnings("ignore:The %traceback section:Warning")
def test_every_script_comes_back(tmp_path: Path) -> None:
    scripts = read(tmp_path, MANY).scripts
    written = kickstart_scripts(hook.runtime_kickstart("text\n", scripts, HOOK))
    assert written[:-1] == kickstart_scripts(MANY)  # each in its line
    assert len(written) == 6


def test_again_is_the_same(tmp_path: Path) -> None:
    """The file stays as it is, so what is made of it does."""
    first, second = (hook.runtime_kickstart("text\n", read(tmp_path, MANY).scripts, HOOK) for _ in range(2))
    assert first == second


LINES = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\r\0"), max_size=12).map(
    lambda text: "".join(text.splitlines()[:1]) + "\n"
)
SCRIPTS = st.builds(
    Script,
    st.tuples(st.sampled_from(hook.KEPT), st.text("ab '\"$=-/%#", max_size=8).map("--log=x{}".format)),
    st.lists(LINES.filter(lambda line: not line.split()[:1] or line.split()[0][0] != "%"), max_size=3).map(tuple),
    st.integers(1, 40),
)


@settings(deadline=None)  # it reads files
@given(st.lists(SCRIPTS, max_size=5))
def test_hostile_lines_come_back(tmp_path_factory: pytest.TempPathFactory, scripts: list[Script]) -> None:
    text = hook.runtime_kickstart("text\n", scripts, HOOK)
    again = read(tmp_path_factory.getbasetemp(), text).scripts
    assert [(each.header, each.lines) for each in again[:-1]] == [(each.header, each.lines) for each in scripts]
    assert again[-1].header == ("%post", "--nochroot", "--erroronfail")


# The script itself


def test_hook_is_one_post_script() -> None:
    ((kind, interpreter, is_in_chroot, log, is_fatal, body, _),) = kickstart_scripts(HOOK)
    assert (kind, interpreter) == (constants.KS_SCRIPT_POST, "/bin/sh")
    assert (is_in_chroot, log, is_fatal) == (False, None, True)
    assert isinstance(body, str)
    for path in (hook.ORDER, imgbase.LOG, "/usr/share/anaconda/addons/org_ovirt_node/programs/imgbase.py"):
        assert path in body


class Machine:
    """A directory in the place of the installer's and of the installed system's files, with a shell in it."""

    def __init__(self, directory: Path, shell: list[str]) -> None:
        self.directory, self._shell = directory, shell
        for name in ("bin", "run/anaconda", "run/install", "dev", "sysroot/var/log", "hook/programs"):
            (directory / name).mkdir(parents=True)
        self.program("chroot", 'echo "chroot $1 PYTHONPATH=$PYTHONPATH $(umask)" >>"$CALLS"; shift; exec "$@"')
        self.program("modprobe", 'echo "modprobe $*" >>"$CALLS"')
        self.imgbase("print('ovirt-node: it is a node')")
        self.order("run\n--layout=minimal\n--volumes=/var\n")
        (directory / "dev/console").touch()

    def program(self, name: str, body: str) -> None:
        path = self.directory / "bin" / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)

    def imgbase(self, text: str) -> None:
        (self.directory / "hook/programs/imgbase.py").write_text(text)

    def order(self, text: Optional[str]) -> None:
        path = self.directory / "run/anaconda/ovirt-node-hook"
        if text is None:
            path.unlink()
        else:
            path.write_text(text)

    def run(self) -> subprocess.CompletedProcess[str]:
        script = HOOK.split("--erroronfail\n")[1].split("\n%end")[0]
        for path, place in (
            ("/usr/share/anaconda/addons/org_ovirt_node/", f"{self.directory}/hook/"),
            ("/run/", f"{self.directory}/run/"),
            ("/dev/console", f"{self.directory}/dev/console"),
            ("/usr/bin/python3", sys.executable),
        ):
            assert path in script
            script = script.replace(path, place)
        return subprocess.run(
            [*self._shell, "-c", script],
            env={
                "PATH": f"{self.directory}/bin:/usr/bin:/bin",
                "ANA_INSTALL_PATH": f"{self.directory}/sysroot",
                "CALLS": str(self.directory / "calls"),
                "PYTHONPATH": "/usr/share/anaconda/addons",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    @property
    def console(self) -> list[str]:
        return (self.directory / "dev/console").read_text().splitlines()

    @property
    def log(self) -> list[str]:
        path = self.directory / "sysroot/var/log/ovirt-node-init.log"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def calls(self) -> list[str]:
        path = self.directory / "calls"
        return path.read_text().splitlines() if path.exists() else []


# The installer's is bash; the other finds what only bash takes.
SHELLS = [["bash", "--posix"], ["dash"]]


@pytest.fixture(params=[shell for shell in SHELLS if shutil.which(shell[0])], ids=lambda shell: shell[0])
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Machine:
    return Machine(tmp_path, request.param)


def test_runs_imgbase(machine: Machine) -> None:
    machine.imgbase("import sys\nprint(sys.argv)\nprint('ovirt-node: it is a node')\n")
    done = machine.run()
    assert (done.returncode, done.stdout) == (0, "ovirt-node: it is a node\n")
    assert machine.log == [
        "imgbase.py --layout=minimal --volumes=/var",
        "['-', '--layout=minimal', '--volumes=/var']",
        "ovirt-node: it is a node",
    ]
    # the module first, and with the mask that programs usually have
    (umask,) = {call.split()[-1] for call in machine.calls[1:]}
    assert machine.calls == [
        "modprobe dm-snapshot",
        f"chroot {machine.directory}/sysroot PYTHONPATH= {umask}",
    ]
    assert umask == subprocess.run(["sh", "-c", "umask"], capture_output=True, text=True, check=True).stdout.strip()
    assert machine.console == []
    assert (machine.directory / "sysroot/var/log/ovirt-node-init.log").stat().st_mode & 0o777 == 0o600


def test_keeps_an_earlier_log(machine: Machine) -> None:
    machine.run()
    machine.run()
    assert len(machine.log) == 4


def test_shows_the_end_of_the_log(machine: Machine) -> None:
    frame = '  File "x.py", line 1, in main'
    machine.imgbase(f"print(*range(100), {frame!r}, 'ovirt-node: error: x', sep='\\n')\nraise SystemExit(1)\n")
    done = machine.run()
    assert done.returncode == 1
    assert done.stdout.splitlines() == [*map(str, range(81, 100)), "ovirt-node: error: x"]
    assert machine.console == []  # imgbase.py has told it there


@pytest.mark.parametrize(
    ("text", "status", "why"),
    [
        pytest.param("import nothing_of_that_name", 1, "No module named 'nothing_of_that_name'", id="exception"),
        pytest.param("import os\nos.kill(os.getpid(), 9)", 137, "", id="killed"),
        pytest.param(None, 0, "imgbase.py", id="no-file"),
    ],
)
def test_hook_that_cannot_speak(machine: Machine, text: Optional[str], status: int, why: str) -> None:
    if text is None:
        (machine.directory / "hook/programs/imgbase.py").unlink()
    else:
        machine.imgbase(text)
    done = machine.run()
    assert done.returncode == status or (status == 0 and done.returncode)
    error, cure, end = machine.console
    assert error.startswith(f"ovirt-node: error: hook-broken: imgbase.py exited with {done.returncode}: ")
    assert why in error
    assert error.endswith("; needed: its own word on what is wrong")
    assert cure == (
        "ovirt-node:   cure: install an image that went through imgbased's build step; "
        "if this one did, report it with the log"
    )
    assert end == (
        f"ovirt-node: the installation stops here; log: {machine.directory}/sysroot/var/log/ovirt-node-init.log"
    )
    assert done.stdout.splitlines()[-3:] == machine.console


@pytest.mark.parametrize(
    ("order", "word"),
    [
        pytest.param(None, "", id="none"),
        pytest.param("", "", id="empty"),
        pytest.param("--layout=standard\n", "--layout=standard", id="nonsense"),
    ],
)
def test_without_an_order_it_stops(machine: Machine, order: Optional[str], word: str) -> None:
    machine.order(order)
    done = machine.run()
    assert machine.console == [
        f"ovirt-node: error: no-order: {machine.directory}/run/anaconda/ovirt-node-hook says '{word}'; "
        "needed: what the add-on's service writes before any disk is used",
        "ovirt-node:   cure: look in /tmp/dbus.log why the service did not run",
        "ovirt-node: imgbase was not run; the installation stops here",
    ]
    assert (done.returncode, done.stdout.splitlines()) == (1, machine.console)
    assert machine.calls == []


def test_order_to_do_nothing_is_obeyed(machine: Machine) -> None:
    machine.order(hook.order(Section(imgbase=False)))
    done = machine.run()
    words = "ovirt-node: imgbase is not run: the kickstart's section says --no-imgbase\n"
    assert (done.returncode, done.stdout) == (0, words)
    assert (machine.calls, machine.log) == ([], [])


def test_leaves_a_rescued_system_alone(machine: Machine) -> None:
    (machine.directory / "run/install/RESCUE_MODE").touch()
    machine.order(None)
    done = machine.run()
    assert (done.returncode, done.stdout, machine.calls) == (0, "", [])


def test_goes_on_without_a_console(machine: Machine) -> None:
    shutil.rmtree(machine.directory / "dev")
    machine.imgbase("nonsense(")
    done = machine.run()
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].startswith("ovirt-node: the installation stops here; ")
    assert "No such file" not in done.stdout
