# SPDX-License-Identifier: GPL-2.0-or-later
"""Hostile values in every text of the model: refused, or read back by pykickstart as they were written, and no more."""

from __future__ import annotations

import collections
import dataclasses
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from example_site import CHECKOUT
from hostile import HOSTILE, in_yaml
from inventories import ON_MEDIUM, PASSWORD_HASH, SSH_KEY, inventory_text, read_text

from ksgen.grammar import Grammar
from ksgen.kickstart.content import LOG
from ksgen.kickstart.page import Templates, source
from ksgen.problems import Problem
from ksgen.variables import Settings
from org_ovirt_node.programs import checks, disks, imgbase
from org_ovirt_node.section import parse

sys.path.insert(0, str(CHECKOUT / "docs"))

from generate import CERTIFICATE

KEY = SSH_KEY.rpartition(" ")[0]
KEY_FILE = "file:///etc/pki/rpm-gpg/harmless"


@dataclasses.dataclass(frozen=True)
class Slot:
    """A place for a text: the variable, how it is written around `@`, and a harmless text."""

    path: str
    variable: str
    around: str = "@"
    harmless: str = "harmless"


def in_network(path: str, around: str, harmless: str = "harmless") -> Slot:
    return Slot(f"node_network[].{path}", "node_network", f"[{around}]", harmless)


SLOTS = [
    Slot("node_image_url", "node_image_url", harmless="http://pxe.example.com/harmless.img"),
    Slot("node_image_url", "node_image_url", '"http://pxe.example.com/"+@+".img"'),
    Slot("node_image_sha256", "node_image_sha256", harmless="ab" * 32),
    Slot("node_image_size", "node_image_size", harmless="1 GiB"),
    Slot("node_efi_dir", "node_efi_dir"),
    Slot("node_tree_url", "node_tree_url", harmless="http://pxe.example.com/harmless/"),
    Slot("node_tree_url", "node_tree_url", '"nfs:pxe.example.com:/"+@'),
    Slot("node_server_url", "node_server_url", '"http://pxe.example.com/"+@'),
    Slot("node_report_url", "node_report_url", '"http://pxe.example.com/"+@'),
    Slot("node_report_pin", "node_report_pin", harmless="ab" * 32),
    Slot("node_disk[].wwn", "node_disk", "{wwn: @}", "0x5000c500a1b2c3d4"),
    Slot("node_disk[].serial", "node_disk", "{serial: @}"),
    Slot("node_disk[].path", "node_disk", '{path: "/dev/disk/by-id/ata-"+@}'),
    Slot("node_disk[].model", "node_disk", "{serial: abcd, model: @}"),
    Slot("node_disk[].size.min", "node_disk", "{serial: abcd, size: {min: @}}", "100 GB"),
    Slot("node_disk[].size.max", "node_disk", "{serial: abcd, size: {max: @}}", "100 GB"),
    Slot("node_serial", "node_serial"),
    Slot("node_checks.wait", "node_checks", "{wait: @}", "15 min"),
    Slot("node_layout", "node_layout", harmless="standard"),
    Slot("node_root_size", "node_root_size", harmless="10 GiB"),
    Slot("node_boot_size", "node_boot_size", harmless="4 GiB"),
    Slot("node_volumes.*", "node_volumes", "{/data: @}", "1 GiB"),
    Slot("node_volumes.key", "node_volumes", '{"/"+@: 1 GiB}'),
    Slot("node_swap_size", "node_swap_size", harmless="4 GiB"),
    Slot("node_filesystem", "node_filesystem", harmless="xfs"),
    Slot("node_vg", "node_vg"),
    Slot("node_pool", "node_pool"),
    Slot("node_mac", "node_mac", harmless="52:54:00:aa:00:09"),
    in_network("name", "{name: @}"),
    in_network("mac", "{mac: @}", "52:54:00:aa:00:09"),
    in_network("name", '{name: @, mac: "52:54:00:aa:00:09"}'),
    in_network("mac", "{name: lan0, mac: @}", "52:54:00:aa:00:09"),
    in_network("bond.members[]", "{name: bond0, bond: {members: [eno1, @]}}"),
    in_network("bond.options.key", "{name: bond0, bond: {members: [eno1], options: {@: 1}}}", "updelay"),
    in_network("bond.options.*", '{name: bond0, bond: {members: [eno1], options: {ns_ip6_target: "a,"+@}}}'),
    in_network("vlan.parent", "{name: mgmt, vlan: {id: 5, parent: @}}"),
    in_network("bridge.members[]", "{name: br0, bridge: {members: [eno1, @]}}"),
    in_network("bridge.options.key", "{name: br0, bridge: {members: [eno1], options: {@: 10}}}", "max-age"),
    in_network("bridge.options.*", "{name: br0, bridge: {members: [eno1], options: {max-age: @}}}", "17"),
    in_network("ipv4", "{name: eno1, ipv4: @}", "10.9.8.7/32"),
    in_network("gateway4", "{name: eno1, ipv4: 10.0.0.5/24, gateway4: @}", "10.0.0.1"),
    in_network("ipv6", "{name: eno1, ipv6: @}", "2001:db8::7/64"),
    in_network("gateway6", '{name: eno1, ipv6: "2001:db8::7/64", gateway6: @}', "fe80::1"),
    in_network("dns[]", "{name: eno1, dns: [10.0.0.53, @]}", "10.0.0.54"),
    in_network("search[]", "{name: eno1, search: [example.com, @]}"),
    in_network("speed", "{name: eno1, speed: @}", "10 Gbit/s"),
    Slot("node_hostname", "node_hostname"),
    Slot("node_dhcp.interface", "node_dhcp", "{interface: @, first: 10.0.0.1, last: 10.0.0.9}"),
    Slot("node_dhcp.first", "node_dhcp", "{interface: eno1, first: @, last: 10.0.0.9}", "10.0.0.1"),
    Slot("node_dhcp.last", "node_dhcp", "{interface: eno1, first: 10.0.0.1, last: @}", "10.0.0.9"),
    Slot("node_firewall.services[]", "node_firewall", "{services: [snmp, @]}"),
    Slot("node_firewall.ports[]", "node_firewall", "{ports: [161:udp, @]}", "162:udp"),
    in_network("routes[].to", "{name: eno1, ipv4: 10.0.0.5/24, routes: [{to: @, via: 10.0.0.1}]}", "10.20.0.0/16"),
    in_network("routes[].via", "{name: eno1, ipv4: 10.0.0.5/24, routes: [{to: 10.20.0.0/16, via: @}]}", "10.0.0.7"),
    Slot("node_proxy.url", "node_proxy", "{url: @, no_proxy: [.example.com]}", "http://harmless.example.com:3128"),
    Slot("node_proxy.url", "node_proxy", '{url: "http://"+@+"@proxy.example.com:3128", no_proxy: [.example.com]}'),
    Slot("node_proxy.no_proxy[]", "node_proxy", '{url: "http://proxy:3128", no_proxy: [.example.com, @]}'),
    Slot("node_ca_certificates[]", "node_ca_certificates", "[@]", json.loads(CERTIFICATE)),
    Slot("node_ca_certificates[].from", "node_ca_certificates", "[{from: @}]", str(CHECKOUT / "examples/files/ca.pem")),
    Slot("node_iscsi_initiator", "node_iscsi_initiator", harmless="iqn.2001-04.com.example:harmless"),
    Slot("node_iscsi_initiator", "node_iscsi_initiator", '"iqn.2001-04.com.example:"+@'),
    Slot("node_root_password_hash", "node_root_password_hash", harmless=PASSWORD_HASH),
    Slot("node_ssh_keys[]", "node_ssh_keys", "[@]", KEY),
    Slot("node_ssh_keys[]", "node_ssh_keys", f'["{KEY} "+@+" end"]'),
    Slot("node_ssh_keys[]", "node_ssh_keys", f'["environment=\\"A="+@+"\\" {KEY}"]'),
    Slot("node_ssh_keys[]", "node_ssh_keys", f'["{KEY}", "{KEY} "+@+" end"]'),
    Slot("node_users[].name", "node_users", "[{name: @}]"),
    Slot("node_users[].gecos", "node_users", "[{name: erika, gecos: @}]"),
    Slot("node_users[].groups[]", "node_users", "[{name: erika, groups: [wheel, @]}]"),
    Slot("node_users[].password_hash", "node_users", "[{name: erika, password_hash: @}]", PASSWORD_HASH),
    Slot("node_users[].ssh_keys[]", "node_users", f'[{{name: erika, ssh_keys: ["{KEY} "+@+" end"]}}]'),
    Slot("node_timezone", "node_timezone", harmless="Europe/Vienna"),
    Slot("node_ntp_servers[]", "node_ntp_servers", "[ntp.example.com, @]"),
    Slot("node_lang", "node_lang", harmless="de_AT.UTF-8"),
    Slot("node_keyboard", "node_keyboard", harmless="de-nodeadkeys"),
    Slot("node_kernel_args[]", "node_kernel_args", "[quiet, @, iommu=pt]"),
    Slot("node_kernel_args[]", "node_kernel_args", '[quiet, "a="+@]'),
    Slot("node_installer_args[]", "node_installer_args", "[@]"),
    Slot("node_post[]", "node_post", "[first, @, last]"),
    Slot("node_post[]", "node_post", '"cat <<EOF\\n"+@+"\\nEOF"'),
    Slot("node_post[]", "node_post", '"#!/bin/"+@+"\\ntrue"'),
    Slot("node_pre[]", "node_pre", "[@, last]"),
    Slot("node_post_site[]", "node_post_site", "[@, last]"),
    Slot("node_post_group[]", "node_post_group", "[@, last]"),
    Slot("node_packages[]", "node_packages", "[first, @, last]"),
    Slot("node_repos[].name", "node_repos", "[{name: @, url: 'http://a.example/', gpgcheck: false}]"),
    Slot("node_repos[].url", "node_repos", '[{name: a, url: "http://a.example/"+@, gpgcheck: false}]'),
    Slot("node_repos[].metalink", "node_repos", '[{name: a, metalink: "http://a.example/"+@, gpgcheck: false}]'),
    Slot("node_repos[].key", "node_repos", "[{name: a, url: 'http://a.example/', key: @}]", KEY_FILE),
    Slot(
        "node_repos[].includepkgs[]",
        "node_repos",
        "[{name: a, url: 'http://a.example/', gpgcheck: false, includepkgs: [@]}]",
    ),
    Slot(
        "node_repos[].excludepkgs[]",
        "node_repos",
        "[{name: a, url: 'http://a.example/', gpgcheck: false, excludepkgs: [@]}]",
    ),
    Slot(
        "node_repos[].proxy", "node_repos", '[{name: a, url: "http://a.example/", gpgcheck: false, proxy: "http://"+@}]'
    ),
    Slot("node_drivers[].package", "node_drivers", "[{package: @, modules: [a]}]"),
    Slot("node_drivers[].modules[]", "node_drivers", "[{package: a, modules: [b, @]}]"),
    Slot("node_files[].path", "node_files", '[{path: "/etc/"+@, content: a}]'),
    Slot("node_files[].content", "node_files", "[{path: /etc/a, content: @}]"),
    Slot("node_files[].base64", "node_files", "[{path: /etc/a, base64: @}]", "aGFybWxlc3M="),
    Slot("node_files[].from", "node_files", "[{path: /etc/a, from: @}]", "hosts.yaml"),
    Slot("node_files[].mode", "node_files", "[{path: /etc/a, content: a, mode: @}]", "0755"),
    Slot("node_files[].owner", "node_files", "[{path: /etc/a, content: a, owner: @}]"),
    Slot("node_files[].group", "node_files", "[{path: /etc/a, content: a, group: @}]"),
    Slot("node_modules.load[]", "node_modules", "{load: [a, @]}"),
    Slot("node_modules.options.key", "node_modules", "{options: {@: b=1}}"),
    Slot("node_modules.options.*", "node_modules", "{options: {a: @}}"),
    Slot("node_modules.blacklist[]", "node_modules", "{blacklist: [a, @]}"),
    Slot("node_sysctl.key", "node_sysctl", '{"vm."+@: 1}'),
    Slot("node_sysctl.*", "node_sysctl", "{vm.swappiness: @}"),
    Slot("node_hugepages.key", "node_hugepages", "{@: 5}", "1G"),
    Slot("node_services.enabled[]", "node_services", "{enabled: [@]}"),
    Slot("node_services.disabled[]", "node_services", "{disabled: [@]}"),
    Slot("node_services.masked[]", "node_services", "{masked: [@]}"),
    Slot("node_local_disks[]", "node_local_disks", "[@]", "0x5000c500a1b2c3d5"),
]


# --- no text of the model is left out --------------------------------------------------------------------------------


def texts(schema: dict[str, Any], definitions: dict[str, Any], path: str) -> Iterator[str]:
    """The paths of all texts in a schema that are not one word of a few."""
    if "$ref" in schema:
        yield from texts(definitions[schema["$ref"].rpartition("/")[2]], definitions, path)
    for one in schema.get("anyOf", ()):
        yield from texts(one, definitions, path)
    if "string" in schema.get("type", ()) and not {"enum", "const"} & schema.keys():
        yield path
    for name, child in schema.get("properties", {}).items():
        yield from texts(child, definitions, f"{path}.{name}" if path else name)
    if isinstance(schema.get("items"), dict):
        yield from texts(schema["items"], definitions, path + "[]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield path + ".key"
        yield from texts(schema["additionalProperties"], definitions, path + ".*")


def test_every_text_of_the_model_is_attacked() -> None:
    schema = Settings.model_json_schema(by_alias=True)
    found = {*texts(schema, schema["$defs"], ""), "node_swap_size"}  # a number for the schema, which is what it ends as
    # The playbook that joins hosts to an engine reads it; no kickstart has any of it.
    found = {path for path in found if not path.startswith("node_bmc.")}
    assert sorted(found) == sorted({slot.path for slot in SLOTS})


def test_there_are_hostile_values_enough() -> None:
    assert len(set(HOSTILE.values())) >= 50


# --- what pykickstart reads ------------------------------------------------------------------------------------------


class Reader:
    """Real pykickstart of a release, and the words that its own lexer makes of each command."""

    def __init__(self, release: str) -> None:
        self.grammar = Grammar(release)
        self.commands: list[tuple[str, ...]] = []
        dispatch = self.grammar.handler.dispatcher

        def dispatcher(args: list[str], lineno: int) -> Any:
            self.commands.append(tuple(args))
            return dispatch(args, lineno)

        self.grammar.handler.dispatcher = dispatcher

    def read(self, kickstart: str) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
        """The commands and the scripts of a kickstart that has to be without complaint."""
        self.commands.clear()
        before, found, after = kickstart.partition(source(imgbase))
        assert self.grammar.read(before + after) == ()
        handler = self.grammar.handler
        scripts = [(str(s.type), s.interp, str(s.logfile), str(s.errorOnFail), s.script) for s in handler.scripts]
        assert handler.packages.packageList == []
        addons = [text.strip().split("\n") for text in handler._null_section_strings]
        assert [head.split()[:2] for head, *_ in addons] == ([] if found else [["%addon", "org_ovirt_node"]])
        assert all(parse(head.split()[2:], body).problems == () for head, *body, _ in addons)
        return list(self.commands), scripts


READERS = {release: Reader(release) for release in ("el9", "el10")}
TEMPLATES = Templates()


# A text out of pieces: "before "+@+" after".
PIECES = re.compile(r'("(?:[^"\\]|\\.)*)"\+@(?:\+")?')


def written(slot: Slot, value: str) -> str:
    """The value in its place. Braces mean themselves, which a key cannot say, and need not."""
    tag = "!unsafe " if "{" in value and not slot.path.endswith(".key") else ""
    around = slot.around
    pieces = PIECES.search(around)
    if pieces is None:
        return around.replace("@", tag + in_yaml(value), 1)
    end = "" if pieces.group().endswith('+"') else '"'
    return around[: pieces.start()] + tag + pieces.group(1) + in_yaml(value)[1:-1] + end + around[pieces.end() :]


def rendered(slot: Slot, value: str, release: str, directory: Path) -> str | list[Problem]:
    """The kickstart with a value in a slot, or the problems that refuse it."""
    # With the add-on and without, in turns.
    addon = "true" if release == "el9" else "false"
    changes = {"node_release": release, "node_addon": addon, slot.variable: written(slot, value)}
    if slot.variable == "node_network":
        changes["node_image_url"] = ON_MEDIUM
    hosts, problems = read_text(inventory_text(**changes), directory)
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors or not hosts:
        return errors
    text, problems = TEMPLATES.render(hosts[0])
    return text if text is not None else problems


def swapped(words: tuple[str, ...], harmless: str, value: str) -> tuple[str, ...]:
    """The words with a value in the place of the harmless one; without a full name unknown option for it."""
    found = (word.replace(harmless, value) for word in words)
    return tuple(word for word in found if word != "--gecos=")


def script_swapped(script: tuple[str, ...], harmless: str, value: str) -> tuple[str, ...]:
    """The same for a script. Its interpreter is what its first line says; it ends with one newline."""
    kind, interpreter, *rest, body = (word.replace(harmless, value) for word in script)
    return (kind, interpreter.split("\n")[0].rstrip(), *rest, body.rstrip("\n") + "\n")


def wanted_disks(scripts: list[tuple[str, ...]]) -> disks.Wanted:
    """What the program that finds the disks reads."""
    (body,) = (script[-1] for script in scripts if "node-disks.json" in script[-1])
    _, _, rest = body.partition("<<'END_OF_DISKS'\n")
    return disks.read(rest.partition("\nEND_OF_DISKS\n")[0])


def wanted_checks(scripts: list[tuple[str, ...]]) -> checks.Wanted:
    """What the program that checks the machine reads."""
    (body,) = (script[-1] for script in scripts if "node-checks.json" in script[-1])
    _, _, rest = body.partition("<<'END_OF_CHECKS'\n")
    return checks.read(rest.partition("\nEND_OF_CHECKS\n")[0])


def without_disks(scripts: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    return [
        script for script in scripts if not re.search("node-(?:disks|checks).json", script[-1]) and script[2] != LOG
    ]


def content_scripts(scripts: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """How the scripts begin that put the site's variables on the node: test_content.py runs them."""
    return [script[:-1] for script in scripts if script[2] == LOG]


@pytest.mark.parametrize("slot", SLOTS, ids=lambda slot: f"{slot.path}-{slot.around[:30]}")
def test_hostile_value_is_refused_or_read_back(slot: Slot, tmp_path: Path) -> None:
    accepted = []
    for name, value in HOSTILE.items():
        found = rendered(slot, value, "el9", tmp_path)
        if isinstance(found, str):
            accepted.append(name)
            continue
        assert found, name
        assert all(len(problem.message) < 2000 and problem.message.isprintable() for problem in found), name
    for release, reader in READERS.items():
        harmless = rendered(slot, slot.harmless, release, tmp_path)
        assert isinstance(harmless, str), harmless
        commands, scripts = reader.read(harmless)
        for name in accepted:
            value = HOSTILE[name]
            found = rendered(slot, value, release, tmp_path)
            assert isinstance(found, str), found
            read_commands, read_scripts = reader.read(found)
            # Volumes stand in the order of their names.
            expected = collections.Counter(swapped(words, slot.harmless, value) for words in commands)
            assert collections.Counter(read_commands) == expected, name
            # What is wanted of the disks, and of the machine, is JSON inside a script.
            of_machine, of_harmless = wanted_checks(read_scripts), wanted_checks(scripts)
            assert [one.name for one in of_machine.addresses] == [one.name for one in of_harmless.addresses], name
            assert of_machine.serial == of_harmless.serial.replace(slot.harmless, value), name
            assert len(wanted_disks(read_scripts).disks) == 1, name
            expected_scripts = [script_swapped(s, slot.harmless, value) for s in without_disks(scripts)]
            assert without_disks(read_scripts) == expected_scripts, name
            assert content_scripts(read_scripts) == content_scripts(scripts), name


@pytest.mark.parametrize(
    ("around", "variable", "names"),
    [
        ("[{name: erika, gecos: @}]", "node_users", ("both-quotes", "hash-behind-a-blank", "shell-variable", "emoji")),
        (
            f'["{KEY} "+@+" end"]',
            "node_ssh_keys",
            ("both-quotes", "blanks-inside", "group-of-sudo", "option", "backslash"),
        ),
        (f'["{KEY}", "{KEY} "+@+" end"]', "node_ssh_keys", ("substitution", "keys-terminator", "end", "expression")),
        ("[first, @, last]", "node_post", ("statement", "hook-terminator-in-a-line", "quote-alone", "group-of-sudo")),
    ],
)
def test_harmless_though_strange_is_accepted(
    around: str, variable: str, names: tuple[str, ...], tmp_path: Path
) -> None:
    for name in names:
        found = rendered(Slot("", variable, around), HOSTILE[name], "el9", tmp_path)
        assert isinstance(found, str), (name, found)
