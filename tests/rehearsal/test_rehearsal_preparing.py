# SPDX-License-Identifier: GPL-2.0-or-later
"""What a rehearsal is made of: an install tree out of a boot ISO, its arguments, a published and armed site."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
import small_iso
from inventories import inventory_text, one_host
from small_iso import Small

from ksgen import netboot
from ksgen.media import BootIso, read_boot_iso
from ksgen.rehearsal import installers, preparing
from ksgen.rehearsal.changes import needed_changes
from ksgen.rehearsal.qemu import Installer

NAME = "node01.example.com"


@pytest.fixture(scope="module", params=["nine", "ten"])
def boot(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> BootIso:
    small = Small(style=request.param, more="panic=-1 inst.text ", kernel=b"the kernel", initrd=b"the initrd")
    found, _ = read_boot_iso(small_iso.make(tmp_path_factory.mktemp("iso") / "boot.iso", small))
    assert found is not None
    return found


def test_a_boot_iso_is_an_install_tree(boot: BootIso, tmp_path: Path) -> None:
    tree = installers.tree_of(boot, "el9", tmp_path)
    assert (tree.directory / "images/pxeboot/vmlinuz").read_bytes() == b"the kernel"
    assert (tree.directory / "images/pxeboot/initrd.img").read_bytes() == b"the initrd"
    assert (tree.directory / "images/install.img").stat().st_size > 0
    # What the site publishes for UEFI; EL has no package of it that ksgen knows.
    assert (tree.directory / "EFI/BOOT/BOOTX64.EFI").stat().st_size > 0
    assert "version = 9" in (tree.directory / ".treeinfo").read_text()
    assert installers.kernel_of(boot, tmp_path).read_bytes() == b"the kernel"


def test_the_installer_has_the_published_arguments_and_those_of_the_iso(boot: BootIso, tmp_path: Path) -> None:
    tree = installers.tree_of(boot, "el9", tmp_path)
    found = installers.installer(tree, ["inst.stage2=http://pxe.example.com/el9/", "inst.ks=http://x/ks", "inst.text"])
    assert found.arguments == f"panic=-1 inst.stage2=hd:LABEL={small_iso.LABEL} inst.ks=http://x/ks inst.text"
    assert found.media == (boot.path,)
    assert found.kernel.name == "vmlinuz"


def test_a_tree_on_disk_is_served_and_started(tmp_path: Path) -> None:
    place = tmp_path / "dvd"
    (place / "images/pxeboot").mkdir(parents=True)
    for name in ("images/pxeboot/vmlinuz", "images/pxeboot/initrd.img", "images/install.img", ".treeinfo"):
        (place / name).write_text("[general]\nversion = 9.4\narch = x86_64\n")
    source, problems = installers.read_install_tree(place)
    assert (installers.release_of(source), problems) == ("el9", ())
    assert installers.kernel_of(source, tmp_path) == place / "images/pxeboot/vmlinuz"
    tree = installers.tree_of(source, "el9", tmp_path)
    # Its packages are there too, unless another user has to read it and cannot: pytest's directories are our own.
    assert tree.directory.is_symlink() == (os.geteuid() != 0 or installers.is_open(place))
    assert (tree.directory / "images/install.img").read_text() == (place / "images/install.img").read_text()
    found = installers.installer(tree, ["inst.stage2=http://pxe.example.com/el9/", "inst.ks=http://x/ks"])
    assert (found.arguments, found.media) == ("inst.stage2=http://pxe.example.com/el9/ inst.ks=http://x/ks", ())


def test_a_closed_file_is_copied_and_stays_closed(tmp_path: Path) -> None:
    closed, opened = tmp_path / "closed", tmp_path / "opened"
    for file, mode in ((closed, 0o600), (opened, 0o644)):
        file.write_text("an image")
        file.chmod(mode)
        installers.link_or_copy(file, tmp_path / f"{file.name}.copy")
    assert [oct((tmp_path / f"{name}.copy").stat().st_mode & 0o777) for name in ("closed", "opened")] == ["0o644"] * 2
    assert oct(closed.stat().st_mode & 0o777) == "0o600"
    assert (tmp_path / "opened.copy").stat().st_ino == opened.stat().st_ino


def test_the_initrd_trusts_the_authority(tmp_path: Path) -> None:
    """After what it has: an archive that the kernel unpacks over it, here unpacked by cpio."""
    (tmp_path / "old").write_bytes(b"12345")
    started = Installer(tmp_path / "vmlinuz", tmp_path / "old", "inst.text", ())
    found = installers.trusting(started, "an authority\n", tmp_path)
    data = found.initrd.read_bytes()
    assert data.startswith(b"12345\0\0\x00070701")
    target = tmp_path / "unpacked"
    target.mkdir()
    subprocess.run(["cpio", "-idu", "--quiet"], input=data[8:], cwd=target, check=True)
    assert (target / "etc/pki/tls/certs/ca-bundle.crt").read_text() == "an authority\n"
    assert (target / "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem").read_text() == "an authority\n"
    assert (started.initrd.read_bytes(), found.arguments) == (b"12345", "inst.text")


@pytest.mark.parametrize(
    ("server", "tree", "is_on_disk", "needed"),
    [
        ("http", "http", True, False),
        ("http", "https", False, False),
        ("http", "https", True, True),
        ("https", "http", False, True),
    ],
)
def test_which_initrd_fetches_by_https(
    tmp_path: Path, boot: BootIso, server: str, tree: str, is_on_disk: bool, needed: bool
) -> None:
    host = one_host(
        tmp_path, node_server_url=f"{server}://pxe.example.com/", node_tree_url=f"{tree}://pxe.example.com/t/"
    )
    source = installers.InstallTree(tmp_path, "el9") if is_on_disk else boot
    assert installers.needs_authority(source, host.settings) == needed


@pytest.mark.parametrize(
    ("server", "image", "message"),
    [
        pytest.param("http://pxe.example.com:8080/", "http://pxe.example.com:8080/a.img", None, id="same"),
        pytest.param("https://pxe.example.com:8443/", "http://pxe.example.com/a.img", None, id="another-scheme"),
        pytest.param(
            "https://pxe.example.com:8443/", "https://pxe.example.com/a.img",
            "is served at port 443, but the web server of a rehearsal has 8443", id="https",
        ),
        pytest.param(
            "http://pxe.example.com/", "http://pxe.example.com:8080/a.img",
            "is served at port 8080, but the web server of a rehearsal has 80", id="http",
        ),
        pytest.param(
            "http://pxe.example.com/", "http://images.example.com/a.img",
            "is served at images.example.com, but a rehearsal has one web server, at pxe.example.com", id="server",
        ),
    ],
)  # fmt: skip
def test_where_images_are_served(tmp_path: Path, server: str, image: str, message: str | None) -> None:
    tree = image.replace("a.img", "tree/")
    host = one_host(tmp_path, node_server_url=server, node_image_url=image, node_tree_url=tree)
    found = [(one.variable, one.message) for one in preparing.url_problems(host)]
    assert found == [(name, message) for name in ("node_image_url", "node_tree_url") if message]


def test_a_site_is_published_and_armed(boot: BootIso, tmp_path: Path) -> None:
    (tmp_path / "hosts.yaml").write_text(inventory_text(NAME))
    host = one_host(tmp_path)
    tree = installers.tree_of(boot, "el9", tmp_path)
    image = tmp_path / "some.img"
    image.write_bytes(b"an image")
    images = preparing.image_directory(host, image, tmp_path)
    assert (images / "node.squashfs.img").read_bytes() == b"an image"
    preparing.published((tmp_path / "hosts.yaml",), NAME, tmp_path, {"el9": tree.directory}, images, None, ())
    token = preparing.armed_token(tmp_path)
    assert token.startswith(f"{NAME}.")
    published = (tmp_path / "out/pxelinux.cfg/01-52-54-00-aa-00-01").read_text()
    assert " ".join(netboot.kernel_arguments(host, token)) in published
    assert "node.squashfs.img" in (tmp_path / "out/nginx.conf").read_text()
    assert preparing.web_configuration(tmp_path, is_root=True) is None
    own = preparing.web_configuration(tmp_path, is_root=False)
    assert own is not None
    assert "\nuser root root;\n" in own.read_text()


def test_what_ksgen_refuses_is_told(boot: BootIso, tmp_path: Path) -> None:
    (tmp_path / "hosts.yaml").write_text(inventory_text(NAME, node_swap_size="much"))
    tree = installers.tree_of(boot, "el9", tmp_path)
    with pytest.raises(preparing.NotPublished, match="'much' is not a size"):
        preparing.published((tmp_path / "hosts.yaml",), NAME, tmp_path, {"el9": tree.directory}, tmp_path, None, ())


_SERVER = """\
import ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
"""


@pytest.mark.parametrize("variable", ["node_image_url", "node_tree_url", "node_server_url"])
def test_certificates_are_for_the_names_of_the_host(tmp_path: Path, variable: str) -> None:
    assert preparing.certificates(one_host(tmp_path), tmp_path) is None
    host = one_host(tmp_path, **{variable: "https://pxe.example.com/node.squashfs.img"}, node_report_pin="ab" * 32)
    tls = preparing.certificates(host, tmp_path)
    assert tls is not None
    shown = subprocess.run(
        ["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", str(tls.certificate)],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert shown.strip().partition("=")[2].replace(":", "").lower() == tls.fingerprint
    changed = {one.variable: one.value for one in needed_changes(host, tls=tls, is_emulated=False)}
    assert changed["node_ca_certificates"] == [tls.authority]
    # The pin of a server that is not asked by HTTPS is of no use.
    assert changed.get("node_report_pin") == (tls.fingerprint if variable == "node_server_url" else None)
    subprocess.run([sys.executable, "-c", _SERVER, tls.certificate, tls.key], check=True)
    ssl.create_default_context(cadata=tls.authority)
    words = [
        "openssl",
        "verify",
        "-x509_strict",
        "-CAfile",
        str(tmp_path / "tls/ca.pem"),
        "-verify_hostname",
        "pxe.example.com",
    ]
    assert subprocess.run([*words, str(tls.certificate)], capture_output=True, check=False).returncode == 0
    words[-1] = "other.example.com"
    assert subprocess.run([*words, str(tls.certificate)], capture_output=True, check=False).returncode != 0
