# SPDX-License-Identifier: GPL-2.0-or-later
"""Attempts as people and programs see them: the JSON of the API, which the board and `ksgen status` show."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from typing import Any

from ksgen.reports import ENDED, MEANINGS, doubt
from ksgen.server.site import Member
from ksgen.store import Attempt, Discovered, Happening, Lease, Log, Transition

# A host that was never armed.
IDLE = "idle"
# Of the counts; the others follow.
_SHOWN_FIRST = ("failed", "silent", "late", *MEANINGS)


def host(
    member: Member,
    attempt: Attempt | None,
    now: datetime.datetime,
    kickstart: str | None = None,
    lease: Lease | None = None,
) -> dict[str, Any]:
    """A host and its newest attempt. `kickstart` is the SHA-256 of the one that it would get now, `lease` says which
    run of `ksgen install` has it."""
    base: dict[str, Any] = {"host": member.host, "groups": list(member.groups), "kind": member.kind}
    base["install"] = None if lease is None else {"who": lease.who, "phase": lease.phase}
    if attempt is None:
        return {**base, "state": IDLE, "doubt": "", "needs": 0}
    standing = attempt.standing
    suspicion = doubt(standing, now)
    return {
        **base,
        "attempt": attempt.id,
        "state": standing.state,
        "doubt": suspicion,
        "needs": _urgency(standing.state, suspicion, standing.is_degraded),
        "step": standing.step,
        "message": standing.message,
        "done": standing.done,
        "total": standing.total,
        "since": _time(standing.since),
        "heard": _time(standing.heard),
        "given": _time(attempt.given),
        "until": _time(attempt.until),
        "restarts": standing.restarts,
        "is_degraded": standing.is_degraded,
        "address": attempt.address,
        "is_changed": None not in (kickstart, attempt.kickstart) and kickstart != attempt.kickstart,
    }


def _urgency(state: str, suspicion: str, is_degraded: bool) -> int:
    """What needs a person first: 3 failed, 2 silent or late, 1 up with something that complains, 0 nothing."""
    if state == "failed":
        return 3
    return 2 if suspicion else int(is_degraded)


def counts(states: Iterable[tuple[str, str]]) -> dict[str, int]:
    """How many hosts are in each state, and how many are in doubt or have ended; `states` are states with doubts."""
    found: dict[str, int] = {}
    for state, suspicion in states:
        for key in filter(None, (state, suspicion, "ended" if state in ENDED else "")):
            found[key] = found.get(key, 0) + 1
    return {key: found[key] for key in _SHOWN_FIRST if key in found} | found


def history(
    attempt: Attempt, happenings: Sequence[Happening], transitions: Sequence[Transition], logs: Sequence[Log]
) -> dict[str, Any]:
    """All of an attempt but the content of its logs."""
    return {
        "attempt": attempt.id,
        "host": attempt.host,
        "given": _time(attempt.given),
        "state": attempt.standing.state,
        "kickstart": attempt.kickstart,
        "events": [{**one._asdict(), "received": _time(one.received)} for one in happenings],
        "transitions": [{**one._asdict(), "at": _time(one.at)} for one in transitions],
        "logs": [{**one._asdict(), "received": _time(one.received)} for one in logs],
    }


def discovered(one: Discovered) -> dict[str, Any]:
    """A machine that was discovered, without what it has told in full."""
    return {**one._asdict(), "macs": list(one.macs), "first": _time(one.first), "last": _time(one.last)}


def _time(moment: datetime.datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds").replace("+00:00", "Z")
