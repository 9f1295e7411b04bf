# SPDX-License-Identifier: GPL-2.0-or-later
"""What an ISO for a whole site has besides that of a node: the kickstart of each host, and the one that chooses.

The installer reads the kickstart of `chooser`, whose %pre runs programs/selector.py: it finds the host that the machine
is, runs the %pre scripts of that host's kickstart, and leaves it for %include. So a kickstart is on the ISO as it would
be published, and whatever it runs in %pre runs here too.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence

from ksgen.grammar import Section, sections
from ksgen.problems import Finding
from ksgen.redaction import HASH, secrets
from org_ovirt_node.programs import disks, selector

# The directory on the ISO, and where the installer has the ISO.
DIRECTORY = "/ovirt-node"
_MOUNTED = "/run/install/repo"
CHOSEN = "/tmp/node-host.ks"
# Joliet, which some boot ISOs have beside Rock Ridge, cuts off longer names.
_NAME_LONGEST = 64 - len(".ks")
# The schemes of crypt(5) that kickstarts have.
_HASH = re.compile(r"\$(?:1|5|6|y|gy|2[abxy]?)\$[^\s\"':]+")


@dataclasses.dataclass(frozen=True)
class SiteHost:
    """A host, what its machine is known by, and its kickstart; `serial` is empty if the inventory has none.

    `secret_places` are (line, start, end), from 0, of what is secret by where it comes from.
    """

    name: str
    macs: tuple[str, ...]
    serial: str
    kickstart: str = dataclasses.field(repr=False)
    secret_places: tuple[tuple[int, int, int], ...] = ()


def site_files(hosts: Sequence[SiteHost], asks: bool) -> tuple[tuple[str, bytes], ...]:
    """(path, content) of the index and of each kickstart."""
    paths = {host.name: _file_name(number, host.name) for number, host in enumerate(hosts, 1)}
    index = selector.Site(tuple(_entry(host, paths[host.name]) for host in hosts), asks)
    files = [(f"{DIRECTORY}/{selector.INDEX}", selector.written(index).encode())]
    return (*files, *((f"{DIRECTORY}/{paths[host.name]}", host.kickstart.encode()) for host in hosts))


def chooser(hosts: int, version: str) -> str:
    """The kickstart that the boot entries name."""
    # inst.nosave: Anaconda would leave the kickstart with its hashes in /root of the node.
    number = f"{hosts} host" + ("" if hosts == 1 else "s")
    return f"""\
# Written by ksgen {version} for {number}: the machine finds its own by MAC address or serial number.
# Boot arguments: inst.nosave=all_ks

%pre --erroronfail --log=/tmp/node-site.log
/usr/bin/python3 {disks.ADDON}/programs/selector.py {_MOUNTED}{DIRECTORY} {CHOSEN}
%end

%include {CHOSEN}
"""


def _file_name(number: int, name: str) -> str:
    return f"{name}.ks" if len(name) <= _NAME_LONGEST else f"host{number}.ks"


def _entry(host: SiteHost, path: str) -> selector.Host:
    steps = tuple(_step(section) for section in sections(host.kickstart) if section.kind == "%pre")
    return selector.Host(host.name, host.macs, host.serial, path, steps)


def _step(section: Section) -> selector.Step:
    assert section.end is not None, "a kickstart of ksgen has a %pre without %end"
    logs = [argument.partition("=")[2] for argument in section.args if argument.startswith("--log=")]
    stops = "--erroronfail" in section.args
    return selector.Step(section.first, section.end - 1, section.interpreter, logs[-1] if logs else "", stops)


# --- what can be read by anyone who holds the stick ------------------------------------------------------------------


def exposed(host: SiteHost, with_hashes: bool) -> Iterator[Finding]:
    """Secrets of a kickstart that must not be on a medium that can be carried away."""
    lines = host.kickstart.split("\n")
    hashed: set[int] = set()
    secret: set[int] = set()
    for number, (line, spans) in enumerate(zip(lines, secrets(lines), strict=True)):
        for span in spans:
            is_hash = span.label == HASH or _HASH.fullmatch(line[span.start : span.end])
            (hashed if is_hash else secret).add(number)
    for number, start, end in host.secret_places:
        (hashed if _HASH.fullmatch(lines[number][start:end]) else secret).add(number)
    if secret:
        message = f"its kickstart has a secret ({_listed(secret)}), which anyone who holds the medium can read"
        hint = "leave out the host with --limit, or remove the secret: fetch it after the installation"
        yield Finding("iso-site-secret", message, hint=hint)
    if hashed and not with_hashes:
        message = f"its kickstart has a password hash ({_listed(hashed)}), which anyone who holds the medium can attack"
        yield Finding("iso-site-hash", message, hint="--with-hashes allows hashes; SSH keys need none")


def _listed(numbers: set[int]) -> str:
    shown = [str(number + 1) for number in sorted(numbers)]
    if len(shown) == 1:
        return f"line {shown[0]}"
    return f"lines {', '.join(shown[:3])}{' and others' if len(shown) > 3 else ''}"
