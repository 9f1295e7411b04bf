# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the parts of the documents that follow from the code: variables, numbers, pictures.

docs/generate.py            write them
docs/generate.py --check    say which are out of date, and exit 1
"""

from __future__ import annotations

import io
import re
import sys
import tempfile
from dataclasses import fields
from pathlib import Path

import packages
import performance
from check_examples import EXAMPLES as CHECK_EXAMPLES
from check_examples import HASH, KEY, OVIRT_HOST, PLAIN, SMALL, Example
from jinja2 import Environment, meta
from rich.console import Console

from ksgen.addon import updates
from ksgen.cli import picture
from ksgen.grammar import ksfile
from ksgen.host import Host, read_hosts
from ksgen.inventory import reader
from ksgen.kickstart.page import Page, Templates
from ksgen.lint import checking, commands, linter
from ksgen.problems import Problem
from ksgen.problems.codes import CODES
from ksgen.templates import TEMPLATES
from ksgen.variables import PREFIX, Settings
from ksgen.variables.kinds import NodeSettings
from org_ovirt_node import layout
from org_ovirt_node.layout import HOST, LAYOUTS, Request, size_text
from org_ovirt_node.layout.policy import ROOT_SIZE
from org_ovirt_node.programs import disks

DOCS = Path(__file__).resolve().parent

GROUPS = {
    "What is installed": ("kind", "release", "image_url", "image_sha256", "image_size", "tree_url", "addon", "efi_dir"),
    "Where": ("disk", "raid", "multipath", "reinstall", "erase", "firmware", "serial", "checks"),
    "Layout": (
        "layout", "images", "root_size", "boot_size", "volumes", "swap_size", "filesystem", "vg",
        "pool",
    ),
    "Network": (
        "mac", "network", "boot_network", "hostname", "server_url", "report_url", "report_pin", "dhcp", "firewall",
        "iscsi_initiator", "proxy", "ca_certificates",
    ),
    "People": ("root_password_hash", "ssh_keys", "users"),
    "Place": ("timezone", "ntp_servers", "lang", "keyboard"),
    "System": (
        "kernel_args", "boot_timeout", "selinux", "kdump", "pre", "post_site", "post_group", "post", "installer_args",
    ),
    "Content of the node": (
        "repos", "packages", "drivers", "files", "modules", "sysctl", "hugepages", "services", "local_disks",
    ),
    "Power management": ("bmc",),
}  # fmt: skip

# An authority that no server has a certificate from; its key was discarded.
CERTIFICATE_LINES = (
    "-----BEGIN CERTIFICATE-----",
    "MIIBLjCB1KADAgECAgEBMAoGCCqGSM49BAMCMBUxEzARBgNVBAMMCkV4YW1wbGUg",
    "Q0EwIBcNMjAwMTAxMDAwMDAwWhgPMjA5OTEyMzEwMDAwMDBaMBUxEzARBgNVBAMM",
    "CkV4YW1wbGUgQ0EwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAROSQIkU7/czH42",
    "aQcr6vOaaK8CeXg2dyuGOuaKXGQ8bBaLPsByZjqqQ9sFDJTJpZn7c/AiKKN6q2pU",
    "p8YvDNc2oxMwETAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0kAMEYCIQCv",
    "rAKxXom8Ag+1CL9Uqg03FZSfsjoAoc2ORIcdtL2GvgIhAMy3/Drtsy2F6HJrhQ+N",
    "GYRaRkcGYrvgfKSxwD0VaT7t",
    "-----END CERTIFICATE-----",
)
# Below "|" in an inventory; in a table, one line with escapes.
CERTIFICATE = '"' + "\\n".join(CERTIFICATE_LINES) + '"'

# What a reader can copy; tests/repository/test_docs.py reads each of them.
EXAMPLES = {
    "kind": "node",
    "release": "el9",
    "image_url": "https://pxe.example.com/images/ovirt-node-ng-4.5.7.squashfs.img",
    "image_sha256": "3f0a377ba0a4a460ecb616f6507ce0d8cfa3e704025d4fda3ed0c5ca05468728",
    "image_size": "2.2 GiB",
    "tree_url": "https://pxe.example.com/almalinux/9/",
    "addon": "tree",
    "efi_dir": "centos",
    "disk": '{wwn: "0x5000c500a1b2c3d4", size: 480 GB}',
    "raid": "1",
    "multipath": "true",
    "reinstall": "true",
    "erase": "[luks]",
    "firmware": "uefi",
    "serial": '"CZ20350K4M"',
    "checks": "{skip: [virtualization], wait: 1 h}",
    "layout": "minimal",
    "images": "3",
    "root_size": "12 GiB",
    "boot_size": "4 GiB",
    "volumes": "{/var: 30 GiB, /data: 100 GiB}",
    "swap_size": "recommended",
    "filesystem": "ext4",
    "vg": "HostVG",
    "pool": "HostPool",
    "mac": '"52:54:00:aa:00:01"',
    "network": "[{name: eno1, ipv4: 10.0.1.11/24, gateway4: 10.0.1.1, dns: [10.0.0.53]}]",
    "boot_network": "dhcp",
    "hostname": "node01.example.com",
    "server_url": "http://pxe.example.com/nodes/",
    "report_url": "https://reports.example.com/report",
    "report_pin": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "dhcp": "{interface: eno1, first: 10.0.1.100, last: 10.0.1.200}",
    "firewall": "{services: [snmp], ports: [161:udp, 9100:tcp]}",
    "iscsi_initiator": "iqn.2001-04.com.example:node01",
    "proxy": '{url: "http://proxy.example.com:3128", no_proxy: [.example.com, 10.0.0.0/8]}',
    "ca_certificates": CERTIFICATE,
    "root_password_hash": f'"{HASH[:24]}…"',
    "ssh_keys": f'["{KEY}"]',
    "users": f'[{{name: erika, groups: [wheel], ssh_keys: ["{KEY}"]}}]',
    "timezone": "Europe/Vienna",
    "ntp_servers": "[ntp1.example.com, 10.0.0.123]",
    "lang": "de_AT.UTF-8",
    "keyboard": "de-nodeadkeys",
    "kernel_args": "intel_iommu=on iommu=pt",
    "boot_timeout": "15",
    "selinux": "permissive",
    "kdump": "auto",
    "pre": '"echo before partitioning"',
    "post": '"echo vm.swappiness=10 >/etc/sysctl.d/90-site.conf"',
    "post_site": '"echo site >/etc/motd"',
    "post_group": '"echo rack >>/etc/motd"',
    "repos": "[{name: site, url: https://pxe.example.com/site/el9/, gpgcheck: false}]",
    "bmc": "{type: redfish, address: node01.bmc.example.com, user: fencing, "
    'password: !vault "$ANSIBLE_VAULT;1.1;AES256…"}',
    "packages": "[lldpd, smartmontools]",
    "drivers": "[{package: kmod-mpt3sas, modules: [mpt3sas]}]",
    "files": '[{path: /etc/motd, content: "A node of the site\\n"}]',
    "modules": "{load: [vfio_pci], options: {kvm_intel: nested=1}, blacklist: [nouveau]}",
    "sysctl": "{vm.swappiness: 10}",
    "hugepages": "{1G: 64}",
    "services": "{enabled: [lldpd], masked: [cockpit.socket]}",
    "local_disks": '["0x5000c500a1b2ffff"]',
    "installer_args": "inst.sshd console=ttyS1,115200n8",
}

_PLANNED = (
    ("one disk of 480 GB, UEFI", {"node_disk": '{wwn: "0x5000c500a1b2c3d4", size: 480 GB}', "node_firmware": "uefi"}),
    (
        "a mirrored pair of 960 GB",
        {
            "node_disk": '[{wwn: "0x5000c500a1b2c3d4", size: 960 GB}, {wwn: "0x5000c500a1b2c3d5", size: 960 GB}]',
            "node_raid": "1",
        },
    ),
    (
        "layout minimal on 64 GB, BIOS",
        {
            "node_disk": '{wwn: "0x5000c500a1b2c3d4", size: 64 GB}',
            "node_layout": "minimal",
            "node_firmware": "bios",
        },
    ),
)


def variables() -> str:
    """The tables of docs/inventory.md."""
    parts = []
    for heading, names in GROUPS.items():
        parts.append(f"### {heading}\n\n| variable | default | example | |\n|---|---|---|---|")
        parts += [_row(name) for name in names]
        parts.append("")
    return "\n".join(parts)


def _row(name: str) -> str:
    field = Settings.model_fields[name]
    if field.is_required():
        default = "**required**"
    else:
        value = field.get_default(call_default_factory=True)
        default = f"`{_yaml(name, value)}`" if value not in (None, [], {}) else ""
    description = (field.description or "").replace("|", "\\|")
    return f"| `{PREFIX}{name}` | {default} | `{EXAMPLES[name]}` | {description} |"


def _yaml(name: str, value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return size_text(value) if isinstance(value, int) and name.endswith("_size") else str(value)


def volumes() -> str:
    """The volumes of each layout."""
    rows = ["| mount point | standard | minimal | host |", "|---|---|---|---|"]
    rows.append(f"| / | {size_text(ROOT_SIZE)} or the image's need | the same | {size_text(HOST.root_size)} |")
    sizes = {one.name: dict(one.volumes) for one in (*LAYOUTS.values(), HOST)}
    for mount_point in sorted({m for found in sizes.values() for m in found}):
        cells = [size_text(sizes[name][mount_point]) if mount_point in sizes[name] else "" for name in sizes]
        rows.append(f"| {mount_point} | {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def smallest() -> str:
    """The smallest disk of each layout."""
    rows = ["| layout | UEFI | BIOS | mirrored, each |", "|---|---|---|---|"]
    for name in (*LAYOUTS, HOST.name):
        cells = [
            Request(name, (layout.GIB,), firmware="uefi"),
            Request(name, (layout.GIB,), firmware="bios"),
            Request(name, (layout.GIB, layout.GIB), mirrored=True),
        ]
        found = [size_text(layout.plan(request).smallest_disk, round_up=True) for request in cells]
        rows.append(f"| {name} | {found[0]} | {found[1]} | {found[2]} |")
    return "\n".join(rows) + "\n"


def pictures() -> str:
    """What `ksgen plan` shows of some disks."""
    parts = []
    for title, more in _PLANNED:
        text, host = io.StringIO(), _host(more)
        Console(file=text, width=100).print(picture.plan_picture(host, host.plan))
        lines = [line.rstrip() for line in text.getvalue().splitlines()[1:]]
        parts.append(f"### {title}\n\n```\n" + "\n".join(lines).strip("\n") + "\n```\n")
    return "\n".join(parts)


def _host(more: dict[str, str]) -> Host:
    required = {name: EXAMPLES[name] for name, field in NodeSettings.model_fields.items() if field.is_required()}
    settings = {f"{PREFIX}{name}": text for name, text in required.items()} | {"node_ssh_keys": EXAMPLES["ssh_keys"]}
    lines = "\n".join(f"      {key}: {value}" for key, value in {**settings, **more}.items())
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "hosts.yaml"
        path.write_text(f"all:\n  hosts:\n    node01.example.com:\n{lines}\n")
        found, _ = reader.read([path])
    (host,), _ = read_hosts(found)
    return host


def codes() -> str:
    """All problem codes."""
    parts = []
    for topic, meanings in CODES.items():
        parts.append(f"### {topic}\n\n| code | meaning |\n|---|---|")
        parts += [f"| `{code}` | {meaning} |" for code, meaning in meanings.items()]
        parts.append("")
    return "\n".join(parts)


_GRAVE = {"error": "**error**", "warning": "warning", "note": "note"}


def checks() -> str:
    """Every check of kickstarts, by topic."""
    sources = {check.code: check.source for check in checking.CHECKS}
    sources |= {code: source for code, _, source in commands.GRAMMAR}
    node, _ = Templates().render(_host(CHECKED_NODE))
    alone, _ = Templates().render(_host({**CHECKED_NODE, "node_addon": "false"}))
    texts = {"plain": PLAIN, "small": SMALL, "host": OVIRT_HOST, "node": node or "", "alone": alone or ""}
    parts = []
    for topic, meanings in CODES.items():
        found = [_check_entry(code, meanings[code], sources, texts) for code in meanings if code in LINTED]
        if found:
            parts.append(f"## {topic}\n\n" + "\n".join(found))
    return "\n".join(parts)


# As the node of the examples is.
CHECKED_NODE = {
    "node_image_url": "http://pxe.example.com/node.squashfs.img",
    "node_root_password_hash": f'"{HASH}"',
    "node_ssh_keys": "[]",
    "node_disk": '{wwn: "0x5000000000000001", size: 480 GB}',
    "node_volumes": "{/data: 20 GiB}",
}


_OF_LAYOUT = "org_ovirt_node/layout/policy.py"
# What lint reports that no line of a good kickstart shows: how grave it is, and where the rule is from.
WITHOUT_EXAMPLE = {
    "cannot-read": ("error", "the file itself"),
    "no-such-file": ("error", "the file itself"),
    "file-too-large": ("error", "a limit of ksgen"),
    "not-utf-8": ("error", "pyanaconda, kickstart.py"),
    "include-missing": ("warning", "pykickstart, parser.py"),
    "include-loop": ("error", "pykickstart, parser.py"),
    "kickstart-empty": ("error", "pyanaconda, kickstart.py"),
    "root-below-image": ("error", _OF_LAYOUT),
    "volume-tiny": ("error", _OF_LAYOUT),
    "volume-other-pool": ("error", _OF_LAYOUT),
    "reserve-too-small": ("error", _OF_LAYOUT),
    "reserve-small": ("warning", _OF_LAYOUT),
    "cannot-update": ("warning", _OF_LAYOUT),
    "images-below-wish": ("warning", _OF_LAYOUT),
}
# Every code that lint reports; tests/lint/test_documented.py looks for others.
LINTED = {*CHECK_EXAMPLES, *WITHOUT_EXAMPLE}


def _check_entry(code: str, meaning: str, sources: dict[str, str], texts: dict[str, str]) -> str:
    if code in WITHOUT_EXAMPLE:
        severity, source = WITHOUT_EXAMPLE[code]
        return f"### `{code}`\n\n{meaning} · {_GRAVE[severity]} · source: {source}\n"
    example = CHECK_EXAMPLES[code]
    (problem,) = told(example, texts[example.base])
    assert problem.code == code, problem
    source = sources.get(code, sources["node-layout"])
    rows = [f"### `{code}`", "", f"{meaning} · {_GRAVE[problem.severity]} · source: {source}", "", "```diff"]
    rows += [f"-{line}" for line in _shown(example.bad)] + [f"+{line}" for line in _shown(example.good)]
    rows += ["```", "", f"`{problem.message}`" + (f"; `{problem.hint}`" if problem.hint else ""), ""]
    return "\n".join(rows)


# What each name in the templates of a kickstart is; template_names() compares them with the code.
TEMPLATE_NAMES = {
    "version": "the version of ksgen",
    "name": "the host's name in the inventory",
    "hostname": "the host's own name: `node_hostname`, or the name in the inventory",
    "settings": "ksgen's variables without their prefix, typed, with defaults: `settings.timezone`; sizes are bytes",
    "storage": "the storage commands of the plan (`Commands` in `org_ovirt_node/layout/commands.py`)",
    "disks": "the links to the host's disks, which the disk resolver creates",
    "network": "the options of each `network` command, as lists of words",
    "has_other_ports": "whether members of bonds and bridges are kept from getting connections of their own",
    "network_file": "the file with the `network` commands that %pre writes, if a member is named by its MAC address",
    "image_proxy": "the proxy for the download of the image, if there is one for its server",
    "package_sources": "the commands for the tree and repositories of a plain host, as lists of words",
    "package_lines": "the lines of `%packages` of a plain host",
    "certificates": "the certificates of `node_ca_certificates`, in PEM",
    "kdump": "`auto`, or the memory for dumps of the kernel in MiB",
    "iscsi_names": "the iSCSI name of the host, if it has one",
    "keys": "user and first SSH key, for `sshkey`",
    "more_keys": "user and further SSH keys",
    "pre": "the scripts of `node_pre`: `body` and `interpreter`",
    "post": "the scripts of `node_post`: `body` and `interpreter`",
    "content": "the steps that put the site's variables on the node: `variable`, `title` and `body`",
    "content_log": "the log file of these steps",
    "content_done": "what they print at their end",
    "addon": "the section `%addon org_ovirt_node`; empty if `node_addon` is `false`",
    "hook": "the source of the hook, for a kickstart without the add-on",
    "hook_arguments": "the arguments of the hook",
    "hook_log": "the log file of the hook",
    "checker": "the source of the checks of the machine",
    "checks_wanted": "what is checked on the machine, as JSON",
    "boot_arguments": "what the kickstart needs on the installer's command line, for a comment",
    "namer": "the source of the program that gives NICs their names",
    "pinned_names": "the NICs that are given names, as `NAME=MAC`",
    "nics": "the source of the NIC resolver",
    "report": "what the reporter reads, as JSON; none without reports",
    "reporter": "the source of the reporter",
    "report_place": "the directory of the reporter in the installer",
    "resolver": "the source of the disk resolver",
    "resolver_wanted": "what the disk resolver looks for, as JSON",
    "programs": "the directory of the add-on's programs in the installer",
    "addon_words": "what is said where the installer lacks the add-on (`AddonWords` in `ksgen/kickstart/page.py`)",
}


def template_names() -> str:
    """The names in the templates of a kickstart."""
    names = [field.name for field in fields(Page)]
    unknown = set(names) ^ set(TEMPLATE_NAMES)
    if unknown:
        raise SystemExit(f"TEMPLATE_NAMES and Page differ: {', '.join(sorted(unknown))}")
    rows = ["| name | what it is |", "|---|---|", *(f"| `{name}` | {TEMPLATE_NAMES[name]} |" for name in names)]
    rows.append(
        "| `vars` | all variables of the inventory, as Ansible has them: `vars.site_proxy`, `vars['odd-name']` |"
    )
    rows.append("| any variable | each variable of the inventory under its own name, unless a name above hides it |")
    return "\n".join(rows)


def templates() -> str:
    """The built-in templates, and the names that each uses."""
    environment = Environment()
    rows = ["| template | names it uses |", "|---|---|"]
    for path in sorted(TEMPLATES.rglob("*.j2"), key=lambda path: (path.parent != TEMPLATES, path)):
        names = sorted(meta.find_undeclared_variables(environment.parse(path.read_text(encoding="utf-8"))))
        rows.append(f"| `{path.relative_to(TEMPLATES)}` | {' '.join(f'`{name}`' for name in names)} |")
    return "\n".join(rows)


def told(example: Example, text: str) -> list[Problem]:
    """What the checks say of a good kickstart with the example's mistake in it, and not of the good one."""
    assert example.good in text, example
    of_release = linter.Linter(example.release)
    good, wrong = (
        of_release.lint(ksfile.include("example.ks", one, str))
        for one in (text, text.replace(example.good, example.bad, 1))
    )
    return [problem for problem in wrong if problem.code not in {other.code for other in good}]


def _shown(text: str) -> list[str]:
    """A piece of a kickstart that a page can show."""
    lines = text.strip("\n").replace("\0", "<NUL>").replace("\r", "<CR>").split("\n")
    return lines if lines != [""] else ["(nothing)"]


# What the files are for that Anaconda looks for by their names.
_FILES = {
    "etc/anaconda/conf.d/": "Anaconda's configuration: its own automatic partitioning, modules that must start",
    "usr/share/anaconda/dbus/confs/": "who may have the service's name on Anaconda's bus: root",
    "usr/share/anaconda/dbus/services/": "how Anaconda's bus starts the service",
    "usr/share/anaconda/interactive-defaults.ks": "with `--interactive`: installs the medium's image, asks the rest",
    "usr/share/locale/": "translations of the spokes and findings",
    "usr/share/anaconda/post-scripts/": "the hook, which runs imgbase in the new system",
}


def content() -> str:
    """The files of the add-on's image; the package in one row."""
    package = f"{updates.ADDONS_PLACE}/org_ovirt_node/"
    paths = [file.path for file in updates.addon_files(is_interactive=True) if not file.path.startswith(package)]
    rows = [f"| `/{path}` | {next(_FILES[start] for start in _FILES if path.startswith(start))} |" for path in paths]
    rows.append(f"| `/{package}` | the Python package: service, spokes, policy, `programs/` with hook and resolvers |")
    return "\n".join(["| file | |", "|---|---|", *sorted(rows)]) + "\n"


_RULES = {
    disks.REUSE: "erased",
    disks.LOOK: "inspected; erased if nothing is found",
    disks.LOOK_IF: "inspected if the kernel supports it, otherwise erased",
    disks.ASSEMBLE: "decided by the volume group or array that it belongs to; then erased",
    disks.FIRMWARE: "refused: firmware RAID",
    disks.MEDIUM: "refused on a whole disk (installation medium), otherwise erased",
}


def words() -> str:
    """The keywords of node_erase."""
    rows = ["| keyword | what it allows to be erased |", "|---|---|"]
    rows += [f"| `{word}` | contents of {owner} |" for word, owner in disks.OWNERS.items()]
    rows += [f"| `{word}` | unknown contents: {why} |" for word, why in disks.CLOSED.items()]
    return "\n".join(rows) + "\n"


def signatures() -> str:
    """What follows from each type of blkid."""
    found: dict[str, list[str]] = {}
    for signature, rule in disks.BLKID_TYPES.items():
        found.setdefault(_RULES.get(rule, f"refused; `node_erase: [{rule}]` allows it"), []).append(signature)
    rows = ["| decision | types |", "|---|---|"]
    rows += [f"| {decision} | {_codes(found[decision])} |" for decision in sorted(found)]
    rows.append("| refused; `node_erase: [unknown]` allows it | any other |")
    return "\n".join(rows) + "\n"


def partitions() -> str:
    """What follows from partition types; of a GUID the beginning counts."""
    found: dict[str, list[str]] = {}
    for prefix, word in disks.PARTITION_TYPES.items():
        found.setdefault(word, []).append(prefix if prefix.startswith("0x") else f"{prefix}…")
    rows = ["| refused unless `node_erase` has | types |", "|---|---|"]
    rows += [f"| `{word}` | {_codes(types)} |" for word, types in sorted(found.items())]
    return "\n".join(rows) + "\n"


def _codes(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names, key=str.lower))


PARTS = {
    "../README.md": {"packages": packages.table},
    "disks.md": {"words": words, "signatures": signatures, "partitions": partitions},
    "addon.md": {"content": content},
    "checks.md": {"checks": checks},
    "problems.md": {"codes": codes},
    "performance.md": {
        "machine": performance.machine,
        "points": performance.points,
        "ratios": performance.ratios,
        "commands": performance.commands,
        "demand": performance.demand,
        "racks": performance.racks,
    },
    "templates.md": {"names": template_names, "templates": templates},
    "inventory.md": {"variables": variables},
    "layout.md": {"volumes": volumes, "smallest": smallest, "pictures": pictures},
}


def renewed(name: str) -> str:
    """The text of a document with its generated parts as they should be."""
    text = (DOCS / name).read_text()
    for part, make in PARTS[name].items():
        begin, end = f"<!-- generated: {part} -->\n", "<!-- end -->\n"
        pattern = re.escape(begin) + ".*?" + re.escape(end)
        text, count = re.subn(
            pattern, lambda _, b=begin, m=make, e=end: b + "\n" + m() + "\n" + e, text, flags=re.DOTALL
        )
        assert count == 1, f"{name} has no part {part}"
    return text


def main() -> int:
    stale = [name for name in PARTS if renewed(name) != (DOCS / name).read_text()]
    if "--check" in sys.argv:
        print("\n".join(f"{name} is out of date: docs/generate.py" for name in stale))
        return 1 if stale else 0
    for name in stale:
        (DOCS / name).write_text(renewed(name))
    return 0


if __name__ == "__main__":
    sys.exit(main())
