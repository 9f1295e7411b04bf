# SPDX-License-Identifier: GPL-2.0-or-later
"""Install trees and the metadata of repositories, as they are published and as they must not be."""

from __future__ import annotations

import bz2
import gzip
import lzma
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ksgen import media
from ksgen.media import TreeRepository, Unreadable, repodata, treeinfo, xmlstream
from ksgen.media.xmlstream import CannotUnpack, Unpacked, XmlReader

DATA = Path(__file__).resolve().parents[1] / "data" / "repositories"
BASEOS = DATA / "el9" / "BaseOS" / "repodata"

# --- .treeinfo -------------------------------------------------------------------------------------------------------

HEAD = (
    "[header]\ntype = productmd.treeinfo\nversion = 1.2\n[release]\nname = {name}\nversion = 9\n[tree]\narch = x86_64\n"
)
MIRROR = """\
variants = BaseOS,AppStream
[variant-AppStream]
type = variant
repository = ../../../AppStream/x86_64/os/
[variant-BaseOS]
type = variant
repository = .
"""
DVD = MIRROR.replace("repository = .\n", "repository = BaseOS\n").replace("../../../AppStream/x86_64/os/", "AppStream")
TREES = [
    pytest.param("AlmaLinux", DVD, [("BaseOS", "http://h/t/BaseOS"), ("AppStream", "http://h/t/AppStream")], id="dvd"),
    pytest.param(
        "CentOS Stream",
        MIRROR,
        [("BaseOS", "http://h/9/BaseOS/x86_64/os"), ("AppStream", "http://h/9/AppStream/x86_64/os")],
        id="mirror",
    ),
    pytest.param("AlmaLinux", "", [("", "http://h/t")], id="no-variants"),
    pytest.param(
        "Fedora",
        "variants = Server\n[variant-Server]\ntype = variant\nrepository = .\n",
        [("", "http://h/t")],
        id="the-only-variant-is-the-tree",
    ),
    pytest.param(
        "Oracle-Linux",
        "variants = a,oracle\n[variant-oracle]\ntype = odd\nrepository = o\n[variant-a]\nrepository = a\n",
        [("oracle", "http://h/t/o"), ("a", "http://h/t/a")],
        id="named-as-the-product",
    ),
    pytest.param(
        "AlmaLinux",
        DVD.replace("type = variant\nrepository = AppStream", "type = layered-product\nrepository = AppStream"),
        [("BaseOS", "http://h/t/BaseOS")],
        id="not-enabled",
    ),
    pytest.param(
        "AlmaLinux",
        DVD.replace("= AppStream", "= ../../../x").replace("repository = BaseOS", ""),
        [("BaseOS", None), ("AppStream", None)],
        id="outside-of-the-server",
    ),
]


@pytest.mark.parametrize(("name", "variants", "told"), TREES)
def test_repositories_of_a_tree(name: str, variants: str, told: list[tuple[str, str | None]]) -> None:
    info = treeinfo.parse_treeinfo(HEAD.format(name=name) + variants)
    assert info is not None
    url = "http://h/9/BaseOS/x86_64/os/" if "../../../App" in variants else "http://h/t/"
    assert [(one.name, one.url) for one in treeinfo.tree_repositories(info, url)] == told


def test_tree_without_treeinfo_is_a_repository() -> None:
    assert treeinfo.tree_repositories(None, "http://h/t/") == (TreeRepository("", ".", "http://h/t"),)


def test_treeinfo_from_before_productmd() -> None:
    text = "[general]\nfamily = AlmaLinux\nversion = 9\narch = x86_64\nvariant = AppStream\nrepository = a/repodata\n"
    info = treeinfo.parse_treeinfo(text)
    assert info is not None
    assert info.variants == (treeinfo.Variant("AppStream", "variant", "a"),)


# --- as createrepo_c writes it ----------------------------------------------------------------------------------------


def read_packages(data: bytes, *wanted: str) -> media.Packages:
    reader = media.PackageReader(wanted)
    for begin in range(0, len(data), 7):
        reader.feed(data[begin : begin + 7])
    return reader.close()


def file_of(directory: Path, kind: str) -> bytes:
    (path,) = directory.glob(f"*-{kind}*")
    return path.read_bytes()


def test_repomd_of_createrepo() -> None:
    found = media.parse_repomd((BASEOS / "repomd.xml").read_bytes())
    assert found.primary is not None
    assert found.group is not None
    data = (BASEOS.parent / found.primary.location).read_bytes()
    assert found.primary.size == len(data)
    assert found.primary.checksum is not None
    assert found.primary.checksum[0] == "sha256"
    assert found.primary.location.partition("-")[0].endswith(found.primary.checksum[1])
    groups = media.GroupReader()
    groups.feed((BASEOS.parent / found.group.location).read_bytes())
    names = frozenset(("minimal-environment", "minimal install"))
    assert groups.close() == media.Groups(names, frozenset(("core",)))


WANTED = [
    pytest.param("lldpd", ("lldpd",), False, id="name"),
    pytest.param("lldpd.noarch", ("lldpd",), False, id="arch"),
    pytest.param("lldpd-1.0.18", ("lldpd",), False, id="version"),
    pytest.param("lldpd-1.0.18-4.el9", ("lldpd",), False, id="release"),
    pytest.param("lldpd-1.0.18-4.el9.noarch", ("lldpd",), False, id="all"),
    pytest.param("ntpd", ("chrony",), True, id="provided"),
    pytest.param("lldpd-2", None, False, id="other-version"),
    pytest.param("lldp", None, False, id="no-such"),
]


@pytest.mark.parametrize(("wanted", "names", "is_provided"), WANTED)
def test_package_by_the_names_that_dnf_takes(wanted: str, names: tuple[str, ...] | None, is_provided: bool) -> None:
    found = read_packages(file_of(BASEOS, "primary"), wanted)
    assert found.names == {"bash", "chrony", "lldpd"}
    assert found.found.get(wanted) == names
    assert found.provided == ({wanted} if is_provided else set())
    assert dict(found.releases) == {"el9": 3}


def test_packages_for_another_processor() -> None:
    found = read_packages(file_of(DATA / "arm" / "repodata", "primary"), "site-arm")
    assert (found.names, dict(found.found), found.other_arches) == (set(), {}, {"aarch64"})


METALINK = """\
<?xml version="1.0" encoding="utf-8"?>
<metalink version="3.0" xmlns="http://www.metalinker.org/" xmlns:mm0="http://fedorahosted.org/mirrormanager">
 <files><file name="repomd.xml">
  <verification><hash type="SHA256">AB</hash></verification>
  <mm0:alternates><mm0:alternate>
   <verification><hash type="sha256">cd</hash></verification>
  </mm0:alternate></mm0:alternates>
  <resources>
   <url protocol="rsync" preference="100">rsync://a.example.com/repodata/repomd.xml</url>
   <url protocol="http" preference="90">http://b.example.com/repodata/repomd.xml</url>
   <url protocol="https" preference="99">https://c.example.com/repodata/repomd.xml</url>
  </resources></file>
  <file name="other"><resources><url preference="100">http://d.example.com/other</url></resources></file>
 </files>
</metalink>
"""


def test_metalink() -> None:
    found = media.parse_metalink(METALINK.encode())
    assert found.urls == tuple(f"{server}.example.com/repodata/repomd.xml" for server in ("https://c", "http://b"))
    assert found.checksums == {("sha256", "ab"), ("sha256", "cd")}


# --- as it must not be -----------------------------------------------------------------------------------------------

BOMB = '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><repomd>&b;</repomd>'
OUTSIDE = '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]><repomd>&a;</repomd>'
HOSTILE = [
    pytest.param("", "is empty", id="empty"),
    pytest.param("<html><body>log in</body></html>", "is an HTML page", id="html"),
    pytest.param("<!DOCTYPE html>\n<HTML><br></HTML>", "is an HTML page", id="html-with-a-doctype"),
    pytest.param("not here", "is not valid XML (syntax error: line 1, column 0)", id="text"),
    pytest.param("<feed></feed>", "is XML of feed, not repomd", id="other-xml"),
    pytest.param("<repomd><data type='primary'>", "is truncated (no element found: line 1, column 29)", id="half"),
    pytest.param("<repomd></repomd>", "lists no primary metadata, so it has no packages", id="no-primary"),
    pytest.param(BOMB, "declares entities, which repository metadata does not have", id="entities"),
    pytest.param(OUTSIDE, "declares entities, which repository metadata does not have", id="a-file-as-an-entity"),
    pytest.param("<repomd>" + "<a>" * 100, "has more than 64 elements within each other", id="deep"),
    pytest.param("<repomd>" + " " * (5 << 20), "has more than 4 MiB between two tags", id="silent"),
    pytest.param("<repomd a='" + "x" * (5 << 20), "has more than 4 MiB between two tags", id="one-attribute"),
]


@pytest.mark.parametrize(("text", "told"), HOSTILE)
def test_what_is_not_a_repomd(text: str, told: str) -> None:
    with pytest.raises(Unreadable) as refused:
        media.parse_repomd(text.encode())
    assert str(refused.value) == told


def test_metalink_of_something_else() -> None:
    with pytest.raises(Unreadable, match=r"^names no server with repomd\.xml$"):
        media.parse_metalink(METALINK.replace('"repomd.xml"', '"disk.iso"').encode())


def zstd(data: bytes) -> bytes:
    return subprocess.run(["zstd", "-c"], input=data, capture_output=True, check=True).stdout


PACKERS = [
    pytest.param(lambda data: data, id="plain"),
    pytest.param(gzip.compress, id="gzip"),
    pytest.param(lzma.compress, id="xz"),
    pytest.param(bz2.compress, id="bzip2"),
    pytest.param(zstd, id="zstd"),
    pytest.param(lambda data: gzip.compress(data[:9]) + gzip.compress(data[9:]) + bytes(40), id="gzip-in-parts"),
]
CONTENT = bytes(range(256)) * 1500


def unpacked(data: bytes, step: int) -> bytes:
    pieces: list[bytes] = []
    unpack = Unpacked(pieces.append)
    for begin in range(0, len(data), step):
        unpack.feed(data[begin : begin + step])
    unpack.close()
    return b"".join(pieces)


@pytest.mark.parametrize("step", [1, 1000, 1 << 20])
@pytest.mark.parametrize("packed", PACKERS)
def test_unpacking(packed: Callable[[bytes], bytes], step: int) -> None:
    content = CONTENT[:3000] if step == 1 else CONTENT
    assert unpacked(packed(content), step) == content


@pytest.mark.parametrize("packed", PACKERS[1:5])
def test_unpacking_what_is_truncated_or_changed(packed: Callable[[bytes], bytes]) -> None:
    data = packed(CONTENT)
    with pytest.raises(Unreadable, match="truncated"):
        unpacked(data[: len(data) // 2], 1000)
    with pytest.raises(Unreadable, match="corrupt"):
        unpacked(data[:10] + bytes(range(200)) * 3, 1000)


def test_unpacking_to_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xmlstream, "_UNPACKED_MAX", 1 << 20)
    with pytest.raises(Unreadable, match=r"^unpacks to more than 1 MiB$"):
        Unpacked(len).feed(gzip.compress(bytes(2 << 20)))


def test_zstd_where_nothing_unpacks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(xmlstream, "_zstd_of_python", lambda: None)
    with pytest.raises(CannotUnpack, match=r"^not checked: it is compressed with zstd$"):
        Unpacked(len).feed(b"\x28\xb5\x2f\xfd" + bytes(10))


def test_more_packages_than_a_repository_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repodata, "_PACKAGES_MAX", 2)
    with pytest.raises(Unreadable, match=r"^has more than 2 packages$"):
        read_packages(file_of(BASEOS, "primary"))


def test_text_that_is_kept_has_an_end() -> None:
    texts: list[str] = []
    reader = XmlReader("a", lambda *_: None, lambda _, text: texts.append(text), frozenset("a"))
    reader.feed(b"<a>" + b"x" * 10_000 + b"</a>")
    reader.close()
    assert [len(text) for text in texts] == [4096]
