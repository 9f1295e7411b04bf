# SPDX-License-Identifier: GPL-2.0-or-later
"""Records the metadata of a small tree and of a site's repository with rpmbuild and createrepo_c:

    python tests/support/record_repositories.py

The packages are empty and are not kept: nothing installs them. What createrepo_c writes depends on its version.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

DATA = Path(__file__).resolve().parents[1] / "data" / "repositories"
_TIME = "1767225600"  # 2026-01-01; of all files, so that the same input gives the same metadata
# Directory of the repository: its packages (name, version, release, architecture, what it provides).
_NOARCH = "noarch"
REPOSITORIES: dict[str, list[tuple[str, str, str, str, tuple[str, ...]]]] = {
    "el9/BaseOS": [
        ("bash", "5.1.8", "9.el9", _NOARCH, ()),
        ("chrony", "4.6.1", "1.el9", _NOARCH, ("ntpd",)),
        ("lldpd", "1.0.18", "4.el9", _NOARCH, ()),
    ],
    "el9/AppStream": [("nmap-ncat", "7.92", "3.el9", _NOARCH, ("nc",)), ("tcpdump", "4.99.0", "9.el9", _NOARCH, ())],
    "site": [("site-tools", "1.2", "3.el9", _NOARCH, ("site-anything",)), ("kmod-site", "1.0", "1.el9", _NOARCH, ())],
    "arm": [("site-arm", "1.0", "1.el9", "aarch64", ())],
    "el8": [("site-old", "1.0", "1.el8", _NOARCH, ())],
}
_COMPRESSION = {"arm": "xz"}
_SPEC = """\
Name: {name}
Version: {version}
Release: {release}
Summary: {name}, for tests
License: GPL-2.0-or-later
{provides}
%description
For tests.
%files
"""
COMPS = """\
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE comps PUBLIC "-//Red Hat, Inc.//DTD Comps info//EN" "comps.dtd">
<comps>
  <group>
    <id>core</id>
    <name>Core</name>
    <packagelist><packagereq type="mandatory">bash</packagereq></packagelist>
  </group>
  <environment>
    <id>minimal-environment</id>
    <name>Minimal Install</name>
    <grouplist><groupid>core</groupid></grouplist>
  </environment>
</comps>
"""


def main() -> None:
    shutil.rmtree(DATA, ignore_errors=True)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        (work / "comps.xml").write_text(COMPS)
        for place, packages in REPOSITORIES.items():
            directory = work / place
            directory.mkdir(parents=True)
            for package in packages:
                _build(work, directory, *package)
            command = ["createrepo_c", "--quiet", "--no-database", "--revision", _TIME, "--set-timestamp-to-revision"]
            command += ["--general-compress-type", _COMPRESSION.get(place, "gz")]
            command += ["--groupfile", str(work / "comps.xml")] if place.endswith("BaseOS") else []
            subprocess.run([*command, str(directory)], check=True)
            shutil.copytree(directory / "repodata", DATA / place / "repodata")
            for path in (DATA / place / "repodata").iterdir():
                if "filelists" in path.name or "other" in path.name:  # not read by the tests
                    path.unlink()


def _build(
    work: Path, directory: Path, name: str, version: str, release: str, arch: str, provides: tuple[str, ...]
) -> None:
    spec = work / f"{name}.spec"
    lines = "".join(f"Provides: {one} = 1\n" for one in provides)
    spec.write_text(_SPEC.format(name=name, version=version, release=release, provides=lines))
    defines = {
        "_topdir": work / "top",
        "_buildhost": "build.example.com",
        "_rpmdir": directory,
        "_rpmfilename": "%{NAME}.rpm",
    }
    defines |= {"use_source_date_epoch_as_buildtime": "1"}
    words = [word for key, value in defines.items() for word in ("--define", f"{key} {value}")]
    command = ["rpmbuild", "--quiet", "-bb", "--target", f"{arch}-linux", *words, str(spec)]
    subprocess.run(command, check=True, env={"PATH": "/usr/bin:/bin", "SOURCE_DATE_EPOCH": _TIME, "HOME": str(work)})


if __name__ == "__main__":
    main()
