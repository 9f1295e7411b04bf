# SPDX-License-Identifier: GPL-2.0-or-later
"""The boot files before the programs that read them: GRUB's parser, dnsmasq and nginx, and clients of both servers."""

from __future__ import annotations

import dataclasses
import datetime
import grp
import os
import re
import stat
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import boot_servers
import image_servers
import pytest
from boot_servers import http_get, https_get, program, tftp_get
from inventories import HOST, draw, read_text

from ksgen.host import Host
from ksgen.netboot import BootTemplates, arming, bootfiles, boottree, discovery, serverfiles, webserver
from ksgen.problems import Problem
from ksgen.publish import output

NOW = datetime.datetime.now(datetime.timezone.utc)
HOUR = datetime.timedelta(hours=1)
ARMED, ENDED, DISARMED = "node01.example.com", "node02.example.com", "node03.example.com"
KICKSTART = "# the kickstart of {}\n"
KERNEL = bytes(range(256)) * 300  # several blocks of TFTP, and no text


def boot_texts(
    hosts: Sequence[Host], armed: Mapping[str, arming.Arming], templates: BootTemplates
) -> tuple[dict[str, str], list[Problem]]:
    """The texts of the boot files by their path."""
    files, problems = bootfiles.boot_files(hosts, armed, templates)
    return {path: str(text) for path, text, _ in files}, problems


def site(directory: Path, **changes: str) -> tuple[Host, ...]:
    """Three hosts whose server is this machine."""
    lines = ["all:", "  hosts:"]
    for number, name in enumerate((ARMED, ENDED, DISARMED), 1):
        own = {
            "node_mac": f'"52:54:00:aa:00:0{number}"',
            "node_disk": f'{{wwn: "0x500000000000000{number}"}}',
            "node_server_url": "http://127.0.0.1/nodes/",
            "node_tree_url": "http://127.0.0.1/el9/",
            "node_image_url": "http://127.0.0.1/store/node.squashfs.img",
        }
        lines += [f"    {name}:", *(f"      {key}: {value}" for key, value in {**HOST, **own, **changes}.items())]
    hosts, problems = read_text("\n".join([*lines, ""]), directory)
    assert not [problem for problem in problems if problem.severity == "error"], problems
    return hosts


def armings(hosts: tuple[Host, ...]) -> tuple[arming.Arming, ...]:
    """The first host has an hour; the time of the second is over, but nobody has published since."""
    known = {host.name: host for host in hosts}
    given = arming.arm((), [known[ARMED]], NOW + HOUR, NOW, draw)
    return arming.arm(given, [known[ENDED]], NOW - datetime.timedelta(seconds=1), NOW - HOUR, draw)


def installer(directory: Path) -> Path:
    """An installer's tree, as far as it is looked at."""
    for path in (".treeinfo", "images/install.img", "images/pxeboot/vmlinuz", "images/pxeboot/initrd.img"):
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(KERNEL if "vmlinuz" in path else path.encode())
    return directory


class Published:
    """A tree as ksgen publishes it, beside what the servers need."""

    def __init__(self, directory: Path, certificate: webserver.Certificate | None = None, **changes: str) -> None:
        directory.chmod(0o755)
        self.tree, self.run = directory / "out", directory / "run"
        for each in (self.tree, self.run, directory / "store"):
            each.mkdir()
        (directory / "store" / "node.squashfs.img").write_bytes(b"the image")
        self.hosts = site(directory, **changes)
        self.armings = armings(self.hosts)
        self.token = {one.host: one.token for one in self.armings}
        templates = BootTemplates()
        # As it was published before the second host's time was over.
        armed = arming.active(self.armings, self.hosts, NOW - datetime.timedelta(seconds=2))
        self.files, problems = boot_texts(self.hosts, armed, templates)
        tree = installer(directory / "el9")
        self.server = webserver.Server(
            self.tree, self.run, boot_servers.USER, boot_servers.GROUP, certificate, {"el9": tree},
            directory / "store",
        )  # fmt: skip
        servers, more = serverfiles.server_files(self.hosts, self.server, templates)
        self.copies, missing = boottree.needed({"el9"}, {"el9": tree})
        assert not [*problems, *more, *missing]
        boottree.put_in_place(self.copies, self.tree)
        self.others = {
            **servers,
            **{f"ks/{host.name}.ks": KICKSTART.format(host.name) for host in self.hosts},
            "images/ovirt-node-updates.img": "the add-on\n",
            "arming.json": "{}\n",
        }
        self.publish(self.files)

    def publish(self, boot_files: dict[str, str]) -> None:
        group = grp.getgrnam(boot_servers.GROUP).gr_gid if boot_servers.IS_ROOT else None
        wanted = output.changes(self.tree, output.Site({**boot_files, **self.others}, group=group))
        assert not wanted.problems
        output.publish(wanted)

    def serve(self, hosts: Iterable[Host]) -> None:
        """Let nginx serve what the URLs of other hosts name, too."""
        servers, problems = serverfiles.server_files([*self.hosts, *hosts], self.server, BootTemplates())
        assert not problems
        self.others |= servers
        self.publish(self.files)

    def ask(self, *requests: dict[str, object]) -> list[dict[str, object]]:
        return boot_servers.run(self.tree, list(requests))

    def kickstart(self, name: str, token_of: str | None = None) -> str:
        return f"/nodes/ks/{name}.ks?armed={self.token[token_of or name]}"


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that the servers' users can enter, which pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="ksgen-") as name:
        yield Path(name)


@pytest.fixture
def published(place: Path) -> Published:
    return Published(place)


def check(*command: str) -> str:
    # In a network of its own, because nginx -t takes the ports that it is told.
    own = [*boot_servers.namespace(), program(command[0]), *command[1:]]
    done = subprocess.run(own, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_grub_reads_every_file(published: Published) -> None:
    scripts = [name for name in published.files if name.startswith("grub")]
    assert len(scripts) == len(published.hosts) + 3
    for name in scripts:
        check("grub-script-check", str(published.tree / name))


DHCP = {
    "none": "none",
    "proxy": "proxy",
    "range": "{interface: eno1, first: 10.0.1.100, last: 10.0.1.200}",
}


@pytest.mark.parametrize("dhcp", DHCP.values(), ids=DHCP)
def test_the_servers_read_their_files(place: Path, dhcp: str) -> None:
    published = Published(place, node_dhcp=dhcp)
    assert "syntax check OK" in check("dnsmasq", "--test", f"--conf-file={published.tree}/dnsmasq.conf")
    assert "test is successful" in check("nginx", "-t", "-c", f"{published.tree}/nginx.conf")


def test_nginx_of_an_example_site_with_https(place: Path) -> None:
    """Every URL in another place, a certificate, another port, IPv6."""
    key, certificate = place / "key.pem", place / "certificate.pem"
    check(
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
        "-subj", "/CN=pxe.example.com", "-keyout", str(key), "-out", str(certificate),
    )  # fmt: skip
    hosts = (
        *site(place, node_server_url="https://pxe.example.com/a.b+c/"),
        *site(place, node_server_url="http://[2001:db8::1]:8080/"),
    )
    (place / "run").mkdir()
    server = webserver.Server(
        place, place / "run", boot_servers.USER, boot_servers.GROUP, webserver.Certificate(certificate, key)
    )
    texts, problems = serverfiles.server_files(hosts, server, BootTemplates())
    assert not problems
    (place / "nginx.conf").write_text(texts["nginx.conf"])
    check("nginx", "-t", "-c", f"{place}/nginx.conf")
    for line in ("listen 80;", "listen 8080;", "listen [::]:8080;", "listen 443 ssl;", r'rewrite "^/a\.b\+c(/ks/'):
        assert line in texts["nginx.conf"]
    assert "listen [::]:443" not in texts["nginx.conf"]


def test_the_ports_of_https(place: Path) -> None:
    (place / "run").mkdir()
    ca = image_servers.authority(place)
    certificate = image_servers.certificate(place / "server.pem", ca)
    server = webserver.Server(
        place, place / "run", boot_servers.USER, boot_servers.GROUP, webserver.Certificate(certificate, certificate)
    )
    for url, lines in {
        "http://pxe.example.com/nodes/": ["listen 80;", "listen 443 ssl;"],
        "https://pxe.example.com:8443/nodes/": ["listen 80;", "listen 8443 ssl;"],
        "https://[2001:db8::1]/": ["listen 80;", "listen [::]:80;", "listen 443 ssl;", "listen [::]:443 ssl;"],
    }.items():
        texts, _ = serverfiles.server_files(site(place, node_server_url=url), server, BootTemplates())
        assert re.findall(r"^ *(listen .*)$", texts["nginx.conf"], re.MULTILINE) == lines
        (place / "nginx.conf").write_text(texts["nginx.conf"])
        check("nginx", "-t", "-c", f"{place}/nginx.conf")


def test_https_with_a_certificate_of_the_site(place: Path) -> None:
    """Everything that http gives, on the port that node_server_url names, to a client that verifies the certificate."""
    ca = image_servers.authority(place)
    signed = image_servers.certificate(place / "server.pem", ca)
    certificate = webserver.Certificate(signed, place / "server.key")
    published = Published(place, certificate, node_server_url="https://127.0.0.1:8443/nodes/")
    answers = published.ask(
        https_get("/nodes/boot.ipxe", ca, 8443),
        https_get("/store/node.squashfs.img", ca, 8443),
        https_get(f"/nodes/ks/{DISARMED}.ks", ca, 8443),
        https_get(published.kickstart(ARMED), ca, 8443),
        # PXELINUX and GRUB know no https
        http_get("/nodes/boot.ipxe"),
    )
    loader = published.files["boot.ipxe"].encode()
    assert [(answer["status"], answer["body"]) for answer in (*answers[:2], *answers[3:])] == [
        (200, loader),
        (200, b"the image"),
        (200, KICKSTART.format(ARMED).encode()),
        (200, loader),
    ]
    assert answers[2]["status"] == 403


def test_board_is_behind_https(place: Path) -> None:
    """No `ksgen serve` is there, which nginx says only to who asks over TLS; a token is not sent in clear text."""
    ca = image_servers.authority(place)
    certificate = webserver.Certificate(image_servers.certificate(place / "server.pem", ca), place / "server.key")
    published = Published(place, certificate, node_server_url="https://127.0.0.1:8443/nodes/")
    paths = ("/board/", "/board/hosts/node01", "/api/hosts", "/metrics")
    answers = published.ask(*(https_get(path, ca, 8443) for path in paths), *map(http_get, (*paths, "/metrics/x")))
    assert [answer["status"] for answer in answers] == [502] * 4 + [403] * 4 + [404]


def test_every_file_comes_over_tftp(published: Published) -> None:
    wanted = {name: text.encode() for name, text in published.files.items() if not name.startswith("armed/")}
    wanted |= {copy.target: copy.source.read_bytes() for copy in published.copies if copy.source.stat().st_size < 10**5}
    assert {"lpxelinux.0", "boot/el9/vmlinuz", "pxelinux.cfg/default"} <= wanted.keys()
    answers = published.ask(*map(tftp_get, wanted))
    assert {name: answer["body"] for name, answer in zip(wanted, answers, strict=True)} == wanted


def test_no_kickstart_goes_over_tftp(published: Published) -> None:
    (answer,) = published.ask(tftp_get(f"ks/{ARMED}.ks"))
    assert answer["status"] != 200
    assert b"the kickstart" not in answer["body"]


def test_every_file_comes_over_http(published: Published) -> None:
    token = published.token[ARMED]
    wanted = {
        "/nodes/boot.ipxe": published.files["boot.ipxe"].encode(),
        **{f"/nodes/{name}": text.encode() for name, text in published.files.items() if name.startswith("ipxe/")},
        "/nodes/images/ovirt-node-updates.img": b"the add-on\n",
        "/nodes/boot/el9/vmlinuz": KERNEL,
        "/nodes/boot/el9/initrd.img": b"images/pxeboot/initrd.img",
        f"/nodes/boot/el9/vmlinuz?armed={token}": KERNEL,
        f"/nodes/boot/el9/initrd.img?armed={token}": b"images/pxeboot/initrd.img",
        "/el9/.treeinfo": b".treeinfo",
        "/el9/images/install.img": b"images/install.img",
        "/store/node.squashfs.img": b"the image",
        # The last one: what follows would be refused.
        published.kickstart(ARMED): KICKSTART.format(ARMED).encode(),
    }
    heads = published.ask(*(http_get(path, "HEAD") for path in wanted))
    # Anaconda asks for the length of an image first, follows no redirect, and needs the length again with the image.
    assert [(a["status"], a["length"]) for a in heads] == [(200, str(len(body))) for body in wanted.values()]
    answers = published.ask(*(http_get(path) for path in wanted))
    assert {path: a["body"] for path, a in zip(wanted, answers, strict=True)} == wanted
    assert [(a["status"], a["length"]) for a in answers] == [(200, str(len(body))) for body in wanted.values()]


def test_what_a_boot_file_names_is_there(published: Published) -> None:
    """The URLs as PXELINUX and iPXE read them, in the order in which a machine asks for them."""
    mac = "52-54-00-aa-00-01"
    lines = published.files[f"pxelinux.cfg/01-{mac}"].split("\n")
    named = [line.split()[1] for line in lines if line.startswith(("  KERNEL", "  INITRD"))]
    named += [word.partition("=")[2] for word in "\n".join(lines).split() if word.startswith(("inst.up", "inst.ks"))]
    script = published.files[f"ipxe/{mac}.ipxe"]
    grub = published.files[f"grub/grub.cfg-01-{mac}"].replace("(http,127.0.0.1)", "http://127.0.0.1")
    assert len(named) == 4
    assert all(url in script and url in grub for url in named)
    paths = [url.removeprefix("http://127.0.0.1") for url in sorted(named, key=lambda url: "/ks/" in url)]
    assert [answer["status"] for answer in published.ask(*map(http_get, paths))] == [200] * 4


def test_nothing_else_is_served(published: Published) -> None:
    paths = (
        "/", "/nodes/", "/nodes/ks/", "/nodes/manifest.json", "/nodes/arming.json", "/nodes/nginx.conf",
        "/nodes/dnsmasq.conf", "/nodes/armed/", f"/nodes/armed/{published.token[ARMED]}", "/nodes/boot/el9/",
        "/nodes/images/../arming.json", "/nodes/images/%2e%2e/arming.json", f"/nodes/images/..%2fks/{ARMED}.ks",
        "/nodes/boot/../../etc/passwd", "/nodes../arming.json", "/manifest.json", "/ks/x.ks", "/store/",
        "/el9../store/node.squashfs.img",
    )  # fmt: skip
    answers = published.ask(*map(http_get, paths))
    assert {path: a["status"] for path, a in zip(paths, answers, strict=True) if a["status"] < 400} == {}


def test_only_reading_is_allowed(published: Published) -> None:
    path = published.kickstart(ARMED)
    answers = published.ask(*(http_get(path, method) for method in ("POST", "PUT", "DELETE", "OPTIONS", "HEAD")))
    assert [answer["status"] for answer in answers] == [405, 405, 405, 405, 200]


def test_a_kickstart_is_for_the_armed_alone(published: Published) -> None:
    token = published.token[ARMED]
    paths = {
        "without-token": f"/nodes/ks/{ARMED}.ks",
        "empty-token": f"/nodes/ks/{ARMED}.ks?armed=",
        "of-another-host": published.kickstart(DISARMED, token_of=ARMED),
        "time-is-over": published.kickstart(ENDED),
        "longer-than-given": f"/nodes/ks/{ARMED}.ks?armed={token[:-43]}9999999999{token[-33:]}",
        "made-up": f"/nodes/ks/{DISARMED}.ks?armed={DISARMED}.{token[-54:]}",
        "without-random-part": f"/nodes/ks/{ARMED}.ks?armed={token[:-33]}",
        "another-random-part": f"/nodes/ks/{ARMED}.ks?armed={token[:-32]}{'f' * 32}",
        "random-part-in-capitals": f"/nodes/ks/{ARMED}.ks?armed={token[:-32]}{token[-32:].upper()}",
        "more-behind": f"/nodes/ks/{ARMED}.ks?armed={token}.{token[-32:]}",
        "path": f"/nodes/ks/{ARMED}.ks?armed=../armed/{token}",
        "encoded": f"/nodes/ks/{ARMED}.ks?armed=%2e%2e/armed/{token}",
        "twice": f"/nodes/ks/{ARMED}.ks?armed=x&armed={token}",
    }
    answers = published.ask(*map(http_get, paths.values()))
    assert {name: a["status"] for name, a in zip(paths, answers, strict=True)} == dict.fromkeys(paths, 403)


def test_an_arming_is_good_for_one_installation(published: Published) -> None:
    kickstart, kernel = published.kickstart(ARMED), f"/nodes/boot/el9/vmlinuz?armed={published.token[ARMED]}"
    first = published.ask(
        http_get(kernel), http_get(kickstart, "HEAD"), http_get(kickstart), http_get(kickstart), http_get(kernel),
        http_get("/nodes/boot/el9/vmlinuz"),
    )  # fmt: skip
    assert [answer["status"] for answer in first] == [200, 200, 200, 410, 410, 200]
    # It stays so when the server starts anew, and is known to who asks what has become of the arming.
    assert [answer["status"] for answer in published.ask(http_get(kickstart), http_get(kernel))] == [410, 410]
    spent = {path.name for path in (published.run / "spent").iterdir()}
    assert spent == {published.token[ARMED]}
    assert arming.active(published.armings, published.hosts, NOW, spent) == {}


def test_a_token_for_reports_is_given_once_and_to_the_armed(published: Published) -> None:
    token = published.token[ARMED]
    path = f"/nodes/report/token?armed={token}"
    refused = [
        "/nodes/report/token",
        f"/nodes/report/token?armed={published.token[ENDED]}",
        f"/nodes/report/token?armed={token[:-32]}{'f' * 32}",
        f"/nodes/report/token?armed=../armed/{token}",
        f"/nodes/report/token/x?armed={token}",
    ]
    statuses = [answer["status"] for answer in published.ask(*map(http_get, refused))]
    assert statuses == [403, 403, 403, 403, 404]
    # The installer has fetched its kickstart by then.
    first = published.ask(http_get(published.kickstart(ARMED)), http_get(path), http_get(path))
    assert [answer["status"] for answer in first] == [200, 200, 410]
    (one,) = (one for one in published.armings if one.host == ARMED)
    assert first[1]["body"] == f"{one.report}\n".encode()
    assert {each.name for each in (published.run / "reporting").iterdir()} == {token}


def test_a_kernel_that_was_fetched_is_noted(published: Published) -> None:
    token = published.token[ARMED]
    published.ask(http_get("/nodes/boot/el9/vmlinuz"), http_get(f"/nodes/boot/el9/vmlinuz?armed={token}"))
    assert {each.name for each in (published.run / "booted").iterdir()} == {token}


def test_without_a_server_for_reports_the_rest_is_served(published: Published) -> None:
    answers = published.ask(
        http_get("/nodes/report", "POST"), http_get("/nodes/report/logs/anaconda.log", "PUT"),
        http_get("/nodes/report/logs/a/b", "PUT"), http_get("/nodes/report", "PUT"),
        http_get(published.kickstart(ARMED)),
    )  # fmt: skip
    assert [answer["status"] for answer in answers] == [502, 502, 405, 405, 200]


def test_a_permission_of_an_older_ksgen_is_good_until_it_ends(published: Published) -> None:
    """It has no random part. The web server accepts what is in armed/, and so does this ksgen."""
    (armed, ended) = published.armings
    older = [dataclasses.replace(one, random="") for one in (armed, ended)]
    state = arming.dump(older)
    state["version"] = 1
    for entry in state["armed"].values():  # type: ignore[attr-defined]
        del entry["secret"]
    assert list(arming.load(state)) == older
    active = arming.active(older, published.hosts, NOW - datetime.timedelta(seconds=2))
    files, _ = boot_texts(published.hosts, active, BootTemplates())
    assert {name for name in files if name.startswith("armed/")} == {f"armed/{one.token}" for one in older}
    published.publish(files)
    paths = [
        f"/nodes/ks/{one.host}.ks?armed={token}" for one in older for token in (one.token, published.token[one.host])
    ]
    assert [answer["status"] for answer in published.ask(*map(http_get, paths))] == [200, 403, 403, 403]


def test_where_nothing_can_be_noted_nothing_is_installed(published: Published) -> None:
    """nginx makes run/spent when it starts. Told another place, it does as if somebody had removed it since."""
    text = published.others["nginx.conf"]
    published.others["nginx.conf"] = text.replace(f"path {published.run}/spent;", f"path {published.run}/unused;")
    published.publish(published.files)
    kickstart, kernel = published.kickstart(ARMED), f"/nodes/boot/el9/vmlinuz?armed={published.token[ARMED]}"
    answers = published.ask(http_get(kernel), http_get(kickstart), http_get("/nodes/boot/el9/vmlinuz"))
    assert [answer["status"] for answer in answers] == [410, 503, 200]


def test_an_end_that_nobody_publishes_is_an_end(published: Published) -> None:
    """The boot files of the second host still name the installer; the server refuses its kernel, so its disk boots."""
    assert "KERNEL" in published.files["pxelinux.cfg/01-52-54-00-aa-00-02"]
    token = published.token[ENDED]
    answers = published.ask(
        http_get(f"/nodes/boot/el9/vmlinuz?armed={token}"), http_get(f"/nodes/boot/el9/initrd.img?armed={token}")
    )
    assert [answer["status"] for answer in answers] == [410, 410]


def test_disarming_needs_no_restart(published: Published) -> None:
    """nginx.conf does not say who is armed: the file in armed/ does."""
    token = published.token[ARMED]
    before = published.others["nginx.conf"]
    files, _ = boot_texts(published.hosts, {}, BootTemplates())
    assert not [name for name in files if name.startswith("armed/")]
    published.publish(files)
    answers = published.ask(http_get(published.kickstart(ARMED)), http_get(f"/nodes/boot/el9/vmlinuz?armed={token}"))
    assert [answer["status"] for answer in answers] == [403, 410]
    assert (published.tree / "nginx.conf").read_text() == before
    assert "52-54" not in before
    assert ARMED not in before


# Every mark that a file's name may have, the dollar sign alone excepted, and names that look like something else.
IMAGE_NAMES = (
    "a b.img", 'a"b.img', "a'b.img", "a\\b.img", "a\\nb.img", "a{b}.img", "a|b.img", "a;b.img", "a#b.img", "a?b.img",
    "a%b.img", "a%20b.img", "a+b.img", "a&b=c.img", "a~b!c*d(e)[f].img", "ä漢.img", "=a.img", "~a.img", "..a.img",
    "a`b.img",
)  # fmt: skip


def test_images_of_any_name(published: Published) -> None:
    for name in IMAGE_NAMES:
        (published.server.images / name).write_text(f"the image {name}")
    urls = {name: f"/i/{quote(name)}" for name in IMAGE_NAMES}
    # As they may be written without percent-encoding; clients encode them.
    urls |= {name: f"/raw/{name}" for name in IMAGE_NAMES if not set(name) & set(" \"'\\#?%`")}
    hosts = [
        host
        for number, url in enumerate({*urls.values(), *(f"/i/{quote(name)}" for name in IMAGE_NAMES)})
        for host in site(published.tree.parent, node_image_url="'http://127.0.0.1" + url.replace("'", "''") + "'")[:1]
    ]
    published.serve(hosts)
    paths = {f"/i/{quote(name)}": name for name in IMAGE_NAMES}
    paths |= {quote(url, safe="/~!*()[]=&;+{}|"): name for name, url in urls.items() if url.startswith("/raw/")}
    answers = published.ask(*map(http_get, paths))
    assert {path: answer["body"].decode() for path, answer in zip(paths, answers, strict=True)} == {
        path: f"the image {name}" for path, name in paths.items()
    }


def test_images_of_any_name_in_out(published: Published) -> None:
    (published.tree / "images").mkdir(exist_ok=True)
    for name in IMAGE_NAMES:
        (published.tree / "images" / name).write_text(f"the image {name}")
    answers = published.ask(*(http_get(f"/nodes/images/{quote(name)}") for name in IMAGE_NAMES))
    assert [answer["body"].decode() for answer in answers] == [f"the image {name}" for name in IMAGE_NAMES]


def test_a_query_and_dots_do_not_matter(published: Published) -> None:
    image = "http://127.0.0.1//store/x/../node%2Esquashfs.img?version=1"
    published.serve(site(published.tree.parent, node_image_url=image, node_tree_url="http://127.0.0.1/a/..//%65l9/"))
    paths = ("//store/x/../node%2Esquashfs.img?version=1", "/a/..//%65l9/.treeinfo", "/el9//.treeinfo")
    answers = published.ask(*map(http_get, paths))
    assert [answer["body"] for answer in answers] == [b"the image", b".treeinfo", b".treeinfo"]


def test_an_image_is_served_and_not_what_begins_like_it(published: Published) -> None:
    (published.server.images / "node.squashfs.img.key").write_text("not for everybody")
    answers = published.ask(http_get("/store/node.squashfs.img.key"), http_get("/store/node.squashfs.img/x"))
    assert [answer["status"] for answer in answers] == [404, 404]


def test_a_tree_at_the_root_of_the_server(place: Path) -> None:
    published = Published(place, node_tree_url="http://127.0.0.1/")
    paths = ("/.treeinfo", "/images/install.img", published.kickstart(ARMED), "/nodes/boot/el9/initrd.img")
    answers = published.ask(*map(http_get, (*paths, "/nodes/arming.json", "/../arming.json", "/no/arming.json")))
    assert [answer["status"] for answer in answers] == [200] * 4 + [404, 400, 404]


MARKS = "a@b_c+d=e:f;g,h.i~j^k*l!m(n)o[p]q-r&s"


@pytest.mark.parametrize("dhcp", DHCP.values(), ids=DHCP)
def test_a_server_path_with_every_mark(place: Path, dhcp: str) -> None:
    published = Published(place, node_server_url=f"'http://127.0.0.1//{MARKS}/./x/'", node_dhcp=dhcp)
    check("dnsmasq", "--test", f"--conf-file={published.tree}/dnsmasq.conf")
    for name in (name for name in published.files if name.startswith("grub")):
        check("grub-script-check", str(published.tree / name))
    if dhcp != "none":
        assert f'"http://127.0.0.1/{MARKS}/x/boot.ipxe"' in (published.tree / "dnsmasq.conf").read_text()
        return
    mac = "52-54-00-aa-00-01"
    lines = published.files[f"pxelinux.cfg/01-{mac}"].split("\n")
    named = [line.split()[1] for line in lines if line.startswith(("  KERNEL", "  INITRD"))]
    named += [word.partition("=")[2] for word in "\n".join(lines).split() if word.startswith(("inst.up", "inst.ks"))]
    named += [f"http://127.0.0.1/{MARKS}/x/boot.ipxe", f"http://127.0.0.1/{MARKS}/x/ipxe/{mac}.ipxe"]
    paths = [url.removeprefix("http://127.0.0.1") for url in sorted(named, key=lambda url: "/ks/" in url)]
    assert len(paths) == 6
    assert [answer["status"] for answer in published.ask(*map(http_get, paths))] == [200] * 6


def test_directories_with_every_mark(place: Path) -> None:
    odd = place / "a.b_c-d@e+f=g"
    odd.mkdir()
    place.chmod(0o755)
    published = Published(odd)
    answers = published.ask(
        tftp_get("grub.cfg"), http_get("/store/node.squashfs.img"), http_get("/el9/.treeinfo"),
        http_get(published.kickstart(ARMED)), http_get(published.kickstart(ARMED)),
    )  # fmt: skip
    assert [answer["status"] for answer in answers] == [200, 200, 200, 200, 410]


@pytest.mark.parametrize("name", ["2001:db8::1", "::1", "_a", "a.b-c_d"])
def test_a_host_of_any_name(place: Path, name: str) -> None:
    published = Published(place)
    text = (place / "hosts.yaml").read_text().replace(f"{ARMED}:", f'"{name}":\n      node_hostname: {ARMED}')
    hosts, problems = read_text(text, place)
    assert not problems
    given = arming.arm((), hosts[:1], NOW + HOUR, NOW, draw)
    files, problems = boot_texts(hosts, arming.active(given, hosts, NOW), BootTemplates())
    assert not problems
    published.others[f"ks/{name}.ks"] = "the kickstart"
    published.publish(files)
    path, token = f"/nodes/ks/{name}.ks", given[0].token
    answers = published.ask(*map(http_get, (path, f"/nodes/boot/el9/vmlinuz?armed={token}", f"{path}?armed={token}")))
    assert [answer["status"] for answer in answers] == [403, 200, 200]
    check("grub-script-check", str(published.tree / "grub/grub.cfg-01-52-54-00-aa-00-01"))


def test_another_port_and_the_root_of_a_server(place: Path) -> None:
    published = Published(place, node_server_url="http://127.0.0.1:8080/")
    path = published.kickstart(ARMED).removeprefix("/nodes")
    answers = published.ask(http_get("/boot.ipxe", port=8080), http_get(path, port=8080))
    assert [answer["status"] for answer in answers] == [200, 200]
    assert "(http,127.0.0.1:8080)/boot/el9/vmlinuz" in published.files["grub/grub.cfg-01-52-54-00-aa-00-01"]


def test_the_workers_can_write_what_is_spent_and_nobody_can_read_it(published: Published) -> None:
    published.ask(http_get(published.kickstart(ARMED)))
    mode = (published.run / "spent").stat().st_mode
    assert stat.S_IMODE(mode) == 0o700
    assert os.path.getsize(published.run / "spent" / published.token[ARMED]) > 0


# --- discovery ---


def discovered(published: Published, until: datetime.datetime) -> str:
    """Publish a discovery until a time; returns what its requests carry."""
    found = discovery.discovery_of(published.hosts[0], NOW - HOUR, until, draw(16), draw(32))
    found = dataclasses.replace(found, disks=("52:54:00:cc:00:01",))
    files = discovery.discovery_files(found, "# it looks\n", BootTemplates(), ())
    published.publish({**published.files, **{path: str(text) for path, text, _ in files}})
    return f"?armed={found.token}"


def test_machines_of_no_host_boot_what_looks(published: Published) -> None:
    """Each of them, again and again. Kickstarts of hosts are not for them, nor is theirs for a host."""
    query = discovered(published, NOW + HOUR)
    other = f"?armed={published.token[ARMED]}"
    paths = [f"/nodes/discovery/discovery.ks{query}"] * 2
    paths += [f"/nodes/boot/el9/vmlinuz{query}", f"/nodes/boot/el9/initrd.img{query}"]
    refused = [
        f"/nodes/discovery/discovery.ks{other}",
        "/nodes/discovery/discovery.ks",
        f"/nodes/ks/{ARMED}.ks{query}",
        f"/nodes/report/token{query}",
        f"/nodes/discovery.json{query}",
    ]
    answers = published.ask(*map(http_get, [*paths, *refused]))
    assert [one["status"] for one in answers] == [200, 200, 200, 200, 403, 403, 403, 403, 404]
    assert answers[0]["body"] == b"# it looks\n"
    assert answers[0]["cache"] == "no-store"
    script = (published.tree / "grub/grub.cfg").read_text()
    assert f"vmlinuz{query}" in script
    check("grub-script-check", str(published.tree / "grub/grub.cfg"))


def test_discovery_ends_by_itself(published: Published) -> None:
    """The boot files still name it, and the boot loader goes on to the disk."""
    query = discovered(published, NOW - datetime.timedelta(seconds=1))
    answers = published.ask(
        *(http_get(f"/nodes/{name}{query}") for name in ("discovery/discovery.ks", "boot/el9/vmlinuz"))
    )
    assert [one["status"] for one in answers] == [403, 410]


def test_what_machines_tell_goes_to_the_server_of_reports(published: Published) -> None:
    """None runs here; and nothing but telling is allowed there."""
    discovered(published, NOW + HOUR)
    telling, reading, other = published.ask(
        http_get("/nodes/discovered", "POST"),
        http_get("/nodes/discovered", "PUT"),
        http_get("/nodes/discovery", "POST"),
    )
    assert [telling["status"], reading["status"], other["status"]] == [502, 405, 405]
