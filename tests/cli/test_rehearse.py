# SPDX-License-Identifier: GPL-2.0-or-later
"""`ksgen rehearse` up to the start of a machine: shapes, and everything that is in the way. The lab does the rest."""

from __future__ import annotations

import json
from pathlib import Path

import node_images
import pytest
import small_iso
from click.shell_completion import ShellComplete
from click.testing import CliRunner
from inventories import inventory_text

from ksgen.cli import main
from ksgen.cli.rehearsal_media import chosen
from ksgen.cli.rehearsal_run import PROGRAMS
from ksgen.rehearsal import InstallTree, programs

EXAMPLES = Path(__file__).parents[2] / "examples" / "hosts.yaml"
NAME = "node01.example.com"


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A boot ISO without a kernel that runs, and an image."""
    directory = tmp_path_factory.mktemp("media")
    boot = small_iso.make(directory / "boot.iso")
    image = node_images.plain(directory / "node.squashfs.img")
    return ["--boot-iso", str(boot), "--image", str(image)]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return tmp_path / "hosts.yaml"


# What depends on the machine that the tests run on.
FREE_MEMORY, FREE_SPACE = " MiB of memory are free here; ", " GB are free; a rehearsal writes "


def refused(
    site: Path, media: list[str], *more: str, left_out: tuple[str, ...] = (FREE_MEMORY, FREE_SPACE), **variables: str
) -> list[str]:
    """The problems of a host that cannot be rehearsed: the lines that say what, without those with these words."""
    site.write_text(inventory_text(NAME, **variables))
    done = CliRunner().invoke(main, ["rehearse", str(site), NAME, *media, *more])
    assert done.exit_code == 1, done.output
    assert done.stderr.rstrip().endswith("nothing was rehearsed"), done.stderr
    found = [line.partition(": error: ")[2] for line in done.stderr.splitlines() if ": error: " in line]
    return [problem for problem in found if not any(words in problem for words in left_out)]


def test_the_shapes_of_the_example_site() -> None:
    done = CliRunner().invoke(main, ["rehearse", str(EXAMPLES), "rack_b", "--shapes"])
    assert done.exit_code == 0
    assert done.stdout.splitlines()[1:] == ["node03.b.example.com", "node07.b.example.com", "node14.b.example.com"]
    assert done.stdout.startswith("node01.b.example.com for 10 others: node02.b.example.com, node04.b.example.com, ")


def test_the_shapes_as_json() -> None:
    hosts = ["node0[13].c*", "host03.d*"]
    done = CliRunner().invoke(main, ["rehearse", str(EXAMPLES), *hosts, "--shapes", "--json"])
    (shape,) = json.loads(done.stdout)["shapes"]
    assert shape == {"rehearsed": "node01.c.example.com", "hosts": ["node01.c.example.com", "node03.c.example.com"]}
    assert done.stderr == "note: host03.d.example.com: plain hosts are not rehearsed\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param([str(EXAMPLES)], "name a HOST to rehearse, or add --shapes for one of each shape", id="no-host"),
        pytest.param(
            [str(EXAMPLES), "node01.a*", "node01.b*"],
            "no installer of el9, for node01.a.example.com: add --boot-iso FILE or --tree el9=DIR\n"
            "no installer of el10, for node01.b.example.com: add --boot-iso FILE or --tree el10=DIR\n"
            "no image, for node01.a.example.com, node01.b.example.com: add --image FILE or --images DIR\n",
            id="no-media",
        ),
        pytest.param(
            [str(EXAMPLES), "node01.a*", "--image", __file__, "--images", "."],
            "--image and --images exclude each other",
            id="image-images",
        ),
        pytest.param(
            [str(EXAMPLES), "all", "--tree", "."], "'.' is not RELEASE=DIR, with el9 or el10", id="tree-without-release"
        ),
        pytest.param(
            [str(EXAMPLES), "all", "--boot-iso", "el9=missing.iso"], "File 'missing.iso' does not exist", id="no-iso"
        ),
        pytest.param(
            [str(EXAMPLES), "host03.d*", "--shapes", "--tree", "el9=."], "none of these hosts is a node", id="plain"
        ),
        pytest.param(
            [str(EXAMPLES), "all", "--keep", "--json"], "--keep and --json exclude each other", id="keep-json"
        ),
        pytest.param(["-", "all"], "a rehearsal reads the inventory several times: name a file", id="stdin"),
        pytest.param([str(EXAMPLES), "unknown"], "no host or group named 'unknown'", id="unknown"),
    ],
)
def test_wrong_usage(arguments: list[str], message: str) -> None:
    done = CliRunner().invoke(main, ["rehearse", *arguments], input="")
    assert done.exit_code == 2
    assert message in done.stderr


def test_what_is_no_iso_and_no_image(site: Path, tmp_path: Path) -> None:
    junk = tmp_path / "junk"
    junk.write_bytes(bytes(2**20))
    problems = refused(site, ["--boot-iso", str(junk), "--image", str(junk)])
    assert problems == ["is not an ISO 9660 image", "is not a squashfs image"]


def test_what_a_rehearsal_does_not_have(site: Path, media: list[str]) -> None:
    problems = refused(
        site, media,
        node_disk='{path: "pci-0000:3b:00.0-scsi-0:2:0:0", size: 128 GB}',
        node_network="[{name: ens1f0, ipv4: dhcp}]",
        node_image_url="https://images.example.com/node.squashfs.img",
        node_server_url="https://pxe.example.com/nodes/",
    )  # fmt: skip
    assert problems == [
        "node01.example.com: node_disk: QEMU has no disk at /dev/disk/by-path/pci-0000:3b:00.0-scsi-0:2:0:0; it has "
        "those at pci-0000:00:1f.2-ata-1 to -6",
        "node01.example.com: node_network: QEMU has no NIC that is called ens1f0; it has eno1 to eno255",
        "node01.example.com: node_image_url: is served at images.example.com, but a rehearsal has one web server, at "
        "pxe.example.com",
    ]


def test_an_installer_for_each_release(media: list[str], tmp_path: Path, site: Path) -> None:
    """One that says its release is for no other; one that was named for another is refused."""
    site.write_text(inventory_text(NAME, node_release="el10"))
    done = CliRunner().invoke(main, ["rehearse", str(site), NAME, *media])
    assert done.exit_code == 2
    assert (
        "Error: no installer of el10, for node01.example.com: add --boot-iso FILE or --tree el10=DIR\n" in done.stderr
    )
    tree = install_tree(tmp_path / "tree", "9.4")
    done = CliRunner().invoke(main, ["rehearse", str(site), NAME, *media, "--tree", f"el9={tree}"])
    assert done.exit_code == 2
    assert f"Error: el9 has two installers: {media[1]} and {tree}\n" in done.stderr
    assert "no installer of el10" in done.stderr
    tree = install_tree(tmp_path / "tree", "10.1")
    (tree / "images/install.img").unlink()
    named = ["--boot-iso", f"el10={media[1]}", *media[2:], "--tree", f"el9={tree}"]
    assert set(refused(site, named, node_release="el10")) == {
        "is an installer of el9; it was given for el10",
        "not found in the install tree",
        "is an installer of el10; it was given for el9",
        f"node01.example.com: node_release: is of el10; the image {media[3]} is of el9",
    }


def test_an_installer_that_does_not_say_its_release() -> None:
    """It is for the releases that have none; two of them are not."""
    nine, unknown = InstallTree(Path("nine"), "el9"), InstallTree(Path("unknown"), None)
    assert chosen([(None, nine), (None, unknown)]) == ({"el9": nine, "el10": unknown}, [])
    assert chosen([("el10", unknown)]) == ({"el10": unknown}, [])
    text = "one and two do not say their release: write el9=FILE or el10=FILE"
    assert chosen([(None, InstallTree(Path("one"), "el11")), (None, InstallTree(Path("two"), None))])[1] == [text]


def test_an_image_for_each_host(media: list[str], tmp_path: Path, site: Path) -> None:
    """--images has them by the names in the URLs, decoded as a web server does."""
    images = tmp_path / "images"
    images.mkdir()
    with_images = [*media[:2], "--images", str(images)]
    url = "http://pxe.example.com/el9/a%20node.img"
    assert refused(site, with_images, node_image_url=url) == [
        f"node01.example.com: node_image_url: {images} has no file a node.img"
    ]
    (images / "a node.img").hardlink_to(media[3])
    (problem,) = refused(site, with_images, node_image_url=url, node_image_sha256="ab" * 32)
    assert problem.endswith("; abababababab… is required")
    tree = ["--tree", f"el10={install_tree(tmp_path / 'tree', '10.1')}", "--images", str(images)]
    assert refused(site, tree, node_image_url=url, node_release="el10") == [
        f"node01.example.com: node_release: is of el10; the image {images / 'a node.img'} is of el9"
    ]


def install_tree(place: Path, version: str) -> Path:
    """The files of an install tree, as far as an installer fetches them."""
    for name in ("vmlinuz", "initrd.img"):
        (place / "images/pxeboot").mkdir(parents=True, exist_ok=True)
        (place / "images/pxeboot" / name).write_bytes(name.encode())
    (place / "images/install.img").write_bytes(b"stage 2")
    (place / ".treeinfo").write_text(f"[general]\nfamily = AlmaLinux\nversion = {version}\narch = x86_64\n")
    return place


def test_what_needs_more_memory(site: Path, media: list[str]) -> None:
    """The variable is named, and how it is overridden: --memory is of no use."""
    (problem,) = refused(site, media, left_out=(FREE_SPACE,), node_hugepages="{1G: 4000}")
    assert f"{FREE_MEMORY}the machine needs {4000 * 1024 + 9216} MiB, and this one keeps 512 MiB" in problem
    assert problem.startswith("node01.example.com: node_hugepages: ")
    (problem,) = refused(site, media, "--memory", "4096", node_hugepages="{1G: 4}")
    assert problem == "node01.example.com: node_hugepages: --memory is 4096 MiB; 13312 MiB are required"


@pytest.mark.parametrize(
    ("option", "word", "found"),
    [
        ("--tree", "", [("el9=", "plain"), ("el10=", "plain")]),
        ("--tree", "el1", [("el10=", "plain")]),
        ("--tree", "el9=/s", [("el9=/s", "dir")]),
        ("--boot-iso", "el9", [("el9=", "plain"), ("el9", "file")]),
    ],
)
def test_completion(option: str, word: str, found: list[tuple[str, str]]) -> None:
    complete = ShellComplete(main, {}, "ksgen", "_KSGEN_COMPLETE")
    items = complete.get_completions(["rehearse", "hosts.yaml", option], word)
    assert [(item.value, item.type) for item in items] == found


def test_an_error_of_the_inventory_is_told_first(site: Path, media: list[str]) -> None:
    (problem,) = refused(site, media, node_swap_size="much")
    assert problem == "node01.example.com: node_swap_size: 'much' is not a size"


def test_every_program_has_its_package() -> None:
    assert set(PROGRAMS) <= set(programs.PACKAGES)
