# SPDX-License-Identifier: GPL-2.0-or-later
"""Scripts: where they run, what they write for an %include; templates and '#' in the text around them."""

from __future__ import annotations

import pytest

from ksgen.grammar import ksfile
from ksgen.lint import linter

LINTER = linter.Linter("el9")


def told(text: str, code: str = "") -> list[tuple[int, str]]:
    found = LINTER.lint(ksfile.include("x.ks", text, str))
    return [(problem.mark.line, problem.code) for problem in found if code in ("", problem.code)]


NEEDS = [
    pytest.param("systemctl start chronyd", [2], id="start"),
    pytest.param("systemctl --quiet restart sshd || true", [2], id="restart"),
    pytest.param("cd /tmp && systemctl enable --now cockpit.socket", [2], id="enable-now"),
    pytest.param("if true; then\n  service httpd start\nfi", [3], id="service"),
    pytest.param("firewall-cmd --permanent --add-port=80/tcp", [2], id="firewall-cmd"),
    pytest.param("docker run -d registry.example.com/a", [2], id="docker"),
    pytest.param("sync; reboot", [2], id="reboot"),
    pytest.param("systemctl enable chronyd", [], id="enable"),
    pytest.param("systemctl daemon-reload", [], id="daemon-reload"),
    pytest.param("systemctl is-active sshd", [], id="asks"),
    pytest.param("firewall-offline-cmd --add-port=80/tcp", [], id="offline"),
    pytest.param("echo 'systemctl start a' >>/etc/rc.local", [], id="echo"),
    pytest.param("cat >/etc/rc.local <<EOF\nsystemctl start a\nEOF", [], id="here-document"),
    pytest.param("# systemctl start a", [], id="comment"),
    pytest.param("echo 'one\nsystemctl start a\nthree' >/etc/motd", [], id="quotation-of-lines"),
    pytest.param("docker --version", [], id="version"),
]


@pytest.mark.parametrize(("body", "lines"), NEEDS)
def test_what_needs_the_running_system(body: str, lines: list[int]) -> None:
    assert told(f"%post --erroronfail\n{body}\n%end\n", "post-needs-daemon") == [
        (line, "post-needs-daemon") for line in lines
    ]


def test_the_installer_has_daemons() -> None:
    assert told("%post --nochroot --erroronfail\nsystemctl start a\n%end\n") == []
    inside = "%post --nochroot --erroronfail\nchroot /mnt/sysroot systemctl start a\n%end\n"
    assert told(inside) == [(2, "post-needs-daemon")]


OUTSIDE = [
    pytest.param("echo a >/etc/motd", [2], id="redirection"),
    pytest.param("cp /tmp/a /etc/a", [2], id="copy"),
    pytest.param("sed -i s/a/b/ /etc/ssh/sshd_config", [2], id="sed"),
    pytest.param("mkdir -p /root/.ssh", [2], id="mkdir"),
    pytest.param("systemctl enable chronyd", [2], id="unit"),
    pytest.param("useradd --groups wheel ops", [2], id="account"),
    pytest.param("dnf -y install tmux", [2], id="package"),
    pytest.param("systemctl --root=/mnt/sysimage enable chronyd", [], id="unit-of-the-target"),
    pytest.param("systemctl is-enabled chronyd", [], id="asks"),
    pytest.param("useradd -R /mnt/sysroot ops; dnf --installroot=/mnt/sysroot install a", [], id="other-root"),
    pytest.param("echo a >/mnt/sysimage/etc/motd", [], id="target"),
    pytest.param("cp /etc/resolv.conf /mnt/sysroot/etc/resolv.conf", [], id="copy-into-the-target"),
    pytest.param("echo a >/tmp/a; exec >/dev/tty3 2>&1", [], id="scratch"),
    pytest.param("cp $a $ANA_INSTALL_PATH/etc/a", [], id="variable"),
    pytest.param("chroot /mnt/sysimage mkdir /root/.ssh", [], id="chroot"),
    pytest.param("cat >/mnt/sysimage/root/a <<EOF\necho a >/etc/motd\nEOF", [], id="here-document"),
]


@pytest.mark.parametrize(("body", "lines"), OUTSIDE)
def test_files_of_the_installer(body: str, lines: list[int]) -> None:
    found = told(f"%post --nochroot --erroronfail\n{body}\n%end\n")
    assert found == [(line, "post-outside") for line in lines]


INSIDE = [
    pytest.param("%post --erroronfail", "cp /tmp/a /mnt/sysimage/etc/a", [2], id="copy"),
    pytest.param("%post --erroronfail", "echo a >/mnt/sysroot/etc/motd", [2], id="redirection"),
    pytest.param("%post --erroronfail", "chroot /mnt/sysimage true", [2], id="chroot"),
    pytest.param("%pre", "mkdir -p /mnt/sysimage/root", [2], id="pre"),
    pytest.param("%post --erroronfail", "echo /mnt/sysimage", [], id="echo"),
    pytest.param("%post --erroronfail", "cp /tmp/a /etc/a", [], id="new-system"),
    pytest.param("%pre-install", "mkdir -p /mnt/sysroot/root", [], id="pre-install"),
]


@pytest.mark.parametrize(("header", "body", "lines"), INSIDE)
def test_the_path_of_the_new_system(header: str, body: str, lines: list[int]) -> None:
    assert told(f"{header}\n{body}\n%end\n") == [(line, "post-target-path") for line in lines]


PRE = [
    pytest.param("echo 'part / --size=1024' >/tmp/disks", "", [(2, "include-unused")], id="not-included"),
    pytest.param("cat >/tmp/disks <<EOF\npart / --size=1024\nEOF", "", [(2, "include-unused")], id="here-document"),
    pytest.param("echo 'part / --size=1024' >/tmp/disks", "%include /tmp/disks\n", [], id="included"),
    pytest.param("echo 'part / --size=1024' >/tmp/a\ncat /tmp/a >>/tmp/disks", "%include /tmp/disks\n", [],
                 id="copied"),
    pytest.param("lsblk >/tmp/list", "", [], id="scratch"),
    pytest.param("echo 'part of the log' >/tmp/log", "", [], id="words"),
    pytest.param("echo 'part / --size=1' >>/tmp/disks\necho 'autopart' >/tmp/disks", "%include /tmp/disks\n",
                 [(3, "include-overwritten")], id="overwritten"),
    pytest.param("echo 'part / --size=1' >/tmp/disks\necho 'part /a --size=1' >/tmp/disks", "%include /tmp/disks\n",
                 [(3, "include-overwritten")], id="written-twice"),
    pytest.param(">/tmp/disks\necho 'part / --size=1' >>/tmp/disks", "%include /tmp/disks\n", [], id="emptied-first"),
    pytest.param("if a; then\necho 'part / --size=1' >/tmp/disks\nelse\necho autopart >/tmp/disks\nfi",
                 "%include /tmp/disks\n", [], id="branches"),
    pytest.param("echo 'part / --size=1' >/tmp/disks\n[ -e a ] && cat /tmp/disks\necho autopart >/tmp/disks",
                 "%include /tmp/disks\n", [], id="read-between"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "rest", "expected"), PRE)
def test_what_a_script_writes_for_an_include(body: str, rest: str, expected: list[tuple[int, str]]) -> None:
    found = told(f"%pre --erroronfail\n{body}\n%end\n{rest}")
    assert [(line, code) for line, code in found if code.startswith("include-")] == expected


HASHES = [
    pytest.param("user --name=a --lock --gecos=C#dev", [(1, "error")], id="option"),
    pytest.param("bootloader --append=console=ttyS0#x", [(1, "error")], id="append"),
    pytest.param("lang en_US.UTF-8#default", [(1, "error")], id="word"),
    pytest.param("part / --size=100# root", [(1, "warning")], id="comment-without-a-blank"),
    pytest.param("part / --size=100 # root", [], id="comment"),
    pytest.param("part / --size=100\t#root", [], id="comment-after-a-tab"),
    pytest.param("user --name=a --lock --gecos='C#dev'", [], id="single-quotes"),
    pytest.param('user --name=a --lock --gecos="C \\" #dev"', [], id="double-quotes"),
    pytest.param("# a#b", [], id="comment-line"),
    pytest.param("%post --erroronfail\necho a#b\n%end", [], id="script"),
]


@pytest.mark.parametrize(("text", "expected"), HASHES)
def test_a_hash_that_ends_a_value(text: str, expected: list[tuple[int, str]]) -> None:
    found = LINTER.lint(ksfile.include("x.ks", f"{text}\n", str))
    assert [(p.mark.line, p.severity) for p in found if p.code == "value-cut"] == expected


UNRENDERED = [
    pytest.param("<%#\nkind: provision\nname: Site node\noses:\n- oVirt\n%>\nurl --url=<%= a %>\n", 1, id="foreman"),
    pytest.param("text\n{% if x %}\nreboot\n{% endif %}\n", 2, id="jinja"),
    pytest.param("text\n#if $getVar('a', '')\nreboot\n#end if\n", 2, id="cheetah"),
    pytest.param("text\n$SNIPPET('network_config')\n", 2, id="snippet"),
    pytest.param("text\n<%= snippet 'partition' %>\nfrobnicate\n", 2, id="erb-snippet"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line"), UNRENDERED)
def test_an_unrendered_template_is_one_finding(text: str, line: int) -> None:
    assert told(text) == [(line, "template-unrendered")]


PLACEHOLDERS = [
    pytest.param("rootpw ##ROOTPW##", [(1, "template-left-over")], id="a-comment-to-pykickstart"),
    pytest.param("network --device=eno1 --hostname=@HOSTNAME@", [(1, "template-left-over")], id="autoconf"),
    pytest.param("network --device=eno1 --hostname=@@host@@", [(1, "template-left-over")], id="cobbler"),
    pytest.param("network --device=eno1 --hostname=${HOST}", [(1, "template-left-over")], id="envsubst"),
    pytest.param("network --device=eno1 --hostname=<HOST>", [(1, "template-left-over")], id="by-hand"),
    pytest.param("lang {{ a }}\nkeyboard {{ b }}", [(1, "template-left-over")], id="two-lines"),
    pytest.param("repo --name=a --baseurl=http://a/${releasever}/", [], id="dnf"),
    pytest.param("# {{ a }} ##X## @X@", [], id="comment"),
    pytest.param("user --name=a --lock --gecos='Foo <foo@example.com>'", [], id="mail"),
    pytest.param("#If $x is needed\ntext", [], id="prose"),
]


@pytest.mark.parametrize(("text", "expected"), PLACEHOLDERS)
def test_placeholders(text: str, expected: list[tuple[int, str]]) -> None:
    assert [found for found in told(f"{text}\n") if found[1].startswith("template")] == expected


IN_SCRIPTS = [
    pytest.param("hostname {{ name }}", True, id="jinja"),
    pytest.param("curl http://<%= server %>/", True, id="erb"),
    pytest.param("podman ps --format '{{ name }}'", False, id="format"),
    pytest.param("podman inspect -f '{{.State.Status}}' a", False, id="go"),
    pytest.param("echo '{{ range .Items }}'", False, id="go-statement"),
    pytest.param("cat >/etc/a <<EOF\n{{ name }}\nEOF", False, id="here-document"),
    pytest.param("echo ${name} {{a,b},c}", False, id="braces"),
]


@pytest.mark.parametrize(("body", "is_found"), IN_SCRIPTS)
def test_placeholders_in_scripts(body: str, is_found: bool) -> None:
    found = told(f"%post --erroronfail\n{body}\n%end\n")
    assert found == ([(2, "template-in-script")] if is_found else [])


WRITTEN = """\
url --url=http://pxe.example.com/el9/
{include}
part pv.01 --size=20000
volgroup onn pv.02
%packages
%end
%pre --erroronfail
cat >/tmp/network.ks{suffix} <<'END'
{content}
END
%end
"""
UNREAD = [
    pytest.param("%include /tmp/network.ks", "", "network --device=eno1", True, id="network-alone"),
    pytest.param("%include /tmp/network.ks", ".wanted", "network --device=eno1", True, id="names-come-later"),
    pytest.param("%include /tmp/network.ks", "", "part /boot --size=1024", False, id="storage"),
    pytest.param("%include /tmp/other.ks", "", "network --device=eno1", False, id="another-file"),
    pytest.param(
        "%include /tmp/network.ks\n%include /tmp/part.ks", "", "network --device=eno1", False, id="one-of-two"
    ),
    pytest.param(
        "%include /tmp/network.ks\n%ksappend http://a/b.ks", "", "network --device=eno1", False, id="appended"
    ),
]


@pytest.mark.parametrize(("include", "suffix", "content", "is_known"), UNREAD)
def test_what_an_include_that_is_not_there_may_add(include: str, suffix: str, content: str, is_known: bool) -> None:
    """A file with nothing but the network leaves the storage known: it has no root volume."""
    found = {code for _, code in told(WRITTEN.format(include=include, suffix=suffix, content=content))}
    assert ("mount-root" in found) == is_known
