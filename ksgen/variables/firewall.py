# SPDX-License-Identifier: GPL-2.0-or-later
"""What the firewall of a node lets in: services and ports of the default zone, beside those of the node image.

firewalld adds them to those that the image opens (cockpit, glusterfs, libvirt, libvirt-tls, ssh, vdsm), and so does the
engine when the host joins. firewall-offline-cmd(1), by which Anaconda configures it, reports nothing of what is wrong:
pyanaconda, modules/network/firewall/installation.py.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, field_validator, model_validator

from ksgen.variables.values import STRICT, a_text, nearest, refuse, shown

PORT_MAX = 65535
PROTOCOLS = ("tcp", "udp", "sctp", "dccp")  # firewall-offline-cmd(1), --add-port
# The engine installs and manages a host over SSH.
ALWAYS_OPEN = "ssh"

_PORT = re.compile(r"(?P<first>[0-9]{1,9})(?:-(?P<last>[0-9]{1,9}))?(?P<separator>[:/])(?P<protocol>[A-Za-z]+)")
_SERVICE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_OFF = "the firewall of a node must stay enabled: hosted engine cannot be deployed without firewalld"
_OFF_CURE = "remove it; node_firewall only lists what else is open: {services: [snmp], ports: [161:udp]}"
_OFF_WORDS = frozenset({"disabled", "disable", "off", "none", "no", "false"})


def firewall_port(value: object) -> str:
    """`161:udp` or `5900-6923:tcp`, also with the slash of firewall-cmd(1); as the kickstart has it, with a colon."""
    if isinstance(value, int) and not isinstance(value, bool):
        refuse("firewall-port", f"{shown(value)} has no protocol", f"write {shown(value)}:tcp, or {shown(value)}:udp")
    text = a_text(value, "161:udp")
    match = _PORT.fullmatch(text)
    if match is None:
        is_bare = re.fullmatch(r"[0-9]{1,5}(-[0-9]{1,5})?", text) is not None
        cure = f"write {text}:tcp, or {text}:udp" if is_bare else "write PORT:PROTOCOL: 161:udp, or 5900-6923:tcp"
        refuse("firewall-port", f"{shown(value)} {'has no protocol' if is_bare else 'is not a port'}", cure)
    protocol = match["protocol"]
    if protocol not in PROTOCOLS:
        cure = nearest(protocol, PROTOCOLS) or f"one of: {', '.join(PROTOCOLS)}"
        refuse("firewall-port", f"{shown(protocol)} is not a protocol of the firewall", cure)
    first, last = int(match["first"]), int(match["last"] or match["first"])
    if not 1 <= first <= PORT_MAX or not 1 <= last <= PORT_MAX:
        refuse("firewall-port", f"{shown(value)} is not a port", f"ports are numbers from 1 to {PORT_MAX}")
    if first > last:
        refuse("firewall-port", f"{first} comes after {last}", "swap the two")
    numbers = f"{first}" if first == last else f"{first}-{last}"
    return f"{numbers}:{protocol}"


def service_name(value: object) -> str:
    """The name of a service of firewalld, which is that of its file without `.xml`."""
    text = a_text(value, "snmp")
    if not _SERVICE.fullmatch(text):
        cure = "the name of a file in /usr/lib/firewalld/services, without .xml, such as snmp; ports are in ports:"
        refuse("firewall-service", f"{shown(value)} is not the name of a service of firewalld", cure)
    return text


class Firewall(BaseModel):
    """What is open beside the services of the node image."""

    model_config = STRICT

    services: list[Annotated[str, BeforeValidator(service_name)]] = Field(default_factory=list)
    ports: list[Annotated[str, BeforeValidator(firewall_port)]] = Field(default_factory=list)

    @model_validator(mode="before")
    @classmethod
    def _stays_on(cls, value: Any) -> Any:
        is_off = value is False or (isinstance(value, str) and value.lower() in _OFF_WORDS)
        if is_off or (isinstance(value, dict) and ("disabled" in value or value.get("enabled") is False)):
            refuse("firewall-off", _OFF, _OFF_CURE)
        return value

    @field_validator("ports")
    @classmethod
    def _are_not_twice(cls, value: list[str]) -> list[str]:
        for port in value:
            if value.count(port) > 1:
                refuse("firewall-twice", f"{port} is listed twice", "remove one of the two")
        return value

    @property
    def all_services(self) -> tuple[str, ...]:
        """The services in their order, ssh always among them."""
        return tuple(dict.fromkeys((ALWAYS_OPEN, *self.services)))

    def unknown_services(self) -> Iterator[tuple[int, str, str]]:
        """(place, name, what was probably meant) of each service that neither firewalld nor oVirt's packages bring."""
        for index, name in enumerate(self.services):
            if name not in _KNOWN:
                near = [_DAEMONS[name]] if name in _DAEMONS else difflib.get_close_matches(name, _KNOWN, 1, _SLIP)
                yield index, name, f"did you mean {near[0]!r}?" if near else ""


# The names of daemons and units that are taken for those of services.
_DAEMONS = {
    "sshd": "ssh", "httpd": "http", "nginx": "http", "chronyd": "ntp", "ntpd": "ntp", "named": "dns",
    "cockpit.socket": "cockpit", "smb": "samba", "vsftpd": "ftp", "snmpd": "snmp", "libvirtd": "libvirt",
    "nfs-server": "nfs", "rpcbind": "rpc-bind", "node_exporter": "prometheus-node-exporter", "rsyslog": "syslog",
}  # fmt: skip
_SLIP = 0.8  # similarity (difflib); many of these names share a half
# /usr/lib/firewalld/services of firewalld 1.3, which has those of oVirt and vdsm too.
_NAMES = """
    RH-Satellite-6 RH-Satellite-6-capsule afp amanda-client amanda-k5-client amqp amqps apcupsd audit ausweisapp2
    bacula bacula-client bareos-director bareos-filedaemon bareos-storage bb bgp bitcoin bitcoin-rpc bitcoin-testnet
    bitcoin-testnet-rpc bittorrent-lsd ceph ceph-exporter ceph-mon cfengine checkmk-agent cockpit collectd
    condor-collector cratedb ctdb dds dds-multicast dds-unicast dhcp dhcpv6 dhcpv6-client distcc dns dns-over-tls
    docker-registry docker-swarm dropbox-lansync elasticsearch etcd-client etcd-server finger foreman foreman-proxy
    freeipa-4 freeipa-ldap freeipa-ldaps freeipa-replication freeipa-trust ftp galera ganglia-client ganglia-master
    git gpsd grafana gre high-availability http http3 https ident imap imaps ipfs ipp ipp-client ipsec irc ircs
    iscsi-target isns jenkins kadmin kdeconnect kerberos kibana klogin kpasswd kprop kshell kube-api kube-apiserver
    kube-control-plane kube-control-plane-secure kube-controller-manager kube-controller-manager-secure
    kube-nodeport-services kube-scheduler kube-scheduler-secure kube-worker kubelet kubelet-readonly kubelet-worker
    ldap ldaps libvirt libvirt-tls lightning-network llmnr llmnr-client llmnr-tcp llmnr-udp managesieve matrix mdns
    memcache minidlna mongodb mosh mountd mqtt mqtt-tls ms-wbt mssql murmur mysql nbd nebula netbios-ns
    netdata-dashboard nfs nfs3 nmea-0183 nrpe ntp nut openvpn ovirt-imageio ovirt-storageconsole ovirt-vmconsole
    plex pmcd pmproxy pmwebapi pmwebapis pop3 pop3s postgresql privoxy prometheus prometheus-node-exporter
    proxy-dhcp ps2link ps3netsrv ptp pulseaudio puppetmaster quassel radius rdp redis redis-sentinel rpc-bind
    rquotad rsh rsyncd rtsp salt-master samba samba-client samba-dc sane sip sips slp smtp smtp-submission smtps
    snmp snmptls snmptls-trap snmptrap spideroak-lansync spotify-sync squid ssdp ssh steam-streaming svdrp svn
    syncthing syncthing-gui syncthing-relay synergy syslog syslog-tls telnet tentacle tftp tile38 tinc tor-socks
    transmission-client upnp-client vdsm vnc-server warpinator wbem-http wbem-https wireguard ws-discovery
    ws-discovery-client ws-discovery-tcp ws-discovery-udp wsman wsmans xdmcp xmpp-bosh xmpp-client xmpp-local
    xmpp-server zabbix-agent zabbix-server zerotier
"""
_KNOWN = frozenset(_NAMES.split())
