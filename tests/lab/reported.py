# SPDX-License-Identifier: GPL-2.0-or-later
"""A command that installs a machine, in a network of its own with nginx and `ksgen serve`, which follow it.

    python reported.py SITE HOST COMMAND...

SITE is a directory with hosts.yaml, out/ in which HOST is armed, run/, state/ and token. The machine reaches nginx at
SERVER and nothing else. SIGTERM ends COMMAND. What the API says of the host at the end is in SITE/story.json, its logs
are in SITE/logs. A second command of the same site finds the servers restarted.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SERVER = "10.0.2.100"
_PATIENCE_S = 60
# For the last reports, after the machine has ended.
_LAST_S = 5
_QEMU = "qemu-system-x86_64"


def main() -> int:
    site, host, command = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    environment = {**os.environ, "PATH": f"{_wrapped(site)}:{os.environ['PATH']}"}
    with servers(site):
        if not (site / "story.json").exists():
            _fetch_kickstart(site, host)
        with subprocess.Popen(command, env=environment) as machine:
            signal.signal(signal.SIGTERM, lambda *_: machine.terminate())
            status = machine.wait()
        time.sleep(_LAST_S)
        story = json.loads(ask(site, f"/api/hosts/{host}"))
        (site / "story.json").write_text(json.dumps(story, indent=1))
        _keep_logs(site, story)
    return status


@contextlib.contextmanager
def servers(site: Path) -> Iterator[None]:
    """nginx and `ksgen serve` of a site, from the first answer to the end of the `with`."""
    # The search path of other users than root may lack its directory.
    nginx = [shutil.which("nginx") or "/usr/sbin/nginx", "-c", site / "out/nginx.conf", "-g", "daemon off;"]
    serve = [sys.executable, "-m", "ksgen", "serve", site / "hosts.yaml", "-o", site / "out", "--state", site / "state"]
    processes = [subprocess.Popen(list(map(str, server)), stdout=sys.stderr) for server in (nginx, serve)]
    try:
        _wait(site, processes)
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(timeout=_PATIENCE_S)


def _wrapped(site: Path) -> Path:
    """QEMU by its own name, with a way from the machine to nginx: the bench gives its machines no network."""
    directory = site / "bin"
    directory.mkdir(exist_ok=True)
    qemu = next(path for path in map(Path, ("/usr/bin/" + _QEMU, "/usr/local/bin/" + _QEMU)) if path.exists())
    forwarded = f"guestfwd=tcp:{SERVER}:80-cmd:busybox nc 127.0.0.1 80"
    (directory / _QEMU).write_text(
        "#!/bin/bash\n"
        f'exec {qemu} "${{@/restrict=on/restrict=on,{forwarded}}}"\n'
    )  # fmt: skip
    (directory / _QEMU).chmod(0o755)
    return directory


def _wait(site: Path, processes: list[subprocess.Popen[bytes]]) -> None:
    end = time.monotonic() + _PATIENCE_S
    while True:
        try:
            ask(site, "/api/hosts")
            return
        except (OSError, ValueError):
            if time.monotonic() > end or any(process.poll() is not None for process in processes):
                raise
            time.sleep(0.5)


def _fetch_kickstart(site: Path, host: str) -> None:
    """As the initramfs does it, which the bench does not have."""
    (permission,) = (site / "out/armed").iterdir()
    _get(80, f"/nodes/ks/{host}.ks?armed={permission.name}", {})


def ask(site: Path, path: str) -> str:
    """What the API of `ksgen serve` answers."""
    return _get(8440, path, {"Authorization": f"Bearer {(site / 'token').read_text().strip()}"})


def _get(port: int, path: str, headers: dict[str, str]) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_S)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        if answer.status != 200:
            raise ValueError(f"{path}: HTTP status {answer.status}")
        return answer.read().decode()
    finally:
        connection.close()


def _keep_logs(site: Path, story: dict[str, Any]) -> None:
    directory = site / "logs"
    directory.mkdir(exist_ok=True)
    for attempt in story["attempts"]:
        for log in attempt["logs"]:
            text = ask(site, f"/api/attempts/{attempt['attempt']}/logs/{log['name']}")
            (directory / log["name"]).write_text(text)


if __name__ == "__main__":
    sys.exit(main())
