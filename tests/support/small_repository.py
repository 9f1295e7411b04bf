# SPDX-License-Identifier: GPL-2.0-or-later
"""A small install tree with packages, made by rpmbuild and createrepo_c."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

TREEINFO = """\
[header]
type = productmd.treeinfo
version = 1.2
[release]
name = AlmaLinux
short = AlmaLinux
version = 10.0
[tree]
arch = x86_64
build_timestamp = 1767225600
platforms = x86_64
variants = BaseOS,AppStream
[variant-BaseOS]
id = BaseOS
name = BaseOS
packages = BaseOS/Packages
repository = BaseOS
type = variant
uid = BaseOS
[variant-AppStream]
id = AppStream
name = AppStream
packages = AppStream/Packages
repository = AppStream
type = variant
uid = AppStream
"""
_COMPS = """\
<?xml version="1.0" encoding="UTF-8"?>
<comps>
  <group>
    <id>core</id>
    <name>Core</name>
    <description>For tests</description>
    <packagelist><packagereq type="mandatory">kernel</packagereq></packagelist>
  </group>
  <environment>
    <id>minimal-environment</id>
    <name>Minimal Install</name>
    <description>For tests</description>
    <grouplist><groupid>core</groupid></grouplist>
  </environment>
</comps>
"""
_SPEC = """\
Name: {name}
Version: 1
Release: 1
Summary: For tests
License: GPL-2.0-or-later
BuildArch: noarch
%description
For tests.
%files
"""


def make_tree(directory: Path, base: Iterable[str], app_stream: Iterable[str]) -> None:
    """An install tree whose variants have empty packages of these names, a kernel, and a plain host's environment."""
    directory.mkdir()
    (directory / ".treeinfo").write_text(TREEINFO)
    make_repository(directory / "BaseOS", ("kernel", *base), _COMPS)
    make_repository(directory / "AppStream", app_stream)


def make_repository(directory: Path, names: Iterable[str], comps: str = "") -> None:
    """A repository of empty packages. `comps` is the file of its groups."""
    directory.mkdir()
    for name in names:
        spec = directory / f"{name}.spec"
        spec.write_text(_SPEC.format(name=name))
        defines = {"_topdir": directory / "build", "_rpmdir": directory, "_rpmfilename": "%{NAME}.rpm"}
        words = [word for key, value in defines.items() for word in ("--define", f"{key} {value}")]
        subprocess.run(["rpmbuild", "--quiet", "-bb", *words, spec], check=True)
    groups = directory / "comps.xml"
    groups.write_text(comps)
    subprocess.run(["createrepo_c", "-q", *(["-g", str(groups)] if comps else []), str(directory)], check=True)
