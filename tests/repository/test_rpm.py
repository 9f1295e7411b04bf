# SPDX-License-Identifier: GPL-2.0-or-later
"""The RPM packages hold what the add-on's image and ksgen's wheel hold, and say what they need."""

from __future__ import annotations

import configparser
import gzip
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from example_site import CHECKOUT, EXAMPLE

from ksgen.addon import updates
from ksgen.cli import main
from ksgen.iso import isowriter

ADDON, KSGEN = "anaconda-addon-ovirt-node", "ksgen"
SITE_PACKAGES = "usr/lib/python3.12/site-packages"
NOTES = ("usr/share/doc/", "usr/share/licenses/")
UNITS = sorted((CHECKOUT / "rpm/units").glob("*.[st]*[er]"))
ISSUER = ("-c", "user.name=test", "-c", "user.email=test@example.com")


@pytest.fixture(scope="module")
def commit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose last commit is this checkout as it is."""
    copy = tmp_path_factory.mktemp("commit")
    left_out = shutil.ignore_patterns(".*venv*", ".git", ".npm*", ".*_cache", "__pycache__", "out", "dist", "tests")
    shutil.copytree(CHECKOUT, copy, dirs_exist_ok=True, ignore=left_out)
    for words in (("init", "-q"), ("add", "-A"), (*ISSUER, "commit", "-q", "-m", "all")):
        subprocess.run(["git", *words], cwd=copy, check=True)
    return copy


@pytest.fixture(scope="module")
def packages(commit: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make rpm` makes."""
    directory = tmp_path_factory.mktemp("rpm")
    environment = {**os.environ, "PYTHON": sys.executable}
    command = [str(commit / "rpm" / "build"), str(directory)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list(directory.iterdir())) == 4  # with their sources
    return directory


def project() -> configparser.ConfigParser:
    config = configparser.ConfigParser()
    config.read(CHECKOUT / "setup.cfg")
    return config


def package(packages: Path, name: str) -> Path:
    return packages / f"{name}-{project()['metadata']['version']}-1.noarch.rpm"


def query(path: Path, form: str) -> list[str]:
    """What rpm tells of a package, without a database."""
    command = ["rpm", "--dbpath", str(path.parent / "db"), "-qp", "--qf", form, str(path)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def unpacked(path: Path, target: Path) -> dict[str, bytes]:
    """The files of a package but its notes, by their path without a slash in front."""
    target.mkdir()
    archive = subprocess.run(["rpm2cpio", str(path)], check=True, capture_output=True).stdout
    subprocess.run(["cpio", "-idm", "--quiet"], input=archive, cwd=target, check=True)
    files = {str(found.relative_to(target)): found for found in target.rglob("*") if found.is_file()}
    return {name: found.read_bytes() for name, found in files.items() if not name.startswith(NOTES)}


def test_addon_is_what_the_image_puts_into_the_installer(packages: Path, tmp_path: Path) -> None:
    found = unpacked(package(packages, ADDON), tmp_path / "root")
    assert found == {file.path: file.content for file in updates.addon_files()}


def test_ksgen_is_its_wheel_and_a_command(packages: Path, commit: Path, tmp_path: Path) -> None:
    found = unpacked(package(packages, KSGEN), tmp_path / "root")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(commit)]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = (zipfile.ZipFile(path) for path in tmp_path.glob("*.whl"))
    wanted = {f"{SITE_PACKAGES}/{name}": wheel.read(name) for name in wheel.namelist() if not name.endswith("/RECORD")}
    info = f"{SITE_PACKAGES}/ovirt_node_installer-{project()['metadata']['version']}.dist-info"
    assert found.pop(f"{info}/INSTALLER") == b"rpm\n"
    data = f"{SITE_PACKAGES}/ovirt_node_installer-{project()['metadata']['version']}.data/data"
    assert unpacked_page(found) == wanted.pop(f"{data}/share/man/man1/ksgen.1")
    for unit in UNITS:
        assert found.pop(f"usr/lib/systemd/system/{unit.name}") == unit.read_bytes()
    assert found.pop("etc/sysconfig/ksgen") == (CHECKOUT / "rpm/units/ksgen.sysconfig").read_bytes()
    script = found.pop("usr/bin/ksgen").decode()
    assert script.splitlines()[0] == "#!/usr/bin/python3.12 -sP"
    assert found == wanted


def unpacked_page(files: dict[str, bytes]) -> bytes:
    """The manual page, taken out of a package's files; rpmbuild may have packed it."""
    (path,) = (path for path in files if path.startswith("usr/share/man/man1/ksgen.1"))
    return gzip.decompress(files.pop(path)) if path.endswith(".gz") else files.pop(path)


def test_installed_command_works(packages: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    unpacked(package(packages, KSGEN), root)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(root / SITE_PACKAGES)}
    # the interpreter of the tests for that of the package; the checkout must not be what is found
    program = [sys.executable, "-sP", str(root / "usr/bin/ksgen")]
    code = "import ksgen; print(ksgen.__file__)"
    where = subprocess.run([sys.executable, "-sP", "-c", code], env=environment, capture_output=True, text=True)
    assert where.stdout == f"{root / SITE_PACKAGES}/ksgen/__init__.py\n"
    for words in (["image", "x.img"], ["--version"], [str(EXAMPLE), "-o", "out"]):
        done = subprocess.run([*program, *words], env=environment, cwd=tmp_path, capture_output=True, text=True)
        assert (done.returncode, done.stderr.count("\n")) == (0, 0 if words == ["--version"] else 1), done.stderr
    assert (tmp_path / "x.img").read_bytes() == updates.image()
    assert len(list((tmp_path / "out" / "ks").iterdir())) == 44


@pytest.mark.parametrize("name", [ADDON, KSGEN])
def test_files_can_be_read_by_all_and_changed_by_root(packages: Path, name: str) -> None:
    lines = query(package(packages, name), "[%{FILEMODES:octal} %{FILEUSERNAME} %{FILEGROUPNAME} %{FILENAMES}\n]")
    others = [line for line in lines if not line.startswith(("100644 root root ", "40755 root root "))]
    assert others == (["100755 root root /usr/bin/ksgen"] if name == KSGEN else [])
    assert not [line for line in lines if line.endswith((".pyc", "__pycache__"))]


@pytest.mark.parametrize("name", [ADDON, KSGEN])
def test_tags(packages: Path, name: str) -> None:
    metadata = project()["metadata"]
    form = "%{NAME} %{VERSION} %{ARCH} %{LICENSE}\n"
    path = package(packages, name)
    assert query(path, form) == [f"{name} {metadata['version']} noarch {metadata['license']}"]
    licence = [line for line in query(path, "[%{FILEFLAGS:fflags} %{FILENAMES}\n]") if line.startswith("l ")]
    assert [line.rpartition("/")[2] for line in licence] == ["LICENSE"]


def test_configuration_is_marked_as_such(packages: Path) -> None:
    lines = query(package(packages, ADDON), "[%{FILEFLAGS:fflags} %{FILENAMES}\n]")
    assert [line for line in lines if line.startswith("c")] == [f"c /{updates.CONFIGURATION_PLACE}"]


def test_settings_of_the_units_stay(packages: Path) -> None:
    lines = query(package(packages, KSGEN), "[%{FILEFLAGS:fflags} %{FILENAMES}\n]")
    assert [line for line in lines if line.startswith("c")] == ["cn /etc/sysconfig/ksgen"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_reads_the_units(unit: Path) -> None:
    command = ["systemd-analyze", "verify", "--man=no", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    # The programs are those of EL.
    wrong = [line for line in done.stderr.splitlines() if unit.name in line and "is not executable" not in line]
    assert wrong == []


def test_units_name_programs_and_settings_that_exist(packages: Path) -> None:
    named = {line.partition("=")[0] for line in (CHECKOUT / "rpm/units/ksgen.sysconfig").read_text().splitlines()}
    for unit in UNITS:
        text = unit.read_text()
        assert "EnvironmentFile=/etc/sysconfig/ksgen\n" in text or unit.suffix == ".timer"
        assert set(re.findall(r"\$\{?(KSGEN_\w+)", text)) <= named
    serve = next(unit for unit in UNITS if unit.stem == "ksgen-serve").read_text()
    command = re.search(r"^ExecStart=/usr/bin/ksgen (.*)$", serve, re.MULTILINE)
    assert command
    known = {option for one in main.commands["serve"].params for option in one.opts}
    assert {word for word in command[1].split() if word.startswith("-")} <= known


def test_server_is_confined() -> None:
    """As systemd judges it, from 0 to 100; 40 and less is "OK"."""
    unit = CHECKOUT / "rpm/units/ksgen-serve.service"
    command = ["systemd-analyze", "security", "--offline=yes", "--threshold=20", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def needs(path: Path, tag: str) -> set[str]:
    lines = query(path, f"[%{{{tag}NAME}} %{{{tag}FLAGS:depflags}} %{{{tag}VERSION}}\n]")
    return {" ".join(line.split()) for line in lines if not line.startswith(("rpmlib(", "config(", "/"))}


def as_rpm_says(requirement: str) -> str:
    """`PyYAML>=6.0` as `python3.12dist(pyyaml) >= 6`: without zeros at the end, as EL's generator writes it."""
    name, _, version = requirement.partition(",")[0].partition(">=")
    while version.endswith(".0"):
        version = version.removesuffix(".0")
    return f"python3.12dist({name.lower()})" + (f" >= {version}" if version else "")


def test_ksgen_needs_what_its_wheel_needs(packages: Path) -> None:
    config, path = project(), package(packages, KSGEN)
    wanted = {as_rpm_says(line) for line in config["options"]["install_requires"].split("\n") if line}
    assert needs(path, "REQUIRE") == {*wanted, "python(abi) = 3.12"}
    extras = "\n".join(config["options.extras_require"][name] for name in ("vault", "serve", "bmc"))
    extra = {as_rpm_says(line) for line in extras.split("\n") if line}
    assert needs(path, "SUGGEST") == {*extra, *isowriter.PROGRAMS.values(), "dnsmasq", "nginx", "zstd"}


def test_addon_needs_anaconda(packages: Path) -> None:
    assert needs(package(packages, ADDON), "REQUIRE") == {"anaconda-core >= 34.25"}


@pytest.mark.parametrize("name", [ADDON, KSGEN])
def test_dates_are_those_of_the_commit(packages: Path, commit: Path, name: str) -> None:
    command = ["git", "log", "-1", "--format=%ct"]
    date = int(subprocess.run(command, cwd=commit, check=True, capture_output=True, text=True).stdout)
    path = package(packages, name)
    assert query(path, "%{BUILDTIME} %{BUILDHOST}\n") == [f"{date} localhost"]
    assert max(int(line) for line in query(path, "[%{FILEMTIMES}\n]")) <= date
