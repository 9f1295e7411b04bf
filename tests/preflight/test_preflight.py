# SPDX-License-Identifier: GPL-2.0-or-later
"""ksgen preflight before servers, images and trees that are as they should be, and before those that are not."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import boot_servers
import image_servers
import node_images
import pytest
from command import CliRunner
from example_site import CHECKOUT
from image_servers import Site, status
from inventories import inventory_text

from ksgen.cli import main
from ksgen.media import TreeInfo, treeinfo
from ksgen.preflight import webfiles

NAME = "node.squashfs.img"
DISK = '{wwn: "0x5000000000000001", size: 480 GB}'
IMAGE, TREE = f"/images/{NAME}", "/el9"
LONG = 600  # seconds, for what takes one where nothing else runs
TREEINFO = """\
[general]
; WARNING.0 = This section provides compatibility
family = CentOS Stream
version = 9
arch = x86_64
variant = AppStream

[release]
name = CentOS Stream
version = 9

[stage2]
mainimage = images/install.img

[tree]
arch = x86_64
variants = AppStream,BaseOS
"""
DVD = "\n  hint: copy the whole DVD, including hidden files"
NO_COPY = "\n  hint: check a local copy: --image FILE"


@pytest.fixture(scope="module")
def good_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    text = random.Random(0).randbytes(1 << 17).hex()  # so that it does not fit into the piece that is looked at first
    return node_images.plain(tmp_path_factory.mktemp("image") / NAME, {"/usr/share/large": text})


@pytest.fixture
def root(tmp_path: Path, good_image: Path) -> Path:
    """What the web server serves."""
    place = tmp_path / "www"
    (place / "images").mkdir(parents=True)
    shutil.copy(good_image, place / IMAGE[1:])
    image_servers.write_tree(place / "el9", TREEINFO)
    return place


@dataclasses.dataclass(frozen=True)
class Done:
    """What the command did; ports and the test's directory are not in its texts."""

    status: int
    lines: str
    problems: str


def preflight(directory: Path, base: str, *arguments: str | Path, **changes: str) -> Done:
    """For one host whose image and tree are below a URL; `changes` are lines of its inventory."""
    hosts = directory / "hosts.yaml"
    own = {"node_image_url": f"{base}{IMAGE}", "node_tree_url": f"{base}{TREE}/", "node_disk": DISK}
    hosts.write_text(inventory_text(**{**own, **changes}))
    words = ["preflight", str(hosts), *map(str, arguments)]
    done = CliRunner().invoke(main, words, catch_exceptions=False)

    def plain(text: str) -> str:
        return re.sub(r"127\.0\.0\.1:\d+", "SERVER", text.replace(f"{directory}/", ""))

    return Done(done.exit_code, plain(done.stdout), plain(done.stderr))


def trouble(line: int, column: int, what: str, kind: str = "error") -> str:
    return f"hosts.yaml:{line}:{column}: {kind}: node01.example.com: {what}\n"


def of_image(what: str, kind: str = "error") -> str:
    return trouble(5, 23, f"node_image_url: {what}", kind)


def of_tree(what: str, kind: str = "error") -> str:
    return trouble(6, 22, f"node_tree_url: {what}", kind)


def test_good_ones_are_told_in_a_line_each(tmp_path: Path, site: Site) -> None:
    done = preflight(tmp_path, site.url)
    assert done.problems == ""
    size = "0.14 MiB"
    assert done.lines == (
        f"image  http://SERVER{IMAGE}  {size}, {node_images.NVR}, oVirt Node 4.5.7, 1 host\n"
        f"tree   http://SERVER{TREE}/  CentOS Stream 9 x86_64, 1 host\n"
    )
    assert done.status == 0


def test_only_parts_of_an_image_are_fetched(tmp_path: Path, site: Site, root: Path) -> None:
    with open(root / IMAGE[1:], "r+b") as file:
        file.truncate(64 << 20)
    assert preflight(tmp_path, site.url).problems == ""
    asked = [(method, part) for method, path, part in site.asked if path == IMAGE]
    assert asked == [("HEAD", None), ("GET", "bytes=0-4095"), ("GET", "bytes=0-1048575")]


# --- servers ---------------------------------------------------------------------------------------------------------

HTML = "<!DOCTYPE html>\n<html><body>Not here</body></html>"
SERVERS = [
    pytest.param(status(404), of_image("HEAD returned 404 Not Found; Anaconda requires 200 OK"), id="404"),
    pytest.param(status(403), of_image("HEAD returned 403 Forbidden; Anaconda requires 200 OK"), id="403"),
    pytest.param(status(799), of_image("HEAD returned 799; Anaconda requires 200 OK"), id="no-status-of-http"),
    pytest.param(
        status(301, Location="/elsewhere.img"),
        of_image("redirected to 'http://SERVER/elsewhere.img'; Anaconda does not follow redirects")
        + "  hint: node_image_url: http://SERVER/elsewhere.img\n",
        id="301",
    ),
    pytest.param(
        status(302, Location="https://erika:geheim@cdn.example.com/a.img?token=geheim"),
        of_image("redirected to 'https://cdn.example.com/a.img'; Anaconda does not follow redirects"),
        id="302-with-secrets",
    ),
    pytest.param(
        status(302, Location="http://[broken"),
        of_image("HEAD returned 302 Found; Anaconda requires 200 OK"),
        id="302-to-nowhere",
    ),
    pytest.param(
        image_servers.without_length,
        of_image("the server sends no Content-Length; Anaconda would load the whole image into memory")
        + "  hint: serve it as a static file, without compression\n",
        id="no-length",
    ),
    pytest.param(
        image_servers.packing,
        of_image(
            "the server sends no Content-Length (Content-Encoding: gzip); "
            "Anaconda would load the whole image into memory"
        )
        + "  hint: serve it as a static file, without compression\n",
        id="packs-on-the-way",
    ),
    pytest.param(status(200, HTML), of_image("is an HTML page, not a node image"), id="html"),
    pytest.param(
        status(200, "some text"),
        of_image("is not a squashfs image") + "  hint: use the .squashfs.img of a node image\n",
        id="text",
    ),
    pytest.param(
        status(200), of_image("is not a squashfs image") + "  hint: use the .squashfs.img of a node image\n", id="0"
    ),
    pytest.param(
        image_servers.without_ranges,
        of_image("contents not checked: the server does not support Range requests", "warning")
        + "  hint: check a local copy: --image FILE\n",
        id="no-ranges",
    ),
    pytest.param(
        image_servers.short_parts, of_image("the Range request returned 206 Partial Content"), id="short-parts"
    ),
    pytest.param(image_servers.only_head(403), of_image("GET returned 403 Forbidden"), id="head-but-not-get"),
    pytest.param(image_servers.silent, of_image("SERVER did not respond within 5 s"), id="silent"),
    pytest.param(image_servers.trickling, of_image("SERVER did not respond within 5 s"), id="trickling"),
    pytest.param(image_servers.hanging_up, of_image("SERVER closed the connection without a response"), id="hangs-up"),
    pytest.param(
        image_servers.talking_of_something_else,
        of_image("SERVER sent an invalid HTTP response: BadStatusLine"),
        id="not-http",
    ),
]


@pytest.mark.parametrize(("answer", "told"), SERVERS)
def test_server_of_an_image(tmp_path: Path, site: Site, answer: image_servers.Answer, told: str) -> None:
    site.odd[IMAGE] = answer
    done = preflight(tmp_path, site.url, "--timeout", "5" if "within 5 s" in told else "300")
    assert done.problems == told
    assert done.status == (1 if ": error: " in told else 0)


def test_file_that_is_shorter_than_it_says(tmp_path: Path, site: Site, root: Path) -> None:
    data = (root / IMAGE[1:]).read_bytes()
    whole = int.from_bytes(data[40:48], "little")  # bytes_used of the superblock; mksquashfs pads to 4 KiB
    (root / IMAGE[1:]).write_bytes(data[:5000])
    told = of_image(f"is truncated: 5000 of {whole} bytes") + "  hint: use the .squashfs.img of a node image\n"
    assert preflight(tmp_path, site.url).problems == told


def test_page_that_is_served_as_well_as_an_image(tmp_path: Path, site: Site, root: Path) -> None:
    (root / IMAGE[1:]).write_text(HTML)
    assert preflight(tmp_path, site.url).problems == of_image("is an HTML page, not a node image")


def test_nobody_listens(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        done = preflight(tmp_path, f"http://127.0.0.1:{taken.getsockname()[1]}")
    message = "cannot connect to SERVER: Connection refused"
    assert (done.status, done.problems) == (1, of_image(message) + of_tree(message))


def test_name_that_nobody_knows(tmp_path: Path) -> None:
    done = preflight(tmp_path, "http://pxe.invalid")  # RFC 6761: never a name
    assert re.fullmatch(
        "".join(re.escape(of("cannot resolve pxe.invalid: @")) for of in (of_image, of_tree)).replace("@", ".+"),
        done.problems,
    )


def test_proxies_of_the_environment_are_not_asked(tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1/")
    assert preflight(tmp_path, site.url).status == 0


# --- TLS -------------------------------------------------------------------------------------------------------------

UNKNOWN = "\n  hint: --ca FILE for a private CA; the installer must trust it too"
DOES_NOT_HOLD = "SERVER: certificate verification failed: "
CERTIFICATES = [
    pytest.param({}, True, None, id="own-ca"),
    pytest.param(
        {}, False, f"{DOES_NOT_HOLD}unable to get local issuer certificate{UNKNOWN}", id="own-ca-not-known-here"
    ),
    pytest.param(
        {"names": "DNS:pxe.example.com"},
        True,
        f"{DOES_NOT_HOLD}IP address mismatch, certificate is not valid for '127.0.0.1'.",
        id="another-name",
    ),
    pytest.param({"days": -1}, True, f"{DOES_NOT_HOLD}certificate has expired", id="expired"),
]


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return image_servers.authority(tmp_path_factory.mktemp("ca"))


@pytest.mark.parametrize(("options", "is_known", "told"), CERTIFICATES)
def test_certificate(
    tmp_path: Path, root: Path, ca: Path, options: dict[str, object], is_known: bool, told: str | None
) -> None:
    certificate = image_servers.certificate(tmp_path / "server.pem", ca, **options)  # type: ignore[arg-type]
    with image_servers.serving(root, certificate) as site:
        done = preflight(tmp_path, site.url, *(["--ca", ca] if is_known else []))
    assert done.problems == ("" if told is None else of_image(told) + of_tree(told))


def test_plain_http_where_https_is_asked_for(tmp_path: Path, site: Site) -> None:
    message = "SERVER: TLS handshake failed: WRONG_VERSION_NUMBER"
    done = preflight(tmp_path, site.url.replace("http:", "https:"))
    assert done.problems == of_image(message) + of_tree(message)


def test_ca_without_a_certificate(tmp_path: Path, site: Site) -> None:
    (tmp_path / "ca.pem").write_text("none\n")
    done = preflight(tmp_path, site.url, "--ca", tmp_path / "ca.pem")
    assert done.status == 2
    assert done.problems.endswith("Error: Invalid value for --ca: ca.pem: cannot read any certificates\n")


# --- sizes and sums --------------------------------------------------------------------------------------------------

GIB = 1 << 30
SIZES = [
    pytest.param({"node_image_size": "3 GiB"}, 3 * GIB, "", id="as-declared"),
    pytest.param({"node_image_size": "2.3 GiB"}, int(2.21 * GIB), "", id="declared-with-one-decimal"),
    pytest.param({}, 2 * GIB, "", id="not-declared-and-small-enough"),
    pytest.param(
        {},
        3 * GIB,
        of_image("root: 10 GiB is below 4 times the image, 12 GiB, which Anaconda requires")
        + "  hint: node_image_size: 3 GiB; the size of root is derived from it\n",
        id="not-declared-and-too-large",
    ),
    pytest.param(
        {"node_image_size": "2 GiB"},
        3 * GIB,
        trouble(11, 24, "node_image_size: root: 10 GiB is below 4 times the image, 12 GiB, which Anaconda requires")
        + "  hint: node_image_size: 3 GiB; the size of root is derived from it\n",
        id="declared-too-small",
    ),
    pytest.param(
        {"node_root_size": "11 GiB"},
        3 * GIB,
        trouble(11, 23, "node_root_size: root: 11 GiB is below 4 times the image, 12 GiB, which Anaconda requires")
        + "  hint: give it 12 GiB or more, or let the default follow the image\n",
        id="root-of-ones-own",
    ),
    pytest.param(
        {"node_image_size": "4 GiB"},
        2 * GIB,
        trouble(11, 24, "node_image_size: 4 GiB; the image has 2 GiB", "warning") + "  hint: node_image_size: 2 GiB\n",
        id="declared-too-large",
    ),
    pytest.param(
        {"node_image_size": "2 GiB"},
        int(2.4 * GIB),
        trouble(11, 24, "node_image_size: 2 GiB; the image has 2.4 GiB", "warning")
        + "  hint: node_image_size: 2.4 GiB\n",
        id="declared-a-little-too-small",
    ),
]


@pytest.mark.parametrize(("changes", "size", "told"), SIZES)
def test_size(tmp_path: Path, site: Site, root: Path, changes: dict[str, str], size: int, told: str) -> None:
    os.truncate(root / IMAGE[1:], size)
    assert preflight(tmp_path, site.url, **changes).problems == told


def test_local_image_needs_three_times_its_size(tmp_path: Path, site: Site, root: Path) -> None:
    os.truncate(root / IMAGE[1:], int(3.4 * GIB))
    changes = {"node_image_url": f"file://{root}{IMAGE}", "node_root_size": "10 GiB"}
    told = trouble(11, 23, "node_root_size: root: 10 GiB is below 3 times the image, 10.2 GiB, which Anaconda requires")
    done = preflight(tmp_path, site.url, **changes)
    assert done.problems == told + "  hint: give it 10.2 GiB or more, or let the default follow the image\n"


def test_sum_is_compared_on_request(tmp_path: Path, site: Site, root: Path) -> None:
    right = hashlib.sha256((root / IMAGE[1:]).read_bytes()).hexdigest()
    wrong = "0" * 64
    assert preflight(tmp_path, site.url, node_image_sha256=f'"{wrong}"').problems == ""
    assert not any(part is None for method, path, part in site.asked if (method, path) == ("GET", IMAGE))
    done = preflight(tmp_path, site.url, "--download", node_image_sha256=f'"{right}"')
    assert done.problems == ""
    assert f", sha256 {right[:12]}…, " in done.lines
    done = preflight(tmp_path, site.url, "--download", node_image_sha256=f'"{wrong}"')
    told = trouble(11, 26, f"node_image_sha256: the SHA-256 of the image is {right}")
    assert (done.status, done.problems) == (1, told + "  hint: check node_image_url, or correct node_image_sha256\n")


def test_download_that_ends_too_early(tmp_path: Path, site: Site, root: Path) -> None:
    size = (root / IMAGE[1:]).stat().st_size
    site.odd[IMAGE] = image_servers.cutting_off
    done = preflight(tmp_path, site.url, "--download")
    assert done.problems == of_image(f"the download ended after {size // 2} of {size} bytes")
    assert "sha256" not in done.lines


def test_whoever_stops_it_does_not_wait_for_the_download(tmp_path: Path, site: Site) -> None:
    site.odd[IMAGE] = image_servers.endless
    hosts = tmp_path / "hosts.yaml"
    hosts.write_text(inventory_text(node_image_url=f"{site.url}{IMAGE}", node_tree_url=f"{site.url}{TREE}/"))
    command = [sys.executable, "-m", "ksgen", "preflight", str(hosts), "--download"]
    with subprocess.Popen(command, cwd=CHECKOUT, stderr=subprocess.PIPE, text=True) as running:
        try:
            # Only what has begun can be stopped, however long that takes here.
            while ("GET", IMAGE, None) not in site.asked and running.poll() is None:
                time.sleep(0.02)
            running.send_signal(signal.SIGINT)
            _, stderr = running.communicate(timeout=LONG)
        finally:
            running.kill()
    assert (running.returncode, stderr) == (130, "interrupted\n")


# --- copies ----------------------------------------------------------------------------------------------------------


def test_copy_is_looked_into_where_the_server_gives_no_parts(tmp_path: Path, site: Site, good_image: Path) -> None:
    site.odd[IMAGE] = image_servers.without_ranges
    done = preflight(tmp_path, site.url, "--image", good_image, node_image_sha256=f'"{"0" * 64}"')
    right = hashlib.sha256(good_image.read_bytes()).hexdigest()
    told = trouble(11, 26, f"node_image_sha256: the SHA-256 of the image is {right}")
    assert done.problems == told + "  hint: check node_image_url, or correct node_image_sha256\n"
    assert node_images.NVR in done.lines
    assert [method for method, path, _ in site.asked if path == IMAGE] == ["HEAD"]


def test_copy_of_another_size(tmp_path: Path, site: Site, root: Path, good_image: Path) -> None:
    size = good_image.stat().st_size
    os.truncate(root / IMAGE[1:], size + 1)
    done = preflight(tmp_path, site.url, "--image", good_image)
    assert done.problems == of_image(f"the image on the server has {size + 1} bytes, {NAME} has {size}")


def test_copy_of_no_image_of_the_inventory(tmp_path: Path, site: Site, good_image: Path) -> None:
    done = preflight(tmp_path, site.url, "--image", good_image, "--image", tmp_path / "hosts.yaml")
    assert done.status == 2
    assert done.problems.endswith(f"--image: hosts.yaml does not have the name of an image; the images are {NAME}\n")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        pytest.param(
            f"file:///nowhere/{NAME}",
            of_image("not found on this machine; the installer may have it", "warning") + NO_COPY[1:] + "\n",
            id="on-the-medium",
        ),
        pytest.param(
            f"ftp://pxe.example.com/{NAME}",
            of_image("not checked: ksgen does not support ftp, only the installer does", "warning"),
            id="ftp",
        ),
    ],
)
def test_image_that_is_out_of_reach(tmp_path: Path, site: Site, url: str, told: str, good_image: Path) -> None:
    done = preflight(tmp_path, site.url, node_image_url=url)
    assert (done.status, done.problems) == (0, told)
    done = preflight(tmp_path, site.url, "--image", good_image, node_image_url=url)
    assert (done.status, done.problems) == (0, "")
    assert node_images.NVR in done.lines


def test_local_file_that_is_none(tmp_path: Path, site: Site) -> None:
    (tmp_path / "directory.img").mkdir()
    done = preflight(tmp_path, site.url, node_image_url=f"file://{tmp_path}/directory.img")
    assert done.problems == of_image("directory.img: Is a directory")


# --- trees -----------------------------------------------------------------------------------------------------------


def without(*names: str) -> Callable[[Path], None]:
    return lambda tree: [(tree / name).unlink() for name in names] and None


def says(old: str, new: str) -> Callable[[Path], None]:
    def change(tree: Path) -> None:
        assert old in TREEINFO
        (tree / ".treeinfo").write_text(TREEINFO.replace(old, new))

    return change


def stage2_elsewhere(tree: Path) -> None:
    says("images/install.img", "LiveOS/stage2.img")(tree)
    (tree / "LiveOS").mkdir()
    (tree / "images/install.img").rename(tree / "LiveOS/stage2.img")


def stage2_of_a_live_medium(tree: Path) -> None:
    (tree / "LiveOS").mkdir()
    (tree / "images/install.img").rename(tree / "LiveOS/squashfs.img")


TREES = [
    pytest.param(
        without(".treeinfo"),
        of_tree("no valid .treeinfo (404 Not Found); dracut falls back to images/install.img", "warning")
        + DVD[1:]
        + "\n",
        id="no-treeinfo",
    ),
    pytest.param(
        lambda tree: (tree / ".treeinfo").write_text(HTML),
        of_tree("no valid .treeinfo (it cannot be parsed); dracut falls back to images/install.img", "warning")
        + DVD[1:]
        + "\n",
        id="html-for-treeinfo",
    ),
    pytest.param(
        without("images/pxeboot/vmlinuz", "images/pxeboot/initrd.img"),
        "".join(
            of_tree(f"images/pxeboot/{name} is missing (404 Not Found)") + DVD[1:] + "\n"
            for name in ("vmlinuz", "initrd.img")
        ),
        id="no-kernel-and-initrd",
    ),
    pytest.param(
        lambda tree: (tree / "images/pxeboot/vmlinuz").write_text(""),
        of_tree("images/pxeboot/vmlinuz is missing (empty file)") + DVD[1:] + "\n",
        id="empty-kernel",
    ),
    pytest.param(
        without("images/install.img"),
        of_tree("images/install.img, the installer's stage 2, is missing (404 Not Found)") + DVD[1:] + "\n",
        id="no-stage2",
    ),
    pytest.param(stage2_elsewhere, "", id="stage2-where-treeinfo-says"),
    pytest.param(stage2_of_a_live_medium, "", id="stage2-where-dracut-looks-last"),
    pytest.param(
        says("version = 9", "version = 10.0"),
        of_tree("is an install tree of CentOS Stream 10.0 x86_64; node_release is el9"),
        id="another-release",
    ),
    pytest.param(
        says("arch = x86_64", "arch = aarch64"),
        of_image(f"contains the kernel {node_images.KERNEL}; the tree is for aarch64")
        + of_tree("is for aarch64; the boot files are for x86_64"),
        id="another-processor",
    ),
]


@pytest.mark.parametrize(("change", "told"), TREES)
def test_tree(tmp_path: Path, site: Site, root: Path, change: Callable[[Path], None], told: str) -> None:
    change(root / "el9")
    assert preflight(tmp_path, site.url).problems == told


def test_tree_that_is_to_hold_the_add_on(tmp_path: Path, site: Site, root: Path) -> None:
    done = preflight(tmp_path, site.url, node_addon="tree")
    message = "the tree has neither images/updates.img nor images/product.img, so it does not contain the add-on"
    cure = "ksgen image TREE/images/updates.img, or remove node_addon; ignore this if stage 2 contains the add-on"
    assert done.problems == trouble(11, 19, f"node_addon: {message}", "warning") + f"  hint: {cure}\n"
    (root / "el9/images/product.img").write_bytes(b"an image")
    assert preflight(tmp_path, site.url, node_addon="tree").problems == ""


def test_tree_behind_redirects_is_found_as_curl_finds_it(tmp_path: Path, site: Site) -> None:
    for name in (".treeinfo", *image_servers.TREE_FILES):
        site.odd[f"/mirror/{name}"] = status(302, Location=f"{TREE}/{name}")
    assert preflight(tmp_path, site.url, node_tree_url=f"{site.url}/mirror").problems == ""


@pytest.mark.parametrize(
    ("location", "told"),
    [
        pytest.param("/el9/.treeinfo", "more than 10 redirects", id="for-ever"),
        pytest.param(
            "ftp://h.example.com/x", "is redirected to 'ftp://h.example.com/x', which is not http or https", id="ftp"
        ),
    ],
)
def test_tree_behind_redirects_that_lead_nowhere(tmp_path: Path, site: Site, location: str, told: str) -> None:
    site.odd["/el9/.treeinfo"] = status(302, Location=location)
    assert preflight(tmp_path, site.url).problems == of_tree(told)


def test_tree_that_only_the_installer_reaches(tmp_path: Path, site: Site) -> None:
    done = preflight(tmp_path, site.url, node_tree_url="nfs:pxe.example.com:/el9")
    told = of_tree("not checked: ksgen does not support nfs, only the installer does", "warning")
    assert (done.status, done.problems) == (0, told)
    assert done.lines.splitlines()[1] == "tree   nfs:pxe.example.com:/el9  1 host"


TREEINFOS = [
    pytest.param(
        TREEINFO,
        TreeInfo(
            "CentOS Stream",
            "9",
            "x86_64",
            "AppStream",
            "images/install.img",
            (treeinfo.Variant("AppStream", "variant", "."),),
        ),
        id="whole",
    ),
    pytest.param(
        "[general]\nfamily=AlmaLinux\nversion=9.4\narch=x86_64\n",
        TreeInfo("AlmaLinux", "9.4", "x86_64", "", "images/install.img"),
        id="of-old",
    ),
    pytest.param("[general]\nversion = 9\n", None, id="no-processor"),
    pytest.param("version = 9\n", None, id="no-section"),
    pytest.param("[general\nversion = 9\n", None, id="broken-section"),
    pytest.param("", None, id="nothing"),
]


@pytest.mark.parametrize(("text", "found"), TREEINFOS)
def test_treeinfo(text: str, found: TreeInfo | None) -> None:
    assert treeinfo.parse_treeinfo(text) == found


# --- inside ----------------------------------------------------------------------------------------------------------

ALMA = {"/boot/efi/EFI/centos/shimx64.efi": None, "/boot/efi/EFI/almalinux/shimx64.efi": "a boot loader"}
NOT_ALMA = "EFI/ of the image has almalinux; CentOS Stream looks for the boot loader in EFI/centos"
ONLY_WITH_US = "node_efi_dir: almalinux, and remove node_addon: false, as the add-on sets it in Anaconda"
IN_THE_TREE = "create the image in the tree with ksgen image --efi-dir almalinux, and set node_efi_dir: almalinux"
INSIDE: list[object] = [
    pytest.param(ALMA, {}, of_image(NOT_ALMA) + "  hint: node_efi_dir: almalinux\n", id="alma-image-on-centos-tree"),
    pytest.param(ALMA, {"node_efi_dir": "almalinux"}, "", id="alma-image-and-anaconda-is-told"),
    pytest.param(ALMA, {"node_firmware": "bios"}, "", id="alma-image-and-bios"),
    pytest.param(
        ALMA, {"node_addon": "false"}, of_image(NOT_ALMA) + f"  hint: {ONLY_WITH_US}\n", id="alma-image-without-add-on"
    ),
    pytest.param(
        ALMA, {"node_addon": "tree"}, of_image(NOT_ALMA) + f"  hint: {IN_THE_TREE}\n", id="alma-image-add-on-in-tree"
    ),
    pytest.param(
        {},
        {"node_efi_dir": "redhat"},
        trouble(11, 21, "node_efi_dir: EFI/ of the image has centos, not redhat") + "  hint: node_efi_dir: centos\n",
        id="told-wrong",
    ),
    pytest.param(
        {"/usr/lib/os-release": node_images.OS_RELEASE.replace('VERSION_ID="9"', 'VERSION_ID="10.1"')},
        {},
        of_image("is an image of 'oVirt Node 4.5.7'; node_release is el9"),
        id="another-release",
    ),
    pytest.param(
        {f"/boot/vmlinuz-{node_images.KERNEL}": None, "/boot/vmlinuz-5.14.0-503.el9.aarch64+64k": "a kernel"},
        {},
        of_image("contains the kernel 5.14.0-503.el9.aarch64+64k; the tree is for x86_64"),
        id="another-processor",
    ),
]


@pytest.mark.parametrize(("files", "changes", "told"), INSIDE)
def test_inside(
    tmp_path: Path, site: Site, root: Path, files: Mapping[str, str | None], changes: dict[str, str], told: str
) -> None:
    (root / IMAGE[1:]).unlink()
    node_images.plain(root / IMAGE[1:], files)
    (root / "el9/images/product.img").write_text("the add-on, where node_addon is tree")
    assert preflight(tmp_path, site.url, **changes).problems == told


def test_what_makes_no_node_is_told_of_a_remote_image_too(tmp_path: Path, site: Site, root: Path) -> None:
    (root / IMAGE[1:]).unlink()
    node_images.nested(root / IMAGE[1:], {"/etc/lvm/profile/imgbased-pool.profile": None})
    done = preflight(tmp_path, site.url)
    assert re.fullmatch(
        r"hosts.yaml:5:23: error: .*node_image_url: has no /etc/lvm/profile/.*\n  hint: .*\n", done.problems
    )


def test_an_installers_image_is_one_finding(tmp_path: Path, site: Site, root: Path) -> None:
    """Whatever else it lacks, and although it has neither the size nor the release of the right one."""
    (root / IMAGE[1:]).unlink()
    nothing = dict.fromkeys(node_images.FILES)
    os_release = {"/usr/lib/os-release": "VERSION_ID=8.9\nPRETTY_NAME=AlmaLinux\n"}
    node_images.nested(root / IMAGE[1:], {**nothing, **os_release, "/.buildstamp": "[Main]\n"})
    done = preflight(tmp_path, site.url, node_image_size="2.2 GiB")
    assert re.fullmatch(
        r"hosts.yaml:5:23: error: .*node_image_url: the LiveOS image of an installer .*\n  hint: .*\n", done.problems
    )


# --- many hosts ------------------------------------------------------------------------------------------------------


def test_each_is_looked_at_once_and_told_once_for_a_group(tmp_path: Path, site: Site) -> None:
    site.odd["/gone.img"] = status(404)
    lines = [
        "all:",
        "  vars:",
        f"    node_image_url: {site.url}/gone.img",
        f"    node_tree_url: {site.url}{TREE}/",
        "  hosts:",
    ]
    for number in (1, 2, 3, 4):
        own = inventory_text(
            f"node0{number}.example.com",
            node_mac=f'"52:54:00:aa:00:0{number}"',
            node_disk=f'{{wwn: "0x500000000000000{number}"}}',
        ).splitlines()[2:]
        lines += [line for line in own if "_url: http://pxe.example.com/node." not in line and "node_tree" not in line]
    (tmp_path / "hosts.yaml").write_text("\n".join([*lines, ""]))

    def run(*arguments: str) -> tuple[int, str, str]:
        done = CliRunner().invoke(main, ["preflight", str(tmp_path / "hosts.yaml"), *arguments])
        return done.exit_code, done.stdout.replace(site.name, "SERVER"), done.stderr.replace(f"{tmp_path}/", "")

    code, stdout, stderr = run()
    message = "node_image_url: HEAD returned 404 Not Found; Anaconda requires 200 OK"
    assert stderr == (
        f"hosts.yaml:3:21: error: {message} (used by node01.example.com, node02.example.com and 2 more)\n"
    )
    assert (code, stdout) == (
        1,
        f"image  http://SERVER/gone.img  4 hosts\ntree   http://SERVER{TREE}/  CentOS Stream 9 x86_64, 4 hosts\n",
    )
    assert [path for _, path, _ in site.asked].count("/gone.img") == 1
    assert "used by node03.example.com)" in run("--limit", "node03*")[2]
    code, stdout, stderr = run("--json")
    found = json.loads(stdout)
    names = [f"node0{number}.example.com" for number in (1, 2, 3, 4)]
    assert [(p["hosts"], p["line"], p["code"]) for p in found["problems"]] == [(names, 3, "image-status")]
    assert found["trees"][0]["info"]["stage2"] == "images/install.img"
    assert found["images"] == [{"url": "http://SERVER/gone.img", "size": None, "sha256": None, "inside": None}]
    assert (code, stderr) == (1, "")


def test_inventory_with_an_error_is_told_with_the_rest(tmp_path: Path, site: Site) -> None:
    done = preflight(tmp_path, site.url, node_images="0")
    assert done.problems == trouble(11, 20, "node_images: 0 is below the minimum of 1") + "  hint: write 1 or more\n"
    assert (done.status, done.lines) == (1, "")


def test_limit_leaves_the_others_alone(tmp_path: Path, site: Site) -> None:
    own = {"node_image_url": f"{site.url}{IMAGE}", "node_tree_url": f"{site.url}{TREE}/"}
    text = inventory_text(**own) + "    broken.example.com: {node_mac: 5}\n"
    (tmp_path / "hosts.yaml").write_text(text)
    words = ["preflight", str(tmp_path / "hosts.yaml")]
    assert CliRunner().invoke(main, words).exit_code == 1
    done = CliRunner().invoke(main, [*words, "--limit", "node01*"])
    assert (done.exit_code, done.stderr) == (0, "")


SECRET = [
    pytest.param("http://u:geheim@h.example.com:8080/a?b=geheim#c", "http://h.example.com:8080/a", id="all"),
    pytest.param("http://u:12/geheim@h.example.com/a", "http://h.example.com/a", id="password-with-a-slash"),
    pytest.param("http://h.example.com/a", "http://h.example.com/a", id="nothing"),
    pytest.param("nfs:h.example.com:/a", "nfs:h.example.com:/a", id="nfs"),
    pytest.param("file:///a/b", "file:///a/b", id="file"),
]


@pytest.mark.parametrize(("url", "shown"), SECRET)
def test_what_is_shown_of_a_url(url: str, shown: str) -> None:
    assert webfiles.place(url) == shown


# --- nginx -----------------------------------------------------------------------------------------------------------

IN_NAMESPACE = """
set -e
{ip} link set lo up
{nginx} -c {out}/nginx.conf -g 'daemon off;' & server=$!
trap 'kill $server; wait $server' EXIT
for _ in $(seq 200); do
    {python} -c 'import socket; socket.create_connection(("127.0.0.1", 80))' 2>/dev/null && break
    sleep 0.05
done
{python} -m ksgen preflight {hosts} --download --timeout 300
"""


@pytest.fixture
def open_root(root: Path) -> Iterator[Path]:
    """The same where nginx's workers get at it."""
    with tempfile.TemporaryDirectory(prefix="ksgen-") as name:
        place = Path(name)
        place.chmod(0o755)
        yield Path(shutil.copytree(root, place / "www"))


def test_nginx_as_ksgen_configures_it(open_root: Path) -> None:
    """The way of docs/pxe.md: what has been published passes."""
    root, tmp_path = open_root, open_root.parent
    hosts, out = tmp_path / "hosts.yaml", tmp_path / "out"
    total = hashlib.sha256((root / IMAGE[1:]).read_bytes()).hexdigest()
    urls = {"node_image_url": f"http://127.0.0.1{IMAGE}", "node_tree_url": f"http://127.0.0.1{TREE}/"}
    urls |= {"node_server_url": "http://127.0.0.1/nodes/", "node_image_sha256": f'"{total}"'}
    hosts.write_text(inventory_text(**urls))
    (tmp_path / "run").mkdir()
    options = ["--tree", f"el9={root}/el9", "--images", f"{root}/images"]
    assert CliRunner().invoke(main, [str(hosts), "-o", str(out), *options]).exit_code == 0
    script = IN_NAMESPACE.format(
        ip=boot_servers.program("ip"), nginx=boot_servers.program("nginx"), out=out, python=sys.executable, hosts=hosts
    )
    command = [*boot_servers.namespace(), "sh", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, cwd=CHECKOUT, timeout=LONG)
    assert done.stdout.splitlines() == [
        f"image  http://127.0.0.1{IMAGE}  0.14 MiB, {node_images.NVR}, oVirt Node 4.5.7, sha256 {total[:12]}…, 1 host",
        f"tree   http://127.0.0.1{TREE}/  CentOS Stream 9 x86_64, 1 host",
    ], done.stderr
    assert done.returncode == 0
