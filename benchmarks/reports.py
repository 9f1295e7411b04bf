# SPDX-License-Identifier: GPL-2.0-or-later
"""Machines that report to `ksgen serve`, beside the least that a server can do (limit/take.py): `make bench-reports`.

Each machine reports every ten seconds over a connection of its own, as the reporter does; in between, some send a log.
A browser's stream of changes is open, and rows of the board are asked for. Then it is counted what was kept.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import datetime
import gzip
import json
import os
import random
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

from benchmarks.figures import Figure, row
from ksgen.reports import LOG_LARGEST
from ksgen.server import add_login
from ksgen.store import Store, open_database

MACHINES, SECONDS, LOGS, EVERY_S = 1000, 60.0, 200, 10.0
BOARD_HOSTS = 2000
_LIMIT = Path(__file__).parent / "limit" / "take.py"
_PATIENCE_S = 120
BOOT = "5f0c8a3e-1111-2222-3333-444455556666"


class Load:
    """What a server is asked, and how long each answer took, in seconds."""

    def __init__(self, port: int, tokens: dict[str, str]) -> None:
        self.port, self.tokens = port, tokens
        self.took: list[float] = []
        self.sent: dict[str, int] = {}
        self.refused = 0

    async def run(self, seconds: float, logs: int) -> None:
        """Report for so long."""
        end = time.monotonic() + seconds
        chosen = random.Random(1).sample(sorted(self.tokens), min(logs, len(self.tokens)))
        senders = [self._machine(host, end) for host in self.tokens]
        await asyncio.gather(*senders, *(self._log(host, seconds) for host in chosen))

    async def _machine(self, host: str, end: float) -> None:
        await asyncio.sleep(random.Random(host).uniform(0, EVERY_S))
        while time.monotonic() < end:
            begin = time.monotonic()
            seq = self.sent.get(host, 0) + 1
            event = {"seq": seq, "uptime": 1.0, "state": "copying", "step": "rsync", "done": seq, "total": 100}
            report = {"version": 1, "boot": BOOT, "events": [event]}
            if await self._ask("POST", "/report", host, json.dumps(report).encode()) == 200:
                self.sent[host] = seq
            await asyncio.sleep(max(0.0, begin + EVERY_S - time.monotonic()))

    async def _log(self, host: str, seconds: float) -> None:
        await asyncio.sleep(random.Random(f"log {host}").uniform(0, seconds))
        rest = "INF program: Running... rsync -pogAXtlHrDx --stats --exclude /dev/ /mnt/install/source/"
        # No two lines are the same, as in a log.
        lines = "".join(f"12:{n // 60:02}:{n % 60:02},000 {rest}{n}\n" for n in range(3600))
        await self._ask("PUT", "/report/logs/program.log", host, gzip.compress(lines.encode()[:LOG_LARGEST]))

    async def _ask(self, method: str, path: str, host: str, body: bytes) -> int:
        packed = "" if method == "POST" else "Content-Encoding: gzip\r\n"
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self.tokens[host]}\r\n{packed}"
        begin = time.monotonic()
        status, _ = await ask(self.port, f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n", body)
        self.took.append(time.monotonic() - begin)
        self.refused += status not in (200, 204)
        return status


async def ask(port: int, head: str, body: bytes = b"") -> tuple[int, bytes]:
    """A request over a connection of its own; its status and answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(head.encode() + body)
        answer = await reader.read()
    finally:
        writer.close()
    first, _, rest = answer.partition(b"\r\n\r\n")
    return int(first.split()[1]) if first else 0, rest


def tree(directory: Path, hosts: Sequence[str]) -> dict[str, str]:
    """A published tree in which all hosts are armed, and their tokens."""
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    until = now + datetime.timedelta(hours=6)
    tokens = {host: secrets.token_hex(32) for host in hosts}
    (directory / "armed").mkdir(parents=True)
    (directory / "ks").mkdir()
    armed = {}
    for host, token in tokens.items():
        name = f"{host}.{int(now.timestamp())}.{int(until.timestamp())}.{'a' * 32}"
        (directory / "armed" / name).write_text(f"{token}\n")
        (directory / "ks" / f"{host}.ks").write_text(f"# {host}\n")
        times = {"given": now.isoformat(), "until": until.isoformat()}
        armed[host] = {"mac": "52:54:00:00:00:01", **times, "secret": "a" * 32, "report": token}
    (directory / "arming.json").write_text(json.dumps({"version": 3, "armed": armed}))
    return tokens


def inventory(hosts: Sequence[str]) -> str:
    """The smallest one with these hosts: `ksgen serve` shows their plans."""
    shared = {
        "node_release": "el9",
        "node_image_url": "http://pxe.example.com/node.img",
        "node_disk": {"wwn": "0x5000c500a1b2c3d4", "size": "300 GiB"},
        "node_ssh_keys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f a@b"],
    }
    groups: dict[str, dict[str, object]] = {}
    for number, host in enumerate(hosts):
        group = groups.setdefault(f"rack_{number // 40:02}", {"hosts": {}})
        entries = group["hosts"]
        assert isinstance(entries, dict)
        entries[host] = {"node_mac": f"52:54:00:00:{number // 256:02x}:{number % 256:02x}"}
    return json.dumps({"all": {"vars": shared, "children": groups}})


@contextlib.contextmanager
def running(command: Sequence[object], port: int, place: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A server, from its first answer on."""
    with subprocess.Popen([sys.executable, *map(str, command)], cwd=place, stderr=subprocess.DEVNULL) as server:
        end = time.monotonic() + _PATIENCE_S
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            if server.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"{command} does not serve")
            time.sleep(0.1)
        try:
            yield server
        finally:
            server.terminate()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
    return port


def used(server: subprocess.Popen[bytes]) -> tuple[float, int]:
    """The processor time of a server in seconds, and the largest memory that it had, in bytes."""
    fields = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()
    status = Path(f"/proc/{server.pid}/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), int(peak.split()[1]) * 1024


@contextlib.asynccontextmanager
async def looking(port: int, token: str) -> AsyncIterator[list[float]]:
    """An open board: the stream of changes, and for each change the rows of its hosts. Yields how long those took."""
    head = f"HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
    took: list[float] = []

    async def look() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET /api/changes {head}\r\n".encode())
        try:
            while line := await reader.readline():
                if line.startswith(b"data:"):
                    hosts = json.loads(line.removeprefix(b"data:"))
                    query = "&".join(f"host={host}" for host in hosts)
                    begin = time.monotonic()
                    await ask(port, f"GET /board/rows?{query} {head}Connection: close\r\n\r\n")
                    took.append(time.monotonic() - begin)
        finally:
            writer.close()

    task = asyncio.create_task(look())
    try:
        yield took
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def p99(took: Sequence[float]) -> float:
    return statistics.quantiles(took, n=100)[98]


async def _load_limit(place: Path, machines: int, seconds: float, logs: int) -> tuple[Load, float]:
    load = Load(free_port(), {f"node{number:04}": "x" for number in range(machines)})
    with running([_LIMIT, load.port, place / "limit.db"], load.port, place) as server:
        await load.run(seconds, logs)
        return load, used(server)[0]


async def measured(place: Path, machines: int, seconds: float, logs: int) -> list[Figure]:
    """The figures of both servers."""
    limit, limit_cpu = await _load_limit(place, machines, seconds, logs)
    hosts = [f"node{number:04}" for number in range(max(machines, BOARD_HOSTS))]
    tokens = tree(place / "out", hosts)
    (place / "hosts.json").write_text(inventory(hosts))
    state = place / "state"
    state.mkdir()
    add_login(state / "logins.json", "bench", "read", place / "token")
    token = (place / "token").read_text().strip()
    load = Load(free_port(), {host: tokens[host] for host in hosts[:machines]})
    command = ["-m", "ksgen", "serve", "hosts.json", "--state", state, "--listen", f"127.0.0.1:{load.port}"]
    with running(command, load.port, place) as server:
        head = f"HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
        firsts = []
        for _ in range(5):
            begin = time.monotonic()
            await ask(load.port, f"GET /board/ {head}")
            firsts.append(time.monotonic() - begin)
        before = used(server)[0]
        async with looking(load.port, token) as rows:
            await load.run(seconds, logs)
        cpu, memory = used(server)
    store = Store(open_database(str(state / "reports.db"), datetime.datetime.now(datetime.timezone.utc)))
    lost = 0
    for host, attempt in store.newest().items():
        kept = [one.seq for one in store.happenings(attempt.id)]
        lost += abs(load.sent.get(host, 0) - len(kept))
    reports = sum(load.sent.values())
    return [
        Figure("reports that were acknowledged", reports, note=f"{machines} machines, {seconds:.0f} s"),
        Figure("of these not kept, or kept twice", lost, ("at most", 0)),
        Figure("refused or unanswered", load.refused, ("at most", 0)),
        Figure("p99 of an answer", 1000 * p99(load.took), ("at most", 250), " ms"),
        Figure("the same / the limit's", p99(load.took) / p99(limit.took), None, "x"),
        Figure("processor time of a report / the limit's", (cpu - before) / limit_cpu, None, "x"),
        Figure("memory at most", memory / 1e6, ("at most", 300), " MB"),
        Figure(f"board of {len(hosts)} hosts", 1000 * statistics.median(firsts), ("at most", 1000), " ms"),
        Figure("its update, p99", 1000 * p99(rows), ("at most", 200), " ms", note=f"{len(rows)} updates"),
    ]  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="benchmarks.reports", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--machines", type=int, default=MACHINES)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--logs", type=int, default=LOGS, help="how many machines send a log of 256 KiB")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ksgen-bench-") as name:
        figures = asyncio.run(measured(Path(name), given.machines, given.seconds, given.logs))
    for figure in figures:
        print(row(figure))
    return 1 if any(figure.is_met is False for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
