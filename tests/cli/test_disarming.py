# SPDX-License-Identifier: GPL-2.0-or-later
"""`arm`, `disarm` and `armed` as their user meets them, above all when something is wrong with the inventory."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from command import CliRunner
from inventories import inventory_text

from ksgen.cli import main

ONE, TWO = "node01.example.com", "node02.example.com"
DISARMED = "4 files updated, 1 removed in out"


def ksgen(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


def hosts_text(count: int = 2, **changes: str) -> str:
    """node01, node02 and so on, in the group rack."""
    lines = ["all:", "  children:", "    rack:", "      hosts:"]
    for number in range(1, count + 1):
        own = {"node_mac": f'"52:54:00:aa:00:{number:02}"', "node_disk": f"{{serial: S4X000{number}, size: 480 GB}}"}
        text = inventory_text(f"node{number:02}.example.com", **{**own, **changes}).split("\n")[2:-1]
        lines += [f"    {line}" for line in text]
    return "\n".join([*lines, ""])


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with an inventory of two hosts, published, and the first host armed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TZ", "UTC")
    for name in (".treeinfo", "images/install.img", "images/pxeboot/vmlinuz", "images/pxeboot/initrd.img"):
        path = tmp_path / "el9" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    Path("hosts.yaml").write_text(hosts_text())
    assert ksgen("hosts.yaml", "--tree", "el9=el9").exit_code == 0
    assert ksgen("arm", "hosts.yaml", ONE).exit_code == 0
    assert installing() == [ONE]
    return tmp_path


def installing() -> list[str]:
    """The hosts of which all boot files ask for the installer; it is none or all of them."""
    found = []
    for number in range(1, 7):
        mac = f"52-54-00-aa-00-0{number}"
        paths = (f"pxelinux.cfg/01-{mac}", f"grub/grub.cfg-01-{mac}", f"ipxe/{mac}.ipxe")
        texts = [Path("out", path).read_text() for path in paths if Path("out", path).exists()]
        asks = {"armed=" in text for text in texts}
        assert len(asks) <= 1
        found += [f"node0{number}.example.com"] if asks == {True} else []
    permitted = sorted({path.name.rsplit(".", 3)[0] for path in Path("out/armed").iterdir()})
    assert permitted == found
    return found


# --- the inventory is not needed -------------------------------------------------------------------------------------


def _remove() -> None:
    Path("hosts.yaml").unlink()


def _break_yaml() -> None:
    Path("hosts.yaml").write_text("all: [")


def _make_a_host_wrong() -> None:
    Path("hosts.yaml").write_text(hosts_text(node_release="el8"))


def _leave() -> None:
    text = hosts_text()
    begin, end = text.index(f"        {ONE}:"), text.index(f"        {TWO}:")
    Path("hosts.yaml").write_text(text[:begin] + text[end:])


def _vault() -> None:
    vaulted = '!vault "$ANSIBLE_VAULT;1.1;AES256\\n3132"'
    Path("hosts.yaml").write_text(hosts_text(node_root_password_hash=vaulted))


def _change_the_card() -> None:
    Path("hosts.yaml").write_text(hosts_text().replace("52:54:00:aa:00:01", "52:54:00:aa:00:05"))


def _nothing() -> None:
    pass


ACCIDENTS = {
    "nothing": _nothing,
    "no-file": _remove,
    "no-yaml": _break_yaml,
    "wrong-host": _make_a_host_wrong,
    "host-has-left": _leave,
    "vault-without-password": _vault,
    "another-card": _change_the_card,
}


@pytest.mark.parametrize("happens", ACCIDENTS.values(), ids=ACCIDENTS)
def test_a_host_is_disarmed_by_its_name_whatever_happens_to_the_inventory(
    site: Path, happens: Callable[[], None]
) -> None:
    happens()
    status = ksgen("armed", "hosts.yaml")
    assert status.exit_code == 0
    assert re.match(rf"{ONE}  until \d{{4}}-\d\d-\d\d \d\d:\d\d UTC  armed\n", status.stdout)
    done = ksgen("disarm", "hosts.yaml", ONE)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", f"{ONE} disarmed; {DISARMED}\n")
    assert installing() == []
    assert Path("out/pxelinux.cfg/01-52-54-00-aa-00-01").read_text() == (
        f"# {ONE} boots its disk: it is not armed.\nDEFAULT localdisk\nPROMPT 0\nLABEL localdisk\n  LOCALBOOT 0\n"
    )
    assert ksgen("armed", "hosts.yaml").stdout == "no host is armed\n"
    again = ksgen("disarm", "hosts.yaml", ONE)
    assert (again.exit_code, again.stderr) == (0, f"{ONE} was not armed\n")


def test_disarming_leaves_what_a_run_for_the_site_would_write(site: Path) -> None:
    before = {path: path.read_bytes() for path in Path("out").rglob("*") if path.is_file()}
    ksgen("disarm", "hosts.yaml", ONE)
    done = ksgen("hosts.yaml")
    assert done.stderr == "2 hosts checked; nothing has changed in out\n"
    kickstart = Path(f"out/ks/{ONE}.ks")
    assert kickstart.read_bytes() == before[kickstart]


@pytest.mark.parametrize(
    ("happens", "note"),
    [
        pytest.param(_nothing, None, id="nothing"),
        pytest.param(_leave, "it is no longer in the inventory", id="host-has-left"),
        pytest.param(
            _change_the_card,
            "its node_mac is now 52:54:00:aa:00:05; it was 52:54:00:aa:00:01 when armed",
            id="another-card",
        ),
    ],
)
def test_armed_says_what_the_next_run_disarms_and_it_does(
    site: Path, happens: Callable[[], None], note: str | None
) -> None:
    happens()
    status = ksgen("armed", "hosts.yaml")
    lines = [] if note is None else [f"  {note}: `ksgen disarm` or the next full run disarms it"]
    assert status.stdout.splitlines()[1:] == lines
    assert json.loads(ksgen("armed", "hosts.yaml", "--json").stdout)[ONE]["status"] == "armed"
    assert installing() == [ONE]
    done = ksgen("hosts.yaml", "--json")
    assert json.loads(done.stdout)["disarmed"] == ({} if note is None else {ONE: note})
    assert done.stderr.startswith("2 hosts checked" if note is None else f"{ONE} disarmed: {note}\n")
    assert installing() == ([ONE] if note is None else [])
    assert (ksgen("armed", "hosts.yaml").stdout == "no host is armed\n") == (note is not None)


def test_a_run_for_another_host_leaves_a_host_armed_that_has_left(site: Path) -> None:
    _leave()
    assert ksgen("hosts.yaml", "--limit", TWO).exit_code == 0
    assert installing() == [ONE]


def test_a_broken_inventory_makes_armed_say_less_and_not_something_wrong(site: Path) -> None:
    _break_yaml()
    status = ksgen("armed", "hosts.yaml")
    assert status.stderr == "hosts.yaml: warning: the inventory has errors; showing what is published\n"
    assert "inventory" not in status.stdout


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        pytest.param(["all"], 0, f"{TWO} was not armed\n{ONE} disarmed; {DISARMED}\n", id="all"),
        pytest.param(["node0*"], 0, f"{TWO} was not armed\n{ONE} disarmed; {DISARMED}\n", id="glob"),
        pytest.param(["rack"], 0, f"{TWO} was not armed\n{ONE} disarmed; {DISARMED}\n", id="group"),
        pytest.param([f"{ONE},{TWO}"], 0, f"{TWO} was not armed\n{ONE} disarmed; {DISARMED}\n", id="comma"),
        pytest.param(
            [ONE, "node09"], 1, f"{ONE} disarmed; {DISARMED}\nerror: no host or group named 'node09'\n",
            id="one-of-two-is-known",
        ),
        pytest.param(["--tree", "el9=x", "--run=y", ONE], 0, f"{ONE} disarmed; {DISARMED}\n", id="options-of-before"),
    ],
)  # fmt: skip
def test_who_is_meant(site: Path, words: list[str], status: int, said: str) -> None:
    done = ksgen("disarm", "hosts.yaml", *words)
    assert (done.exit_code, done.stderr) == (status, said)
    assert installing() == []


def test_who_is_meant_where_the_inventory_cannot_tell(site: Path) -> None:
    _break_yaml()
    done = ksgen("disarm", "hosts.yaml", "rack")
    assert done.exit_code == 2
    assert "hosts.yaml:1:6: warning: groups may be incomplete: " in done.stderr
    message = "no host or group named 'rack' in the published tree or in hosts.yaml"
    assert message in " ".join(done.stderr.split())
    assert installing() == [ONE]
    assert ksgen("disarm", "hosts.yaml", "node*").exit_code == 0
    assert installing() == []


def test_dry_run_disarms_nobody(site: Path) -> None:
    done = ksgen("disarm", "hosts.yaml", ONE, "--dry-run")
    assert (done.exit_code, done.stderr) == (
        1, f"{ONE} would be disarmed; 4 files would be updated, 1 would be removed in out\n",
    )  # fmt: skip
    assert installing() == [ONE]


def test_disarming_in_json(site: Path) -> None:
    done = ksgen("disarm", "hosts.yaml", ONE, "--json")
    files = {"updated": 4, "removed": 1}
    said = json.loads(done.stdout)
    assert {"file": "arming.json", "host": None, "change": "changed"} in said.pop("changes")
    assert said == {"problems": [], "disarmed": [ONE], "files": files}


def test_a_template_that_fails_keeps_nobody_armed(site: Path) -> None:
    own = Path("own/netboot")
    own.mkdir(parents=True)
    (own / "ipxe-host.j2").write_text("#!ipxe\n# of the site\n{% if arming %}kernel {{ kernel }}\n{% endif %}exit\n")
    assert ksgen("hosts.yaml", "--templates", "own").exit_code == 0
    (own / "ipxe-host.j2").write_text("{{ nothing }}")
    (own / "pxelinux.j2").write_text("{% if %}")
    assert ksgen("disarm", "hosts.yaml", ONE).stderr == f"{ONE} disarmed; {DISARMED}\n"
    assert installing() == []
    shutil.rmtree("own")
    assert ksgen("disarm", "hosts.yaml", TWO).exit_code == 0


def test_the_disk_is_booted_with_the_templates_of_the_site(site: Path) -> None:
    own = Path("own/netboot")
    own.mkdir(parents=True)
    (own / "grub-host.j2").write_text("# {{ note }} The site.\n{% if arming %}linux {{ kernel }}\n{% endif %}exit\n")
    assert ksgen("hosts.yaml", "--templates", "own").exit_code == 0
    ksgen("disarm", "hosts.yaml", ONE)
    text = Path("out/grub/grub.cfg-01-52-54-00-aa-00-01").read_text()
    assert text == f"# {ONE} boots its disk: it is not armed. The site.\nexit\n"


# --- a damaged tree --------------------------------------------------------------------------------------------------

DAMAGES = {
    "no-json": ("{", "is not JSON"),
    "no-utf-8": ("\udcff", "is not JSON"),
    "empty": ("", "is not JSON"),
    "deep": ("[" * 100_000, "is not JSON"),
    "list": ("[]", "is not an arming state file of ksgen"),
    "null": ("null", "is not an arming state file of ksgen"),
    "entry": ('{"version": 2, "armed": {"a": 1}}', "the entry of 'a' is corrupt"),
    "path": (
        '{"version": 1, "armed": {"../x": {"mac": "", "given": "2026-05-04T12:30:15Z", '
        '"until": "2026-05-04T12:30:15Z"}}}',
        "the entry of '../x' is corrupt",
    ),
}


@pytest.mark.parametrize(("text", "message"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_state_is_said_and_disarming_mends_it(site: Path, text: str, message: str) -> None:
    assert ksgen("arm", "hosts.yaml", TWO).exit_code == 0
    Path("out/arming.json").resolve().write_bytes(text.encode(errors="surrogateescape"))
    for command in (["hosts.yaml"], ["arm", "hosts.yaml", ONE]):
        done = ksgen(*command)
        assert done.exit_code == 2
        said = " ".join(done.stderr.split())
        assert f"out/arming.json {message}; `ksgen disarm hosts.yaml all` disarms every host" in said
    status = ksgen("armed", "hosts.yaml")
    assert status.exit_code == 1
    assert re.findall(r"^(\S+)  until .* UTC  armed$", status.stdout, re.MULTILINE) == [ONE, TWO]
    assert status.stderr == (
        f"out/arming.json: error: {message}; showing the contents of out/armed\n"
        "  hint: `ksgen disarm hosts.yaml all` disarms every host and rewrites the file\n"
    )
    done = ksgen("disarm", "hosts.yaml", ONE)
    assert (done.exit_code, done.stderr) == (
        0,
        f"out/arming.json: {message}; all hosts disarmed and the file rewritten\n"
        f"{ONE}, {TWO} disarmed; 7 files updated, 2 removed in out\n",
    )
    assert installing() == []
    assert ksgen("hosts.yaml").exit_code == 0
    assert ksgen("armed", "hosts.yaml").stdout == "no host is armed\n"


def test_a_permission_that_is_not_published_any_more(site: Path) -> None:
    (token,) = Path("out/armed").iterdir()
    token.unlink()
    assert ksgen("armed", "hosts.yaml").stdout.endswith("  withdrawn\n")
    assert ksgen("hosts.yaml", "--limit", TWO).exit_code == 0
    assert not token.exists()
    assert ksgen("hosts.yaml").stderr.startswith(f"{ONE} disarmed: its file in out/armed was removed\n")
    assert installing() == []
    assert ksgen("armed", "hosts.yaml").stdout == "no host is armed\n"


def test_a_permission_that_is_over_is_not_withdrawn(site: Path) -> None:
    """Its file goes with the next run, and `armed` still tells what became of it."""
    (token,) = Path("out/armed").iterdir()
    Path("run/spent").mkdir(parents=True)
    Path("run/spent", token.name).touch()
    for _ in range(2):
        assert ksgen("hosts.yaml").stderr.startswith("2 hosts checked")
        assert installing() == []
        assert ksgen("armed", "hosts.yaml").stdout.endswith("  used\n")


def test_ended_armings_are_disarmed_and_no_others(site: Path) -> None:
    """What a timer runs: ksgen-tidy.service."""
    tidy = ("disarm", "hosts.yaml", "all", "--ended")
    assert (ksgen(*tidy).exit_code, installing()) == (0, [ONE])
    assert ksgen("arm", "hosts.yaml", TWO).exit_code == 0
    # Used, and its installation goes on.
    used = next(Path("out/armed").glob(f"{TWO}.*"))
    Path("run/spent").mkdir(parents=True)
    Path("run/spent", used.name).touch()
    file = Path("out/arming.json")
    state = json.loads(file.read_text())
    state["armed"][ONE] |= {"given": "2026-05-04T10:00:00+00:00", "until": "2026-05-04T12:00:00+00:00"}
    file.resolve().write_text(json.dumps(state))
    done = ksgen(*tidy)
    assert (done.exit_code, done.stderr.partition(";")[0]) == (0, f"{ONE} disarmed")
    assert ksgen("armed", "hosts.yaml").stdout.endswith("  used\n")
    file.resolve().write_text("{")
    assert "nothing was written" in ksgen(*tidy).stderr
    assert file.read_text() == "{"


@pytest.mark.parametrize("command", ["armed", "disarm"])
def test_where_nothing_is_published_nothing_is_claimed(site: Path, command: str) -> None:
    done = ksgen(command, "hosts.yaml", *([ONE] if command == "disarm" else []), "-o", "elsewhere")
    assert done.exit_code == 2
    assert "nothing is published in elsewhere; specify the directory with -o" in " ".join(done.stderr.split())
    assert not Path("elsewhere").exists()


def test_a_copy_of_the_tree_on_another_machine(site: Path) -> None:
    shutil.copytree("out", "copy", ignore=shutil.ignore_patterns(".ksgen"))
    assert " armed\n" in ksgen("armed", "hosts.yaml", "-o", "copy").stdout
    done = ksgen("disarm", "hosts.yaml", ONE, "-o", "copy")
    assert done.exit_code == 2
    message = "disarm on the machine where ksgen publishes, or in an emergency here: rm copy/armed/HOST.*"
    assert message in " ".join(done.stderr.split())


# --- arming ----------------------------------------------------------------------------------------------------------


def test_arm_names_the_hosts_the_disks_and_the_end(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    disks = (
        '[{wwn: "0x5000000000000001", model: PM883, size: {min: 400 GiB, max: 400 GiB}}, '
        "{path: pci-0000:00:1f.2-ata-1, size: {min: 400 GiB}}]"
    )
    text = hosts_text(1, node_disk=disks, node_raid="1", node_reinstall="true", node_erase="[zfs, ceph]")
    Path("hosts.yaml").write_text(text)
    command = [sys.executable, "-m", "ksgen", "arm", "hosts.yaml", ONE, "--until", "2h"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    end = r"\d{4}-\d\d-\d\d \d\d:\d\d CES?T \((?:\d{4}-\d\d-\d\d )?\d\d:\d\d UTC\)"
    assert re.fullmatch(
        rf"The installer erases the disks of this host once, at a network boot before {end}:\n"
        rf"  {ONE}  52:54:00:aa:00:01\n"
        r"    disk wwn 0x5000000000000001, model PM883, of 400 GiB\n"
        r"    disk path /dev/disk/by-path/pci-0000:00:1f.2-ata-1, of 400 GiB or more\n"
        r"    mirrored: both disks are erased\n"
        r"    node_reinstall: an existing node installation on them is erased\n"
        r"    node_erase: zfs, ceph on them may be erased\n"
        rf"{ONE} armed until {end}; 6 files updated, 1 removed in out\n",
        done.stderr,
    )


def may_erase_a_node() -> list[str]:
    """The hosts whose kickstarts do not stop for a node on the disk."""
    return [path.stem for path in sorted(Path("out/ks").iterdir()) if '"reinstall": true' in path.read_text()]


def test_a_reinstallation_is_of_one_arming(site: Path) -> None:
    assert may_erase_a_node() == []
    done = ksgen("arm", "hosts.yaml", ONE, "--reinstall")
    assert done.exit_code == 0, done.stderr
    assert "    node_reinstall: an existing node installation on them is erased\n" in done.stderr
    assert may_erase_a_node() == [ONE]
    # A run for the site leaves it so, as long as it may be installed.
    assert ksgen("hosts.yaml").exit_code == 0
    assert may_erase_a_node() == [ONE]
    assert json.loads(ksgen("armed", "hosts.yaml", "--json").stdout)[ONE]["reinstall"] is True
    assert ksgen("armed", "hosts.yaml").stdout.endswith("  armed  --reinstall\n")

    assert ksgen("disarm", "hosts.yaml", ONE).exit_code == 0
    assert ksgen("hosts.yaml").exit_code == 0
    assert may_erase_a_node() == []


def test_the_next_arming_is_no_reinstallation(site: Path) -> None:
    assert ksgen("arm", "hosts.yaml", ONE, "--reinstall").exit_code == 0
    assert ksgen("arm", "hosts.yaml", ONE).exit_code == 0
    assert may_erase_a_node() == []


def test_a_reinstallation_that_has_begun_is_over(site: Path) -> None:
    assert ksgen("arm", "hosts.yaml", ONE, "--reinstall").exit_code == 0
    (permission,) = Path("out/armed").iterdir()
    Path("run/spent").mkdir(parents=True, exist_ok=True)
    Path("run/spent", permission.name).touch()
    assert ksgen("hosts.yaml").exit_code == 0
    assert may_erase_a_node() == []


def test_more_than_a_few_are_armed_after_a_question(site: Path) -> None:
    Path("hosts.yaml").write_text(hosts_text(6))
    assert ksgen("hosts.yaml").exit_code == 0
    done = ksgen("arm", "hosts.yaml", "rack")
    assert done.exit_code == 2
    assert "Arm 6 hosts? Standard input is not a terminal: add --yes" in " ".join(done.stderr.split())
    assert installing() == [ONE]
    dry = ksgen("arm", "hosts.yaml", "rack", "--dry-run")
    assert dry.exit_code == 1
    assert re.search(
        r"\n6 hosts would be armed until .* UTC; 25 files would be updated, 1 would be removed", dry.stderr
    )
    assert installing() == [ONE]
    assert _answered("n").endswith("nothing was written\n")
    assert installing() == [ONE]
    assert re.search(r"\]: 6 hosts armed until .* UTC; 25 files updated, 1 removed in out\n$", _answered("y"))
    assert len(installing()) == 6
    assert ksgen("disarm", "hosts.yaml", "all").exit_code == 0
    assert ksgen("arm", "hosts.yaml", "node0[1-4]*").exit_code == 0
    assert len(installing()) == 4
    assert ksgen("arm", "hosts.yaml", "rack", "--yes").exit_code == 0
    assert len(installing()) == 6


def _answered(answer: str) -> str:
    """What `arm` says on a terminal where somebody answers."""
    leader, follower = os.openpty()
    command = [sys.executable, "-m", "ksgen", "arm", "hosts.yaml", "rack"]
    with subprocess.Popen(command, stdin=follower, stdout=follower, stderr=subprocess.PIPE, text=True) as process:
        os.close(follower)
        os.write(leader, f"{answer}\n".encode())
        assert process.stderr is not None
        said = process.stderr.read()
    os.close(leader)
    assert "Arm 6 hosts? [y/N]: " in said
    return said


def test_dry_run_arms_nobody(site: Path) -> None:
    done = ksgen("arm", "hosts.yaml", TWO, "--dry-run", "--json")
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    assert (list(told["armed"]), told["files"]) == ([TWO], {"updated": 5, "removed": 0})
    assert installing() == [ONE]


def test_help_says_who_can_be_named() -> None:
    for command in ("arm", "disarm"):
        assert "a host, a group or a glob ('node0*'), or `all`" in " ".join(ksgen(command, "-h").stdout.split())


# --- what shapes the tree --------------------------------------------------------------------------------------------


def test_templates_of_the_site_are_remembered(site: Path) -> None:
    Path("own").mkdir()
    Path("own/site.ks.j2").write_text("firewall --enabled\n")
    done = ksgen("hosts.yaml", "--templates", "own")
    assert done.stderr.startswith(f"note: --templates changes from none to {site}/own\n")
    kickstart = Path(f"out/ks/{TWO}.ks")
    for command in (["arm", "hosts.yaml", TWO], ["hosts.yaml"], ["hosts.yaml", "--limit", TWO]):
        assert ksgen(*command).exit_code == 0
        assert "\nfirewall --enabled\n" in kickstart.read_text()
    Path("own").rename("elsewhere")
    for command in (["arm", "hosts.yaml", TWO], ["hosts.yaml"]):
        done = ksgen(*command)
        assert done.exit_code == 2
        assert " ".join(done.stderr.split()).endswith(
            f"out was published with templates from {site}/own, which is not a directory; "
            "specify --templates DIR, or --templates none for the built-in ones"
        )
    done = ksgen("arm", "hosts.yaml", TWO, "--templates", "none")
    assert f"note: --templates changes from {site}/own to none\n" in done.stderr
    assert "firewall --enabled" not in kickstart.read_text()
    assert ksgen("hosts.yaml").exit_code == 0
    assert ksgen("hosts.yaml", "--templates", "gone").exit_code == 2


def test_all_inventories_are_named_again(site: Path) -> None:
    Path("more.yaml").write_text("all:\n  vars:\n    node_keyboard: de\n")
    done = ksgen("hosts.yaml", "more.yaml")
    now, before = f"{site}/hosts.yaml, {site}/more.yaml", f"{site}/hosts.yaml"
    assert done.stderr.startswith(f"note: the inventory changes from {before} to {now}\n")
    for command in (["arm", "hosts.yaml", TWO], ["hosts.yaml", "--limit", TWO]):
        done = ksgen(*command)
        assert done.exit_code == 2
        assert " ".join(done.stderr.split()).endswith(
            f"out was published from {now}, but this run reads {before}; "
            "specify the same, or publish the whole site first"
        )
    assert ksgen("arm", "hosts.yaml", "-i", "more.yaml", TWO).exit_code == 0
    assert "\nkeyboard de\n" in Path(f"out/ks/{TWO}.ks").read_text()


def test_a_template_of_boot_files_that_fails_is_said(site: Path) -> None:
    Path("own/netboot").mkdir(parents=True)
    Path("own/netboot/ipxe-host.j2").write_text("#!ipxe\n{{ nothing }}\n")
    done = ksgen("hosts.yaml", "--templates", "own")
    assert (done.exit_code, done.stderr) == (
        1,
        f"note: --templates changes from none to {site}/own\n"
        f"{site}/own/netboot/ipxe-host.j2:2:1: error: 'nothing' is undefined\n1 error; nothing was written\n",
    )
    assert installing() == [ONE]


def test_no_permission_is_shown_in_a_diff(site: Path) -> None:
    assert ksgen("arm", "hosts.yaml", TWO).exit_code == 0
    secrets = [path.name.rpartition(".")[2] for path in Path("out/armed").iterdir()]
    assert [len(secret) for secret in secrets] == [32, 32]
    Path("hosts.yaml").write_text(hosts_text(node_installer_args="inst.sshd"))
    shown = ksgen("hosts.yaml", "--diff", "--dry-run").stdout
    assert "inst.sshd" in shown
    _leave()
    shown += ksgen("hosts.yaml", "--diff", "--dry-run").stdout
    assert "out/arming.json" in shown
    assert re.search(rf"^--- out/armed/{ONE}\.\d+\.\d+\.\(secret\)$", shown, re.MULTILINE)
    assert not [secret for secret in secrets if secret in shown]


# --- a full disk -----------------------------------------------------------------------------------------------------

_FULL = """
set -e
mount -t tmpfs -o size=6m tmpfs {disk}
ksgen() {{ {python} -m ksgen "$@" -o {disk}/out; }}
ksgen hosts.yaml --tree el9=el9
look() {{ find {disk}/out -printf '%p %i %m %s %l\\n' | sort; }}
look >before
dd if=/dev/zero of=el9/images/pxeboot/{file} bs=1M count=7 status=none
ksgen {command} || echo "status $?" >&2
look >after
diff before after >&2
rm el9/images/pxeboot/{file}
echo small > el9/images/pxeboot/{file}
ksgen {command}
"""


@pytest.mark.parametrize(
    ("command", "file"),
    [
        pytest.param(f"arm hosts.yaml {ONE} --tree el9=el9", "vmlinuz", id="arm"),
        pytest.param("hosts.yaml", "initrd.img", id="render"),
    ],
)
def test_on_a_full_disk_nothing_is_written_and_nobody_armed(site: Path, command: str, file: str) -> None:
    shutil.rmtree("out")
    Path("disk").mkdir()
    script = _FULL.format(disk=site / "disk", python=sys.executable, file=file, command=command)
    own = ["--mount"] if os.geteuid() == 0 else ["--user", "--map-root-user", "--mount"]
    done = subprocess.run(["unshare", *own, "sh", "-c", script], capture_output=True, text=True, cwd=site)
    if "unshare" in done.stderr or "mount:" in done.stderr:
        assert "CI" not in os.environ, "CI has to allow a mount namespace: a full disk is not shown without"
        pytest.skip("a mount namespace is not allowed here")
    assert done.returncode == 0, done.stderr
    assert f"{site}/disk/out: No space left on device; nothing was written\nstatus 1\n" in done.stderr
    assert done.stderr.splitlines()[-1].endswith(f" in {site}/disk/out")
