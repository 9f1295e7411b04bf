# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks the machine, its interfaces and every address that its installation needs, before a disk is touched.

Runs in %pre of the installer, standalone: one file, the standard library of Python 3.9. All checks run at the same
time, each prints one line, and all have ended within a minute. If one fails, the installation stops with the reason and
the cure on every terminal: Anaconda does not show why a %pre failed. What a person may be repairing (a link, a server)
is checked again for as long as the inventory says. A check that cannot be made is a warning, and never stops anything.
A check is waived by its name, in the inventory (node_checks) or with the boot argument inst.node.skip.
Usage: checks.py WANTED [EVERY FOR]
WANTED is a file with the text that `written` makes of a Wanted. The reason is repeated EVERY so many seconds, FOR so
many.
The functions that decide (check_...) take values and return a Result; docs/machine-checks.md describes each check.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import datetime
import email.utils
import hashlib
import http.client
import json
import os
import platform
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Optional
from urllib.parse import SplitResult, unquote, urlsplit

# The checks, in the order in which their lines are printed. Each can be waived, all at once cannot.
MACHINE = ("virtualization", "cpu", "memory", "firmware", "serial")
ADDRESSES = ("image", "tree", "report")
NAMES = (*MACHINE, "link", *ADDRESSES, "clock")
SKIP_ARGUMENT = "inst.node.skip"
# Where the reporter of the installation runs (report.py, PLACE).
REPORTS = "/run/ovirt-node-report"
LOG = "/tmp/node-checks.log"

REPEAT_EVERY = 30  # seconds
REPEAT_FOR = 900  # seconds: a quarter of an hour to come to the console
RETRY_EVERY = 5.0  # seconds between two looks at what a person may be repairing
LIMIT = 50.0  # seconds that one look may take: the start of Python and the texts on slow terminals fit in a minute
STEP_LIMIT = 8.0  # seconds for a connection, for TLS and for an answer each
TRIED = 4  # addresses of one name
CARRIER_LIMIT = 10.0  # seconds; IEEE 802.3 gives copper up to 3 for its negotiation, and twinax takes longer
CLOCK_TOLERANCE = 300  # seconds, as Kerberos has it: beyond this, servers begin to refuse
REDIRECTS = 5
TREEINFO_LONGEST = 64 * 1024  # bytes

# What oVirt's documentation requires of a host.
MEMORY_GIB = 2
# Stage 2 of a network installation (0.7 to 0.9 GB) and the initramfs are in memory beside the installer.
MEMORY_RECOMMENDED_GIB = 3
# ovirt.ovirt, roles/hosted_engine_setup/defaults: he_minimal_mem_size_MB and he_reserved_memory_MB, beside the host.
MEMORY_HOSTED_ENGINE_GIB = MEMORY_GIB + (4096 + 512) / 1024
# The kernel does not count what firmware, crash kernel and itself have reserved.
COUNTED = 0.9

# x86-64 psABI, low-level system information, micro-architecture levels; the names are those of /proc/cpuinfo.
LEVEL_2 = ("cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3")
LEVEL_3 = (*LEVEL_2, "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave")
# The levels that the releases are compiled for.
LEVELS = {"el9": ("x86-64-v2", LEVEL_2), "el10": ("x86-64-v3", LEVEL_3)}

# The kernel: arch/x86/kernel/cpu/feat_ctl.c, arch/x86/kvm/vmx/vmx.c, arch/x86/kvm/svm/svm.c, and kvm's of before 6.0.
SWITCHED_OFF = re.compile(
    r"(?i)\b(?:VMX|SVM)\b.*\bdisabled\b.*\bBIOS\b|\bkvm: disabled by bios|\b(?:VMX|SVM) not enabled \(by BIOS\)"
)
# Ports of the schemes whose servers are only connected to.
PORTS = {"http": 80, "https": 443, "ftp": 21, "nfs": 2049}
NFS = re.compile(r"nfs:(?:[a-z0-9=,]+:)?([A-Za-z0-9_.-]+|\[[0-9A-Fa-f:]+\]):/")
# X509_V_ERR_ of OpenSSL (openssl-verification-options(1)).
NOT_YET_VALID, EXPIRED = 9, 10
WRONG_NAME = (62, 64)

OK, WARNING, ERROR = "ok", "warning", "error"


@dataclasses.dataclass(frozen=True)
class Kind:
    """How the results of one code read. Results that are good, or could not be had, need no cure."""

    found: str
    needed: str = ""
    cure: str = ""


# What can be wrong with a machine: the spokes say this too, in the language of the installation.
MACHINE_KINDS = {
    "failed": Kind("the check could not be made: {why}"),
    "architecture": Kind("not checked on {architecture}"),
    "flags-unknown": Kind("/proc/cpuinfo has no flags of the processor"),
    "virtualization-off": Kind(
        "virtualization is switched off in the firmware: {message}",
        "Intel VT-x or AMD-V",
        "switch it on in the firmware's setup (Intel Virtualization Technology, or SVM Mode), then power the machine "
        "off and on",
    ),
    "virtualization-missing": Kind(
        "the processor shows neither vmx nor svm: {processor}",
        "Intel VT-x or AMD-V",
        "switch it on in the firmware's setup; in a virtual machine, give it the host's processor (nested "
        "virtualization)",
    ),
    "cpu-release": Kind("the processor that {release} requires is not known"),
    "cpu-level": Kind(
        "{processor} lacks {missing}",
        "{level}, for which {release} is compiled",
        "use another machine, or a release for this processor; in a virtual machine, give it the host's processor",
    ),
    "memory-unknown": Kind("/proc/meminfo does not have the size of the memory"),
    "memory-low": Kind("{size} GiB of memory", "{needed} GiB for a host of oVirt", "add memory"),
    "memory-tight": Kind(
        "{size} GiB of memory", "{needed} GiB for an installation over the network", "add memory if it stops"
    ),
}
KINDS = {
    **MACHINE_KINDS,
    "virtualization": Kind("{flag}"),
    "cpu": Kind("{processor} has {level}"),
    "memory": Kind("{size} GiB"),
    "memory-engine": Kind(
        "{size} GiB of memory",
        "{needed} GiB for a host that hosted engine is deployed on",
        "add memory, or deploy hosted engine on another host",
    ),
    "firmware": Kind("started by {mode}"),
    "firmware-other": Kind(
        "the installer was started by {mode}",
        "{wanted} (node_firmware)",
        "change the boot mode in the firmware's setup, or correct node_firmware",
    ),
    "serial": Kind("{serial}"),
    "serial-not-asked": Kind("{serial}; node_serial is not set"),
    "serial-unknown": Kind("the firmware gives no serial number", "{wanted} (node_serial)"),
    "serial-other": Kind(
        "the serial number of the machine is {serial}",
        "{wanted} (node_serial)",
        "check which machine this is; correct node_serial or node_mac",
    ),
    "link": Kind("{links}"),
    "link-none": Kind("no interface is described"),
    "link-doubtful": Kind("{links}", "", "check the cables and the ports of the switch"),
    "link-down": Kind(
        "{links}", "a link on each interface of node_network", "check the cables, the ports of the switch, node_network"
    ),
    "reached": Kind("{url}: {what}{way}"),
    "size-unknown": Kind(
        "{url}: the server does not state the size{way}",
        "Content-Length, without which the installer reads the image into memory",
        "let the server send Content-Length",
    ),
    "size-zero": Kind("{url} is empty{way}", "an image", "publish the image again"),
    "size-larger": Kind(
        "{url} has {size} bytes{way}",
        "{wanted} bytes at most (node_image_size), for which the root volume was planned",
        "correct node_image_size",
    ),
    "no-ranges": Kind(
        "{url}: the server does not support Range requests{way}",
        "",
        "a download that is interrupted starts from the beginning; switch Range requests on",
    ),
    "file-missing": Kind("{path} is not there yet", "", "check that node_pre, or the installation medium, provides it"),
    "no-treeinfo": Kind("{url} is not a .treeinfo{way}", "", "check node_tree_url"),
    "no-name-servers": Kind(
        "{host} cannot be resolved: the installer has no name servers",
        "the address of {host}",
        "add dns: to node_network, or name servers to DHCP; the boot arguments have nameserver= for the installer",
    ),
    "dns": Kind(
        "{host} cannot be resolved: {why}; name servers: {servers}",
        "the address of {host}",
        "check the name, the name servers, and the way to them",
    ),
    "no-route": Kind(
        "there is no route to {peer} ({host}): {why}",
        "a route to {host}",
        "check the gateway and the address of the installer (ip= of the boot arguments, or DHCP)",
    ),
    "gateway-silent": Kind(
        "cannot connect to {peer} port {port} ({host}){way}: the gateway {gateway} does not answer",
        "a connection to {host}",
        "check gateway4 of node_network, the VLAN of the port of the switch, and the gateway",
    ),
    "neighbour-silent": Kind(
        "cannot connect to {peer} port {port} ({host}){way}: no machine has this address",
        "a connection to {host}",
        "check the server, and the VLAN of the port of the switch",
    ),
    "unreachable": Kind(
        "cannot connect to {peer} port {port} ({host}){way}: {why}",
        "a connection to {host}",
        "check the server, the routers and the firewalls between",
    ),
    "refused": Kind(
        "{peer} port {port} ({host}) refuses the connection{way}",
        "a connection to {host}",
        "start the server, or correct the port of the URL",
    ),
    "silent": Kind(
        "{peer} port {port} ({host}) does not answer{way}",
        "a connection to {host}",
        "check the server, the routers and the firewalls between",
    ),
    "proxy": Kind(
        "the proxy {host} answers with HTTP status {status}{way}",
        "a connection through the proxy",
        "check node_proxy, and what the proxy allows",
    ),
    "tls": Kind(
        "no TLS connection to {host}{way}: {why}", "a TLS connection", "check the server, and the port of the URL"
    ),
    "tls-authority": Kind(
        "the certificate of {host} is not from a trusted authority{way}: {why}",
        "a certificate that the installer trusts",
        "add the authority to node_ca_certificates",
    ),
    "tls-dates": Kind(
        "the certificate of {host} is not valid at {now}, the time of this machine{way}: {why}",
        "a valid certificate, and the right time",
        "set the clock if it is wrong (see clock), or renew the certificate of the server",
    ),
    "tls-name": Kind(
        "the certificate of {host} is for another name{way}: {why}",
        "a certificate for {host}",
        "use the name of the certificate in the URL, or get a certificate for {host}",
    ),
    "tls-pin": Kind(
        "{host} shows another certificate than the pinned one{way}", "node_report_pin", "correct node_report_pin"
    ),
    "http": Kind("{host} does not answer in HTTP{way}: {why}", "an HTTP server", "check the port of the URL"),
    "status": Kind(
        "{url}: HTTP status {status}{way}", "HTTP status 200", "publish the file, or correct the URL in the inventory"
    ),
    "redirected": Kind(
        "{url}: HTTP status {status}{way}; the installer does not follow redirects of an image",
        "HTTP status 200",
        "write the URL that it redirects to in node_image_url",
    ),
    "report-status": Kind(
        "{url}: HTTP status {status}{way}", "", "start `ksgen serve`; the installation goes on without reports"
    ),
    "late": Kind(
        "{url}: no answer within {seconds} seconds ({step})",
        "an answer within {seconds} seconds",
        "check the server, the name servers, and the way to them",
    ),
    "clock": Kind("{difference} {way} that of {host}"),
    "clock-unknown": Kind("no server has sent its time"),
    "clock-wrong": Kind(
        "the clock is {difference} {way} that of {host}",
        "at most 5 minutes",
        "set the clock in the firmware's setup (UTC), or `date -u -s TIME; hwclock -w` in a shell of the installer",
    ),
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Result:
    """What a check has found. `code` is stable; `can_change`: while the machine waits, a person may repair it."""

    name: str
    verdict: str
    code: str
    values: tuple[tuple[str, str], ...] = ()
    can_change: bool = False

    def text(self, part: str, translate: Callable[[str], str] = str) -> str:
        """`found`, `needed` or `cure`, in words."""
        text = str(getattr(KINDS[self.code], part))
        return translate(text).format_map(dict(self.values)) if text else ""

    @property
    def line(self) -> str:
        """The result in one line."""
        needed = self.text("needed")
        return f"{self.verdict}: {self.name}: {self.text('found')}" + (f"; needed: {needed}" if needed else "")


def result(
    name: str, verdict: str, code: str, values: Optional[Mapping[str, object]] = None, can_change: bool = False
) -> Result:
    return Result(name, verdict, code, tuple((key, str(value)) for key, value in (values or {}).items()), can_change)


# --- what a kickstart asks of it --------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class WantedLink:
    """A NIC, by its name or MAC address; `bond` is that of which it is a member. `speed`: at least, in Mbit/s."""

    device: str
    bond: str = ""
    speed: Optional[int] = None


@dataclasses.dataclass(frozen=True)
class WantedAddress:
    """A URL that the installation needs; without `is_needed` it goes on when it cannot be had.

    `name` is one of ADDRESSES. `proxy` is the URL of the proxy, `pin` the SHA-256 fingerprint of the certificate, and
    `size` the largest size of the file, in bytes.
    """

    name: str
    url: str
    is_needed: bool = True
    proxy: str = ""
    pin: str = ""
    size: Optional[int] = None


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What a kickstart asks of this program: ksgen builds it and `written` writes it, `read` reads it here."""

    release: str
    links: tuple[WantedLink, ...] = ()
    addresses: tuple[WantedAddress, ...] = ()
    firmware: str = ""  # uefi, bios, or either
    serial: str = ""
    hosted_engine: bool = False
    skip: tuple[str, ...] = ()
    wait: int = 0  # seconds


CONTRACT = 1  # the version of the text; it rises whenever a key comes, goes or changes its meaning


class ContractError(ValueError):
    """A text that `written` of this version has not made."""


def written(wanted: Wanted) -> str:
    """The text that `read` reads: JSON, a line for each key, each interface and each address, without defaults."""
    data = {"version": CONTRACT, **_told(wanted)}
    lists = {key: [_told(one) for one in data.pop(key, ())] for key in ("links", "addresses")}
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in data.items()]
    for key, values in lists.items():
        items = ",\n  ".join(map(json.dumps, values))
        lines += [f" {json.dumps(key)}: [\n  {items}\n ]"] if values else []
    return "{\n" + ",\n".join(lines) + "\n}"


def _told(values: Any) -> dict[str, Any]:
    """The fields of a dataclass that differ from their defaults."""
    fields = dataclasses.fields(values)
    return {field.name: getattr(values, field.name) for field in fields if getattr(values, field.name) != field.default}


def read(text: str) -> Wanted:
    """What `written` has written. ContractError: with what is not understood in it."""
    try:
        data = json.loads(text)
        version = data.pop("version", None)
        if version != CONTRACT:
            raise ContractError(f"version {version!r} is not {CONTRACT}")
        links = tuple(WantedLink(**one) for one in data.pop("links", ()))
        addresses = tuple(WantedAddress(**one) for one in data.pop("addresses", ()))
        data["skip"] = tuple(data.get("skip", ()))
        return Wanted(links=links, addresses=addresses, **data)
    except ContractError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ContractError(f"{type(error).__name__}: {error}") from error


def skipped(wanted: Wanted, cmdline: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """The checks that are waived, each with what has waived it; and the names that are none."""
    found = dict.fromkeys(wanted.skip, "node_checks")
    for word in cmdline.split():
        name, _, value = word.partition("=")
        if name == SKIP_ARGUMENT:
            found.update(dict.fromkeys(filter(None, value.split(",")), SKIP_ARGUMENT))
    return {name: by for name, by in found.items() if name in NAMES}, tuple(n for n in found if n not in NAMES)


# --- the machine ------------------------------------------------------------------------------------------------------


class System:
    """The installer as this program may touch it. `root`: where /proc, /sys, /dev and /etc are.

    `limit`: seconds for each step of a connection, `carrier_limit`: for the carrier of a NIC that was off.
    """

    def __init__(self, root: str = "/", limit: float = STEP_LIMIT, carrier_limit: float = CARRIER_LIMIT) -> None:
        self.root, self.limit, self.carrier_limit = root, limit, carrier_limit

    def path(self, path: str) -> Path:
        return Path(self.root, path.lstrip("/"))

    def read(self, path: str) -> str:
        """The text of a file; empty for one that cannot be read."""
        try:
            return self.path(path).read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return ""

    def run(self, *argv: str) -> str:
        """What a program prints; nothing of one that is not there, fails, or does not end."""
        try:
            done = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=STEP_LIMIT,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return "" if done.returncode else done.stdout.decode("utf-8", "replace")

    def kernel_messages(self) -> Iterator[str]:
        """The messages that the kernel still has (Documentation/ABI/testing/dev-kmsg)."""
        try:
            file = os.open(self.path("/dev/kmsg"), os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            return
        try:
            while True:
                try:
                    record = os.read(file, 8192)
                except BrokenPipeError:  # it was overwritten in the meantime; the next one is read
                    continue
                except OSError:
                    return
                if not record:
                    return
                for line in record.decode("utf-8", "replace").splitlines():
                    yield line.partition(";")[2] or line
        finally:
            os.close(file)

    def say(self, terminal: str, text: str) -> bool:
        """Best effort: a terminal may be gone, or hold back; its line discipline may be off."""
        try:
            file = os.open(self.path(f"/dev/{terminal}"), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError:
            return False
        try:
            os.write(file, text.replace("\n", "\r\n").encode("ascii", "backslashreplace"))
        except OSError:
            return False
        finally:
            os.close(file)
        return True

    def pause(self, seconds: float) -> None:
        time.sleep(seconds)


@dataclasses.dataclass(frozen=True)
class Machine:
    """What a machine is. `messages`: what the kernel says of virtualization; `memory` is bytes, None if not known."""

    architecture: str
    flags: frozenset[str] = frozenset()
    processor: str = ""
    messages: tuple[str, ...] = ()
    memory: Optional[int] = None
    firmware: str = "bios"
    serial: str = ""


def look_at_machine(system: System, architecture: str = "") -> Machine:
    """The machine, from /proc and /sys."""
    text = system.read("/proc/cpuinfo")
    values = {
        key.strip(): value.strip()
        for key, colon, value in (line.partition(":") for line in reversed(text.splitlines()))
        if colon
    }
    flags = frozenset(values.get("flags", "").split())
    # Processors of AMD say that it is switched off when the module is loaded (EL9), those of Intel when they start.
    for flag, module in (("vmx", "kvm_intel"), ("svm", "kvm_amd")):
        if flag in flags:
            system.run("modprobe", "-q", module)
    memory = re.search(r"^MemTotal:\s+(\d+) kB", system.read("/proc/meminfo"), re.MULTILINE)
    return Machine(
        architecture=architecture or platform.machine(),
        flags=flags,
        processor=values.get("model name", "the processor"),
        messages=tuple(line for line in system.kernel_messages() if SWITCHED_OFF.search(line)),
        memory=int(memory[1]) * 1024 if memory else None,
        firmware="uefi" if system.path("/sys/firmware/efi").is_dir() else "bios",
        serial=system.read("/sys/class/dmi/id/product_serial"),
    )


def check_virtualization(machine: Machine) -> Result:
    """Whether virtual machines can run: flags of the processor, and what the kernel says of the firmware."""
    name = "virtualization"
    if machine.architecture != "x86_64":
        return result(name, WARNING, "architecture", {"architecture": machine.architecture})
    if not machine.flags:
        return result(name, WARNING, "flags-unknown")
    if machine.messages:
        return result(name, ERROR, "virtualization-off", {"message": machine.messages[0]})
    flag = next((flag for flag in ("vmx", "svm") if flag in machine.flags), "")
    if not flag:
        return result(name, ERROR, "virtualization-missing", {"processor": machine.processor})
    return result(name, OK, "virtualization", {"flag": flag})


def check_cpu(machine: Machine, release: str) -> Result:
    """Whether the processor has the level for which the release is compiled."""
    if machine.architecture != "x86_64":
        return result("cpu", WARNING, "architecture", {"architecture": machine.architecture})
    if not machine.flags:
        return result("cpu", WARNING, "flags-unknown")
    if release not in LEVELS:
        return result("cpu", WARNING, "cpu-release", {"release": release})
    level, flags = LEVELS[release]
    missing = [flag for flag in flags if flag not in machine.flags]
    if missing:
        said = {"processor": machine.processor, "missing": ", ".join(missing), "level": level}
        return result("cpu", ERROR, "cpu-level", {**said, "release": release.upper()})
    return result("cpu", OK, "cpu", {"processor": machine.processor, "level": level})


def check_memory(machine: Machine, hosted_engine: bool = False) -> Result:
    """Whether there is enough memory for a host, and for the engine on it."""
    if machine.memory is None:
        return result("memory", WARNING, "memory-unknown")
    memory_gib = machine.memory / 2**30
    said = f"{memory_gib:.1f}"
    steps = (
        (ERROR, "memory-low", MEMORY_GIB),
        (ERROR, "memory-engine", MEMORY_HOSTED_ENGINE_GIB if hosted_engine else 0),
        (WARNING, "memory-tight", MEMORY_RECOMMENDED_GIB),
    )
    for verdict, code, needed in steps:
        if memory_gib < needed * COUNTED:
            return result("memory", verdict, code, {"size": said, "needed": f"{needed:g}"})
    return result("memory", OK, "memory", {"size": said})


_MODES = {"uefi": "UEFI", "bios": "BIOS"}


def check_firmware(machine: Machine, wanted: str) -> Result:
    """Whether the installer was started by the firmware that the inventory names."""
    mode = _MODES[machine.firmware]
    if wanted and wanted != machine.firmware:
        return result("firmware", ERROR, "firmware-other", {"mode": mode, "wanted": _MODES.get(wanted, wanted)})
    return result("firmware", OK, "firmware", {"mode": mode})


def check_serial(machine: Machine, wanted: str) -> Result:
    """Whether it is the machine that the inventory describes."""
    if not wanted:
        return result("serial", OK, "serial-not-asked", {"serial": machine.serial or "unknown"})
    if not machine.serial:
        return result("serial", WARNING, "serial-unknown", {"wanted": wanted})
    if machine.serial.lower() != wanted.lower():
        return result("serial", ERROR, "serial-other", {"serial": machine.serial, "wanted": wanted})
    return result("serial", OK, "serial", {"serial": machine.serial})


# --- the interfaces ---------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Nic:
    """A NIC; `speed` is Mbit/s. None: not known."""

    name: str
    mac: str
    has_link: Optional[bool] = None
    speed: Optional[int] = None

    def is_called(self, device: str) -> bool:
        return device.lower() in (self.name.lower(), self.mac)


def look_at_nics(system: System) -> tuple[Nic, ...]:
    """The NICs of the machine: interfaces that are devices."""
    nics = []
    with contextlib.suppress(OSError):
        for entry in sorted(system.path("/sys/class/net").iterdir()):
            if not (entry / "device").exists():
                continue
            place = f"/sys/class/net/{entry.name}"
            # In a bond, a NIC shows the address of the bond.
            mac = system.read(f"{place}/bonding_slave/perm_hwaddr") or system.read(f"{place}/address")
            carrier, speed = system.read(f"{place}/carrier"), system.read(f"{place}/speed")
            has_link = {"1": True, "0": False}.get(carrier)
            nics.append(Nic(entry.name, mac.lower(), has_link, int(speed) if speed.isdecimal() else None))
    return tuple(nics)


def raise_nics(system: System, links: Sequence[WantedLink]) -> list[str]:
    """Switch on the described NICs that are off, which have no carrier then, and wait for it; the names of these."""
    raised = []
    for nic in look_at_nics(system):
        if any(nic.is_called(link.device) for link in links):
            flags = system.read(f"/sys/class/net/{nic.name}/flags")
            if flags and not int(flags, 16) & 1:  # IFF_UP, netdevice(7)
                system.run("ip", "link", "set", "dev", nic.name, "up")
                raised.append(nic.name)
    end = time.monotonic() + system.carrier_limit
    while time.monotonic() < end:
        wanted = [nic for nic in look_at_nics(system) if any(nic.is_called(link.device) for link in links)]
        if all(nic.has_link for nic in wanted):
            break
        system.pause(0.5)
    return raised


def check_links(nics: Sequence[Nic], links: Sequence[WantedLink]) -> Result:
    """Whether each described NIC is there, has a link, and is as fast as it must be.

    A member of a bond that has no link is a warning if another one has: the bond works without it.
    """
    if not links:
        return result("link", OK, "link-none")
    up = {link.bond for link in links if link.bond and any(c.is_called(link.device) and c.has_link for c in nics)}
    said, verdicts = [], [OK]
    for link in links:
        nic = next((nic for nic in nics if nic.is_called(link.device)), None)
        name = link.device if nic is None or nic.name == link.device else f"{nic.name} ({link.device})"
        if nic is None:
            have = ", ".join(f"{one.name} {one.mac}" for one in nics) or "none"
            said.append(f"{name} is not there; NICs: {have}")
            verdicts.append(ERROR)
        elif not nic.has_link:
            said.append(f"{name} has no link")
            verdicts.append(WARNING if link.bond in up else ERROR)
        elif link.speed and nic.speed is None:
            said.append(f"{name} does not tell its speed; {speed_text(link.speed)} is required")
            verdicts.append(WARNING)
        elif link.speed and (nic.speed or 0) < link.speed:
            said.append(f"{name} has {speed_text(nic.speed or 0)}; {speed_text(link.speed)} is required")
            verdicts.append(ERROR)
        else:
            said.append(f"{name} {speed_text(nic.speed) if nic.speed else 'up'}")
    verdict = max(verdicts, key=(OK, WARNING, ERROR).index)
    code = {OK: "link", WARNING: "link-doubtful", ERROR: "link-down"}[verdict]
    return result("link", verdict, code, {"links": "; ".join(said)}, verdict == ERROR)


def speed_text(speed: int) -> str:
    """Mbit/s for a person."""
    return f"{speed // 1000} Gbit/s" if speed % 1000 == 0 and speed else f"{speed} Mbit/s"


# --- the addresses ----------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Way:
    """How an address is reached: from this address of this device, over this gateway, which may be none."""

    source: str = ""
    device: str = ""
    gateway: str = ""

    @property
    def text(self) -> str:
        """As it follows a sentence."""
        place = " on ".join(filter(None, (self.source, self.device)))
        return f", from {place}" if place else ""


@dataclasses.dataclass(frozen=True)
class Answer:
    """What came of asking for a URL. `code` is one of KINDS, empty if the server has answered in HTTP.

    `size` and `has_ranges` are None where the server has not said; `date` is its clock minus ours, in seconds.
    """

    code: str = ""
    values: tuple[tuple[str, str], ...] = ()
    way: Way = Way()
    status: int = 0
    size: Optional[int] = None
    has_ranges: Optional[bool] = None
    beginning: str = ""
    clock: Optional[float] = None


class _Failed(Exception):
    """A step of the way to an address has failed."""

    def __init__(
        self, code: str, values: Mapping[str, object], way: Optional[Way] = None, clock: Optional[float] = None
    ) -> None:
        super().__init__(code)
        way = way or Way()
        texts = {"way": way.text, **values}
        self.answer = Answer(code, tuple((key, str(value)) for key, value in texts.items()), way, clock=clock)


class Asker:
    """Asks for one URL, step by step; `step` is the present one, which a message names if there is no end"""

    def __init__(self, system: System, wanted: WantedAddress) -> None:
        self._system, self._wanted, self._limit = system, wanted, system.limit
        self._parts = urlsplit(wanted.url)
        self.step = "DNS"

    def ask(self) -> Answer:
        """Never raises."""
        try:
            return self._ask()
        except _Failed as failed:
            return failed.answer
        except Exception as error:  # a check that cannot be made stops nothing
            return Answer("failed", (("why", f"{type(error).__name__}: {error}"),))

    def _ask(self) -> Answer:
        scheme = self._parts.scheme
        nfs = NFS.match(self._wanted.url)
        if scheme not in ("http", "https"):
            host = nfs[1].strip("[]") if nfs else self._parts.hostname or ""
            port = PORTS["nfs"] if nfs else self._parts.port or PORTS.get(scheme, 0)
            connection, way = self._connect(host, port)
            connection.close()
            return Answer(way=way)
        method = "HEAD" if self._wanted.name == "image" else "GET"
        answer, location = self._request(self._wanted.url, method)
        # dracut and dnf follow redirects, Anaconda does not follow those of an image (requests.Session.head).
        for _ in range(REDIRECTS if self._wanted.name == "tree" else 0):
            if not location:
                break
            answer, location = self._request(location, method)
        if self._wanted.name == "image" and answer.status == 200:
            part, _ = self._request(self._wanted.url, "GET", {"Range": "bytes=0-0", "Accept-Encoding": "identity"})
            answer = dataclasses.replace(answer, has_ranges=part.status == 206)
        return answer

    def _request(
        self, url: str, method: str, headers: Optional[Mapping[str, str]] = None
    ) -> tuple[Answer, Optional[str]]:
        """One request: the answer, and where it redirects to."""
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
        proxy = urlsplit(self._wanted.proxy) if self._wanted.proxy else None
        server = (proxy.hostname or "", proxy.port or PORTS[proxy.scheme]) if proxy else (host, port)
        connection, way = self._connect(*server)
        try:
            shown = _shown_to(proxy) if proxy else {}
            if proxy and proxy.scheme == "https":
                connection = self._secure(connection, server[0], way)
            if proxy and parts.scheme == "https":
                self._tunnel(connection, host, port, server[0], shown, way)
            if parts.scheme == "https":
                connection = self._secure(connection, host, way, self._target(url))
            is_forwarded = bool(proxy) and parts.scheme == "http"
            own = {"Host": parts.netloc.rpartition("@")[2], "User-Agent": "ovirt-node-checks", "Connection": "close"}
            sent = {**own, **(headers or {}), **(shown if is_forwarded else {})}
            target = url if is_forwarded else self._target(url)
            return self._exchange(connection, method, target, sent, way)
        finally:
            connection.close()

    def _exchange(
        self, connection: socket.socket, method: str, target: str, headers: Mapping[str, str], way: Way
    ) -> tuple[Answer, Optional[str]]:
        self.step = "HTTP"
        http_ = http.client.HTTPConnection(headers["Host"])
        http_.sock = connection
        try:
            http_.request(method, target, headers=dict(headers))
            response = http_.getresponse()
            length = response.getheader("Content-Length", "")
            beginning = ""
            if self._wanted.name == "tree" and response.status == 200:
                beginning = response.read(TREEINFO_LONGEST).decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            raise _Failed("http", {"host": headers["Host"], "why": _why(error)}, way) from error
        location = response.getheader("Location") if 300 <= response.status < 400 else None
        answer = Answer(
            way=way,
            status=response.status,
            size=int(length) if length and length.isdecimal() else None,
            beginning=beginning,
            clock=_clock(response.getheader("Date")),
        )
        is_url = bool(location) and urlsplit(location or "").scheme in ("http", "https")
        return answer, location if is_url else None

    @staticmethod
    def _target(url: str) -> str:
        parts = urlsplit(url)
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def _connect(self, host: str, port: int) -> tuple[socket.socket, Way]:
        """A TCP connection, or the failure that came closest to one."""
        self.step = "DNS"
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            servers = re.findall(r"^nameserver\s+(\S+)", self._system.read("/etc/resolv.conf"), re.MULTILINE)
            if not servers:
                raise _Failed("no-name-servers", {"host": host}) from error
            raise _Failed("dns", {"host": host, "why": _why(error), "servers": ", ".join(servers)}) from error
        failures = []
        for family, kind, protocol, _, peer in found[:TRIED]:
            try:
                return self._connect_to(host, (family, kind, protocol), peer)
            except _Failed as failed:
                failures.append(failed)
        closest = ("no-route", "unreachable", "neighbour-silent", "gateway-silent", "silent", "refused")
        raise max(failures, key=lambda failed: closest.index(failed.answer.code))

    def _connect_to(self, host: str, kind: tuple[int, int, int], peer: tuple[Any, ...]) -> tuple[socket.socket, Way]:
        self.step = "route"
        said = {"host": host, "peer": peer[0], "port": peer[1]}
        with socket.socket(kind[0], socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(peer)  # sends nothing, and asks for a route
            except OSError as error:
                raise _Failed("no-route", {**said, "why": _why(error)}) from error
            source = str(probe.getsockname()[0])
        way = way_of(self._system, str(peer[0]), source)
        self.step = "TCP"
        connection = socket.socket(*kind)
        connection.settimeout(self._limit)
        try:
            connection.connect(peer)
        except OSError as error:
            connection.close()
            raise self._not_connected(error, said, way) from error
        return connection, way

    def _not_connected(self, error: OSError, said: Mapping[str, object], way: Way) -> _Failed:
        if isinstance(error, ConnectionRefusedError):
            return _Failed("refused", said, way)
        near = way.gateway or str(said["peer"])
        if way.device and is_silent(self._system, near, way.device):
            code = "gateway-silent" if way.gateway else "neighbour-silent"
            return _Failed(code, {**said, "gateway": way.gateway}, way)
        if isinstance(error, (socket.timeout, TimeoutError)):
            return _Failed("silent", said, way)
        return _Failed("unreachable", {**said, "why": _why(error)}, way)

    def _tunnel(
        self,
        connection: socket.socket,
        host: str,
        port: int,
        proxy: str,
        shown: Mapping[str, str],
        way: Way,
    ) -> None:
        self.step = "proxy"
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}", *(f"{k}: {v}" for k, v in shown.items())]
        try:
            connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("ascii"))
            response = http.client.HTTPResponse(connection, method="CONNECT")
            response.begin()
        except (OSError, http.client.HTTPException) as error:
            raise _Failed("http", {"host": proxy, "why": _why(error)}, way) from error
        if response.status != 200:
            raise _Failed("proxy", {"host": proxy, "status": response.status}, way)

    def _secure(self, connection: socket.socket, host: str, way: Way, target: str = "") -> socket.socket:
        """TLS on a connection, whose certificate is verified, or has the pinned fingerprint."""
        self.step = "TLS"
        context = ssl.create_default_context()
        # Of a pin, the certificate itself is compared. Its dates are not: the clock may be years behind.
        if self._wanted.pin or "inst.noverifyssl" in self._system.read("/proc/cmdline").split():
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            secured = context.wrap_socket(connection, server_hostname=host)
        except ssl.SSLCertVerificationError as error:
            code = {NOT_YET_VALID: "tls-dates", EXPIRED: "tls-dates"}.get(error.verify_code, "tls-authority")
            code = "tls-name" if error.verify_code in WRONG_NAME else code
            clock = self._unverified_clock(host, target) if code == "tls-dates" else None
            now = _utc().strftime("%Y-%m-%d %H:%M UTC")
            raise _Failed(code, {"host": host, "why": error.verify_message, "now": now}, way, clock) from error
        except OSError as error:
            raise _Failed("tls", {"host": host, "why": _why(error)}, way) from error
        if self._wanted.pin:
            shown = secured.getpeercert(binary_form=True) or b""
            if hashlib.sha256(shown).hexdigest() != self._wanted.pin.lower().replace(":", ""):
                raise _Failed("tls-pin", {"host": host}, way)
        return secured

    def _unverified_clock(self, host: str, target: str) -> Optional[float]:
        """The time of a server whose certificate is not valid at ours; nothing else of it is believed."""
        if self._wanted.proxy or not target:
            return None
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        port = self._parts.port or PORTS["https"]
        connection = http.client.HTTPSConnection(host, port, timeout=self._limit, context=context)
        try:
            connection.request("HEAD", target)
            return _clock(connection.getresponse().getheader("Date"))
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()


def _utc() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


def _clock(date: Optional[str]) -> Optional[float]:
    """A Date header (RFC 9110, 5.6.7) minus the time of this machine, in seconds."""
    try:
        moment = email.utils.parsedate_to_datetime(date or "")
        return moment.timestamp() - time.time()
    except (TypeError, ValueError, OverflowError, IndexError):
        return None


def _why(error: BaseException) -> str:
    """The reason of an error, without its numbers."""
    if isinstance(error, (socket.timeout, TimeoutError)):
        return "no answer"
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.lower().replace("_", " ")
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())[:200]


def _shown_to(proxy: SplitResult) -> dict[str, str]:
    """The header with the login of its URL, if there is one."""
    if proxy.username is None:
        return {}
    both = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": "Basic " + base64.b64encode(both.encode()).decode()}


def way_of(system: System, peer: str, source: str = "") -> Way:
    """The way to an address, by the kernel's routes."""
    try:
        (route, *_) = json.loads(system.run("ip", "-j", "route", "get", peer))
        return Way(source or str(route.get("prefsrc", "")), str(route.get("dev", "")), str(route.get("gateway", "")))
    except (ValueError, AttributeError, TypeError):
        return Way(source)


def is_silent(system: System, neighbour: str, device: str) -> bool:
    """Whether an address of the own network has not answered: its entry in the table of neighbours has failed."""
    try:
        found = json.loads(system.run("ip", "-j", "neighbour", "show", neighbour, "dev", device))
        return any(state in ("FAILED", "INCOMPLETE") for one in found for state in one.get("state", ()))
    except (ValueError, AttributeError, TypeError):
        return False


# Which of them a person may be repairing: the network and its servers. A name, a pin or a URL is in the inventory.
_FIXED = ("failed", "tls-pin", "redirected", "file-missing", "no-treeinfo")


def shown_url(url: str) -> str:
    """A URL without user name and password, and without its query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}" if parts.netloc else url


def check_address(wanted: WantedAddress, answer: Answer) -> Result:
    """Whether the installation can fetch it."""
    url, way = shown_url(wanted.url), answer.way.text
    if answer.code == "failed":
        return Result(wanted.name, WARNING, "failed", answer.values)
    bad = ERROR if wanted.is_needed else WARNING
    code, verdict, more = answer.code, bad, dict(answer.values)
    if not code:
        code, verdict, more = _judged(wanted, answer, bad)
    values = {"url": url, "way": way, **more}
    return result(wanted.name, verdict, code, values, verdict == ERROR and code not in _FIXED)


def _judged(wanted: WantedAddress, answer: Answer, bad: str) -> tuple[str, str, dict[str, str]]:
    """Of an answer in HTTP, or of a connection alone: code, verdict, and what is said."""
    if not answer.status:
        return "reached", OK, {"what": "the server can be reached; its files are not checked"}
    if wanted.name == "report":
        # It takes reports, and answers any other question with 4xx; nginx answers for one that is away with 5xx.
        if answer.status >= 500:
            return "report-status", bad, {"status": str(answer.status)}
        return "reached", OK, {"what": "the server answers"}
    if answer.status != 200:
        is_redirect = wanted.name == "image" and 300 <= answer.status < 400
        return "redirected" if is_redirect else "status", bad, {"status": _status(answer.status)}
    if wanted.name == "tree":
        if not re.search(r"^\[(?:general|release|header)\]", answer.beginning, re.MULTILINE):
            return "no-treeinfo", WARNING, {}
        return "reached", OK, {"what": "HTTP status 200"}
    if answer.size is None:
        return "size-unknown", WARNING, {}
    if not answer.size:
        return "size-zero", bad, {}
    if wanted.size and answer.size > wanted.size:
        return "size-larger", WARNING, {"size": str(answer.size), "wanted": str(wanted.size)}
    if not answer.has_ranges:
        return "no-ranges", WARNING, {}
    return "reached", OK, {"what": f"{answer.size} bytes, Range requests"}


def _status(status: int) -> str:
    words = http.client.responses.get(status, "")
    return f"{status} {words}".strip()


def check_file(system: System, wanted: WantedAddress) -> Result:
    """Whether an image that is a file is there; a script of the site may still mount it."""
    path = unquote(urlsplit(wanted.url).path)
    try:
        size = system.path(path).stat().st_size
    except OSError:
        return result(wanted.name, WARNING, "file-missing", {"path": path})
    said = {"url": shown_url(wanted.url), "what": f"{size} bytes", "way": ""}
    return result(wanted.name, OK, "reached", said)


def check_clock(answers: Sequence[tuple[WantedAddress, Answer]]) -> Result:
    """Whether the clock is right, by the servers' own. It stops the installation only where TLS depends on it."""
    found = [(abs(answer.clock), answer.clock, wanted) for wanted, answer in answers if answer.clock is not None]
    if not found:
        return result("clock", WARNING, "clock-unknown")
    size, difference, wanted = min(found, key=lambda one: one[0])
    said = {"difference": duration(size), "way": "behind" if difference > 0 else "ahead of"}
    said["host"] = urlsplit(wanted.url).hostname or ""
    if size <= CLOCK_TOLERANCE:
        return result("clock", OK, "clock", said)
    stops = any(answer.code == "tls-dates" and wanted.is_needed for wanted, answer in answers)
    return result("clock", ERROR if stops else WARNING, "clock-wrong", said, stops)


def duration(seconds: float) -> str:
    """A duration in its largest unit."""
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


# --- all of them ------------------------------------------------------------------------------------------------------


def made(name: str, check: Callable[[], Result]) -> Result:
    """The result of a check; a bug in it is a warning."""
    try:
        return check()
    except Exception as error:
        return result(name, WARNING, "failed", {"why": f"{type(error).__name__}: {error}"})


def check_machine(system: System, wanted: Wanted) -> list[Result]:
    """The checks that need no network. A look that fails is a warning in each of them."""
    try:
        machine = look_at_machine(system)
    except Exception as error:
        why = {"why": f"{type(error).__name__}: {error}"}
        return [result(name, WARNING, "failed", why) for name in MACHINE]
    return [
        made("virtualization", lambda: check_virtualization(machine)),
        made("cpu", lambda: check_cpu(machine, wanted.release)),
        made("memory", lambda: check_memory(machine, wanted.hosted_engine)),
        made("firmware", lambda: check_firmware(machine, wanted.firmware)),
        made("serial", lambda: check_serial(machine, wanted.serial)),
    ]


class Checks:
    """Makes the checks of a machine, all at the same time. `limit`: seconds that one look may take."""

    def __init__(self, system: System, wanted: Wanted, limit: float = LIMIT) -> None:
        self._system, self._wanted, self._limit = system, wanted, limit
        self._raised: set[str] = set()

    def all(self) -> tuple[Result, ...]:
        """Every result, in the order of NAMES."""
        found: list[Result] = []
        thread = _started(lambda: found.extend(check_machine(self._system, self._wanted)))
        of_network = self.of_network()
        thread.join(self._limit)
        known = {one.name: one for one in [*found, *of_network]}
        late = result("", WARNING, "failed", {"why": f"no end within {self._limit:.0f} seconds"})
        names = [name for name in NAMES if name in known or name in MACHINE]
        return tuple(known.get(name) or dataclasses.replace(late, name=name) for name in names)

    def of_network(self) -> tuple[Result, ...]:
        """Those of the network."""
        end = time.monotonic() + self._limit
        links: list[Result] = []
        of_links = _started(lambda: links.append(made("link", self._link)))
        askers = {one: Asker(self._system, one) for one in self._wanted.addresses if not _is_file(one)}
        answers: dict[WantedAddress, Answer] = {}

        def ask(one: WantedAddress) -> None:
            answers[one] = askers[one].ask()

        threads = [_started(ask, one) for one in askers]
        for thread in (of_links, *threads):
            thread.join(max(0.0, end - time.monotonic()))
        for one, asker in askers.items():
            answers.setdefault(one, Answer("late", (("step", asker.step), ("seconds", f"{self._limit:.0f}"))))
        results = [*links, *(self._address(one, answers.get(one)) for one in self._wanted.addresses)]
        if askers:
            results.append(made("clock", lambda: check_clock([(one, answers[one]) for one in askers])))
        return tuple(results)

    def _address(self, wanted: WantedAddress, answer: Optional[Answer]) -> Result:
        """Of an address that was asked; without an answer it is a file."""
        if answer is None:
            return made(wanted.name, lambda: check_file(self._system, wanted))
        return made(wanted.name, lambda: check_address(wanted, answer))

    def _link(self) -> Result:
        self._raised |= set(raise_nics(self._system, self._wanted.links))
        return check_links(look_at_nics(self._system), self._wanted.links)

    def leave(self) -> None:
        """Leave the interfaces as they were."""
        for name in sorted(self._raised):
            self._system.run("ip", "link", "set", "dev", name, "down")
        self._raised = set()


def _is_file(wanted: WantedAddress) -> bool:
    return urlsplit(wanted.url).scheme == "file"


def _started(work: Callable[..., object], *arguments: object) -> threading.Thread:
    # The resolver of the C library cannot be interrupted; a thread of this kind does not keep the program from ending.
    thread = threading.Thread(target=work, args=arguments, daemon=True)
    thread.start()
    return thread


# --- what is said -----------------------------------------------------------------------------------------------------


def network_line(system: System) -> str:
    """The network that is tested: %pre has that of the initramfs, and node_network comes later."""
    parts = []
    with contextlib.suppress(ValueError, TypeError, KeyError):
        for nic in json.loads(system.run("ip", "-j", "address", "show", "scope", "global")):
            # Of addresses of another scope, ip leaves empty objects.
            own = [f"{one['local']}/{one['prefixlen']}" for one in nic.get("addr_info", ()) if one]
            if own:
                parts.append(f"{nic['ifname']} {', '.join(own)}")
    servers = re.findall(r"^nameserver\s+(\S+)", system.read("/etc/resolv.conf"), re.MULTILINE)
    parts.append(f"name servers {', '.join(servers) or 'none'}")
    return (
        f"the network that is tested is that of the boot arguments: {'; '.join(parts)}; "
        "the installer applies node_network later"
    )


def is_waived(one: Result, skip: Mapping[str, str]) -> bool:
    return one.verdict == ERROR and one.name in skip


def log_line(one: Result, skip: Mapping[str, str]) -> str:
    """A result in the log; one that is waived says by what."""
    if is_waived(one, skip):
        return f"waived by {skip[one.name]}: {one.line}"
    cure = one.text("cure") if one.verdict == WARNING else ""
    return one.line + (f"; cure: {cure}" if cure else "")


def refused(results: Iterable[Result], skip: Mapping[str, str]) -> list[Result]:
    """What stops the installation."""
    return [one for one in results if one.verdict == ERROR and not is_waived(one, skip)]


def describe(stopping: Sequence[Result], network: str) -> str:
    """Why the installation stops, and what to do."""
    lines = ["the installation stops here; nothing has been written to any disk.", network]
    for one in stopping:
        lines += [one.line, f"  cure: {one.text('cure')}"]
        skip = f"node_checks: {{skip: [{one.name}]}}"
        lines.append(f"  to install anyway: {skip}, or boot with {SKIP_ARGUMENT}={one.name}")
    lines.append("Correct it, and boot again.")
    return _marked(lines)


def waiting_text(stopping: Sequence[Result], network: str, left: float) -> str:
    """What is missing, while a person may be repairing it."""
    lines = [f"the installation waits for this; it stops in {duration(left)}.", network]
    for one in stopping:
        lines += [one.line, f"  cure: {one.text('cure')}"]
    return _marked(lines)


def _marked(lines: Iterable[str]) -> str:
    return "\n".join(f"ovirt-node: {line}" for line in lines)


def terminals(system: System) -> tuple[str, ...]:
    """Every terminal on which a person may look; tty0 is the one in front, mostly tty1."""
    active = system.read("/sys/class/tty/console/active").split()
    return tuple(dict.fromkeys([*active, *([] if "tty0" in active else ["tty1"])]))


def tell(system: System, text: str) -> None:
    """Write it to every terminal; /dev/console is one of the active ones, and is written to only if those fail."""
    heard = [system.say(terminal, f"\n{text}\n") for terminal in terminals(system)]
    if not any(heard):
        system.say("console", f"\n{text}\n")


def leave_report(system: System, state: str, message: str) -> None:
    """Leave it to the reporter (report.py, Queue.take_in), if it runs. The installation does not depend on it."""
    place = system.path(REPORTS)
    if place.is_dir():
        said = json.dumps({"state": state, "step": "checks of the machine", "message": message})
        with contextlib.suppress(OSError):
            new = place / f".said-checks.{os.getpid()}"
            new.write_text(said, encoding="utf-8")
            new.replace(place / "said-checks.json")


def run(system: System, wanted: Wanted, checks: Checks) -> tuple[list[Result], str]:
    """Make the checks, and make those that a person may be repairing again; what stops it, and the tested network."""
    skip, unknown = skipped(wanted, system.read("/proc/cmdline"))
    for name in unknown:
        print(f"ovirt-node: warning: there is no check {name!r} to skip; checks: {', '.join(NAMES)}")
    start = time.monotonic()
    network = network_line(system)
    results = checks.all()
    lines = [network, *(log_line(one, skip) for one in results)]
    print(_marked(lines), flush=True)
    doubtful = [line for one, line in zip(results, lines[1:]) if one.verdict == WARNING or is_waived(one, skip)]
    if doubtful:
        tell(system, _marked(doubtful))
    leave_report(system, "preparing", "\n".join(lines))
    stopping, told_at = refused(results, skip), -float(REPEAT_EVERY)
    while stopping and all(one.can_change for one in stopping):
        now = time.monotonic() - start
        if now >= wanted.wait:
            break
        if now - told_at >= REPEAT_EVERY:
            text, told_at = waiting_text(stopping, network, wanted.wait - now), now
            tell(system, text)
            print(text, flush=True)
        system.pause(min(RETRY_EVERY, wanted.wait - now))
        network = network_line(system)
        of_network = checks.of_network()
        stopping = refused(of_network, skip)
        if not stopping:
            done = [f"repaired after {duration(time.monotonic() - start)}"]
            text = _marked([*done, *(log_line(one, skip) for one in of_network)])
            print(text, flush=True)
            tell(system, text)
            leave_report(system, "preparing", text)
    return stopping, network


def main(arguments: Optional[Sequence[str]] = None, system: Optional[System] = None) -> int:
    """Exit status 0: the installation may go on. 1: it stops, and terminals and log say why, and what to do."""
    # Not by argparse, whose import takes longer than the checks of a machine.
    path, *times = sys.argv[1:] if arguments is None else arguments
    every, for_ = map(int, times) if times else (REPEAT_EVERY, REPEAT_FOR)
    system = system or System()
    try:
        wanted = read(Path(path).read_text(encoding="utf-8"))
        checks = Checks(system, wanted)
        try:
            stopping, network = run(system, wanted, checks)
        finally:
            checks.leave()
    except Exception as error:
        # Neither a bug of ours nor a kickstart of another version stops an installation here.
        text = f"ovirt-node: warning: the machine is not checked: {type(error).__name__}: {error}"
        print(text, flush=True)
        tell(system, text)
        return 0
    if not stopping:
        return 0
    text = describe(stopping, network)
    print(text, flush=True)
    leave_report(system, "failed", text)
    for _ in range(max(1, for_ // every)):
        tell(system, text)
        system.pause(every)
    return 1


if __name__ == "__main__":
    sys.exit(main())
