# SPDX-License-Identifier: GPL-2.0-or-later
"""The facts of a machine: the file, what is collected, and the machine that is made of it."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from disk_facts import Answering, device, node, signatures
from disk_machines import MACHINES
from disk_replay import Replay as Machine
from disk_replay import facts_text
from disk_replay import record as recorded

from org_ovirt_node.facts.collecting import Mounts, block_devices, collect, kind_of, may_be_searched
from org_ovirt_node.facts.record import INSTALLER, RUNNING, FactsError, Record, read, written
from org_ovirt_node.facts.replay import NicReplay, Replay
from org_ovirt_node.programs import disks, nics
from org_ovirt_node.programs.disks import Look

WANTED = {machine.name: next(iter(machine.wanted.values())) for machine in MACHINES}


class Nics(nics.Target):
    """A machine with these NICs: name -> address."""

    def __init__(self, **addresses: str) -> None:
        self.addresses = addresses

    def names(self, directory: str) -> list[str]:
        return ["lo", *self.addresses]

    def has(self, path: str) -> bool:
        return path.endswith("/device") and "/lo/" not in path

    def read(self, path: str) -> str:
        name, _, what = path[len(nics.NET) + 1 :].partition("/")
        return "up\n" if what == "operstate" else f"{self.addresses[name]}\n"


def collected(target: disks.Target, kind: str = INSTALLER, **more: Any) -> Record:
    """What is read of a machine, and read again from its file."""
    found = collect(target, Nics(eno1="52:54:00:AA:00:01"), kind, "node01", 1_700_000_000, **more)
    assert read(written(found)) == found
    return found


# --- the file ---


@pytest.mark.parametrize("name", [machine.name for machine in MACHINES])
def test_recorded_machines_have_the_format(name: str) -> None:
    assert json.loads(written(recorded(name))) == json.loads(facts_text(name))


def test_recorded_machines_fit_the_schema() -> None:
    if importlib.util.find_spec("pydantic") is None:
        pytest.skip("one of the installer's Pythons: no package of ksgen is there")
    import jsonschema

    schema = json.loads((Path(__file__).resolve().parents[2] / "docs" / "facts.schema.json").read_text())
    for machine in MACHINES:
        jsonschema.validate(json.loads(written(collected(Machine(machine.name)))), schema)
        assert set(schema["required"]) == set(json.loads(facts_text(machine.name)))


def change(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda data: data.__setitem__(key, value)


BROKEN = [
    pytest.param(change("format", "x"), "not the facts of a machine: 'format' is not 'ovirt-node-facts'", id="format"),
    pytest.param(change("version", 2), "version 2 is not 1", id="version"),
    pytest.param(change("version", None), "version None is not 1", id="no-version"),
    pytest.param(lambda data: data.pop("files"), "the key 'files' is missing", id="missing"),
    pytest.param(change("shown", {}), "the key 'shown' is unknown", id="unknown"),
    pytest.param(change("kind", "live"), "'kind' is 'live', which is neither 'installer' nor 'running'", id="kind"),
    pytest.param(change("kind", []), "'kind' is [], which is neither 'installer' nor 'running'", id="kind-type"),
    pytest.param(change("hostname", 1), "'hostname' is not a string", id="hostname"),
    pytest.param(change("commands", {}), "'commands' is not a list", id="commands"),
    pytest.param(change("commands", [["lsblk", 0, ""]]), "'commands[0]' is not a list of 4", id="command"),
    pytest.param(change("commands", [["lsblk", 0, "", ""]]), "'commands[0]' is not a list", id="argv"),
    pytest.param(
        change("commands", [[["a"], True, "", ""]]), "the exit status of 'commands[0]' is not a number", id="status"
    ),
    pytest.param(change("commands", [[["a"], 0, "", None]]), "'commands[0]' is not a string", id="output"),
    pytest.param(change("insides", []), "'insides' is not an object", id="insides"),
    pytest.param(change("insides", {"/dev/sda": [[], ""]}), "\"insides['/dev/sda']\" is not a list of 3", id="inside"),
    pytest.param(change("files", {"/a": 1}), "\"files['/a']\" is not a string", id="file"),
    pytest.param(change("directories", {"/a": ""}), "\"directories['/a']\" is not a list", id="directory"),
]


@pytest.mark.parametrize(("broken", "why"), BROKEN)
def test_file_that_is_not_one(broken: Callable[[dict[str, Any]], None], why: str) -> None:
    data = json.loads(facts_text("one-disk"))
    broken(data)
    with pytest.raises(FactsError) as raised:
        read(json.dumps(data))
    assert str(raised.value) == why


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "\ud800", "{}", "[]", '"ovirt-node-facts"', "NaN"])
def test_text_that_is_no_file(text: str) -> None:
    with pytest.raises(FactsError):
        read(text)


# --- collecting ---


@pytest.mark.parametrize("name", [machine.name for machine in MACHINES])
def test_judged_elsewhere_as_on_the_machine(name: str) -> None:
    """The same facts, decision and words; a disk that stops it in any case is not mounted by the collector."""
    record = collected(Machine(name))
    for wanted in next(machine for machine in MACHINES if machine.name == name).wanted.values():
        asked = disks.read(json.dumps(wanted))
        there, here = disks.judge(Machine(name), asked), disks.judge(Replay(record), asked)
        assert here[1] == there[1]
        assert disks.looked_at(here[0], asked) == disks.looked_at(there[0], asked)


def test_what_is_kept_of_a_machine() -> None:
    record = collected(Machine("one-disk"))
    assert (record.kind, record.collected, record.hostname) == (INSTALLER, "2023-11-14T22:13:20Z", "node01")
    assert record.files == {
        "/sys/class/dmi/id/sys_vendor": "",
        "/sys/class/dmi/id/product_name": "",
        "/sys/class/dmi/id/product_serial": "",
        "/proc/filesystems": "",
        "/sys/class/net/eno1/device": "",
        "/sys/class/net/eno1/address": "52:54:00:AA:00:01\n",
        "/sys/class/net/eno1/operstate": "up\n",
    }
    assert record.directories == {"/sys/class/net": ("lo", "eno1")}
    assert nics.gather(NicReplay(record)) == {"52:54:00:aa:00:01": "eno1"}
    assert {argv[0] for argv, _ in record.commands} == {"lsblk", "udevadm", "wipefs", "pvs", "lvs"}


def test_of_udev_only_what_identifies_block_devices() -> None:
    text = (
        "P: /devices/a/block/sda\nN: sda\nS: disk/by-id/x\nE: DEVPATH=/devices/a/block/sda\nE: SUBSYSTEM=block\n"
        "E: ID_SERIAL=1\nE: DM_NAME=m\nE: DEVLINKS=/dev/disk/by-id/x\nE: SITE_TOKEN=secret\nE: TAGS=:systemd:\n\n"
        "P: /devices/tty\nE: DEVPATH=/devices/tty\nE: SUBSYSTEM=tty\nE: ID_X=1\n"
    )
    assert block_devices(text).splitlines() == [
        "E: DEVPATH=/devices/a/block/sda",
        "E: SUBSYSTEM=block",
        "E: ID_SERIAL=1",
        "E: DM_NAME=m",
        "E: DEVLINKS=/dev/disk/by-id/x",
    ]
    assert disks.udev_properties(block_devices(text))["sda"]["ID_SERIAL"] == "1"


@pytest.mark.parametrize(
    ("name", "searched"),
    [
        ("old-system", [True, True]),
        ("storage-domain", [False]),
        ("copied-volume", [False, False]),
        ("multipath", [True, True]),
        ("mounted", [False]),
        ("firmware-raid", [False]),
        ("gluster-brick", [True]),
        ("node", [True]),
        ("ceph-volume", [True]),
        ("group-across", [True, True]),
        ("removable", [False]),
    ],
)
def test_disks_that_are_searched_by_the_collector(name: str, searched: list[bool]) -> None:
    """Those that an inventory can consent to lose."""
    facts = disks.gather(Machine(name))
    assert [may_be_searched(facts, each) for each in disks.candidates(facts)] == searched


@pytest.mark.parametrize(
    ("places", "kind"),
    [
        ((), RUNNING),
        (("/run/install",), INSTALLER),
        (("/run/initramfs/live",), INSTALLER),
        (("/run/live/medium",), INSTALLER),
        (("/run/media",), RUNNING),
    ],
)
def test_kind_of_the_machine(places: tuple[str, ...], kind: str) -> None:
    class At(disks.Target):
        def resolve(self, link: str) -> str:
            return link if link in places else ""

    assert kind_of(At()) == kind


# --- a running system ---

MOUNTINFO = """\
28 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw
30 28 8:3 / {top} rw - xfs /dev/sda3 rw
31 30 8:4 / {top}/with\\040blank rw - xfs /dev/sda4 rw
32 28 8:5 /home /home rw - btrfs /dev/sda5 rw
33 28 8:6 / /hidden rw - xfs /dev/sda6 rw
34 28 0:44 / /hidden rw - nfs server:/x rw
a line that is not one
"""


def mounts(top: Path) -> Mounts:
    return Mounts(MOUNTINFO.format(top=top), lambda path: f"8:{path[-1]}")


def mounted(number: int, *places: str) -> disks.Device:
    return device(f"sda{number}", "part", "sda", mounts=places, signatures=("xfs",))


def test_what_is_mounted_is_searched_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "data/dom_md").mkdir(parents=True)
    (tmp_path / "with blank/dom_md").mkdir(parents=True)  # of another file system, which is mounted there
    found = mounts(tmp_path)
    assert found.through(mounted(3, "/elsewhere", str(tmp_path))) == Look(("data/dom_md",))
    assert found.through(mounted(4, f"{tmp_path}/with blank")) == Look(("dom_md",))


@pytest.mark.parametrize(
    ("number", "place"),
    [
        pytest.param(5, "/home", id="a-subvolume-only"),
        pytest.param(6, "/hidden", id="hidden-by-another-mount"),
        pytest.param(7, "[SWAP]", id="swap"),
        pytest.param(7, "/gone", id="no-mount"),
    ],
)
def test_what_cannot_be_seen_through_a_mount(number: int, place: str, tmp_path: Path) -> None:
    assert mounts(tmp_path).through(mounted(number, place)) is None


class Installed(Answering):
    """A running system: / on sda1, swap on sda2, sda3 not mounted. Only mounted file systems are to be looked at."""

    def __init__(self, **answers: Any) -> None:
        parts = [
            node("sda1", "part", mountpoints=["/"]),
            node("sda2", "part", mountpoints=["[SWAP]"]),
            node("sda3", "part"),
        ]
        found = {"/dev/sda": signatures("gpt"), "/dev/sda1": signatures("xfs"), "/dev/sda3": signatures("ext4")}
        super().__init__(node("sda", wwn="0x5000c500a1b2c301", children=parts), **{"wipefs": found, **answers})

    def read(self, path: str) -> str:
        return "rw\n"

    def directories(self, device: str, fstype: str, others: Any = ()) -> Look:
        raise AssertionError("nothing is mounted on a running system")


SDA = disks.Wanted((disks.WantedDisk(wwn="0x5000c500a1b2c301"),), "onn")


def test_running_system_is_judged_as_an_installer_will_find_it() -> None:
    record = collected(
        Installed(), RUNNING, through=lambda each: Look((".glusterfs",)) if each.name == "sda1" else None
    )
    as_it_is = disks.judge(Replay(record), SDA)[1]
    assert [each.code for each in as_it_is.refusals] == ["in-use"]
    replay = Replay(record, is_idle=True)
    facts, decision = disks.judge(replay, SDA)
    assert [each.found for each in decision.refusals] == ["sda belongs to Gluster: .glusterfs in sda1"]
    assert replay.unseen == ["/dev/sda3"]
    assert [each.mounts for each in facts.devices] == [()] * 4


def test_running_system_without_lvm_has_no_groups() -> None:
    missing = disks.Output(127, "", "pvs: No such file or directory")

    class Bare(Installed):
        def run(self, *argv: str) -> disks.Output:
            return missing if argv[0] in ("pvs", "lvs") else super().run(*argv)

    record = collected(Bare(), RUNNING, through=lambda each: Look())
    assert disks.judge(Replay(record, is_idle=True), SDA)[1].refusals == ()
    with_lvm = collected(Bare(wipefs={"/dev/sda": signatures("LVM2_member")}), RUNNING)
    refusals = disks.judge(Replay(with_lvm, is_idle=True), SDA)[1].refusals
    assert [each.code for each in refusals] == ["cannot-look", "cannot-look"]


def test_other_programs_that_are_not_installed_are_missing() -> None:
    missing = disks.Output(127, "", "wipefs: No such file or directory")
    record = collected(Installed(wipefs={"/dev/sda": missing}), RUNNING)
    refusals = disks.judge(Replay(record, is_idle=True), SDA)[1].refusals
    assert [each.found for each in refusals] == [
        "sda on sda cannot be read: wipefs exited with 127: wipefs: No such file or directory"
    ]


# --- a machine that is not there ---


def test_facts_without_an_answer() -> None:
    record = recorded("old-system")
    assert [argv for argv, _ in record.commands if argv[0] == "pvs"]
    without = dataclasses.replace(record, commands=tuple(each for each in record.commands if each[0][0] != "pvs"))
    with pytest.raises(FactsError) as raised:
        disks.gather(Replay(without))
    assert str(raised.value) == f"no answer to the command: {' '.join(disks.PVS)}"
    searched = dataclasses.replace(record, insides={})
    with pytest.raises(FactsError, match=r"^no record of what is inside /dev/sda1$"):
        disks.judge(Replay(searched), disks.read(json.dumps(WANTED["old-system"])))


def test_nics_without_an_answer() -> None:
    record = collected(Machine("one-disk"))
    for broken, why in (
        (dataclasses.replace(record, directories={}), "no list of /sys/class/net"),
        (
            dataclasses.replace(record, files={"/sys/class/net/eno1/device": ""}),
            "no record of /sys/class/net/eno1/address",
        ),
    ):
        with pytest.raises(FactsError) as raised:
            nics.gather(NicReplay(broken))
        assert str(raised.value) == why


def test_nothing_is_done_to_a_machine_that_is_not_there() -> None:
    replay = Replay(recorded("one-disk"))
    with pytest.raises(TypeError, match=r"^/tmp/never cannot be written: this machine is a record$"):
        replay.write("/tmp/never", "")
    with pytest.raises(TypeError, match=r"^/tmp/never cannot be removed: this machine is a record$"):
        replay.remove("/tmp/never")
    with pytest.raises(TypeError, match=r"^tty1 cannot be written to: this machine is a record$"):
        replay.say("tty1", "")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"blockdevices": [1]}'])
def test_answer_of_lsblk_that_cannot_be_read(text: str) -> None:
    """It is judged as it is."""
    record = collected(Installed(), RUNNING)
    commands = tuple((argv, disks.Output(0, text) if argv == disks.LSBLK else each) for argv, each in record.commands)
    target = Replay(dataclasses.replace(record, commands=commands), is_idle=True)
    assert target.run(*disks.LSBLK).text == (text if text in ("", "{") else json.dumps(json.loads(text)))
