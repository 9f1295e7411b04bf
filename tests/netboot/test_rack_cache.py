# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/rack-cache.conf in a real nginx: what is fetched once, what is served again, and what is not served at all."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from boot_servers import program
from rack_cache import Rack

PART = 1024  # bytes; rack_cache.py makes the parts of files so small
IMAGE = "/images/node.squashfs.img"
CONTENT = bytes(range(256)) * 18  # four and a half parts
PARTS = 5
EXPIRED = 2.1  # seconds; nginx counts whole seconds, and validity="1s" lasts until the end of the next

Start = Callable[..., Rack]


@pytest.fixture
def start() -> Iterator[Start]:
    # pytest's directories cannot be entered by nginx's workers.
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rack-cache-")))

        def rack(validity: str = "1m") -> Rack:
            made = Rack(directory, validity)
            made.put(IMAGE[1:], CONTENT)
            return stack.enter_context(made.running())

        yield rack


@pytest.mark.parametrize("name", ["rack-cache.conf", "mirror.conf"])
def test_nginx_accepts_the_configuration(name: str, tmp_path: Path) -> None:
    Rack(tmp_path, "1m")
    path = tmp_path / {"rack-cache.conf": "cache.conf", "mirror.conf": "mirror0.conf"}[name]
    done = subprocess.run([program("nginx"), "-t", "-c", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_second_client_gets_the_file_from_the_cache(start: Start) -> None:
    rack = start()
    first, second = rack.get(IMAGE), rack.get(IMAGE)
    assert (first.status, first.body, first.cache) == (200, CONTENT, "MISS")
    assert (second.status, second.body, second.cache) == (200, CONTENT, "HIT")
    assert len(rack.asked()) == PARTS


def test_many_clients_at_once_make_one_request_for_each_part(start: Start) -> None:
    rack = start()
    answers = rack.get_at_once([IMAGE] * 40)
    assert {(answer.status, answer.body) for answer in answers} == {(200, CONTENT)}
    assert len(rack.asked()) == PARTS


def test_a_range_is_answered_with_the_parts_that_it_is_in(start: Start) -> None:
    rack = start()
    answer = rack.get(IMAGE, Range=f"bytes={PART + 100}-{2 * PART + 99}")
    assert (answer.status, answer.body) == (206, CONTENT[PART + 100 : 2 * PART + 100])
    assert len(rack.asked()) == 2
    end = rack.get(IMAGE, Range="bytes=-10")
    assert (end.status, end.body) == (206, CONTENT[-10:])


def test_a_file_that_changes_is_noticed(start: Start) -> None:
    rack = start(validity="1s")
    assert rack.get(IMAGE).body == CONTENT
    new = bytes(reversed(CONTENT))
    rack.put(IMAGE[1:], new, modified=1_700_000_001)
    time.sleep(EXPIRED)
    # The parts of one file are from one version: the first answer after the change may be stopped.
    answers = [rack.get_whole(IMAGE) for _ in range(PARTS + 1)]
    assert answers[-1] == new
    assert set(answers) <= {CONTENT, new, None}


def test_an_unchanged_file_is_only_asked_about(start: Start) -> None:
    rack = start(validity="1s")
    rack.get(IMAGE)
    time.sleep(EXPIRED)
    again = rack.get(IMAGE)
    assert (again.body, again.cache) == (CONTENT, "REVALIDATED")
    assert sum(line.endswith(" 304") for line in rack.asked()) >= 1
    assert sum(line.endswith((" 200", " 206")) for line in rack.asked()) == PARTS


@pytest.mark.parametrize(
    "path",
    [
        "/nodes/ks/node01.example.com.ks?armed=node01.example.com.1700000000.1700003600",
        "/nodes/boot/el9/vmlinuz",
        "/nodes/boot.ipxe",
        "/nodes/ipxe/525400aa0001",
        "/grub.cfg",
        "/",
        "/images/../nodes/ks/node01.example.com.ks",
        "/images/%2e%2e/nodes/boot.ipxe",
    ],
)
def test_kickstarts_and_boot_files_are_not_served(start: Start, path: str) -> None:
    rack = start()
    for file in ("nodes/ks/node01.example.com.ks", "nodes/boot/el9/vmlinuz", "nodes/boot.ipxe", "grub.cfg"):
        rack.put(file, b"of the server")
    assert [rack.get(path).status for _ in range(2)] == [404, 404]
    assert rack.asked() == []


def test_what_is_missing_is_asked_for_again(start: Start) -> None:
    rack = start()
    assert rack.get("/el9/.treeinfo").status == 404
    rack.put("el9/.treeinfo", b"[general]\n")
    assert rack.get("/el9/.treeinfo").body == b"[general]\n"


def test_the_other_mirror_takes_over(start: Start) -> None:
    rack = start()
    rack.put("el10/images/install.img", CONTENT)
    rack.stop_mirror(0)
    answers = [rack.get("/el10/images/install.img"), rack.get(IMAGE)]
    assert [(answer.status, answer.body) for answer in answers] == [(200, CONTENT)] * 2


def test_without_a_mirror_what_is_cached_is_still_served(start: Start) -> None:
    rack = start(validity="1s")
    rack.get(IMAGE)
    rack.stop_mirror(0)
    rack.stop_mirror(1)
    time.sleep(EXPIRED)
    assert rack.get(IMAGE).body == CONTENT
    assert rack.get("/images/other.img").status == 502


def test_mirrors_whose_files_differ_in_time_do_not_mix(start: Start) -> None:
    """The ETag of a part is compared with that of the first: a client gets one version or an error, never a mixture."""
    rack = start()
    path = rack.roots[1] / "images" / "node.squashfs.img"
    path.write_bytes(bytes(reversed(CONTENT)))
    answers = {rack.get_whole(IMAGE) for _ in range(3)}
    assert answers <= {CONTENT, bytes(reversed(CONTENT)), None}
    assert None in answers
