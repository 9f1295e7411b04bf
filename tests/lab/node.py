# SPDX-License-Identifier: GPL-2.0-or-later
"""A node installed in a machine: image, boot loader and the kickstart's own scripts, the hook last."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

from lab.kickstart_job import HERE, Job, Rendered, job
from lab.root import RECIPE, SELINUX

# What their packages give a version; the trees have templates.
_VERSION = {"@PACKAGE_NAME@": "imgbased", "@PACKAGE_VERSION@": "0", "@PACKAGE_RPM_VERSION@": "0"}


def imgbase_source() -> Path | None:
    """imgbased's source tree, if there is one: IMGBASED_SOURCE."""
    return _source("IMGBASED_SOURCE")


def nodectl_source() -> Path | None:
    """That of ovirt-node-ng, where nodectl is: NODECTL_SOURCE."""
    return _source("NODECTL_SOURCE")


def kdump_addon_source(release: str) -> Path | None:
    """That of kdump-anaconda-addon, of the time of each release: KDUMP_ADDON_EL9, KDUMP_ADDON_EL10."""
    return _source(f"KDUMP_ADDON_{release.upper()}")


def _source(name: str) -> Path | None:
    source = os.environ.get(name)
    return Path(source).absolute() if source else None


def imgbase_tar() -> bytes:
    """imgbase as its package installs it, the real one or the stand-in, and nodectl, if there is its source."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, text in _files():
            member = tarfile.TarInfo(name)
            data = text.encode()
            member.size, member.mode = len(data), 0o755 if name.startswith("usr/sbin/") else 0o644
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


_PROFILE = "etc/lvm/profile/imgbased-pool.profile"
# EL9's place for packages; Debian's Python has to be told of it.
_PACKAGES = "usr/lib/python3.9/site-packages"


def _files() -> Iterator[tuple[str, str]]:
    imgbased, nodectl = imgbase_source(), nodectl_source()
    yield "usr/lib/python3/dist-packages/el9.pth", f"/{_PACKAGES}\n"
    if imgbased is None:
        yield "usr/sbin/imgbase", (RECIPE / "imgbase-stand-in").read_text()
        yield _PROFILE, (RECIPE / "imgbased-pool.profile").read_text()
        yield f"{_PACKAGES}/imgbased/constants.py", "PACKAGE_VERSION = '0'\n"
    else:
        # The script calls `which`, which the image has not.
        yield "usr/sbin/imgbase", (imgbased / "scripts" / "imgbase").read_text().replace("which", "command -v")
        yield _PROFILE, (imgbased / "data" / "imgbased-pool.profile").read_text()
        yield from _package(imgbased / "src" / "imgbased")
        for name, place in (("py", "usr/lib/python3/dist-packages/dnf-plugins"), ("conf", "etc/dnf/plugins")):
            yield (
                f"{place}/imgbased-persist.{name}",
                (imgbased / "src/plugin-dnf" / f"imgbased-persist.{name}").read_text(),
            )
    if nodectl is not None:
        yield "usr/sbin/nodectl", (nodectl / "scripts" / "nodectl").read_text()
        yield from _package(nodectl / "src" / "nodectl")


def _package(package: Path) -> Iterator[tuple[str, str]]:
    for file in sorted(package.rglob("*.py*")):
        text = file.read_text()
        for word, value in _VERSION.items():
            text = text.replace(word, value)
        name = str(file.relative_to(package)).removesuffix(".in")
        yield f"{_PACKAGES}/{package.name}/{name}", text


def install_job(kickstart: Rendered, imgbase: bytes, before_posts: str = "", then: str = "") -> Job:
    """The whole installation; `before_posts` runs on /mnt/sysroot when the image is there, `then` at its end."""
    files: Job = {
        "install.sh": HERE / "guest" / "install.sh",
        "leave.sh": HERE / "guest" / "leave.sh",
        "imgbase.tar": imgbase,
        "before-posts": before_posts,
    }
    for number, script in enumerate(kickstart.posts):
        files[f"posts/{number:02}.script"] = script.text
        files[f"posts/{number:02}.interpreter"] = script.interpreter
        files[f"posts/{number:02}.log"] = script.log
    steps = f"selinux='{SELINUX}'\n. ./install.sh; set +e\n{then}\nbash ./leave.sh\nexit $status\n"
    return job(kickstart, steps, **files)
