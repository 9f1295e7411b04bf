# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/performance.md: its tables from made-up measurements, its numbers on paper, and its plots."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import performance
import plots
import pytest

from ksgen.targets import VERSIONS

DOCS = Path(performance.__file__).parent


def figure(**changes: Any) -> dict[str, Any]:
    return {
        "what": "ratio", "value": 0.25, "target": ["at least", 0.5], "unit": "", "site": "flat", "hosts": 2000,
        "addon": True, "note": "", "met": False, **changes,
    }  # fmt: skip


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the page is made from; a test changes it."""
    record: dict[str, Any] = {
        "machine": {"processors": 2, "processor": "Example CPU", "python": "3.11.7", "load": 0.04},
        "minutes": 40,
        "figures": [figure(), figure(hosts=10_000, value=0.6, met=True), figure(site="examples", what="memory")],
        "curve": [
            {"hosts": 10, "elapsed": 0.5, "limit": 0.1, "memory": 50_000_000},
            {"hosts": 100_000, "elapsed": 80.0, "limit": 20.0, "memory": 1_234_567_890},
        ],
        "many": [figure(what="memory", value=1234.5, target=["at most", 2500], unit=" MB", hosts=100_000, met=True)],
        "commands": [figure(what="ksgen --help / python -c pass", value=7.5, target=["at most", 8], site="", met=True)],
        "shares": {"ksgen.lint": 0.7, "imports": 0.29, "ksgen.cli": 0.006, "ksgen.host": 0.004},
    }
    path = tmp_path / "performance.json"
    path.write_text(json.dumps(record))
    monkeypatch.setattr(performance, "RECORD", path)
    return record


@pytest.mark.usefixtures("measured")
def test_each_site_has_a_table_with_its_cases_as_columns() -> None:
    assert performance.ratios() == (
        "| `flat` | 2,000 hosts, `node_addon: true` | 10,000 hosts, `node_addon: true` | target |\n"
        "| --- | --- | --- | --- |\n"
        "| ratio | 0.25 (missed) | 0.6 | at least 0.5 |\n"
        "\n"
        "| `examples` | 2,000 hosts, `node_addon: true` | target |\n"
        "| --- | --- | --- |\n"
        "| memory | 0.25 (missed) | at least 0.5 |"
    )


@pytest.mark.usefixtures("measured")
def test_points_have_speed_and_memory() -> None:
    table = performance.points()
    assert "| 10 | 0.5 | 20 | 0.2 | 50 |" in table
    assert "| 100,000 | 80 | 1,250 | 0.25 | 1,235 |" in table
    assert table.endswith("| memory | 100,000 | 1,234 MB | at most 2,500 MB |")


@pytest.mark.usefixtures("measured")
def test_short_commands_have_their_targets() -> None:
    assert performance.commands().splitlines()[2:] == ["| ksgen --help / python -c pass | 7.5 | at most 8 |"]


@pytest.mark.usefixtures("measured")
def test_the_machine_is_named() -> None:
    assert performance.machine() == (
        "Measured on 2 processors (Example CPU) with Python 3.11.7; the load average before was 0.0. "
        "All measurements took 40 minutes."
    )


@pytest.mark.usefixtures("measured")
@pytest.mark.parametrize("name", plots.PLOTS)
def test_a_plot_is_inside_of_its_picture(name: str) -> None:
    root = ET.fromstring(plots.PLOTS[name]())
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    places = [(float(e.attrib[x]), float(e.attrib[y])) for e in root.iter() for x, y in (("x", "y"), ("cx", "cy"))
              if x in e.attrib and y in e.attrib]  # fmt: skip
    assert len(places) > 5
    assert all(0 <= x <= width and 0 <= y <= height for x, y in places)


@pytest.mark.usefixtures("measured")
def test_axes_begin_and_end_with_powers_of_ten() -> None:
    texts = re.findall(r">([^<>\n]+)</text>", plots.PLOTS["time.svg"]())
    assert [text for text in texts if re.fullmatch(r"[\d.,]+", text)][:9] == [
        "10", "100", "1,000", "10,000", "100,000",  # hosts
        "0.1", "1", "10", "100",  # seconds
    ]  # fmt: skip


@pytest.mark.usefixtures("measured")
def test_small_shares_are_one_bar() -> None:
    texts = re.findall(r">([^<>\n]+)</text>", plots.PLOTS["shares.svg"]())
    assert texts[1:] == ["ksgen.lint", "70%", "imports", "29%", "all others", "1%"]


@pytest.mark.parametrize(
    ("size", "rate", "seconds"),
    [
        pytest.param(1448, 1538 * 8 / 1e9, 1, id="one-frame"),
        pytest.param(2e9, 1, 17.0, id="an-image"),
        pytest.param(2e12, 25, 679.8, id="a-thousand-images"),
    ],
)
def test_time_on_a_line(size: float, rate: float, seconds: float) -> None:
    assert performance.seconds(size, rate) == pytest.approx(seconds, rel=0.01)


def test_racks_and_server_send_what_a_single_server_would_send() -> None:
    """The large files from the caches, and the rest from the server."""
    total = sum(each.size for each in performance.FETCHED)
    rows = [line.split(" | ") for line in performance.racks().splitlines()[2:]]
    server, _, cache = (float(row[1].split()[0]) * 1e9 for row in rows)
    assert server + performance.RACKS * cache == pytest.approx(performance.MACHINES * total, rel=0.01)


@pytest.mark.parametrize("name", ["rack-cache.conf", "mirror.conf"])
def test_the_configurations_have_the_trees_of_all_releases(name: str) -> None:
    assert f"location ~ ^/({'|'.join(VERSIONS)}|images)/" in (DOCS / name).read_text()
