# SPDX-License-Identifier: GPL-2.0-or-later
"""What a rehearsal is made of: an install tree out of a boot ISO, its arguments, a published and armed site."""

from __future__ import annotations

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
from ksgen.rehearsal import preparing

NAME = "node01.example.com"


@pytest.fixture(scope="module", params=["nine", "ten"])
def boot(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> BootIso:
    small = Small(style=request.param, more="panic=-1 inst.text ", kernel=b"the kernel", initrd=b"the initrd")
    found, _ = read_boot_iso(small_iso.make(tmp_path_factory.mktemp("iso") / "boot.iso", small))
    assert found is not None
    return found


def test_a_boot_iso_is_an_install_tree(boot: BootIso, tmp_path: Path) -> None:
    tree = preparing.tree_of(boot, "el9", tmp_path)
    assert (tree.directory / "images/pxeboot/vmlinuz").read_bytes() == b"the kernel"
    assert (tree.directory / "images/pxeboot/initrd.img").read_bytes() == b"the initrd"
    assert (tree.directory / "images/install.img").stat().st_size > 0
    assert "version = 9" in (tree.directory / ".treeinfo").read_text()
    assert preparing.kernel_of(boot, tmp_path).read_bytes() == b"the kernel"


def test_the_installer_has_the_published_arguments_and_those_of_the_iso(boot: BootIso, tmp_path: Path) -> None:
    tree = preparing.tree_of(boot, "el9", tmp_path)
    found = preparing.installer(tree, ["inst.stage2=http://pxe.example.com/el9/", "inst.ks=http://x/ks", "inst.text"])
    assert found.arguments == f"panic=-1 inst.stage2=hd:LABEL={small_iso.LABEL} inst.ks=http://x/ks inst.text"
    assert found.media == (boot.path,)
    assert found.kernel.name == "vmlinuz"


def test_a_site_is_published_and_armed(boot: BootIso, tmp_path: Path) -> None:
    (tmp_path / "hosts.yaml").write_text(inventory_text(NAME))
    host = one_host(tmp_path)
    tree = preparing.tree_of(boot, "el9", tmp_path)
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
    tree = preparing.tree_of(boot, "el9", tmp_path)
    with pytest.raises(preparing.NotPublished, match="'much' is not a size"):
        preparing.published((tmp_path / "hosts.yaml",), NAME, tmp_path, {"el9": tree.directory}, tmp_path, None, ())


_SERVER = """\
import ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
"""


def test_certificates_are_for_the_names_of_the_host(tmp_path: Path) -> None:
    assert preparing.certificates(one_host(tmp_path), tmp_path) is None
    url = "https://pxe.example.com/node.squashfs.img"
    tls = preparing.certificates(one_host(tmp_path, node_image_url=url), tmp_path)
    assert tls is not None
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
