# SPDX-License-Identifier: GPL-2.0-or-later
"""What the pages of a host and of an attempt show: layouts, logs with search, and kickstarts."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from inventories import PASSWORD_HASH
from server_site import TOKENS, Served, bearer, event, report
from starlette.testclient import TestClient

from ksgen.server import texts
from ksgen.server.drawing import drawing
from ksgen.server.made import made
from org_ovirt_node.layout import Request, plan
from org_ovirt_node.presentation import View, bars

GIB = 1024**3
ATTEMPT = "/board/attempts/1"


@pytest.fixture
def page(client: TestClient, served: Served) -> TestClient:
    client.post("/board/login", data={"token": served.token})
    return client


def send_log(client: TestClient, name: str, content: str) -> None:
    answer = client.put(f"/report/logs/{name}", headers=bearer(TOKENS["node01"]), content=content.encode())
    assert answer.status_code == 204


# --- logs ---


def test_search_finds_lines_with_all_words(page: TestClient) -> None:
    lines = [f"line {number}" for number in range(1, 21)]
    lines[9] = "ERR the Disk is <gone>"
    send_log(page, "anaconda.log", "\n".join(lines))
    send_log(page, "storage.log", "nothing here\n")
    text = page.get(f"{ATTEMPT}/logs", params={"words": "disk err"}).text
    assert re.findall(r"<mark>(.*?)</mark>", text) == ["ERR the Disk is &lt;gone&gt;"]
    assert re.findall(r'<li value="(\d+)">', text) == ["8", "9", "10", "11", "12"]
    assert "anaconda.log: 1 line<" in text
    assert 'id="log-2"' not in text
    assert "No line of a log has these words." in page.get(f"{ATTEMPT}/logs", params={"words": "absent"}).text
    assert "No line" in page.get(f"{ATTEMPT}/logs", params={"words": "disk", "log": "storage.log"}).text


def test_end_of_a_long_log_is_shown(page: TestClient) -> None:
    send_log(page, "anaconda.log", "\n".join(map(str, range(1, texts.LINES_MOST + 11))))
    text = page.get(f"{ATTEMPT}/logs", params={"log": "anaconda.log"}).text
    assert "10 lines before these are not shown" in text
    assert re.findall(r'<li value="(\d+)">', text)[0] == "11"


@pytest.mark.parametrize("path", ["logs", "kickstart"])
def test_attempt_needs_a_login_and_has_to_exist(path: str, client: TestClient, served: Served) -> None:
    assert client.get(f"{ATTEMPT}/{path}").url.path == "/board/login"
    assert client.get("/api/attempts/1/kickstart").status_code == 401
    client.post("/board/login", data={"token": served.token})
    assert client.get(f"/board/attempts/99/{path}").status_code == 404


# --- kickstarts ---


def test_kickstart_is_the_one_that_the_host_was_armed_with(page: TestClient, served: Served) -> None:
    file = served.tree / "ks" / "node01.ks"
    armed = file.read_text()
    assert "What it would get now" not in page.get(f"{ATTEMPT}/kickstart").text
    file.write_text(f"{armed}lang de_DE.UTF-8\n")
    text = page.get(f"{ATTEMPT}/kickstart").text
    assert "+lang de_DE.UTF-8" in text
    assert page.get("/api/attempts/1/kickstart").text == armed


def test_kickstart_is_kept_without_secrets(served: Served) -> None:
    file = served.tree / "ks" / "node01.ks"
    file.write_text(f"rootpw --iscrypted {PASSWORD_HASH}\nautopart --encrypted --passphrase=hunter2\n")
    with TestClient(served.application) as client:
        kept = client.get("/api/attempts/1/kickstart", headers=bearer(served.token)).text
        assert kept.startswith("rootpw --iscrypted (a password hash)\n")
        assert "hunter2" not in kept
        file.write_text(file.read_text().replace("hunter2", "hunter3"))
        client.post("/board/login", data={"token": served.token})
        assert "differs only in secrets" in client.get(f"{ATTEMPT}/kickstart").text


def test_kickstart_goes_with_its_attempt(served: Served) -> None:
    with TestClient(served.application):
        kept = served.site.fingerprint("node01")
        assert kept is not None
        assert served.store.kickstart(kept) is not None
        (served.tree / "ks" / "node01.ks").write_text("other\n")
        served.store.keep_kickstart("0" * 64, b"unused")
        served.store.prune(served.clock.now, 1)
        assert served.store.kickstart(kept) is not None
        assert served.store.kickstart("0" * 64) is None


# --- layouts ---

# As lsblk says it of a node of the layout minimal with one disk; the pool's parts are devices of their own.
_POOL = ["dm-0", "dm-1"]
LAYOUT = [
    ("vda", "vda", "disk", 100 * GIB, None, None, []),
    ("vda1", "vda1", "part", GIB, "vfat", "/boot/efi", ["vda"]),
    ("vda2", "vda2", "part", 2 * GIB, "xfs", "/boot", ["vda"]),
    ("vda3", "vda3", "part", 96 * GIB, "LVM2_member", None, ["vda"]),
    ("dm-0", "onn-pool00_tmeta", "lvm", GIB, None, None, ["vda3"]),
    ("dm-1", "onn-pool00_tdata", "lvm", 70 * GIB, None, None, ["vda3"]),
    ("dm-2", "onn-pool00-tpool", "lvm", 70 * GIB, None, None, _POOL),
    ("dm-3", "onn-pool00", "lvm", 70 * GIB, None, None, ["dm-2"]),
    ("dm-4", "onn-ovirt--node--ng--4.5.6--0.1+1", "lvm", 40 * GIB, "xfs", "/", ["dm-2"]),
    ("dm-5", "onn-var", "lvm", 15 * GIB, "xfs", "/var", ["dm-2"]),
    ("dm-6", "onn-swap", "lvm", 4 * GIB, "swap", "[SWAP]", ["vda3"]),
]
COLUMNS = ("kname", "name", "type", "size", "fstype", "mountpoint", "parents")
FACTS = {"layout": [dict(zip(COLUMNS, one, strict=True)) for one in LAYOUT]}


def test_layout_as_made_has_the_volumes_of_the_node() -> None:
    disk, group, pool = bars(made(FACTS), str)
    assert [(one.label, one.size // GIB) for one in disk.segments] == [
        ("/boot/efi", 1), ("/boot", 2), ("volume group", 96), ("free", 1),
    ]  # fmt: skip
    assert (group.title, group.size) == ("onn", 96 * GIB)
    assert [(one.label, one.role) for one in group.segments] == [
        ("thin pool", "pool"),
        ("[SWAP]", "swap"),
        ("free", "free"),
    ]
    assert [(one.label, one.size // GIB) for one in pool.segments] == [("/", 40), ("/var", 15), ("for images", 15)]


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"layout": "text"},
        {"layout": [1]},
        {"layout": [{"kname": "sda"}]},
        {"layout": [{**FACTS["layout"][0], "size": None}]},
    ],
)
def test_unreadable_facts_are_no_layout(facts: dict[str, object]) -> None:
    assert drawing(made(facts)) == ""


def test_drawing_is_xml_with_words() -> None:
    planned = View(plan(Request("standard", disks=(300 * GIB,))).devices)
    tree = ElementTree.fromstring(drawing(planned))
    assert tree.get("role") == "img"
    assert "/var/log/audit" in tree.get("aria-label", "")
    assert {group.get("class") for group in tree.iter("g")} >= {"boot", "group", "pool", "root", "volume", "swap"}
    for rect in tree.iter("rect"):
        assert 0 <= float(rect.get("x", "")) + float(rect.get("width", "")) <= 860


def test_names_of_machines_cannot_leave_the_drawing() -> None:
    facts = {"layout": [{**one, "mountpoint": one["mountpoint"] and '"><script>'} for one in FACTS["layout"]]}
    drawn = drawing(made(facts))
    assert "<script>" not in drawn
    assert "&gt;&lt;script&gt;" in drawn


def test_page_shows_what_was_made(page: TestClient) -> None:
    sent = event(1, "up", step="first boot", facts=FACTS)
    assert page.post("/report", headers=bearer(TOKENS["node01"]), json=report(sent)).status_code == 200
    text = page.get("/board/hosts/node01").text
    assert "Layout as made" in text
    assert '<svg class="layout"' in text
