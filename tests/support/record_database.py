# SPDX-License-Identifier: GPL-2.0-or-later
"""Records a database of the newest schema as SQL, for tests that open it with a later ksgen:

    PYTHONPATH=tests/support:. python tests/support/record_database.py tests/data/databases

Run once for each schema, when it is released; a recorded file is not written again.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import re
import sqlite3
import sys
import tempfile
from pathlib import Path

from server_site import NOON, TOKENS, event, report

from ksgen.reports import Report, read_report
from ksgen.store import Permission, Store, open_database

MINUTE = datetime.timedelta(minutes=1)


def digest_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def fill(store: Store) -> None:
    """Two hosts: one is up, the other has failed and is armed again. Something in each table."""
    permissions = [
        Permission(host, "52:54:00:00:00:01", NOON, NOON + 360 * MINUTE, digest_of(token), "b" * 64)
        for host, token in TOKENS.items()
    ]
    store.keep_kickstart("b" * 64, b"# the kickstart\n")
    store.follow_armings(permissions, set(TOKENS), NOON)
    store.follow_fetches([(host, NOON) for host in TOKENS], NOON + MINUTE)
    stories: dict[str, list[dict[str, object]]] = {
        "node01": [
            event(1, "preparing", facts={"firmware": "uefi"}),
            event(2, "copying", done=1, total=2),
            event(3, "up"),
        ],
        "node02": [event(1, "preparing"), event(2, "failed", step="disks", message="error: no disk")],
    }
    for host, events in stories.items():
        for number, one in enumerate(events):
            read = read_report(json.dumps(report(one)).encode())
            assert isinstance(read, Report), read
            store.accept(digest_of(TOKENS[host]), read, "192.0.2.1", NOON + (2 + number) * MINUTE)
    attempt = store.may_send_log(digest_of(TOKENS["node02"]), "anaconda.log")
    assert attempt is not None
    store.keep_log(attempt.id, "anaconda.log", b"the log\n", False, NOON + 5 * MINUTE)
    again = permissions[1]._replace(given=NOON + 10 * MINUTE, token=digest_of("another"))
    store.follow_armings([permissions[0], again], set(TOKENS), NOON + 10 * MINUTE)
    store.record("ops", "logged in", "", NOON)
    store.machines.keep(["52:54:00:00:00:07"], "a machine", "192.0.2.7", b"{}", NOON)
    store.leases.take({"node02"}, "ops", "1" * 32, NOON, is_forced=False)


def main() -> None:
    directory = Path(sys.argv[1])
    directory.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "reports.db"
        engine = open_database(str(path), NOON)
        fill(Store(engine))
        engine.dispose()
        with contextlib.closing(sqlite3.connect(path)) as connection:
            revision = connection.execute("SELECT version_num FROM alembic_version").fetchone()[0]
            file = directory / f"{revision}.sql"
            if file.exists():
                raise SystemExit(f"{file} is recorded already")
            # SQLAlchemy ends the lines of a table with a space.
            file.write_text(re.sub(r", \n", ",\n", "\n".join(connection.iterdump()) + "\n"))


if __name__ == "__main__":
    main()
