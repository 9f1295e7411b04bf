# SPDX-License-Identifier: GPL-2.0-or-later
"""Kickstarts of plain hosts: packages in the place of the image, and nothing of imgbase and the add-on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import CliRunner
from inventories import PASSWORD_HASH, inventory_text, one_host, read_text

from ksgen.cli import main
from ksgen.kickstart.content import content_steps
from ksgen.kickstart.page import Templates
from ksgen.kickstart.source import package_lines, source_words

PROXY = '{url: "http://proxy.example.com:3128", no_proxy: [.example.com]}'


def rendered(directory: Path, **changes: str) -> str:
    text, problems = Templates().render(one_host(directory, **{"node_kind": "host", **changes}))
    assert text is not None, problems
    return text


@pytest.mark.parametrize("addon", ["true", "false", "tree"])
def test_nothing_of_a_node_is_left(addon: str, tmp_path: Path) -> None:
    text = rendered(tmp_path, node_addon=addon, node_report_url="false")
    before = text.partition("%pre")[0]
    sections = [line for line in text.splitlines() if line.startswith("%")]
    assert not {"liveimg", "%addon"} & {line.split(" ")[0] for line in before.splitlines()}
    assert "thin" not in before
    # The checks of the machine, and the disks.
    assert [line.split(" ")[0] for line in sections if line != "%end"] == ["%packages", "%pre", "%pre"]


def test_a_node_has_nothing_of_a_plain_host(tmp_path: Path) -> None:
    commands = {line.split(" ")[0] for line in rendered(tmp_path, node_kind="node").splitlines()}
    assert not {"url", "nfs", "repo", "%packages"} & commands


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({}, ["url --url=http://pxe.example.com/tree/"], id="tree"),
        pytest.param(
            {"node_tree_url": "nfs:pxe.example.com:/srv/tree"},
            ["nfs --server=pxe.example.com --dir=/srv/tree"],
            id="nfs",
        ),
        pytest.param(
            {"node_tree_url": "nfs:vers=4,ro:10.0.0.5:/srv"},
            ["nfs --server=10.0.0.5 --dir=/srv --opts=vers=4,ro"],
            id="nfs-with-options",
        ),
        pytest.param(
            {"node_tree_url": "http://mirror.example.org/9/", "node_proxy": PROXY},
            ["url --url=http://mirror.example.org/9/ --proxy=http://proxy.example.com:3128"],
            id="through-the-proxy",
        ),
        pytest.param({"node_proxy": PROXY}, ["url --url=http://pxe.example.com/tree/"], id="not-through-the-proxy"),
        pytest.param(
            {
                "node_repos": "[{name: a, url: 'http://r.example.com/$releasever/', gpgcheck: false,"
                " includepkgs: [x, 'y-*']}]"
            },
            [
                "url --url=http://pxe.example.com/tree/",
                "repo --name=a --baseurl=http://r.example.com/$releasever/ --includepkgs=x,y-*",
            ],
            id="repository",
        ),
        pytest.param(
            {
                "node_repos": "[{name: a, metalink: 'https://r.example.org/m', gpgcheck: false, excludepkgs: [x],"
                " proxy: 'http://other.example.com:8080'}, {name: b, url: 'https://s.example.org/b', gpgcheck: false}]",
                "node_proxy": PROXY,
            },
            [
                "url --url=http://pxe.example.com/tree/",
                "repo --name=a --metalink=https://r.example.org/m --excludepkgs=x --proxy=http://other.example.com:8080",
                "repo --name=b --baseurl=https://s.example.org/b --proxy=http://proxy.example.com:3128",
            ],
            id="repositories-and-proxies",
        ),
    ],
)  # fmt: skip
def test_where_packages_come_from(changes: dict[str, str], words: list[str], tmp_path: Path) -> None:
    settings = one_host(tmp_path, **{"node_kind": "host", **changes}).settings
    assert [" ".join(command) for command in source_words(settings)] == words


@pytest.mark.parametrize(
    ("changes", "more"),
    [
        pytest.param({}, [], id="none"),
        pytest.param({"node_packages": "[lldpd, '@^server', '@core', kernel-rt]"},
                     ["lldpd", "@^server", "@core", "kernel-rt"], id="groups-and-kernels"),
        pytest.param({"node_packages": "[lldpd, chrony]"}, ["lldpd"], id="each-once"),
        pytest.param({"node_drivers": "[{package: kmod-x, modules: [x]}]"}, ["kmod-x"], id="driver"),
        pytest.param({"node_local_disks": "['3600508b1001c0001']"}, ["device-mapper-multipath"], id="multipath"),
        pytest.param({"node_iscsi_initiator": "iqn.2001-04.com.example:a"}, ["iscsi-initiator-utils"], id="iscsi"),
    ],
)  # fmt: skip
def test_packages(changes: dict[str, str], more: list[str], tmp_path: Path) -> None:
    settings = one_host(tmp_path, **{"node_kind": "host", **changes}).settings
    assert package_lines(settings) == ("@^minimal-environment", "chrony", "firewalld", *more)


def test_repositories_are_in_the_system_and_packages_are_not_installed_again(tmp_path: Path) -> None:
    changes = {"node_packages": "[lldpd]", "node_repos": "[{name: a, url: 'http://r.example.com/', gpgcheck: false}]"}
    steps = content_steps(one_host(tmp_path, **{"node_kind": "host", **changes}).settings)
    assert [step.variable for step in steps] == ["node_repos"]
    of_node = content_steps(one_host(tmp_path, **changes).settings)
    assert [step.variable for step in of_node] == ["node_repos", "node_packages"]


def test_kinds_share_a_group(tmp_path: Path) -> None:
    """What is for nodes has no effect on the plain hosts of a group, even where it is not valid for them."""
    text = f"""\
all:
  vars:
    node_release: el9
    node_image_url: http://pxe.example.com/node.squashfs.img
    node_tree_url: http://pxe.example.com/tree/
    node_server_url: http://pxe.example.com/nodes/
    node_root_password_hash: "{PASSWORD_HASH}"
    node_volumes: {{/data: 1 GiB}}
    node_layout: minimal
    node_images: 3
    node_pool: p
    node_addon: tree
    node_efi_dir: centos
  hosts:
    a.example.com: {{node_kind: host, node_mac: "52:54:00:aa:00:01", node_disk: {{serial: S3EVNX0K001, size: 200 GB}}}}
    b.example.com: {{node_mac: "52:54:00:aa:00:02", node_disk: {{serial: S3EVNX0K002, size: 200 GB}}}}
"""
    hosts, problems = read_text(text, tmp_path)
    assert [problem.code for problem in problems] == []
    plain, node = hosts
    assert (plain.plan.request.layout, plain.settings.addon, plain.settings.vg) == ("host", False, "el")
    assert (node.plan.request.layout, node.settings.addon, node.settings.vg) == ("minimal", "tree", "onn")
    assert {volume.mount_point for volume in plain.plan.of_kind("lvmlv")} >= {"/data", "/var/crash"}


@pytest.mark.parametrize(
    ("variable", "words"),
    [
        pytest.param("node_vg", 'default "el"', id="another-default"),
        pytest.param("node_images", "without effect on a plain host", id="no-effect"),
        pytest.param("node_timezone", 'default "Etc/UTC"', id="the-same"),
    ],
)
def test_defaults_are_explained_for_the_kind(variable: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "hosts.yaml"
    path.write_text(inventory_text(node_kind="host"))
    arguments = ["explain", str(path), "node01.example.com", variable]
    assert f"{variable}: not set; {words}, from " in CliRunner().invoke(main, arguments).stdout
    told = json.loads(CliRunner().invoke(main, [*arguments, "--json"]).stdout)
    assert told[variable]["default"].startswith(words)


def test_a_value_without_effect_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yaml"
    path.write_text(inventory_text(node_kind="host"))
    told = CliRunner().invoke(main, ["explain", str(path), "node01.example.com", "node_image_url"]).stdout
    assert told.endswith("without effect on a plain host (docs/hosts.md)\n")


def test_an_image_is_required_of_nodes_alone(tmp_path: Path) -> None:
    lines = [line for line in inventory_text().splitlines() if "node_image_url" not in line]
    _, problems = read_text("\n".join(lines), tmp_path)
    assert [(problem.code, problem.variable) for problem in problems] == [("variable-missing", "node_image_url")]
    _, problems = read_text("\n".join([*lines, "      node_kind: host"]), tmp_path)
    assert problems == []
