# SPDX-License-Identifier: GPL-2.0-or-later
"""The discovery of a published tree: for some time, machines without a boot file of their own boot one that looks.

`discovery.json` has all that the files of a discovery are made of, so that each run writes them again. nginx refuses
its kernel and kickstart after its end, or without its file in `armed/`; then these machines boot their disk.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ksgen.host import Host
from ksgen.netboot import bootargs, bootfiles
from ksgen.netboot.addresses import boot_address
from ksgen.netboot.arming import Arming, read_token
from ksgen.netboot.bootfiles import File
from ksgen.netboot.boottemplates import BootTemplates, Words
from ksgen.templates import TEMPLATE_ERRORS

DISCOVERY_FILE = "discovery.json"
DISCOVERY_KICKSTART = "discovery/discovery.ks"
# In the place of a host in the permission. `ksgen discover` refuses an inventory with a host of this name.
DISCOVERY_NAME = "_discovery"
_VERSION = 1
# No array is assembled and no volume activated by the initramfs (dracut.cmdline(7)) or the kernel, and what is
# assembled nevertheless is not written to before it is mounted (md(4), start_ro).
_HANDS_OFF = ("rd.md=0", "rd.lvm=0", "rd.dm=0", "rd.auto=0", "raid=noautodetect", "md_mod.start_ro=1")
_MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")


@dataclasses.dataclass(frozen=True)
class Discovery:
    """The permission to look at machines, until a time, and what their boot files say.

    `random` and `report` are secrets, as those of an Arming: the first is part of the permission that boot files name,
    the second is shown by machines that tell. `arguments` are those of the kernel. `disks`: MAC addresses of machines
    that boot their disk meanwhile, as they have been discovered, or belong to a host.
    """

    given: datetime.datetime
    until: datetime.datetime
    random: str = dataclasses.field(repr=False)
    report: str = dataclasses.field(repr=False)
    release: str
    server: str
    path: str
    arguments: tuple[str, ...]
    disks: tuple[str, ...] = ()

    @property
    def token(self) -> str:
        """What names the permission to the web server."""
        return Arming(DISCOVERY_NAME, "", self.given, self.until, self.random).token

    def is_running(self, now: datetime.datetime, published: Collection[str]) -> bool:
        """Whether machines may boot it now. `published`: the permissions that the web server accepts."""
        return now < self.until and self.token in published


class Running(NamedTuple):
    """A running discovery, and its kickstart."""

    discovery: Discovery
    kickstart: str

    def files(self, templates: BootTemplates, taken: Collection[str]) -> list[File]:
        """Its files. `taken`: MAC addresses that have boot files of their host."""
        return discovery_files(self.discovery, self.kickstart, templates, taken)


def kernel_arguments(host: Host, token: str) -> tuple[str, ...]:
    """The arguments of a machine that is discovered, with release, servers and further arguments of a host."""
    settings = host.settings
    given = {argument.partition("=")[0] for argument in settings.installer_args}
    ours = [
        f"inst.stage2={settings.tree_url}",
        f"inst.ks={bootargs.base_url(settings)}/{DISCOVERY_KICKSTART}?armed={token}",
        "ip=dhcp",
        # The kickstart has the token of the reports.
        "inst.nosave=all_ks",
        *_HANDS_OFF,
    ]
    if proxy := settings.proxy_for(settings.tree_url):
        ours.append(f"inst.proxy={proxy}")
    return (*(argument for argument in ours if argument.partition("=")[0] not in given), *settings.installer_args)


def discovery_of(host: Host, given: datetime.datetime, until: datetime.datetime, random: str, report: str) -> Discovery:
    """A discovery with release, servers and arguments of a host."""
    settings, address = host.settings, boot_address(host.settings)
    bare = Discovery(given, until, random, report, str(settings.release), address.server, address.path, ())
    return dataclasses.replace(bare, arguments=kernel_arguments(host, bare.token))


# --- on disk ---------------------------------------------------------------------------------------------------------


def stored_discovery(directory: Path) -> Discovery | None:
    """The discovery of a published tree, running or not. Raises OSError, and ValueError for an invalid file."""
    try:
        data = json.loads((directory / DISCOVERY_FILE).read_bytes())
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError):
        raise ValueError("is not JSON") from None
    try:
        found = _read(data)
    except (KeyError, TypeError, ValueError, OverflowError):
        raise ValueError("is not a discovery of this version of ksgen") from None
    return found


def _read(data: Mapping[str, Any]) -> Discovery:
    if data["version"] != _VERSION or not all(_MAC.fullmatch(mac) for mac in data["disks"]):
        raise ValueError
    given, until = (datetime.datetime.fromisoformat(data[key]) for key in ("given", "until"))
    found = Discovery(
        given=given,
        until=until,
        random=str(data["secret"]),
        report=str(data["report"]),
        release=str(data["release"]),
        server=str(data["server"]),
        path=str(data["path"]),
        arguments=tuple(map(str, data["arguments"])),
        disks=tuple(data["disks"]),
    )
    if read_token(found.token) is None:
        raise ValueError
    return found


def running_discovery(directory: Path, now: datetime.datetime) -> Running | None:
    """The discovery of a published tree, if it is running. Raises OSError, and ValueError for an invalid file."""
    found = stored_discovery(directory)
    if found is None or not found.is_running(now, {path.name for path in (directory / "armed").glob("*")}):
        return None
    try:
        return Running(found, (directory / DISCOVERY_KICKSTART).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def discovery_text(discovery: Discovery) -> str:
    """The file that `stored_discovery` reads."""
    data = dataclasses.asdict(discovery)
    data["secret"] = data.pop("random")
    data |= {key: getattr(discovery, key).isoformat().replace("+00:00", "Z") for key in ("given", "until")}
    return json.dumps({"version": _VERSION, **data}, indent=1) + "\n"


# --- files -----------------------------------------------------------------------------------------------------------


def discovery_files(
    discovery: Discovery, kickstart: str, templates: BootTemplates, taken: Collection[str]
) -> list[File]:
    """The files of a discovery. `taken`: MAC addresses that have boot files of their host."""
    files = [File(path, text) for path, text in bootfiles.for_unknown(templates, _values(discovery))]
    files += [File(path, text) for mac in discovery.disks if mac not in taken for path, text in _disk(mac, templates)]
    # nginx looks only at whether the file exists; its content is not served.
    files += [File(f"armed/{discovery.token}", "\n"), File(DISCOVERY_KICKSTART, kickstart)]
    return [*files, File(DISCOVERY_FILE, discovery_text(discovery))]


def disk_paths(mac: str) -> tuple[str, ...]:
    """The boot files of a machine."""
    suffixes = {"ipxe/": ".ipxe"}
    return tuple(f"{begin}{bootargs.dashed(mac)}{suffixes.get(begin, '')}" for begin, _ in bootfiles.HOST_FILES)


def _disk(mac: str, templates: BootTemplates) -> Iterator[tuple[str, str]]:
    """The boot files of a machine that boots its disk while others are discovered."""
    note = Words(f"{mac} boots its disk: it is known.")
    for path, (_, template) in zip(disk_paths(mac), bootfiles.HOST_FILES, strict=True):
        yield path, templates.disk_file(template, note)


def _values(discovery: Discovery) -> dict[str, object]:
    """What the boot files of all machines are rendered with."""
    until = discovery.until.strftime("%Y-%m-%dT%H:%M:%SZ")
    kernel, initrd = (f"boot/{discovery.release}/{name}?armed={discovery.token}" for name in bootfiles.KERNEL_FILES)
    web, grub = f"http://{discovery.server}{discovery.path}", f"(http,{discovery.server}){discovery.path}"
    return {
        "discovery": {
            "note": Words(f"Machines of no host are discovered until {until}. Nothing is written to their disks."),
            "arguments": discovery.arguments,
            "kernel": f"{web}/{kernel}",
            "initrd": f"{web}/{initrd}",
            "grub_kernel": f"{grub}/{kernel}",
            "grub_initrd": f"{grub}/{initrd}",
        }
    }


def discovery_ended(
    tree: Path, discovery: Discovery | None, templates: BootTemplates
) -> tuple[dict[str, str], frozenset[str]]:
    """What changes in a tree when its discovery ends: texts by path, and paths that are removed.

    Only what is there is removed; a boot file that has become that of a host stays. With the built-in templates where
    those of the site fail: ending must not depend on a template.
    """
    try:
        return _ended(tree, discovery, templates)
    except TEMPLATE_ERRORS:
        return _ended(tree, discovery, BootTemplates())


def _ended(tree: Path, discovery: Discovery | None, templates: BootTemplates) -> tuple[dict[str, str], frozenset[str]]:
    texts = dict(bootfiles.for_unknown(templates, {"discovery": None}))
    paths = {DISCOVERY_FILE, DISCOVERY_KICKSTART}
    paths |= {f"armed/{path.name}" for path in (tree / "armed").glob(f"{DISCOVERY_NAME}.*")}
    for mac in discovery.disks if discovery else ():
        for path, text in _disk(mac, templates):
            if (tree / path).is_file() and (tree / path).read_text(errors="replace") == text:
                paths.add(path)
    return texts, frozenset(path for path in paths if (tree / path).is_file())
