# SPDX-License-Identifier: GPL-2.0-or-later
"""The benchmark of `make bench` works: its limit writes the same kickstarts as ksgen, and all cases can be measured."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks import flattening, measure, ratios, runs, sites
from benchmarks.figures import Figure, row, table
from benchmarks.measure import Time
from benchmarks.runs import Case
from ksgen.host import read_hosts
from ksgen.inventory import reader
from ksgen.kickstart.page import Templates

HOSTS = 80  # two copies of examples/


@pytest.mark.parametrize("addon", [True, False])
@pytest.mark.parametrize("site", sites.SITES)
def test_the_limit_writes_what_ksgen_writes(site: str, addon: bool, tmp_path: Path) -> None:
    inventory = sites.SITES[site](tmp_path, HOSTS, addon)
    found, problems = reader.read([inventory])
    hosts, more = read_hosts(found)
    assert (problems, more, len(hosts)) == ([], [], HOSTS)
    ours = tmp_path / "ks"
    ours.mkdir()
    templates = Templates()
    for host in hosts:
        (ours / f"{host.name}.ks").write_text(templates.render(host)[0] or "")
    source, template = runs.FLATTENERS[site](inventory, ours, tmp_path)
    script = Path(runs.__file__).parent / "limit" / "render.py"
    measure.timed([sys.executable, script, source, template, tmp_path / "limit"])
    runs.compare(ours, tmp_path / "limit")
    (tmp_path / "limit" / f"{hosts[-1].name}.ks").write_text("other")
    with pytest.raises(runs.DifferenceError, match=hosts[-1].name):
        runs.compare(ours, tmp_path / "limit")


def test_a_template_prints_values_only_where_they_are_whole() -> None:
    text = "ip=10.1.0.1 gateway=10.1.0.10 {{ name: 10.1.0.1: {% x10.1.0.1 1.10.1.0.1\n"
    assert flattening.flattened(text, {"gateway": "10.1.0.1", "other": "10.1.0.1"}) == (
        'ip={{ gateway }} gateway=10.1.0.10 {{ "{{" }} name: {{ gateway }}: {{ "{%" }} x10.1.0.1 1.10.1.0.1\n'
    )


def test_all_runs_of_a_site_have_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "SCRIPT_HOSTS", 1)
    figures, record = ratios.measured(Case("flat", 3, True), 1)
    assert [figure.what for figure in figures if figure.value <= 0] == []
    assert {"hosts/s / the limit's", "arm of one host / full run"} <= {figure.what for figure in figures}
    assert len(record["rounds"]) == 1


def test_the_change_is_one_disk(tmp_path: Path) -> None:
    inventory = sites.flat(tmp_path, 3, True)
    lines, original = runs.with_one_change(inventory.read_text()).splitlines(), inventory.read_text().splitlines()
    assert [(a, b) for a, b in zip(original, lines, strict=True) if a != b] == [
        (
            '          node_disk: {wwn: "0x5000c50000000000", size: 480 GB}',
            '          node_disk: {wwn: "0x500a075000000000", size: 480 GB}',
        )
    ]


def test_the_median_of_the_rounds_counts() -> None:
    rounds = [{"full": Time(seconds, 10 - seconds)} for seconds in (1.0, 9.0, 2.0)]
    assert runs.medians(rounds) == {"full": Time(2.0, 8.0)}


@pytest.mark.parametrize(
    ("value", "target", "shown"),
    [
        pytest.param(0.5, ("at least", 0.5), "met", id="at-least"),
        pytest.param(0.49, ("at least", 0.5), "NOT MET", id="too-little"),
        pytest.param(0.75, ("at most", 0.75), "met", id="at-most"),
        pytest.param(0.76, ("at most", 0.75), "NOT MET", id="too-much"),
        pytest.param(1, None, "", id="no-target"),
    ],
)
def test_a_figure_says_whether_its_target_is_met(value: float, target: tuple[str, float], shown: str) -> None:
    figure = Figure("ratio", value, target)  # type: ignore[arg-type]
    assert row(figure).endswith(shown)
    assert figure.to_json()["met"] == {"met": True, "NOT MET": False, "": None}[shown]


def test_each_site_has_one_heading() -> None:
    figures = [Figure("a", 1, site="flat", hosts=2000), Figure("b", 2, site="flat", hosts=2000), Figure("c", 3)]
    headings = [line for line in table(figures) if not line.startswith(" ")]
    assert headings == ["flat, 2,000 hosts, node_addon: true", "command"]


def test_memory_is_that_of_all_processes() -> None:
    """Two processes that write to twice as much each; what they share counts once."""
    size = 30_000_000
    code = f"import os, time; shared = bytearray({size}); os.fork(); own = bytearray(b'x' * {size}); time.sleep(1)"
    peak = measure.peak_memory([sys.executable, "-c", code])
    assert 2 * size < peak < 6 * size


def test_a_failed_command_stops_with_its_message() -> None:
    with pytest.raises(measure.CommandError, match="no such host"):
        measure.timed([sys.executable, "-c", "raise SystemExit('no such host')"])


def test_time_is_that_of_all_processes() -> None:
    work = "end = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    time = measure.timed([sys.executable, "-c", f"import os, time\nif os.fork(): os.wait()\n{work}"])
    assert time.processor >= 0.6
