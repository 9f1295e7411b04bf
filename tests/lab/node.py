# SPDX-License-Identifier: GPL-2.0-or-later
"""A node installed in a machine: image, boot loader and the kickstart's own scripts, the hook last."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

from lab.kickstart_job import HERE, Job, Rendered, job
from lab.root import RECIPE

# What the package of imgbased gives a version; the tree has a template.
_VERSION = {"@PACKAGE_NAME@": "imgbased", "@PACKAGE_VERSION@": "0"}


def imgbase_source() -> Path | None:
    """imgbased's source tree, if there is one: IMGBASED_SOURCE."""
    source = os.environ.get("IMGBASED_SOURCE")
    return Path(source).absolute() if source else None


def imgbase_tar(source: Path | None) -> bytes:
    """imgbase as its package installs it: the real one, or the stand-in."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, text in _stand_in() if source is None else _real(source):
            member = tarfile.TarInfo(name)
            data = text.encode()
            member.size, member.mode = len(data), 0o755 if name.startswith("usr/sbin/") else 0o644
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


_PROFILE = "etc/lvm/profile/imgbased-pool.profile"


def _stand_in() -> Iterator[tuple[str, str]]:
    yield "usr/sbin/imgbase", (RECIPE / "imgbase-stand-in").read_text()
    yield _PROFILE, (RECIPE / "imgbased-pool.profile").read_text()


def _real(source: Path) -> Iterator[tuple[str, str]]:
    # The script calls `which`, which the image has not.
    yield "usr/sbin/imgbase", (source / "scripts" / "imgbase").read_text().replace("which", "command -v")
    yield _PROFILE, (source / "data" / "imgbased-pool.profile").read_text()
    package = source / "src" / "imgbased"
    for file in sorted(package.rglob("*.py*")):
        text = file.read_text()
        for word, value in _VERSION.items():
            text = text.replace(word, value)
        name = str(file.relative_to(package)).removesuffix(".in")
        yield f"usr/lib/python3/dist-packages/imgbased/{name}", text


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
    steps = f". ./install.sh; set +e\n{then}\nbash ./leave.sh\nexit $status\n"
    return job(kickstart, steps, **files)
