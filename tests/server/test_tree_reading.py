# SPDX-License-Identifier: GPL-2.0-or-later
"""The published tree is read again where it has changed, and only there: a site has thousands of kickstarts."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable

import pytest
from server_site import NOON, Served

# A tick of the file system's clock is 10 ms at most (CONFIG_HZ=100); the server looks once a second.
_TICK_S = 0.02


def test_tree_that_stays_is_not_read_again(served: Served) -> None:
    served.site.tree()
    second = served.site.tree()
    assert served.site.tree() is second
    assert {one.host for one in second.permissions} == {"node01", "node02"}


def fetch_kickstart(served: Served) -> None:
    (permission,) = (served.tree / "armed").glob("node01.*")
    (served.run / "spent" / permission.name).touch()


def fetch_kernel(served: Served) -> None:
    (permission,) = (served.tree / "armed").glob("node01.*")
    (served.run / "booted" / permission.name).touch()


@pytest.mark.parametrize("fetch", [fetch_kickstart, fetch_kernel])
@pytest.mark.parametrize("looks", [1, 2, 3])
def test_fetch_is_seen_at_once(fetch: Callable[[Served], None], looks: int, served: Served) -> None:
    """Also one within the same tick of the file system's clock as the first look."""
    for number in range(looks):
        time.sleep(_TICK_S if number else 0)
        assert served.site.tree().fetched == frozenset()
    fetch(served)
    assert served.site.tree().fetched == {("node01", NOON)}


def test_disarming_is_seen_at_once(served: Served) -> None:
    for _ in range(3):
        served.site.tree()
        time.sleep(_TICK_S)
    (permission,) = (served.tree / "armed").glob("node01.*")
    permission.unlink()
    state = json.loads((served.tree / "arming.json").read_text())
    del state["armed"]["node01"]
    (served.tree / "arming.json").write_text(json.dumps(state))
    tree = served.site.tree()
    assert tree.armed == {"node02"}
    assert [one.host for one in tree.permissions] == ["node02"]


def test_damage_is_looked_at_until_it_is_mended(served: Served) -> None:
    state = (served.tree / "arming.json").read_text()
    (served.tree / "arming.json").write_text("{")
    for _ in range(3):
        assert served.site.tree().damage == "is not JSON"
    (served.tree / "arming.json").write_text(state)
    assert served.site.tree().armed == {"node01", "node02"}


def test_kickstart_that_was_replaced_has_another_fingerprint(served: Served) -> None:
    before = served.site.fingerprint("node01")
    assert before == hashlib.sha256(b"# node01\n").hexdigest() == served.site.fingerprint("node01")
    new = served.tree / "ks/.new"
    new.write_text("# other!\n")
    new.rename(served.tree / "ks/node01.ks")
    assert served.site.fingerprint("node01") == hashlib.sha256(b"# other!\n").hexdigest()
    (served.tree / "ks/node01.ks").unlink()
    assert served.site.fingerprint("node01") is None
