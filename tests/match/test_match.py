# SPDX-License-Identifier: GPL-2.0-or-later
"""`ksgen match`: what it prints of hosts and machines, and what is wrong with files of facts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from command import CliRunner
from disk_machines import MACHINES
from inventories import HOST, inventory_text, read_text
from machine_facts import COLLECTED, MAC, facts

from ksgen.cli import main
from org_ovirt_node.programs import disks

DISK = '{wwn: "0x5000c500a1b2c301", size: {min: 60 GiB, max: 70 GiB}}'


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write(tmp_path)
    return tmp_path


def write(site: Path, *more: str, **variables: str) -> None:
    text = inventory_text(**{"node_disk": DISK, "node_mac": f'"{MAC}"', "node_layout": "minimal", **variables})
    (site / "hosts.yaml").write_text(text + "".join(more))


def run(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(main, ["match", "hosts.yaml", *words])
    return done.exit_code, done.stdout, done.stderr


def verdicts(*words: str) -> Any:
    done = CliRunner().invoke(main, ["match", "hosts.yaml", *words, "--json"])
    assert done.stderr == ""
    return json.loads(done.stdout)


# --- what is printed ---


def test_host_that_would_be_installed(site: Path) -> None:
    (site / "a.json").write_text(facts("old-system"))
    assert run("a.json") == (
        0,
        """\
node01.example.com: would install; the machine of a.json, by the MAC address 52:54:00:aa:00:01 of eno1
  Dell Inc. PowerEdge R640, serial number ABC1234; facts of an installer, 2026-11-30T10:00:00Z
  requested: system0 with wwn 0x5000c500a1b2c301, 64424509440 to 75161927680 bytes
  DISK  SIZE     MODEL          SERIAL       WWN                 ON IT                                                         VERDICT
  sda   68.7 GB  QEMU HARDDISK  S3EVNX0K001  0x5000c500a1b2c301  gpt, ext4, xfs, swap, mounted at [SWAP], volume group system  system0; erased
  sdb   68.7 GB  QEMU HARDDISK  S3EVNX0K002  0x5000c500a1b2c302  volume group spare                                            not requested
  NIC   MAC                USED AS
  eno1  52:54:00:aa:00:01  boot NIC
  eno2  52:54:00:aa:00:02  -
  ovirt-node: /dev/disk/by-node/system0 is sda: gpt, ext4, xfs, swap, mounted at [SWAP], volume group system
""",  # noqa: E501
        "",
    )


def test_host_that_would_stop(site: Path) -> None:
    (site / "a.json").write_text(facts("deep-domain"))
    status, out, err = run("a.json")
    assert status == 1
    assert out.splitlines()[0].startswith("node01.example.com: stops; the machine of a.json, by the MAC address")
    assert out.splitlines()[4].endswith("gpt, ext4  system0; refused: storage-domain")
    found = "data/images/rhev/7d0e4f5a-9a3c-4c25-8f6b-1f2e3d4c5b6a/dom_md"
    assert err == (
        "hosts.yaml:10:18: error: node01.example.com: node_disk: a.json: storage-domain: the file system of sda1 on "
        f"sda is a storage domain of oVirt: it has {found}; needed: a disk without virtual machines on it\n"
        "  hint: correct node_disk; if the domain is given up, destroy it in the engine and wipe the disk there\n"
    )


def test_consent_is_named_and_shown(site: Path) -> None:
    (site / "a.json").write_text(facts("luks"))
    _, _, err = run("a.json")
    assert err.endswith(
        "hint: correct node_disk, or find out by hand what it is; to erase it anyway: node_erase: [luks]\n"
    )
    write(site, node_erase="[luks]")
    status, out, err = run("a.json")
    assert (status, err) == (0, "")
    assert out.splitlines()[4].endswith("system0; erased, by node_erase: luks")


def test_other_disks_have_the_rule_that_would_refuse_them(site: Path) -> None:
    (site / "a.json").write_text(facts("copied-volume"))
    found = verdicts("a.json")["machines"][0]
    assert [each["disks"] for each in found["disks"]] == [["system0"], []]
    assert [[each["code"] for each in disk["refusals"]] for disk in found["disks"]] == [
        ["storage-domain"],
        ["hidden-volume"],
    ]
    assert "not requested; would be refused: hidden-volume" in run("a.json")[1]


def test_json(site: Path) -> None:
    (site / "a.json").write_text(facts("old-system"))
    assert verdicts("a.json") == {
        "problems": [],
        "machines": [
            {
                "file": "a.json",
                "kind": "installer",
                "collected": COLLECTED,
                "hostname": "lab",
                "machine": "Dell Inc. PowerEdge R640, serial number ABC1234",
                "host": "node01.example.com",
                "reason": "by the MAC address 52:54:00:aa:00:01 of eno1",
                "stops": False,
                "requested": {"system0": "wwn 0x5000c500a1b2c301, 64424509440 to 75161927680 bytes"},
                "said": [
                    "ovirt-node: /dev/disk/by-node/system0 is sda: gpt, ext4, xfs, swap, mounted at [SWAP], volume "
                    "group system"
                ],
                "active": [],
                "disks": [
                    {
                        "names": ["sda"],
                        "size": 68719476736,
                        "model": "QEMU HARDDISK",
                        "serial": "S3EVNX0K001",
                        "wwn": "0x5000c500a1b2c301",
                        "contents": "gpt, ext4, xfs, swap, mounted at [SWAP], volume group system",
                        "disks": ["system0"],
                        "refusals": [],
                        "allowed": [],
                        "not_searched": [],
                    },
                    {
                        "names": ["sdb"],
                        "size": 68719476736,
                        "model": "QEMU HARDDISK",
                        "serial": "S3EVNX0K002",
                        "wwn": "0x5000c500a1b2c302",
                        "contents": "volume group spare",
                        "disks": [],
                        "refusals": [],
                        "allowed": [],
                        "not_searched": [],
                    },
                ],
                "nics": [
                    {"name": "eno1", "mac": "52:54:00:aa:00:01", "used_as": ["boot NIC"]},
                    {"name": "eno2", "mac": "52:54:00:aa:00:02", "used_as": []},
                ],
            }
        ],
    }


# --- a running system ---


def running(name: str, where: str = "/", **changes: Any) -> str:
    """The recorded machine with its first file system mounted, as if it had started from it."""
    data = json.loads(facts(name, **{"kind": "running", **changes}))
    for argv, answer in ((command[0], command) for command in data["commands"]):
        if argv[0] == "lsblk":
            tree = json.loads(answer[2])
            tree["blockdevices"][0].setdefault("children", [tree["blockdevices"][0]])[0]["mountpoints"] = [where]
            answer[2] = json.dumps(tree)
    return json.dumps(data)


def test_mounts_of_a_running_system_are_no_refusal(site: Path) -> None:
    (site / "a.json").write_text(running("old-system"))
    status, out, err = run("a.json")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[1].endswith(
        "; facts of a running system, 2026-11-30T10:00:00Z: mounts and active devices are as of then"
    )
    assert "mounted at /" in lines[4]
    assert lines[-1] == "  ovirt-node: /dev/disk/by-node/system0 is sda: gpt, ext4, xfs, swap, volume group system"
    (site / "a.json").write_text(running("old-system", kind="installer"))
    assert [each["code"] for each in verdicts("a.json")["machines"][0]["disks"][0]["refusals"]] == ["in-use"]
    assert run("a.json")[0] == 1


def test_what_was_not_mounted_was_not_searched(site: Path) -> None:
    (site / "a.json").write_text(running("old-system", insides={}))
    assert "system0; erased; not searched: sda1, system-root" in run("a.json")[1]


def test_domain_that_is_mounted_is_refused(site: Path) -> None:
    (site / "a.json").write_text(running("deep-domain"))
    assert [each["code"] for each in verdicts("a.json")["machines"][0]["disks"][0]["refusals"]] == ["storage-domain"]
    assert run("a.json")[0] == 1


def test_map_of_a_running_multipathd_is_no_refusal(site: Path) -> None:
    data = json.loads(facts("one-disk", kind="running"))
    for argv, answer in ((command[0], command) for command in data["commands"]):
        if argv[0] == "lsblk":
            tree = json.loads(answer[2])
            disk = next(each for each in tree["blockdevices"] if each["name"] == "sda")
            disk["children"] = [
                {**disk, "name": "mpatha", "kname": "dm-0", "path": "/dev/mapper/mpatha", "type": "mpath"}
            ]
            answer[2] = json.dumps(tree)
    data["commands"].append([["wipefs", "--json", "/dev/mapper/mpatha"], 0, "", ""])
    (site / "a.json").write_text(json.dumps(data))
    found = verdicts("a.json")["machines"][0]
    assert (found["stops"], [each["code"] for each in found["active"]]) == (False, ["multipath-map"])
    assert found["said"] == ["ovirt-node: /dev/disk/by-node/system0 is sda: nothing"]
    (site / "a.json").write_text(json.dumps({**data, "kind": "installer"}))
    assert verdicts("a.json")["machines"][0]["stops"]


# --- NICs ---

BOND = f"[{{name: bond0, bond: {{members: ['{MAC}', '52:54:00:aa:00:02']}}, ipv4: dhcp}}]"


def test_members_of_a_bond(site: Path) -> None:
    write(site, node_network=BOND)
    (site / "a.json").write_text(facts("one-disk"))
    roles = [each["used_as"] for each in verdicts("a.json")["machines"][0]["nics"]]
    assert roles == [["boot NIC", "in bond0"], ["in bond0"]]


def test_member_that_is_missing(site: Path) -> None:
    """In the words of nics.py, which stops in %pre."""
    write(site, node_network=BOND)
    (site / "a.json").write_text(facts("one-disk", [MAC]))
    found = verdicts("a.json")
    assert found["machines"][0]["said"][1:] == [
        "ovirt-node: no NIC has the address 52:54:00:aa:00:02, which node_network of this host names; this machine has "
        "eno1 52:54:00:aa:00:01.",
        "Nothing has been written to any disk. Correct the inventory, run ksgen, and boot again.",
    ]
    assert [(each["code"], each["variable"], each["message"]) for each in found["problems"]] == [
        (
            "match-nic",
            "node_network",
            "a.json: no NIC has the address 52:54:00:aa:00:02; this machine has eno1 52:54:00:aa:00:01",
        )
    ]


def test_name_that_no_nic_has_is_a_warning(site: Path) -> None:
    write(site, node_network="[{name: ens3, ipv4: dhcp}, {name: eno1, ipv4: dhcp, default_route: false}]")
    (site / "a.json").write_text(facts("one-disk"))
    status, _, err = run("a.json")
    assert status == 0
    assert err.splitlines()[-2:] == [
        "hosts.yaml:12:29: warning: node01.example.com: node_network[0].name: a.json: no NIC has the name ens3; this "
        "machine has eno1 52:54:00:aa:00:01, eno2 52:54:00:aa:00:02",
        "  hint: names may differ between an installed system and the installer; MAC addresses do not",
    ]


# --- which host ---

SECOND = """\
    node02.example.com:
      {more}
      node_mac: "52:54:00:bb:00:01"
      node_disk: {{wwn: "0x5000c500a1b2c302", size: 64 GiB}}
      node_layout: minimal
"""
MORE = "\n      ".join(f"{key}: {value}" for key, value in HOST.items() if key not in ("node_mac", "node_disk"))


def two_hosts(site: Path, **variables: str) -> None:
    write(site, SECOND.format(more=MORE), **variables)


def test_each_machine_is_its_host(site: Path) -> None:
    two_hosts(site)
    (site / "facts").mkdir()
    (site / "facts" / "a").write_text(facts("one-disk", ["52:54:00:cc:00:01"]))
    (site / "facts" / "b").write_text(facts("old-system", ["52:54:00:bb:00:01"]))
    (site / "facts" / ".hidden").write_text("")
    found = verdicts("facts")
    assert [(each["host"], each["reason"]) for each in found["machines"]] == [
        ("node01.example.com", "by the wwn 0x5000c500a1b2c301 of sda"),
        ("node02.example.com", "by the MAC address 52:54:00:bb:00:01 of eno1"),
    ]
    assert [(each["variable"], each["message"]) for each in found["problems"]] == [
        (
            "node_mac",
            "facts/a: no NIC has the address 52:54:00:aa:00:01; this machine has eno1 52:54:00:cc:00:01",
        )
    ]


def test_machine_of_no_host(site: Path) -> None:
    (site / "a.json").write_text(facts("no-disk", []))
    assert run("a.json") == (
        1,
        "",
        "a.json:1:1: error: no host of the inventory describes this machine: Dell Inc. PowerEdge R640, serial number "
        "ABC1234\n"
        "  hint: ksgen match --propose prints what describes it\n",
    )


def test_machine_of_two_hosts(site: Path) -> None:
    two_hosts(site)
    (site / "a.json").write_text(facts("old-system", ["52:54:00:cc:00:01"]))
    status, out, err = run("a.json")
    assert (status, out) == (1, "")
    assert err == (
        "a.json:1:1: error: the machine is several hosts: node01.example.com by the wwn 0x5000c500a1b2c301 of sda; "
        "node02.example.com by the wwn 0x5000c500a1b2c302 of sdb\n"
        "  hint: correct the inventory, or name one host before the file\n"
    )
    status, out, _ = run("node02.example.com", "a.json")
    assert (status, out.splitlines()[0]) == (
        1,
        "node02.example.com: stops; the machine of a.json, by the wwn 0x5000c500a1b2c302 of sdb",
    )


def test_two_machines_of_one_host(site: Path) -> None:
    for name in ("a.json", "b.json"):
        (site / name).write_text(facts("old-system"))
    status, _, err = run("a.json", "b.json")
    assert status == 1
    assert err == (
        "b.json:1:1: error: the machine is node01.example.com by the MAC address 52:54:00:aa:00:01 of eno1, and so is "
        "that of a.json\n  hint: remove one of the files, or correct the inventory\n"
    )


def test_host_without_facts(site: Path) -> None:
    two_hosts(site)
    (site / "a.json").write_text(facts("one-disk"))
    assert run("a.json")[0] == 0
    status, _, err = run("all", "a.json")
    assert status == 1
    assert err == (
        "hosts.yaml:12:5: error: node02.example.com: no facts are those of node02.example.com: no machine has its MAC "
        "addresses or its disks\n  hint: add the file with its facts\n"
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["node01.example.com"], "no file of facts is given; ksgen facts prints the script that collects them"),
        (
            ["node09.example.com", "a.json"],
            "no host or group named 'node09.example.com'; did you mean 'node01.example.com'?",
        ),
    ],
)
def test_wrong_usage(words: list[str], message: str, site: Path) -> None:
    (site / "a.json").write_text(facts("one-disk"))
    status, out, err = run(*words)
    assert (status, out) == (2, "")
    assert err.splitlines()[-1] == f"Error: {message}"


# --- files that are not facts ---

CURE = "  hint: collect the facts again with the script of `ksgen facts`\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "not JSON: Expecting value: line 1 column 1 (char 0)", id="empty"),
        pytest.param(b"\xff", "not UTF-8", id="not-utf-8"),
        pytest.param(b"{}", "not the facts of a machine: 'format' is not 'ovirt-node-facts'", id="json"),
        pytest.param(
            json.dumps({"stdout": "", "rc": 1, "stderr": "root is required"}).encode(),
            "not JSON: Expecting value: line 1 column 1 (char 0)",
            id="ansible-failed",
        ),
        pytest.param(facts("one-disk", version=2).encode(), "version 2 is not 1", id="version"),
        pytest.param(facts("one-disk")[:-100].encode(), None, id="truncated"),
        pytest.param(
            facts("one-disk", directories={}).encode(),
            "the answers of the machine cannot be read: no list of /sys/class/net",
            id="no-nics",
        ),
        pytest.param(
            facts("one-disk", commands=[]).encode(),
            f"the answers of the machine cannot be read: no answer to the command: {' '.join(disks.LSBLK)}",
            id="no-commands",
        ),
        pytest.param(
            facts("one-disk", commands=[[list(disks.LSBLK), 0, '{"blockdevices": [{}]}', ""]]).encode(),
            "the answers of the machine cannot be read: KeyError: 'kname'",
            id="strange-answer",
        ),
    ],
)
def test_file_that_is_not_facts(content: bytes, message: str | None, site: Path) -> None:
    (site / "a.json").write_bytes(content)
    status, out, err = run("a.json")
    assert (status, out) == (1, "")
    assert err.endswith(CURE)
    assert err.startswith(f"a.json:1:1: error: {message}\n" if message else "a.json:1:1: error: not JSON: ")


def test_file_that_cannot_be_read(site: Path) -> None:
    assert run("gone.json") == (1, "", "gone.json:1:1: error: file not found\n")


def test_directory_without_facts(site: Path) -> None:
    (site / "facts").mkdir()
    (site / "facts" / ".hidden").write_text("")
    assert run("facts") == (1, "", f"facts:1:1: error: the directory has no file of facts\n{CURE}")


def test_result_of_ansible(site: Path) -> None:
    """`ansible -m script -t DIR` writes the result of the module."""
    result = {"changed": True, "rc": 0, "stderr": "", "stdout": facts("one-disk"), "stdout_lines": []}
    (site / "node01").write_text(json.dumps(result))
    assert run("./node01")[0] == 0


def test_text_of_a_machine_cannot_control_a_terminal(site: Path) -> None:
    text = facts("one-disk").replace("ST480FP0021", r"ST480\\u001b]0;x\\u0007").replace("Dell", r"D\u001b[2Jell")
    (site / "a.json").write_text(text)
    _, out, err = run("a.json")
    assert "D?[2Jell" in out
    assert "ST480?]0;x?" in out
    assert not [char for char in out + err if not char.isprintable() and char != "\n"]


# --- proposals ---


# Machines with a disk that no rule refuses.
FIT = {
    *("one-disk", "two-equal", "sizes-differ", "nvme", "virtio", "usb-stick", "multipath", "old-system", "half-mirror"),
    *("power-cut", "tower"),
}


def proposed(site: Path, text: str) -> Any:
    """What is printed for a machine, as an inventory has it below `hosts`."""
    write(site, node_mac='"52:54:00:00:00:99"', node_disk='{wwn: "0x5000000000000099", size: 64 GiB}')
    (site / "a.json").write_text(text)
    status, out, err = run("--propose", "a.json")
    assert (status, err) == (0, "")
    return yaml.safe_load(out)


@pytest.mark.parametrize("name", [machine.name for machine in MACHINES])
def test_proposed_host_would_be_installed(name: str, site: Path) -> None:
    found = proposed(site, facts(name))
    ((host, variables),) = found.items()
    assert ("node_disk" in variables) is (name in FIT)
    if name not in FIT:
        return
    common = {key: yaml.safe_load(value) for key, value in HOST.items() if key not in ("node_mac", "node_disk")}
    entry = {**common, "node_layout": "minimal", "node_vg": "other", **variables}
    text = json.dumps({"all": {"hosts": {host.lower(): entry}}})
    _, problems = read_text(text, site)
    # The disks of some of these machines are smaller than any node's.
    assert [each.code for each in problems if each.severity == "error" and each.code != "does-not-fit"] == []
    found = verdicts("a.json")
    assert [each["code"] for each in found["problems"] if each["code"].startswith("match")] == []
    assert [(each["host"], each["stops"]) for each in found["machines"]] == [(host.lower(), False)]


def test_proposal(site: Path) -> None:
    write(site, node_mac='"52:54:00:00:00:99"', node_disk='{wwn: "0x5000000000000099", size: 64 GiB}')
    (site / "a.json").write_text(facts("usb-stick", ["52:54:00:aa:00:02", MAC], hostname="rack7.example.com"))
    assert run("--propose", "a.json") == (
        0,
        """\
# a.json: Dell Inc. PowerEdge R640, serial number ABC1234; facts of an installer, 2026-11-30T10:00:00Z
rack7.example.com:
  node_mac: "52:54:00:aa:00:02"   # eno1, link up
  # node_mac: "52:54:00:aa:00:01"   # eno2, no link
  node_network:
    - {mac: "52:54:00:aa:00:02", ipv4: dhcp}   # eno1
  #   - {mac: "52:54:00:aa:00:01", ipv4: dhcp}   # eno2
  node_disk: {wwn: "0x5000c500a1b2c301", size: 69 GB}   # sda, QEMU HARDDISK; on it: nothing
  # node_disk: {serial: "4C530001", size: 69 GB}   # sdb, QEMU HARDDISK; refused: removable; on it: nothing
""",
        "",
    )


def test_proposals_as_json(site: Path) -> None:
    (site / "a.json").write_text(facts("one-disk", ["52:54:00:cc:00:01"]))
    write(site, node_disk='{wwn: "0x5000000000000099", size: 64 GiB}')
    found = verdicts("a.json", "--propose")
    assert found["problems"] == []
    assert [each["host"] for each in found["machines"]] == [None]
    assert [list(yaml.safe_load(each)) for each in found["proposals"]] == [["NAME.example.com"]]


def test_nothing_to_propose(site: Path) -> None:
    (site / "a.json").write_text(facts("one-disk"))
    assert run("--propose", "a.json") == (0, "", "nothing to propose: no machine is without a host\n")


def test_proposal_of_a_hostile_machine(site: Path) -> None:
    """Nothing that it says becomes a key of the inventory."""
    text = facts("one-disk", hostname="a: {b: c}\nnode_pre: x").replace("ST480FP0021", r"x\\nnode_pre: evil #")
    text = text.replace("Dell Inc.", r"\u2028node_pre: evil\n")
    found = proposed(site, text)
    assert {key for variables in found.values() for key in variables} == {"node_mac", "node_network", "node_disk"}
