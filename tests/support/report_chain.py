# SPDX-License-Identifier: GPL-2.0-or-later
"""An installation as far as it is reported, in a network of its own: nginx as ksgen configures it, `ksgen serve` behind
it, and the reporter as a kickstart starts it. Started with the directory of a published tree whose host is armed.

Prints as JSON what `ksgen status` says after each step.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import boot_servers

T = TypeVar("T")
_PATIENCE = 60
KSGEN = [sys.executable, "-m", "ksgen"]


def main() -> None:
    place, host = Path(sys.argv[1]), sys.argv[2]
    subprocess.run([boot_servers.program("ip"), "link", "set", "lo", "up"], check=True)
    nginx = [boot_servers.program("nginx"), "-c", str(place / "out/nginx.conf"), "-g", "daemon off;"]
    serve = [*KSGEN, "serve", place / "hosts.yaml", "-o", place / "out", "--state", place / "state"]
    servers = [subprocess.Popen(nginx, stdout=sys.stderr), subprocess.Popen(list(map(str, serve)), stdout=sys.stderr)]
    said: list[dict[str, Any]] = []
    try:
        wait_for(lambda: status(place))
        said.append(fetch_kickstart(place, host))
        installer(place, host)
        said.append(follow(place, host, "preparing"))
        line = "12:00:00,000 INF installation: Queue started: Payload installation (6/18)\n"
        (place / "installer/tmp/anaconda.log").write_text(line)
        said.append(follow(place, host, "copying"))
        reporter(place, "tell", "failed", "--step", "post", "--message", "error: no space\ncure: more space")
        said.append(follow(place, host, "failed"))
    finally:
        for server in servers:
            server.terminate()
        for server in servers:
            server.wait(timeout=_PATIENCE)
        for process in Path("/proc").glob("[0-9]*"):
            if str(place / "reports") in words_of(process):
                os.kill(int(process.name), 15)
    json.dump(said, sys.stdout)


def words_of(process: Path) -> list[str]:
    try:
        return (process / "cmdline").read_text().split("\0")
    except OSError:
        return []


def wait_for(condition: Callable[[], T]) -> T:
    """What is true at last."""
    end = time.monotonic() + _PATIENCE
    while not (found := condition()):
        if time.monotonic() > end:
            raise SystemExit("nothing happens")
        time.sleep(0.2)
    return found


def status(place: Path) -> dict[str, Any]:
    """The status of each host; empty while the server does not answer."""
    command = [*KSGEN, "status", place / "hosts.yaml", "--token", place / "token", "--json"]
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, check=False)
    return {one["host"]: one for one in json.loads(done.stdout)["hosts"]} if done.stdout else {}


def follow(place: Path, host: str, state: str) -> dict[str, Any]:
    """What is said of the host as soon as it is in that state."""

    def in_state() -> dict[str, Any] | None:
        one: dict[str, Any] = status(place)[host]
        return one if one["state"] == state else None

    found = wait_for(in_state)
    assert found
    return found


def fetch_kickstart(place: Path, host: str) -> dict[str, Any]:
    url = f"/nodes/ks/{host}.ks?armed={permission(place)}"
    wait_for(lambda: boot_servers._http({"method": "GET", "http": url, "port": 80})["status"] in (200, 410))
    return follow(place, host, "booting")


def permission(place: Path) -> str:
    (file,) = (place / "out/armed").iterdir()
    return file.name


def installer(place: Path, host: str) -> None:
    """The files of an installer, and the reporter as the first %pre script of the kickstart starts it."""
    root = place / "installer"
    for name in ("tmp", "proc", "run"):
        (root / name).mkdir(parents=True)
    (root / "proc/cmdline").write_text(f"inst.ks=http://127.0.0.1/nodes/ks/{host}.ks?armed={permission(place)}\n")
    kickstart = (place / "out/ks" / f"{host}.ks").read_text()
    found = re.search(r"<<'END_OF_REPORT'\n(.*?)\nEND_OF_REPORT\n", kickstart, re.DOTALL)
    assert found
    (place / "report.json").write_text(found[1])
    reporter(place, "start", str(place / "report.json"))


def reporter(place: Path, *arguments: str) -> None:
    program = Path(__file__).parents[2] / "org_ovirt_node/programs/report.py"
    options = ["--place", place / "reports", "--root", place / "installer"]
    subprocess.run([sys.executable, str(program), *map(str, options), *arguments], check=True)


if __name__ == "__main__":
    main()
