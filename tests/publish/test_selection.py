# SPDX-License-Identifier: GPL-2.0-or-later
"""Which of the files of a site a run writes."""

from __future__ import annotations

import pytest

from ksgen.publish.selection import is_written

LIMIT = frozenset({"a"})


@pytest.mark.parametrize(
    ("path", "content", "owner", "limit", "expected"),
    [
        pytest.param("ks/a.ks", "", "a", None, True, id="of-a-host-whole-site"),
        pytest.param("nginx.conf", "", None, None, True, id="of-the-site-whole-site"),
        pytest.param("ks/a.ks", "", "a", LIMIT, True, id="of-a-selected-host"),
        pytest.param("ks/b.ks", "", "b", LIMIT, False, id="of-another-host"),
        pytest.param("ks/b.ks", b"", "b", LIMIT, False, id="binary-of-another-host"),
        pytest.param("nginx.conf", "", None, LIMIT, False, id="of-the-site"),
        pytest.param("images/updates.img", b"", None, LIMIT, True, id="binary-of-the-site"),
        pytest.param("arming.json", "", None, LIMIT, True, id="state"),
    ],
)
def test_is_written(path: str, content: str | bytes, owner: str | None, limit: frozenset[str], expected: bool) -> None:
    assert is_written(path, content, owner, limit, ("arming.json",)) == expected
