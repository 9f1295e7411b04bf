# SPDX-License-Identifier: GPL-2.0-or-later
"""`ksgen iso`: what is on the ISO, what is refused, and that nothing is left of a run that did not end well.

The ISOs here do not boot; tests/lab/test_iso.py boots them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import gzip
import hashlib
import json
import lzma
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import node_images
import pytest
import small_iso
from click.testing import Result
from command import CliRunner
from node_images import NVR
from small_iso import IMAGE, KICKSTART, LABEL, STAGE2_FILES, Small

from ksgen.addon import File, cpio, updates
from ksgen.cli import main
from ksgen.iso import mediacheck, planning
from ksgen.media import BootIso, FileSource, Iso9660, bootiso, nodeimage
from org_ovirt_node.programs import imgbase

STYLES = ("nine", "ten")
ADDON = "usr/share/anaconda/addons/org_ovirt_node"
DEFAULTS = "usr/share/anaconda/interactive-defaults.ks"


def ksgen(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["iso", *map(str, arguments)], catch_exceptions=False)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The boot ISOs and an image, made once."""
    place = tmp_path_factory.mktemp("store")
    for style in STYLES:
        small_iso.make(place / f"{style}.iso", Small(style=style))
    node_images.nested(place / "node.img", None, "-comp", "xz")
    return place


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """An empty directory for what is written."""
    place = tmp_path / "here"
    place.mkdir()
    return place


def made(boot: Path, store: Path, here: Path, *more: str | Path) -> Path:
    """The ISO of a node on this boot ISO."""
    result = ksgen("--boot-iso", boot, "--image", store / "node.img", "-o", here / "node.iso", *more)
    assert result.exit_code == 0, result.stderr
    return here / "node.iso"


def kickstart(place: Path, text: str = KICKSTART) -> Path:
    (place / "my.ks").write_text(text)
    return place / "my.ks"


def extracted(path: Path, place: Path) -> dict[str, bytes]:
    """Every file of an ISO, as xorriso reads it."""
    node_images.run("xorriso", "-no_rc", "-osirrox", "on", "-indev", str(path), "-extract", "/", str(place))
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def unpacked(archive: bytes, place: Path) -> dict[str, bytes]:
    """Every file of a product.img, as cpio reads it."""
    place.mkdir()
    node_images.program("cpio")
    subprocess.run(["cpio", "-idm", "--quiet"], cwd=place, input=gzip.decompress(archive), check=True)
    return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def looked_at(path: Path) -> BootIso:
    found, findings = bootiso.read_boot_iso(path)
    assert found is not None
    assert [*findings, *bootiso.check_boot_iso(found)] == []
    return found


# --- what is on it ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", STYLES)
def test_everything_that_was_there_is_there(store: Path, here: Path, tmp_path: Path, style: str) -> None:
    before = extracted(store / f"{style}.iso", tmp_path / "before")
    after = extracted(made(store / f"{style}.iso", store, here), tmp_path / "after")
    assert set(after) - set(before) == {IMAGE, "images/product.img", "ovirt-node.json"}
    assert after[IMAGE] == (store / "node.img").read_bytes()
    # isolinux.bin and eltorito.img hold where they lie and their own checksum: the boot info table.
    boot = {"isolinux/isolinux.bin", "images/eltorito.img"}
    assert {name: after[name] for name in before if name not in boot} == {
        name: content for name, content in before.items() if name not in boot
    }


@pytest.mark.parametrize("style", STYLES)
def test_firmware_finds_the_same(store: Path, here: Path, style: str) -> None:
    """Boot records, partitions, and what UEFI starts from."""
    before, after = looked_at(store / f"{style}.iso"), looked_at(made(store / f"{style}.iso", store, here))
    assert [found.platform for found in after.boot_images] == [0x00, 0xEF]
    assert after.label == before.label == LABEL
    assert after.configs == before.configs
    assert after.has_joliet
    assert before.efi_image is not None
    assert after.efi_image is not None
    assert (after.efi_image.size, after.efi_image.path, after.efi_image.partition) == (
        before.efi_image.size, before.efi_image.path, before.efi_image.partition,
    )  # fmt: skip
    assert before.efi_image.path == {"nine": "/images/efiboot.img", "ten": None}[style]
    # As a stick: the partition that UEFI looks for is where the file system is.
    sfdisk = [node_images.program("sfdisk"), "--json", here / "node.iso"]
    told = subprocess.run(sfdisk, capture_output=True, text=True, check=True)
    starts = [partition["start"] * 512 for partition in json.loads(told.stdout)["partitiontable"]["partitions"]]
    assert after.efi_image.offset in starts


def test_boot_entries_name_the_volume(store: Path, here: Path) -> None:
    after = looked_at(made(store / "nine.iso", store, here))
    assert {(config.path, config.is_in_efi_image) for config in after.configs} == {
        ("/isolinux/isolinux.cfg", False),
        ("/EFI/BOOT/grub.cfg", False),
        ("/EFI/BOOT/grub.cfg", True),
    }
    assert {bootiso.labels(config.text) for config in after.configs} == {(LABEL,) * 3}
    assert not any("inst.ks" in config.text for config in after.configs)


def test_label_with_characters_that_udev_writes_otherwise(store: Path, here: Path, tmp_path: Path) -> None:
    boot = small_iso.make(tmp_path / "boot.iso", Small(label="Small 9 (x86)"))
    after = looked_at(made(boot, store, here, "--kickstart", kickstart(tmp_path)))
    assert after.label == "Small 9 (x86)"
    words = [word for config in after.configs for word in config.text.split() if word.startswith("inst.ks")]
    assert set(words) == {r"inst.ks=hd:LABEL=Small\x209\x20\x28x86\x29:/ovirt-node.ks"}


def test_interactive_installation_checks_its_image(store: Path, here: Path, tmp_path: Path) -> None:
    files = extracted(made(store / "nine.iso", store, here), tmp_path / "all")
    product = unpacked(files["images/product.img"], tmp_path / "product")
    checksum = hashlib.sha256((store / "node.img").read_bytes()).hexdigest()
    assert f"liveimg --url=file:///run/install/repo/{IMAGE} --checksum={checksum}\n" in product[DEFAULTS].decode()
    expected = {file.path: file.content for file in updates.addon_files(efi_dir="centos")}
    assert {name: content for name, content in product.items() if name != DEFAULTS} == expected


@pytest.mark.parametrize("style", STYLES)
def test_kickstart_is_named_by_each_entry_that_installs(store: Path, here: Path, tmp_path: Path, style: str) -> None:
    given = kickstart(tmp_path)
    path = made(store / f"{style}.iso", store, here, "--kickstart", given)
    after, before = looked_at(path), looked_at(store / f"{style}.iso")
    for config, old in zip(after.configs, before.configs, strict=True):
        changed = [line for line in config.text.split("\n") if line not in old.text.split("\n")]
        assert len(changed) == 2, config
        assert all(line.endswith(f" quiet inst.ks=hd:LABEL={LABEL}:/ovirt-node.ks") for line in changed)
        assert len(config.text.split("\n")) == len(old.text.split("\n"))
    files = extracted(path, tmp_path / "all")
    assert files["ovirt-node.ks"] == given.read_bytes()
    assert DEFAULTS not in unpacked(files["images/product.img"], tmp_path / "product")
    # It may hold hashes of passwords.
    assert path.stat().st_mode & 0o777 == 0o600


NAMES = "ifname=lan0:52:54:00:aa:00:01 ifname=san0:52:54:00:aa:00:02"


def test_boot_arguments_of_the_kickstart_are_in_each_entry_that_starts_it(
    store: Path, here: Path, tmp_path: Path
) -> None:
    given = kickstart(tmp_path)
    given.write_text(f"# Boot arguments: {NAMES}\n{given.read_text()}")
    after = looked_at(made(store / "nine.iso", store, here, "--kickstart", given, "--append", "inst.text"))
    for config in after.configs:
        lines = [line for line in config.text.split("\n") if "ifname" in line]
        assert len(lines) == 2, config
        assert all(line.endswith(f":/ovirt-node.ks {NAMES} inst.text") for line in lines)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            "ifname=lan0:$x",
            "'# Boot arguments:' of the kickstart: ifname= contains a character that boot loaders interpret",
        ),
        ("x=" + "y" * 2000, "a boot entry would have 2[01][0-9]{2} characters; the limit is 2047"),
    ],
)
def test_boot_arguments_of_the_kickstart_that_no_boot_entry_takes(
    store: Path, here: Path, tmp_path: Path, words: str, message: str
) -> None:
    given = kickstart(tmp_path)
    given.write_text(f"# Boot arguments: {words}\n{given.read_text()}")
    options = ("--boot-iso", store / "nine.iso", "--image", store / "node.img", "-o", here / "node.iso")
    result = ksgen(*options, "--kickstart", given)
    assert re.search(f"error: {message}", result.output), result.output
    assert not (here / "node.iso").exists()


@pytest.mark.parametrize("style", STYLES)
def test_arguments_are_added_to_each_entry(store: Path, here: Path, style: str) -> None:
    after = looked_at(made(store / f"{style}.iso", store, here, "--append", " console=ttyS0,115200  inst.text"))
    for config, old in zip(after.configs, looked_at(store / f"{style}.iso").configs, strict=True):
        wanted = re.sub(r"(inst\.stage2=.*)", r"\1 console=ttyS0,115200 inst.text", old.text)
        assert config.text == wanted != old.text


@pytest.mark.parametrize(
    ("append", "message", "hint"),
    [
        ("inst.stage2=hd:sda", "inst.stage2= is not allowed in --append", "it is set by the boot entries of the ISO"),
        ("quiet ks=nfs:server:/ks", "ks= is not allowed in --append", "use --kickstart"),
        ("a=1;b", "a= contains a character that boot loaders interpret differently", "letters, digits"),
        ("a=$b", "a= contains a character that boot loaders interpret differently", "letters, digits"),
        ("x=" + "y" * 2000, "a boot entry would have 20[0-9]{2} characters; the limit is 2047", "use fewer"),
    ],
)
def test_arguments_that_no_boot_entry_takes(store: Path, here: Path, append: str, message: str, hint: str) -> None:
    options = ("--boot-iso", store / "nine.iso", "--image", store / "node.img", "-o", here / "node.iso")
    result = ksgen(*options, "--append", append)
    assert result.exit_code == 1
    quoted = message if "[0-9]" in message else re.escape(message)
    assert re.search(f"nine.iso:1:1: error: {quoted}\n.*{hint}", result.output), result.output
    assert list(here.iterdir()) == []


def test_kickstart_is_one_file(store: Path, here: Path, tmp_path: Path) -> None:
    (tmp_path / "disks.ks").write_text("autopart --type=thinp\n")
    given = kickstart(tmp_path, KICKSTART.replace("autopart --type=thinp", "%include disks.ks"))
    files = extracted(made(store / "nine.iso", store, here, "--kickstart", given), tmp_path / "all")
    assert b"\nautopart --type=thinp\n" in files["ovirt-node.ks"]
    assert b"%include" not in files["ovirt-node.ks"]


def test_media_check_finds_its_checksum(store: Path, here: Path) -> None:
    """As checkisomd5 and implantisomd5 do it: dracut runs the first for rd.live.check."""
    path = made(store / "ten.iso", store, here)
    node_images.run("checkisomd5", str(path))
    ours = path.read_bytes()
    node_images.run("implantisomd5", "--force", str(path))
    assert path.read_bytes() == ours
    with path.open("r+b") as file:
        file.seek(len(ours) // 2)
        file.write(bytes([ours[len(ours) // 2] ^ 1]))
    assert subprocess.run(["checkisomd5", path], capture_output=True, stdin=subprocess.DEVNULL).returncode == 1


def test_media_check_says_how_far_it_is(store: Path, tmp_path: Path) -> None:
    path = tmp_path / "copy.iso"
    path.write_bytes((store / "nine.iso").read_bytes())
    steps: list[tuple[int, int]] = []
    with path.open("r+b") as file:
        mediacheck.implant(file, lambda done, total: steps.append((done, total)))
    total = (Iso9660(FileSource(path.open("rb"))).size // 2048 - 15) * 2048
    assert steps[-1] == (total, total)
    assert [done for done, _ in steps] == sorted({done for done, _ in steps})


def test_manifest(store: Path, here: Path, tmp_path: Path) -> None:
    files = extracted(made(store / "nine.iso", store, here, "--kickstart", kickstart(tmp_path)), tmp_path / "all")
    manifest = json.loads(files["ovirt-node.json"])
    names = {IMAGE, "images/product.img", "ovirt-node.ks", "isolinux/isolinux.cfg", "EFI/BOOT/grub.cfg"}
    assert manifest.pop("files") == {
        name: {"sha256": hashlib.sha256(files[name]).hexdigest(), "size": len(files[name])} for name in names
    }
    assert manifest.pop("ksgen")
    assert manifest == {
        "format": 1,
        "boot_iso": {"file": "nine.iso", "label": LABEL},
        "image": {"file": "node.img", "nvr": NVR},
    }


def test_says_what_it_does(store: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(here)
    result = ksgen("--boot-iso", store / "nine.iso", "--image", store / "node.img")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.splitlines() == [
        "checksum of the image",
        "writing the ISO",
        "checksum for the media check",
        f"{NVR}.iso written: {NVR}, volume {LABEL}",
    ]
    assert [path.name for path in here.iterdir()] == [f"{NVR}.iso"]
    assert (here / f"{NVR}.iso").stat().st_mode & 0o777 == 0o644


# --- which boot loader -----------------------------------------------------------------------------------------------


def efi_dir(path: Path, place: Path) -> str | None:
    """What the add-on on an ISO tells Anaconda."""
    files = unpacked(extracted(path, place / "all")["images/product.img"], place / "product")
    found = re.search(rb"^efi_dir = (\S+)$", files["etc/anaconda/conf.d/90-ovirt-node.conf"], re.MULTILINE)
    return found[1].decode() if found else None


SHIM = "/boot/efi/EFI/centos/shimx64.efi"
EL10 = {
    "/etc/os-release": 'ID="centos"\nID_LIKE="rhel fedora"\nVERSION_ID="10"\nPRETTY_NAME="CentOS Stream 10"\n',
    "/etc/anaconda/profile.d/centos.conf": "[Profile]\nprofile_id = centos\nbase_profile = rhel\n\n"
    "[Profile Detection]\nos_id = centos\n\n[Bootloader]\nefi_dir = centos\n",
    "/etc/anaconda/profile.d/a-node.conf": "[Profile]\nprofile_id = ovirt\nbase_profile = centos\n\n"
    "[Profile Detection]\nos_id = centos\nvariant_id = ovirt-node\n\n[Bootloader]\nefi_dir = elsewhere\n",
}
BASED = {
    "/etc/os-release": 'ID="centos"\nVERSION_ID="9"\nNAME="CentOS Stream"\n',
    "/etc/anaconda/product.d/ovirt.conf": "[Product]\nproduct_name = oVirt Node Next\n\n[Base Product]\n"
    "product_name = CentOS Stream\n",
    "/etc/anaconda/product.d/centos.conf": "[Product]\nproduct_name = CentOS Stream\n\n"
    "[Bootloader]\nefi_dir = centos\n",
    "/.buildstamp": "[Main]\nProduct=oVirt Node Next\n",
}


@pytest.mark.parametrize(
    ("stage2", "changes", "expected"),
    [
        pytest.param(STAGE2_FILES, {}, "centos", id="alma-installer-centos-image"),
        pytest.param(
            STAGE2_FILES, {SHIM: None, "/boot/efi/EFI/almalinux/shimx64.efi": "x"}, None, id="both-of-alma"
        ),
        pytest.param(EL10, {}, None, id="el10-profile"),
        pytest.param({**EL10, "/etc/os-release": f"{EL10['/etc/os-release']}VARIANT_ID=ovirt-node\n"}, {}, "centos",
                     id="el10-variant"),
        pytest.param(BASED, {}, None, id="product-based-on-another"),
        pytest.param({"/etc/os-release": "ID=x\n"}, {}, "centos", id="installer-of-nobody"),
        pytest.param(STAGE2_FILES, {SHIM: None}, None, id="image-without-uefi"),
    ],
)  # fmt: skip
def test_anaconda_is_told_where_the_boot_loader_is(
    tmp_path: Path, here: Path, stage2: dict[str, str | None], changes: dict[str, str | None], expected: str | None
) -> None:
    boot = small_iso.make(tmp_path / "boot.iso", Small(stage2=stage2))
    node_images.plain(tmp_path / "node.img", changes)
    assert efi_dir(made(boot, tmp_path, here), tmp_path) == expected


def test_which_of_several_boot_loaders(store: Path, tmp_path: Path, here: Path) -> None:
    several = node_images.plain(tmp_path / "node.img", {"/boot/efi/EFI/redhat/shimx64.efi": "x"})
    options = ("--boot-iso", store / "nine.iso", "--image", several, "-o", here / "node.iso")
    result = ksgen(*options)
    assert result.exit_code == 1
    assert (
        f"{store}/nine.iso:1:1: error: EFI/ of the image has centos, redhat; the installer uses almalinux\n"
        "  hint: --efi-dir centos\n" in result.stderr
    )
    result = ksgen(*options, "--efi-dir", "almalinux")
    assert "error: EFI/ of the image has centos, redhat, not almalinux\n" in result.stderr
    assert ksgen(*options, "--efi-dir", "redhat").exit_code == 0
    assert efi_dir(here / "node.iso", tmp_path) == "redhat"
    assert ksgen(*options, "--efi-dir", "../x").exit_code == 2


# --- what the boot ISO has already -----------------------------------------------------------------------------------

THEIRS = (
    File("etc/anaconda/product.d/site.conf", b"[Product]\n"),
    File(f"{ADDON}/gone.py", b"an older add-on\n"),
    File(DEFAULTS, b"graphical\n"),
    File("etc/motd", b"welcome\n"),
)


def _dotted(files: tuple[File, ...]) -> bytes:
    """As `find . | cpio` names them."""
    return updates.archive(File(f"./{file.path}", file.content) for file in files)


PRODUCTS = {
    "gzip": gzip.compress(updates.archive(THEIRS)),
    "xz": lzma.compress(updates.archive(THEIRS)),
    "plain": updates.archive(THEIRS),
    "dotted": gzip.compress(_dotted(THEIRS)),
}


@pytest.mark.parametrize("product", PRODUCTS.values(), ids=PRODUCTS)
def test_product_image_of_the_boot_iso_is_kept(store: Path, here: Path, tmp_path: Path, product: bytes) -> None:
    boot = small_iso.make(tmp_path / "boot.iso", Small(files={"images/product.img": product}))
    files = extracted(made(boot, store, here), tmp_path / "all")
    found = unpacked(files["images/product.img"], tmp_path / "product")
    assert found["etc/motd"] == b"welcome\n"
    assert found["etc/anaconda/product.d/site.conf"] == b"[Product]\n"
    assert f"{ADDON}/gone.py" not in found
    assert b"liveimg" in found[DEFAULTS]
    assert {file.path for file in updates.addon_files(is_interactive=True)} <= found.keys()


def test_links_and_programs_of_a_product_image_are_kept(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    (theirs / "bin").mkdir(parents=True)
    (theirs / "bin/run").write_text("#!/bin/sh\n")
    (theirs / "bin/run").chmod(0o755)
    (theirs / "bin/again").hardlink_to(theirs / "bin/run")
    (theirs / "bin/link").symlink_to("run")
    packed = subprocess.run(
        "find . | cpio -o -H newc --quiet", shell=True, cwd=theirs, capture_output=True, check=True
    ).stdout
    unpacked(cpio.merged(packed, [File("etc/ours", b"ours")]), tmp_path / "all")
    assert (tmp_path / "all/bin/link").readlink() == Path("run")
    assert (tmp_path / "all/bin/run").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "all/bin/run").samefile(tmp_path / "all/bin/again")
    assert (tmp_path / "all/bin/again").read_text() == "#!/bin/sh\n"
    assert (tmp_path / "all/etc/ours").read_text() == "ours"


NOT_MERGED = {
    "ext2": b"\0" * 1080 + b"\x53\xef" + b"\0" * 1000,
    "broken-gzip": gzip.compress(updates.archive(THEIRS))[:-20],
    "broken-xz": lzma.compress(updates.archive(THEIRS))[:-20],
    "cut-off": updates.archive(THEIRS)[:600],
    "two-archives": updates.archive(THEIRS) + updates.archive(THEIRS),
    "no-number": updates.archive(THEIRS).replace(b"070701", b"07070100000001zzzz", 1),
}


@pytest.mark.parametrize("product", NOT_MERGED.values(), ids=NOT_MERGED)
def test_another_image_makes_way(store: Path, here: Path, tmp_path: Path, product: bytes) -> None:
    boot = small_iso.make(tmp_path / "boot.iso", Small(files={"images/product.img": product}))
    files = extracted(made(boot, store, here), tmp_path / "all")
    assert files["images/product.img"] == product
    assert DEFAULTS in unpacked(files["images/updates.img"], tmp_path / "updates")


def test_no_place_for_the_add_on(store: Path, here: Path, tmp_path: Path) -> None:
    both = {"images/product.img": NOT_MERGED["ext2"], "images/updates.img": b"something"}
    boot = small_iso.make(tmp_path / "boot.iso", Small(files=both))
    result = ksgen("--boot-iso", boot, "--image", store / "node.img", "-o", here / "node.iso")
    assert result.exit_code == 1
    assert "its product.img and updates.img are not cpio archives, so the add-on cannot be added" in (result.stderr)
    assert not list(here.iterdir())


@pytest.mark.parametrize("style", STYLES)
def test_kickstart_that_was_named_before(store: Path, here: Path, tmp_path: Path, style: str) -> None:
    """As on the ISO that oVirt publishes, whose kickstart calls imgbase itself."""
    named = f"hd:LABEL={LABEL}:/interactive-defaults.ks"
    boot = small_iso.make(tmp_path / "boot.iso", Small(style=style, more=f"inst.ks={named} "))
    result = ksgen("--boot-iso", boot, "--image", store / "node.img", "-o", here / "node.iso")
    assert result.exit_code == 0
    assert result.stderr.splitlines()[-2] == (
        f"{boot}:1:1: warning: its boot entries name the kickstart {named}, which is removed from them"
    )
    assert not any("inst.ks" in config.text for config in looked_at(here / "node.iso").configs)
    made(boot, store, here, "--kickstart", kickstart(tmp_path))
    for config in looked_at(here / "node.iso").configs:
        words = [word for word in config.text.split() if word.startswith("inst.ks")]
        assert words == [f"inst.ks=hd:LABEL={LABEL}:/ovirt-node.ks"] * 2


def test_iso_of_an_iso(store: Path, here: Path, tmp_path: Path) -> None:
    """A new image, and another kickstart, on what an earlier run has made."""
    first = made(store / "ten.iso", store, here, "--kickstart", kickstart(tmp_path))
    second = here / "second.iso"
    node_images.plain(tmp_path / "new.img", {})
    assert ksgen("--boot-iso", first, "--image", tmp_path / "new.img", "-o", second).exit_code == 0
    files = extracted(second, tmp_path / "all")
    assert files[IMAGE] == (tmp_path / "new.img").read_bytes()
    assert not any("inst.ks" in config.text for config in looked_at(second).configs)
    assert json.loads(files["ovirt-node.json"])["image"]["file"] == "new.img"


# --- what is refused -------------------------------------------------------------------------------------------------

HINT = "  hint: use an installer's boot ISO, such as AlmaLinux-9-latest-x86_64-boot.iso"
REFUSED: dict[str, tuple[Small, str]] = {
    "label": (
        Small(entry_label="Other-9"),
        f"error: its boot entries name the volume label 'Other-9', but it has the label '{LABEL}': they do not boot\n"
        "  hint: use the ISO as its distribution publishes it",
    ),
    "no-second-stage": (
        Small(files={"images/install.img": None}),
        "error: has no installer: no images/install.img, no LiveOS/squashfs.img, or no kernel for it\n" + HINT,
    ),
    "no-kernel": (
        Small(files={"images/pxeboot/vmlinuz": None}),
        "error: has no installer: no images/install.img, no LiveOS/squashfs.img, or no kernel for it\n" + HINT,
    ),
    "for-another-processor": (
        Small(files={"EFI/BOOT/BOOTX64.EFI": None, "EFI/BOOT/BOOTAA64.EFI": b"arm"}),
        f"error: boots on aarch64; the image contains the kernel {node_images.KERNEL}",
    ),
}


@pytest.mark.parametrize(("small", "message"), REFUSED.values(), ids=REFUSED)
def test_boot_isos_that_are_none(store: Path, here: Path, tmp_path: Path, small: Small, message: str) -> None:
    boot = small_iso.make(tmp_path / "boot.iso", small)
    result = ksgen("--boot-iso", boot, "--image", store / "node.img", "-o", here / "node.iso")
    assert result.exit_code == 1
    assert f"{boot}:1:1: {message}\n" in result.stderr
    assert result.stderr.endswith("; nothing was written\n")
    assert not list(here.iterdir())


def _data_iso(place: Path) -> None:
    (place.parent / "data").mkdir()
    (place.parent / "data/file").write_text("x")
    node_images.run(
        "xorriso",
        "-no_rc",
        "-as",
        "mkisofs",
        "-quiet",
        "-R",
        "-V",
        "DATA",
        "-o",
        str(place),
        str(place.parent / "data"),
    )


def _without_rock_ridge(place: Path) -> None:
    (place.parent / "data").mkdir()
    (place.parent / "data/file").write_text("x")
    node_images.run(
        "xorriso", "-no_rc", "-as", "mkisofs", "-quiet", "--norock", "-o", str(place), str(place.parent / "data")
    )


def _cut_off(place: Path) -> None:
    small_iso.make(place)
    os.truncate(place, place.stat().st_size // 2)


UNREADABLE = {
    "text": (lambda place: place.write_text("<html>\n" * 9999), [f"error: is not an ISO 9660 image\n{HINT}"]),
    "empty": (lambda place: place.touch(), [f"error: is not an ISO 9660 image\n{HINT}"]),
    "cut-off": (_cut_off, ["bytes\n  hint: use an installer's boot ISO"]),
    "without-long-names": (
        _without_rock_ridge, [f"error: has no Rock Ridge extensions, so its long file names are lost\n{HINT}"],
    ),
    "data": (
        _data_iso,
        [
            f"error: has no boot image for BIOS or UEFI\n{HINT}",
            f"error: has no installer: no images/install.img, no LiveOS/squashfs.img, or no kernel for it\n{HINT}",
            "error: has no boot entry with inst.stage2=hd:LABEL=, which locates stage 2 and the add-on",
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", UNREADABLE)
def test_files_that_are_no_boot_iso(store: Path, here: Path, tmp_path: Path, name: str) -> None:
    make, messages = UNREADABLE[name]
    make(tmp_path / "boot.iso")
    result = ksgen("--boot-iso", tmp_path / "boot.iso", "--image", store / "node.img", "-o", here / "node.iso")
    assert result.exit_code == 1
    for message in messages:
        assert message in result.stderr
    assert not list(here.iterdir())


def test_all_that_is_wrong_is_said_at_once(store: Path, here: Path, tmp_path: Path) -> None:
    (tmp_path / "boot.iso").write_text("no ISO")
    wrong = node_images.plain(tmp_path / "node.img", {imgbase.NVR_FILE: None})
    result = ksgen(
        "--boot-iso", tmp_path / "boot.iso", "--image", wrong, "-o", here / "node.iso",
        "--kickstart", kickstart(tmp_path, "nonsense\n"),
    )  # fmt: skip
    assert result.exit_code == 1
    for part in (
        "boot.iso:1:1: error: is not an ISO",
        "node.img:1:1: error: there is no /usr/share",
        "my.ks:1:1: error: ",
    ):
        assert part in result.stderr


def test_image_that_is_the_installer_itself(store: Path, here: Path, tmp_path: Path) -> None:
    installer = tmp_path / "install.img"
    installer.write_bytes(extracted(store / "nine.iso", tmp_path / "all")["images/install.img"])
    result = ksgen("--boot-iso", store / "nine.iso", "--image", installer)
    assert result.exit_code == 1
    assert f"{installer}:1:1: error: the LiveOS image of an installer (stage 2), not a node image" in result.stderr


KICKSTARTS = {
    "wrong-option": (
        KICKSTART.replace("rootpw --lock", "rootpw --luck"), 1,
        "my.ks:2:1: error: command 'rootpw' requires one argument\n",
    ),
    "image-elsewhere": (
        KICKSTART.replace("file:///run/install/repo", "http://pxe.example.com"), 0,
        f"my.ks:1:1: warning: fetches the image from http://pxe.example.com/{IMAGE}, not from the ISO\n"
        f"  hint: liveimg --url=file:///run/install/repo/{IMAGE}\n",
    ),
    "no-image": (
        "\n".join(KICKSTART.split("\n")[1:]), 1,
        "my.ks:1:1: error: has no liveimg command, so it does not install a node image\n"
        f"  hint: liveimg --url=file:///run/install/repo/{IMAGE}\n",
    ),
    "another-image": (
        KICKSTART.replace(IMAGE, f"{IMAGE} --checksum={'0' * 64}"), 1,
        f"my.ks:1:1: error: expects an image with the checksum {'0' * 64}; this one has ",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "status", "message"), KICKSTARTS.values(), ids=KICKSTARTS)
def test_kickstarts(store: Path, here: Path, tmp_path: Path, text: str, status: int, message: str) -> None:
    options = ("--boot-iso", store / "nine.iso", "--image", store / "node.img", "-o", here / "node.iso")
    result = ksgen(*options, "--kickstart", kickstart(tmp_path, text))
    assert (result.exit_code, (here / "node.iso").exists()) == (status, status == 0)
    assert message in result.stderr


def test_kickstart_with_the_right_checksum(store: Path, here: Path, tmp_path: Path) -> None:
    checksum = hashlib.sha256((store / "node.img").read_bytes()).hexdigest().upper()
    given = kickstart(tmp_path, KICKSTART.replace(IMAGE, f"{IMAGE} --checksum={checksum}"))
    made(store / "nine.iso", store, here, "--kickstart", given)


def test_installer_of_another_release(tmp_path: Path, store: Path, here: Path) -> None:
    boot = small_iso.make(tmp_path / "boot.iso", Small(stage2=EL10))
    result = ksgen("--boot-iso", boot, "--image", store / "node.img", "-o", here / "node.iso")
    assert result.exit_code == 0
    assert "warning: is an installer of el10, but the image is of el9: this combination is untested\n" in result.stderr


def test_installer_that_cannot_be_looked_into(tmp_path: Path, store: Path, here: Path) -> None:
    boot = small_iso.make(tmp_path / "boot.iso", Small(files={"images/install.img": b"erofs"}))
    result = ksgen("--boot-iso", boot, "--image", store / "node.img", "-o", here / "node.iso")
    assert result.exit_code == 0
    assert "warning: its stage 2 cannot be read, so it is unknown whether it matches the image\n" in (result.stderr)
    assert efi_dir(here / "node.iso", tmp_path) == "centos"


@pytest.mark.parametrize(("kept", "missing"), [(0, "UEFI"), (1, "BIOS")], ids=["bios-only", "uefi-only"])
def test_one_kind_of_firmware(store: Path, kept: int, missing: str) -> None:
    found = looked_at(store / "nine.iso")
    (told,) = bootiso.check_boot_iso(dataclasses.replace(found, boot_images=found.boot_images[kept : kept + 1]))
    message = f"does not boot on machines with {missing}"
    assert (told.severity, told.code, told.message) == ("warning", "iso-firmware", message)


def test_boot_loader_in_a_place_that_is_not_written_again(store: Path) -> None:
    found = looked_at(store / "ten.iso")
    assert found.efi_image is not None
    hidden = dataclasses.replace(found, efi_image=dataclasses.replace(found.efi_image, partition=None))
    inside, _ = nodeimage.read_node_image(store / "node.img")
    assert inside is not None
    request = planning.Request(hidden, store / "node.img", inside, "0" * 64)
    assert planning.plan(request).findings == ()
    (told,) = planning.plan(dataclasses.replace(request, kickstart=KICKSTART.encode())).findings
    assert (told.severity, told.code, told.message, told.hint) == (
        "error",
        "iso-efi-image",
        "its EFI boot image is in a place that xorriso cannot rewrite",
        "omit --kickstart",
    )


def test_places_that_are_none(store: Path, here: Path, tmp_path: Path) -> None:
    def told(output: Path) -> str:
        result = ksgen("--boot-iso", boot, "--image", store / "node.img", "-o", output)
        assert result.exit_code == 1
        return result.stderr

    boot = store / "nine.iso"
    before = boot.read_bytes()
    assert told(boot) == (
        f"{boot}:1:1: error: is one of the input files\n  hint: specify another file with -o\n"
        "1 error; nothing was written\n"
    )
    assert boot.read_bytes() == before
    assert (
        "error: is not a regular file\n  hint: write the ISO to a file, and the file to the USB stick: docs/iso.md\n"
        in told(here)
    )
    assert "error: is not a regular file\n" in told(Path("/dev/null"))
    assert f"error: directory {here}/none not found\n" in told(here / "none" / "node.iso")
    (here / "linked.iso").symlink_to(boot)
    assert "error: is one of the input files\n" in told(here / "linked.iso")


def test_room_is_looked_at_first(store: Path, here: Path, tmp_path: Path) -> None:
    """An image of a size that no disk has room for, most of it a hole."""
    huge = tmp_path / "huge.img"
    huge.write_bytes((store / "node.img").read_bytes())
    os.truncate(huge, 8 << 40)
    result = ksgen("--boot-iso", store / "nine.iso", "--image", huge, "-o", here / "node.iso")
    assert result.exit_code == 1
    assert re.search(rf"node\.iso:1:1: error: \d+ MiB are required, \d+ MiB are free in {here}\n", result.stderr)


def test_programs_that_are_missing(store: Path, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    boot = store / "nine.iso"
    result = ksgen("--boot-iso", boot, "--image", store / "node.img", "-o", here / "node.iso")
    assert (result.exit_code, result.stderr.splitlines()) == (
        1,
        [
            f"{boot}:1:1: error: mtype is not installed",
            "  hint: install the package mtools",
            f"{boot}:1:1: error: xorriso is not installed",
            "  hint: install the package xorriso",
            "2 errors; nothing was written",
        ],
    )


# --- what is left when it goes wrong ---------------------------------------------------------------------------------

FAKE = """\
#!/bin/sh
# An xorriso that {what}.
for word in "$@"; do case $word in stdio:*/iso) made=${{word#stdio:}} ;; esac; done
{script}
"""


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """Puts a program in the place of xorriso."""

    def put(what: str, script: str) -> None:
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin/xorriso").write_text(FAKE.format(what=what, script=script))
        (tmp_path / "bin/xorriso").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")

    return put


BROKEN = {
    "fails": (
        "echo 'xorriso : SORRY : minor' >&2; echo 'xorriso : FATAL : no space left' >&2; echo half >$made; exit 5",
        "xorriso exited with 5: no space left",
    ),
    "says-nothing": ("exit 1", "xorriso exited with 1: no output"),
    "writes-nothing-of-use": (
        "head -c 100000 /dev/zero >$made",
        "the ISO that xorriso wrote is not as planned: is not an ISO 9660 image",
    ),
    "forgets-the-image": (
        "cp {boot} $made", f"the ISO that xorriso wrote is not as planned: /{IMAGE} is missing or incomplete",
    ),
    "writes-no-file": ("exit 0", "No such file or directory"),
}  # fmt: skip


@pytest.mark.parametrize(("script", "message"), BROKEN.values(), ids=BROKEN)
def test_xorriso_that_does_not_do_it(store: Path, here: Path, fake: object, script: str, message: str) -> None:
    (here / "node.iso").write_text("an older one")
    assert callable(fake)
    fake("does not do it", script.replace("{boot}", str(store / "nine.iso")))
    result = ksgen("--boot-iso", store / "nine.iso", "--image", store / "node.img", "-o", here / "node.iso")
    assert result.exit_code == 1
    assert f"{message}\n" in result.stderr
    assert [(path.name, path.read_text()) for path in here.iterdir()] == [("node.iso", "an older one")]


def test_boot_loader_file_that_does_not_fit(store: Path, here: Path, tmp_path: Path) -> None:
    """The file system for UEFI has no room for one cluster more."""
    boot = tmp_path / "boot.iso"
    # Three entries have the word; the file ends shortly before a cluster of any size does.
    shorter = next(len(c.text) for c in looked_at(store / "nine.iso").configs if c.is_in_efi_image)
    small_iso.make(boot, Small(more="x" * ((4090 - shorter) // 3 - 1) + " "))
    found = looked_at(boot)
    assert found.efi_image is not None
    full = tmp_path / "full"
    full.write_bytes(boot.read_bytes()[found.efi_image.offset :][: found.efi_image.size])
    for size in (1 << 20, 1 << 16, 1 << 12, 1):
        (tmp_path / "filling").write_bytes(bytes(size))
        for number in range(64):
            if bootiso.mtools("mcopy", "-i", str(full), str(tmp_path / "filling"), f"::/{size}-{number}").returncode:
                break
    data = bytearray(boot.read_bytes())
    data[found.efi_image.offset : found.efi_image.offset + found.efi_image.size] = full.read_bytes()
    boot.write_bytes(data)
    result = ksgen(
        "--boot-iso", boot, "--image", store / "node.img", "-o", here / "node.iso", "--kickstart", kickstart(tmp_path)
    )
    assert result.exit_code == 1
    assert "error: cannot write /EFI/BOOT/grub.cfg to the EFI boot image: " in result.stderr
    assert not list(here.iterdir())


@contextlib.contextmanager
def running(store: Path, here: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A run that is at work: its image is large, and is being written."""
    large = tmp_path / "large.img"
    large.write_bytes((store / "node.img").read_bytes())
    os.truncate(large, 300 << 20)
    command = [sys.executable, "-m", "ksgen", "iso", "--boot-iso", store / "nine.iso", "--image", large]
    process = subprocess.Popen([*command, "-o", here / "node.iso"], stderr=subprocess.PIPE, text=True)
    try:
        made = here / ".node.iso.ksgen/iso"
        end = time.monotonic() + 60
        while not (made.exists() and made.stat().st_size > 1 << 20):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < end
            time.sleep(0.02)
        yield process
    finally:
        process.kill()
        process.wait()


def children(pid: int) -> set[int]:
    return {int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
def test_nothing_is_left_of_a_run_that_was_ended(
    store: Path, here: Path, tmp_path: Path, number: signal.Signals
) -> None:
    (here / "node.iso").write_text("an older one")
    with running(store, here, tmp_path) as process:
        started = children(process.pid)
        assert started
        process.send_signal(number)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert told.splitlines() == ["checksum of the image", "writing the ISO"]
    assert [(path.name, path.read_text()) for path in here.iterdir()] == [("node.iso", "an older one")]
    assert not any(Path(f"/proc/{pid}").exists() for pid in started)


def test_next_run_clears_away_what_a_killed_one_left(store: Path, here: Path, tmp_path: Path) -> None:
    with running(store, here, tmp_path) as process:
        (xorriso,) = children(process.pid)
        process.kill()
        process.wait()
        os.kill(xorriso, signal.SIGKILL)
    assert [path.name for path in here.iterdir()] == [".node.iso.ksgen"]
    made(store / "nine.iso", store, here)
    assert [path.name for path in here.iterdir()] == ["node.iso"]


def test_two_runs_for_one_file(store: Path, here: Path) -> None:
    (here / ".node.iso.ksgen").mkdir()
    descriptor = os.open(here / ".node.iso.ksgen", os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    options = ("--boot-iso", store / "nine.iso", "--image", store / "node.img", "-o", here / "node.iso")
    result = ksgen(*options)
    assert result.exit_code == 1
    assert f"{here}/node.iso:1:1: error: another run is writing this file\n" in result.stderr
    assert [path.name for path in here.iterdir()] == [".node.iso.ksgen"]
    os.close(descriptor)
    assert ksgen(*options).exit_code == 0


def test_directory_that_cannot_be_written(store: Path) -> None:
    output = Path("/proc/node.iso")
    result = ksgen("--boot-iso", store / "nine.iso", "--image", store / "node.img", "-o", output)
    assert result.exit_code == 1
    assert result.stderr.startswith("/proc/node.iso:1:1: error: ")
