# SPDX-License-Identifier: GPL-2.0-or-later
"""What holds the repository together: targets of make, the version, hooks of pre-commit, the check of the shell."""

from __future__ import annotations

import collections
import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from command import CliRunner
from example_site import CHECKOUT
from inventories import inventory_text

from ksgen.cli import main

SHELLCHECK = Path(sys.executable).parent / "shellcheck"


def test_make_help_has_every_target() -> None:
    makefile = (CHECKOUT / "Makefile").read_text()
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    assert targets == set(phony.split())
    done = subprocess.run(["make", "-s", "help"], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    texts = dict(re.findall(r"^make ([a-z-]+) +(\S.*)$", done.stdout, re.MULTILINE))
    assert set(texts) == targets


def test_modules_of_tests_have_names_of_their_own() -> None:
    """pytest imports them by name: the second of one name is an error, and its tests do not run."""
    names = [
        path.name for path in (CHECKOUT / "tests").rglob("test_*.py") if not (path.parent / "__init__.py").exists()
    ]
    assert [name for name, times in collections.Counter(names).items() if times > 1] == []


def test_version_has_one_home() -> None:
    """It is that of the newest release in CHANGELOG.md, and no other file that makes a package repeats it."""
    config = configparser.ConfigParser()
    config.read(CHECKOUT / "setup.cfg")
    version = config["metadata"]["version"]
    changes = re.findall(r"^## (.*)$", (CHECKOUT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert changes[0] == "Unreleased"
    releases = [re.fullmatch(r"(\d+\.\d+\.\d+) - (\d{4}-\d\d-\d\d)", line) for line in changes[1:]]
    assert all(releases), changes
    versions, dates = zip(*(release.groups() for release in releases if release), strict=True)
    assert versions[0] == version
    assert list(dates) == sorted(dates, reverse=True)
    for name in ("rpm/ksgen.spec", "rpm/anaconda-addon-ovirt-node.spec"):
        assert "\nVersion:        @VERSION@\n" in (CHECKOUT / name).read_text()
    assert CliRunner().invoke(main, ["--version"]).stdout == f"ksgen, version {version}\n"


def test_hooks_for_a_site_call_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As pre-commit calls them: entry, args, and for ksgen-lint the names of files."""
    hooks = {hook["id"]: hook for hook in yaml.safe_load((CHECKOUT / ".pre-commit-hooks.yaml").read_text())}
    assert set(hooks) == set(re.findall(r"^\| `(ksgen-[a-z-]+)`", (CHECKOUT / "docs/pre-commit.md").read_text(), re.M))
    monkeypatch.chdir(tmp_path)
    Path("hosts.yaml").write_text(inventory_text())
    Path("own.ks").write_text("par /boot --size=1024\n")
    for name, status in {"ksgen-check": 0, "ksgen-dry-run": 1, "ksgen-lint": 1}.items():
        program, *words = [*hooks[name]["entry"].split(), *hooks[name].get("args", ())]
        assert program == "ksgen"
        result = CliRunner().invoke(main, [*words, *(["own.ks"] if hooks[name].get("files") else [])])
        assert result.exit_code == status, result.output
        assert isinstance(result.exception, SystemExit | None)
    assert re.search(hooks["ksgen-lint"]["files"], "old/own.ks")
    assert {path.name for path in tmp_path.iterdir()} == {"hosts.yaml", "own.ks"}


def test_own_hooks_call_what_there_is() -> None:
    (repo,) = yaml.safe_load((CHECKOUT / ".pre-commit-config.yaml").read_text())["repos"]
    entries = " ".join(hook["entry"] for hook in repo["hooks"])
    programs = re.findall(r"\.venv/bin/(\S+)", entries)
    assert {"ruff", "mypy", "python", "shellcheck"} == set(programs)
    assert all((SHELLCHECK.parent / name).exists() for name in programs)
    paths = re.findall(r"(?<![\w/.])(?:docs|\.ci)/[\w./]+", entries)
    assert len(paths) == 3
    assert all((CHECKOUT / path).is_file() for path in paths)


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        pytest.param("build", "#!/bin/sh\nrm $1\n", "build:2:4: note: ", id="script"),
        pytest.param("install.ks", "text\n%post\nrm $1\n%end\n", "install.ks:3:4: note: ", id="section"),
        pytest.param("tests/lab/guest/a.sh", "rm $1\n", "tests/lab/guest/a.sh:1:4: note: ", id="part"),
        pytest.param("good", '#!/bin/sh\nrm "$1"\n', None, id="good"),
    ],
)
def test_shell_is_checked(name: str, text: str, line: str | None, tmp_path: Path) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(text)
    (tmp_path / "python.ks").write_text("%post --interpreter=/usr/bin/python3\nprint($1)\n%end\n")
    for words in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    program = [sys.executable, str(CHECKOUT / ".ci" / "check_shell.py"), str(SHELLCHECK)]
    done = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == (0 if line is None else 1), done.stdout + done.stderr
    assert line is None or done.stdout.startswith(line)
