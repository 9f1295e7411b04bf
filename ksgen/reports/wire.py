# SPDX-License-Identifier: GPL-2.0-or-later
"""What a machine sends about its installation: the JSON of a report, and its limits.

`org_ovirt_node/programs/report.py` writes it. A report comes from a machine that may be compromised: nothing
in it is believed but what it says of its own attempt, and every text is bounded and free of control characters.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

VERSION = 1
# Bytes of a report, unpacked: facts of a machine with a hundred disks are 40 KiB.
REPORT_LARGEST = 128 * 1024
EVENTS_MOST = 64  # in a report
STEP_LONGEST, MESSAGE_LONGEST = 200, 4000  # characters
# A log is cut at its front by the machine, and by the server if the machine has not.
LOG_LARGEST = 256 * 1024
LOGS_MOST = 24  # of an attempt
_LARGEST_NUMBER = 2**53 - 1  # that every JSON reader keeps
_FACTS_DEEPEST, _FACTS_LONGEST = 6, 1000  # levels, and characters of a text

# The states that a machine reports, from the first to the last.
Reported = Literal["preparing", "partitioning", "copying", "configuring", "layering", "installed", "up", "failed"]

# Colours and cursor movements, with what a terminal would do to the reader's screen; and all other control characters.
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[@-_]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_LOG_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def clean(text: str) -> str:
    """A text without what acts on the terminal or page that shows it; tabs and line feeds stay."""
    return _CONTROL.sub("\ufffd", _ESCAPES.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))


def _line(value: object) -> object:
    return " ".join(clean(value).split())[:STEP_LONGEST] if isinstance(value, str) else value


def _paragraph(value: object) -> object:
    return clean(value)[:MESSAGE_LONGEST] if isinstance(value, str) else value


def _facts(value: dict[str, Any]) -> dict[str, Any]:
    cleaned = _cleaned(value, _FACTS_DEEPEST)
    assert isinstance(cleaned, dict)
    return cleaned


def _cleaned(value: object, levels: int) -> object:
    if isinstance(value, str):
        return clean(value)[:_FACTS_LONGEST]
    if value is None or isinstance(value, bool | int | float):
        return value
    if levels == 0:
        raise ValueError(f"more than {_FACTS_DEEPEST} levels")
    if isinstance(value, dict):
        return {clean(str(key))[:STEP_LONGEST]: _cleaned(each, levels - 1) for key, each in value.items()}
    assert isinstance(value, list)
    return [_cleaned(each, levels - 1) for each in value]


Line = Annotated[str, BeforeValidator(_line)]
Paragraph = Annotated[str, BeforeValidator(_paragraph)]
Count = Annotated[int, Field(ge=0, le=_LARGEST_NUMBER)]
Seconds = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]


class _Part(BaseModel):
    # A newer reporter may say more.
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class Event(_Part):
    """Something that happened, at `uptime` seconds of the machine's own clock since its boot `boot`.

    `seq` numbers the events of an attempt from 1: one that comes again is the same. `state` is where the installation
    is now, `step` what it does there, `done` of `total` bytes; `message` says why it failed, or more of the step.
    `facts` are those of the machine or of the installed node.
    """

    seq: Annotated[int, Field(ge=1, le=2**31 - 1)]
    uptime: Seconds
    state: Reported
    step: Line = ""
    message: Paragraph = ""
    done: Count | None = None
    total: Count | None = None
    facts: Annotated[dict[str, Any], AfterValidator(_facts)] | None = None


class Heartbeat(_Part):
    """The machine lives, and does this. It is not kept: only the last one counts."""

    uptime: Seconds
    state: Reported
    step: Line = ""
    done: Count | None = None
    total: Count | None = None


class Report(_Part):
    """What a machine sends at once: what has happened since the last report, and that it lives."""

    version: Literal[1]
    boot: Annotated[str, Field(pattern=r"^[0-9a-f-]{1,64}$")]
    events: Annotated[tuple[Event, ...], Field(max_length=EVENTS_MOST, strict=False)] = ()
    heartbeat: Heartbeat | None = None


def read_report(data: bytes) -> Report | str:
    """A report, or why it is none."""
    if len(data) > REPORT_LARGEST:
        return f"has {len(data)} bytes; the limit is {REPORT_LARGEST}"
    try:
        return Report.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc'])) or 'the whole'}: {first['msg']}"
    except RecursionError:
        return "is nested too deeply"


def is_log_name(name: str) -> bool:
    """Whether a log may have this name: it is part of a URL."""
    return _LOG_NAME.fullmatch(name) is not None


def cut(log: bytes) -> tuple[bytes, bool]:
    """The end of a log, from the beginning of a line, and whether its front is missing."""
    if len(log) <= LOG_LARGEST:
        return log, False
    end = log[-LOG_LARGEST:]
    return end[end.find(b"\n") + 1 :], True


# As the programs in %pre and %post print an error (org_ovirt_node/programs).
_ERROR = re.compile(r"^(?:ovirt-node: )?(error: .*)", re.MULTILINE)


def headline(message: str) -> str:
    """The one line of a message that says what is wrong: its first error, or its first line where it has none."""
    found = _ERROR.search(message)
    return found[1] if found else message.split("\n", 1)[0]
