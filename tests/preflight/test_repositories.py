# SPDX-License-Identifier: GPL-2.0-or-later
"""ksgen preflight before repositories of packages, of install trees and of node_repos.

The metadata is createrepo_c's, recorded by tests/support/record_repositories.py.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import image_servers
import pytest
from command import CliRunner
from image_servers import Site, status
from inventories import inventory_text, one_host, read_text

from ksgen import preflight
from ksgen.cli import main, preflight_run
from ksgen.host import Host

DATA = Path(__file__).resolve().parents[1] / "data" / "repositories"
TREEINFO = """\
[header]
type = productmd.treeinfo
version = 1.2

[release]
name = AlmaLinux
version = 9.4

[stage2]
mainimage = images/install.img

[tree]
arch = x86_64
variants = AppStream,BaseOS

[variant-AppStream]
type = variant
repository = AppStream

[variant-BaseOS]
type = variant
repository = BaseOS
"""
REPOMD = "repodata/repomd.xml"
SYNC = "the copy of the repository is not complete, or being updated: synchronize it again"
ADD = "add the repository that has it to node_repos"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """What the web server serves: a tree, and the repositories beside it."""
    place = tmp_path / "www"
    shutil.copytree(DATA, place)
    image_servers.write_tree(place / "el9", TREEINFO)
    return place


def a_host(directory: Path, site: Site, plain: bool = True, repos: str = "", **changes: str) -> Host:
    """A host without an image, or a node; `repos` are those beside its tree, as `site` or `site includepkgs: [a]`."""
    entries = []
    for number, text in enumerate(filter(None, repos.split("; "))):
        path, _, more = text.partition(" ")
        key = "metalink" if path.startswith("metalink=") else "url"
        path = path.removeprefix("metalink=")
        url = path if "://" in path else f"{site.url}/{path}"
        entries.append(f'{{name: r{number}, {key}: "{url}", gpgcheck: false{", " if more else ""}{more}}}')
    if entries:
        changes["node_repos"] = f"[{', '.join(entries)}]"
    changes.setdefault("node_tree_url", f"{site.url}/el9/")
    if not plain:
        return one_host(directory, **changes)
    lines = inventory_text(node_kind="host", **changes).splitlines(keepends=True)
    hosts, problems = read_text("".join(line for line in lines if "node_image_url" not in line), directory)
    assert not [problem for problem in problems if problem.severity == "error"], problems
    return hosts[0]


def told(site: Site, *hosts: Host, timeout: float = 300) -> list[str]:
    """The problems, with their places and hints, without the image of a node."""
    looks = preflight.look(preflight.Client(timeout), hosts, {}, False, lambda *_: lambda _: None)
    found = [problem for problem in preflight.problems(hosts, looks) if problem.variable != "node_image_url"]
    assert all(re.fullmatch(r"[a-z0-9-]+", problem.code) for problem in found)
    lines = [
        f"{one.variable}: {one.code}: {one.message}" + (f" | {one.hint}" if one.hint else "")
        if one.severity == "error"
        else f"{one.variable}: warning: {one.code}: {one.message}" + (f" | {one.hint}" if one.hint else "")
        for one in found
    ]
    return [line.replace(site.name, "SERVER") for line in lines]


# --- trees -----------------------------------------------------------------------------------------------------------


def test_good_ones_are_read_once(tmp_path: Path, site: Site) -> None:
    host = a_host(tmp_path, site, repos="site", node_packages="[lldpd, nc, site-tools]")
    assert told(site, host, host) == []
    paths = [path for method, path, _ in site.asked if method == "GET" and "primary" in path]
    assert len(paths) == len(set(paths)) == 3


def test_command_shows_each_repository(tmp_path: Path, site: Site, root: Path) -> None:
    a_metalink(root, f"{site.url}/site")
    a_host(tmp_path, site, repos="metalink=metalink", node_packages="[tcpdump]")
    words = ["preflight", str(tmp_path / "hosts.yaml")]
    done = CliRunner().invoke(main, words)
    assert (done.exit_code, done.stdout.replace(site.name, "SERVER").splitlines()) == (
        0,
        [
            "tree   http://SERVER/el9/  AlmaLinux 9.4 x86_64, 1 host",
            "repo   http://SERVER/el9/BaseOS  3 packages",
            "repo   http://SERVER/el9/AppStream  2 packages",
            "repo   http://SERVER/metalink  from http://SERVER/site, 2 packages",
        ],
    )
    (root / "metalink").unlink()
    found = json.loads(CliRunner().invoke(main, [*words, "--json"]).stdout)
    assert [(one["line"], one["code"]) for one in found["problems"] if one["severity"] == "error"] == [
        (12, "repo-status")
    ]
    assert found["repositories"][1:] == [
        {"url": f"{site.url}/el9/AppStream", "base": f"{site.url}/el9/AppStream", "packages": 2, "environments": []},
        {"url": f"{site.url}/metalink", "base": None, "packages": None, "environments": None},
    ]


def test_progress_is_that_of_each_download(tmp_path: Path, site: Site, root: Path) -> None:
    read: dict[str, int] = {}

    def begin(name: str, size: int | None) -> Callable[[int], object]:
        read[f"{name} {size}"] = 0

        def advance(length: int) -> None:
            read[f"{name} {size}"] += length

        return advance

    host = a_host(tmp_path, site, repos="site", node_packages="[lldpd]")
    preflight.look(preflight.Client(300), [host], {}, False, begin)
    assert read[f"site primary.xml.gz {(size := primary_of(root).stat().st_size)}"] == size
    assert {name.rpartition(" ")[0] for name in read} == {
        "site primary.xml.gz",
        "el9/AppStream primary.xml.gz",
        "el9/BaseOS primary.xml.gz",
        "el9/BaseOS comps.xml",
    }


def test_progress_of_a_name_with_brackets(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tree names its repositories, and rich reads brackets as its markup."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    with preflight_run._progress() as progress:
        progress("x[/y] primary.xml.gz", 10)(10)


def test_nothing_is_downloaded_that_nobody_wants(tmp_path: Path, site: Site) -> None:
    assert told(site, a_host(tmp_path, site, plain=False, repos="site")) == []
    asked = [(method, path.rpartition("-")[2]) for method, path, _ in site.asked if path.startswith("/site")]
    assert asked == [("GET", "/site/repodata/repomd.xml"), ("HEAD", "primary.xml.gz")]
    assert not [path for _, path, _ in site.asked if path.startswith("/el9/") and "repodata" in path]


BOOT_ONLY = (
    "copy the whole DVD, including hidden files: a boot ISO has only the installer; "
    "or write the URL of BaseOS/x86_64/os on a mirror"
)
TREES = [
    pytest.param(
        lambda tree: shutil.rmtree(tree / "BaseOS"),
        [
            "node_tree_url: tree-packages: the tree has no packages, and a plain host is installed from them: "
            f"{REPOMD} is missing (404 Not Found) | {BOOT_ONLY}"
        ],
        id="boot-only",
    ),
    pytest.param(
        lambda tree: shutil.rmtree(tree / "AppStream"),
        [
            "node_tree_url: tree-repository: AppStream, a repository of the tree: "
            f"{REPOMD} is missing (404 Not Found) | copy AppStream to where .treeinfo of the tree says: AppStream"
        ],
        id="no-appstream",
    ),
    pytest.param(
        lambda tree: (tree / ".treeinfo").write_text(TREEINFO.replace("variants = AppStream,", "variants = ")),
        [
            "node_tree_url: warning: tree-repository: .treeinfo names no AppStream, and neither does node_repos"
            " | use the whole DVD, or add AppStream to node_repos"
        ],
        id="appstream-is-not-named",
    ),
    pytest.param(
        lambda tree: (tree / ".treeinfo").write_text(TREEINFO.replace("= AppStream\n", "= ../../../x\n")),
        [
            "node_tree_url: tree-repository: AppStream, a repository of the tree: "
            ".treeinfo gives no path on the server of the tree | correct .treeinfo"
        ],
        id="appstream-outside-of-the-server",
    ),
    pytest.param(
        lambda tree: (tree / ".treeinfo").write_text(TREEINFO.replace("repository = AppStream\n", "")),
        [
            "node_tree_url: tree-repository: AppStream, a repository of the tree: "
            ".treeinfo gives no path on the server of the tree | correct .treeinfo"
        ],
        id="appstream-without-a-path",
    ),
    pytest.param(
        lambda tree: shutil.copy(tree / "AppStream" / REPOMD, tree / "BaseOS" / REPOMD),
        [
            "node_tree_url: repo-status: BaseOS, a repository of the tree: primary.xml.gz is missing (404 Not Found)"
            f" | {SYNC}",
            "node_tree_url: package-environment: no repository of the host has the environment @^minimal-environment, "
            "which its %packages requires | the copy of BaseOS has no group metadata (comps): "
            "copy its repodata as it is, or createrepo_c --groupfile",
        ],
        id="another-repomd",
    ),
]


@pytest.mark.parametrize(("change", "wanted"), TREES)
def test_tree(tmp_path: Path, site: Site, root: Path, change: Callable[[Path], None], wanted: list[str]) -> None:
    change(root / "el9")
    found = told(site, a_host(tmp_path, site))
    assert [line.replace("tree-repository: BaseOS", "repo-status: BaseOS") for line in found] == wanted


def test_tree_of_a_plain_host_needs_no_add_on(tmp_path: Path, site: Site) -> None:
    """node_addon of a group has an effect on its nodes alone."""
    assert told(site, a_host(tmp_path, site, node_addon="tree")) == []
    (line,) = told(site, a_host(tmp_path, site, plain=False, node_addon="tree"))
    assert line.startswith("node_addon: warning: tree-file: ")


def test_tree_that_is_a_repository_itself(tmp_path: Path, site: Site, root: Path) -> None:
    """As BaseOS/x86_64/os of a mirror: AppStream is elsewhere on the same server."""
    text = TREEINFO.replace("= BaseOS\n", "= .\n").replace("repository = AppStream", "repository = ../el9/AppStream")
    shutil.copytree(root / "el9" / "BaseOS", root / "os")
    shutil.copytree(root / "el9" / "images", root / "os" / "images")
    (root / "os" / ".treeinfo").write_text(text)
    assert told(site, a_host(tmp_path, site, node_tree_url=f"{site.url}/os", node_packages="[tcpdump]")) == []


def test_tree_that_cannot_be_reached_is_one_problem(tmp_path: Path, site: Site) -> None:
    host = a_host(tmp_path, site, node_tree_url="http://127.0.0.1:1/el9/")
    message = "node_tree_url: server-unreachable: cannot connect to 127.0.0.1:1: Connection refused"
    assert told(site, host) == [message]
    host = a_host(tmp_path, site, node_tree_url="nfs:pxe.example.com:/el9")
    message = "not-looked-at: not checked: ksgen does not support nfs, only the installer does"
    assert told(site, host) == [f"node_tree_url: warning: {message}"]


# --- servers ---------------------------------------------------------------------------------------------------------

HTML = "<!DOCTYPE html>\n<html><body>Log in</body></html>"
SERVERS = [
    pytest.param(status(404), f"repo-status: {REPOMD} is missing (404 Not Found)", id="404"),
    pytest.param(status(500), f"repo-status: {REPOMD} is missing (500 Internal Server Error)", id="500"),
    pytest.param(status(200, HTML), f"repo-metadata: {REPOMD} is an HTML page", id="login-page"),
    pytest.param(status(302, Location="/login"), f"repo-metadata: {REPOMD} is an HTML page", id="to-a-login-page"),
    pytest.param(status(302, Location=f"/el8/{REPOMD}"), "repo-status: primary.xml.gz is missing", id="to-another"),
    pytest.param(status(200, "<feed/>"), f"repo-metadata: {REPOMD} is XML of feed, not repomd", id="other-xml"),
    pytest.param(status(200), f"repo-metadata: {REPOMD} is empty", id="empty"),
    pytest.param(image_servers.silent, "server-unreachable: SERVER did not respond within 5 s", id="silent"),
    pytest.param(
        image_servers.hanging_up, "server-answer: SERVER closed the connection without a response", id="hangs-up"
    ),
]


@pytest.mark.parametrize(("answer", "wanted"), SERVERS)
def test_server_of_a_repository(tmp_path: Path, site: Site, answer: image_servers.Answer, wanted: str) -> None:
    site.odd |= {f"/site/{REPOMD}": answer, "/login": status(200, HTML)}
    (line,) = told(site, a_host(tmp_path, site, plain=False, repos="site"), timeout=5 if "5 s" in wanted else 300)
    assert line.startswith(f"node_repos[0].url: {wanted}")


def primary_of(root: Path, name: str = "site") -> Path:
    (path,) = (root / name / "repodata").glob("*-primary*")
    return path


def a_change(root: Path, change: Callable[[bytes], bytes], corrected: tuple[str, ...] = ()) -> None:
    """Changes primary.xml; of `corrected` (size, checksum) repomd.xml has what it is afterwards."""
    path, repomd = primary_of(root), root / "site" / REPOMD
    old, text = path.read_bytes(), repomd.read_text()
    new = change(old)
    path.write_bytes(new)
    if "size" in corrected:
        text = text.replace(f"<size>{len(old)}</size>", f"<size>{len(new)}</size>", 1)
    if "checksum" in corrected:
        sums = [hashlib.sha256(data).hexdigest() for data in (old, new)]
        text = text.replace(f">{sums[0]}<", f">{sums[1]}<", 1)
    repomd.write_text(text)


DAMAGE = [
    pytest.param(
        lambda data: data[:-9], (), r"primary\.xml\.gz has \d+ bytes, and repodata/repomd\.xml lists \d+", id="size"
    ),
    pytest.param(
        lambda data: data[:4] + b"time" + data[8:],
        (),
        r"primary\.xml\.gz does not have the sha256 checksum that repodata/repomd\.xml lists",
        id="checksum",
    ),
    pytest.param(lambda data: data[:-20], ("size", "checksum"), r"primary\.xml\.gz is truncated", id="truncated"),
    pytest.param(
        lambda data: HTML.encode(), ("size", "checksum"), r"primary\.xml\.gz is an HTML page", id="login-page"
    ),
    pytest.param(
        lambda data: data[:40] + bytes(range(99)),
        ("size", "checksum"),
        r"primary\.xml\.gz is corrupt: it cannot be unpacked",
        id="corrupt",
    ),
]


@pytest.mark.parametrize(("change", "corrected", "wanted"), DAMAGE)
def test_metadata_that_is_not_whole(
    tmp_path: Path,
    site: Site,
    root: Path,
    change: Callable[[bytes], bytes],
    corrected: tuple[str, ...],
    wanted: str,
) -> None:
    a_change(root, change, corrected)
    (line,) = told(site, a_host(tmp_path, site, plain=False, repos="site", node_packages="[site-tools]"))
    assert re.fullmatch(rf"node_repos\[0\]\.url: repo-metadata: {wanted} \| {SYNC}", line)


def test_download_that_ends_too_early(tmp_path: Path, site: Site, root: Path) -> None:
    site.odd[f"/site/repodata/{primary_of(root).name}"] = image_servers.cutting_off
    (line,) = told(site, a_host(tmp_path, site, plain=False, repos="site", node_packages="[site-tools]"))
    assert re.search(r"repo-metadata: the download of primary\.xml\.gz ended after \d+ bytes$", line)


OUT_OF_REACH = [
    pytest.param("file:///mnt/site", "ksgen does not support file, only the installer does", id="file"),
    pytest.param("http://h.example.com/$stream", "the URL has variables of dnf that ksgen does not know", id="stream"),
    pytest.param(
        "https://h.example.com/ proxy: 'https://p.example.com'",
        "ksgen does not support https through a proxy of https",
        id="proxy",
    ),
]


@pytest.mark.parametrize(("repo", "wanted"), OUT_OF_REACH)
def test_repository_that_is_out_of_reach(tmp_path: Path, site: Site, repo: str, wanted: str) -> None:
    found = told(site, a_host(tmp_path, site, plain=False, repos=repo, node_packages="[a]"))
    assert found == [f"node_repos[0].url: warning: not-looked-at: not checked: {wanted}"]


def test_variables_of_dnf(tmp_path: Path, site: Site, root: Path) -> None:
    """A plain host has the version of its tree (Anaconda), a node the number of its release."""
    (root / "r").mkdir()
    for version in ("9.4", "9"):
        shutil.copytree(root / "site", root / "r" / version / "x86_64")
    for plain, version in ((True, "9.4"), (False, "9")):
        assert told(site, a_host(tmp_path, site, plain, "r/$releasever/${basearch}")) == []
        assert f"/r/{version}/x86_64/{REPOMD}" in [path for _, path, _ in site.asked]


# --- packages --------------------------------------------------------------------------------------------------------

PACKAGES = [
    pytest.param(
        "lldpb",
        "",
        ["node_packages[0]: package-not-found: no repository of the host has the package 'lldpb'; Anaconda stops at it"
         " | did you mean 'lldpd'?"],
        id="slip",
    ),
    pytest.param(
        "zabbix-agent",
        "",
        ["node_packages[0]: package-not-found: no repository of the host has the package 'zabbix-agent'; "
         f"Anaconda stops at it | {ADD}"],
        id="unknown",
    ),
    pytest.param("nc", "", [], id="provided"),
    pytest.param("site-tools-1.2", "site", [], id="version"),
    pytest.param(
        "site-tools",
        "site excludepkgs: ['site-*']",
        ["node_packages[0]: package-not-found: r0 has 'site-tools', and its includepkgs or excludepkgs hide it"
         " | correct these patterns in node_repos"],
        id="excluded",
    ),
    pytest.param("site-tools", "site includepkgs: ['site-*']", [], id="included"),
    pytest.param('"@core"', "", [], id="group"),
    pytest.param('"@minimal-environment"', "", [], id="environment-as-a-group"),
    pytest.param(
        '"@^core"',
        "",
        ["node_packages[0]: package-not-found: no repository of the host has the group '@^core'; Anaconda stops at it"],
        id="group-as-an-environment",
    ),
    pytest.param(
        '"@cor"',
        "",
        ["node_packages[0]: package-not-found: no repository of the host has the group '@cor'; Anaconda stops at it"
         " | did you mean '@core'?"],
        id="group-slip",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("package", "repos", "wanted"), PACKAGES)
def test_packages_of_a_plain_host(tmp_path: Path, site: Site, package: str, repos: str, wanted: list[str]) -> None:
    assert told(site, a_host(tmp_path, site, repos=repos, node_packages=f"[{package}]")) == wanted


def test_packages_of_a_node_are_those_of_its_repositories(tmp_path: Path, site: Site) -> None:
    """Repositories of its image are disabled, and what the image has needs none."""
    changes = {"node_packages": "[tcpdump, site-anything]", "node_drivers": "[{package: kmod-sit, modules: [site]}]"}
    so = "so the image must have it"
    assert told(site, a_host(tmp_path, site, plain=False, repos="site", **changes)) == [
        f"node_packages[0]: warning: package-not-found: no repository of node_repos has the package 'tcpdump', {so}"
        f" | {ADD}",
        "node_packages[1]: package-not-found: 'site-anything' is not a package, but something that site-tools provides"
        " | write 'site-tools'",
        "node_drivers[0].package: warning: package-not-found: no repository of node_repos has the package 'kmod-sit', "
        f"{so} | did you mean 'kmod-site'?",
    ]


def test_packages_are_not_judged_by_half_of_the_repositories(tmp_path: Path, site: Site) -> None:
    (line,) = told(site, a_host(tmp_path, site, repos="site; nowhere", node_packages="[unknown]"))
    assert line == f"node_repos[1].url: repo-status: {REPOMD} is missing (404 Not Found)"


def test_repositories_of_another_kind(tmp_path: Path, site: Site) -> None:
    found = told(site, a_host(tmp_path, site, plain=False, repos="arm; el8; site", node_packages="[site-tools]"))
    assert found == [
        "node_repos[0].url: repo-arch: has packages for aarch64, not for x86_64",
        "node_repos[1].url: warning: repo-release: has packages of el8, and node_release is el9",
    ]


# --- metalinks and proxies -------------------------------------------------------------------------------------------

METALINK = """\
<metalink xmlns="http://www.metalinker.org/"><files><file name="repomd.xml">
<verification><hash type="sha256">{checksum}</hash></verification>
<resources>{urls}</resources></file></files></metalink>
"""


def a_metalink(root: Path, *urls: str, checksum: str | None = None) -> None:
    found = checksum or hashlib.sha256((root / "site" / REPOMD).read_bytes()).hexdigest()
    lines = "".join(f'<url preference="{90 - index}">{url}/{REPOMD}</url>' for index, url in enumerate(urls))
    (root / "metalink").write_text(METALINK.format(checksum=found, urls=lines))


def test_metalink_whose_first_server_is_gone(tmp_path: Path, site: Site, root: Path) -> None:
    a_metalink(root, f"{site.url}/gone", f"{site.url}/el8", f"{site.url}/site")
    host = a_host(tmp_path, site, plain=False, repos="metalink=metalink?repo=site", node_packages="[site-tools]")
    assert told(site, host) == []


METALINKS = [
    pytest.param(
        ["{}/gone"], None, f"repo-status: SERVER, of the metalink: {REPOMD} is missing (404 Not Found)", id="gone"
    ),
    pytest.param(
        ["{}/site"],
        "0" * 64,
        f"repo-metadata: SERVER, of the metalink: {REPOMD} does not have the checksum of the metalink"
        " | the mirror is not up to date; try again later",
        id="old",
    ),
    pytest.param([], None, "repo-metadata: the metalink names no server with repomd.xml", id="none"),
]  # fmt: skip


@pytest.mark.parametrize(("urls", "checksum", "wanted"), METALINKS)
def test_metalink(tmp_path: Path, site: Site, root: Path, urls: list[str], checksum: str | None, wanted: str) -> None:
    a_metalink(root, *(url.format(site.url) for url in urls), checksum=checksum)
    found = told(site, a_host(tmp_path, site, plain=False, repos="metalink=metalink"))
    assert found == [f"node_repos[0].metalink: {wanted}"]


def test_metalink_that_is_a_page(tmp_path: Path, site: Site) -> None:
    site.odd["/metalink"] = status(200, HTML)
    found = told(site, a_host(tmp_path, site, plain=False, repos="metalink=metalink"))
    assert found == ["node_repos[0].metalink: repo-metadata: the metalink is an HTML page"]


def forwarding(request: image_servers.Request) -> None:
    """A proxy: the whole URL in the request line, and who asks."""
    wanted = "Basic " + base64.b64encode(b"erika:p@ss").decode()
    if request.headers.get("Proxy-Authorization") != wanted:
        return request.say(407)
    request.path = urlsplit(request.path).path
    request.serve()


def test_repository_behind_a_proxy(tmp_path: Path, site: Site, root: Path) -> None:
    for path in root.rglob("site/repodata/*"):
        site.odd[f"/{path.relative_to(root)}"] = forwarding
    proxy = f"{{url: 'http://erika:p%40ss@{site.name}', no_proxy: [127.0.0.1]}}"
    changes = {"node_proxy": proxy, "node_packages": "[site-tools]"}
    host = a_host(tmp_path, site, plain=False, repos="http://repo.example.com/site", **changes)
    assert told(site, host) == []
    assert all(path.startswith("http://repo.example.com/") for _, path, _ in site.asked if "site" in path)


def test_proxy_that_refuses_a_tunnel(tmp_path: Path, site: Site) -> None:
    repos = f"https://repo.example.com/site proxy: '{site.url}'"
    (line,) = told(site, a_host(tmp_path, site, plain=False, repos=repos))
    assert line.startswith(
        "node_repos[0].url: server-unreachable: cannot connect to repo.example.com through the proxy SERVER: "
    )
