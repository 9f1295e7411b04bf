# SPDX-License-Identifier: GPL-2.0-or-later
"""When certificates of authorities are valid."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest
from generate import CERTIFICATE
from inventories import one_host

from ksgen.host.outside import certificate_problems
from ksgen.variables import read_certificates

BEGINS = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
ENDS = datetime.datetime(2099, 12, 31, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        pytest.param(BEGINS - DAY, [("certificate-expired", "error")], id="before"),
        pytest.param(BEGINS, [], id="first-second"),
        pytest.param(ENDS - 31 * DAY, [], id="a-month-left"),
        pytest.param(ENDS - 29 * DAY, [("certificate-ends", "warning")], id="less-than-a-month-left"),
        pytest.param(ENDS, [("certificate-ends", "warning")], id="last-second"),
        pytest.param(ENDS + DAY, [("certificate-expired", "error")], id="after"),
    ],
)
def test_valid_from_and_until(now: datetime.datetime, expected: list[tuple[str, str]], tmp_path: Path) -> None:
    (one,) = read_certificates(json.loads(CERTIFICATE))
    assert (one.begins, one.ends) == (BEGINS, ENDS)
    host = one_host(tmp_path, node_ca_certificates=CERTIFICATE)
    found = list(certificate_problems(host, now))
    assert [(problem.code, problem.severity) for problem in found] == expected
    assert {problem.variable for problem in found} <= {"node_ca_certificates"}
