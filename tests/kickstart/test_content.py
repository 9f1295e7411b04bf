# SPDX-License-Identifier: GPL-2.0-or-later
"""The script that puts the site's variables on the node, run in a directory with stand-ins for the node's commands."""

from __future__ import annotations

import base64
import dataclasses
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hostile import HOSTILE, in_yaml
from inventories import one_host

from ksgen.kickstart import render_all
from ksgen.kickstart.content import DONE, LOG, content_steps, initramfs_steps
from ksgen.kickstart.page import ContentPart, Templates
from ksgen.kickstart.steps import Step
from ksgen.redaction import Span, redacted
from ksgen.templates import environment

SHELLCHECK = Path(sys.executable).parent / "shellcheck"
SECTION = re.compile(rf"^%post --erroronfail --log={LOG}\n(?P<script>.*?)^%end$", re.MULTILINE | re.DOTALL)
# Directories of the node, which are below another one here.
PLACES = re.compile(r"(?<![\w.$}\"/-])(?=/(?:boot|dev|etc|home|opt|proc|root|srv|usr|var)\b)")
KERNEL = "5.14.0-503.el9.x86_64"
# The commands of a node that are not run here, and what they print.
COMMANDS = ("dnf", "rpm", "dracut", "lsinitrd", "systemctl", "visudo", "chown")
SAYS = {
    "lsinitrd": f"-rw-r--r-- 1 root root 9 usr/lib/modules/{KERNEL}/extra/mpt3sas_new.ko.xz",
    "systemctl": "enabled",
}


@dataclasses.dataclass(frozen=True)
class Ran:
    """How the script ended, what it printed and wrote to the console, and the commands that it ran."""

    status: int
    output: str
    console: str
    commands: tuple[str, ...]


class Node:
    """A directory in the place of the installed system."""

    def __init__(self, directory: Path) -> None:
        self.root, self.stubs, self._calls = directory / "node", directory / "stubs", directory / "calls"
        for place in ("boot", "dev", "etc", "proc", "var/log", f"usr/lib/modules/{KERNEL}", "usr/lib/systemd/system"):
            (self.root / place).mkdir(parents=True)
        (self.root / f"usr/lib/modules/{KERNEL}/modules.dep").touch()
        (self.root / "proc/meminfo").write_text(f"MemTotal:       {256 * 2**20} kB\nMemFree:  1 kB\n")
        self.stubs.mkdir()
        for name in COMMANDS:
            self.stub(name, SAYS.get(name, ""))

    def stub(self, name: str, says: str = "", fails_at: str = "") -> None:
        """A command that notes how it was called; it fails where its arguments have a text."""
        lines = (
            "#!/bin/sh",
            f'printf "%s\\n" "{name} $*" >>{shlex.quote(str(self._calls))}',
            f'case "$*" in *{shlex.quote(fails_at)}*) echo "{name} is broken" >&2; exit 3;; esac' if fails_at else ":",
            f"printf '%s\\n' {shlex.quote(says)}" if says else ":",
        )
        (self.stubs / name).write_text("\n".join(lines) + "\n")
        (self.stubs / name).chmod(0o755)

    def run(self, script: str, shell: str = "sh") -> Ran:
        text = PLACES.sub(str(self.root), script)
        self._calls.write_text("")
        (self.root / "dev/console").write_text("")
        environment = {**os.environ, "PATH": f"{self.stubs}:/usr/bin:/bin", "LC_ALL": "C"}
        done = subprocess.run(
            [shell, "-c", text], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        output, console = (
            one.replace(str(self.root), "") for one in (done.stdout, (self.root / "dev/console").read_text())
        )
        commands = self._calls.read_text().replace(str(self.root), "").splitlines()
        return Ran(done.returncode, output, console, tuple(commands))


def script_of(directory: Path, variables: Mapping[str, str]) -> str:
    """The script of a host with these variables, and without the add-on."""
    text, problems = Templates().render(one_host(directory, node_addon="false", **variables))
    assert text is not None, problems
    found = SECTION.search(text)
    assert found, text
    return found["script"]


def rendered(steps: tuple[Step, ...]) -> str:
    """A script of steps that no variable has."""
    template = environment(None, str).get_template("content.ks.j2")
    text = template.render(content=[ContentPart.of(step) for step in steps], content_log=LOG, content_done=f"'{DONE}'")
    found = SECTION.search(text)
    assert found
    return found["script"]


PACKAGES = {"node_packages": "[lldpd, smartmontools]"}


# --- the frame --------------------------------------------------------------------------------------------------------


def test_host_without_such_a_variable_has_no_script(tmp_path: Path) -> None:
    text, _ = Templates().render(one_host(tmp_path))
    assert text is not None
    assert LOG not in text
    assert content_steps(one_host(tmp_path).settings) == ()


def test_script_is_before_those_of_the_site_and_the_hook(tmp_path: Path) -> None:
    text, _ = Templates().render(
        one_host(tmp_path, node_addon="false", node_post='"true"', node_report_url="false", **PACKAGES)
    )
    assert text is not None
    logs = re.findall(r"^%post .*--log=(\S+)", text, re.MULTILINE)
    assert logs == [LOG, "/var/log/ovirt-node-post-1.log", "/var/log/ovirt-node-init.log"]


STEPS = (
    Step("node_one", "first's things", ("echo one",)),
    Step("node_two", "second", ("false ||", "    fail 'it broke' 'mend it'", "echo two")),
    Step("node_three", "third", ("echo three",)),
)


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_first_step_that_fails_ends_it_with_the_cause_and_the_cure(shell: str, tmp_path: Path) -> None:
    ran = Node(tmp_path).run(rendered(STEPS), shell)
    assert ran.status == 1
    assert ran.output.splitlines() == ["first's things", "one", "second", "error: second: it broke", "cure: mend it"]
    assert ran.console.splitlines()[-2:] == ["ovirt-node: error: second: it broke", "ovirt-node: cure: mend it"]


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize("command", ["false", "echo $unset", "(exit 7)"])
def test_command_that_is_not_checked_ends_it_too(shell: str, command: str, tmp_path: Path) -> None:
    ran = Node(tmp_path).run(rendered((Step("node_one", "first", (command,)), STEPS[2])), shell)
    assert ran.status != 0
    assert ran.output.splitlines()[-1] == f"error: first: a command ended with exit status {ran.status}, see above"


def test_every_step_is_printed_and_the_end_is(tmp_path: Path) -> None:
    ran = Node(tmp_path).run(rendered((STEPS[0], STEPS[2])))
    assert (ran.status, ran.output.splitlines()) == (0, ["first's things", "one", "third", "three", DONE])
    assert ran.console.splitlines() == [f"ovirt-node: {line}" for line in ("first's things", "third", DONE)]


def test_node_without_a_console_is_installed(tmp_path: Path) -> None:
    node = Node(tmp_path)
    script = rendered(STEPS[:1]).replace("/dev/console", "/dev/none/console")
    assert node.run(script).output.splitlines() == ["first's things", "one", DONE]


def test_each_step_has_its_variable_in_a_comment(tmp_path: Path) -> None:
    script = script_of(tmp_path, PACKAGES)
    assert "\n# node_packages\nbegin 'packages: lldpd, smartmontools'\n" in script


def test_shell_is_without_findings(tmp_path: Path) -> None:
    for name, site in SITES.items():
        place = tmp_path / name
        place.mkdir()
        command = [SHELLCHECK, "--shell=sh", "--exclude=SC2015", "-"]
        done = subprocess.run(command, input=script_of(place, site.variables), capture_output=True, text=True)
        assert done.stdout + done.stderr == "", name


# --- dracut -----------------------------------------------------------------------------------------------------------

TOUCHING = (
    Step("node_one", "one", ("true",), touches_initramfs=True, drivers=("mpt3sas-new",)),
    Step("node_two", "two", ("true",), touches_initramfs=True),
)


def with_initramfs(*steps: Step) -> str:
    return rendered((*steps, *initramfs_steps(steps)))


def test_package_whose_script_fails_is_named(tmp_path: Path) -> None:
    """dnf ends with 0; its lines are those of dnf 4.14, for the package lab-broken of the lab."""
    node = Node(tmp_path)
    failed = (
        "lab-broken: its script fails",
        "warning: %post(lab-broken-1.0-1.noarch) scriptlet failed, exit status 1",
        "",
        "Error in POSTIN scriptlet in rpm package lab-broken",
        "Error in POSTTRANS scriptlet in rpm package lldpd",
        "Complete!",
    )
    node.stub("dnf", "\n".join(failed))
    ran = node.run(script_of(tmp_path, PACKAGES))
    warning = (
        "ovirt-node: warning: packages: lldpd, smartmontools: rpm installed lab-broken lldpd, but a script of it "
        "failed: see /var/log/ovirt-node-packages.log, and try it on the node\n"
    )
    assert (ran.status, ran.console.count("warning"), warning in ran.console) == (0, 1, True)
    assert "\n".join(failed) in ran.output
    node.stub("dnf", "Complete!")
    assert "warning" not in node.run(script_of(tmp_path, PACKAGES)).console


def test_dracut_runs_once_for_the_kernel_of_the_image(tmp_path: Path) -> None:
    script = with_initramfs(*TOUCHING)
    assert "\n# node_one, node_two\nbegin initramfs\n" in script
    ran = Node(tmp_path).run(script)
    image = f"/boot/initramfs-{KERNEL}.img"
    assert (ran.status, ran.commands) == (0, (f"dracut --force {image} {KERNEL}", f"lsinitrd {image}"))


def test_dracut_does_not_run_without_need(tmp_path: Path) -> None:
    assert "dracut" not in with_initramfs(STEPS[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda node: node.stub("dracut", fails_at="--force"), "dracut did not write the initramfs"),
        (lambda node: node.stub("lsinitrd", "mpt3sas.ko.xz"), "the initramfs has no module mpt3sas-new"),
        (lambda node: node.stub("lsinitrd", "/mpt3sas_newer.ko.xz"), "the initramfs has no module mpt3sas-new"),
        (
            lambda node: (node.root / f"usr/lib/modules/{KERNEL}/modules.dep").unlink(),
            "the image has no kernel in /usr/lib/modules",
        ),
    ],
)
def test_initramfs_that_was_not_made_ends_it(change: object, message: str, tmp_path: Path) -> None:
    node = Node(tmp_path)
    assert callable(change)
    change(node)
    ran = node.run(with_initramfs(*TOUCHING))
    assert ran.status == 1
    assert f"error: initramfs: {message}" in ran.output.splitlines()


# --- each variable ----------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Site:
    """Variables; the commands that are run for them, each with what is said if it fails; the files that they write."""

    variables: Mapping[str, str]
    commands: tuple[tuple[str, str], ...] = ()
    files: Mapping[str, str] = dataclasses.field(default_factory=dict)


INSTALL = "dnf -y --setopt=install_weak_deps=False --setopt=*.skip_if_unavailable=False install"
IMAGE = f"/boot/initramfs-{KERNEL}.img"
DRACUT = (f"dracut --force {IMAGE} {KERNEL}", "initramfs: dracut did not write the initramfs")
KEY = """-----BEGIN PGP PUBLIC KEY BLOCK-----

mDMEZbEXAMPLEKEYOFNOBODYATALLxYJKwYBBAHaRw8BAQdA
=AbCd
-----END PGP PUBLIC KEY BLOCK-----
"""
IN_YAML = json.dumps(KEY)
REPO = """[site]
name=site
baseurl=https://pxe.example.com/site/el9/$basearch/
enabled=1
skip_if_unavailable=1
gpgcheck=1
gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-node-site
includepkgs=lldpd kmod-*
priority=10
proxy=http://proxy.example.com:3128
"""

SITES = {
    "names of NICs": Site(
        {
            "node_network": '[{name: lan0, mac: "52:54:00:aa:00:01"}, {name: san0, mac: "52:54:00:AA:00:02"}, '
            "{name: bond0, bond: {members: [san0]}}]"
        },
        files={
            f"/etc/systemd/network/10-anaconda-ifname-{name}.link": "# node_network\n"
            f"[Match]\nMACAddress={mac}\nType=ether\n\n[Link]\nName={name}\n"
            for name, mac in (("lan0", "52:54:00:aa:00:01"), ("san0", "52:54:00:aa:00:02"))
        },
    ),
    "repos": Site(
        {
            "node_repos": f"[{{name: site, url: https://pxe.example.com/site/el9/$basearch/, key: {IN_YAML}, "
            "includepkgs: [lldpd, 'kmod-*'], priority: 10, proxy: 'http://proxy.example.com:3128'}]"
        },
        files={"/etc/yum.repos.d/node-site.repo": REPO, "/etc/pki/rpm-gpg/RPM-GPG-KEY-node-site": KEY},
    ),
    "packages": Site(
        PACKAGES,
        (
            (f"{INSTALL} lldpd smartmontools", "packages: lldpd, smartmontools: dnf did not install the packages"),
            (
                "rpm -q lldpd smartmontools",
                "packages: lldpd, smartmontools: a package is not installed, although dnf reported no failure",
            ),
        ),
    ),
    "drivers": Site(
        {"node_drivers": "[{package: kmod-mpt3sas-new, modules: [mpt3sas-new]}]", "node_packages": "[lldpd]"},
        (
            (
                f"{INSTALL} lldpd kmod-mpt3sas-new",
                "packages: lldpd, kmod-mpt3sas-new: dnf did not install the packages",
            ),
            (
                "rpm -q lldpd kmod-mpt3sas-new",
                "packages: lldpd, kmod-mpt3sas-new: a package is not installed, although dnf reported no failure",
            ),
            DRACUT,
        ),
        {"/etc/dracut.conf.d/90-node.conf": 'add_drivers+=" mpt3sas-new "\n'},
    ),
    "files": Site(
        {
            "node_files": '[{path: /etc/motd, content: "A node\\n"},'
            '{path: /etc/sudoers.d/ops, content: "%ops ALL=(ALL) ALL\\n"},'
            '{path: /root/x, content: "%end", owner: vdsm, group: kvm, mode: "0640"}, {path: /etc/empty, content: ""}]'
        },
        (
            (
                "visudo -cf /etc/sudoers.d/ops",
                "files: /etc/motd, /etc/sudoers.d/ops, /root/x, /etc/empty: sudo does not accept /etc/sudoers.d/ops",
            ),
            (
                "chown vdsm:kvm /root/x",
                "files: /etc/motd, /etc/sudoers.d/ops, /root/x, /etc/empty: /root/x was not given to vdsm:kvm",
            ),
        ),
        {"/etc/motd": "A node\n", "/etc/sudoers.d/ops": "%ops ALL=(ALL) ALL\n", "/root/x": "%end", "/etc/empty": ""},
    ),
    "file-in-initramfs": Site(
        {"node_files": '[{path: /etc/modprobe.d/site.conf, content: "options nvme io_timeout=60\\n"}]'}, (DRACUT,)
    ),
    "modules": Site(
        {"node_modules": "{load: [vfio_pci], options: {kvm_intel: nested=1}, blacklist: [nouveau]}"},
        (DRACUT,),
        {
            "/etc/modules-load.d/90-node.conf": "vfio_pci\n",
            "/etc/modprobe.d/zz-node.conf": "options kvm_intel nested=1\nblacklist nouveau\n",
            "/etc/dracut.conf.d/90-node-modules.conf": 'install_items+=" /etc/modprobe.d/zz-node.conf "\n',
        },
    ),
    "sysctl": Site(
        {"node_sysctl": "{vm.swappiness: 10, net.ipv4.tcp_rmem: '4096 131072 6291456'}"},
        files={"/etc/sysctl.d/zz-node.conf": "vm.swappiness = 10\nnet.ipv4.tcp_rmem = 4096 131072 6291456\n"},
    ),
    "hugepages": Site({"node_hugepages": "{1G: 64}"}),
    "local-disks": Site(
        {"node_local_disks": '["0x5000c500a1b2c3d5", eui.0025388b34b9b5df]'},
        (DRACUT,),
        {
            "/etc/multipath/conf.d/node-local.conf": 'blacklist {\n    wwid "^35000c500a1b2c3d5$"\n'
            '    wwid "^eui\\.0025388b34b9b5df$"\n}\n'
        },
    ),
    "services": Site(
        {"node_services": "{enabled: [lldpd, 'a@b.timer'], disabled: [snmpd], masked: [cockpit.socket]}"},
        tuple(
            (
                command,
                "services: enabled lldpd.service, a@b.timer; disabled snmpd.service; masked cockpit.socket: " + message,
            )
            for command, message in (
                ("systemctl list-unit-files --no-legend cockpit.socket", "the node has no unit cockpit.socket"),
                ("systemctl mask cockpit.socket", "systemctl did not mask cockpit.socket"),
                ("systemctl list-unit-files --no-legend snmpd.service", "the node has no unit snmpd.service"),
                ("systemctl disable snmpd.service", "systemctl did not disable snmpd.service"),
                ("systemctl list-unit-files --no-legend lldpd.service", "the node has no unit lldpd.service"),
                ("systemctl enable lldpd.service", "systemctl did not enable lldpd.service"),
                (
                    "systemctl is-enabled lldpd.service",
                    "lldpd.service does not start at boot, although systemctl reported no failure",
                ),
                ("systemctl list-unit-files --no-legend a@.timer", "the node has no unit a@b.timer"),
                ("systemctl enable a@b.timer", "systemctl did not enable a@b.timer"),
                (
                    "systemctl is-enabled a@b.timer",
                    "a@b.timer does not start at boot, although systemctl reported no failure",
                ),
            )
        ),
    ),
}  # fmt: skip
# Commands that only look, and are not made to fail.
LOOKING = ("lsinitrd",)


@pytest.mark.parametrize("site", SITES)
def test_variable_runs_its_commands_and_writes_its_files(site: str, tmp_path: Path) -> None:
    wanted, node = SITES[site], Node(tmp_path)
    ran = node.run(script_of(tmp_path, wanted.variables))
    commands = tuple(command for command in ran.commands if not command.startswith(LOOKING))
    assert (ran.status, commands) == (0, tuple(command for command, _ in wanted.commands)), ran.output
    for path, text in wanted.files.items():
        # The paths of the node are in this directory.
        assert (node.root / path[1:]).read_text().replace(str(node.root), "") == text


@pytest.mark.parametrize(
    ("site", "number"), [(site, number) for site, wanted in SITES.items() for number in range(len(wanted.commands))]
)
def test_command_of_a_variable_that_fails_ends_it(site: str, number: int, tmp_path: Path) -> None:
    wanted, node = SITES[site], Node(tmp_path)
    command, message = wanted.commands[number]
    name, _, arguments = command.partition(" ")
    # The paths of the node are in this directory.
    node.stub(name, SAYS.get(name, ""), fails_at=arguments.rpartition("/")[2])
    ran = node.run(script_of(tmp_path, wanted.variables))
    assert ran.status == 1
    *_, error, cure = ran.output.splitlines()
    assert error == f"error: {message}"
    assert cure.startswith("cure: ")
    commands = tuple(command for command in ran.commands if not command.startswith(LOOKING))
    assert commands == tuple(command for command, _ in wanted.commands[: number + 1])


@pytest.mark.parametrize("said", ["static", "disabled", "masked", "not-found"])
def test_unit_that_does_not_start_ends_it(said: str, tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.stub("systemctl", said)
    ran = node.run(script_of(tmp_path, {"node_services": "{enabled: [lldpd]}"}))
    assert ran.status == 1
    assert "lldpd.service does not start at boot, although systemctl reported no failure" in ran.output


def test_machine_with_too_little_memory_ends_it(tmp_path: Path) -> None:
    node = Node(tmp_path)
    (node.root / "proc/meminfo").write_text(f"MemTotal:       {71 * 2**20} kB\n")
    ran = node.run(script_of(tmp_path, {"node_hugepages": "{1G: 64}"}))
    message = "this machine has less than the 72 GiB that the pages and the node itself need"
    assert ran.output.splitlines()[-2] == f"error: huge pages: 64 of 1G: {message}"


def test_huge_pages_are_arguments_of_the_kernel(tmp_path: Path) -> None:
    """A number of pages is of the size before it."""
    host = one_host(tmp_path, node_hugepages="{2M: 512, 1G: 64}", node_kernel_args="quiet")
    text, _ = Templates().render(host)
    assert text is not None
    arguments = "quiet default_hugepagesz=1G hugepagesz=1G hugepages=64 hugepagesz=2M hugepages=512"
    assert f"bootloader --timeout=5 --append='{arguments}'\n" in text


# --- files ------------------------------------------------------------------------------------------------------------


def test_any_content_is_written_as_it_is(tmp_path: Path) -> None:
    wanted = {name: text for name, text in HOSTILE.items() if name not in ("surrogate", "long")}
    tags = {name: "!unsafe " if "{" in text else "" for name, text in wanted.items()}
    contents = {name: tags[name] + in_yaml(text) for name, text in wanted.items()}
    files = ", ".join(f"{{path: /etc/{name}, content: {content}}}" for name, content in contents.items())
    node = Node(tmp_path)
    ran = node.run(script_of(tmp_path, {"node_files": f"[{files}]"}))
    assert ran.status == 0, ran.output
    for name, text in wanted.items():
        assert (node.root / "etc" / name).read_bytes() == text.encode(), name


def test_names_of_files_are_written_as_they_are(tmp_path: Path) -> None:
    names = ("a b", "it's", '"quoted"', "$x", "`reboot`", "a;b", "-rf", "é", "*", "a\\b", "%end", "#a", "~")
    files = ", ".join(f"{{path: !unsafe {json.dumps(f'/etc/{name}')}, content: x}}" for name in names)
    node = Node(tmp_path)
    ran = node.run(script_of(tmp_path, {"node_files": f"[{files}]"}))
    assert ran.status == 0, ran.output
    assert {path.name for path in (node.root / "etc").iterdir()} == set(names)


def test_file_has_its_mode_and_no_other_before(tmp_path: Path) -> None:
    files = (
        '[{path: /root/key, content: a, mode: "0600"},'
        "{path: /etc/NetworkManager/system-connections/a.nmconnection, content: a}]"
    )
    node = Node(tmp_path)
    ran = node.run(script_of(tmp_path, {"node_files": files}))
    assert ran.status == 0, ran.output
    for path in ("root/key", "etc/NetworkManager/system-connections/a.nmconnection"):
        assert (node.root / path).stat().st_mode & 0o777 == 0o600
    assert node.run("umask\n").output == node.run(script_of(tmp_path, {"node_files": files}) + "umask\n").output[-5:]


def test_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    node = Node(tmp_path)
    (node.root / "usr/lib/target").write_text("of the image")
    (node.root / "etc/link").symlink_to(node.root / "usr/lib/target")
    ran = node.run(script_of(tmp_path, {"node_files": "[{path: /etc/link, content: ours}]"}))
    assert ran.status == 0, ran.output
    assert (node.root / "usr/lib/target").read_text() == "of the image"
    assert not (node.root / "etc/link").is_symlink()


@pytest.mark.parametrize(
    ("there", "message"),
    [
        ("etc/a/b/", "files: /etc/a/b: /etc/a/b cannot be replaced"),
        ("etc/a", "files: /etc/a/b: /etc/a is not a directory"),
    ],
)
def test_file_that_cannot_be_written_ends_it(there: str, message: str, tmp_path: Path) -> None:
    node = Node(tmp_path)
    if there.endswith("/"):
        (node.root / there).mkdir(parents=True)
    else:
        (node.root / there).touch()
    ran = node.run(script_of(tmp_path, {"node_files": "[{path: /etc/a/b, content: x}]"}))
    assert ran.status == 1
    assert ran.output.splitlines()[-2] == f"error: {message}"


# --- scripts of the site, of a group, of a host -----------------------------------------------------------------------


def test_scripts_run_from_the_site_to_the_host(tmp_path: Path) -> None:
    host = one_host(tmp_path, node_post="[echo 4]", node_post_group='"echo 3"', node_post_site="[echo 1, echo 2]")
    text, _ = Templates().render(host)
    assert text is not None
    found = re.findall(r"^# (node_\w+)\n%post .*post-(\d)\.log\necho (\d)$", text, re.MULTILINE)
    names = ("node_post_site", "node_post_site", "node_post_group", "node_post")
    assert found == [(name, n, n) for name, n in zip(names, "1234", strict=True)]


# --- secrets ----------------------------------------------------------------------------------------------------------

WORD = "hiddenword"
SECRET_VALUES = [
    pytest.param("files", "[{path: /etc/a, content: 'word = {{ a_secret }} b'}]", id="content-in-base64"),
    pytest.param("files", '[{path: /etc/a, content: "word = {{ a_secret }} b\\n"}]', id="content"),
    pytest.param("files", '[{path: /etc/a, content: "{{ a_secret }}"}]', id="content-alone"),
    pytest.param("files", '[{path: /etc/a, base64: "{{ a_secret | b64encode }}"}]', id="base64"),
    pytest.param("files", '[{path: "/etc/{{ a_secret }}", content: b}]', id="path"),
    pytest.param("files", '[{path: /etc/a, content: b, owner: "{{ a_secret }}"}]', id="owner"),
    pytest.param("files", "[{path: /etc/a, from: template, template: true}]", id="template"),
    pytest.param("files", "[{path: /etc/a, content: 'password = hiddenword'}]", id="by-its-looks-in-base64"),
    pytest.param("files", '[{path: /etc/a, content: "password = hiddenword\\n"}]', id="by-its-looks"),
    pytest.param("repos", "[{name: a, url: 'http://a.example/{{ a_secret }}/', gpgcheck: false}]", id="url"),
    pytest.param("sysctl", "{vm.swappiness: '{{ a_secret }}'}", id="sysctl"),
    pytest.param("modules", "{options: {a: 'b={{ a_secret }}'}}", id="module-options"),
    pytest.param("services", "{enabled: ['{{ a_secret }}']}", id="unit"),
    pytest.param("packages", "['{{ a_secret }}']", id="package"),
    pytest.param("drivers", "[{package: a, modules: ['{{ a_secret }}']}]", id="driver"),
    pytest.param("local_disks", "['{{ a_secret }}']", id="local-disk"),
    pytest.param("post_site", "['mail {{ a_secret }}']", id="script-of-the-site"),
    pytest.param("post_group", "['mail {{ a_secret }}']", id="script-of-a-group"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), SECRET_VALUES)
def test_secret_is_not_shown(name: str, value: str, tmp_path: Path) -> None:
    (tmp_path / "template").write_text("word = {{ a_secret }} b\n")
    host = one_host(tmp_path, a_secret=WORD, **{f"node_{name}": value})
    (rendered,) = render_all([host])
    assert rendered.text is not None
    lines = rendered.text.split("\n")
    known: dict[int, list[Span]] = {}
    for number, start, end in rendered.secrets:
        known.setdefault(number, []).append(Span(start, end))
    shown = "\n".join(redacted(lines, known))
    # Of each three letters, Base64 makes four, wherever they begin.
    encoded = [base64.b64encode(WORD[at : at + 6].encode()).decode() for at in range(3)]
    assert any(word in rendered.text for word in (WORD, *encoded))
    assert not any(word in shown for word in (WORD, *encoded))
