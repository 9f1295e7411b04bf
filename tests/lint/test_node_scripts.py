# SPDX-License-Identifier: GPL-2.0-or-later
"""Scripts and services of a node: what its image lacks, what an update undoes, and what only looks like it."""

from __future__ import annotations

import pytest
from check_examples import PLAIN, SMALL

from ksgen.grammar import ksfile
from ksgen.lint import linter

LINTERS = {release: linter.Linter(release) for release in ("el9", "el10")}
HEADER = "%post --erroronfail\n"
ADDON = "%addon com_redhat_kdump --enable --reserve-mb=auto\n%end\n"


def told(text: str, release: str = "el10") -> list[tuple[str, str, str]]:
    problems = LINTERS[release].lint(ksfile.include("x.ks", text, str))
    return [(p.severity, p.code, p.message) for p in problems if p.code != "written-for-other-release"]


def codes(text: str, release: str = "el10") -> list[tuple[str, str]]:
    return [(severity, code) for severity, code, _ in told(text, release)]


def of_script(*lines: str) -> list[tuple[str, str]]:
    """What is found in a node's kickstart with these lines before imgbase."""
    return codes(SMALL.replace(HEADER, HEADER + "".join(f"{line}\n" for line in lines), 1))


SERVICES = [
    pytest.param("chronyd,sshd,cockpit.socket,serial-getty@ttyS1,snmpd.service", "", [], id="of-the-image"),
    pytest.param("zabbix-agent2", "dnf -y --enablerepo=x install zabbix-agent2", ["error"], id="installed-later"),
    pytest.param("nrpe.service", "dnf -y install https://a/nrpe-4.1.0-1.el9.x86_64.rpm", ["error"], id="by-url"),
    pytest.param("vmtoolsd", "dnf -y --enablerepo=x install open-vm-tools", ["error"], id="under-another-name"),
    pytest.param("ntpd", "", ["error"], id="gone"),
    pytest.param("site-agent", "", ["warning"], id="perhaps-in-the-image"),
    pytest.param("site-agent", "dnf -y --enablerepo=x install tmux", ["warning"], id="another-package"),
    pytest.param("sshd", "dnf -y --enablerepo=x install sshd", [], id="in-the-image-anyway"),
]


@pytest.mark.parametrize(("names", "line", "expected"), SERVICES)
def test_services_that_the_image_lacks(names: str, line: str, expected: list[str]) -> None:
    text = SMALL.replace(HEADER, f"services --enabled={names}\n\n{HEADER}{line}\n")
    assert codes(text) == [(severity, "node-service-missing") for severity in expected]


def test_another_machine_has_the_services_of_its_packages() -> None:
    assert codes(PLAIN.replace("--enabled=sshd", "--enabled=zabbix-agent2,ntpd"), "el9") == []


PORTS = [
    pytest.param("161:udp", [], id="right"),
    pytest.param("5900-6923:tcp,ssh:tcp", [], id="range-and-name"),
    pytest.param("161/udp", ["error"], id="slash"),
    pytest.param("99999", ["error"], id="too-large"),
    pytest.param("banana", ["warning"], id="unknown-name"),
    pytest.param("161:udp/tcp", ["error"], id="two-protocols"),
]


@pytest.mark.parametrize(("ports", "expected"), PORTS)
def test_ports(ports: str, expected: list[str]) -> None:
    text = SMALL.replace(HEADER, f"firewall --enabled --port={ports}\n\n{HEADER}")
    assert codes(text) == [(severity, "firewall-port") for severity in expected]


def test_a_port_with_a_slash_says_what_becomes_of_it() -> None:
    [(_, _, message)] = told(SMALL.replace(HEADER, f"firewall --enabled --port=161/udp\n\n{HEADER}"))
    assert message == "pykickstart reads '161/udp' as port '161/udp' of tcp, and the port stays closed"


CERTIFICATES = [
    pytest.param("--filename=a.pem --dir=/etc/pki", "el9", [], id="dir"),
    pytest.param("--filename=a.pem --type=anchor", "el9", [("error", "certificate-option")], id="type"),
    pytest.param("--filename=a.pem --dir=/etc/pki --type=anchor", "el9", [("error", "certificate-option")], id="both"),
    pytest.param("--filename=a.pem --dir=/etc/pki", "el10", [], id="dir-of-el10"),
]


@pytest.mark.parametrize(("arguments", "release", "expected"), CERTIFICATES)
def test_certificates(arguments: str, release: str, expected: list[tuple[str, str]]) -> None:
    assert codes(SMALL.replace(HEADER, f"%certificate {arguments}\nA\n%end\n\n{HEADER}"), release) == expected


KDUMP = [
    pytest.param(ADDON, "", ["node-kdump-off"], id="addon-alone"),
    pytest.param(ADDON.replace("--enable ", "--disable "), "", [], id="disabled"),
    pytest.param(ADDON, "systemctl enable kdump", [], id="enabled"),
    pytest.param(ADDON, "systemctl --quiet enable tuned kdump.service", [], id="among-others"),
    pytest.param(ADDON, "ln -s x /etc/systemd/system/multi-user.target.wants/kdump.service", [], id="by-link"),
    pytest.param(f"services --enabled=kdump\n{ADDON}", "", [], id="by-command"),
]


@pytest.mark.parametrize(("before", "line", "expected"), KDUMP)
def test_kdump(before: str, line: str, expected: list[str]) -> None:
    found = codes(SMALL.replace(HEADER, f"{before}\n{HEADER}{line}\n"))
    assert found == [("warning", code) for code in expected]


SCRIPTS = [
    # --- units
    pytest.param("systemctl disable cockpit.socket", "node-service-wanted", id="disable"),
    pytest.param("systemctl disable --now rsyslog.service kdump", "node-service-wanted", id="disable-two"),
    pytest.param("systemctl disable NetworkManager", "node-service-wanted", id="disable-needed"),
    pytest.param("systemctl mask cockpit.socket", "", id="mask"),
    pytest.param("systemctl disable snmpd", "", id="disable-another"),
    pytest.param("chkconfig snmpd on", "node-chkconfig", id="chkconfig"),
    pytest.param("chkconfig --level 345 snmpd off", "node-chkconfig", id="chkconfig-off"),
    pytest.param("chkconfig --list", "", id="chkconfig-list"),
    # --- packages
    pytest.param("dnf -y install tmux", "node-no-repository", id="dnf"),
    pytest.param("if ! rpm -q tmux; then yum install -y tmux; fi", "node-no-repository", id="yum"),
    pytest.param("# see /etc/yum.repos.d\ndnf -y install tmux", "node-no-repository", id="comment"),
    pytest.param("dnf -y --enablerepo=baseos install tmux", "", id="enablerepo"),
    pytest.param("cat >/etc/yum.repos.d/a.repo <<E\n[a]\nE\ndnf -y install tmux", "", id="repo-file"),
    pytest.param("dnf -y install https://a/b.rpm", "", id="url"),
    pytest.param("dnf -y $OPTIONS install tmux", "", id="variable"),
    pytest.param("curl http://a/setup | sh\ndnf -y install tmux", "", id="script-from-elsewhere"),
    pytest.param("dnf clean all", "", id="no-installation"),
    # --- removed files
    pytest.param("rm -f /etc/cockpit/disallowed-users", "node-etc-removed", id="rm"),
    pytest.param("rm -rf /etc/yum.repos.d/*", "node-etc-removed", id="rm-glob"),
    pytest.param("mv /etc/chrony.conf /etc/chrony.conf.dist", "node-etc-removed", id="mv"),
    pytest.param("find /etc/yum.repos.d -name '*.repo' -delete", "node-etc-removed", id="find"),
    pytest.param(": >/etc/cockpit/disallowed-users", "", id="emptied"),
    pytest.param("rm -f /etc/systemd/system/default.target", "", id="unit"),
    pytest.param("rm -f /etc/ssh/ssh_host_*", "", id="host-keys"),
    pytest.param("rm -f /etc/udev/rules.d/70-persistent-net.rules", "", id="udev"),
    pytest.param("sed s/a/b/ /etc/a >/etc/a.new\nmv /etc/a.new /etc/a", "", id="own-file"),
    pytest.param("mkdir -p /etc/site\ntouch /etc/site/a\nrm /etc/site/a", "", id="own-directory"),
    pytest.param("rm -f /var/lib/a /tmp/b $c", "", id="elsewhere"),
    # --- modes
    pytest.param("chmod 0600 /etc/crontab", "node-mode-undone", id="chmod"),
    pytest.param("chgrp wheel /usr/bin/tcpdump", "node-mode-undone", id="chgrp"),
    pytest.param("chown root:wheel /etc/sudoers", "node-mode-undone", id="chown"),
    pytest.param("chmod 0600 /etc/ssh/sshd_config.d/00-site.conf", "", id="own-drop-in"),
    pytest.param("chmod 0700 /root/.ssh /home/ops/.ssh", "", id="homes"),
    pytest.param("chmod --reference=/etc/a /etc/crontab", "", id="reference"),
    pytest.param("cat >/etc/a <<'E'\nchmod 0600 /etc/crontab\nE", "", id="here-document"),
    # --- files of vdsm and imgbase
    pytest.param("cp /root/multipath.conf /etc/", "node-file-rewritten", id="multipath"),
    pytest.param("sed -i 's/#Port/Port/' /etc/ssh/sshd_config", "node-file-rewritten", id="sshd"),
    pytest.param("echo 'a=1' >>/etc/sysctl.d/vdsm.conf", "node-file-rewritten", id="sysctl"),
    pytest.param("tee /etc/lvm/devices/system.devices </dev/null", "node-file-rewritten", id="lvm-devices"),
    pytest.param("cat >/etc/multipath.conf <<E\n# VDSM REVISION 2.2\n# VDSM PRIVATE\nE", "", id="private"),
    pytest.param("echo a >/etc/multipath/conf.d/site.conf", "", id="multipath-drop-in"),
    pytest.param("echo a >/etc/ssh/sshd_config.d/00-site.conf", "", id="sshd-drop-in"),
    pytest.param("echo a >/etc/sysctl.d/zz-site.conf", "", id="sysctl-drop-in"),
    pytest.param("grep -q a /etc/vdsm/vdsm.conf", "", id="read"),
]  # fmt: skip


@pytest.mark.parametrize(("script", "code"), SCRIPTS)
def test_scripts(script: str, code: str) -> None:
    assert of_script(*script.split("\n")) == ([("warning", code)] if code else [])


@pytest.mark.parametrize(("script", "code"), [row for row in SCRIPTS if row.values[1]])
def test_other_machines_are_left_alone(script: str, code: str) -> None:
    text = PLAIN.replace(HEADER, f"{HEADER}{script}\n", 1)
    assert code not in [found for _, found in codes(text, "el9")]


OUTSIDE = [
    pytest.param("rm -f /mnt/sysimage/etc/chrony.conf", "node-etc-removed", id="path"),
    pytest.param("chroot /mnt/sysroot rm -f /etc/chrony.conf", "node-etc-removed", id="chroot"),
    pytest.param("echo a >/mnt/sysroot/etc/vdsm/vdsm.conf", "node-file-rewritten", id="redirection"),
    pytest.param("cp /etc/chrony.conf /mnt/sysroot/etc/chrony.conf", "", id="copy"),
]


@pytest.mark.parametrize(("line", "code"), OUTSIDE)
def test_scripts_outside_of_the_new_system(line: str, code: str) -> None:
    text = SMALL.replace(HEADER, f"%post --nochroot --erroronfail\n{line}\n%end\n\n{HEADER}", 1)
    assert codes(text) == ([("warning", code)] if code else [])


def test_disabled_services_of_the_command() -> None:
    text = SMALL.replace(HEADER, f"services --disabled=cockpit.socket,sshd,snmpd\n\n{HEADER}", 1)
    assert codes(text) == [("warning", "service-node"), ("warning", "node-service-wanted")]


def test_a_firewall_that_is_off() -> None:
    assert codes(SMALL.replace(HEADER, f"firewall --disabled\n\n{HEADER}")) == [("warning", "service-node")]


def test_packages_of_the_inventory_are_reported_at_their_variable() -> None:
    """Not in the text that ksgen has made of them; what a site writes in node_post is looked at."""
    own = "%post --erroronfail --log=/var/log/ovirt-node-content.log\ndnf -y install tmux\n%end\n\n"
    assert codes(SMALL.replace(HEADER, own + HEADER)) == []
    assert codes(SMALL.replace(HEADER, f"{own}{HEADER}dnf -y install tmux\n")) == [("warning", "node-no-repository")]
