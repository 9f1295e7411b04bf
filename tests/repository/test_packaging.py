# SPDX-License-Identifier: GPL-2.0-or-later
"""Installed from a wheel, away from the checkout, ksgen finds its templates, the hook and the whole add-on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from example_site import CHECKOUT, EXAMPLE, kickstarts

from ksgen.addon import updates


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("wheel")
    source = target / "source"
    # setuptools leaves its build directory in the source, and takes what an older build has left there
    shutil.copytree(CHECKOUT, source, ignore=shutil.ignore_patterns(".*", "out", "build", "*.egg-info", "tests"))
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(target), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=target)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = target.glob("*.whl")
    return path


def test_wheel_has_what_is_needed_and_nothing_else(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    ours = CHECKOUT / "ks-templates"
    found = {path for path in ours.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    templates = {f"ksgen/templates/files/{path.relative_to(ours)}" for path in found}
    modules = {str(p.relative_to(CHECKOUT)) for d in ("ksgen", "org_ovirt_node") for p in (CHECKOUT / d).rglob("*.py")}
    addon = CHECKOUT / "org_ovirt_node"
    data = {str(p.relative_to(CHECKOUT)) for p in (addon / "data").rglob("*") if p.is_file()}
    translations = {str(p.relative_to(CHECKOUT)) for p in addon.glob("po/*.po")}
    glade = {str(p.relative_to(CHECKOUT)) for p in addon.rglob("*.glade")}
    pages = {f"ksgen/server/templates/{path.name}" for path in (CHECKOUT / "ksgen/server/templates").iterdir()}
    starter = {f"ksgen/starter/{path.name}" for path in (CHECKOUT / "ksgen" / "starter").iterdir()}
    files = {"ksgen/starter.yaml", "ksgen/py.typed", "ksgen/variables/keyboards.txt", "ksgen/variables/locales.txt"}
    outside = {name for name in names if ".data/" in name}
    assert names - outside == templates | modules | data | translations | glade | pages | starter | files
    assert [name.partition(".data/")[2] for name in outside] == ["data/share/man/man1/ksgen.1"]


def test_installed_from_a_wheel(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / "bin" / "python"
    site = next((tmp_path / "venv" / "lib").iterdir()) / "site-packages"
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-index",
        "--target",
        str(site),
        str(wheel),
    ]
    subprocess.run(install, check=True)
    # the dependencies are those of this environment; the project itself is not among them
    (site / "dependencies.pth").write_text("\n".join(p for p in sys.path if p.endswith("site-packages")) + "\n")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    code = "import ksgen, sys; print(ksgen.__file__); from ksgen.cli import main; main()"
    command = [str(python), "-c", code, str(EXAMPLE), "-o", str(tmp_path / "out")]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(site / "ksgen" / "__init__.py")
    written = {path.stem: path.read_text() for path in (tmp_path / "out" / "ks").iterdir()}
    assert written == kickstarts()
    command[2] = "from ksgen.cli import main; main()"
    command[3:] = ["image", str(tmp_path / "updates.img")]
    subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True)
    assert (tmp_path / "updates.img").read_bytes() == updates.image()


def test_starter_and_help_work_from_anywhere(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "ksgen", "init", "site"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, (tmp_path / "site" / "hosts.yaml").exists()) == (0, True)
