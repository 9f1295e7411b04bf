# SPDX-License-Identifier: GPL-2.0-or-later
"""Passwords by their form, accounts, and what lets a user log in; services and the firewall."""

from __future__ import annotations

import pytest
from inventories import SSH_KEY

from ksgen.grammar import ksfile
from ksgen.lint import linter
from ksgen.lint.passwords import Form, form

LINTER = linter.Linter("el9")
HASH = "$6$saltsalt$" + "A" * 86
YESCRYPT = "$y$j9T$saltsaltsalt$" + "A" * 43
PBKDF2 = "grub.pbkdf2.sha512.10000." + "A" * 128 + "." + "B" * 128


def told(text: str) -> list[tuple[int, str, str]]:
    found = LINTER.lint(ksfile.include("x.ks", text, str))
    return [(problem.mark.line, problem.severity, problem.code) for problem in found]


FORMS = [
    pytest.param(HASH, Form.HASH, id="sha512"),
    pytest.param(YESCRYPT, Form.HASH, id="yescrypt"),
    pytest.param("!!" + HASH, Form.LOCK, id="locked-hash"),
    pytest.param("$1$saltsalt$" + "A" * 22, Form.WEAK_HASH, id="md5"),
    pytest.param(HASH[:-4], Form.BROKEN_HASH, id="truncated"),
    pytest.param(PBKDF2, Form.BOOT_HASH, id="grub"),
    pytest.param("!!", Form.LOCK, id="marks"),
    pytest.param("locked", Form.LOCK, id="word"),
    pytest.param("thereisnopassword", Form.LOCK, id="words"),
    pytest.param("{{ root_hash }}", Form.PLACEHOLDER, id="jinja"),
    pytest.param("<%= root_pass %>", Form.PLACEHOLDER, id="erb"),
    pytest.param("##ROOTPW##", Form.PLACEHOLDER, id="sed"),
    pytest.param("@ROOTPW@", Form.PLACEHOLDER, id="autoconf"),
    pytest.param("${ROOT_PW}", Form.PLACEHOLDER, id="envsubst"),
    pytest.param("Secret.123", Form.TEXT, id="text"),
    pytest.param("pa$$word$", Form.TEXT, id="text-with-dollars"),
    pytest.param("", Form.NONE, id="nothing"),
]


@pytest.mark.parametrize(("text", "expected"), FORMS)
def test_form_of_a_password(text: str, expected: Form) -> None:
    assert form(text) == expected


KEY = f"sshkey --username=root '{SSH_KEY}'\n"
PASSWORDS = [
    pytest.param(f"rootpw {HASH}\n", [(1, "error", "password-hash-as-text")], id="hash-without-iscrypted"),
    pytest.param(f"user --name=ops --password={YESCRYPT}\n", [(1, "error", "password-hash-as-text")], id="of-a-user"),
    pytest.param(f"bootloader --password={PBKDF2}\n", [(1, "error", "password-hash-as-text")], id="of-the-boot-loader"),
    pytest.param(f"bootloader --iscrypted --password={HASH}\n", [(1, "error", "boot-password")], id="crypt"),
    pytest.param(f"bootloader --iscrypted --password={PBKDF2}\n", [], id="pbkdf2"),
    pytest.param(f"rootpw --iscrypted locked\n{KEY}", [(1, "warning", "password-no-hash")], id="locked-with-a-key"),
    pytest.param("rootpw --iscrypted nothing\n", [(1, "warning", "password-no-hash")], id="a-word-that-says-so"),
    pytest.param("rootpw --iscrypted thereisnopassword\n", [(1, "warning", "password-no-hash")], id="a-sentence"),
    pytest.param("rootpw --iscrypted secret\n", [(1, "error", "password-no-hash")], id="another-word"),
    pytest.param("rootpw --iscrypted Secret.123\n", [(1, "error", "password-no-hash")], id="text-as-hash"),
    pytest.param(f"rootpw --iscrypted Secret.123\n{KEY}", [(1, "warning", "password-no-hash")], id="text-and-a-key"),
    pytest.param(f"rootpw --iscrypted {HASH[:-4]}\n{KEY}", [(1, "error", "password-no-hash")], id="truncated"),
    pytest.param(f"rootpw --iscrypted !!\n{KEY}", [], id="marks"),
    pytest.param(f"rootpw --iscrypted *\n{KEY}", [], id="star"),
    pytest.param(f"rootpw --lock --iscrypted locked\n{KEY}", [], id="lock"),
    pytest.param("rootpw --iscrypted $1$saltsalt$" + "A" * 22, [(1, "warning", "password-hash-weak")], id="md5"),
    pytest.param("rootpw locked\n", [(1, "warning", "password-readable")], id="a-word-as-password"),
    pytest.param("rootpw ##ROOTPW##\n", [(1, "error", "template-left-over")], id="a-comment-in-its-place"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), PASSWORDS)
def test_passwords(text: str, expected: list[tuple[int, str, str]]) -> None:
    assert told(text) == expected


HOST = "url --url=http://pxe.example.com/el9/\nautopart\nrootpw --lock\n"
POST = "%post --erroronfail\n{}\n%end\n"
LOGINS = [
    pytest.param("", ["no-login"], id="nothing"),
    pytest.param(POST.format(f"useradd -p '{HASH}' ops"), [], id="useradd"),
    pytest.param(POST.format("install -m 600 /tmp/k /root/.ssh/authorized_keys"), [], id="authorized-keys"),
    pytest.param(POST.format("ipa-client-install --unattended"), [], id="directory"),
    pytest.param(POST.format("echo done"), ["no-login"], id="another-script"),
    pytest.param("%packages\ncloud-init\n%end\n", [], id="cloud-init"),
    pytest.param("firstboot --enable\n", [], id="initial-setup"),
    pytest.param("firstboot --reconfig\n", [], id="reconfiguration"),
    pytest.param("firstboot --disable\n", ["no-login"], id="no-initial-setup"),
    pytest.param("realm join example.com\n", [], id="realm"),
    pytest.param(KEY, [], id="key"),
    pytest.param("ostreecontainer --url=quay.io/site/host:1\n", [], id="container-image"),
    pytest.param("user --name=ops\n", ["no-login"], id="user-without-password"),
    pytest.param(f"user --name=ops --iscrypted --password={HASH}\n", [], id="user-with-password"),
    pytest.param(f"user --name=ops --lock --iscrypted --password={HASH}\n", ["no-login"], id="locked-user"),
]


@pytest.mark.parametrize(("rest", "codes"), LOGINS)
def test_who_may_log_in(rest: str, codes: list[str]) -> None:
    assert [code for _, _, code in told(HOST + rest)] == codes


IMAGES = [
    pytest.param("el9", False, id="host"),
    pytest.param("ovirt-node-ng", True, id="node"),
]


@pytest.mark.parametrize(("name", "is_told"), IMAGES)
def test_an_image_of_a_host_may_have_accounts(name: str, is_told: bool) -> None:
    text = HOST.replace("url --url=http://pxe.example.com/el9/", f"liveimg --url=http://pxe.example.com/{name}.img")
    assert ("no-login" in {code for _, _, code in told(text)}) == is_told


OPS = f"user --name=ops --groups={{}} --iscrypted --password={HASH}\n"
ACCOUNTS = [
    pytest.param("user --name=root --lock\n", [(1, "warning", "user-account")], id="root"),
    pytest.param("user --name=nobody\n", [(1, "warning", "user-account")], id="system"),
    pytest.param("user --name='two words'\n", [(1, "error", "user-account")], id="blank"),
    pytest.param("user --name=12345\n", [(1, "error", "user-account")], id="number"),
    pytest.param("user --name=ops --shell=zsh\n", [(1, "error", "user-account")], id="shell"),
    pytest.param("user --name=ops --gecos='a: b'\n", [(1, "error", "user-account")], id="colon"),
    pytest.param("user --name=ops --shell=/bin/zsh\n", [], id="path-of-a-shell"),
    pytest.param(OPS.format("sudo"), [(1, "warning", "user-group")], id="sudo"),
    pytest.param(OPS.format("wheel,sudo"), [], id="sudo-and-wheel"),
    pytest.param("group --name=sudo\n" + OPS.format("sudo"), [], id="own-group"),
    pytest.param(OPS.format("whell"), [(1, "warning", "user-group")], id="misspelt"),
    pytest.param(OPS.format("sudo") + POST.format("echo '%sudo ALL=(ALL) ALL' >/etc/sudoers.d/sudo"), [], id="rule"),
    pytest.param("timesource --ntp-server=10.0.0.300\n", [(1, "error", "time-source")], id="time-source"),
    pytest.param("timesource --ntp-server=10.0.0.3\ntimesource --ntp-pool=2.pool.ntp.org\n", [], id="time-sources"),
    pytest.param("lang en_US.UTF-8 --addsupport=de_DX.UTF-8\n", [(1, "warning", "language-unknown")], id="language"),
    pytest.param("lang english\n", [(1, "warning", "language-unknown")], id="language-in-words"),
    pytest.param("lang de\n", [], id="language-code"),
    pytest.param("keyboard --xlayouts='us','dee'\n", [(1, "warning", "keyboard-unknown")], id="layout"),
    pytest.param("keyboard en_US.UTF-8\n", [(1, "warning", "keyboard-unknown")], id="language-as-layout"),
    pytest.param("keyboard --vckeymap=pl2 --xlayouts='pl','us (intl)'\n", [], id="layouts"),
    pytest.param("keyboard de-latin1-nodeadkeys\n", [], id="keymap"),
    pytest.param("lang en_US --addsupport=cs_CZ,de_DE\n", [], id="languages"),
]


@pytest.mark.parametrize(("text", "expected"), ACCOUNTS)
def test_accounts(text: str, expected: list[tuple[int, str, str]]) -> None:
    assert told(text) == expected


WHEEL = f"{HOST}user --name=ops --groups=wheel\nsshkey --username=ops '{SSH_KEY}'\n"


def test_a_member_of_wheel_without_a_password_cannot_use_sudo() -> None:
    assert told(WHEEL) == [(4, "warning", "sudo-without-password")]
    assert told(WHEEL + POST.format("echo 'ops ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/ops")) == []


FIREWALLS = [
    ("firewall --enabled --port=8080:tcp,5900-6923:tcp,53:udp,ssh:tcp,443", []),
    ("firewall --enabled --port=0:tcp", ["port '0:tcp'; it is a number from 1 to 65535"]),
    ("firewall --enabled --port=70000:tcp", ["port '70000:tcp'; it is a number from 1 to 65535"]),
    ("firewall --enabled --port=6923-5900:tcp", ["port '6923-5900:tcp'; it is a number from 1 to 65535"]),
    ("firewall --enabled --port=8080:tpc", ["'tpc' is not a protocol"]),
    (
        "firewall --enabled --port=8080/tcp",
        ["pykickstart reads '8080/tcp' as port '8080/tcp' of tcp, and the port stays closed"],
    ),
    ("firewall --enabled --port=tcp:8080", ["'8080' is not a protocol"]),
    ("firewall --enabled --service=sshd,https", ["the firewall has no service 'sshd'"]),
    ("firewall --enabled --service=ssh,cockpit", []),
    ("services --enabled='sshd chronyd'", ["'sshd chronyd' is one name for systemd"]),
    ("services --enabled=sshd,chronyd.service", []),
    ("firewall --disabled\nservices --disabled=sshd", []),
]


@pytest.mark.parametrize(("text", "messages"), FIREWALLS)
def test_firewall_and_services(text: str, messages: list[str]) -> None:
    found = LINTER.lint(ksfile.include("x.ks", f"{text}\n", str))
    assert [problem.message for problem in found] == messages


NODE = "liveimg --url=http://pxe.example.com/ovirt-node-ng-4.5.7.squashfs.img\n"


@pytest.mark.parametrize("line", ["firewall --disabled", "services --disabled=sshd", "services --disabled=a,firewalld"])
def test_what_a_node_requires(line: str) -> None:
    assert (2, "warning", "service-node") in told(f"{NODE}{line}\n")
