# SPDX-License-Identifier: GPL-2.0-or-later
"""`ksgen iso --site`: what is on the ISO, what is refused, and that a chosen kickstart installs as a published one."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import node_images
import pytest
import small_iso
from bench import BENCH, NO_BENCH
from click.testing import Result
from command import CliRunner
from inventories import PASSWORD_HASH, SSH_KEY
from pykickstart.parser import KickstartParser
from pykickstart.version import makeVersion
from small_iso import IMAGE, LABEL, Small

from benchmarks import stick
from ksgen import iso
from ksgen.cli import main
from ksgen.grammar import Grammar
from ksgen.grammar.releases import VERSIONS
from org_ovirt_node.programs import selector

REFS = {"el9": "rhel-9", "el10": "rhel-10"}
CLIENT = Path(__file__).parents[1] / "support" / "include_client.py"
SITE = f"""\
all:
  vars:
    node_release: el9
    node_image_url: https://pxe.example.com/images/node.squashfs.img
    node_image_sha256: {"ab" * 32}
    node_tree_url: https://pxe.example.com/almalinux/9/
    node_server_url: http://pxe.example.com/nodes/
    node_ssh_keys: ["{SSH_KEY}"]
    node_disk: {{serial: DISK, size: 480 GB}}
  children:
    rack:
      hosts:
        node01.example.com:
          node_mac: "52:54:00:aa:00:01"
          node_disk: {{serial: DISK1, size: 480 GB}}
          node_network:
            - {{name: lan0, mac: "52:54:00:aa:00:01", ipv4: 10.0.1.11/24, gateway4: 10.0.1.1, dns: [10.0.0.53]}}
            - {{name: bond0, bond: {{members: ["52:54:00:aa:00:11", "52:54:00:aa:00:12"]}}, ipv4: 10.0.2.11/24}}
          node_pre: echo before
        node02.example.com:
          node_mac: "52:54:00:aa:00:02"
          node_serial: "SN-2"
          node_disk: {{serial: DISK2, size: 480 GB}}
          node_addon: false
    others:
      hosts:
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("store")
    small_iso.make(place / "nine.iso", Small())
    node_images.nested(place / "node.img", None, "-comp", "xz")
    return place


def ksgen(store: Path, here: Path, site: str, *more: str) -> Result:
    (here / "hosts.yaml").write_text(site)
    words = ["--boot-iso", str(store / "nine.iso"), "--image", str(store / "node.img"), "-o", str(here / "site.iso")]
    return CliRunner().invoke(main, ["iso", *words, "--site", str(here / "hosts.yaml"), *more], catch_exceptions=False)


def files(here: Path) -> dict[str, str]:
    """The text files at the top of the ISO and in the directory of the site, and their modes."""
    place = here / "all"
    node_images.run(
        "xorriso", "-no_rc", "-osirrox", "on", "-indev", str(here / "site.iso"), "-extract", "/", str(place)
    )
    found = [*place.glob("ovirt-node*"), *place.glob("ovirt-node/*")]
    return {
        str(path.relative_to(place)): path.read_text() for path in found if path.is_file() and IMAGE not in path.name
    }


@pytest.fixture(scope="module")
def written(store: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    here = tmp_path_factory.mktemp("here")
    done = ksgen(store, here, SITE)
    assert done.exit_code == 0, done.output
    assert done.stderr.endswith(f"site.iso written: {node_images.NVR}, 2 hosts, volume {LABEL}\n")
    return here, files(here)


def test_index_has_what_each_machine_is_known_by(written: tuple[Path, dict[str, str]]) -> None:
    site = selector.read(written[1]["ovirt-node/site.json"])
    assert [(host.name, host.macs, host.serial, host.kickstart) for host in site.hosts] == [
        (
            "node01.example.com",
            ("52:54:00:aa:00:01", "52:54:00:aa:00:11", "52:54:00:aa:00:12"),
            "",
            "node01.example.com.ks",
        ),
        ("node02.example.com", ("52:54:00:aa:00:02",), "SN-2", "node02.example.com.ks"),
    ]
    assert not site.asks


def test_index_has_the_scripts_of_each_kickstart(written: tuple[Path, dict[str, str]]) -> None:
    for host in selector.read(written[1]["ovirt-node/site.json"]).hosts:
        text = written[1][f"ovirt-node/{host.kickstart}"]
        lines = text.splitlines(keepends=True)
        bodies = ["".join(lines[step.first - 1 : step.last]) for step in host.steps]
        # As pykickstart reads them.
        grammar = Grammar("el9")
        assert grammar.read(text) == ()
        scripts = [script for script in grammar.handler.scripts if script.type == 0]
        assert bodies == [script.script for script in scripts]
        found = [(step.interpreter, step.log, step.stops) for step in host.steps]
        assert found == [(script.interp, script.logfile, script.errorOnFail) for script in scripts]
    (first, _) = selector.read(written[1]["ovirt-node/site.json"]).hosts
    assert [step.log for step in first.steps] == [
        "/tmp/node-checks.log", "/tmp/node-pre-1.log", "/tmp/node-disks.log", "/tmp/node-names.log",
        "/tmp/node-network.log",
    ]  # fmt: skip


def test_kickstarts_install_the_image_of_the_iso(written: tuple[Path, dict[str, str]], store: Path) -> None:
    for name in ("node01.example.com", "node02.example.com"):
        text = written[1][f"ovirt-node/{name}.ks"]
        assert list(iso.kickstart_findings(text, iso.sha256(store / "node.img", lambda *_: None))) == []
        assert "%addon org_ovirt_node" in text  # which is on each ISO
        assert "node-report" not in text
        assert "proxy" not in text


def test_iso_is_for_its_owner_alone_and_boot_entries_start_the_choice(written: tuple[Path, dict[str, str]]) -> None:
    here, found = written
    assert (here / "site.iso").stat().st_mode & 0o777 == 0o600
    entries = (here / "all/isolinux/isolinux.cfg").read_text()
    assert entries.count(f" inst.ks=hd:LABEL={LABEL}:/ovirt-node.ks inst.nosave=all_ks\n") == 2
    assert "liveimg" not in found["ovirt-node.ks"]
    manifest = json.loads(found["ovirt-node.json"])["files"]
    assert {"ovirt-node.ks", "ovirt-node/site.json", "ovirt-node/node01.example.com.ks"} <= set(manifest)


def test_what_is_on_it_can_be_read_by_all_and_changed_by_none(written: tuple[Path, dict[str, str]]) -> None:
    listed = subprocess.run(
        ["xorriso", "-no_rc", "-indev", written[0] / "site.iso", "-find", "/ovirt-node", "-exec", "lsdl"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    modes = {line.split()[-1].strip("'"): (line.split()[0], *line.split()[2:4]) for line in listed.splitlines()}
    assert modes["/ovirt-node"] == ("dr-xr-xr-x", "0", "0")
    assert modes["/ovirt-node/site.json"] == ("-r--r--r--", "0", "0")


@pytest.mark.parametrize("release", REFS)
def test_chosen_kickstart_says_what_it_says_alone(
    written: tuple[Path, dict[str, str]], release: str, tmp_path: Path
) -> None:
    """In pykickstart's grammar of the release: commands, the section of the add-on, and scripts other than %pre."""
    text = written[1]["ovirt-node/node01.example.com.ks"]
    target = tmp_path / "chosen.ks"
    target.write_text(text)
    chooser = written[1]["ovirt-node.ks"].replace("/tmp/node-host.ks", str(target))
    including = tmp_path / "including.ks"
    including.write_text(chooser)
    alone, through = (read_whole(release, path) for path in (target, including))
    assert "logvol / " in str(alone)
    (first, *others) = through.scripts
    assert "selector.py" in first.script
    assert [(one.type, one.script) for one in others] == [(one.type, one.script) for one in alone.scripts]
    through.scripts, alone.scripts = [], []
    assert str(through) == str(alone)


def read_whole(release: str, path: Path) -> Any:
    """What pykickstart reads, %include and all; that of the network is written on the machine."""
    handler = makeVersion(VERSIONS[release])
    KickstartParser(handler, missingIncludeIsFatal=False).readKickstart(str(path))
    return handler


@pytest.mark.anaconda
@pytest.mark.skipif(BENCH is None, reason=NO_BENCH)
@pytest.mark.parametrize("release", REFS)
def test_anaconda_reads_the_chosen_kickstart_as_a_published_one(
    written: tuple[Path, dict[str, str]], release: str, tmp_path: Path
) -> None:
    """Its Boss gets the same elements, sections of each kind among them; of its %pre scripts none is run."""
    plain, including, target = (tmp_path / name for name in ("plain.ks", "including.ks", "target.ks"))
    network = tmp_path / "network.ks"
    network.write_text("network --device=bond0 --bondslaves=eno1,eno2\n")
    text = written[1]["ovirt-node/node01.example.com.ks"].replace(
        "%include /tmp/node-network.ks", f"%include {network}"
    )
    plain.write_text(f"{text}\n%packages\nlldpd\n%end\n\n%pre-install\ntrue\n%end\n\n%onerror\ntrue\n%end\n")
    including.write_text(written[1]["ovirt-node.ks"].replace("/tmp/node-host.ks", str(target)))
    told = json.loads(in_bench(REFS[release], "python3", CLIENT, plain, including, target))
    (script,) = told["first"]
    assert "selector.py" in script
    assert told["including"][0][0] == "pre"
    chosen = [[*element[:3], element[3].replace(str(target), str(plain))] for element in told["including"][1:]]
    assert chosen == told["plain"]
    assert {element[3] for element in told["including"][1:]} == {str(target), str(network)}
    assert {element[0] for element in told["plain"]} >= {
        "liveimg", "network", "logvol", "org_ovirt_node", "packages", "pre", "pre-install", "onerror",
    }  # fmt: skip


@pytest.mark.anaconda
@pytest.mark.skipif(BENCH is None, reason=NO_BENCH)
@pytest.mark.parametrize("release", REFS)
def test_anaconda_plans_the_same_storage(written: tuple[Path, dict[str, str]], release: str, tmp_path: Path) -> None:
    text = written[1]["ovirt-node/node01.example.com.ks"].replace("%include /tmp/node-network.ks\n", "")
    (tmp_path / "plain.ks").write_text(text)
    chooser = written[1]["ovirt-node.ks"].replace("/tmp/node-host.ks", str(tmp_path / "plain.ks"))
    (tmp_path / "including.ks").write_text(chooser)
    plain, including = (planned(REFS[release], tmp_path / name) for name in ("plain.ks", "including.ks"))
    assert len(plain["devices"]) > 10
    assert plain["validation_errors"] == []
    wanted = ("name", "type", "size", "format", "mountpoint", "mountopts", "parents")
    devices = [[[device[key] for key in wanted] for device in found["devices"]] for found in (plain, including)]
    assert devices[0] == devices[1]
    keys = ("kickstart_errors", "kickstart_warnings", "validation_errors", "validation_warnings")
    assert [including.get(key) for key in keys] == [plain.get(key) for key in keys]


def in_bench(ref: str, *command: str | Path) -> str:
    assert BENCH is not None
    inside = f". {BENCH}/env.sh {ref} && exec {shlex.join(map(str, command))}"
    enter = [] if ref == "rhel-9" else [str(BENCH / "enter-trixie.sh")]
    done = subprocess.run([*enter, "bash", "-c", inside], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def planned(ref: str, kickstart: Path) -> dict[str, Any]:
    assert BENCH is not None
    command = [
        str(BENCH / "plan_ks.py"),
        "--ref",
        ref,
        "--efi",
        "--link",
        "by-node/system0=sda",
        str(kickstart),
        "480GB",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ})
    return dict(json.loads(done.stdout))


# --- what is not on it -----------------------------------------------------------------------------------------------


def with_host(variables: str, name: str = "node03.example.com") -> str:
    more = f'{{node_mac: "52:54:00:aa:00:03", node_disk: {{serial: DISK3, size: 480 GB}}, {variables}}}'
    return f"{SITE}        {name}: {more}\n"


HASH = with_host(f'node_root_password_hash: "{PASSWORD_HASH}"')
SCRIPT_SECRET = with_host('node_post: "curl --user admin:hunter22 https://cmdb.example.com/"')


def test_hash_needs_a_word(store: Path, tmp_path: Path) -> None:
    done = ksgen(store, tmp_path, HASH)
    assert done.exit_code == 1
    assert re.search(
        r"hosts\.yaml:\d+:\d+: error: node03\.example\.com: its kickstart has a password hash \(line \d+\), "
        r"which anyone who holds the medium can attack\n  hint: --with-hashes allows hashes; SSH keys need none\n",
        done.output,
    ), done.output
    assert PASSWORD_HASH not in done.output
    assert not (tmp_path / "site.iso").exists()
    done = ksgen(store, tmp_path, HASH, "--with-hashes")
    assert done.exit_code == 0, done.output
    assert PASSWORD_HASH in files(tmp_path)["ovirt-node/node03.example.com.ks"]


def test_secret_is_refused_whatever_is_allowed(store: Path, tmp_path: Path) -> None:
    done = ksgen(store, tmp_path, SCRIPT_SECRET, "--with-hashes")
    assert done.exit_code == 1
    assert re.search(
        r"error: node03\.example\.com: its kickstart has a secret \(line \d+\), "
        r"which anyone who holds the medium can read\n"
        r"  hint: leave out the host with --limit, or remove the secret: fetch it after the installation\n",
        done.output,
    ), done.output
    assert "hunter22" not in done.output
    assert not (tmp_path / "site.iso").exists()


OF_A_VAULT = "text\nrepo --name=x --baseurl=http://x/opensesame\nrootpw --iscrypted HASH\n%post\necho HASH\n%end\n"


@pytest.mark.parametrize(
    ("places", "with_hashes", "found"),
    [
        pytest.param(((1, 32, 42),), True, ["iso-site-secret"], id="text"),
        pytest.param(((4, 5, 5 + len(PASSWORD_HASH)),), False, ["iso-site-hash"], id="hash"),
        pytest.param(((4, 5, 5 + len(PASSWORD_HASH)),), True, [], id="hash-allowed"),
        pytest.param(((4, 0, 5 + len(PASSWORD_HASH)),), True, ["iso-site-secret"], id="more-than-a-hash"),
    ],
)
def test_what_comes_out_of_a_vault_is_a_secret_unless_it_is_a_hash(
    places: tuple[tuple[int, int, int], ...], with_hashes: bool, found: list[str]
) -> None:
    text = OF_A_VAULT.replace("HASH", PASSWORD_HASH)
    host = iso.SiteHost("node01.example.com", (), "", text, places)
    assert [finding.code for finding in iso.exposed(host, with_hashes)] == found
    assert PASSWORD_HASH not in repr(host)


def test_limit_leaves_hosts_out(store: Path, tmp_path: Path) -> None:
    done = ksgen(store, tmp_path, SCRIPT_SECRET, "--limit", "rack")
    assert done.exit_code == 0, done.output
    assert set(files(tmp_path)) == {
        "ovirt-node.ks", "ovirt-node.json", "ovirt-node/site.json",
        "ovirt-node/node01.example.com.ks", "ovirt-node/node02.example.com.ks",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("site", "message"),
    [
        pytest.param(
            with_host("node_release: el10"),
            "node_release: is of el10; the installer of the boot ISO is el9",
            id="another-release",
        ),
        pytest.param(
            with_host("node_kind: host"),
            "node_kind: is a plain host, whose packages are not on the ISO",
            id="plain-host",
        ),
        pytest.param(
            with_host("").replace("aa:00:03", "aa:00:11"),
            "52:54:00:aa:00:11 is also the MAC address of node01.example.com",
            id="one-address-twice",
        ),
    ],
)
def test_host_that_cannot_be_installed_from_it(site: str, message: str, store: Path, tmp_path: Path) -> None:
    done = ksgen(store, tmp_path, site)
    assert done.exit_code == 1
    assert message in done.output
    assert not (tmp_path / "site.iso").exists()


def test_iso_grows_by_kilobytes_for_each_host(store: Path) -> None:
    growth, seconds = stick.measured(store / "nine.iso", store / "node.img", 20)
    assert growth.is_met, growth
    assert seconds.unit == " s"


def test_ask_is_in_the_index(store: Path, tmp_path: Path) -> None:
    assert ksgen(store, tmp_path, SITE, "--ask").exit_code == 0
    assert selector.read(files(tmp_path)["ovirt-node/site.json"]).asks


def test_long_name_has_a_file_too(store: Path, tmp_path: Path) -> None:
    name = f"{'n' * 60}.example.com"
    done = ksgen(store, tmp_path, with_host("node_hostname: node03.example.com", name))
    assert done.exit_code == 0, done.output
    hosts = {host.name: host.kickstart for host in selector.read(files(tmp_path)["ovirt-node/site.json"]).hosts}
    assert hosts[name] == "host3.ks"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--limit", "rack"), "--limit requires --site"),
        (("--ask",), "--ask requires --site"),
        (("--with-hashes",), "--with-hashes requires --site"),
    ],
)
def test_options_of_a_site_alone(options: tuple[str, ...], message: str, store: Path) -> None:
    words = ["iso", "--boot-iso", str(store / "nine.iso"), "--image", str(store / "node.img"), *options]
    done = CliRunner().invoke(main, words)
    assert (done.exit_code, message in done.output) == (2, True), done.output


def test_kickstart_and_site_exclude_each_other(store: Path, tmp_path: Path) -> None:
    (tmp_path / "my.ks").write_text("text\n")
    done = ksgen(store, tmp_path, SITE, "--kickstart", str(tmp_path / "my.ks"))
    assert (done.exit_code, "--kickstart and --site exclude each other" in done.output) == (2, True)
