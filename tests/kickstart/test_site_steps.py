# SPDX-License-Identifier: GPL-2.0-or-later
"""What certificates, proxy, sudo, static routes and kdump put on a node, by running their steps in a directory."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from example_site import CHECKOUT
from inventories import PASSWORD_HASH, inventory_text, one_host, read_text
from test_content import SHELLCHECK, Node, Ran, script_of

from ksgen.kickstart import kernel, outside, rights
from ksgen.kickstart.dumps import kdump_steps
from ksgen.kickstart.page import Templates
from ksgen.kickstart.routing import route_steps
from ksgen.variables.owners import owner_of

sys.path.insert(0, str(CHECKOUT / "docs"))

from generate import CERTIFICATE

CERTIFICATES = {"node_ca_certificates": CERTIFICATE}
PROXY = {"node_proxy": '{url: "http://ops:p%40ss@proxy.example.com:3128/", no_proxy: [.example.com, 10.0.0.0/8]}'}
SUDO = {"node_users": f'[{{name: j.doe, password_hash: "{PASSWORD_HASH}", sudo: true}}, {{name: ALL, sudo: nopasswd}}]'}
ROUTES = {
    "node_network": "[{name: bond0, bond: {members: [eno1, eno2]}, ipv4: 10.0.0.5/24, gateway4: 10.0.0.1, "
    "dns: [10.0.0.53], routes: [{to: 10.20.0.0/16, via: 10.0.0.2, metric: 100}, {to: 10.30.0.0/16, via: 10.0.0.3}, "
    '{to: "2001:db8:1::/48", via: "fe80::1"}]}]'
}
KDUMP = {"node_kdump": "auto"}
ALL = {**CERTIFICATES, **PROXY, **SUDO, **ROUTES, **KDUMP}

ANCHORS = "etc/pki/ca-trust/source/anchors/ovirt-node.pem"
PROFILE = "etc/profile.d/ovirt-node-proxy.sh"
MANAGER = "etc/systemd/system.conf.d/90-ovirt-node-proxy.conf"
SUDOERS = "etc/sudoers.d/60-ovirt-node-users"
CONNECTIONS = "etc/NetworkManager/system-connections"
# As Anaconda has NetworkManager write them.
CONNECTION = (
    "[connection]\nid=bond0\ntype=bond\ninterface-name=bond0\n\n[bond]\nmode=active-backup\n\n"
    "[ipv4]\naddress1=10.0.0.5/24,10.0.0.1\ndns=10.0.0.53;\nmethod=manual\n\n[ipv6]\nmethod=auto\n\n[proxy]\n"
)
PORT = "[connection]\nid=bond0_slave_1\ntype=ethernet\ninterface-name=eno1\nmaster=bond0\nslave-type=bond\n"


class Site(Node):
    """An installed system with what these steps need of it."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        for place in (ANCHORS, PROFILE, SUDOERS, f"{CONNECTIONS}/bond0.nmconnection"):
            (self.root / place).parent.mkdir(parents=True, exist_ok=True)
        for name in ("update-ca-trust", "visudo", "systemctl"):
            self.stub(name)
        self.boot_options("rhgb crashkernel=192M")
        self.connection("bond0", CONNECTION)
        self.connection("bond0_slave_1", PORT)

    def boot_options(self, words: str) -> None:
        """What Anaconda has set for the kernel of the node."""
        path = self.root / "etc/default/grub"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX="{words}"\n')

    def connection(self, name: str, text: str) -> None:
        path = self.root / CONNECTIONS / f"{name}.nmconnection"
        path.write_text(text)
        path.chmod(0o600)

    def text(self, place: str) -> str:
        return (self.root / place).read_text()

    def mode(self, place: str) -> int:
        return stat.S_IMODE((self.root / place).stat().st_mode)


def ran(site: Site, directory: Path, variables: dict[str, str], shell: str = "sh") -> Ran:
    found = site.run(script_of(directory, variables), shell)
    assert found.status == 0, found.output
    return found


def test_steps_are_in_their_order(tmp_path: Path) -> None:
    titles = re.findall(r"^begin (.*)$", script_of(tmp_path, {**ALL, "node_packages": "[lldpd]"}), re.MULTILINE)
    assert [shlex.split(title)[0] for title in titles] == [
        *("CA certificates", "proxy", "packages: lldpd", "rights of users in sudo", "static routes", "kdump"),
    ]


def test_certificates_are_trusted(tmp_path: Path) -> None:
    site = Site(tmp_path)
    assert ran(site, tmp_path, CERTIFICATES).commands == ("update-ca-trust ",)
    assert site.text(ANCHORS) == json.loads(CERTIFICATE) + "\n"
    assert site.mode(ANCHORS) == 0o644


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_shells_and_services_have_the_proxy(shell: str, tmp_path: Path) -> None:
    site = Site(tmp_path)
    ran(site, tmp_path, PROXY, shell)
    command = f". {site.root / PROFILE}; env"
    done = subprocess.run([shell, "-c", command], env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True)
    values = dict(line.split("=", 1) for line in done.stdout.splitlines())
    url, exceptions = "http://ops:p%40ss@proxy.example.com:3128", "localhost,127.0.0.1,::1,.example.com,10.0.0.0/8"
    wanted = {"http_proxy": url, "https_proxy": url, "HTTPS_PROXY": url, "no_proxy": exceptions, "NO_PROXY": exceptions}
    assert {name: values.get(name) for name in wanted} == wanted
    assert "HTTP_PROXY" not in values  # a CGI program has a client's header Proxy: there
    assert site.text(MANAGER).startswith("[Manager]\nDefaultEnvironment=")
    words = shlex.split(site.text(MANAGER).partition("DefaultEnvironment=")[2].replace("%%", "%"))
    of_services = dict(word.split("=", 1) for word in words)
    assert {name: of_services.get(name) for name in wanted} == wanted
    assert (site.mode(PROFILE), site.mode(MANAGER)) == (0o644, 0o600)


def test_commands_behind_it_use_the_proxy(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.stub("dnf", "")
    (site.stubs / "dnf").write_text('#!/bin/sh\necho "dnf sees $https_proxy"\n')
    assert (
        "dnf sees http://ops:p%40ss@proxy.example.com:3128"
        in ran(site, tmp_path, {**PROXY, "node_packages": "[lldpd]"}).output
    )


@pytest.mark.parametrize(
    ("repo", "line"),
    [
        ("url: https://mirror.example.net/r/", "proxy=http://ops:p%40ss@proxy.example.com:3128"),
        ("url: https://mirror.example.com/r/", None),
        ("url: https://mirror.example.net/r/, proxy: http://other:3128", "proxy=http://other:3128"),
    ],
)
def test_repositories_have_the_proxy_too(repo: str, line: str | None, tmp_path: Path) -> None:
    site = Site(tmp_path)
    ran(site, tmp_path, {**PROXY, "node_repos": f"[{{name: site, {repo}, gpgcheck: false}}]"})
    lines = site.text("etc/yum.repos.d/node-site.repo").splitlines()
    assert [one for one in lines if one.startswith("proxy=")] == ([line] if line else [])


def test_users_have_rights_in_sudo(tmp_path: Path) -> None:
    site = Site(tmp_path)
    assert ran(site, tmp_path, SUDO).commands == (f"visudo -cf /{SUDOERS}",)
    assert site.text(SUDOERS) == '"j.doe" ALL=(ALL) ALL\n"ALL" ALL=(ALL) NOPASSWD: ALL\n'
    assert site.mode(SUDOERS) == 0o440


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_connection_has_the_routes(shell: str, tmp_path: Path) -> None:
    site = Site(tmp_path)
    ran(site, tmp_path, ROUTES, shell)
    profile = configparser.ConfigParser(delimiters="=", interpolation=None)
    profile.read_string(site.text(f"{CONNECTIONS}/bond0.nmconnection"))
    routes = {name: {k: v for k, v in profile[name].items() if k.startswith("route")} for name in ("ipv4", "ipv6")}
    assert routes == {
        "ipv4": {"route1": "10.20.0.0/16,10.0.0.2,100", "route2": "10.30.0.0/16,10.0.0.3"},
        "ipv6": {"route1": "2001:db8:1::/48,fe80::1"},
    }
    assert profile["ipv4"]["method"] == "manual"
    assert site.text(f"{CONNECTIONS}/bond0_slave_1.nmconnection") == PORT
    assert site.mode(f"{CONNECTIONS}/bond0.nmconnection") == 0o600


@pytest.mark.parametrize("text", ["", CONNECTION.replace("=bond0", "=bond1"), CONNECTION.replace("[ipv6]", "[user]")])
def test_route_without_its_connection_ends_it(text: str, tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.connection("bond0", text)
    found = site.run(script_of(tmp_path, ROUTES))
    assert found.status == 1
    assert f"error: static routes: no connection of bond0 in /{CONNECTIONS}" in found.output


@pytest.mark.parametrize("vlan", ["", "7"])
def test_route_of_a_nic_by_its_mac_address(vlan: str, tmp_path: Path) -> None:
    """The machine's NIC has another name than anything in the inventory, and its VLANs have its address."""
    mac = "52:54:00:aa:00:02"
    own = "ipv4: 10.0.0.5/24, gateway4: 10.0.0.1, dns: [10.0.0.53], routes: [{to: 10.20.0.0/16, via: 10.0.0.2}]"
    card, tagged = (f'{{mac: "{mac}", {"" if vlan else own}}}', f'{{vlan: {{id: 7, parent: "{mac}"}}, {own}}}')
    site = Site(tmp_path)
    net = tmp_path / "net"
    for name, is_device in (("enp3s0", True), ("a-bridge", False), ("enp4s0", True)):
        (net / name / ("device" if is_device else "bridge")).mkdir(parents=True)
        (net / name / "address").write_text(f"{'52:54:00:AA:00:03' if name == 'enp4s0' else mac.upper()}\n")
    name = f"enp3s0.{vlan}" if vlan else "enp3s0"
    site.connection("one", CONNECTION.replace("=bond0", f"={name}"))
    host = one_host(tmp_path, node_network=f"[{card}{f', {tagged}' if vlan else ''}]")
    (step,) = route_steps(host.settings)
    script = "fail() { echo $1; exit 1; }\n" + "\n".join(step.commands).replace("/sys/class/net", str(net))
    done = site.run(script)
    assert done.status == 0, done.output
    assert "\nroute1=10.20.0.0/16,10.0.0.2\n" in site.text(f"{CONNECTIONS}/one.nmconnection")


FAILURES = [
    pytest.param(CERTIFICATES, "update-ca-trust", "", "CA certificates: update-ca-trust did not add", id="trust"),
    pytest.param(SUDO, "visudo", "-cf", "rights of users in sudo: visudo refused the rules", id="visudo"),
    pytest.param(KDUMP, "systemctl", "kdump", "kdump: systemctl did not enable kdump.service", id="kdump"),
]


@pytest.mark.parametrize(("variables", "command", "fails_at", "message"), FAILURES)
def test_command_that_fails_ends_it(
    variables: dict[str, str], command: str, fails_at: str, message: str, tmp_path: Path
) -> None:
    site = Site(tmp_path)
    (site.stubs / command).write_text(f'#!/bin/sh\necho "{fails_at}"; exit 1\n')
    found = site.run(script_of(tmp_path, variables))
    assert found.status == 1
    assert f"error: {message}" in found.output
    assert found.output.splitlines()[-1].startswith("cure: ")


@pytest.mark.parametrize(("release", "package"), [("el9", "kexec-tools"), ("el10", "kdump-utils")])
def test_service_of_kdump_is_enabled(release: str, package: str, tmp_path: Path) -> None:
    site = Site(tmp_path)
    variables = {**KDUMP, "node_release": release}
    assert ran(site, tmp_path, variables).commands == ("systemctl enable kdump.service",)
    (step,) = kdump_steps(one_host(tmp_path, **variables).settings)
    assert package in step.commands[-1]


def test_installer_whose_addon_of_kdump_does_not_run(tmp_path: Path) -> None:
    """As it is without inst.kdump_addon=on, seen with the one of EL10: its section has no effect."""
    site = Site(tmp_path)
    site.boot_options("rhgb quiet")
    found = site.run(script_of(tmp_path, KDUMP))
    assert found.status == 1
    assert found.output.splitlines()[-2:] == [
        "error: kdump: the installer has reserved no memory for kdump",
        "cure: boot it with inst.kdump_addon=on, as the boot files of ksgen do; its add-on com_redhat_kdump must be "
        "part of it",
    ]


def test_shell_is_without_findings(tmp_path: Path) -> None:
    command = [SHELLCHECK, "--shell=sh", "--exclude=SC2015", "-"]
    done = subprocess.run(command, input=script_of(tmp_path, ALL), capture_output=True, text=True)
    assert done.stdout + done.stderr == ""


# --- the commands of these variables, and what is checked with them -------------------------------------------------


def text_of(directory: Path, **changes: str) -> str:
    text, problems = Templates().render(one_host(directory, **changes))
    assert text is not None, problems
    return text


@pytest.mark.parametrize("addon", ["true", "false"])
@pytest.mark.parametrize(("memory", "word"), [("auto", "auto"), ("512 MiB", "512"), ("1 GiB", "1024")])
def test_memory_of_kdump_is_reserved(memory: str, word: str, addon: str, tmp_path: Path) -> None:
    text = text_of(tmp_path, node_kdump=memory, node_addon=addon)
    assert f"\n%addon com_redhat_kdump --enable --reserve-mb={word}\n%end\n" in text


def test_kdump_that_is_off_is_not_mentioned(tmp_path: Path) -> None:
    assert text_of(tmp_path, node_kdump="false") == text_of(tmp_path)


def test_installer_trusts_the_certificates_before_it_runs_the_site_s_scripts(tmp_path: Path) -> None:
    text = text_of(tmp_path, node_pre='"true"', **CERTIFICATES)
    sections = re.findall(r"^%pre [^\n]*--log=/tmp/(\S+)\n(.*?)^%end", text, re.MULTILINE | re.DOTALL)
    # The reporter, which is the first, tries again; the checks of the machine connect to servers.
    names = [name for name, _ in sections][:4]
    assert names == ["node-report.log", "node-certificates.log", "node-checks.log", "node-pre-1.log"]
    anchors = tmp_path / "anchors"
    anchors.mkdir()
    stub = tmp_path / "update-ca-trust"
    stub.write_text("#!/bin/sh\nexit 7\n")
    stub.chmod(0o755)
    script = sections[1][1].replace("/etc/pki/ca-trust/source/anchors", str(anchors))
    done = subprocess.run(["sh", "-c", script], env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert done.returncode == 7  # which ends the installation
    assert (anchors / "ovirt-node.pem").read_text() == json.loads(CERTIFICATE) + "\n"


@pytest.mark.parametrize(
    ("exceptions", "through"),
    [
        ("[]", True),
        ("[.example.com]", False),
        ("[pxe.example.com]", False),
        ("[example.com]", False),
        ("[le.com]", True),
    ],
)
def test_image_is_downloaded_through_the_proxy_unless_excepted(exceptions: str, through: bool, tmp_path: Path) -> None:
    text = text_of(tmp_path, node_proxy=f'{{url: "http://proxy:3128", no_proxy: {exceptions}}}')
    (line,) = [line for line in text.splitlines() if line.startswith("liveimg ")]
    assert line.endswith(" --proxy=http://proxy:3128") is through


def test_certificates_of_a_file_beside_the_inventory(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("Example CA\n" + json.loads(CERTIFICATE))
    assert text_of(tmp_path, node_ca_certificates="{from: ca.pem}") == text_of(tmp_path, **CERTIFICATES)


@pytest.mark.parametrize(
    ("content", "code"),
    [(None, "file-from"), (b"\xff\xfe", "not-utf-8"), (b"x" * (2**20 + 1), "file-too-long"), (b"x", "certificate")],
)
def test_file_that_is_none(content: bytes | None, code: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_bytes(content)
    hosts, (problem,) = read_text(inventory_text(node_ca_certificates="[{from: ca.pem}]"), tmp_path)
    assert hosts == ()
    assert (problem.code, problem.mark.line) == (code, 11)


OWN_FILES = (
    kernel.SYSCTL, kernel.OPTIONS, kernel.MODULES, kernel.DRIVERS, kernel.LOCAL_DISKS, outside.PROFILE, outside.MANAGER,
    outside.ANCHORS, rights.SUDOERS, "/etc/pki/rpm-gpg/RPM-GPG-KEY-node-site", "/etc/yum.repos.d/node-site.repo",
)  # fmt: skip


@pytest.mark.parametrize("path", OWN_FILES)
def test_files_of_ours_are_none_of_the_site(path: str) -> None:
    owner = owner_of(path)
    assert owner is not None
    assert "node_" in owner.cure


def test_an_engine_is_named_by_its_url_too(tmp_path: Path) -> None:
    proxy = "{url: 'http://proxy.example.com:3128', no_proxy: [.example.com]}"
    for name, count in (("engine.example.com", 0), ("engine.example.org", 1)):
        text = inventory_text(node_proxy=proxy, engine_url=f"https://{name}/ovirt-engine/api")
        found = [one for one in read_text(text, tmp_path)[1] if "engine of engine_url" in one.message]
        assert len(found) == count
