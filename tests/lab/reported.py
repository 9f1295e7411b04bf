# SPDX-License-Identifier: GPL-2.0-or-later
"""A command that installs a machine, in a network of its own with nginx and `ksgen serve`, which follow it.

    python -m lab.reported SITE HOST COMMAND...

SITE is a directory with hosts.yaml, out/ in which HOST is armed, run/, state/ and token. The machine reaches nginx at
SERVER and nothing else. SIGTERM ends COMMAND. What the API says of the host at the end is in SITE/story.json, its logs
are in SITE/logs. A second command of the same site finds the servers restarted.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ksgen.rehearsal.servers import Served, get
from lab.old_processor import wrapped

SERVER = "10.0.2.100"
_PATIENCE_S = 60
# For the last reports, after the machine has ended.
_LAST_S = 5


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
        story = served(site).host(host)
        (site / "story.json").write_text(json.dumps(story, indent=1))
        _keep_logs(site, story)
    return status


def served(site: Path) -> Served:
    """What is served of a site."""
    return Served(site, (site / "hosts.yaml",))


@contextlib.contextmanager
def servers(site: Path) -> Iterator[None]:
    """nginx and `ksgen serve` of a site, from the first answer to the end of the `with`."""
    one = served(site)
    processes = [subprocess.Popen(command, stdout=sys.stderr) for command in (one.nginx, one.reports)]
    try:
        one.wait(lambda: all(process.poll() is None for process in processes))
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(timeout=_PATIENCE_S)


def _wrapped(site: Path) -> Path:
    """A QEMU with a way from the machine to nginx: the bench gives its machines no network."""
    forwarded = f"guestfwd=tcp:{SERVER}:80-cmd:busybox nc 127.0.0.1 80"
    return wrapped(site / "bin", f'"${{@/restrict=on/restrict=on,{forwarded}}}"')


def _fetch_kickstart(site: Path, host: str) -> None:
    """As the initramfs does it, which the bench does not have."""
    (permission,) = (site / "out/armed").iterdir()
    get(f"/nodes/ks/{host}.ks?armed={permission.name}", {})


def _keep_logs(site: Path, story: dict[str, Any]) -> None:
    directory = site / "logs"
    directory.mkdir(exist_ok=True)
    for attempt in story["attempts"]:
        for log in attempt["logs"]:
            (directory / log["name"]).write_text(served(site).log(attempt["attempt"], log["name"]))


if __name__ == "__main__":
    sys.exit(main())
