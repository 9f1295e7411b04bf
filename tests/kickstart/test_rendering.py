# SPDX-License-Identifier: GPL-2.0-or-later
"""Many hosts on several processors are as few hosts on one."""

from __future__ import annotations

from pathlib import Path

from example_site import kickstarts, site

from ksgen.kickstart import Rendered, render_all


def told(rendered: Rendered) -> tuple[object, ...]:
    return rendered.name, rendered.text, rendered.problems, rendered.secrets


def test_one_process() -> None:
    hosts = site()[0]
    assert [(r.name, r.text, r.problems) for r in render_all(hosts)] == [
        (h.name, kickstarts()[h.name], ()) for h in hosts
    ]


def test_several_processes_give_the_same_in_the_same_order() -> None:
    hosts = site()[0]
    assert list(map(told, render_all(hosts * 4))) == list(map(told, render_all(hosts))) * 4


def test_problems_come_back_from_other_processes(tmp_path: Path) -> None:
    (tmp_path / "site.ks.j2").write_text("frobnicate\n")
    found = list(render_all(site()[0] * 3, tmp_path))
    assert len(found) == 3 * len(site()[0])
    messages = {problem.message for rendered in found for problem in rendered.problems}
    assert messages == {"unknown command 'frobnicate'"}
    assert isinstance(found[0], Rendered)
