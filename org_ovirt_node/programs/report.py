# SPDX-License-Identifier: GPL-2.0-or-later
"""Reports an installation to `ksgen serve`: from the installer, and once from the installed system.

    report.py start CONFIG                      in %pre: a process in the background, until the installer ends
    report.py tell STATE [OPTIONS]              in scripts: something has happened
    report.py plant SYSTEM                      in the last script: the first boot of the system there reports too
    report.py first-boot FILE                   in the installed system, by the unit that `plant` has made

It is never in the way of an installation: every command ends with 0, and soon, whatever is wrong. What cannot be sent
is sent later, in the order in which it happened. docs/deployment.md has the protocol; ksgen/reports/wire.py reads it.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import fcntl
import gzip
import hashlib
import http.client
import json
import os
import random
import re
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Optional, Union
from urllib.parse import urlsplit

VERSION = 1
# Where everything is that the commands share. /run is memory, and the same in the installed system's scripts.
PLACE = Path("/run/ovirt-node-report")
PROGRAM, CONFIG = "report.py", "config.json"
STATES = ("preparing", "partitioning", "copying", "configuring", "layering", "installed", "up")
FAILED = "failed"

TIMEOUT_S = 10.0
HEARTBEAT_S, JITTER = 30.0, 0.4
LONGEST_PAUSE_S = 60.0
BATCH = 32  # events in a report
QUEUE_MOST = 500  # events that wait; more would only be the same again
MESSAGE_LONGEST, STEP_LONGEST = 4000, 200
LOG_LARGEST = 256 * 1024
LOG_NAME_LONGEST = 100
JOURNAL_LINES = 2000  # about LOG_LARGEST

# Anaconda says in its log which queue of tasks it has started (installation.py of EL9 and EL10).
QUEUE = re.compile(r"Queue started: (.+) \(\d+/\d+\)")
STATE_OF_QUEUE = {
    "Early storage configuration": "partitioning",
    "Pre-install scripts": "copying",
    "Pre install tasks": "copying",
    "Payload installation": "copying",
    "Late storage configuration": "configuring",
    "Bootloader installation": "configuring",
}
QUEUES_BEFORE = ("Installation queue", "Installation environment setup")
SCRIPT_QUEUES = ("Pre-install scripts", "Post installation scripts")
# A script with --erroronfail has failed: in anaconda.log (kickstart.py of EL9), or in the journal, as EL10 runs the
# scripts in a module of its own (modules/runtime/scripts), and its modules log nowhere else.
SCRIPT_FAILED = re.compile(r"Error code (\S+) running the kickstart script at line (\d+)")
RUNTIME_MODULE = "org.fedoraproject.Anaconda.Modules.Runtime"
SCRIPT_BEGINS = re.compile(r"^INFO:program:Running\b.* \S*/ks-script-")
SCRIPT_SAYS = re.compile(r"^INFO:program:(.*)")
SAID_MOST = 20  # lines of a script's output in a message
ADDRESS_S = 30.0  # for DHCP at the first boot
JOURNAL_PAUSE_S = 5.0  # to read it starts a process
LOG_LINE = re.compile(r"^[\d:,]+ [A-Z]+ ")
ERROR_LINE = re.compile(r"^[\d:,]+ (?:ERR|CRT|ERROR|CRITICAL) [^:]*: (.*)")
TRACEBACK = "Traceback (most recent call last):"
EXCEPTION_LINE = re.compile(r"^[A-Za-z_][\w.]*: .+")  # below a traceback
LOGS = (
    "/tmp/anaconda.log", "/tmp/program.log", "/tmp/storage.log", "/tmp/packaging.log", "/tmp/dbus.log",
    "/tmp/ks-script-*.log", "/tmp/node-*.log", "/tmp/anaconda-tb-*", "/mnt/sysroot/var/log/ovirt-node-*.log",
)  # fmt: skip
SYSROOT = "/mnt/sysroot"
# Where Anaconda mounts an image: pyanaconda/core/constants.py, INSTALL_TREE (EL9) and SOURCES_DIR (EL10). The medium of
# the installer can be there too.
SOURCES = "/run/install/source"
MEDIA = ("iso9660", "udf", "nfs", "nfs4")

# What is secret in a log, beside what the server finds: hashes of passwords, tokens, and values of what is named so.
# What the group has is kept.
SECRETS = (
    re.compile(r"()\$(?:1|2[abxy]|5|6|7|y|gy)\$[./A-Za-z0-9$]+"),
    re.compile(r"(\bBearer )\S+"),
    re.compile(r"([?&]armed=)[^\s'\"&]+"),
    re.compile(r"(?i)\b((?:password|passwd|passphrase|secret|token)(?:=|: ))\S+"),
    re.compile(r"(://)[^/@\s:]+:[^/@\s]+(?=@)"),
)
REDACTED = "(secret)"


@dataclasses.dataclass(frozen=True)
class Config:
    """Where reports go: the URL at which out/ is served, that of `ksgen serve` if it is another one, and the SHA-256 of
    its certificate (DER), if it is pinned. The credential is the token that nginx has given out once."""

    server: str
    url: str = ""
    pin: str = ""
    credential: str = ""

    @property
    def reports(self) -> str:
        """The URL of reports."""
        return self.url.rstrip("/") or f"{self.server.rstrip('/')}/report"

    @property
    def token_url(self) -> str:
        """The URL of the token, which nginx gives out."""
        return f"{self.server.rstrip('/')}/report/token"

    @classmethod
    def read(cls, file: Path) -> Config:
        """Raises OSError and ValueError."""
        data = json.loads(file.read_text())
        names = [field.name for field in dataclasses.fields(cls)]
        return cls(**{name: str(data[name]) for name in names if name in data})


def written(config: Config) -> str:
    """The JSON that `start` reads."""
    return json.dumps(
        {name: value for name, value in dataclasses.asdict(config).items() if value}, indent=1, ensure_ascii=False
    )


class Refused(Exception):
    """The server does not know the token, or gives none."""


class Unreadable(Exception):
    """The server will never accept this report or log."""


def main(arguments: Optional[Sequence[str]] = None) -> int:
    options = parse(arguments)
    try:
        status = options.run(options)
    except Exception as error:  # an installation must not end here
        print(f"ovirt-node: nothing is reported: {type(error).__name__}: {error}", file=sys.stderr)
        return 0
    return int(status or 0)


def parse(arguments: Optional[Sequence[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Reports an installation.")
    parser.add_argument("--place", type=Path, default=PLACE, help="what the commands share")
    parser.add_argument("--root", type=Path, default=Path("/"), help="of the installer")
    commands = parser.add_subparsers(required=True)
    start_ = commands.add_parser("start")
    start_.add_argument("config", type=Path)
    start_.set_defaults(run=start)
    tell_ = commands.add_parser("tell")
    tell_.add_argument("state", choices=(*STATES[:-1], FAILED))
    tell_.add_argument("--step", default="")
    tell_.add_argument("--message", default="")
    tell_.add_argument("--message-file", type=Path)
    tell_.add_argument("--wait", type=float, default=0)
    tell_.set_defaults(run=tell)
    plant_ = commands.add_parser("plant")
    plant_.add_argument("system", type=Path)
    plant_.set_defaults(run=plant)
    boot_ = commands.add_parser("first-boot")
    boot_.add_argument("file", type=Path)
    boot_.set_defaults(run=first_boot)
    return parser.parse_args(arguments)


# --- what happened, kept until it is sent ----------------------------------------------------------------------------


class Queue:
    """Events in files, in the order of their numbers. Who adds one and who sends them are different processes."""

    def __init__(self, place: Path) -> None:
        self.place = place

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with open(self.place / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def add(self, event: Mapping[str, Any]) -> int:
        """Number an event and keep it. Raises OSError."""
        with self._locked():
            number = self._last() + 1
            data = {"seq": number, "uptime": uptime(), **event}
            if len(self.waiting()) < QUEUE_MOST:
                write(self.place / f"event-{number:08}.json", json.dumps(data))
            write(self.place / "last", str(number))
            write(self.place / "state", str(event["state"]))
        return number

    def _last(self) -> int:
        try:
            return int((self.place / "last").read_text())
        except (OSError, ValueError):
            return 0

    @property
    def last(self) -> int:
        """The number of the newest event."""
        return self._last()

    @property
    def state(self) -> str:
        """The state of the newest event."""
        try:
            return (self.place / "state").read_text() or STATES[0]
        except OSError:
            return STATES[0]

    def take_in(self) -> Iterator[dict[str, Any]]:
        """The events that other programs have left here: `said-NAME.json`, with state, step and message."""
        for file in sorted(self.place.glob("said-*.json")):
            event = _read(file)
            file.unlink(missing_ok=True)
            if event is not None and event.get("state") in (*STATES, FAILED):
                yield event_of(str(event["state"]), str(event.get("step", "")), str(event.get("message", "")))

    def waiting(self) -> list[Path]:
        """The events that were not sent yet, the oldest first."""
        return sorted(self.place.glob("event-*.json"))

    def logs(self) -> list[Path]:
        """The logs that were not sent yet."""
        return sorted(self.place.glob("log-*"))


def leave(name: str, state: str, step: str, message: str, place: Path = PLACE) -> None:
    """Leave an event to the reporter (Queue.take_in), if it runs. The installation does not depend on it."""
    if place.is_dir():
        with contextlib.suppress(OSError):
            write(place / f"said-{name}.json", json.dumps({"state": state, "step": step, "message": message}))


def write(file: Path, content: Union[str, bytes]) -> None:
    """Write a file whole or not at all: another process may be about to read it."""
    new = file.with_name(f".{file.name}.{os.getpid()}")
    new.write_bytes(content.encode() if isinstance(content, str) else content)
    new.replace(file)


def uptime() -> float:
    """Seconds since the machine has started: its clock may be wrong, this one never goes back."""
    return round(time.clock_gettime(time.CLOCK_BOOTTIME), 2)


def boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "0"


def armed(root: Path) -> str:
    """The permission with which this installer has fetched its kickstart; empty without one."""
    found = re.search(r"\binst\.ks=\S*[?&]armed=([^\s&]+)", _text(f"{root}/proc/cmdline"))
    return found[1] if found else ""


def event_of(
    state: str, step: str = "", message: str = "", facts: Optional[Mapping[str, Any]] = None
) -> dict[str, Any]:
    event: dict[str, Any] = {"state": state, "step": without_secrets(step)[:STEP_LONGEST]}
    if message:
        # The end says what went wrong.
        event["message"] = without_secrets(message)[-MESSAGE_LONGEST:]
    if facts is not None:
        event["facts"] = facts
    return event


def without_secrets(text: str) -> str:
    for pattern in SECRETS:
        text = pattern.sub(rf"\1{REDACTED}", text)
    return text


# --- sending ---------------------------------------------------------------------------------------------------------


class Server:
    """The site's server. Raises OSError where it cannot be reached, Refused and Unreadable."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def token(self, permission: str) -> str:
        """The token of this arming, which is given out once."""
        return self._ask("GET", f"{self._config.token_url}?armed={permission}").decode("ascii", "replace").strip()

    def report(self, body: bytes) -> None:
        """Send a report."""
        self._ask("POST", self._config.reports, body, {"Content-Type": "application/json"})

    def log(self, name: str, packed: bytes, is_cut: bool) -> None:
        """Send a log, packed with gzip."""
        headers = {"Content-Encoding": "gzip", "X-Log-Cut": str(int(is_cut))}
        self._ask("PUT", f"{self._config.reports}/logs/{name}", packed, headers)

    def _ask(self, method: str, url: str, body: bytes = b"", headers: Optional[Mapping[str, str]] = None) -> bytes:
        parts = urlsplit(url)
        # Anaconda's proxy is for the internet; http.client knows none.
        connection = self._connection(parts.scheme, parts.hostname or "", parts.port)
        authorization = {"Authorization": f"Bearer {self._config.credential}"} if self._config.credential else {}
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        try:
            connection.connect()
            self._check_pin(connection)
            connection.request(method, path, body or None, {**authorization, **(headers or {})})
            answer = connection.getresponse()
            content = answer.read(LOG_LARGEST)
        except http.client.HTTPException as error:
            raise OSError(f"{url}: {type(error).__name__}") from error
        finally:
            connection.close()
        if 200 <= answer.status < 300:
            return content
        if answer.status in (401, 403, 410):
            raise Refused(f"HTTP status {answer.status}")
        # The other ones are temporary: 404 and 405 are those of a server that is being set up.
        if answer.status in (400, 413, 422):
            raise Unreadable(f"HTTP status {answer.status}")
        raise OSError(f"HTTP status {answer.status}")

    def _connection(self, scheme: str, host: str, port: Optional[int]) -> http.client.HTTPConnection:
        if scheme != "https":
            return http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
        context = ssl.create_default_context()
        if self._config.pin:
            # The certificate itself is compared. Its dates are not: the clock may be years behind.
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=context)

    def _check_pin(self, connection: http.client.HTTPConnection) -> None:
        if self._config.pin and isinstance(connection, http.client.HTTPSConnection):
            shown = connection.sock.getpeercert(binary_form=True) or b""
            if hashlib.sha256(shown).hexdigest() != self._config.pin.lower().replace(":", ""):
                raise OSError("the server shows another certificate than the pinned one")


def send(queue: Queue, server: Server, heartbeat: Optional[Mapping[str, Any]] = None) -> None:
    """Send what waits, in its order, and a heartbeat with the last of it. Raises OSError and Refused.

    What was sent is removed. A report that the server will never accept is dropped: those behind it may be better.
    """
    while True:
        files = queue.waiting()[:BATCH]
        events = [event for event in map(_read, files) if event is not None]
        is_last = len(queue.waiting()) <= BATCH
        if not events and heartbeat is None:
            break
        report = {"version": VERSION, "boot": boot_id(), "events": events}
        if is_last and heartbeat is not None:
            report["heartbeat"] = heartbeat
        with contextlib.suppress(Unreadable):
            server.report(json.dumps(report).encode())
        for file in files:
            file.unlink(missing_ok=True)
        if is_last:
            break
    for file in queue.logs():
        with contextlib.suppress(Unreadable):
            server.log(file.name.partition("-")[2].removesuffix(".cut"), file.read_bytes(), file.name.endswith(".cut"))
        file.unlink(missing_ok=True)


def _read(file: Path) -> Optional[dict[str, Any]]:
    try:
        event = json.loads(file.read_text())
    except (OSError, ValueError):
        return None
    return event if isinstance(event, dict) else None


def collect_logs(queue: Queue, root: Path) -> None:
    """Keep the ends of all logs, packed, until they are sent: the machine may restart soon."""
    for pattern in LOGS:
        for file in sorted(root.glob(pattern.lstrip("/"))):
            with contextlib.suppress(OSError), open(file, "rb") as log:
                size = log.seek(0, os.SEEK_END)
                log.seek(max(0, size - LOG_LARGEST))
                _keep_log(queue, file.name, log.read(LOG_LARGEST), size > LOG_LARGEST)
    # What Anaconda's modules say is in the journal alone.
    journal = output("journalctl", "--quiet", "--no-pager", "--boot", f"--lines={JOURNAL_LINES}")[0].encode()
    with contextlib.suppress(OSError):
        _keep_log(queue, "journal.log", journal[-LOG_LARGEST:], len(journal) > LOG_LARGEST)


def _keep_log(queue: Queue, name: str, text: bytes, is_cut: bool) -> None:
    """Keep the end of a log; `is_cut` says that its front is missing."""
    if is_cut:
        text = text[text.find(b"\n") + 1 :]
    if not text:
        return
    clean = without_secrets(text.decode("utf-8", "replace")).encode()[-LOG_LARGEST:]
    name = re.sub(r"[^A-Za-z0-9._-]", "_", name)[-LOG_NAME_LONGEST:]
    write(queue.place / f"log-{name}{'.cut' if is_cut else ''}", gzip.compress(clean, 5))


# --- in the background of the installer ------------------------------------------------------------------------------


class Observer:
    """What Anaconda does, as its log, the journal and the file systems tell it. `place` is for what is kept of them."""

    def __init__(self, root: Path, place: Path) -> None:
        self._root, self._read_to, self._rest = root, 0, ""
        self._cursor, self._next_journal = place / "journal-cursor", 0.0
        self._said: list[str] = []
        self._pid = 0
        self.state, self.step = STATES[0], ""
        self.errors: list[str] = []
        self._is_in_traceback = False
        self._source: Optional[tuple[str, str, str]] = None
        self._used_before: Optional[int] = None

    def look(self, is_last: bool = False) -> Iterator[dict[str, Any]]:
        """The events since the last look. `is_last`: Anaconda has ended."""
        for line in self._new_lines():
            queue, failed = QUEUE.search(line), SCRIPT_FAILED.search(line)
            self._note_error(line)
            if failed:
                yield self._script_failed(failed[1], failed[2])
            elif queue and queue[1] not in QUEUES_BEFORE:
                self.step = queue[1]
                self.state = STATE_OF_QUEUE.get(queue[1], "configuring")
                yield event_of(self.state, self.step)
        if is_last or (self.step in SCRIPT_QUEUES and time.monotonic() >= self._next_journal):
            yield from self._look_into_journal()
            self._next_journal = time.monotonic() + JOURNAL_PAUSE_S

    def _note_error(self, line: str) -> None:
        """Keep the last errors; of a traceback, what was raised in the end."""
        if error := ERROR_LINE.match(line):
            self.errors = [*self.errors, error[1]][-5:]
            self._is_in_traceback = error[1] == TRACEBACK
        elif LOG_LINE.match(line):
            self._is_in_traceback = False
        elif self._is_in_traceback and EXCEPTION_LINE.match(line):
            self.errors[-1] = line

    def _look_into_journal(self) -> Iterator[dict[str, Any]]:
        """The script that has failed, with the last lines of what it has said."""
        options = ("--quiet", "--no-pager", "--output=cat", f"--cursor-file={self._cursor}")
        for line in output("journalctl", *options, f"--identifier={RUNTIME_MODULE}")[0].splitlines():
            failed, says = SCRIPT_FAILED.search(line), SCRIPT_SAYS.match(line)
            if SCRIPT_BEGINS.match(line):
                self._said = []
            elif failed:
                yield self._script_failed(failed[1], failed[2])
            elif says:
                self._said = [*self._said, says[1]][-SAID_MOST:]

    def _new_lines(self) -> list[str]:
        try:
            with open(self._root / "tmp/anaconda.log", errors="replace") as log:
                log.seek(self._read_to)
                text = log.read(1 << 20)
                self._read_to = log.tell()
        except OSError:
            return []
        *lines, self._rest = (self._rest + text).split("\n")
        return lines

    def _script_failed(self, status: str, line: str) -> dict[str, Any]:
        message = "\n".join((f"the script at line {line} of the kickstart ended with {status}", *self._said))
        if self._said:
            return event_of(FAILED, f"script at line {line}", message)
        logs = [*self._root.glob("tmp/ks-script-*.log"), *self._root.glob("tmp/node-*.log")]
        logs += self._root.glob(f"{SYSROOT.lstrip('/')}/var/log/ovirt-node-*.log")
        with contextlib.suppress(OSError, ValueError):
            newest = max(logs, key=lambda log: log.stat().st_mtime)
            message += f"\n{newest.name}:\n{newest.read_text(errors='replace')[-2000:]}"
        return event_of(FAILED, f"script at line {line}", message)

    def has_ended(self) -> bool:
        """Whether Anaconda has run, and runs no more: it removes its PID file, unless it is killed."""
        try:
            self._pid = int((self._root / "run/anaconda.pid").read_text())
        except (OSError, ValueError):
            return self._pid != 0
        return not (self._root / f"proc/{self._pid}").exists()

    def progress(self) -> tuple[Optional[int], Optional[int]]:
        """Bytes in the new system, and of how many, while the image or packages are written there."""
        if self.state != "copying":
            return None, None
        mounts = self._mounts()
        targets = {device: place for device, place, _ in mounts if f"{place}/".startswith(f"{SYSROOT}/")}
        used = sum(self._used(place) for device, place in targets.items() if device.startswith("/dev/"))
        if not used:
            return None, None
        # The file system in an image is mounted after the image itself; before it there may be the installer's medium.
        source = next((one for one in reversed(mounts) if one[1].startswith(SOURCES) and one[2] not in MEDIA), None)
        if self._used_before is None or source != self._source:
            # Empty file systems are not empty, and a downloaded image is on one of them.
            self._source, self._used_before = source, used
        done, total = max(0, used - self._used_before), self._used(source[1]) if source else 0
        return (min(done, total), total) if total else (done, None)

    def _mounts(self) -> list[tuple[str, str, str]]:
        """(device, place, type) of what is mounted, in the order of mounting."""
        try:
            lines = (self._root / "proc/mounts").read_text().splitlines()
        except OSError:
            return []
        return [(words[0], words[1], words[2]) for words in map(str.split, lines) if len(words) > 2]

    def _used(self, place: str) -> int:
        with contextlib.suppress(OSError):
            state = os.statvfs(self._root / place.lstrip("/"))
            return (state.f_blocks - state.f_bfree) * state.f_frsize
        return 0


def start(options: argparse.Namespace) -> None:
    """Begin to report, in a process that holds nothing of the script that started it.

    Anaconda waits for the end of a script's output, not for the script: a process with an open one would stop the
    installation.
    """
    options.place.mkdir(mode=0o700, parents=True, exist_ok=True)
    config = Config.read(options.config)
    write(options.place / PROGRAM, Path(__file__).read_text())
    write(options.place / CONFIG, json.dumps(dataclasses.asdict(config)))
    if os.fork():
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.closerange(3, 256)
    os.chdir("/")
    try:
        follow(Queue(options.place), config, options.root)
    finally:
        os._exit(0)


def follow(queue: Queue, config: Config, root: Path) -> None:
    """Watch and send until the machine goes down."""
    # Here, and not before: a disk that does not answer delays nothing.
    with contextlib.suppress(OSError):
        queue.add(event_of(STATES[0], "the installer has started", facts=machine_facts()))
    # The last events are sent when systemd ends everything.
    is_over: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: is_over.append(number))
    observer, sender = Observer(root, queue.place), Sender(queue, config, armed(root))
    has_failed = False
    while not is_over:
        has_ended = not has_failed and observer.has_ended() and queue.state not in ("installed", FAILED)
        for event in (*queue.take_in(), *observer.look(has_ended)):
            if event["state"] == FAILED:
                if has_failed or queue.state == FAILED:
                    # How a script has ended says less than its own words.
                    continue
                has_failed = True
                collect_logs(queue, root)
            with contextlib.suppress(OSError):
                queue.add(event)
        if has_ended and not has_failed:
            has_failed = True
            collect_logs(queue, root)
            with contextlib.suppress(OSError):
                queue.add(event_of(FAILED, observer.step, "\n".join(("the installer has ended", *observer.errors))))
        sender.work(observer)
        time.sleep(1)
    sender.work(observer, is_last=True)


class Sender:
    """Sends when something waits, when a heartbeat is due, and less often while the server does not answer."""

    def __init__(self, queue: Queue, config: Config, permission: str) -> None:
        self._queue, self._config, self._permission = queue, config, permission
        self._next_beat = self._next_try = 0.0
        self._pause = 2.0

    def work(self, observer: Observer, is_last: bool = False) -> None:
        """Send what is due now."""
        now = time.monotonic()
        is_due = bool(self._queue.waiting() or self._queue.logs()) or now >= self._next_beat
        if not is_due or (now < self._next_try and not is_last):
            return
        try:
            self._get_token()
            done, total = observer.progress()
            beat = {"uptime": uptime(), "state": self._queue.state, "step": observer.step}
            beat.update({} if done is None else {"done": done, "total": total})
            send(self._queue, Server(self._config), beat)
        except OSError:
            self._pause = min(LONGEST_PAUSE_S, self._pause * 2)
            self._next_try = now + self._pause * random.uniform(1 - JITTER, 1 + JITTER)
            return
        except Refused:
            # The machine was not armed by ksgen, another one has fetched its token, or the server's database is new.
            self._next_try = now + LONGEST_PAUSE_S
            return
        self._pause, self._next_try = 2.0, 0.0
        self._next_beat = now + HEARTBEAT_S * random.uniform(1 - JITTER, 1 + JITTER)

    def _get_token(self) -> None:
        if self._config.credential:
            return
        if not self._permission:
            raise Refused("the installer was not started by an arming of ksgen")
        given = Server(self._config).token(self._permission)
        if not given:
            raise Refused("an arming of an older ksgen has no token")
        self._config = dataclasses.replace(self._config, credential=given)
        write(self._queue.place / CONFIG, json.dumps(dataclasses.asdict(self._config)))


def tell(options: argparse.Namespace) -> None:
    """Something has happened. With --wait it is sent before the command ends, if that takes no longer."""
    if not options.place.is_dir():
        return
    message = options.message
    if options.message_file:
        message = f"{message}\n{options.message_file.read_text(errors='replace')[-MESSAGE_LONGEST:]}".strip()
    queue = Queue(options.place)
    if options.state == FAILED:
        collect_logs(queue, options.root)
    queue.add(event_of(options.state, options.step, message))
    end = time.monotonic() + options.wait
    while time.monotonic() < end and (queue.waiting() or queue.logs()):
        time.sleep(0.2)


# --- facts -----------------------------------------------------------------------------------------------------------


BOARD = ("sys_vendor", "product_name", "product_serial", "product_uuid", "bios_version")


def machine_facts() -> dict[str, Any]:
    """What the machine is: firmware, board, memory, processors, interfaces and disks."""
    return {
        "firmware": "uefi" if Path("/sys/firmware/efi").is_dir() else "bios",
        "secure_boot": _secure_boot(),
        "board": {name: text for name in BOARD if (text := _text(f"/sys/class/dmi/id/{name}"))},
        "memory": _memory(),
        "processors": os.cpu_count(),
        "processor": next((line.partition(":")[2].strip() for line in _text("/proc/cpuinfo").splitlines()
                           if line.startswith("model name")), ""),
        "interfaces": list(_interfaces()),
        "disks": _disks(),
    }  # fmt: skip


def _text(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace").strip()
    except OSError:
        return ""


def _secure_boot() -> Optional[bool]:
    for variable in Path("/sys/firmware/efi/efivars").glob("SecureBoot-*"):
        with contextlib.suppress(OSError):
            return variable.read_bytes()[-1:] == b"\x01"
    return None


def _memory() -> Optional[int]:
    found = re.search(r"^MemTotal:\s+(\d+) kB", _text("/proc/meminfo"), re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def _interfaces() -> Iterator[dict[str, Any]]:
    for nic in sorted(Path("/sys/class/net").glob("*")):
        if (nic / "device").exists():
            speed = _text(f"{nic}/speed")
            yield {
                "name": nic.name,
                # A NIC that is already in a bond shows the bond's address.
                "mac": _text(f"{nic}/bonding_slave/perm_hwaddr") or _text(f"{nic}/address"),
                "link": _text(f"{nic}/carrier") == "1",
                "speed": int(speed) if speed.lstrip("-").isdecimal() else None,
            }


def _disks() -> list[dict[str, Any]]:
    columns = "NAME,SIZE,MODEL,SERIAL,WWN,TRAN,ROTA,PTTYPE,FSTYPE"
    text, _ = output("lsblk", "--json", "--bytes", "--nodeps", "--output", columns)
    try:
        found = json.loads(text)["blockdevices"]
        return [disk for disk in found if not str(disk["name"]).startswith(("loop", "sr", "zram", "ram", "fd"))]
    except (ValueError, KeyError, TypeError):
        return []


def output(*command: str, limit: float = 30) -> tuple[str, int]:
    """What a command prints, and its exit status; nothing of one that is not there or does not end."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=limit, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "", 1
    return done.stdout.decode("utf-8", "replace"), done.returncode


# --- the first boot --------------------------------------------------------------------------------------------------

KEPT = Path("var/lib/ovirt-node-installer")
UNIT_NAME = "ovirt-node-report.service"
UNIT = f"""\
# Written by the installation. It reports the first boot once and removes itself.
[Unit]
Description=Report the first boot of this system to the server that installed it
ConditionPathExists=/{KEPT}/first-boot.json
Wants=network-online.target
After=network-online.target sshd-keygen.target imgbase-setup.service vdsmd.service

[Service]
Type=oneshot
ExecStart=/usr/bin/python3 /{KEPT}/report.py first-boot /{KEPT}/first-boot.json
Restart=on-failure
RestartSec=60

[Install]
WantedBy=multi-user.target
"""


def plant(options: argparse.Namespace) -> None:
    """Have the system in a directory report its first boot.

    /var is shared by all layers and not rolled back: what is removed there stays removed, so that neither an
    update nor a rollback reports again.
    """
    if not options.place.is_dir():
        return
    config = Config.read(options.place / CONFIG)
    if not config.credential:
        return
    place = options.system / KEPT
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    write(place / PROGRAM, (options.place / PROGRAM).read_text())
    # Numbers of its own: the installer may still have something to say.
    data = {**dataclasses.asdict(config), "seq": Queue(options.place).last + 1000}
    descriptor = os.open(place / "first-boot.json", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w") as file:
        json.dump(data, file)
    units = options.system / "etc/systemd/system"
    wants = units / "multi-user.target.wants"
    wants.mkdir(parents=True, exist_ok=True)
    (units / UNIT_NAME).write_text(UNIT)
    with contextlib.suppress(FileExistsError):
        (wants / UNIT_NAME).symlink_to(f"../{UNIT_NAME}")


def first_boot(options: argparse.Namespace) -> int:
    """Report that the installed system is up, and how it is. Ends with 1 to be tried again, by systemd."""
    config, number = Config.read(options.file), json.loads(options.file.read_text())["seq"]
    message, facts = node_facts()
    # network-online.target may be reached before DHCP has answered.
    end = time.monotonic() + ADDRESS_S
    while not facts["addresses"] and time.monotonic() < end:
        time.sleep(1)
        facts["addresses"] = _addresses()
    event = {"seq": number, "uptime": uptime(), **event_of(STATES[-1], "first boot", message, facts)}
    report = {"version": VERSION, "boot": boot_id(), "events": [event]}
    try:
        Server(config).report(json.dumps(report).encode())
    except OSError as error:
        print(f"not reported, tried again later: {error}", file=sys.stderr)
        return 1
    except (Refused, Unreadable) as error:
        print(f"not reported: {error}", file=sys.stderr)
    options.file.unlink()
    units = options.root / "etc/systemd/system"
    for link in (units / "multi-user.target.wants" / UNIT_NAME, units / UNIT_NAME):
        with contextlib.suppress(OSError):
            link.unlink()
    return 0


def node_facts() -> tuple[str, dict[str, Any]]:
    """What complains in the installed system, and what it is."""
    release = re.search(r'^PRETTY_NAME="?([^"\n]*)', _text("/etc/os-release"), re.MULTILINE)
    keys = [line for file in sorted(Path("/etc/ssh").glob("ssh_host_*_key.pub"))
            if (line := output("ssh-keygen", "-l", "-f", str(file))[0].strip())]  # fmt: skip
    layer, is_no_node = output("imgbase", "w")
    failed = output("systemctl", "--failed", "--plain", "--no-legend")[0]
    units = [line.split()[0] for line in failed.splitlines() if line.split() and line.split()[0] != UNIT_NAME]
    complaints = [f"failed units: {', '.join(units)}"] if units else []
    facts: dict[str, Any] = {
        "release": release[1] if release else "",
        "addresses": _addresses(),
        "host_keys": keys,
        "failed_units": units,
        "layout": layout_facts(),
    }
    if not is_no_node:
        facts["layer"] = layer.strip().rpartition(" ")[2]
        checks, status = output("nodectl", "--machine-readable", "check", limit=120)
        if not status:
            bad = _bad_checks(checks)
            facts["nodectl"] = bad or "ok"
            complaints += [f"nodectl check: {', '.join(bad)}"] if bad else []
    return "; ".join(complaints), facts


LAYOUT = ("kname", "name", "type", "size", "fstype", "mountpoint")


def layout_facts() -> list[dict[str, Any]]:
    """What is on the disks of the root file system, each with what it is a part of; other disks are not looked at."""
    text, _ = output("lsblk", "--json", "--bytes", "--output", ",".join(LAYOUT).upper())
    found: dict[str, dict[str, Any]] = {}
    try:
        for disk in json.loads(text)["blockdevices"]:
            below = list(_below(disk))
            if any(device.get("mountpoint") == "/" for device, _ in below):
                for device, parent in below:
                    own = {name: device.get(name) for name in LAYOUT}
                    parents = found.setdefault(device["kname"], {**own, "parents": []})["parents"]
                    parents += [parent] if parent and parent not in parents else []
    except (ValueError, KeyError, TypeError):
        return []
    return list(found.values())


def _below(device: Mapping[str, Any], parent: str = "") -> Iterator[tuple[Mapping[str, Any], str]]:
    """A device and all that is on it, each with what it is on."""
    yield device, parent
    for child in device.get("children", ()):
        yield from _below(child, device["kname"])


def _addresses() -> list[str]:
    try:
        found = json.loads(output("ip", "-j", "address", "show", "scope", "global")[0])
        # Addresses of other scopes are empty objects (iproute2, print_addrinfo).
        return [
            f"{nic['ifname']} {one['local']}/{one['prefixlen']}"
            for nic in found
            for one in nic.get("addr_info", ())
            if one
        ]
    except (ValueError, KeyError, TypeError):
        return []


def _bad_checks(text: str) -> list[str]:
    """The checks of nodectl that are not `ok`; its exit status is 0 in any case (nodectl, src/nodectl/status.py)."""
    try:
        checks = json.loads(text)
    except ValueError:
        return ["unreadable"]
    return sorted(
        name for name, value in checks.items()
        if (value.get("status") if isinstance(value, dict) else value) not in ("ok", None) and name != "status"
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
