# SPDX-License-Identifier: GPL-2.0-or-later
"""Which of the files of a site a run writes."""

from __future__ import annotations

from collections.abc import Collection

from ksgen.publish.generations import Content


def is_written(
    path: str, content: Content, owner: str | None, limit: Collection[str] | None, state: Collection[str]
) -> bool:
    """Whether a run writes a file of a host (`owner`) or of the whole site (None).

    A run for the whole site (`limit` is None) writes all of them. One with a limit writes the files of its hosts and,
    of the site's, those that every run needs: the state files and the binaries that boot files name.
    """
    if limit is None or owner in limit:
        return True
    return owner is None and (path in state or isinstance(content, bytes))
