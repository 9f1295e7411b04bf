# SPDX-License-Identifier: GPL-2.0-or-later
"""What an installed node of the lab says of itself (ksgen.rehearsal.look), and what %post has written into it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ksgen.host import Host
from ksgen.rehearsal import look
from ksgen.rehearsal.look import END, Seen, checks, mapped, parts

# What %post writes into each of these, to be found in the layer, or on /var.
WRITTEN = "written by %post"
PLACES = ("/etc/lab-real", "/root/lab-real", "/usr/local/lab-real", "/var/lab-real")
SCRIPT = look.script(f"part written cat {' '.join(PLACES)}")


def judge(answers: Mapping[str, str], host: Host, nvr: str, has_posts: bool = True) -> Iterator[Seen]:
    """Everything that was looked at, good or not; without `has_posts`, no %post was there to write into PLACES."""
    yield from look.judge(answers, host, nvr)
    if has_posts:
        written = answers.get("written", "").splitlines()
        yield look.same("what %post wrote is in the layer and on /var", len(written), len(PLACES))


__all__ = ["END", "PLACES", "SCRIPT", "WRITTEN", "Seen", "checks", "judge", "mapped", "parts"]
