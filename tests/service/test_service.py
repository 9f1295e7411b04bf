# SPDX-License-Identifier: GPL-2.0-or-later
"""The add-on's service among Anaconda's own modules: started by the real Boss, asked over the real bus."""

from __future__ import annotations

import json
import re
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
from bench import BENCH, NO_BENCH

CHECKOUT = Path(__file__).resolve().parents[2]
CLIENT = Path(__file__).parents[1] / "support" / "service_client.py"
REFS = ("rhel-9", "rhel-10", "main")
DEFAULTS = {
    "layout": "standard",
    "images": 2,
    "filesystem": "xfs",
    "disks": 0,
    "mirrored": False,
    "imgbase": True,
    "findings": "stop",
    "root-size": 0,
    "volumes": {},
    "swap-size": 0,
    "image-size": 0,
    "image-is-local": False,
}


def ask(ref: str, *arguments: str, name: str) -> list[Any]:
    """Run the client beside the services of a release; the lines that it prints."""
    if BENCH is None:
        pytest.skip(NO_BENCH)
    command = [str(BENCH / "anaconda_bus.py"), "--ref", ref, "--name", f"{name}-{ref}", "--addon", str(CHECKOUT)]
    done = subprocess.run([*command, "--", str(CLIENT), *arguments], capture_output=True, text=True, cwd=CHECKOUT)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith(("{", '"'))]


GOOD = """\
# a kickstart with the section
%addon org_ovirt_node --layout=minimal --disks=1
volume / 12 GiB

# why
volume /data 20 GiB # room
%end
lang en_US.UTF-8
"""
GOOD_SECTION = """\
%addon org_ovirt_node --layout=minimal --images=2 --filesystem=xfs --disks=1
volume / 12 GiB
volume /data 20 GiB
%end
"""
BAD = {
    "misspelt": (
        "%addon org_ovirt_node --layot=minimal\n%end\n",
        "%addon org_ovirt_node: unknown option --layot; did you mean --layout?",
    ),
    "quoted": (
        '%addon org_ovirt_node --layout="a b"\n%end\n',
        "%addon org_ovirt_node: '--layout=a' is not one of standard, minimal\n"
        "%addon org_ovirt_node: 'b' is not an option; volumes and sizes go on separate lines below the header",
    ),
    "body": (
        "lang C\n%addon org_ovirt_node\nvolume /var 2 GiB\nvolume /data 3\n%end\n",
        "%addon org_ovirt_node: 'volume /data 3' has no size; a whole number and MiB, GiB or TiB: volume /data 10 GiB",
    ),
    "small": (
        "%addon org_ovirt_node\nvolume /var 2 GiB\n%end\n",
        "%addon org_ovirt_node: volume /var: 2 GiB is below the 5 GiB minimum; give it 5 GiB or more",
    ),
}


@pytest.mark.anaconda
@pytest.mark.parametrize("ref", REFS)
def test_kickstarts(ref: str, tmp_path: Path) -> None:
    texts = {"none": "lang C\n", **{name: text for name, (text, _) in BAD.items()}, "good": GOOD}
    paths = [tmp_path / f"{name}.ks" for name in texts]
    for path, text in zip(paths, texts.values(), strict=True):
        path.write_text(text)
    answers = dict(zip(texts, ask(ref, "read", *map(str, paths), name="service-read"), strict=True))

    default = "%addon org_ovirt_node --layout=standard --images=2 --filesystem=xfs\n%end\n"
    assert answers["none"] == {"errors": [], "warnings": [], "section": default, "request": DEFAULTS}
    for name, (text, message) in BAD.items():
        line = text.splitlines().index(next(line for line in text.splitlines() if line.startswith("%addon"))) + 1
        assert answers[name]["errors"] == [[line, message]]
        assert answers[name]["request"] == DEFAULTS
    asked = {"layout": "minimal", "disks": 1, "root-size": 12 << 30, "volumes": {"/data": 20 << 30}}
    assert answers["good"] == {
        "errors": [],
        "warnings": [],
        "section": GOOD_SECTION,
        "request": {**DEFAULTS, **asked},
    }


@pytest.mark.anaconda
@pytest.mark.parametrize("ref", REFS)
def test_writing_a_request(ref: str) -> None:
    changes: tuple[dict[str, Any], ...] = (
        {"layout": "minimal", "images": 3, "volumes": {"/data": 1 << 30}},
        {"layout": "mini mal\n%end", "images": -1},
        {"volumes": {"/da ta": 1 << 30, "/x\n%end": 5}},
    )
    answers = ask(ref, "write", *map(json.dumps, changes), name="service-write")
    first = {**DEFAULTS, "layout": "minimal", "images": 3, "volumes": {"/data": 1 << 30}}
    assert answers[0] == {"refused": None, "request": first}
    for answer in answers[1:]:
        assert answer["refused"][0] == "InvalidValueError"
        assert answer["request"] == first
    assert answers[1]["refused"][1] == (
        "'--layout=mini mal\\n%end' is not one of standard, minimal\n'--images=-1' is not a number from 1 to 99"
    )


@pytest.mark.anaconda
@pytest.mark.parametrize("ref", REFS)
def test_the_document_has_the_interface(ref: str) -> None:
    (xml,) = ask(ref, "introspect", name="service-introspect")
    interface = "org.fedoraproject.Anaconda.Addons.OvirtNode"
    node = ElementTree.fromstring(xml).find(f"interface[@name='{interface}']")
    assert node is not None
    there = {(member.get("name"), member.get("type")) for member in node.findall("property")}
    there |= {(f"{member.get('name')}()", None) for member in node.findall("method")}

    page = (CHECKOUT / "docs" / "dbus.md").read_text()
    rows = re.findall(r"^\| `(\w+(?:\(\))?)` \| (?:`([\w{}]+)`)?", page.partition("## Structures")[0], re.M)
    assert {(name, type_ or None) for name, type_ in rows} == there


def test_the_document_has_the_structures() -> None:
    """Without dasbus: the fields stand in the source as they are named there."""
    source = (CHECKOUT / "org_ovirt_node" / "structures.py").read_text()
    page = (CHECKOUT / "docs" / "dbus.md").read_text()
    for name in ("NodeRequest", "LayoutView", "DeviceRow", "FindingData", "DiskContent"):
        body = source.partition(f"class {name}(Structured):")[2].partition("@dataclass")[0]
        fields = [field.replace("_", "-") for field in re.findall(r"^    (\w+): ", body, re.M)]
        table = page.partition(f"### {name}\n")[2].partition("###")[0]
        assert fields
        assert re.findall(r"^\| `([\w-]+)` \|", table, re.M) == fields
