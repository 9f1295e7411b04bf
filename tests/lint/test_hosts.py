# SPDX-License-Identifier: GPL-2.0-or-later
"""Plain EL hosts of oVirt and OLVM: how a kickstart is recognized as that of one, and the rules that only they have."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ksgen.grammar import ksfile
from ksgen.lint import Linter
from ksgen.problems import Problem
from ksgen.targets import RELEASES, Kind, Machine

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "docs"))

from check_examples import OVIRT_HOST, PLAIN, SMALL

LINTERS = {(release, kind): Linter(release, kind=kind) for release in RELEASES for kind in ("any", "host")}


def machine(text: str, kind: Kind = "any") -> Machine:
    _, judged = Linter("el9", kind=kind).judge(ksfile.include("x.ks", text, str))
    assert judged is not None
    return judged.machine


def told(text: str, release: str = "el9", kind: Kind = "any") -> list[Problem]:
    return LINTERS[release, kind].lint(ksfile.include("x.ks", text, str))


def of_code(code: str, text: str, release: str = "el9") -> list[tuple[int, str, str, str | None]]:
    """The line counted from the first one of what was put into the good kickstart."""
    first = next((n for n, row in enumerate(text.split("\n"), 1) if row.endswith("# here")), 1)
    found = (p for p in told(text, release, "host") if p.code == code)
    return [(p.mark.line - first, p.severity, p.message, p.hint) for p in found]


# --- which machine ---------------------------------------------------------------------------------------------------

PACKAGES = "url --url=http://mirror.example.com/9/BaseOS\n%packages\n@core\n{}\n%end\n"
SCRIPT = "%packages\n@core\n%end\n%post\n{}\n%end\n"
MACHINES = [
    pytest.param(OVIRT_HOST, "host", id="good-host"),
    pytest.param(SMALL, "node", id="good-node"),
    pytest.param(PLAIN, "other", id="another-machine"),
    pytest.param(PACKAGES.format("ovirt-host  # of the site"), "host", id="ovirt-host"),
    pytest.param(PACKAGES.format("ovirt-host-4.5.0-3.el9"), "host", id="with-its-version"),
    pytest.param(PACKAGES.format("vdsm-hook-nestedvt"), "host", id="vdsm"),
    pytest.param(PACKAGES.format("ovirt-hosted-engine-setup\novirt-engine-appliance"), "host", id="hosted-engine"),
    pytest.param(PACKAGES.format("centos-release-ovirt45"), "host", id="centos-release"),
    pytest.param(PACKAGES.format("oracle-ovirt-release-45-el9"), "host", id="oracle-release"),
    pytest.param(PACKAGES.format("-ovirt-host\n# ovirt-host\nlibvirt"), "other", id="left-out"),
    pytest.param(PACKAGES.format("@virtualization-host-environment\nqemu-kvm"), "other", id="kvm-alone"),
    pytest.param(PACKAGES.format("centos-release-ovirt45\novirt-engine"), "other", id="an-engine"),
    pytest.param(PACKAGES.format("ovirt-host-deploy"), "other", id="the-engines-part"),
    pytest.param(PACKAGES.format("ovirt-engine\novirt-host"), "host", id="engine-and-host-on-one-machine"),
    pytest.param(SCRIPT.format("dnf -y install centos-release-ovirt45"), "host", id="release-in-a-script"),
    pytest.param(SCRIPT.format("dnf -y install \\\n  https://resources.ovirt.org/pub/yum-repo/ovirt-release-master.rpm"),
                 "host", id="release-by-its-url"),
    pytest.param(SCRIPT.format("# dnf -y install ovirt-host"), "other", id="in-a-comment"),
    pytest.param(SCRIPT.format("dnf -y install centos-release-ovirt45\ndnf -y install ovirt-engine\nengine-setup"),
                 "other", id="script-of-an-engine"),
    pytest.param(SCRIPT.format("dnf -y install centos-release-ovirt45 && dnf -y install ovirt-engine"), "other",
                 id="engine-without-its-setup"),
    pytest.param(SCRIPT.format("yum -y install ovirt-release44 && yum -y install ovirt-guest-agent"), "other",
                 id="a-guest"),
    pytest.param(SCRIPT.format("vdsm-tool register --engine-fqdn engine.example.com"), "host", id="registers-itself"),
    pytest.param(SCRIPT.format("curl -k 'https://e.example.com/ovirt-engine/services/host-register?version=1&command=x'"),
                 "host", id="asks-the-engine"),
    pytest.param("sshkey --username=root 'ssh-rsa AAAA ovirt-engine'\n" + PACKAGES.format("tmux"), "host",
                 id="key-of-the-engine"),
    pytest.param("sshkey --username=root 'ssh-rsa AAAA root@ovirt-engine'\n" + PACKAGES.format("tmux"), "other",
                 id="key-of-somebody-on-the-engine"),
    pytest.param("repo --name=ovirt45 --baseurl=http://mirror.example.com/x\n" + PACKAGES.format("tmux"), "host",
                 id="repository-by-its-name"),
    pytest.param("repo --name=kvm --mirrorlist=http://mirror.example.com/OLVM/list\n" + PACKAGES.format("tmux"), "host",
                 id="repository-by-its-url"),
    pytest.param("liveimg --url=http://pxe.example.com/rootfs.img\n" + SCRIPT.format("echo ovirt-host"), "other",
                 id="an-image-has-its-packages"),
    pytest.param("ostreecontainer --url=quay.example.com/x\n" + SCRIPT.format("echo ovirt-host"), "other",
                 id="a-container"),
    pytest.param("%post\ndnf -y install ovirt-host\n%end\n", "other", id="a-piece-without-a-source"),
    pytest.param("cdrom\n%post\ndnf -y install ovirt-host\n%end\n", "host", id="a-medium"),
    pytest.param("# a.example.com: written by ksgen 1.0\n" + PACKAGES.format("tmux"), "host", id="written-by-ksgen"),
    pytest.param("# a.example.com: written by me\n" + PACKAGES.format("tmux"), "other", id="written-by-others"),
    pytest.param("# a.example.com: written by ksgen 1.0\n", "other", id="a-piece-of-ksgen"),
    pytest.param(PACKAGES.format("ovirt-host") + "%addon org_ovirt_node\n%end\n", "node", id="section-of-the-add-on"),
    pytest.param(PACKAGES.format("ovirt-host") + "%post\nimgbase layout --init\n%end\n", "node", id="imgbase"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), MACHINES)
def test_machine_by_the_contents(text: str, expected: Machine) -> None:
    assert machine(text) == expected


@pytest.mark.parametrize("kind", ["node", "host", "other"])
@pytest.mark.parametrize("text", [OVIRT_HOST, SMALL, PLAIN])
def test_machine_as_the_user_says(text: str, kind: Machine) -> None:
    assert machine(text, kind) == kind


def test_file_that_cannot_be_read_is_taken_for_nothing() -> None:
    assert Linter().judge(ksfile.read_file(Path("/nonexistent/x.ks")))[1] is None


def test_rules_of_nodes_are_not_for_hosts() -> None:
    text = OVIRT_HOST.replace("dnf -y install", "rm /etc/motd\nimgbase foo\ndnf -y install")
    text += "%addon org_ovirt_node --images=0\n%end\n"
    assert told(text, "el10", "host") == []
    of_nodes = {problem.code for problem in Linter("el10", kind="node").lint_text("x.ks", text)}
    assert {"node-etc-removed", "addon-section"} <= of_nodes


# --- what is wrong of a host -----------------------------------------------------------------------------------------


def listed(*names: str) -> str:
    """The good host with more in %packages."""
    return OVIRT_HOST.replace("chrony\n", "chrony  # here\n" + "".join(f"{name}\n" for name in names))


def scripted(*lines: str) -> str:
    """The good host with more in %post."""
    return OVIRT_HOST.replace(
        "%post --erroronfail\n", "%post --erroronfail\n:  # here\n" + "".join(f"{x}\n" for x in lines)
    )


def commanded(*lines: str) -> str:
    """The good host with more commands."""
    return OVIRT_HOST.replace("zerombr\n", "zerombr  # here\n" + "".join(f"{line}\n" for line in lines))


FOR_45 = "centos-release-ovirt45"
OF_44 = "has the repositories of oVirt 4.4, which has no packages for EL9"
RELEASES_OLD = [
    pytest.param(listed("centos-release-ovirt44"), [(1, "error", f"centos-release-ovirt44 {OF_44}", FOR_45)],
                 id="listed"),
    pytest.param(listed("centos-release-ovirt45-1.0"), [], id="listed-new"),
    pytest.param(listed("-centos-release-ovirt44", "# centos-release-ovirt44"), [], id="left-out"),
    pytest.param(scripted("true && dnf -y install ovirt-release44-4.4.10"),
                 [(1, "error", f"ovirt-release44 {OF_44}", FOR_45)], id="in-a-script"),
    pytest.param(scripted("yum install -y https://resources.ovirt.org/pub/yum-repo/ovirt-release43.rpm"),
                 [(1, "error", f"ovirt-release43 {OF_44.replace('4.4', '4.3')}", FOR_45)], id="by-url"),
    pytest.param(scripted("rpm -ivh http://x.example.com/8/ovirt-release44.rpm"),
                 [(1, "error", f"ovirt-release44 {OF_44}", FOR_45)], id="rpm-told-once"),
    pytest.param(scripted("rpm -q ovirt-release44", "dnf -y remove ovirt-release44"), [], id="not-installed"),
    pytest.param(scripted("dnf -y install ovirt-release-master"), [], id="snapshots"),
    pytest.param(scripted("dnf -y install oracle-ovirt-release-45-el8"), [(
        1, "error", "oracle-ovirt-release-45-el8 has the repositories of EL8; EL9 is installed",
        "oracle-ovirt-release-45-el9")], id="oracle"),
    pytest.param(scripted("dnf -y install oracle-ovirt-release-45-el9"), [], id="oracle-of-this-release"),
    pytest.param(scripted("dnf -y install https://dl.example.com/pub/epel/epel-release-latest-8.noarch.rpm"), [(
        1, "error", "epel-release-latest-8 has the repositories of EL8; EL9 is installed",
        "epel-release-latest-9")], id="epel"),
    pytest.param(commanded("repo --name=b --baseurl=https://mirror.example.com/centos/8-stream/virt/x86_64/"),
                 [(1, "warning", "'8-stream' is of EL8; EL9 is installed", "name the repository of EL9")], id="repo"),
    pytest.param(commanded("repo --name=b --metalink=https://mirror.example.com/9-stream/x86_64"), [], id="el9"),
    pytest.param(commanded("repo --name=b --baseurl=http://10.8.0.8/el/mirror8/v8/1/5/"), [], id="other-numbers"),
    pytest.param(commanded("repo --name=b --mirrorlist=https://yum.example.com/repo/OracleLinux/OL8/olvm/x"),
                 [(1, "warning", "'OL8' is of EL8; EL9 is installed", "name the repository of EL9")], id="olvm"),
    pytest.param(commanded("repo --name=b --baseurl=http://mirror.example.com/ovirt-4.4/x"), [(
        1, "warning", "'ovirt-4.4': this oVirt has no packages for EL9", "name the repository of oVirt 4.5")],
        id="of-ovirt-44"),
    pytest.param(scripted("subscription-manager repos --enable=rhel-8-for-x86_64-baseos-rpms"), [(
        1, "warning", "'rhel-8-for-x86_64-baseos-rpms' is of EL8; EL9 is installed", "name the repository of EL9")],
        id="subscription"),
    pytest.param(scripted("subscription-manager repos --enable=rhv-4-mgmt-agent-for-rhel-8-x86_64-rpms"), [(
        1, "warning", "'rhv-4-mgmt-agent-for-rhel-8-x86_64-rpms' is of EL8; EL9 is installed",
        "name the repository of EL9")], id="subscription-of-rhv"),
    pytest.param(scripted("cat >/etc/yum.repos.d/x.repo <<EOF", "[x]", "baseurl = http://x.example.com/8/x", "EOF"),
                 [(3, "warning", "'8' is of EL8; EL9 is installed", "name the repository of EL9")], id="file"),
    pytest.param(scripted("cp /usr/share/8/x /srv"), [], id="a-path"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), RELEASES_OLD)
def test_packages_and_repositories_of_an_older_release(
    text: str, expected: list[tuple[int, str, str, str | None]]
) -> None:
    assert of_code("host-release-old", text) == expected


def test_el9_is_older_than_el10() -> None:
    text = listed("oracle-ovirt-release-45-el9").replace("/ovirt-45/", "/ovirt-45/9-stream/")
    found = of_code("host-release-old", text, "el10")
    assert [(severity, hint) for _, severity, _, hint in found] == [
        ("error", "oracle-ovirt-release-45-el10"),
        ("warning", "name the repository of EL10"),
    ]


NO_MODULE = "remove it: EL9 has the packages without modules"
MODULES = [
    pytest.param(commanded("module --name=virt --stream=rhel"), [
        (1, "error", "EL9 has no module 'virt'; the installation stops and asks", NO_MODULE)], id="command"),
    pytest.param(commanded("module --name=nodejs --stream=18"), [], id="one-of-el9"),
    pytest.param(scripted("dnf -y module enable javapackages-tools pki-deps:10.6 nodejs:18"), [
        (1, "warning", "EL9 has no module 'javapackages-tools'", NO_MODULE),
        (1, "warning", "EL9 has no module 'pki-deps'", NO_MODULE)], id="script"),
    pytest.param(scripted("dnf -y install virt", "echo module virt"), [], id="no-module"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), MODULES)
def test_modules_of_el8(text: str, expected: list[tuple[int, str, str, str | None]]) -> None:
    assert of_code("host-module", text) == expected


def test_what_el10_says_of_modules_is_said_once() -> None:
    text = commanded("module --name=virt --stream=rhel")
    assert [problem.code for problem in told(text, "el10", "host")] == ["command-deprecated"]


SILENT = "--ignoremissing: if no repository has ovirt-host, the installation succeeds without it"
MISSING = [
    pytest.param(OVIRT_HOST.replace("%packages", "%packages --ignoremissing"), [SILENT], id="ovirt-host"),
    pytest.param(OVIRT_HOST.replace("%packages", "%packages --ignorebroken"), [], id="another-option"),
    pytest.param(
        OVIRT_HOST.replace("%packages", "%packages --ignoremissing").replace("ovirt-host", "tmux"), [], id="others"
    ),
]


@pytest.mark.parametrize(("text", "expected"), MISSING)
def test_packages_of_ovirt_that_may_be_missing(text: str, expected: list[str]) -> None:
    found = of_code("host-packages-ignored", text)
    assert [message for _, _, message, _ in found] == expected
    assert {severity for _, severity, _, _ in found} <= {"note"}


WATCHDOGS = [
    pytest.param(listed("watchdog"), [1], id="listed"),
    pytest.param(listed("watchdog-5.16-2.el9"), [1], id="with-its-version"),
    pytest.param(listed("watchdog-exporter", "-watchdog", "fence-agents-all"), [], id="others"),
    pytest.param(scripted("dnf -y install tmux watchdog"), [1], id="script"),
    pytest.param(scripted("systemctl disable watchdog"), [], id="not-installed"),
]


@pytest.mark.parametrize(("text", "lines"), WATCHDOGS)
def test_watchdogs_beside_that_of_vdsm(text: str, lines: list[int]) -> None:
    assert [line for line, _, _, _ in of_code("host-watchdog", text)] == lines


TEAM = "network --device=team0 --bootproto=dhcp --teamslaves=eno1,eno2"
TEAMS = [
    pytest.param(commanded(TEAM), "el9", [1], id="command"),
    pytest.param(commanded(TEAM), "el10", [], id="said-by-the-grammar"),
    pytest.param(commanded("network --device=eno2 --bootproto=dhcp --onboot=no"), "el9", [], id="no-team"),
    pytest.param(scripted("nmcli con add type team con-name t ifname t"), "el10", [1], id="script"),
    pytest.param(scripted("nmcli con add type bond ifname team"), "el9", [], id="bond"),
]


@pytest.mark.parametrize(("text", "release", "lines"), TEAMS)
def test_teams(text: str, release: str, lines: list[int]) -> None:
    found = of_code("network-team", text, release)
    assert [line for line, _, _, _ in found] == lines
    assert {severity for _, severity, _, _ in found} <= {"error"}


def test_teams_are_for_machines_of_others() -> None:
    linter = {kind: Linter("el9", kind=kind) for kind in ("node", "other")}
    text = SMALL.replace("network --device=eno1", TEAM)
    codes = {kind: {p.code for p in linter[kind].lint_text("x.ks", text)} for kind in linter}
    assert "network-team" in codes["node"]
    assert "network-team" not in codes["other"]


KEPT = "repo --name=site --install --baseurl=http://pxe.example.com/site/"
KEYS = [
    pytest.param(commanded(KEPT), 1, id="kept"),
    pytest.param(commanded(KEPT.replace(" --install", "")), 0, id="of-the-installer"),
    pytest.param(commanded(KEPT.replace("http://pxe.example.com", "file:///run/x")), 0, id="not-written"),
    pytest.param(commanded(KEPT.replace("baseurl", "metalink")), 1, id="metalink"),
    pytest.param(commanded(KEPT, KEPT.replace("site", "other")), 2, id="two"),
    pytest.param(commanded(KEPT).replace("dnf -y", "rpm --import http://x.example.com/KEY\ndnf -y"), 0, id="imported"),
    pytest.param(commanded(KEPT).replace("dnf -y", "echo gpgcheck=0 >>/etc/yum.repos.d/x.repo\ndnf -y"), 0, id="off"),
    pytest.param(commanded(KEPT).replace("dnf -y", "sed -i 's,^name,gpgkey=x\\n&,' /etc/yum.repos.d/site.repo\ndnf -y"),
                 0, id="added"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "count"), KEYS)
def test_repositories_without_a_key(text: str, count: int) -> None:
    assert [severity for _, severity, _, _ in of_code("host-repository-key", text)] == ["warning"] * count


ENGINE = "the engine"
DISABLED = [
    pytest.param("services --disabled=sshd", "sshd is disabled on a host of oVirt; the engine", id="sshd"),
    pytest.param("firewall --disabled", "firewall --disabled on a host of oVirt; the engine", id="firewall"),
]


@pytest.mark.parametrize(("line", "message"), DISABLED)
def test_what_the_engine_needs_on_a_host(line: str, message: str) -> None:
    ((_, severity, said, _),) = of_code("service-node", OVIRT_HOST.replace("services --enabled=chronyd", line))
    assert said.startswith(message)
    assert severity == "warning"
    other = PLAIN.replace("services --enabled=sshd", line)
    assert "service-node" not in {problem.code for problem in told(other)}


# --- layout ----------------------------------------------------------------------------------------------------------

VOLUMES = OVIRT_HOST[OVIRT_HOST.index("part /boot") : OVIRT_HOST.index("\n%packages")]
ALL = "/home of 1 GiB, /tmp of 1 GiB, /var of 15 GiB, /var/crash of 10 GiB, /var/log of 8 GiB, /var/log/audit of 2 GiB"
BOOT = "part /boot --fstype=xfs --size=2048\n"
GROUP = f"{BOOT}part pv.01 --size=1 --grow\nvolgroup el pv.01\n"
ROOT = "logvol / --vgname=el --name=root --fstype=xfs --size=15360 --grow\n"
VAR = "logvol /var --vgname=el --name=var --fstype=xfs --size=51200\n"
POOL = "logvol none --vgname=el --name=pool --thinpool --size=81920\n"
THIN_ROOT = "logvol / --vgname=el --name=root --thin --poolname=pool --fstype=xfs --size=20480\n"
THIN_VAR = "logvol /var --vgname=el --name=var --thin --poolname=pool --fstype=xfs --size=51200\n"
LAYOUTS = [
    pytest.param(VOLUMES, [], id="good"),
    pytest.param(GROUP + ROOT, [(4, "warning", "host-volume-missing")], id="all-in-root"),
    pytest.param(GROUP + ROOT + VAR, [(4, "note", "host-volume-missing")], id="var-of-its-own"),
    pytest.param(BOOT + "part / --fstype=xfs --size=1 --grow\n", [(2, "warning", "host-volume-missing")], id="parts"),
    pytest.param("part / --fstype=xfs --size=1 --grow\n", [(1, "warning", "host-volume-missing")], id="no-boot"),
    pytest.param("autopart --type=lvm\n", [(1, "warning", "host-autopart")], id="autopart"),
    pytest.param("autopart --type=thinp\n", [(1, "warning", "host-autopart"), (1, "note", "host-thin-pool")],
                 id="autopart-thin"),
    pytest.param(VOLUMES.replace("/boot --fstype=xfs --size=2048", "/boot --fstype=xfs --size=1024"),
                 [(1, "note", "boot-small")], id="boot-as-documented"),
    pytest.param(VOLUMES.replace("/boot --fstype=xfs --size=2048", "/boot --fstype=xfs --size=600"),
                 [(1, "warning", "volume-small")], id="boot-below-it"),
    pytest.param(VOLUMES.replace("--name=var --fstype=xfs --size=15360", "--name=var --fstype=xfs --size=1 --grow"), [],
                 id="what-grows-is-not-judged"),
    pytest.param(VOLUMES.replace("--name=root --fstype=xfs --size=15360", "--name=root --fstype=xfs --size=4096"),
                 [(5, "warning", "host-root-small")], id="root"),
    pytest.param(GROUP + POOL + THIN_ROOT + THIN_VAR,
                 [(4, "note", "host-thin-pool"), (5, "note", "host-volume-missing")], id="thin"),
    pytest.param(GROUP + POOL.replace("81920", "61440") + THIN_ROOT + THIN_VAR,
                 [(4, "note", "host-thin-pool"), (5, "note", "host-volume-missing")], id="blivet-enlarges-a-pool"),
    pytest.param(GROUP + ROOT + VAR + POOL.replace("=pool", "=bricks"), [(4, "note", "host-volume-missing")],
                 id="pool-of-data"),
    pytest.param("mount /dev/sda2 /\nmount /dev/sda1 /boot\n", [], id="what-is-there"),
    pytest.param("%include /tmp/storage.ks\n", [], id="not-known"),
    pytest.param(GROUP + VAR, [(1, "error", "mount-root")], id="no-root"),
]  # fmt: skip
OF_LAYOUT = (
    "boot-large",
    "boot-missing",
    "boot-small",
    "mount-root",
    "over-provisioned",
    "root-missing",
    "volume-small",
)


def with_storage(commands: str) -> str:
    """The good host with other storage; autopart makes what the firmware needs by itself."""
    text = OVIRT_HOST.replace(VOLUMES, commands)
    return text.replace("reqpart\n", "") if commands.startswith("autopart") else text


@pytest.mark.parametrize(("commands", "expected"), LAYOUTS)
def test_layout_of_a_host(commands: str, expected: list[tuple[int, str, str]]) -> None:
    text = with_storage(commands)
    first = text[: text.index(commands)].count("\n")
    found = told(text, "el10", "host")
    codes = [(p.mark.line - first, p.severity, p.code) for p in found]
    assert sorted(c for c in codes if c[2].startswith("host-") or c[2] in OF_LAYOUT) == sorted(expected)


def test_sizes_of_the_documentation() -> None:
    (whole,) = told(with_storage("autopart\n"), "el10", "host")
    end = f"the oVirt documentation recommends {ALL}, /var/tmp of 10 GiB"
    assert whole.message == f"autopart does not create /var; {end}"
    (missing,) = (p for p in told(with_storage(GROUP + ROOT), "el10") if p.code == "host-volume-missing")
    names = "/home, /tmp, /var, /var/crash, /var/log, /var/log/audit, /var/tmp"
    assert missing.message == f"{names} are not separate volumes; {end}"
    assert missing.hint == "add them as logical volumes, or leave as much to the volume above"


def test_a_piece_may_go_with_other_volumes() -> None:
    assert told(GROUP + ROOT, "el10", "host") == []
    assert [p.code for p in told(GROUP + ROOT.replace("15360 --grow", "4096"), "el10", "host")] == ["host-root-small"]


def test_layouts_of_other_machines_are_their_own() -> None:
    assert Linter("el10", kind="other").lint_text("x.ks", with_storage("autopart\n")) == []


@pytest.mark.parametrize("kind", ["node", "host"])
def test_all_rules_of_a_layout_are_disabled_at_once(kind: Kind) -> None:
    text = with_storage(GROUP + ROOT)
    codes = {p.code for p in Linter("el10", kind=kind).lint_text("x.ks", text)}
    left = {p.code for p in Linter("el10", [f"{kind}-layout"], kind).lint_text("x.ks", text)}
    assert codes - left == {"node": {"volume-missing", "volume-not-thin"}, "host": {"host-volume-missing"}}[kind]
    in_file = f"# ksgen: disable={kind}-layout\n{text}"
    assert {p.code for p in Linter("el10", kind=kind).lint_text("x.ks", in_file)} == left


# --- whole kickstarts, as they are found -----------------------------------------------------------------------------

FOUND = Path(__file__).resolve().parents[1] / "data" / "kickstarts"
WHOLE = [
    pytest.param("stream9.ks", "el9", "host", [
        (14, "note", "disk-by-kernel-name"), (16, "warning", "host-autopart"), (23, "note", "post-without-erroronfail"),
    ], id="stream9"),
    pytest.param("copied-from-el8.ks", "el9", "host", [
        (4, "warning", "host-release-old"), (5, "warning", "host-release-old"), (5, "warning", "host-repository-key"),
        (6, "error", "host-module"), (12, "error", "network-team"), (22, "warning", "host-volume-missing"),
        (27, "error", "host-release-old"), (28, "warning", "host-watchdog"),
    ], id="copied-from-el8"),
    pytest.param("olvm.ks", "el9", "host", [(28, "note", "host-volume-missing")], id="olvm"),
    pytest.param("engine.ks", "el9", "other", [], id="engine"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "release", "expected_machine", "expected"), WHOLE)
def test_kickstarts_as_they_are_found(
    name: str, release: str, expected_machine: Machine, expected: list[tuple[int, str, str]]
) -> None:
    problems, judged = Linter().judge(ksfile.read_file(FOUND / name))
    assert judged is not None
    assert judged[1:] == (release, expected_machine)
    assert sorted((p.mark.line, p.severity, p.code) for p in problems) == expected
