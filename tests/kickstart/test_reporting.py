# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the reporter is in a kickstart, and what it is given."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from inventories import one_host

from ksgen.kickstart.page import PROGRAMS, Templates
from org_ovirt_node.programs import report

SECTION = re.compile(r"^(%\S+)([^\n]*)\n(.*?)^%end$", re.MULTILINE | re.DOTALL)


def rendered(directory: Path, **changes: str) -> str:
    text, problems = Templates().render(one_host(directory, **changes))
    assert text is not None, problems
    return text


def configuration(text: str) -> report.Config:
    found = re.search(r"<<'END_OF_REPORT'\n(.*?)\nEND_OF_REPORT\n", text, re.DOTALL)
    assert found
    return report.Config(**json.loads(found[1]))


def scripts(text: str) -> list[tuple[str, str]]:
    return [(name, body) for name, _, body in SECTION.findall(text) if name in ("%pre", "%post")]


def test_reports_go_to_the_site_s_server(tmp_path: Path) -> None:
    found = configuration(rendered(tmp_path))
    assert found == report.Config("http://pxe.example.com/nodes/")
    assert found.reports == "http://pxe.example.com/nodes/report"
    assert found.token_url == "http://pxe.example.com/nodes/report/token"


def test_reports_go_to_another_server_with_its_pin(tmp_path: Path) -> None:
    pin = "ab" * 32
    text = rendered(tmp_path, node_report_url="https://reports.example.com/report/", node_report_pin=f'"{pin}"')
    found = configuration(text)
    assert (found.reports, found.pin) == ("https://reports.example.com/report", pin)
    assert found.token_url == "http://pxe.example.com/nodes/report/token"


@pytest.mark.parametrize("kind", ["node", "host"])
@pytest.mark.parametrize("addon", ["true", "false"])
def test_without_reports_there_is_no_reporter(kind: str, addon: str, tmp_path: Path) -> None:
    text = rendered(tmp_path, node_report_url="false", node_kind=kind, node_addon=addon)
    assert "report" not in re.sub(r"(?s)<<'END_OF_\w+_PY'.*?END_OF_\w+_PY\n", "", text)


def test_reporter_is_the_first_script(tmp_path: Path) -> None:
    name, body = scripts(rendered(tmp_path, node_pre='"true"'))[0]
    assert name == "%pre"
    assert f"program={PROGRAMS}/report.py\n" in body
    assert "END_OF_REPORT_PY" not in body


def test_reporter_is_embedded_without_the_add_on(tmp_path: Path) -> None:
    text = rendered(tmp_path, node_addon="false")
    assert Path(report.__file__).read_text() in text
    before, hook, after = [body for name, body in scripts(text) if name == "%post"][-3:]
    assert "tell layering" in before
    assert "END_OF_IMGBASE_PY" in hook
    assert "tell installed" in after


def test_plain_host_has_no_layer(tmp_path: Path) -> None:
    bodies = [body for _, body in scripts(rendered(tmp_path, node_kind="host"))]
    assert "plant" in bodies[-2]
    assert "layering" not in bodies[-2].replace("node-report-layering.log", "")
    assert "tell installed" in bodies[-1]


def test_true_is_no_server(tmp_path: Path) -> None:
    from inventories import inventory_text, read_text

    _, problems = read_text(inventory_text(node_report_url="true"), tmp_path)
    (problem,) = (problem for problem in problems if problem.severity == "error")
    assert problem.message == "true is not a URL"
    assert problem.hint == "leave it out for the server of node_server_url"
