# SPDX-License-Identifier: GPL-2.0-or-later
"""`ksgen bmc` and `ksgen preflight --bmc`, as an operator calls them, against controllers on the loopback."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import redfish_server
from ansible.parsing.vault import VaultLib, VaultSecret
from command import CliRunner
from inventories import HOST
from redfish_server import PASSWORD, USER, Controller, EventLog, Fault

from ksgen import bmc
from ksgen.cli import bmc_command, main
from ksgen.media import FileSource, Iso9660

VAULT = "correct horse"


class Site:
    """An inventory whose hosts have controllers on the loopback, and its vault password."""

    def __init__(self, directory: Path, controllers: Mapping[str, Controller], **changes: str) -> None:
        self.directory = directory
        self.controllers = controllers
        self.password_file = directory / "password"
        self.password_file.write_text(f"{VAULT}\n")
        sealed = VaultLib().encrypt(PASSWORD, VaultSecret(VAULT.encode())).decode()
        lines = [
            "all:",
            "  vars:",
            *(f"    {name}: {value}" for name, value in {**HOST, **changes}.items()),
            "  hosts:",
        ]
        for number, (name, one) in enumerate(controllers.items(), 1):
            lines += [
                f"    {name}:", f'      node_mac: "52:54:00:aa:00:0{number}"',
                f"      node_disk: {{serial: SN-000{number}}}",
                f"      node_bmc: {{address: 127.0.0.1, port: {one.port}, user: {USER}, fingerprint: "
                f"{one.fingerprint}, password: !vault {json.dumps(sealed)}}}",
            ]  # fmt: skip
        self.hosts = directory / "hosts.yaml"
        self.hosts.write_text("\n".join([*lines, ""]))

    def run(self, *words: str, status: int = 0, stdin: str = "") -> tuple[str, str]:
        """What is printed; never the password."""
        vault = ["--vault-password-file", str(self.password_file)]
        done = CliRunner().invoke(main, [words[0], str(self.hosts), *words[1:], *vault], input=stdin)
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert PASSWORD not in done.stdout + done.stderr
        assert done.exit_code == status, done.stdout + done.stderr
        return done.stdout, done.stderr


Make = Callable[..., Site]


@pytest.fixture
def make(tmp_path: Path, bmc_certificate: tuple[Path, Path]) -> Iterator[Make]:
    with contextlib.ExitStack() as stack:

        def made(*controllers: Controller, **changes: str) -> Site:
            started = [stack.enter_context(redfish_server.serving(one, *bmc_certificate)) for one in controllers]
            return Site(tmp_path, {f"node0{n}.example.com": one for n, one in enumerate(started, 1)}, **changes)

        yield made


@pytest.fixture(scope="session")
def bmc_certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return redfish_server.certificate(tmp_path_factory.mktemp("bmc"), "IP:127.0.0.1")


def test_what_the_command_declares_is_what_the_package_has() -> None:
    assert bmc_command.VERBS == bmc.VERBS
    order = bmc.Order("on")
    declared = (bmc_command.TIMEOUT_S, bmc_command.BOOT_S, bmc_command.ENTRIES)
    assert (order.timeout_s, order.boot_s, order.entries) == declared


def test_status_of_several(make: Make) -> None:
    site = make(Controller(power="On"), Controller(target="Pxe", enabled="Once"))
    out, err = site.run("bmc", "all", "status")
    assert out.splitlines() == [
        "node01.example.com  on  none  Example One", "node02.example.com  off  Pxe, once  Example One"
    ]  # fmt: skip
    assert err == ""


SEL = "/redfish/v1/Managers/1/LogServices/Sel"
OLD = {"Created": "2026-05-04T10:00:00Z", "Severity": "OK", "Message": "The chassis is closed."}
NEW = {"Created": "2026-05-04T12:00:00Z", "Severity": "Critical", "Message": "PSU 1 \x1b[31mhas failed."}
TOLD = "2026-05-04T12:00:00Z  Critical  PSU 1 ?[31mhas failed."


def test_logs_of_several(make: Make) -> None:
    """One has the newest first, one has no entry, one has no log."""
    site = make(Controller(logs={SEL: EventLog([NEW, OLD])}), Controller(logs={SEL: EventLog()}), Controller())
    one, two, three = site.controllers
    out, err = site.run("bmc", "all", "log", status=1)
    assert out.splitlines() == [f"{one}  2026-05-04T10:00:00Z  OK  The chassis is closed.", f"{one}  {TOLD}"]
    assert f"{three}: error: 127.0.0.1:{site.controllers[three].port} has no log service in its Redfish\n" in err
    assert f"{two}: no entry in the log Sel\n{three} failed, 2 of 3 done\n" in err
    assert f"{one}:" not in err


def test_so_many_entries_of_a_log(make: Make) -> None:
    site = make(Controller(logs={SEL: EventLog([OLD] * 30 + [NEW])}))
    assert len(site.run("bmc", "all", "log")[0].splitlines()) == 20
    out, _ = site.run("bmc", "all", "log", "--entries", "1")
    assert out == f"node01.example.com  {TOLD}\n"
    out, _ = site.run("bmc", "all", "log", "--entries", "1", "--json")
    told = {"time": NEW["Created"], "severity": "Critical", "message": "PSU 1 ?[31mhas failed."}
    assert json.loads(out)["hosts"][0]["log"] == {"name": "Sel", "entries": [told]}
    site.run("bmc", "all", "log", "--entries", "0", status=2)


def test_a_log_on_a_terminal(make: Make) -> None:
    site = make(Controller(logs={SEL: EventLog([OLD, NEW])}))
    command = [
        sys.executable, "-m", "ksgen", "bmc", str(site.hosts), "all", "log", "--vault-password-file",
        str(site.password_file),
    ]  # fmt: skip
    leader, follower = os.openpty()
    with subprocess.Popen(command, stdout=follower, env={**os.environ, "COLUMNS": "100", "TERM": "xterm"}) as process:
        os.close(follower)
        shown = b""
        with contextlib.suppress(OSError):  # at its end
            while part := os.read(leader, 4096):
                shown += part
    os.close(leader)
    assert process.returncode == 0
    lines = re.sub(r"\x1b\[[0-9;]*m", "", shown.decode()).replace("\r", "").splitlines()
    assert [line.rstrip().split(maxsplit=3) for line in lines] == [
        ["host", "time", "severity", "message"],
        ["node01.example.com", *OLD.values()],
        ["node01.example.com", *TOLD.split("  ")],
    ]


def test_one_fails(make: Make) -> None:
    site = make(Controller(), Controller(faults=[Fault("GET", 503)]))
    out, err = site.run("bmc", "all", "on", "--json", status=1)
    first, second = json.loads(out)["hosts"]
    assert (first["power"], first["error"]) == ("on", None)
    assert second["error"]["kind"] == "busy"
    assert "node02.example.com: error: 127.0.0.1" in err
    assert "node02.example.com failed, 1 of 2 done" in err


def test_the_power_is_cut_after_a_question(make: Make) -> None:
    one = Controller(power="On")
    site = make(one)
    _, err = site.run("bmc", "all", "off", status=2)
    assert "Switch 1 machine off? Standard input is not a terminal: add --yes" in err
    assert one.requests == []
    _, err = site.run("bmc", "all", "off", "--yes")
    assert err.splitlines() == [
        "1 machine; where they are on, their power is cut:", "  node01.example.com  127.0.0.1",
        "node01.example.com: switched off",
    ]  # fmt: skip
    assert one.power == "Off"


WRONG = [
    pytest.param(("node01.example.com", "--listen", "unix:/run/a"), "--listen unix:/run/a: a TCP port is required", 2,
                 id="no-port"),
    pytest.param(("unknown",), "no host or group named 'unknown'", 2, id="no-such-host"),
    pytest.param(("all", "--vault-password-file", "{}/other"), "cannot be decrypted with any of the passwords", 1,
                 id="wrong-vault-password"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "message", "status"), WRONG)
def test_wrong(words: tuple[str, ...], message: str, status: int, make: Make, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("wrong\n")
    one = Controller()
    site = make(one)
    if "--vault-password-file" in words:
        site.password_file = tmp_path / "other"
    _, err = site.run("bmc", words[0], "status", *words[1:3] * ("--listen" in words), status=status)
    assert message in err
    assert one.requests == []


def test_hosts_without_a_controller(make: Make) -> None:
    site = make(Controller())
    text = site.hosts.read_text().replace("all:\n", "all:\n", 1)
    site.hosts.write_text(text + '    node09.example.com: {node_mac: "52:54:00:aa:00:09", node_disk: {serial: SN-9}}\n')
    _, err = site.run("bmc", "all", "status", status=1)
    assert "error: node09.example.com: has no controller" in err
    assert "hint: set node_bmc (docs/bmc.md)" in err
    assert "1 error; nothing was done" in err


def test_a_controller_of_another_kind(make: Make) -> None:
    site = make(Controller())
    site.hosts.write_text(site.hosts.read_text().replace("{address:", "{type: apc, address:"))
    _, err = site.run("bmc", "all", "status", status=1)
    assert "node_bmc.type: ksgen needs a controller with Redfish, and apc is none" in err


# --- booting the installer -------------------------------------------------------------------------------------------


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """An install tree, as far as it is looked at."""
    for path in (".treeinfo", "images/install.img", "images/pxeboot/vmlinuz", "images/pxeboot/initrd.img"):
        (tmp_path / "el9" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "el9" / path).write_bytes(path.encode() * 1000)
    return tmp_path / "el9"


def armed(site: Site, tree: Path) -> str:
    """The site published with its first host armed; its token."""
    out = site.directory / "out"
    site.run("arm", "node01.example.com", "-o", str(out), "--tree", f"el9={tree}")
    (token,) = [path.name for path in (out / "armed").iterdir()]
    return token


def installing(site: Site, token: str, when: Callable[[], bool]) -> threading.Thread:
    """Note, as nginx does, that the kickstart has been fetched, once the machine has booted."""

    def note() -> None:
        end = time.monotonic() + 60
        while not when() and time.monotonic() < end:
            time.sleep(0.05)
        (site.directory / "run" / "spent").mkdir(parents=True, exist_ok=True)
        (site.directory / "run" / "spent" / token).touch()

    thread = threading.Thread(target=note, daemon=True)
    thread.start()
    return thread


def free() -> str:
    """An address with a port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"127.0.0.1:{taken.getsockname()[1]}"


STATIC = '[{mac: "52:54:00:aa:00:01", ipv4: 10.0.1.11/24, gateway4: 10.0.1.1, dns: [10.0.0.53]}]'


def test_medium(make: Make, tree: Path, tmp_path: Path) -> None:
    """Made, served in parts, inserted, booted, ejected; the host's own command line is on it, without DHCP."""
    one = Controller(power="On", fetches_media=True)
    site = make(one, node_network=STATIC, node_dhcp="proxy")
    token = armed(site, tree)
    noting = installing(site, token, lambda: bool(one.boots))
    words = ("bmc", "node01.example.com", "media", "--yes", "-o", str(tmp_path / "out"), "--listen", free())
    out, err = site.run(*words)
    noting.join()
    assert (one.boots, one.image, one.power) == (["Cd"], None, "On")
    assert [line for line in err.splitlines() if "node01.example.com:" in line] == [
        "node01.example.com: the next boot is from Cd",
        "node01.example.com: switched on; waiting for the installer",
        "node01.example.com: the installer runs",
        "node01.example.com: the medium is ejected",
    ]
    assert out == "node01.example.com  on  none  Example One\n"
    (medium,) = one.media
    path = tmp_path / "medium.iso"
    path.write_bytes(medium)
    with path.open("rb") as file:
        found = Iso9660(FileSource(file))
        assert {image.platform for image in found.boot_images} == {0, 0xEF}
        entry = found.text("/isolinux/isolinux.cfg")
        grub = found.text("/grub/host.cfg")
        assert found.find("/boot/initrd.img") is not None
    arguments = f"inst.ks=http://pxe.example.com/nodes/ks/node01.example.com.ks?armed={token}"
    for text in (entry, grub):
        assert text is not None
        assert arguments in text
        assert "ip=10.0.1.11::10.0.1.1:255.255.255.0:node01.example.com:52-54-00-aa-00-01:none" in text
        assert "ip=dhcp" not in text


def test_only_armed_hosts_get_a_medium(make: Make, tree: Path, tmp_path: Path) -> None:
    one, other = Controller(), Controller()
    site = make(one, other)
    armed(site, tree)
    _, err = site.run("bmc", "all", "media", "--yes", "-o", str(tmp_path / "out"), status=1)
    assert "node02.example.com: not armed in" in err
    assert "; nothing was done; `ksgen arm" in err
    assert one.requests == []


def test_network(make: Make, tree: Path, tmp_path: Path) -> None:
    one, other = Controller(power="On", ignores_once=True), Controller()
    site = make(one, other)
    noting = installing(site, armed(site, tree), lambda: bool(one.boots))
    _, err = site.run("bmc", "all", "pxe", "--yes", "-o", str(tmp_path / "out"))
    noting.join()
    assert (one.boots, one.enabled, other.boots) == (["Pxe"], "Disabled", ["Pxe"])
    assert err.splitlines()[:4] == [
        "2 machines; where they are on, their power is cut:",
        "  node01.example.com  127.0.0.1  armed: the installer erases its disks",
        "  node02.example.com  127.0.0.1",
        "    not armed: it boots its disk",
    ]


def test_a_machine_that_does_not_boot(make: Make, tree: Path, tmp_path: Path) -> None:
    one = Controller(fetches_media=True)
    site = make(one)
    armed(site, tree)
    words = ("--yes", "-o", str(tmp_path / "out"), "--listen", free(), "--boot-timeout", "0.5")
    _, err = site.run("bmc", "node01.example.com", "media", *words, status=1)
    assert "error: the installer has not fetched its kickstart within 0.5 s" in err
    assert (one.image, one.enabled) == (None, "Disabled")


def test_the_controller_cannot_fetch_the_medium(make: Make, tree: Path, tmp_path: Path) -> None:
    one = Controller(fetches_media=True)
    site = make(one)
    armed(site, tree)
    words = ("--yes", "-o", str(tmp_path / "out"), "--listen", free(), "--media-url", "http://127.0.0.1:9/")
    _, err = site.run("bmc", "node01.example.com", "media", *words, status=1)
    assert "refuses (HTTP status 400): cannot fetch the image" in err
    assert one.boots == []


# --- preflight -------------------------------------------------------------------------------------------------------


def test_preflight(make: Make) -> None:
    """The web servers of the inventory do not exist; its controllers do."""
    site = make(Controller(power="On"), Controller(macs=("52:54:00:aa:00:01",), mode="Legacy"), node_firmware="uefi")
    out, err = site.run("preflight", "--bmc", "--timeout", "2", status=1)
    lines = [line for line in out.splitlines() if line.startswith("bmc")]
    first, second = site.controllers.values()
    assert lines == [
        f"bmc    127.0.0.1:{first.port}  node01.example.com  Example One, CHASSIS-1, on, uefi",
        f"bmc    127.0.0.1:{second.port}  node02.example.com  Example One, CHASSIS-1, off, bios",
    ]
    assert "node_bmc.address: the machine has an interface of node01.example.com: 52:54:00:aa:00:01" in err
    assert "node_firmware: the machine boots with bios, the plan is for uefi" in err
    assert "node_disk.serial: the controller does not know a disk with the serial SN-0002" in err


def test_preflight_of_a_controller_that_refuses(make: Make) -> None:
    site = make(Controller(faults=[Fault("Sessions|Systems", 401)]))
    out, err = site.run("preflight", "--bmc", "--timeout", "2", "--json", status=1)
    found = json.loads(out)
    assert found["controllers"][0]["host"] == "node01.example.com"
    codes = [(p["code"], p["variable"]) for p in found["problems"] if p["code"].startswith("bmc")]
    assert codes == [("bmc-refused", "node_bmc.user")]
    assert err == ""
