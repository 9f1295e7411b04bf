# SPDX-License-Identifier: GPL-2.0-or-later
"""The script of `ksgen facts`, run with programs that answer as those of a recorded machine did."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from command import CliRunner
from disk_replay import facts_text, record

from ksgen.cli import main
from org_ovirt_node.facts.record import FactsError, read
from org_ovirt_node.facts.replay import Replay
from org_ovirt_node.programs import disks

PROGRAMS = ("lsblk", "udevadm", "wipefs", "pvs", "lvs", "mdadm")
# Never the machine's own programs: what is not recorded is an error.
_FAKE = """\
#!{python}
import json, os, sys
argv = [os.path.basename(sys.argv[0]), *sys.argv[1:]]
for known, status, text, complaints in json.load(open({recording!r}))["commands"]:
    if known == argv or known[:2] == argv[:2] == ["udevadm", "info"]:
        sys.stdout.write(text)
        sys.stderr.write(complaints)
        sys.exit(status)
sys.exit("not recorded: " + repr(argv))
"""
# The tests may run as another user than root.
_AS_ROOT = "import os, sys; os.geteuid = lambda: {user}; exec(compile(sys.stdin.read(), 'collect', 'exec'))"


def script() -> str:
    done = CliRunner().invoke(main, ["facts"])
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout


def run(directory: Path, name: str = "old-system", user: int = 0) -> subprocess.CompletedProcess[str]:
    recording = directory / "recording.json"
    recording.write_text(facts_text(name))
    for program in PROGRAMS:
        fake = directory / "bin" / program
        fake.parent.mkdir(exist_ok=True)
        fake.write_text(_FAKE.format(python=sys.executable, recording=str(recording)))
        fake.chmod(0o755)
    command = [sys.executable, "-c", _AS_ROOT.format(user=user)]
    environment = {**os.environ, "PATH": f"{directory}/bin"}
    return subprocess.run(command, input=script(), capture_output=True, text=True, env=environment)


@pytest.mark.parametrize("name", ["old-system", "mirror", "multipath", "luks", "no-disk"])
def test_script_prints_what_the_machine_answers(name: str, tmp_path: Path) -> None:
    done = run(tmp_path, name)
    assert (done.returncode, done.stderr) == (0, "")
    found, wanted = read(done.stdout), record(name)
    assert found.kind == "running"
    assert set(found.directories) == {"/sys/class/net"}
    asked = disks.gather(Replay(found))
    assert asked == disks.gather(Replay(wanted))
    assert not found.insides  # none of the places at which it was mounted is mounted here


def test_script_needs_root(tmp_path: Path) -> None:
    done = run(tmp_path, user=1000)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "facts: error: root is required to read disks; run it with sudo\n"


def test_script_runs_on_the_pythons_of_installers() -> None:
    """3.9 is the oldest. A person reads it before it is run as root: its modules are as they are."""
    tree = ast.parse(script(), feature_version=(3, 9))
    calls = [node.value for node in tree.body if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)]
    modules = {str(call.args[0].value): call.args[1].value for call in calls[:-1]}  # type: ignore[attr-defined]
    assert list(modules) == [
        "org_ovirt_node.programs.disks",
        "org_ovirt_node.programs.nics",
        "org_ovirt_node.facts.record",
        "org_ovirt_node.facts.collecting",
    ]
    for name, source in modules.items():
        ast.parse(source, feature_version=(3, 9))
        assert source == "\n" + Path(sys.modules[name].__file__ or "").read_text()
        imported = {
            each.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import) for each in node.names
        }
        assert {each.partition(".")[0] for each in imported} <= sys.stdlib_module_names


def test_output_that_was_cut_off_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(FactsError, match=r"^not JSON: "):
        read(json.dumps(json.loads(run(tmp_path).stdout))[:-1])
