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


@contextlib.contextmanager
def server() -> Iterator[str]:
    """The URL of a server with an empty database. It ends with the context."""
    place = programs()
    assert place is not None
    with tempfile.TemporaryDirectory(prefix="ksgen-postgresql-") as name:
        data = Path(name) / "data"
        as_user: list[str] = []
        if os.geteuid() == 0:
            user = pwd.getpwnam(_USER)
            os.chown(name, user.pw_uid, user.pw_gid)
            as_user = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]

        def run(program: str, *arguments: str) -> None:
            subprocess.run([*as_user, str(place / program), *arguments], check=True, capture_output=True, cwd=name)

        run("initdb", "-D", str(data), "-U", _USER, "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C")
        options = " ".join(f"-c {one}" for one in (*_QUICK, f"unix_socket_directories={name}"))
        run("pg_ctl", "-D", str(data), "-o", options, "-l", f"{name}/log", "-w", "start")
        try:
            yield f"postgresql://{_USER}@/postgres?host={name}"
        finally:
            run("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")
