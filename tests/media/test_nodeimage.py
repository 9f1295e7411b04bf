# SPDX-License-Identifier: GPL-2.0-or-later
"""Node images: what is read of them, without unpacking, and what is told of those that would not become a node."""

from __future__ import annotations

import functools
import os
import random
import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import node_images
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from node_images import KERNEL, NVR

from ksgen.media import NodeImage, liveimage, nodeimage
from ksgen.media.filesystem import FileSystem
from ksgen.media.nodeimage import LVM_PROFILE
from ksgen.problems import ALL
from org_ovirt_node.programs import imgbase

MAKERS = {"plain": node_images.plain, "nested": node_images.nested}
CURE = imgbase.NODE_IMAGE
HARD_TO_BELIEVE = "ovirt-node-ng-4.5.7-0.20260101.0.and-so-on-and-on-and-on-and"


@pytest.mark.parametrize("packed", ["gzip", "xz", "zstd"])
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_what_is_in_an_image(tmp_path: Path, make: Callable[..., Path], packed: str) -> None:
    path = make(tmp_path / "node.img", None, "-comp", packed)
    image, findings = nodeimage.read_node_image(path)
    assert findings == ()
    assert image == NodeImage(
        size=path.stat().st_size,
        nvr=NVR,
        os_release={
            "NAME": "CentOS Stream",
            "ID": "centos",
            "VERSION_ID": "9",
            "PRETTY_NAME": "oVirt Node 4.5.7",
            "VARIANT_ID": "ovirt-node",
        },
        kernels=(KERNEL,),
        efi_dirs=("centos",),
        imgbased_version="1.2.24",
        release_cpe="cpe:/o:centos:centos:9\n",
        is_nested=make is node_images.nested,
    )


IMGBASED = "/usr/lib/python3.9/site-packages/imgbased/constants.py"
WRONG: dict[str, tuple[Mapping[str, str | None], list[tuple[str, str, str, str | None]]]] = {
    "no-nvr": (
        {imgbase.NVR_FILE: None},
        [
            (
                "error", "image-nvr",
                "there is no /usr/share/imgbase/build/meta/nvr; needed: the image's name-version-release in that file",
                CURE,
            )
        ],
    ),
    "nvr-with-a-line-end": (
        {imgbase.NVR_FILE: NVR + "\n"},
        [
            (
                "error", "image-nvr",
                f"/usr/share/imgbase/build/meta/nvr holds {NVR + chr(10)!r}; needed: name-version-release of letters, "
                "digits, dots and underscores, with no line end",
                "build the image again, or write the file in a script before this one",
            )
        ],
    ),
    "nvr-too-long": (
        {imgbase.NVR_FILE: HARD_TO_BELIEVE},
        [
            (
                "error", "image-nvr", f"{HARD_TO_BELIEVE} has 60 characters; needed: at most 53",
                "build the image under a shorter name",
            )
        ],
    ),
    "no-kernel": (
        {f"/boot/vmlinuz-{KERNEL}": None},
        [("error", "image-kernel", "has no kernel /boot/vmlinuz-*, so it cannot boot", CURE)],
    ),
    "no-imgbased": ({IMGBASED: None}, [("error", "image-imgbased", "does not contain imgbased", CURE)]),
    "no-lvm-profile": (
        {LVM_PROFILE: None},
        [("error", "image-file", "has no /etc/lvm/profile/imgbased-pool.profile, which imgbase reads", CURE)],
    ),
    "no-sshd": (
        {"/etc/ssh/sshd_config": None},
        [
            (
                "error", "image-file", "has no /etc/ssh/sshd_config, which imgbase reads",
                "install an image with openssh-server in it",
            )
        ],
    ),
    "no-grubby-for-boot-entries": (
        {"/usr/libexec/grubby/grubby-bls": None},
        [
            (
                "error", "image-file", "has no /usr/libexec/grubby/grubby-bls, which imgbase reads",
                "install an image with a grubby that edits boot entries in /boot/loader/entries",
            )
        ],
    ),
    "no-factory": (
        {"/usr/share/factory/etc/systemd/system.conf": None},
        [("error", "image-file", "has no /usr/share/factory/etc/systemd, which imgbase reads", CURE)],
    ),
    "release-cpe": (
        {"/etc/system-release-cpe": "cpe:/o:centos:centos\n"},
        [
            (
                "error", "image-file",
                "/etc/system-release-cpe holds 'cpe:/o:centos:centos'; needed: cpe:/o:VENDOR:PRODUCT:VERSION, whose "
                "parts imgbase reads",
                "install an image with its release package in it",
            )
        ],
    ),
    "no-release-cpe": (
        {"/etc/system-release-cpe": None},
        [
            (
                "error", "image-file", "has no /etc/system-release-cpe, which imgbase reads",
                "install an image with its release package in it",
            )
        ],
    ),
    "no-programs": (
        {"/usr/sbin/imgbase": None, "/usr/sbin/lvs": None},
        [("error", "image-program", "has no imgbase, lvs, which imgbase calls", CURE)],
    ),
    "not-a-node": (
        {"/usr/lib/os-release": "ID=almalinux\nPRETTY_NAME='AlmaLinux 9.4'\n"},
        [("warning", "image-variant", "identifies itself as 'AlmaLinux 9.4', without VARIANT_ID=ovirt-node", None)],
    ),
    "os-release-of-nobody": (
        {"/usr/lib/os-release": 'ID="x\n#PRETTY_NAME=y\nno name\n'},
        [("warning", "image-variant", "identifies itself as 'unnamed', without VARIANT_ID=ovirt-node", None)],
    ),
    "no-uefi": (
        {"/boot/efi/EFI/centos/shimx64.efi": None},
        [
            (
                "warning", "image-efi",
                "has no boot loader in /boot/efi/EFI: it boots on machines with BIOS only", None,
            )
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "told"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_with_an_image(
    tmp_path: Path, changes: Mapping[str, str | None], told: list[tuple[str, str, str, str | None]]
) -> None:
    image, findings = nodeimage.read_node_image(node_images.nested(tmp_path / "node.img", changes))
    assert [(f.severity, f.code, f.message, f.hint) for f in findings] == told
    assert {f.code for f in findings} <= ALL
    assert image is not None


_STRANGER = {IMGBASED: None, imgbase.NVR_FILE: None, "/usr/sbin/imgbase": None, LVM_PROFILE: None}
OF_ANOTHER_KIND = {
    "installer": ({"/.buildstamp": "[Main]\n"}, "the LiveOS image of an installer (stage 2)"),
    "live-medium": ({"/usr/lib/os-release": "PRETTY_NAME='AlmaLinux 9.4'\n"}, "a LiveOS image of 'AlmaLinux 9.4'"),
    "nameless": ({"/usr/lib/os-release": "ID=x\n"}, "a LiveOS image"),
}


@pytest.mark.parametrize(("changes", "what"), OF_ANOTHER_KIND.values(), ids=OF_ANOTHER_KIND)
def test_an_image_of_another_kind_is_one_finding(tmp_path: Path, changes: Mapping[str, str | None], what: str) -> None:
    image, (finding,) = nodeimage.read_node_image(node_images.nested(tmp_path / "x.img", {**_STRANGER, **changes}))
    assert (image, finding.code, finding.severity) == (None, "image-no-node", "error")
    assert finding.message == f"{what}, not a node image: neither imgbased nor its NVR is in it"


def test_says_unknown_of_an_imgbased_that_does_not_say_its_version(tmp_path: Path) -> None:
    image, findings = nodeimage.read_node_image(
        node_images.plain(tmp_path / "node.img", {IMGBASED: "PACKAGE_NAME = 'imgbased'\n"})
    )
    assert image is not None
    assert (image.imgbased_version, findings) == ("unknown", ())


def _text(place: Path) -> Path:
    place.write_text("<html>404</html>" * 20)
    return place


def _cut(place: Path) -> Path:
    node_images.plain(place)
    os.truncate(place, place.stat().st_size - 4096 + 100)
    return place


def _empty(place: Path) -> Path:
    place.touch()
    return place


def _lz4(place: Path) -> Path:
    return node_images.plain(place, None, "-comp", "lz4")


def _not_ext4(place: Path) -> Path:
    return node_images.squashfs(place, node_images.tree(place.with_name("x"), {"/LiveOS/rootfs.img": "x" * 4096}, {}))


def _no_file(place: Path) -> Path:
    return node_images.squashfs(place, node_images.tree(place.with_name("x"), {"/LiveOS/rootfs.img/a": "x"}, {}))


UNREADABLE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "web-page": (_text, "is not a squashfs image"),
    "empty": (_empty, "is not a squashfs image"),
    "cut-off": (_cut, r"is truncated: \d+ of \d+ bytes"),
    "lz4": (_lz4, "is compressed with lz4, which is not supported"),
    "other-root": (_not_ext4, r"has a /LiveOS/rootfs\.img that is not an ext4 file system"),
    "root-is-a-directory": (_no_file, r"has a /LiveOS/rootfs\.img that is not a file"),
}


@pytest.mark.parametrize(("make", "message"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_no_image(tmp_path: Path, make: Callable[[Path], Path], message: str) -> None:
    image, (finding,) = nodeimage.read_node_image(make(tmp_path / "node.img"))
    assert (image, finding.code, finding.severity) == (None, "image-unreadable", "error")
    assert re.fullmatch(message, finding.message)


class Memory:
    """Bytes as a source."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    @property
    def size(self) -> int:
        return len(self.data)

    def read(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + length]


# --- the readers, with more than a node image has --------------------------------------------------------------------


def _many(place: Path) -> Path:
    """Files and directories of every kind that matters: packed and stored blocks, holes, tails, long lists, links."""
    random_bytes = random.Random(1).randbytes
    (place / "many").mkdir(parents=True)
    for number in range(700):
        (place / "many" / f"{number:04}-{'x' * (number % 200)}").write_text(f"{number}\n" * (number % 50))
    (place / "random").write_bytes(random_bytes(700_001))
    (place / "text").write_bytes(b"oVirt Node\n" * 100_000)
    with (place / "holes").open("wb") as file:
        for offset in (0, 1_000_000, 5_000_000):
            file.seek(offset)
            file.write(random_bytes(70_000))
        file.truncate(6_000_000)
    (place / "empty").touch()
    (place / "deep/er/still").mkdir(parents=True)
    (place / "deep/er/still/file").write_text("here")
    (place / "relative").symlink_to("deep/er/../er/still")
    (place / "absolute").symlink_to("/deep/er/still/file")
    (place / "loop").symlink_to("loop")
    (place / "nowhere").symlink_to("/not/there")
    (place / "above").symlink_to("../../../text")
    (place / f"long-{'l' * 200}").symlink_to("/" + "/".join(["deep", "er", "..", ".."] * 20) + "/deep/er/still/file")
    return place


def _packed(root: Path, place: Path, form: str) -> FileSystem:
    if form == "ext4":
        outer = place / "outer"
        (outer / "LiveOS").mkdir(parents=True)
        inner = outer / "LiveOS/rootfs.img"
        # What is in blocks that nobody has written must not be seen.
        inner.write_bytes(b"junk" * (16 << 20))
        node_images.run("mkfs.ext4", "-q", "-E", "nodiscard", "-d", str(root), str(inner))
        node_images.run("debugfs", "-w", "-R", "fallocate /holes 400 450", str(inner))
        root, form = outer, "gzip"
    # Small blocks, so that small files have many.
    node_images.squashfs(place / "image", root, "-comp", form, "-b", "16K")
    return liveimage.read(Memory((place / "image").read_bytes())).root


@pytest.mark.parametrize("form", ["gzip", "xz", "ext4"])
def test_every_file_is_read_as_it_is(tmp_path: Path, form: str) -> None:
    root = _many(tmp_path / "root")
    found = _packed(root, tmp_path, form)
    files = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(files) > 700
    for path in files:
        node = found.find(f"/{path.relative_to(root)}")
        assert node is not None
        content = found.content(node)
        assert (node.size, content.read(0, node.size)) == (path.stat().st_size, path.read_bytes()), path
    assert set(found.names("/")) - {"lost+found"} == {path.name for path in root.iterdir()}
    assert found.names("/many") == tuple(sorted(path.name for path in (root / "many").iterdir()))


@pytest.mark.parametrize("form", ["gzip", "ext4"])
def test_pieces_of_a_file(tmp_path: Path, form: str) -> None:
    root = _many(tmp_path / "root")
    found = _packed(root, tmp_path, form)
    node, whole = found.find("/holes"), (root / "holes").read_bytes()
    assert node is not None
    content, numbers = found.content(node), random.Random(2)
    for _ in range(50):
        offset, length = numbers.randrange(len(whole) + 10), numbers.randrange(200_000)
        assert content.read(offset, length) == whole[offset : offset + length]


@pytest.mark.parametrize("form", ["gzip", "ext4"])
def test_links_stay_within(tmp_path: Path, form: str) -> None:
    found = _packed(_many(tmp_path / "root"), tmp_path, form)
    texts = {
        name: found.text(name)
        for name in ("/relative/file", "/absolute", "/loop", "/nowhere", f"/long-{'l' * 200}", "/text/x", "/deep")
    }
    assert texts == {
        "/relative/file": "here",
        "/absolute": "here",
        "/loop": None,
        "/nowhere": None,
        f"/long-{'l' * 200}": "here",
        "/text/x": None,
        "/deep": None,
    }
    above = found.text("/above")
    assert above is not None
    assert above.startswith("oVirt Node\n")
    assert found.names("/text") == ()


@functools.cache
def _sound(name: str) -> bytes:
    """An image as it should be; metadata is not packed, so that a change hits what it says and not the packing."""
    with tempfile.TemporaryDirectory() as place:
        return MAKERS[name](Path(place) / "node.img", None, "-comp", "gzip", "-noI", "-noD", "-noF").read_bytes()


@settings(max_examples=300, deadline=None)
@given(
    name=st.sampled_from(sorted(MAKERS)),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8),
    is_near_the_end=st.booleans(),
)
def test_damage_is_told_and_nothing_worse(name: str, changes: list[tuple[float, int]], is_near_the_end: bool) -> None:
    """Tables of a squashfs are at its end."""
    data = bytearray(_sound(name))
    start = max(0, len(data) - 8192) if is_near_the_end else 0
    for place, value in changes:
        data[start + int(place * (len(data) - start))] = value
    image, findings = nodeimage.look_at_image(Memory(bytes(data)))
    # What of a node is damaged may be missing: then it is an image of another kind.
    assert image is not None or [finding.code for finding in findings] in (["image-unreadable"], ["image-no-node"])
