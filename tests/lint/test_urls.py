# SPDX-License-Identifier: GPL-2.0-or-later
"""URLs, proxies and servers of commands; options that are given twice."""

from __future__ import annotations

import pytest

from ksgen.grammar import ksfile
from ksgen.lint import linter

LINTER = linter.Linter("el9")


def told(text: str, *codes: str) -> list[str]:
    found = LINTER.lint(ksfile.include("x.ks", text, str))
    return [f"{p.code}: {p.message}" for p in found if not codes or p.code in codes]


WRONG = [
    ("url --url=10.0.0.1/el9", "url-wrong: '10.0.0.1/el9' is not a URL: it has no scheme"),
    ("url --url=pxe.example.com:8080/el9", "url-wrong: 'pxe.example.com:8080/el9' is not a URL: it has no scheme"),
    ("url --url=http:/10.0.0.1/el9", "url-wrong: 'http:/10.0.0.1/el9' is not a URL: it has no //"),
    ("url --url=htp://10.0.0.1/el9", "url-wrong: --url does not support the scheme 'htp'"),
    ("url --url=http://10.0.0.1:99999/", "url-wrong: the port of 'http://10.0.0.1:99999/' is not a number from 1 to "
     "65535"),
    ("url --url=http://10.0.0.256/el9", "url-wrong: '10.0.0.256' is not an IP address"),
    ("url --url=http:///el9", "url-wrong: 'http:///el9' has no server"),
    ("url --url='http://a/b c'", "url-wrong: 'http://a/b c' contains a blank"),
    ("url --mirrorlist=mirrors.example.com/x", "url-wrong: 'mirrors.example.com/x' is not a URL: it has no scheme"),
    ("repo --name=a --baseurl=10.0.0.1/app", "url-wrong: '10.0.0.1/app' is not a URL: it has no scheme"),
    ("repo --name=a --metalink=mirrors.example.com", "url-wrong: 'mirrors.example.com' is not a URL: it has no scheme"),
    ("updates 10.0.0.1/u.img", "url-wrong: '10.0.0.1/u.img' is not a URL: it has no scheme"),
    ("url --url=user:Secret.1@10.0.0.1/", "url-wrong: this value is not a URL: it has no scheme"),
    ("liveimg --url=http://10.0.0.256/node.img", "url-wrong: '10.0.0.256' is not an IP address"),
    ("url --url=http://a/ --proxy=http:/proxy", "proxy-wrong: the port of --proxy is not a number from 1 to 65535"),
    ("url --url=http://a/ --proxy=socks5://p:1080", "proxy-wrong: the value of --proxy is not [http://]SERVER[:PORT]"),
    ("nfs --server=nas:/path --dir=/x", "server-wrong: --server is the name of a server: 'nas:/path' has more"),
    ("nfs --server=10.0.0.256 --dir=/x", "server-wrong: '10.0.0.256' is not an IP address"),
    ("nfs --server=nas --dir=export/el9", "nfs-directory: 'export/el9' is not a path on the server"),
    ("logging --host=log_server..example.com", "server-wrong: 'logxserver..example.com' is not a host name"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "expected"), WRONG)
def test_wrong_urls(line: str, expected: str) -> None:
    assert told(f"{line}\n", *("url-wrong", "proxy-wrong", "server-wrong", "nfs-directory")) == [expected]


RIGHT = [
    "url --url=file:///run/install/repo",
    "url --url=nfs:nas:/path",
    "url --url=http://10.0.0.1/$releasever/",
    "url --url=http://pxe_1.example.com/el9",
    "url --url=http://user:Secret.1@[2001:db8::1]:8080/el9",
    "url --metalink='https://mirrors.example.com/metalink?repo=a&arch=x'",
    "url --url=http://a/ --proxy=proxy.example.com:3128",
    "url --url=http://a/ --proxy=http://user:Secret.1@proxy.example.com:3128/",
    "repo --name=a --baseurl=nfs:nas:/path",
    "repo --name=a --baseurl=file:/run/install/repo",
    "repo --name=a --baseurl=hd:sda1:/path",
    "repo --name=updates",
    "repo --name=a --baseurl=$URL",
    "logging --host=log.example.com --port=514",
    "driverdisk --source=nfs:nas:/path/to/img",
    "driverdisk sdb1",
]


@pytest.mark.parametrize("line", RIGHT)
def test_right_urls(line: str) -> None:
    assert told(f"{line}\n", *("url-wrong", "proxy-wrong", "server-wrong", "nfs-directory")) == []


TWICE = [
    ("network --device=eno1 --vlanid=2 --vlanid=3", ["option '--vlanid' is given twice; only the last one is used"]),
    ("network --device=eno1 --activate --no-activate",
     ["--activate and --no-activate contradict each other; only the last one is used"]),
    ("selinux --permissive --enforcing",
     ["--permissive and --enforcing contradict each other; only the last one is used"]),
    ("bootloader --append=a --append=b", ["option '--append' is given twice; only the last one is used"]),
    ("part / --size=1024 --size=1024", ["option '--size' is given twice; only the last one is used"]),
    ("part / --size 1024 --size 2048", ["option '--size' is given twice; only the last one is used"]),
    ("%post --erroronfail --log=/a --logfile=/b\n%end",
     ["option '--logfile' is given twice; only the last one is used"]),
    ("firewall --port=22:tcp --port=80:tcp --service=ssh --service=http", []),
    ("user --name=a --lock --lock", []),
    ("clearpart --linux --none", []),
    ("zerombr", []),
]  # fmt: skip


IGNORED = [
    ("logvol / --vgname=a --name=root --poolname=pool --size=1024",
     ["--poolname has no effect without --thin: this is a plain logical volume beside the pool"]),
    ("logvol / --vgname=a --name=root --thin --poolname=pool --size=1024", []),
    ("logvol swap --vgname=a --name=swap --recommended --size=4096",
     ["--size=4096 has no effect with --recommended: the size of swap follows from the memory"]),
    ("part swap --recommended", []),
]  # fmt: skip


@pytest.mark.parametrize(("text", "messages"), IGNORED)
def test_options_without_effect(text: str, messages: list[str]) -> None:
    assert told(f"{text}\n", "option-ignored") == [f"option-ignored: {message}" for message in messages]


ONE_OF = [
    ("text\ngraphical", ["graphical after text; only the last one is used, without a warning"]),
    ("reboot\npoweroff\n", ["poweroff after reboot; only the last one is used, without a warning"]),
    ("text\nreboot\n", []),
    ("text --non-interactive\n", []),
]


@pytest.mark.parametrize(("text", "messages"), ONE_OF)
def test_commands_for_one_setting(text: str, messages: list[str]) -> None:
    assert told(f"{text}\n", "command-twice") == [f"command-twice: {message}" for message in messages]


STATIC = "network --device=eno1 --bootproto=static --ip=10.0.1.11 --netmask=255.255.255.0 --gateway=10.0.1.1"
RESOLVED = [
    (f"{STATIC} --activate\nurl --url=http://pxe.example.com/el9/",
     ["cannot resolve pxe.example.com: every interface has a fixed address, and none has a name server"]),
    (f"{STATIC} --activate\nurl --url=http://10.0.1.5/el9/", []),
    (f"{STATIC} --activate --nameserver=10.0.0.53\nurl --url=http://pxe.example.com/el9/", []),
    (f"{STATIC} --activate\nnetwork --device=eno2\nurl --url=http://pxe.example.com/el9/", []),
    (f"{STATIC}\nurl --url=http://pxe.example.com/el9/", []),
    (f"{STATIC} --activate\nurl --url=http://$server/el9/", []),
    (f"{STATIC} --activate\n%include /tmp/network.ks\nurl --url=http://pxe.example.com/el9/", []),
    ("network --hostname=a.example.com\nurl --url=http://pxe.example.com/el9/", []),
]  # fmt: skip


@pytest.mark.parametrize(("text", "messages"), RESOLVED)
def test_names_are_resolved(text: str, messages: list[str]) -> None:
    assert told(f"{text}\n", "network-unresolvable") == [f"network-unresolvable: {message}" for message in messages]


ISOS = [
    ("url --url=http://pxe.example.com/el9.iso", ["url installs an install tree, not an ISO"]),
    ("liveimg --url=http://pxe.example.com/Node.ISO",
     ["liveimg installs an image of a root file system, not an ISO"]),
    ("url --url=http://pxe.example.com/el9.iso/", []),
    ("liveimg --url=http://pxe.example.com/iso/node.squashfs.img", []),
]  # fmt: skip


@pytest.mark.parametrize(("text", "messages"), ISOS)
def test_iso_is_no_source(text: str, messages: list[str]) -> None:
    assert told(f"{text}\n", "url-iso") == [f"url-iso: {message}" for message in messages]


SERVICES = [
    ("ssh", []),
    ("sshd", ["the firewall has no service 'sshd'"]),
    ("sssh", ["the firewall has no service 'sssh'"]),
    ("zabbix-agent", []),
    ("htpps", ["the firewall has no service 'htpps'"]),
]


@pytest.mark.parametrize(("name", "messages"), SERVICES)
def test_services_of_the_firewall(name: str, messages: list[str]) -> None:
    found = told(f"firewall --enabled --service={name}\n", "firewall-service")
    assert found == [f"firewall-service: {message}" for message in messages]


@pytest.mark.parametrize(("text", "messages"), TWICE)
def test_options_twice(text: str, messages: list[str]) -> None:
    assert told(f"{text}\n", "option-twice") == [f"option-twice: {message}" for message in messages]
