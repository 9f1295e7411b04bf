# SPDX-License-Identifier: GPL-2.0-or-later
"""The add-on's image: what is in it, that it is always the same, and that others can unpack it."""

from __future__ import annotations

import datetime
import gettext
import gzip
import io
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command import CliRunner
from example_site import CHECKOUT
from hypothesis import given, settings
from hypothesis import strategies as st
from inventories import draw, inventory_text, one_host

from ksgen.addon import File, updates
from ksgen.cli import main
from ksgen.grammar import Grammar
from ksgen.netboot import BootTemplates, arming, site, webserver
from org_ovirt_node import i18n, section
from org_ovirt_node.layout import configuration
from org_ovirt_node.programs import disks
from org_ovirt_node.section import Section

SOURCE = CHECKOUT / "org_ovirt_node"
# What nobody needs in the installer, or finds elsewhere than in the package.
LEFT_OUT = {"data", "po"}
BUS = "org.fedoraproject.Anaconda.Addons.OvirtNode"
ELSEWHERE = {
    f"usr/share/anaconda/dbus/services/{BUS}.service": f"{BUS}.service",
    f"usr/share/anaconda/dbus/confs/{BUS}.conf": f"{BUS}.conf",
    "usr/share/anaconda/post-scripts/85-ovirt-node.ks": "post-scripts/85-ovirt-node.ks",
    "etc/anaconda/conf.d/90-ovirt-node.conf": "conf.d/90-ovirt-node.conf",
}
INTERACTIVE = "usr/share/anaconda/interactive-defaults.ks"


def contents(**options: object) -> dict[str, bytes]:
    return {file.path: file.content for file in updates.addon_files(**options)}  # type: ignore[arg-type]


def package() -> dict[str, bytes]:
    """Every file of the add-on but those left out."""
    found = (path for path in SOURCE.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    parts = {path.relative_to(SOURCE): path.read_bytes() for path in found}
    return {f"usr/share/anaconda/addons/org_ovirt_node/{p}": c for p, c in parts.items() if p.parts[0] not in LEFT_OUT}


def test_holds_the_add_on_and_nothing_else() -> None:
    data = {place: (SOURCE / "data" / name).read_bytes() for place, name in ELSEWHERE.items()}
    found = contents()
    german = found.pop("usr/share/locale/de/LC_MESSAGES/org_ovirt_node.mo")
    assert found == package() | data
    assert gettext.GNUTranslations(io.BytesIO(german)).gettext("Mount point") == "Einhängepunkt"


def test_translations_are_where_gettext_looks_for_them() -> None:
    """The installer's Python is in /usr; GTK's gettext was built for it, too."""
    path = gettext.bindtextdomain("messages").removeprefix(sys.base_prefix)
    assert f"usr{path}/de/LC_MESSAGES/{i18n.DOMAIN}.mo" in contents()


def test_every_data_file_has_a_place() -> None:
    there = {str(path.relative_to(SOURCE / "data")) for path in (SOURCE / "data").rglob("*") if path.is_file()}
    assert there == {*ELSEWHERE.values(), "interactive-defaults.ks"}


def test_is_merged_file_by_file_so_every_name_is_ours() -> None:
    """A tree's own image keeps all of its files: none of ours has the name of one of Anaconda's, or of another's."""
    for path in contents():
        name = path.rpartition("/")[2]
        is_own_directory = path.startswith("usr/share/anaconda/addons/org_ovirt_node/")
        assert is_own_directory or re.search("ovirt[_-]node", name) or "OvirtNode" in name


def test_interactive_adds_one_file_that_anaconda_has_too() -> None:
    more = contents(is_interactive=True)
    assert {path: more[path] for path in more.keys() - contents().keys()} == {
        INTERACTIVE: (SOURCE / "data" / "interactive-defaults.ks").read_bytes()
    }


def test_efi_directory_is_in_the_configuration_alone() -> None:
    usual, other = contents(), contents(efi_dir="almalinux")
    assert {path for path in usual if usual[path] != other[path]} == {updates.CONFIGURATION_PLACE}
    assert other[updates.CONFIGURATION_PLACE].decode() == configuration("almalinux")
    assert usual[updates.CONFIGURATION_PLACE].decode() == configuration()


@pytest.mark.parametrize("release", ["el9", "el10"])
def test_interactive_defaults_are_the_image_and_the_section(release: str) -> None:
    text = contents(is_interactive=True)[INTERACTIVE].decode()
    grammar = Grammar(release)
    assert grammar.read(text) == ()
    assert [command.name for command in grammar.commands] == ["liveimg"]
    assert text.partition("\n\n")[2] == section.text(Section())


def test_section_in_the_document_can_be_read() -> None:
    document = (CHECKOUT / "docs" / "addon.md").read_text()
    (head, body), *more = re.findall(r"^%addon org_ovirt_node (.*)\n((?:(?!%end).*\n)*)%end$", document, re.MULTILINE)
    assert section.parse(head.split(), body.split("\n")).problems == ()
    assert more == []
    described = set(re.findall(r"^\| `(--[a-z-]+|volume|swap|image)", document, re.MULTILINE))
    assert described == {*section._OPTIONS, *section._LINES}


# --- the archive -----------------------------------------------------------------------------------------------------


def test_is_always_the_same(tmp_path: Path) -> None:
    """Other dates, another order in the directory, bytecode, another process."""
    copy = tmp_path / "org_ovirt_node"
    shutil.copytree(SOURCE, copy, copy_function=shutil.copyfile)
    (copy / "__pycache__").mkdir(exist_ok=True)
    (copy / "__pycache__" / "layout.cpython-311.pyc").write_bytes(b"\0")
    code = "import sys; from ksgen import addon; print(addon.ADDON); print(addon.image().hex())"
    search = {"PYTHONPATH": f"{tmp_path}:{CHECKOUT}", "PYTHONHASHSEED": "7", "PATH": "", "TZ": "Asia/Tokyo"}
    done = subprocess.run([sys.executable, "-c", code], env=search, capture_output=True, text=True, cwd="/")
    assert done.stdout == f"{copy}\n{updates.image().hex()}\n", done.stderr


def test_archive_is_as_cpio_describes_it() -> None:
    """cpio(5), "New ASCII Format": each field by hand, once."""
    found = updates.archive([File("a/b", b"12345")])
    field = "{:08X}".format
    directory = [1, 0o040755, 0, 0, 2, 0, 0, 0, 0, 0, 0, 2, 0]
    file = [2, 0o100644, 0, 0, 1, 0, 5, 0, 0, 0, 0, 4, 0]
    trailer = [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 11, 0]
    heads = ["070701" + "".join(map(field, fields)) for fields in (directory, file, trailer)]
    # a head has 110 characters: with its name it ends at a multiple of four
    names = ["a\0", "a/b\0\0\0" + "12345\0\0\0", "TRAILER!!!\0\0\0\0"]
    wanted = "".join(head + name for head, name in zip(heads, names, strict=True)).encode()
    assert found == wanted + bytes(512 - len(wanted))


def test_gzip_has_neither_time_nor_name() -> None:
    found = updates.image()
    assert found[:10] == b"\x1f\x8b\x08" + bytes(6) + b"\xff"
    assert gzip.decompress(found) == updates.archive(updates.addon_files())


PATHS = st.lists(st.text("abz.-_09", min_size=1, max_size=6), min_size=1, max_size=4).map("/".join)


@pytest.mark.parametrize("program", [["cpio"], ["busybox", "cpio"]], ids=["gnu", "busybox"])
@settings(deadline=None, max_examples=50)
@given(names=st.dictionaries(PATHS, st.binary(max_size=600), min_size=1, max_size=8))
def test_others_unpack_what_was_packed(
    tmp_path_factory: pytest.TempPathFactory, program: list[str], names: dict[str, bytes]
) -> None:
    directories = {str(parent) for name in names for parent in Path(name).parents}
    files = [
        File(name, content)
        for name, content in names.items()
        if name not in directories and not {".", ".."} & set(name.split("/"))
    ]
    target = tmp_path_factory.mktemp("unpacked")
    packed = updates.archive(files)
    subprocess.run([*program, "-idm"], input=packed, cwd=target, capture_output=True, check=True)
    found = {str(path.relative_to(target)): path.read_bytes() for path in target.rglob("*") if path.is_file()}
    assert found == {file.path: file.content for file in files}


def test_unpacked_package_works_as_the_installer_finds_it(tmp_path: Path) -> None:
    packed = gzip.decompress(updates.image())
    subprocess.run(["cpio", "-idm", "--quiet"], input=packed, cwd=tmp_path, check=True)
    code = "from org_ovirt_node import layout, section; print(section.__file__, section.Section().layout)"
    addons = tmp_path / "usr/share/anaconda/addons"
    search = {"PYTHONPATH": str(addons), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=search, capture_output=True, text=True, cwd="/")
    assert done.stdout == f"{addons}/org_ovirt_node/section.py standard\n", done.stderr
    modes = {path.stat().st_mode & 0o777 for path in tmp_path.rglob("*") if path.is_file()}
    assert modes == {0o644}


# --- the command -----------------------------------------------------------------------------------------------------


def test_command_writes_the_image(tmp_path: Path) -> None:
    path = tmp_path / "product.img"
    path.write_bytes(b"the one before")
    done = CliRunner().invoke(main, ["image", str(path), "--efi-dir", "redhat", "--interactive"])
    assert (done.exit_code, done.stderr) == (0, f"{path} written\n")
    assert path.read_bytes() == updates.image("redhat", is_interactive=True)
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_command_has_a_name_for_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(main, ["image"]).exit_code == 0
    assert (tmp_path / "ovirt-node-updates.img").read_bytes() == updates.image()


@pytest.mark.parametrize("word", ["../x", "a/b", "", "-almalinux", "a\nb", "él"])
def test_command_refuses_what_is_no_directory(tmp_path: Path, word: str) -> None:
    done = CliRunner().invoke(main, ["image", str(tmp_path / "x.img"), f"--efi-dir={word}"])
    message = f"'--efi-dir': {word!r} is not the name of a directory below EFI/, such as almalinux\n"
    assert done.exit_code == 2
    assert done.stderr.endswith(f"Error: Invalid value for {message}")
    assert list(tmp_path.iterdir()) == []


def test_command_says_when_it_cannot_write(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "x.img"
    done = CliRunner().invoke(main, ["image", str(path)])
    assert (done.exit_code, done.stderr) == (1, f"{path}: No such file or directory; nothing was written\n")


# --- publication -----------------------------------------------------------------------------------------------------

NOW = datetime.datetime(2026, 5, 4, 12, 30, tzinfo=datetime.timezone.utc)
PUBLISHED = [
    pytest.param({}, {"images/ovirt-node-updates.img": None}, "ovirt-node-updates.img", id="true"),
    pytest.param(
        {"node_efi_dir": "redhat"},
        {"images/ovirt-node-updates-redhat.img": "redhat"},
        "ovirt-node-updates-redhat.img",
        id="other-efi-directory",
    ),
    pytest.param({"node_addon": "tree"}, {}, None, id="tree"),
    pytest.param({"node_addon": "false", "node_efi_dir": "redhat"}, {}, None, id="false"),
]


@pytest.mark.parametrize(("changes", "images", "named"), PUBLISHED)
def test_boot_files_name_the_image_that_is_published(
    changes: dict[str, str], images: dict[str, str | None], named: str | None, tmp_path: Path
) -> None:
    hosts = [one_host(tmp_path, **changes)]
    server = webserver.Server(tmp_path / "out", tmp_path / "run", "nginx", "nginx")
    armed = arming.arm((), hosts, NOW + datetime.timedelta(hours=2), NOW, draw)
    made = site.site_files(hosts, armed, server, BootTemplates(), NOW)
    files = {path: text for path, text, _ in made.files}
    assert {path: text for path, text in files.items() if path.startswith("images/")} == {
        path: updates.image(efi_dir) for path, efi_dir in images.items()
    }
    text = str(files["pxelinux.cfg/01-52-54-00-aa-00-01"])
    given = [word for word in text.split() if word.startswith("inst.updates=")]
    assert given == ([f"inst.updates=http://pxe.example.com/nodes/images/{named}"] if named else [])


def test_image_goes_with_every_run_and_away_with_the_last_host_that_wants_it(tmp_path: Path) -> None:
    hosts, out = tmp_path / "hosts.yaml", tmp_path / "out"
    published = out / "images" / "ovirt-node-updates.img"

    def run(*arguments: str, **changes: str) -> None:
        hosts.write_text(inventory_text(**changes))
        assert CliRunner().invoke(main, [str(hosts), "-o", str(out), *arguments]).exit_code == 0

    run("--limit", "node01.example.com")
    assert published.read_bytes() == updates.image()
    assert published.stat().st_mode & 0o777 == 0o644
    run(node_addon="false")
    assert not published.exists()


def test_resolver_looks_for_the_add_on_where_the_image_puts_it() -> None:
    assert f"/{updates.ADDONS_PLACE}/org_ovirt_node" == disks.ADDON
