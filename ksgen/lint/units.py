# SPDX-License-Identifier: GPL-2.0-or-later
"""Units of a node: what its image has, what a kickstart can enable, and what only a mask switches off."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from ksgen.grammar import Check, Found, Kickstart, value
from ksgen.lint.chroot import in_new_system
from ksgen.lint.shell import Simple
from ksgen.variables import WANTED_IN_USR, nearest

_RELEASE_PACKAGE = "ovirt-release, ovirt-release-host-node.spec.in"
_TYPES = (".service", ".socket", ".timer", ".path", ".target", ".mount")


def _plain(unit: str) -> str:
    """A unit without `.service`; an instance as its template."""
    name = unit.strip().removesuffix(".service")
    return f"{name.partition('@')[0]}@" if "@" in name else name


# The units of the packages that an image of oVirt Node is built from: what ovirt-release-host-node and ovirt-host
# require, and the base system below. Others may be there too, so that one that is missing here is a warning.
_IN_IMAGE = frozenset((
    "NetworkManager", "NetworkManager-dispatcher", "NetworkManager-wait-online", "auditd", "certmonger", "chrony-wait",
    "chronyd", "cockpit", "cockpit.socket", "collectd", "console-getty", "crond", "dbus", "dbus-broker",
    "dbus.socket", "debug-shell", "dm-event", "dm-event.socket", "dnf-makecache.timer", "dnsmasq", "firewalld",
    "fstrim.timer", "getty@", "glusterd", "glustereventsd", "gssproxy", "imgbase-setup", "iperf3", "ipsec",
    "irqbalance", "iscsi", "iscsid", "iscsid.socket", "iscsi-onboot", "iscsiuio", "iscsiuio.socket", "kdump", "ksm",
    "ksmtuned", "libvirt-guests", "libvirtd", "libvirtd.socket", "libvirtd-tcp.socket", "libvirtd-tls.socket",
    "logrotate.timer", "lvm2-lvmpolld", "lvm2-lvmpolld.socket", "lvm2-monitor", "mdmonitor", "microcode", "mom-vdsm",
    "momd", "multi-user.target", "multipathd", "multipathd.socket", "nfs-client.target", "nfs-server", "nm-cloud-setup",
    "numad", "nvmefc-boot-connections", "nvmf-autoconnect", "oddjobd", "openvswitch", "ovirt-ha-agent",
    "ovirt-ha-broker", "ovirt-imageio", "ovirt-vmconsole-host-sshd", "ovn-controller", "ovs-vswitchd", "ovsdb-server",
    "pcscd", "pcscd.socket", "polkit", "postfix", "qemu-pr-helper", "radvd", "raid-check.timer", "remote-fs.target",
    "rhsm", "rhsmcertd", "rngd", "rpc-statd", "rpcbind", "rpcbind.socket", "rsyslog", "sanlock", "selinux-autorelabel",
    "serial-getty@", "smartd", "snmpd", "snmptrapd", "sshd", "sshd.socket", "sssd", "supervdsmd", "sysstat",
    "sysstat-collect.timer", "sysstat-summary.timer", "tmp.mount", "tuned", "vdsm-tmpfiles.timer", "vdsmd",
    "virtinterfaced.socket", "virtlockd", "virtlockd.socket", "virtlogd", "virtlogd.socket", "virtnetworkd",
    "virtnetworkd.socket", "virtnodedevd", "virtnodedevd.socket", "virtnwfilterd", "virtnwfilterd.socket",
    "virtproxyd", "virtproxyd.socket", "virtqemud", "virtqemud.socket", "virtsecretd", "virtsecretd.socket",
    "virtstoraged", "virtstoraged.socket", "wdmd",
))  # fmt: skip
# EL9 has none of these; the right side is what it has in their place.
_GONE = {
    "ntpd": "chronyd", "ntpdate": "chronyd", "network": "NetworkManager", "iptables": "firewalld",
    "ip6tables": "firewalld", "syslog-ng": "rsyslog", "ovirt-node": "imgbase-setup",
}  # fmt: skip
# Packages whose unit has another name.
_UNITS_OF = {
    "httpd": "httpd", "mariadb-server": "mariadb", "openssh-server": "sshd", "open-vm-tools": "vmtoolsd",
    "net-snmp": "snmpd", "nrpe": "nrpe", "docker-ce": "docker", "openmanage": "dsm_sa_datamgrd",
    "golang-github-prometheus-node-exporter": "node_exporter", "check-mk-agent": "check-mk-agent.socket",
}  # fmt: skip
_INSTALLERS = frozenset(("dnf", "yum", "microdnf", "dnf-3", "rpm"))
_VERSION = re.compile(r"-\d.*")


def _installed(ks: Kickstart) -> dict[str, int]:
    """What scripts install in the new system, by name without version, with the line; a URL by its last part."""
    found: dict[str, int] = {}
    for line, command in in_new_system(ks):
        if command.program in _INSTALLERS:
            for word in command.words[1:]:
                if not word.startswith("-") and "$" not in word:
                    found.setdefault(_VERSION.sub("", word.rpartition("/")[2]), line)
    return found


def _package_of(unit: str, installed: dict[str, int]) -> str:
    """The installed package that a unit surely is of, or an empty string."""
    stem = next((unit.removesuffix(kind) for kind in _TYPES if unit.endswith(kind)), unit)
    for package in installed:
        if stem in (package, package.replace("-", "_")) or _UNITS_OF.get(package) in (unit, stem):
            return package
    return ""


def missing(ks: Kickstart) -> Iterator[Found]:
    """Anaconda enables services before it runs any %post, and stops at the first that systemctl does not find."""
    installed: dict[str, int] | None = None
    for command in ks.all("services"):
        for text in value(command, "enabled", ()):
            unit = _plain(text)
            if not unit or unit in _IN_IMAGE or len(text.split()) > 1:
                continue
            installed = _installed(ks) if installed is None else installed
            yield Found(command.line, *_said(text.strip(), unit, _package_of(unit, installed)))


def _said(text: str, unit: str, package: str) -> tuple[str, str, None] | tuple[str, str, str]:
    late = "services --enabled runs before %post, and the installation stops there, with the disks already erased"
    if package:
        message = f"{text} is installed by a later %post (package {package}); {late}"
        return message, f"in that %post, after the package: systemctl enable {text}", None
    if unit in _GONE:
        return f"{text} does not exist in EL9 and EL10; {late}", f"use {_GONE[unit]}, or remove it", None
    message = f"{text} is not a unit of oVirt's node image; if the image lacks it, the installation stops"
    slip = nearest(unit, _IN_IMAGE)
    hint = f"did you mean {slip!r}?" if slip else f"in a %post, after its package is installed: systemctl enable {text}"
    return message, hint, "warning"


# --- what cannot be disabled -----------------------------------------------------------------------------------------

# Links in /usr/lib/systemd/system/multi-user.target.wants, which `systemctl disable` does not remove. The value: what
# needs the unit on a node; empty if it can be masked.
_WANTED = {
    **{unit.removesuffix(".service"): "" for unit in WANTED_IN_USR}, "cockpit": "",
    "sshd": "the engine manages a host over SSH", "NetworkManager": "vdsm configures networks with it",
    "imgbase-setup": "it keeps kernels and initramfs of the layers",
}  # fmt: skip
_OF_SERVICE_NODE = ("sshd",)  # reported by service-node


def wanted(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("services"):
        for text in value(command, "disabled", ()):
            if _plain(text) in _WANTED and _plain(text) not in _OF_SERVICE_NODE:
                yield _still_wanted(command.line, "services --disabled", _plain(text))
    for line, simple in in_new_system(ks):
        for unit in _disabled(simple):
            if unit in _WANTED:
                yield _still_wanted(line, "systemctl disable", unit)


def _disabled(command: Simple) -> Iterator[str]:
    words = [word for word in command.words[1:] if not word.startswith("-")]
    if command.program == "systemctl" and words[:1] == ["disable"]:
        yield from map(_plain, words[1:])


def _still_wanted(line: int, what: str, unit: str) -> Found:
    name = "cockpit.socket" if unit == "cockpit" else unit
    message = f"{what} has no effect on {name}: in a node image it is started by a link in /usr/lib/systemd"
    if _WANTED[unit]:
        return Found(line, message, f"remove it; {_WANTED[unit]}")
    return Found(line, message, f"in a %post: systemctl mask {name}")


# --- SysV, kdump -----------------------------------------------------------------------------------------------------


def chkconfig(ks: Kickstart) -> Iterator[Found]:
    for line, command in in_new_system(ks):
        words = [word for word in command.words[1:] if not word.startswith("-")]
        if command.program == "chkconfig" and words and "--list" not in command.words:
            verb = "disable" if words[-1] == "off" else "enable"
            name = next((word for word in words if not word.isdigit()), "NAME")
            message = "chkconfig is for SysV init scripts; the services of a node are systemd units"
            yield Found(line, message, f"systemctl {verb} {name}")


_ENABLES_KDUMP = re.compile(r"(?:enable|start|wants)[^\n]*\bkdump\b|\bkdump\b[^\n]*(?:enable|wants)")


def kdump(ks: Kickstart) -> Iterator[Found]:
    """The add-on reserves memory; its own call of systemctl is never reached (service/installation.py looks for the
    program at the path of the new system with which()), and the presets of a node image leave kdump disabled."""
    enabled = itertools.chain.from_iterable(value(command, "enabled", ()) for command in ks.all("services"))
    if not ks.is_whole or "kdump" in map(_plain, enabled):
        return
    if any(_ENABLES_KDUMP.search(section.body) for section in ks.all_sections("%post")):
        return
    for section in ks.all_sections("%addon"):
        if section.args[:1] == ("com_redhat_kdump",) and "--enable" in section.args:
            message = "the add-on only reserves memory: a node does not start kdump, and no crash dump is written"
            yield Found(section.line, message, "in a %post: systemctl enable kdump.service")


CHECKS = (
    Check("node-service-missing", "error", missing, "pyanaconda, core/util.py: enable_service; " + _RELEASE_PACKAGE),
    Check("node-service-wanted", "warning", wanted, _RELEASE_PACKAGE),
    Check("node-chkconfig", "warning", chkconfig, "systemctl(1)"),
    Check("node-kdump-off", "warning", kdump, "kdump-anaconda-addon, service/installation.py; " + _RELEASE_PACKAGE),
)
