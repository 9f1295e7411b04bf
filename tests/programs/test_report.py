# SPDX-License-Identifier: GPL-2.0-or-later
"""The reporter, against a server of the standard library that answers as it is told."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Optional

import pytest

from org_ovirt_node.programs import report

TOKEN = "f" * 64
PERMISSION = f"n.1777888999.1777999999.{'a' * 32}"


class Recorder(ThreadingHTTPServer):
    """Keeps what it is sent. `status` is what it answers to reports."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = 200
        self.reports: list[dict[str, Any]] = []
        self.logs: dict[str, str] = {}
        self.authorizations: set[Optional[str]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for each in self.reports for event in each["events"]]

    @property
    def states(self) -> list[str]:
        return [event["state"] for event in self.events]


class Handler(BaseHTTPRequestHandler):
    server: Recorder

    def do_GET(self) -> None:
        is_right = self.path == f"/report/token?armed={PERMISSION}"
        self._answer(200 if is_right else 403, TOKEN.encode() + b"\n")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.authorizations.add(self.headers["Authorization"])
        if self.server.status == 200:
            self.server.reports.append(json.loads(body))
        self._answer(self.server.status, b"{}")

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.logs[self.path.rpartition("/")[2]] = gzip.decompress(body).decode()
        self._answer(204)

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Recorder]:
    recorder = Recorder()
    thread = threading.Thread(target=recorder.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield recorder
    recorder.shutdown()
    recorder.server_close()
    thread.join()


# What is asked of the real one (systemd 242 and newer; tests/lab/test_reports.py runs it): with a cursor file, what
# came after the last call, otherwise everything.
_JOURNALCTL = """\
#!{python}
import pathlib, sys
lines = pathlib.Path({journal!r}).read_text().splitlines()
cursor = [pathlib.Path(word.partition("=")[2]) for word in sys.argv if word.startswith("--cursor-file=")]
begin = int(cursor[0].read_text()) if cursor and cursor[0].exists() else 0
print("\\n".join(lines[begin:]))
if cursor:
    assert "--identifier=org.fedoraproject.Anaconda.Modules.Runtime" in sys.argv
    cursor[0].write_text(str(len(lines)))
"""


class Installer:
    """The directories of an installer, in which the reporter runs as a program."""

    def __init__(self, directory: Path, server: Recorder) -> None:
        self.root, self.place = directory / "installer", directory / "place"
        for name in ("tmp", "run", "proc/1234"):
            (self.root / name).mkdir(parents=True)
        (self.root / "run/anaconda.pid").write_text("1234")
        (self.root / "proc/cmdline").write_text(f"BOOT_IMAGE=vmlinuz inst.ks={server.url}/ks/n.ks?armed={PERMISSION} q")
        self.config = directory / "config.json"
        self.config.write_text(json.dumps({"server": f"{server.url}/"}))
        self.journal = directory / "journal"
        self.journal.touch()
        programs = directory / "bin"
        programs.mkdir()
        (programs / "journalctl").write_text(_JOURNALCTL.format(python=sys.executable, journal=str(self.journal)))
        (programs / "journalctl").chmod(0o755)
        self.environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}

    def run(self, *arguments: object) -> str:
        command = [sys.executable, report.__file__, "--place", self.place, "--root", self.root, *arguments]
        done = subprocess.run(
            list(map(str, command)), capture_output=True, text=True, timeout=60, check=True, env=self.environment
        )
        return done.stderr

    def log(self, *lines: str) -> None:
        with (self.root / "tmp/anaconda.log").open("a") as log:
            log.writelines(f"12:00:00,000 {line}\n" for line in lines)

    def end(self) -> None:
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if str(self.place) in (process / "cmdline").read_text():
                    os.kill(int(process.name), signal.SIGTERM)
            except OSError:
                continue


@pytest.fixture
def installer(tmp_path: Path, server: Recorder) -> Iterator[Installer]:
    subject = Installer(tmp_path, server)
    yield subject
    subject.end()


def wait_for(condition: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_whole_installation(installer: Installer, server: Recorder, tmp_path: Path) -> None:
    began = time.monotonic()
    assert installer.run("start", installer.config) == ""
    assert time.monotonic() - began < 20
    installer.log("INF installation: Queue started: Installation queue (1/18)")
    installer.log("INF installation: Queue started: Early storage configuration (3/18)")
    installer.log("INF installation: Queue started: Payload installation (6/18)")
    with (installer.root / "tmp/anaconda.log").open("a") as log:
        log.write("12:00:01,000 INF installation: Queue started: Bootl")
        log.flush()
        wait_for(lambda: "copying" in server.states)
        log.write("oader installation (8/18)\n")
    wait_for(lambda: "configuring" in server.states)
    installer.run("plant", tmp_path / "system")
    installer.run("tell", "layering", "--step", "imgbase layout --init")
    installer.run("tell", "installed", "--wait", "20")
    assert server.states[0] == "preparing"
    assert list(dict.fromkeys(server.states)) == list(report.STATES[:-1])
    assert [event["seq"] for event in server.events] == list(range(1, len(server.events) + 1))
    assert server.events[0]["facts"]["memory"] > 0
    assert server.authorizations == {f"Bearer {TOKEN}"}


def test_what_could_not_be_sent_is_sent_later_in_order(installer: Installer, server: Recorder) -> None:
    server.status = 503
    installer.run("start", installer.config)
    for step in ("one", "two", "three"):
        installer.run("tell", "configuring", "--step", step)
    time.sleep(2)
    assert server.events == []
    server.status = 200
    wait_for(lambda: len(server.events) == 4)
    assert [event["step"] for event in server.events[1:]] == ["one", "two", "three"]
    assert installer.run("tell", "configuring", "--wait", "20") == ""


def test_only_what_the_server_cannot_read_is_dropped(server: Recorder, tmp_path: Path) -> None:
    queue = report.Queue(tmp_path)
    queue.add(report.event_of("copying"))
    sender = report.Server(report.Config(server.url, credential=TOKEN))
    server.status = 403
    with pytest.raises(report.Refused):
        report.send(queue, sender)
    assert len(queue.waiting()) == 1
    server.status = 422
    report.send(queue, sender)
    assert queue.waiting() == []


def test_failing_script(installer: Installer, server: Recorder) -> None:
    installer.run("start", installer.config)
    (installer.root / "tmp/ks-script-abc.log").write_text("Bearer secret-token\nmkfs: no space left\n")
    installer.log("ERR kickstart.script: Error code 7 running the kickstart script at line 42")
    wait_for(lambda: "failed" in server.states and {"ks-script-abc.log", "anaconda.log"} <= server.logs.keys())
    (failed,) = (event for event in server.events if event["state"] == "failed")
    assert failed["message"].splitlines()[0] == "the script at line 42 of the kickstart ended with 7"
    assert "mkfs: no space left" in failed["message"]
    assert server.logs["ks-script-abc.log"] == "Bearer (secret)\nmkfs: no space left\n"
    assert "kickstart script at line 42" in server.logs["anaconda.log"]


def test_failing_script_of_el10(installer: Installer, server: Recorder) -> None:
    """The module that runs scripts logs to the journal alone, and what was said before belongs to other scripts."""
    installer.run("start", installer.config)
    installer.journal.write_text(
        "INFO:program:Running in chroot '/mnt/sysroot'... /bin/sh /tmp/ks-script-a\n"
        "INFO:program:all is well\n"
        "DEBUG:program:Return code: 0\n"
    )
    installer.log("INF installation: Queue started: Post installation scripts (18/18)")
    wait_for(lambda: (installer.place / "journal-cursor").exists())
    with installer.journal.open("a") as journal:
        journal.write(
            "INFO:program:Running in chroot '/mnt/sysroot'... /bin/sh /tmp/ks-script-b\n"
            "INFO:program:mkfs: no space left\n"
            "DEBUG:program:Return code: 3\n"
            "ERROR:anaconda.core.kickstart.scripts.script:Error code 3 running the kickstart script at line 120\n"
        )
    wait_for(lambda: "failed" in server.states and "journal.log" in server.logs)
    (failed,) = (event for event in server.events if event["state"] == "failed")
    assert failed["step"] == "script at line 120"
    assert failed["message"] == "the script at line 120 of the kickstart ended with 3\nmkfs: no space left"
    assert "Return code: 3" in server.logs["journal.log"]


def test_script_of_el10_that_ends_the_installer(installer: Installer, server: Recorder) -> None:
    """In a pre-installation script, at whose end Anaconda is gone before the journal was looked at."""
    installer.run("start", installer.config)
    wait_for(lambda: server.states)
    installer.journal.write_text("ERROR:scripts.script:Error code 1 running the kickstart script at line 7\n")
    (installer.root / "run/anaconda.pid").unlink()
    wait_for(lambda: "failed" in server.states)
    assert server.events[-1]["message"] == "the script at line 7 of the kickstart ended with 1"


def test_words_of_a_program_stay(installer: Installer, server: Recorder) -> None:
    """The hook has said why it ends; that its script has ended is no news."""
    installer.run("start", installer.config)
    installer.run("tell", "failed", "--message", "ovirt-node: error: no image")
    installer.log("ERR kickstart.script: Error code 1 running the kickstart script at line 42")
    wait_for(lambda: "failed" in server.states)
    time.sleep(2)
    assert [event["message"] for event in server.events if event["state"] == "failed"] == [
        "ovirt-node: error: no image"
    ]


@pytest.mark.parametrize("gone", ["proc/1234", "run/anaconda.pid"], ids=["killed", "ended"])
def test_installer_that_ends_too_early(gone: str, installer: Installer, server: Recorder) -> None:
    installer.run("start", installer.config)
    installer.log("ERR payload: Failed to download the image")
    wait_for(lambda: server.states)
    place = installer.root / gone
    if place.is_dir():
        place.rmdir()
    else:
        place.unlink()
    wait_for(lambda: "failed" in server.states)
    assert server.events[-1]["message"] == "the installer has ended\nFailed to download the image"


def test_exception_says_more_than_that_there_is_a_traceback(installer: Installer, server: Recorder) -> None:
    """As Anaconda's handler of exceptions writes it, with an empty line after each."""
    installer.run("start", installer.config)
    installer.log("ERR ui.lib.console: setting console font to eurlatgr failed")
    raised = "pyanaconda.ntp.NTPconfigError: Cannot open config file /etc/chrony.conf for reading."
    trace = ("Traceback (most recent call last):", '  File "pyanaconda/ntp.py", line 139, in get_servers', raised)
    installer.log("CRT exception: " + "\n\n".join(trace), "INF core: ended", "DBG core: Another: line")
    wait_for(lambda: server.states)
    (installer.root / "run/anaconda.pid").unlink()
    wait_for(lambda: "failed" in server.states)
    lines = ["the installer has ended", "setting console font to eurlatgr failed", raised]
    assert server.events[-1]["message"].split("\n") == lines


# /proc/mounts while an image is copied: what is there before, and what is mounted for the image.
_EMPTY = """\
/dev/sr0 /run/install/repo iso9660 ro 0 0
/dev/sr0 /run/install/source iso9660 ro 0 0
/dev/mapper/onn-root /mnt/sysimage xfs rw 0 0
/dev/mapper/onn-var /mnt/sysimage/var xfs rw 0 0
/dev/mapper/onn-root /mnt/sysroot xfs rw 0 0
/dev/mapper/onn-var /mnt/sysroot/var xfs rw 0 0
tmpfs /mnt/sysroot/run tmpfs rw 0 0
"""
_IMAGES = {
    "el9": "/dev/loop1 /run/install/image squashfs ro 0 0\n/dev/loop2 /run/install/source ext4 ro 0 0\n",
    "el10": "/dev/loop1 /run/install/sources/mount-0000-image squashfs ro 0 0\n"
    "/dev/loop2 /run/install/sources/mount-0001-iso ext4 ro 0 0\n",
}


@pytest.mark.parametrize("release", _IMAGES)
def test_progress_is_of_the_system_in_the_image(
    release: str, installer: Installer, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = {"": 90, "/var": 10, "/run": 7}
    source, total = _IMAGES[release].split()[7], 1000

    def statvfs(path: Path) -> types.SimpleNamespace:
        place = f"/{path.relative_to(installer.root)}"
        blocks = total if place == source else used.get(place.removeprefix("/mnt/sysroot"), 300)
        return types.SimpleNamespace(f_blocks=blocks, f_bfree=0, f_frsize=1)

    monkeypatch.setattr(os, "statvfs", statvfs)
    observer = report.Observer(installer.root, installer.place)
    mounts = installer.root / "proc/mounts"
    mounts.write_text(_EMPTY)
    assert observer.progress() == (None, None)
    observer.state = "copying"
    assert observer.progress() == (0, None)
    used[""] += 500
    assert observer.progress() == (500, None), "an image is downloaded to the new root"
    mounts.write_text(_EMPTY + _IMAGES[release])
    assert observer.progress() == (0, 1000)
    used[""] += 400
    used["/var"] += 50
    assert observer.progress() == (450, 1000)
    used[""] += 800
    assert observer.progress() == (1000, 1000)
    mounts.unlink()
    assert observer.progress() == (None, None)


def test_log_is_cut_at_its_front(installer: Installer, server: Recorder) -> None:
    installer.run("start", installer.config)
    (installer.root / "tmp/program.log").write_text("".join(f"line {number}\n" for number in range(60_000)))
    installer.run("tell", "failed", "--message", "password=hunter2")
    wait_for(lambda: "program.log" in server.logs)
    lines = server.logs["program.log"].splitlines()
    assert lines[-1] == "line 59999"
    assert lines[0].startswith("line ")
    assert server.events[-1]["message"] == "password=(secret)"


def test_without_start_nothing_is_reported_and_nothing_fails(installer: Installer, server: Recorder) -> None:
    assert installer.run("tell", "failed", "--message", "x") == ""
    assert installer.run("plant", installer.root) == ""
    assert server.reports == []


def test_broken_configuration_is_not_in_the_way(installer: Installer) -> None:
    installer.config.write_text("{")
    assert "nothing is reported" in installer.run("start", installer.config)


def test_first_boot(installer: Installer, server: Recorder, tmp_path: Path) -> None:
    installer.run("start", installer.config)
    wait_for(lambda: server.events)
    system = tmp_path / "system"
    installer.run("plant", system)
    kept = system / report.KEPT / "first-boot.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert (system / "etc/systemd/system/multi-user.target.wants" / report.UNIT_NAME).read_text() == report.UNIT
    program = system / report.KEPT / "report.py"
    command = [sys.executable, str(program), "--root", str(system), "first-boot", str(kept)]
    server.status = 503
    assert subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 1
    server.status = 200
    assert subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0
    assert server.events[-1]["state"] == "up"
    assert server.events[-1]["seq"] > 1000
    assert not kept.exists()
    assert not list((system / "etc/systemd/system").rglob("*.service"))


def test_first_boot_ends_where_the_server_does_not_know_it(
    installer: Installer, server: Recorder, tmp_path: Path
) -> None:
    installer.run("start", installer.config)
    wait_for(lambda: server.events)
    installer.run("plant", tmp_path)
    kept = tmp_path / report.KEPT / "first-boot.json"
    server.status = 403
    command = [sys.executable, str(kept.with_name("report.py")), "--root", str(tmp_path), "first-boot", str(kept)]
    assert subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0
    assert not kept.exists()


def test_bad_checks_of_nodectl() -> None:
    text = json.dumps({"status": "bad", "basic_storage": {"status": "ok"}, "vdsmd": {"status": "bad"}})
    assert report._bad_checks(text) == ["vdsmd"]
    assert report._bad_checks("{") == ["unreadable"]


def test_layout_is_that_of_the_disks_with_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mirror is listed below both of its disks; disks without a part of the system are left out."""

    def device(name: str, kind: str, *children: dict[str, Any], mountpoint: Optional[str] = None) -> dict[str, Any]:
        own = {"kname": name, "name": name, "type": kind, "size": 1024, "fstype": None, "mountpoint": mountpoint}
        return {**own, "children": list(children)} if children else own

    root = device("md127", "raid1", mountpoint="/")
    disks = [device(f"vd{letter}", "disk", device(f"vd{letter}1", "part", root)) for letter in "ab"]
    other = device("vdc", "disk", device("vdc1", "part", mountpoint="/data"))
    (tmp_path / "lsblk").write_text(f"#!/bin/sh\ncat {tmp_path}/answer\n")
    (tmp_path / "lsblk").chmod(0o755)
    (tmp_path / "answer").write_text(json.dumps({"blockdevices": [*disks, other]}))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    found = {one["kname"]: one["parents"] for one in report.layout_facts()}
    assert found == {"vda": [], "vda1": ["vda"], "md127": ["vda1", "vdb1"], "vdb": [], "vdb1": ["vdb"]}
    (tmp_path / "answer").write_text("lsblk: unknown column")
    assert report.layout_facts() == []


def test_what_others_say_is_an_event(tmp_path: Path) -> None:
    report.leave("layout", report.FAILED, "the layout", "error: no /var", tmp_path)
    (event,) = report.Queue(tmp_path).take_in()
    assert (event["state"], event["step"], event["message"]) == ("failed", "the layout", "error: no /var")
    assert list(report.Queue(tmp_path).take_in()) == []
    # Without a reporter nothing is left anywhere.
    report.leave("layout", report.FAILED, "the layout", "error: no /var", tmp_path / "missing")
    assert list(tmp_path.iterdir()) == []


def test_addresses_of_other_scopes_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As iproute2 prints them for `scope global`: the loopback's and the link-local ones are empty objects."""
    found = [
        {"ifname": "lo", "addr_info": [{}, {}]},
        {"ifname": "eno1", "addr_info": [{"local": "10.0.1.11", "prefixlen": 24}, {}]},
    ]
    (tmp_path / "ip").write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(found)}\nEND\n")
    (tmp_path / "ip").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert report.node_facts()[1]["addresses"] == ["eno1 10.0.1.11/24"]
