# SPDX-License-Identifier: GPL-2.0-or-later
"""A site's directory of templates: which of its files have no effect."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import jinja2
from jinja2 import meta

from ksgen.problems import Mark, Problem
from ksgen.templates.sandbox import TEMPLATES
from ksgen.variables import nearest

_SUFFIX = ".j2"


def idle_templates(own: Path | None) -> list[Problem]:
    """The templates of a site that neither override a built-in one nor are included by one that does."""
    if own is None:
        return []
    builtin = set(_names(TEMPLATES))
    there = set(_names(own))
    used = _used(own, there & builtin)
    if used is None:
        return []
    return [_idle(own / name, name, builtin) for name in sorted(there - builtin - used)]


def _names(directory: Path) -> Iterator[str]:
    """The templates below a directory; hidden files and those of an editor are none."""
    for path in directory.rglob(f"*{_SUFFIX}"):
        name = path.relative_to(directory)
        if not any(part.startswith((".", "#")) for part in name.parts):
            yield name.as_posix()


def _used(own: Path, begin: set[str]) -> set[str] | None:
    """What some templates include, and what those include; None where a name is computed, or cannot be read."""
    environment = jinja2.Environment()
    used: set[str] = set()
    waiting = sorted(begin)
    while waiting:
        try:
            text = (own / waiting.pop()).read_text(encoding="utf-8")
            names = set(meta.find_referenced_templates(environment.parse(text)))
        except (jinja2.TemplateSyntaxError, OSError, UnicodeDecodeError):
            return None  # rendering says why
        if None in names:
            return None
        new = {name for name in names if name is not None} - used
        used |= new
        waiting += sorted(name for name in new if (own / name).is_file())
    return used


def _idle(path: Path, name: str, builtin: set[str]) -> Problem:
    same = sorted(other for other in builtin if Path(other).name == Path(name).name)
    cure = f"did you mean {same[0]!r}?" if same else nearest(name, builtin)
    message = f"{name} overrides no built-in template, and no other template includes it"
    hint = cure or "docs/templates.md lists the templates; include it from one of them, such as site.ks.j2"
    return Problem("template-idle", message, Mark(str(path), 1), "warning", hint=hint)
