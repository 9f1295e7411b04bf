# SPDX-License-Identifier: GPL-2.0-or-later
"""A PostgreSQL server of its own, in a directory and on a Unix socket there; it has no network."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

# PostgreSQL refuses root. Debian's package makes this user.
_USER = "postgres"
_QUICK = ("fsync=off", "listen_addresses=", "max_connections=20", "shared_buffers=16MB")


def programs() -> Path | None:
    """The directory of initdb and postgres, the newest that is there; Debian has them apart from PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    named = shutil.which("initdb")
    return Path(named).parent if named else None


class Server:
    """A server with an empty database, which can be away for a while."""

    def __init__(self, place: Path) -> None:
        programs_ = programs()
        assert programs_ is not None
        self._programs, self._place = programs_, place
        self._as_user: list[str] = []
        if os.geteuid() == 0:
            user = pwd.getpwnam(_USER)
            os.chown(place, user.pw_uid, user.pw_gid)
            self._as_user = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        options = ("-U", _USER, "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C")
        self._run("initdb", "-D", str(place / "data"), *options)

    @property
    def url(self) -> str:
        return f"postgresql://{_USER}@/postgres?host={self._place}"

    def start(self) -> None:
        options = " ".join(f"-c {one}" for one in (*_QUICK, f"unix_socket_directories={self._place}"))
        self._run("pg_ctl", "-D", str(self._place / "data"), "-o", options, "-l", f"{self._place}/log", "-w", "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self._place / "data"), "-m", "immediate", "-w", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as_user, str(self._programs / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd=self._place)


@contextlib.contextmanager
def server() -> Iterator[Server]:
    """A server that runs. It ends with the context."""
    with tempfile.TemporaryDirectory(prefix="ksgen-postgresql-") as name:
        made = Server(Path(name))
        made.start()
        try:
            yield made
        finally:
            made.stop()
