# SPDX-License-Identifier: GPL-2.0-or-later
"""The command as its user meets it: arguments in, text and exit status out."""

from __future__ import annotations

import grp
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import Result
from command import CliRunner
from example_site import EXAMPLE, site
from inventories import PASSWORD_HASH, SSH_KEY, inventory_text

from ksgen.cli import main
from ksgen.host import read_hosts
from ksgen.inventory import read


def ksgen(*arguments: str | Path, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin, catch_exceptions=False)


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    path = tmp_path / "hosts.yaml"
    path.write_text(inventory_text())
    return path


TWO = inventory_text().replace("    node01", "    broken.example.com: {node_mac: 5}\n    node01")


def test_example_is_rendered_without_a_word_of_trouble(tmp_path: Path) -> None:
    result = ksgen(EXAMPLE, "-o", tmp_path / "out")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"44 hosts checked; 186 files updated in {tmp_path}/out\n"
    assert len(list((tmp_path / "out" / "ks").iterdir())) == 44


def test_render_spelled_out_is_the_same(hosts: Path, tmp_path: Path) -> None:
    assert ksgen(hosts, "-o", tmp_path / "a").exit_code == 0
    assert ksgen("render", hosts, "-o", tmp_path / "b").exit_code == 0
    assert ksgen("-o", tmp_path / "c", hosts).exit_code == 0
    texts = {(tmp_path / name / "ks" / "node01.example.com.ks").read_text() for name in "abc"}
    assert len(texts) == 1


def test_second_run_writes_nothing(hosts: Path, tmp_path: Path) -> None:
    ksgen(hosts, "-o", tmp_path / "out")
    result = ksgen(hosts, "-o", tmp_path / "out")
    assert (result.exit_code, result.stderr) == (0, f"1 host checked; nothing has changed in {tmp_path}/out\n")


def test_nothing_is_written_when_there_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yaml"
    path.write_text(TWO)
    result = ksgen(path, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert result.stderr.endswith(" errors; nothing was written\n")
    assert f"{path}:3:36: error: broken.example.com: node_mac: 5 is not a string\n" in result.stderr
    assert not (tmp_path / "out").exists()


def test_limit_is_stopped_only_by_its_own_hosts(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yaml"
    path.write_text(TWO)
    result = ksgen(path, "-o", tmp_path / "out", "--limit", "node*")
    assert result.exit_code == 0
    assert "broken.example.com: node_mac" in result.stderr
    assert os.listdir(tmp_path / "out" / "ks") == ["node01.example.com.ks"]


@pytest.mark.parametrize(
    ("limit", "count"),
    [
        pytest.param("rack_c", 10, id="group"),
        pytest.param("node01.a.example.com", 1, id="host"),
        pytest.param("node01.*,rack_c", 12, id="glob-and-group"),
        pytest.param("all", 44, id="all"),
    ],
)
def test_limit_means(limit: str, count: int, tmp_path: Path) -> None:
    result = ksgen(EXAMPLE, "-o", tmp_path / "out", "--limit", limit)
    # a kickstart and three boot files for each, who is armed, what is remembered, and the add-on
    checked = f"{count} host{'' if count == 1 else 's'} checked"
    assert result.stderr == f"{checked}; {4 * count + 3} files updated in {tmp_path}/out\n"
    assert len(os.listdir(tmp_path / "out" / "ks")) == count


def test_limit_compares_with_all_hosts_and_checks_its_own(tmp_path: Path) -> None:
    """A MAC address that another host has is an error; what else is wrong with the other is not told."""
    path = tmp_path / "hosts.yaml"
    _, _, host = inventory_text().partition("    node01.example.com:\n")
    path.write_text(inventory_text() + "    node02.example.com:\n" + host + "      node_layout: huge\n")
    result = ksgen(path, "-o", tmp_path / "out", "--limit", "node01*")
    assert "52:54:00:aa:00:01 is also the MAC address of node01.example.com" in result.stderr
    assert "huge" not in result.stderr
    assert "huge" in ksgen(path, "-o", tmp_path / "out", "--limit", "node02*").stderr


def test_limit_renders_only_its_own_hosts(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "site.ks.j2").write_text("{% if name == 'node02.a.example.com' %}frobnicate{% endif %}\n")
    arguments = (EXAMPLE, "-o", tmp_path / "out", "--templates", own, "--check", "--limit")
    assert ksgen(*arguments, "node01.a.example.com").exit_code == 0
    assert "frobnicate" in ksgen(*arguments, "node02.a.example.com").stderr


def test_limit_that_means_nothing_is_wrong_usage(hosts: Path) -> None:
    result = ksgen(hosts, "--limit", "rack_z")
    assert result.exit_code == 2
    assert "no host or group named 'rack_z'" in result.stderr


def test_check_fails_on_errors_alone(hosts: Path, tmp_path: Path) -> None:
    result = ksgen(hosts, "-o", tmp_path / "out", "--check")
    assert result.exit_code == 0
    assert result.stderr.startswith("1 host checked; ")
    assert ksgen("--check", hosts, "-o", tmp_path / "out", "--dry-run").exit_code == 0
    hosts.write_text(TWO)
    assert ksgen(hosts, "-o", tmp_path / "out", "--check").exit_code == 1
    assert not (tmp_path / "out").exists()


def test_dry_run_tells_by_its_exit_status(hosts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = ksgen(hosts, "-o", out, "--dry-run")
    assert (result.exit_code, result.stderr) == (1, f"1 host checked; 14 files would be updated in {out}\n")
    assert not out.exists()
    ksgen(hosts, "-o", out)
    again = ksgen(hosts, "-o", out, "--dry-run")
    assert (again.exit_code, again.stderr) == (0, f"1 host checked; nothing would change in {out}\n")


def test_diff_shows_what_changes_and_no_hash(hosts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ksgen(hosts, "-o", out)
    hosts.write_text(inventory_text(node_keyboard="de", node_root_password_hash=f'"{PASSWORD_HASH[:-1]}B"'))
    result = ksgen(hosts, "-o", out, "--dry-run", "--diff")
    assert result.exit_code == 1
    changed = [line for line in result.stdout.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert changed == [
        "-keyboard us",
        "+keyboard de",
        "-rootpw --iscrypted '(a password hash)'",
        "+rootpw --iscrypted '(a password hash)'",
    ]
    assert PASSWORD_HASH[3:20] not in result.stdout


def test_json_has_the_documented_keys(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yaml"
    path.write_text(inventory_text(node_swap_size="4"))
    result = ksgen(path, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "problems": [
            {
                "file": str(path),
                "line": 11,
                "column": 23,
                "host": "node01.example.com",
                "variable": "node_swap_size",
                "severity": "error",
                "code": "size-unit",
                "message": "4 has no unit",
                "hint": "write the unit: 4 GiB",
                "hosts": ["node01.example.com"],
            }
        ]
    }


def test_json_of_a_good_run_is_json_alone(hosts: Path, tmp_path: Path) -> None:
    result = ksgen(hosts, "-o", tmp_path / "out", "--json", "--diff")
    files = {"updated": 14, "removed": 0}
    said = json.loads(result.stdout)
    changes = said.pop("changes")
    assert said == {"problems": [], "armed": {}, "disarmed": {}, "files": files}
    assert len(changes) == 14
    assert {"file": "ks/node01.example.com.ks", "host": "node01.example.com", "change": "added"} in changes
    assert {"file": "dnsmasq.conf", "host": None, "change": "added"} in changes


def test_json_of_a_run_has_its_changes(hosts: Path, tmp_path: Path) -> None:
    def changes(*arguments: str) -> list[dict[str, object]]:
        said = json.loads(ksgen(hosts, "-o", tmp_path / "out", "--json", *arguments).stdout)
        found: list[dict[str, object]] = said["changes"]
        return found

    assert changes("--dry-run") == changes()
    assert changes() == []
    one = {"file": "ks/node01.example.com.ks", "host": "node01.example.com"}
    hosts.write_text(inventory_text(node_timezone="Europe/Vienna"))
    assert changes() == [{**one, "change": "changed"}]
    hosts.write_text(inventory_text("node02.example.com", node_timezone="Europe/Vienna"))
    assert {**one, "change": "removed"} in changes()


def test_plan_json(hosts: Path) -> None:
    result = ksgen("plan", hosts, "--json")
    assert result.exit_code == 0
    plan = json.loads(result.stdout)["node01.example.com"]
    assert plan["capacity"]["images"] == 4
    assert plan["findings"] == []
    root = next(device for device in plan["devices"] if device["mount_point"] == "/")
    expected = {"name": "root", "kind": "lvmthinlv", "size": 10 * 2**30, "mount_point": "/", "filesystem": "xfs"}
    assert {**root, **expected, "options": "defaults,discard", "pool": "pool00", "grows": False} == root


def test_plan_json_of_a_host_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yaml"
    path.write_text(TWO)
    result = ksgen("plan", path, "--json")
    assert result.exit_code == 1
    plans = json.loads(result.stdout)
    assert plans["broken.example.com"]["devices"] == []
    assert "wrong-type" in {finding["code"] for finding in plans["broken.example.com"]["findings"]}


def test_plan_picture(hosts: Path) -> None:
    result = ksgen("plan", hosts, "node01.example.com")
    assert result.exit_code == 0
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "node01.example.com layout standard, any firmware, /dev/disk/by-id/wwn-0x5000000000000001" in lines
    assert "var_log_audit 2 GiB /var/log/audit thin volume, xfs" in lines
    assert "onn 125.41 GiB volume group 25.08 GiB stay free" in lines
    assert "█ thin pool 94.32 GiB ▓ swap 4 GiB ▒ metadata 2 GiB ░ free 25.08 GiB" in lines
    assert "Room for 4 images, and one more while it is installed; 2 are requested." in lines
    assert not [line for line in lines if line.startswith("!")]
    bars = [line for line in result.stdout.splitlines() if "▒▒" in line]
    assert len(bars) == 3
    assert {len(line) for line in bars} == {len("pool00 ") + 72}


def test_plan_picture_of_what_does_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yaml"
    path.write_text(inventory_text(node_disk='{wwn: "0x5000000000000001", size: 43 GB}'))
    lines = [" ".join(line.split()) for line in ksgen("plan", path).stdout.splitlines()]
    assert "! disk1 38.84 GiB disk at least" in lines
    assert "cannot be installed" in lines
    assert not [line for line in lines if "▒" in line]


def test_plan_picture_of_a_disk_of_unknown_size(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yaml"
    path.write_text(inventory_text(node_disk='{wwn: "0x5000000000000001"}'))
    lines = [" ".join(line.split()) for line in ksgen("plan", path).stdout.splitlines()]
    assert "onn grows volume group 20 % stay free" in lines
    assert "needs a disk of at least 68.84 GiB" in lines
    assert "2 images need a pool of 75 GiB; the disk size is unknown" in lines
    assert not [line for line in lines if "▒" in line]


def test_plan_of_nobody_is_wrong_usage(hosts: Path) -> None:
    assert ksgen("plan", hosts, "node99").exit_code == 2


def test_refused_plan_says_what_to_change(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yaml"
    path.write_text(inventory_text(node_disk='{wwn: "0x5000000000000001", size: {min: 40 GiB}}'))
    result = ksgen("plan", path)
    assert result.exit_code == 1
    assert "cannot be installed" in result.stdout
    assert "hint: node_layout: minimal saves 29 GiB; a disk of 56.59 GiB" in result.stderr


@pytest.mark.parametrize("options", [[], ["--minimal"]], ids=["site", "minimal"])
def test_init_writes_what_only_needs_to_be_filled_in(options: list[str], tmp_path: Path) -> None:
    assert ksgen("init", *options, tmp_path / "site").exit_code == 0
    path = tmp_path / "site" / "hosts.yaml"
    found, problems = read([path])
    hosts, more = read_hosts(found)
    assert {problem.code for problem in [*problems, *more]} == {"nobody-can-log-in"}
    assert len(hosts) == (1 if options else 2)
    result = ksgen("init", tmp_path / "site")
    assert result.exit_code == 2
    assert "hosts.yaml already exists" in result.stderr


def test_init_writes_a_site_for_git(tmp_path: Path) -> None:
    ksgen("init", tmp_path)
    names = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert names == {
        ".gitignore", "README.md", "ci-example.yml", "group_vars/all.yml", "group_vars/rack_a.yml", "hosts.yaml",
    }  # fmt: skip
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".vault-password").write_text("x")
    variables = tmp_path / "group_vars" / "all.yml"
    variables.write_text(variables.read_text().replace("node_ssh_keys: []", f"node_ssh_keys: ['{SSH_KEY}']"))
    result = ksgen(tmp_path / "hosts.yaml", "-o", tmp_path / "out", "--run", tmp_path / "run")
    assert result.exit_code == 0, result.stderr
    status = subprocess.run(
        ["git", "-C", tmp_path, "status", "-s", "-uall"], capture_output=True, text=True, check=True
    )
    assert {line[3:] for line in status.stdout.splitlines()} == names


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("mine\n")
    result = ksgen("init", tmp_path)
    assert result.exit_code == 2
    assert ".gitignore already exists" in result.stderr
    assert not (tmp_path / "hosts.yaml").exists()


def test_missing_file(tmp_path: Path) -> None:
    result = ksgen(tmp_path / "none.yaml")
    assert result.exit_code == 1
    assert "none.yaml" in result.stderr
    assert "Traceback" not in result.stderr


def test_target_that_cannot_be_written(hosts: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file in the way")
    result = ksgen(hosts, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert result.stderr.endswith("; nothing was written\n")


def test_own_templates(hosts: Path, tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "site.ks.j2").write_text("firewall --enabled\n")
    assert ksgen(hosts, "-o", tmp_path / "out", "--templates", tmp_path / "parts").exit_code == 0
    assert "\nfirewall --enabled\n" in (tmp_path / "out" / "ks" / "node01.example.com.ks").read_text()


@pytest.mark.parametrize("name", ["disks.py", "nics.py", "imgbase.py", "programs/disks.py"])
def test_program_among_own_templates_is_not_ignored(hosts: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / "parts" / name
    path.parent.mkdir(parents=True)
    path.write_text("print()\n")
    result = ksgen(hosts, "-o", tmp_path / "out", "--templates", tmp_path / "parts")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"{path}:1:1: error: {path.name} is a program, not a template: kickstarts contain ksgen's own copy, and "
        "this file is ignored",
        "  hint: remove it; commands that run before it go into node_pre; "
        "a change to it requires your own build of ksgen",
        "1 error; nothing was written",
    ]
    assert not (tmp_path / "out").exists()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """As much of an installer tree as a boot server needs."""
    for name in (".treeinfo", "images/install.img", "images/pxeboot/vmlinuz", "images/pxeboot/initrd.img"):
        path = tmp_path / "el9" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "el9"


def boots_installer(out: Path) -> bool:
    return "KERNEL http" in (out / "pxelinux.cfg" / "01-52-54-00-aa-00-01").read_text()


def test_a_host_boots_the_installer_only_while_it_is_armed(hosts: Path, tree: Path, tmp_path: Path) -> None:
    out, host = tmp_path / "out", "node01.example.com"
    trees = ("--tree", f"el9={tree}", "-o", out)
    assert ksgen(hosts, *trees).exit_code == 0
    assert (out / "boot" / "el9" / "vmlinuz").read_text() == "images/pxeboot/vmlinuz"
    assert not boots_installer(out)

    assert ksgen("arm", hosts, host, "--until", "2h", *trees).exit_code == 0
    assert boots_installer(out)
    assert ksgen("armed", hosts, "-o", out).stdout.endswith("  armed\n")
    # rendering again leaves it armed, and changes nothing, with the tree that was named before
    assert ksgen(hosts, "-o", out).stderr == f"1 host checked; nothing has changed in {out}\n"
    assert boots_installer(out)

    # nginx notes that the kickstart has been fetched: once is enough
    (token,) = (path.name for path in (out / "armed").iterdir())
    (tmp_path / "run" / "spent").mkdir(parents=True)
    (tmp_path / "run" / "spent" / token).touch()
    states = json.loads(ksgen("armed", hosts, "-o", out, "--json").stdout)
    assert states[host]["status"] == "used"
    assert ksgen(hosts, *trees).exit_code == 0
    assert not boots_installer(out)

    assert ksgen("arm", hosts, host, *trees).exit_code == 0
    assert boots_installer(out)
    assert ksgen("disarm", hosts, host, *trees).exit_code == 0
    assert not boots_installer(out)
    assert ksgen("armed", hosts, "-o", out).stdout == "no host is armed\n"


def test_trees_images_and_run_are_remembered(tmp_path: Path, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    at = "http://pxe.example.com"
    urls = {"node_tree_url": f"{at}/el9/", "node_image_url": f"{at}/images/node.squashfs.img"}
    Path("hosts.yaml").write_text(inventory_text(node_server_url=f"{at}/nodes/", **urls))
    Path("images").mkdir()
    host, logs = "node01.example.com", tmp_path / "logs"
    assert ksgen("hosts.yaml", "--tree", f"el9={tree}", "--images", "images", "--run", "logs").exit_code == 0
    conf = Path("out/nginx.conf").read_text()
    for line in (f'alias "{tree}/"', f'alias "{tmp_path}/images/node.squashfs.img"', f"pid {logs}/nginx.pid"):
        assert line in conf
    assert ksgen("arm", "hosts.yaml", host).exit_code == 0
    # a new kernel is taken over, and nothing else has changed
    (tree / "images" / "pxeboot" / "vmlinuz").write_text("of a later release")
    assert ksgen("hosts.yaml").exit_code == 0
    assert Path("out/boot/el9/vmlinuz").read_text() == "of a later release"
    assert Path("out/nginx.conf").read_text() == conf
    # what nginx has noted is found where it is
    (token,) = (path.name for path in Path("out/armed").iterdir())
    (logs / "spent").mkdir(parents=True)
    (logs / "spent" / token).touch()
    assert ksgen("armed", "hosts.yaml").stdout.endswith("  used\n")
    # a DVD that is not mounted any more stops nobody
    shutil.rmtree(tree)
    result = ksgen("hosts.yaml")
    assert result.exit_code == 0
    assert f"{tree}/.treeinfo:1:1: warning: not found in the install tree of el9" in result.stderr
    assert Path("out/nginx.conf").read_text() == conf


def test_the_certificate_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("hosts.yaml").write_text(inventory_text(node_server_url="https://pxe.example.com/nodes/"))
    for name in ("pxe.crt", "pxe.key", "new.key"):
        Path(name).touch()

    def tls() -> list[str]:
        return re.findall(r"^ *ssl_\w+ (.*);$", Path("out/nginx.conf").read_text(), re.MULTILINE)

    result = ksgen("hosts.yaml")
    assert (result.exit_code, tls()) == (0, [])
    assert "warning: node01.example.com: node_server_url: nginx.conf has no certificate" in result.stderr
    result = ksgen("hosts.yaml", "--certificate", "pxe.crt", "--key", "pxe.key")
    assert (result.exit_code, tls()) == (0, [f"{tmp_path}/pxe.crt", f"{tmp_path}/pxe.key"])
    assert "no certificate" not in result.stderr
    assert ksgen("hosts.yaml").stderr == "1 host checked; nothing has changed in out\n"
    assert ksgen("hosts.yaml", "--key", "new.key").exit_code == 0
    assert tls() == [f"{tmp_path}/pxe.crt", f"{tmp_path}/new.key"]
    result = ksgen("hosts.yaml", "--certificate", "none")
    assert (result.exit_code, tls()) == (0, [])
    assert f"note: --certificate changes from {tmp_path}/pxe.crt to none" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(("--certificate", "pxe.crt"), "--certificate and --key are required together", id="no-key"),
        pytest.param(("--key", "pxe.crt"), "--certificate and --key are required together", id="no-certificate"),
        pytest.param(("--key", "x.key"), "x.key: No such file or directory", id="not-found"),
        pytest.param(("--certificate", "."), ". is a directory", id="directory"),
        pytest.param(("--key", "none"), "none: No such file or directory", id="key-none"),
    ],
)
def test_a_certificate_that_cannot_be_used(
    hosts: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(hosts.parent)
    Path("pxe.crt").touch()
    result = ksgen(hosts, *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert not Path("out").exists()


def test_a_strange_memory_is_wrong_usage(hosts: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "server.json").write_text("[]")
    result = ksgen(hosts, "-o", tmp_path / "out")
    assert result.exit_code == 2
    message = "server.json: is not in ksgen's format; remove it, and specify the options again"
    assert message in " ".join(result.stderr.split())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files to another group")
def test_kickstarts_are_for_the_web_server(hosts: Path, tmp_path: Path) -> None:
    """Those of a tree whose group nobody has chosen; nginx.conf names the group that can read them."""
    out, chosen = tmp_path / "out", tmp_path / "chosen"
    chosen.mkdir()
    os.chown(chosen, -1, 1)
    assert ksgen(hosts, "-o", out).exit_code == ksgen(hosts, "-o", chosen).exit_code == 0
    (group,) = re.findall(r'^user \S+ "?([^\s"]+)"?;', (out / "nginx.conf").read_text(), re.MULTILINE)
    paths = ("ks", "ks/node01.example.com.ks")
    assert {(out / path).stat().st_gid for path in paths} == {grp.getgrnam(group).gr_gid}
    assert {(chosen / path).stat().st_gid for path in paths} == {1}


def test_arming_without_a_kernel_is_refused(hosts: Path, tmp_path: Path) -> None:
    result = ksgen("arm", hosts, "node01.example.com", "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert (
        "boot/el9/vmlinuz:1:1: error: no kernel for el9 in the published tree\n"
        "  hint: specify its install tree: --tree el9=DIR" in (result.stderr)
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(("--until", "soon"), "'soon' is not a time; write 90m, 6h, 2d, or 2026-05-04T18:00", id="until"),
        pytest.param(
            ("--tree", "el8=/"), "'el8=/' is not RELEASE=DIR, with el9 or el10 and an existing directory", id="tree"
        ),
    ],
)
def test_arming_with_wrong_words(hosts: Path, arguments: tuple[str, ...], message: str) -> None:
    result = ksgen("arm", hosts, "node01.example.com", *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_a_command_that_is_misspelt_is_no_file(hosts: Path) -> None:
    result = ksgen("grpah", hosts)
    assert result.exit_code == 2
    assert "'grpah' is neither a command nor a file; did you mean 'graph'?" in result.stderr
    assert "file not found" in ksgen("somethingelse").stderr


def test_an_inventory_may_be_called_like_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("plans").write_text(inventory_text())
    assert ksgen("plans").exit_code == 0


def test_ctrl_c_is_no_problem_of_the_input(tmp_path: Path) -> None:
    # What a shell starts in the background ignores the signal, and so would this.
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    program = f"{heard}; from ksgen.cli import main; print('ready', flush=True); main(['-'])"
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == "ready\n"
    with pytest.raises(subprocess.TimeoutExpired):  # it waits for its input
        process.wait(1)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert process.stderr.read() == "interrupted\n"


def test_a_short_host_name_is_completed(hosts: Path) -> None:
    for arguments in (("plan", hosts, "node01"), (hosts, "--limit", "node01")):
        result = ksgen(*arguments)
        assert result.exit_code == 2
        assert "no host or group named 'node01'; did you mean 'node01.example.com'?" in result.stderr


def test_plan_of_many_hosts_is_a_table() -> None:
    lines = ksgen("plan", EXAMPLE, "rack_c").stdout.splitlines()
    assert lines[0].split() == ["host", "layout", "disk", "pool", "free", "images"]
    assert len(lines) == 11
    assert lines[1].split()[:2] == ["node01.c.example.com", "standard"]
    assert (
        ksgen("plan", EXAMPLE, "node01.c.example.com").stdout.splitlines()[0].startswith("node01.c.example.com  layout")
    )


def test_plan_needs_no_key(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yaml"
    path.write_text(inventory_text(node_root_password_hash="null"))
    result = ksgen("plan", path)
    assert result.exit_code == 1
    assert "Room for 4 images" in result.stdout
    assert "no user can log in to this host" in result.stderr
    result = ksgen(path, "-o", tmp_path / "out")
    assert "1 error; nothing was written" in result.stderr


def test_help_of_json_says_what_is_printed() -> None:
    assert "Print the plans as JSON" in ksgen("plan", "--help").stdout
    assert "Print the values as JSON" in ksgen("explain", "--help").stdout
    assert "Print problems as JSON" in ksgen("render", "--help").stdout


def test_help_has_examples() -> None:
    assert "ksgen site/hosts.yaml --limit rack_a" in ksgen("--help").stdout
    assert ksgen("render", "-h").exit_code == ksgen("plan", "-h").exit_code == 0


def test_completion_of_commands_and_hosts() -> None:
    def completions(*words: str) -> list[str]:
        environment = {
            **os.environ,
            "_KSGEN_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join(("ksgen", *words)),
            "COMP_CWORD": str(len(words)),
        }
        command = [sys.executable, "-c", "from ksgen.cli import main; main(prog_name='ksgen')"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        return [line.partition(",")[2] for line in done.stdout.splitlines()]

    assert completions("pl") == ["plan"]
    assert completions("plan", str(EXAMPLE), "node01.") == [h.name for h in site()[0] if h.name.startswith("node01.")]
    assert completions("plan", str(EXAMPLE), "rack") == ["rack_a", "rack_b", "rack_c", "rack_d", "rack_d_el10"]
    assert completions("explain", str(EXAMPLE), "rack") == [""]
    assert completions("arm", str(EXAMPLE), "node02.a.example.com", "back") == ["backup_targets"]
    assert completions("render", str(EXAMPLE), "--limit", "rack_a,al") == ["rack_a,all"]


def test_a_person_gets_colours_carets_and_no_colour_is_respected(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yaml"
    path.write_text(inventory_text(node_swap_size="4"))
    coloured, plain = (_on_a_terminal(path, {"NO_COLOR": value} if value else {}) for value in ("", "1"))
    assert "\x1b[" in coloured
    assert "\x1b[" not in plain
    assert "   11 |       node_swap_size: 4\n      |                       ^\n" in plain


def _on_a_terminal(path: Path, more: dict[str, str]) -> str:
    """What a run prints on a terminal of its own."""
    leader, follower = os.openpty()
    environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    environment.update(TERM="xterm-256color", **more)
    command = [sys.executable, "-m", "ksgen", str(path), "--dry-run"]
    process = subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower, env=environment)
    os.close(follower)
    text = b""
    while True:
        try:
            chunk = os.read(leader, 4096)
        except OSError:
            break
        if not chunk:
            break
        text += chunk
    process.wait()
    os.close(leader)
    return text.decode().replace("\r\n", "\n")
