# SPDX-License-Identifier: GPL-2.0-or-later
"""Services and the firewall of the installed system."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ksgen.grammar import Check, Found, Kickstart, value
from ksgen.lint.network import PORT_MAX
from ksgen.problems import Severity
from ksgen.variables import nearest


def both(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("services"):
        enabled = {name.strip() for name in value(command, "enabled", ())}
        for name in sorted({name.strip() for name in value(command, "disabled", ())} & enabled):
            yield Found(command.line, f"{name} is enabled and disabled", "remove one of them")


def name(ks: Kickstart) -> Iterator[Found]:
    """Names of units; systemctl(1) takes no blank in one."""
    for command in ks.all("services"):
        for text in (*value(command, "enabled", ()), *value(command, "disabled", ())):
            if len(text.split()) > 1:
                yield Found(command.line, f"{text!r} is one name for systemd", "separate the names with commas")


_MANAGED = {
    "sshd": "the engine installs and manages a host over SSH",
    "sshd.service": "the engine installs and manages a host over SSH",
    "firewalld": "the engine configures the firewall of a host",
    "firewalld.service": "the engine configures the firewall of a host",
}


_NOUNS = {"node": "a node", "host": "a host of oVirt"}


def managed(ks: Kickstart) -> Iterator[Found]:
    """What the engine needs on each of its hosts."""
    if ks.machine == "other":
        return
    where = _NOUNS[ks.machine]
    for command in ks.all("services"):
        for text in value(command, "disabled", ()):
            if text.strip() in _MANAGED:
                message = f"{text.strip()} is disabled on {where}; {_MANAGED[text.strip()]}"
                yield Found(command.line, message, "remove it from --disabled")
    for command in ks.all("firewall"):
        if value(command, "enabled") is False and not value(command, "use_system_defaults"):
            message = f"firewall --disabled on {where}; the engine configures the firewall of a host"
            yield Found(command.line, message, "firewall --enabled --ssh, or remove it")


# firewall-offline-cmd(1): --port=portid[-portid]/protocol; pykickstart and Anaconda write a colon.
_PORT = re.compile(r"(?P<first>[0-9]+)(?:-(?P<last>[0-9]+))?:(?P<protocol>\w+)")
_PROTOCOLS = ("tcp", "udp", "sctp", "dccp")
# The daemons' names that are taken for those of firewalld (firewalld.service(5)).
_SERVICES = {
    "sshd": "ssh", "httpd": "http", "chronyd": "ntp", "ntpd": "ntp", "named": "dns", "cockpit.socket": "cockpit",
    "smb": "samba", "vsftpd": "ftp", "snmpd": "snmp", "libvirtd": "libvirt", "nfs-server": "nfs",
    "rpcbind": "rpc-bind",
}  # fmt: skip


# Ports that firewall-offline-cmd takes by their name in /etc/services; there are thousands, so an unknown one is a
# warning.
_NAMED = frozenset((
    "bootpc", "bootps", "domain", "finger", "ftp", "ftp-data", "git", "http", "https", "imap", "imaps", "ipp", "irc",
    "iscsi-target", "kerberos", "ldap", "ldaps", "mdns", "microsoft-ds", "ms-wbt-server", "mysql", "nfs", "nrpe", "ntp",
    "pop3", "pop3s", "postgres", "postgresql", "rsync", "sip", "smtp", "smtps", "snmp", "snmptrap", "ssh", "submission",
    "sunrpc", "svn", "syslog", "syslog-tls", "telnet", "tftp", "webcache", "zabbix-agent", "zabbix-trapper",
))  # fmt: skip


def port(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("firewall"):
        for text in value(command, "ports") or ():
            said = _wrong_port(str(text))
            if said:
                yield Found(command.line, *said)


# firewalld's own form; pykickstart reads all of it as the port and adds `:tcp`.
_WITH_SLASH = re.compile(r"(?P<port>[0-9]+(?:-[0-9]+)?)/(?P<protocol>\w+)(?::\w+)?")


def _wrong_port(text: str) -> tuple[str, str] | tuple[str, str, Severity] | None:
    """What is wrong with a port of the firewall, and what to write. A name of /etc/services is a port."""
    number, _, protocol = text.partition(":")
    slash = _WITH_SLASH.fullmatch(text)
    if slash is not None:
        given = f"{slash['port']}/{slash['protocol']}"
        message = f"pykickstart reads {given!r} as port {number!r} of {protocol}, and the port stays closed"
        return message, f"write {slash['port']}:{slash['protocol']}"
    if protocol and protocol not in _PROTOCOLS:
        return f"{protocol!r} is not a protocol", nearest(protocol, _PROTOCOLS) or f"one of: {', '.join(_PROTOCOLS)}"
    match = _PORT.fullmatch(text)
    if match is None:
        hint = "write PORT:PROTOCOL: 8080:tcp, or 5900-6923:tcp"
        if number[:1].isdigit() or not number:
            return f"{text!r} is not a port", hint
        if number in _NAMED:
            return None
        message = f"{number!r} is a port only if /etc/services of the image has it; otherwise nothing is opened"
        return message, hint, "warning"
    first, last = int(match["first"][:9]), int((match["last"] or match["first"])[:9])
    if not 1 <= first <= last <= PORT_MAX:
        return f"port {text!r}; it is a number from 1 to {PORT_MAX}", "write PORT:PROTOCOL: 8080:tcp"
    return None


# Those of firewalld (/usr/lib/firewalld/services) that hosts have; a name that is nearly one of them is a slip.
_KNOWN = (
    "cockpit", "dhcp", "dhcpv6-client", "dns", "ftp", "glusterfs", "high-availability", "http", "https", "imap",
    "ipsec", "iscsi-target", "kerberos", "ldap", "ldaps", "libvirt", "mdns", "mountd", "mysql", "nfs", "nfs3", "ntp",
    "openvpn", "ovirt-imageio", "ovirt-vmconsole", "postgresql", "rpc-bind", "samba", "smtp", "snmp", "snmptrap",
    "ssh", "syslog", "tftp", "vdsm", "vnc-server",
)  # fmt: skip
_SLIP_FROM = 4  # letters; a shorter name may well be a service of its own


def firewall_service(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("firewall"):
        for text in (*(value(command, "services") or ()), *(value(command, "remove_services") or ())):
            hint = f"did you mean {_SERVICES[text]!r}?" if text in _SERVICES else _slip(text)
            if hint:
                yield Found(command.line, f"the firewall has no service {text!r}", hint)


def _slip(text: str) -> str:
    """What a name nearly is; firewalld takes services of a site too, so that other names may be right."""
    is_plain = re.fullmatch(r"[a-z-]+", text) and len(text) >= _SLIP_FROM
    return nearest(text, _KNOWN) if is_plain and text not in _KNOWN else ""


CHECKS = (
    Check("service-both", "warning", both, "pyanaconda, modules/services/installation.py"),
    Check("service-name", "error", name, "pykickstart, commands/services.py; systemctl(1)"),
    Check("service-node", "warning", managed, "oVirt, Administration Guide: Host Firewall Requirements"),
    Check("firewall-port", "error", port, "firewall-offline-cmd(1)"),
    Check("firewall-service", "warning", firewall_service, "firewalld.service(5)"),
)
