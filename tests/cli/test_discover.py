# SPDX-License-Identifier: GPL-2.0-or-later
"""`ksgen discover` and `ksgen discovered`: what is published for how long, and what is shown of machines."""

from __future__ import annotations

import datetime
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from command import CliRunner
from live_server import live
from machine_facts import facts

from ksgen import netboot
from ksgen.cli import discovering, main
from ksgen.server import Member, Settings, Site, add_login, application, read_logins
from ksgen.store import Store, open_database
from org_ovirt_node.facts.record import read
from org_ovirt_node.facts.sighting import Sighting, to_json

MAC, OTHER = "52:54:00:cc:00:01", "52:54:00:cc:00:02"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO0FOwvlHiYaWpE3V4GJwp8vfuIuTjLENYDyVB95s+tI ops@example.com"
EMPTY = f"""\
all:
  vars:
    node_release: el9
    node_server_url: http://192.0.2.1/nodes/
    node_image_url: http://192.0.2.1/node.squashfs.img
    node_tree_url: http://192.0.2.1/el9/
    node_installer_args: [console=ttyS0]
    node_ssh_keys: ["{KEY}"]
  children:
    rack_a:
    rack_b:
"""
HOST = """\
      hosts:
        node01.example.com:
          node_mac: "52:54:00:aa:00:01"
          node_disk: {wwn: "0x5000c500a1b2c3d4", size: 480 GB}
          node_network:
            - {name: bond0, bond: {members: ["52:54:00:aa:00:01", "52:54:00:aa:00:02"]}, ipv4: dhcp}
"""
FULL = EMPTY.replace("    rack_a:\n", f"    rack_a:\n{HOST}")
TREE = ("--tree", "el9=el9")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in (".treeinfo", "images/install.img", "images/pxeboot/vmlinuz", "images/pxeboot/initrd.img"):
        (tmp_path / "el9" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "el9" / name).write_bytes(bytes(512))
    (tmp_path / "hosts.yaml").write_text(EMPTY)
    return tmp_path


def ksgen(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(main, list(words))
    assert not done.exception or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout, done.stderr


def discover(*words: str) -> tuple[int, str, str]:
    return ksgen("discover", "hosts.yaml", "--no-wait", *words)


def text(name: str) -> str:
    return Path("out", name).read_text()


def token() -> str:
    (found,) = Path("out/armed").glob("_discovery.*")
    return found.name


def test_empty_rack(place: Path) -> None:
    """An inventory without a host: all that machines need is published, and nothing of a host."""
    status, out, err = discover(*TREE, "--for", "90m")
    assert (status, out) == (0, ""), err
    assert err.startswith("machines of no host are discovered until ")
    assert err.endswith("`ksgen discover hosts.yaml -o out --end` ends it before\n")
    query = f"?armed={token()}"
    arguments = (
        f"inst.stage2=http://192.0.2.1/el9/ inst.ks=http://192.0.2.1/nodes/discovery/discovery.ks{query} ip=dhcp "
        "inst.nosave=all_ks rd.md=0 rd.lvm=0 rd.dm=0 rd.auto=0 raid=noautodetect md_mod.start_ro=1 console=ttyS0"
    )
    kernel = f"http://192.0.2.1/nodes/boot/el9/vmlinuz{query}"
    assert f"  KERNEL {kernel}\n" in text("pxelinux.cfg/default")
    assert f"  APPEND {arguments}\n  IPAPPEND 2\n" in text("pxelinux.cfg/default")
    assert f"kernel {kernel} initrd=initrd.img {arguments} BOOTIF=01-${{netX/mac:hexhyp}} || goto local\n" in text(
        "boot.ipxe"
    )
    assert f"linux '(http,192.0.2.1)/nodes/boot/el9/vmlinuz{query}' " in text("grub/grub.cfg")
    for name in ("nginx.conf", "grub/local.cfg", "boot/el9/vmlinuz", "server.json"):
        assert Path("out", name).exists()
    assert not Path("out/ks").exists()
    state = netboot.stored_discovery(Path("out"))
    assert state is not None
    assert state.until - state.given == datetime.timedelta(minutes=90)
    # The permission is no secret, the token of the reports is.
    for name in ("discovery.json", "discovery/discovery.ks"):
        assert Path("out", name).stat().st_mode & 0o777 == 0o640
    assert state.report not in "".join(text(f"{name}") for name in ("boot.ipxe", "grub/grub.cfg", "manifest.json"))


def test_end_leaves_nothing(place: Path) -> None:
    (place / "hosts.yaml").write_text(FULL)
    assert ksgen("hosts.yaml", *TREE)[0] == 0
    before = files()
    assert discover()[0] == 0
    assert files() != before
    assert ksgen("discover", "hosts.yaml", "--end") == (0, "", "the discovery has ended\n")
    assert files() == before
    assert ksgen("discover", "hosts.yaml", "--end") == (0, "", "no discovery is running in out\n")


def files() -> dict[str, str]:
    """All published files, without the list of them."""
    found = [path for path in Path("out").rglob("*") if path.is_file() and ".ksgen" not in path.parts]
    return {str(path): path.read_text("latin-1") for path in found if path.name != "manifest.json"}


def test_hosts_are_not_touched(place: Path) -> None:
    """Their boot files stay; a NIC that they do not boot from boots the disk, too."""
    (place / "hosts.yaml").write_text(FULL)
    assert ksgen("hosts.yaml", *TREE)[0] == 0
    before = files()
    assert discover()[0] == 0
    own = [name for name in before if "52-54-00-aa-00-01" in name or "/ks/" in name]
    assert len(own) == 4
    assert {name: files()[name] for name in own} == {name: before[name] for name in own}
    other = "out/pxelinux.cfg/01-52-54-00-aa-00-02"
    assert "DEFAULT localdisk" in files()[other]
    assert '"52:54:00:aa:00:01",\n  "52:54:00:aa:00:02"' in text("discovery/discovery.ks")


def test_discovery_goes_on_while_others_publish(place: Path) -> None:
    """A run for the whole site, one for a host, and arming; a host that was adopted has its own boot files."""
    assert discover(*TREE)[0] == 0
    kernel = token()
    state = netboot.stored_discovery(Path("out"))
    assert state is not None
    # It was seen before it was adopted, and booted its disk.
    assert discovering._remember(Path("out"), state, {"52:54:00:aa:00:01", MAC}, None)
    assert "it is known" in text("pxelinux.cfg/01-52-54-00-aa-00-01")
    (place / "hosts.yaml").write_text(FULL)
    assert ksgen("hosts.yaml")[0] == 0
    assert ksgen("arm", "hosts.yaml", "node01.example.com", "--yes")[0] == 0
    assert ksgen("hosts.yaml")[0] == 0
    assert token() == kernel
    assert f"vmlinuz?armed={kernel}" in text("pxelinux.cfg/default")
    assert "armed=node01.example.com." in text("pxelinux.cfg/01-52-54-00-aa-00-01")
    assert "it is known" in text(f"pxelinux.cfg/01-{MAC.replace(':', '-')}")
    assert ksgen("discover", "hosts.yaml", "--end")[0] == 0
    assert "armed=node01.example.com." in text("pxelinux.cfg/01-52-54-00-aa-00-01")
    assert "DEFAULT localdisk" in text("pxelinux.cfg/default")


def pass_time() -> None:
    """The discovery is that of an earlier day."""
    state = json.loads(text("discovery.json"))
    before, after = token(), f"_discovery.1777897800.1777919400.{state['secret']}"
    state |= {"given": "2026-05-04T12:30:00Z", "until": "2026-05-04T18:30:00Z"}
    generation = Path("out/.ksgen/current").resolve()
    (generation / "discovery.json").write_text(json.dumps(state))
    (generation / "armed" / before).rename(generation / "armed" / after)


def test_discovery_that_is_over_is_not_published_again(place: Path) -> None:
    (place / "hosts.yaml").write_text(FULL)
    assert discover(*TREE)[0] == 0
    pass_time()
    assert ksgen("hosts.yaml")[0] == 0
    assert "DEFAULT localdisk" in text("pxelinux.cfg/default")


def tidy(*names: str) -> tuple[int, str]:
    """What ksgen-tidy.service runs, and what it says."""
    status, out, err = ksgen("disarm", "hosts.yaml", *(names or ("all",)), "--ended")
    assert out == ""
    return status, err


@pytest.mark.parametrize("inventory", [FULL, EMPTY], ids=["hosts", "empty-rack"])
def test_discovery_that_is_over_is_removed(inventory: str, place: Path) -> None:
    """One that is running is not."""
    (place / "hosts.yaml").write_text(inventory)
    assert discover(*TREE)[0] == 0
    state = netboot.stored_discovery(Path("out"))
    assert state is not None
    assert discovering._remember(Path("out"), state, {MAC}, None)
    running = files()
    assert tidy() == (0, "")
    assert files() == running
    pass_time()
    over = files()
    dry = ksgen("disarm", "hosts.yaml", "all", "--ended", "--dry-run")
    assert (dry[0], files()) == (1, over)
    status, said = tidy()
    assert status == 0
    assert re.fullmatch(r"the discovery disarmed; \d+ files updated, \d+ removed in out\n", said)
    after = files()
    assert not [name for name in after if "armed" in name or "discovery" in name or MAC.replace(":", "-") in name]
    assert not [name for name, words in after.items() if "armed=" in words and name != "out/nginx.conf"]
    assert tidy() == (0, "")
    assert ksgen("discover", "hosts.yaml", "--end") == (0, "", "no discovery is running in out\n")
    assert discover()[0] == 0


def test_discovery_that_was_disarmed_is_removed(place: Path) -> None:
    (place / "hosts.yaml").write_text(FULL)
    assert ksgen("hosts.yaml", *TREE)[0] == 0
    before = files()
    assert discover()[0] == 0
    assert ksgen("disarm", "hosts.yaml", "all")[0] == 0
    status, said = tidy()
    assert (status, said.startswith("the discovery disarmed; ")) == (0, True), said
    assert files() == before


def test_discovery_stays_where_hosts_are_meant(place: Path) -> None:
    (place / "hosts.yaml").write_text(FULL)
    assert discover(*TREE)[0] == 0
    pass_time()
    over = files()
    assert tidy("node01.example.com")[0] == 0
    assert files() == over


def test_discovery_that_cannot_be_read_is_not_removed(place: Path) -> None:
    (place / "hosts.yaml").write_text(FULL)
    assert discover(*TREE)[0] == 0
    Path("out/discovery.json").resolve().write_text("{")
    broken = files()
    assert tidy() == (
        0, "out/discovery.json: warning: is not JSON; `ksgen discover hosts.yaml --end` ends it\n"
    )  # fmt: skip
    assert files() == broken
    assert ksgen("discover", "hosts.yaml", "--end") == (0, "", "the discovery has ended\n")


def test_discovery_ends_whatever_the_templates_of_the_site_do(place: Path) -> None:
    (place / "hosts.yaml").write_text(FULL)
    own = place / "own" / "netboot"
    own.mkdir(parents=True)
    (own / "ipxe.j2").write_text("#!ipxe\n# of the site\nexit\n")
    assert ksgen("hosts.yaml", *TREE, "--templates", "own")[0] == 0
    assert discover()[0] == 0
    (own / "ipxe.j2").write_text("{% if %}")
    pass_time()
    assert tidy()[0] == 0
    assert not Path("out/discovery.json").exists()


def test_disarming_everything_ends_it(place: Path) -> None:
    """`ksgen disarm HOSTS all` is for emergencies: the web server refuses everything from then on."""
    (place / "hosts.yaml").write_text(FULL)
    assert discover(*TREE)[0] == 0
    status, _, err = ksgen("disarm", "hosts.yaml", "all")
    assert (status, list(Path("out/armed").iterdir())) == (0, []), err
    assert err.startswith("the discovery disarmed; ")
    assert ksgen("hosts.yaml")[0] == 0
    assert "DEFAULT localdisk" in text("pxelinux.cfg/default")


def test_new_discovery_takes_the_place_of_the_old_one(place: Path) -> None:
    assert discover(*TREE)[0] == 0
    first = token()
    assert discover("--then", "disk")[0] == 0
    assert token() != first
    assert '"then": "disk"' in text("discovery/discovery.ks")


# --- what is refused ---


@pytest.mark.parametrize(
    ("inventory", "words", "message"),
    [
        pytest.param(EMPTY, ("--group", "rack_aa"), "no group named 'rack_aa'; did you mean 'rack_a'?", id="group"),
        pytest.param(EMPTY, ("--for", "soon"), "'soon' is not a time; write 90m", id="time"),
        pytest.param(
            EMPTY.replace("    node_tree_url: http://192.0.2.1/el9/\n", ""),
            TREE,
            "hosts.yaml:1:1: error: node_tree_url: required variable is not set\n"
            "  hint: set it in the vars of the group 'all'", id="no-tree-url",
        ),
        pytest.param(EMPTY, (), "error: no kernel for el9 in the published tree", id="no-kernel"),
        pytest.param(
            EMPTY.replace("    rack_a:\n", "    rack_a:\n      hosts: {_discovery: {node_kind: none}}\n"), TREE,
            "rename the host _discovery: the discovery has this name", id="name",
        ),
        pytest.param(
            EMPTY.replace("  children:", "    node_report_url: false\n  children:"), TREE,
            "machines that are discovered have to report what they are", id="no-reports",
        ),
    ],
)  # fmt: skip
def test_discovery_is_refused(inventory: str, words: tuple[str, ...], message: str, place: Path) -> None:
    (place / "hosts.yaml").write_text(inventory)
    status, out, err = discover(*words)
    assert (status in (1, 2), out) == (True, "")
    assert message in err
    assert not Path("out/armed").exists()


def test_nginx_of_an_older_ksgen(place: Path) -> None:
    (place / "hosts.yaml").write_text(FULL)
    assert ksgen("hosts.yaml", *TREE)[0] == 0
    conf = Path("out/.ksgen/current/nginx.conf")
    conf.write_text(conf.read_text().replace("/discovered", "/nothing"))
    status, _, err = discover()
    assert status == 1
    assert "out/nginx.conf:1:1: error: written by an older ksgen, whose nginx serves no discovery\n" in err
    assert "DEFAULT localdisk" in text("pxelinux.cfg/default")


def test_own_dhcp_is_warned_about(place: Path) -> None:
    (place / "hosts.yaml").write_text(EMPTY.replace("  children:", "    node_dhcp: proxy\n  children:"))
    status, _, err = discover(*TREE)
    assert status == 0
    assert "hosts.yaml:9:16: warning: node_dhcp: dnsmasq.conf answers the machines of the inventory alone" in err


# --- with a server ---


class Server:
    """A `ksgen serve` of the tree out/, with a login, to which machines can be told."""

    def __init__(self, place: Path) -> None:
        self.place = place
        (place / "run").mkdir()
        self.now = datetime.datetime.now(datetime.timezone.utc)
        self.store = Store(open_database(str(place / "reports.db"), self.now))
        add_login(place / "logins.json", "ops", "read", place / "token")
        members: list[Member] = []
        self.application = application(
            Site(place / "out", place / "run", lambda: (members, "")), self.store,
            lambda: read_logins(place / "logins.json"), Settings(),
        )  # fmt: skip

    def tell(self, url: str, *macs: str, **changes: Any) -> int:
        """What a machine does in its %pre."""
        kickstart = text("discovery/discovery.ks")
        credential = re.search(r'"credential": "([0-9a-f]+)"', kickstart)
        assert credential
        seen = Sighting(read(facts("one-disk", macs)), booted_from=macs[0], firmware="uefi", bmc="192.0.2.9")
        data = json.dumps({**to_json(seen), **changes}).encode()
        headers = {"Authorization": f"Bearer {credential[1]}"}
        with urllib.request.urlopen(urllib.request.Request(f"{url}/discovered", data, headers), timeout=20) as answer:
            return int(answer.status)


@pytest.fixture
def server(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Server, str]]:
    made = Server(place)
    monkeypatch.setenv("KSGEN_TOKEN", str(place / "token"))
    with live(made.application) as url:
        monkeypatch.setenv("KSGEN_SERVER", url)
        yield made, url


def wait(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_from_an_empty_rack_to_a_host(server: tuple[Server, str], place: Path) -> None:
    """Discover, see, adopt: the machine boots its disk meanwhile, and is a host in the end."""
    site, url = server
    command = [sys.executable, "-m", "ksgen", "discover", "hosts.yaml", *TREE]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env={**os.environ, "PYTHONUNBUFFERED": "1"})  # fmt: skip
    try:
        wait(lambda: Path("out/discovery/discovery.ks").exists())
        assert site.tell(url, MAC, OTHER) == 204
        own = Path("out/ipxe") / f"{MAC.replace(':', '-')}.ipxe"
        wait(own.exists)
        assert "vmlinuz" not in own.read_text()
        assert Path("out/pxelinux.cfg", f"01-{OTHER.replace(':', '-')}").exists()
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    finally:
        running.kill()
    assert running.returncode == 0, err
    assert out == f"{MAC}  Dell Inc. PowerEdge R640, serial number ABC1234\n"
    assert err.endswith("the discovery has ended; 1 machine found; see `ksgen discovered`\n")
    assert not own.exists()
    assert "DEFAULT localdisk" in text("pxelinux.cfg/default")

    status, out, err = ksgen("discovered", "hosts.yaml")
    assert status == 0, err
    assert out.startswith(f"{MAC}  Dell Inc. PowerEdge R640, serial number ABC1234\n")
    assert err == "1 machine of no host; 0 described by the inventory\n"
    proposal = ksgen("discovered", "hosts.yaml", "--yaml")[1]
    assert f'  node_mac: "{MAC}"   # eno1, link up, booted from it\n' in proposal
    assert "  # node_firmware: uefi\n" in proposal
    (shown,) = json.loads(ksgen("discovered", "hosts.yaml", "--json")[1])["machines"]
    assert (shown["mac"], shown["bmc"], shown["proposal"]) == (MAC, "192.0.2.9", proposal)

    words = ("adopt", "hosts.yaml", OTHER, "--as", "node17.example.com", "--group", "rack_b", "--yes")
    (place / "hosts.yaml").write_text(EMPTY.replace("    node_ssh_keys", "    node_layout: minimal\n    node_ssh_keys"))
    status, _, err = ksgen(*words)
    assert status == 0, err
    assert f'          node_mac: "{MAC}"   # eno1, link up, booted from it\n' in (place / "hosts.yaml").read_text()
    assert ksgen("discovered", "hosts.yaml")[1:] == ("", "0 machines of no host; 1 described by the inventory\n")
    assert ksgen("hosts.yaml")[0] == 0
    assert ksgen(*words)[0] == 1


def test_server_is_asked_before_anything_is_published(server: tuple[Server, str]) -> None:
    status, _, err = ksgen("discover", "hosts.yaml", *TREE, "--server", "http://127.0.0.1:9")
    assert status == 1
    assert err.endswith("is `ksgen serve` running there?\n")
    assert not Path("out/armed").exists()


def test_following_needs_a_token(place: Path) -> None:
    status, _, err = ksgen("discover", "hosts.yaml", *TREE)
    assert status == 2
    assert "with --token" in err
