# SPDX-License-Identifier: GPL-2.0-or-later
"""What ksgen tells the program that finds the disks: each key from the inventory to the program's own values."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from command import CliRunner
from disk_machines import want, wwn
from disk_replay import Replay
from inventories import inventory_text, one_host

from ksgen.cli import main
from ksgen.kickstart.page import Templates, wanted_disks
from ksgen.variables import variables_schema
from org_ovirt_node.programs import disks
from org_ovirt_node.programs.disks import Wanted, WantedDisk

GB = 10**9
DISK = WantedDisk(
    wwn="0x5000c500a1b2c301",
    serial="S3EVNX0K001",
    path="/dev/disk/by-path/pci-0000:00:1f.2-ata-1",
    model="INTEL SSDSC2BB48",
    smallest=1 * GB,
    largest=2 * GB,
)
WANTED = Wanted((DISK, WantedDisk(serial="WD-1")), "hypervisor", True, True, "tree", ("ceph", "zfs"), ("35000c5",))
TEXT = """\
{
 "version": 3,
 "group": "hypervisor",
 "reinstall": true,
 "multipath": true,
 "addon": "tree",
 "erase": ["ceph", "zfs"],
 "keep": ["35000c5"],
 "disks": [
  {"wwn": "0x5000c500a1b2c301", "serial": "S3EVNX0K001", "path": "/dev/disk/by-path/pci-0000:00:1f.2-ata-1", \
"model": "INTEL SSDSC2BB48", "smallest": 1000000000, "largest": 2000000000},
  {"wwn": null, "serial": "WD-1", "path": null, "model": null, "smallest": null, "largest": null}
 ]
}"""


def test_text() -> None:
    assert disks.written(WANTED) == TEXT
    assert disks.read(TEXT) == WANTED


@pytest.mark.parametrize(
    ("variables", "key", "value"),
    [
        pytest.param({}, "group", "onn", id="group-of-the-policy"),
        pytest.param({"node_vg": "hypervisor"}, "group", "hypervisor", id="group"),
        pytest.param({}, "reinstall", False, id="no-reinstall"),
        pytest.param({"node_reinstall": "true"}, "reinstall", True, id="reinstall"),
        pytest.param({}, "multipath", False, id="no-multipath"),
        pytest.param({"node_multipath": "true"}, "multipath", True, id="multipath"),
        pytest.param({}, "addon", "updates", id="addon-as-updates"),
        pytest.param({"node_addon": "true"}, "addon", "updates", id="addon"),
        pytest.param({"node_addon": "false"}, "addon", "none", id="no-addon"),
        pytest.param({"node_addon": "tree"}, "addon", "tree", id="addon-in-the-tree"),
        pytest.param({}, "erase", (), id="nothing-to-erase"),
        pytest.param({"node_erase": "[zfs, ceph]"}, "erase", ("zfs", "ceph"), id="erase"),
        pytest.param({"node_erase": "zfs"}, "erase", ("zfs",), id="erase-one"),
        pytest.param({}, "keep", (), id="nothing-to-keep"),
        pytest.param({"node_local_disks": '["0x5000c500a1b2c3d5"]'}, "keep", ("35000c500a1b2c3d5",), id="keep"),
    ],
)
def test_variable_arrives(tmp_path: Path, variables: dict[str, str], key: str, value: object) -> None:
    wanted = wanted_disks(one_host(tmp_path, **variables).settings)
    assert getattr(disks.read(disks.written(wanted)), key) == value


@pytest.mark.parametrize(
    ("node_disk", "disk"),
    [
        pytest.param('{wwn: "0x5000c500a1b2c301"}', WantedDisk(wwn="0x5000c500a1b2c301"), id="wwn"),
        pytest.param("{serial: WD-1234}", WantedDisk(serial="WD-1234"), id="serial"),
        pytest.param(
            "{path: pci-0000:00:1f.2-ata-1}",
            WantedDisk(path="/dev/disk/by-path/pci-0000:00:1f.2-ata-1"),
            id="path",
        ),
        pytest.param("{serial: WD-1234, model: WDC}", WantedDisk(serial="WD-1234", model="WDC"), id="model"),
        pytest.param(
            "{serial: WD-1234, size: {min: 100 GB}}", WantedDisk(serial="WD-1234", smallest=100 * GB), id="smallest"
        ),
        pytest.param(
            "{serial: WD-1234, size: {max: 900 GB}}", WantedDisk(serial="WD-1234", largest=900 * GB), id="largest"
        ),
        pytest.param(
            "{serial: WD-1234, size: 100 GB}",
            WantedDisk(serial="WD-1234", smallest=97 * GB, largest=103 * GB),
            id="nominal-size",
        ),
    ],
)
def test_key_of_a_disk_arrives(tmp_path: Path, node_disk: str, disk: WantedDisk) -> None:
    settings = one_host(tmp_path, node_disk=node_disk).settings
    assert disks.read(disks.written(wanted_disks(settings))).disks == (disk,)


def test_disks_arrive_in_their_order(tmp_path: Path) -> None:
    settings = one_host(tmp_path, node_disk="[{serial: WDC-2}, {serial: WDC-1}]").settings
    assert [disk.serial for disk in wanted_disks(settings).disks] == ["WDC-2", "WDC-1"]


def test_kickstart_carries_the_text(tmp_path: Path) -> None:
    host = one_host(tmp_path, node_vg="hypervisor", node_erase="[zfs]")
    text, _ = Templates().render(host)
    assert text is not None
    _, _, rest = text.partition("<<'END_OF_DISKS'\n")
    carried, _, _ = rest.partition("\nEND_OF_DISKS\n")
    assert disks.read(carried) == wanted_disks(host.settings)


# --- what the program does with each key ---


def test_every_field_is_written() -> None:
    """A value that is not the default comes back, field by field."""
    for field in dataclasses.fields(Wanted):
        assert getattr(disks.read(TEXT), field.name) == getattr(WANTED, field.name), field.name
        if field.default is not dataclasses.MISSING:
            assert getattr(WANTED, field.name) != field.default, f"{field.name} is not told apart from its default"
    for field in dataclasses.fields(WantedDisk):
        assert getattr(DISK, field.name) is not None
        assert getattr(disks.read(TEXT).disks[0], field.name) == getattr(DISK, field.name), field.name


def _without(data: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name != key}


ASKED = want(wwn(1))
(ASKED_DISK,) = ASKED["disks"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("", "Expecting value: line 1 column 1 (char 0)", id="empty"),
        pytest.param("[]", "version None is not 3", id="a-list"),
        pytest.param({**ASKED, "version": 2}, "version 2 is not 3", id="older"),
        pytest.param({**ASKED, "version": 4}, "version 4 is not 3", id="newer"),
        pytest.param(_without(ASKED, "version"), "version None is not 3", id="no-version"),
        pytest.param({**ASKED, "version": True}, "version True is not 3", id="version-not-a-number"),
        pytest.param({**ASKED, "multi_path": True}, "the text has the unknown key 'multi_path'", id="unknown-key"),
        *(
            pytest.param(_without(ASKED, key), f"the text lacks the key '{key}'", id=f"no-{key}")
            for key in ("group", "reinstall", "multipath", "addon", "erase", "keep", "disks")
        ),
        *(
            pytest.param(
                {**ASKED, "disks": [_without(ASKED_DISK, key)]},
                f"disk 0 lacks the key '{key}'",
                id=f"no-{key}",
            )
            for key in ("wwn", "serial", "path", "model", "smallest", "largest")
        ),
        pytest.param(want(wwn(1, size=1)), "disk 0 has the unknown key 'size'", id="unknown-key-of-a-disk"),
        pytest.param({**ASKED, "group": None}, "'group' of the text is None, of the wrong type", id="group-null"),
        pytest.param({**ASKED, "group": ""}, "'group' is empty", id="group-empty"),
        pytest.param({**ASKED, "reinstall": 1}, "'reinstall' of the text is 1, of the wrong type", id="reinstall-1"),
        pytest.param(
            {**ASKED, "multipath": "no"}, "'multipath' of the text is 'no', of the wrong type", id="multipath-text"
        ),
        pytest.param({**ASKED, "addon": True}, "'addon' of the text is True, of the wrong type", id="addon-true"),
        pytest.param(
            {**ASKED, "addon": "yes"}, "'addon' is 'yes', which is not one of updates, tree, none", id="addon-unknown"
        ),
        pytest.param({**ASKED, "keep": [""]}, "'keep' has '', which is not a WWID", id="keep-nothing"),
        pytest.param({**ASKED, "keep": [5]}, "'keep' has 5, which is not a WWID", id="keep-number"),
        pytest.param({**ASKED, "erase": "zfs"}, "'erase' of the text is 'zfs', of the wrong type", id="erase-text"),
        pytest.param(
            {**ASKED, "erase": ["zsf"]},
            f"'erase' has 'zsf', which is not one of {', '.join(disks.ERASABLE)}",
            id="erase-unknown",
        ),
        pytest.param(
            {**ASKED, "erase": [["zfs"]]},
            f"'erase' has ['zfs'], which is not one of {', '.join(disks.ERASABLE)}",
            id="erase-nested",
        ),
        pytest.param(
            want({"model": "WDC"}, erase=["zfs"]),
            "'erase' is set, but disk 0 has no wwn, serial or path",
            id="erase-by-model",
        ),
        pytest.param({**ASKED, "disks": {}}, "'disks' of the text is {}, of the wrong type", id="disks-mapping"),
        pytest.param({**ASKED, "disks": []}, "no disk is requested", id="no-disk"),
        pytest.param({**ASKED, "disks": ["sda"]}, "disk 0 is not an object", id="disk-text"),
        pytest.param(want(wwn(1), wwn(1, model=1)), "'model' of disk 1 is 1, of the wrong type", id="model-number"),
        pytest.param(
            want(wwn(1, smallest=1.5)), "'smallest' of disk 0 is 1.5, of the wrong type", id="smallest-fraction"
        ),
        pytest.param(want(wwn(1, largest=True)), "'largest' of disk 0 is True, of the wrong type", id="largest-true"),
        pytest.param('{"group": "a", "group": "b"}', "'group' is given twice", id="key-twice"),
    ],
)
def test_text_that_is_not_understood_stops(text: object, why: str) -> None:
    target = Replay("one-disk")
    target.files["/tmp/wanted.json"] = text if isinstance(text, str) else json.dumps(text)
    assert disks.main(["/tmp/wanted.json", "1", "1"], target) == 1
    assert target.done == []
    assert target.heard[0][1].splitlines() == [
        "",
        "ovirt-node: the installation stops here; nothing has been written to any disk.",
        f"ovirt-node: error: contract: /tmp/wanted.json, which lists the requested disks, cannot be parsed: {why}; "
        "needed: the text that belongs to this disks.py",
        "ovirt-node:   cure: run ksgen again, so that the kickstart and the add-on are of one version, "
        "and do not edit this part",
        "ovirt-node: Correct the inventory, run ksgen, and boot again.",
    ]


def test_no_text_at_all_stops() -> None:
    target = Replay("one-disk")
    assert disks.main(["/tmp/wanted.json", "1", "1"], target) == 1
    assert "cannot be parsed: Expecting value: line 1 column 1 (char 0)" in target.heard[0][1]


@pytest.mark.parametrize(
    ("group", "codes"),
    [
        pytest.param("onn", ["group-name-taken"], id="the-name-of-the-other-node"),
        pytest.param("hypervisor", [], id="a-name-of-its-own"),
    ],
)
def test_group_of_another_disk_is_refused_by_the_name_that_this_host_gives(
    tmp_path: Path, group: str, codes: list[str]
) -> None:
    settings = one_host(tmp_path, node_vg=group, node_disk='{wwn: "0x5000c500a1b2c301"}').settings
    found = disks.decide(disks.gather(Replay("node-beside")), wanted_disks(settings))
    assert [each.code for each in found.refusals] == codes


# --- node_erase for the person who writes it ---


def test_editor_completes_the_words() -> None:
    schema = variables_schema()["properties"]["node_erase"]
    words = {"type": "string", "enum": list(disks.ERASABLE)}
    assert words in schema["anyOf"]
    assert {"type": "array", "items": words} in schema["anyOf"]


def test_explanation_has_it(tmp_path: Path) -> None:
    (tmp_path / "hosts.yaml").write_text(inventory_text(node_erase="[luks, ceph]"))
    result = CliRunner().invoke(main, ["explain", str(tmp_path / "hosts.yaml"), "node01.example.com", "node_erase"])
    assert result.output.startswith('node_erase: ["luks", "ceph"]\n')


@pytest.mark.parametrize("word", disks.ERASABLE)
def test_every_word_is_accepted(tmp_path: Path, word: str) -> None:
    assert one_host(tmp_path, node_erase=word).settings.erase == [word]
