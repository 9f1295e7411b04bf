# SPDX-License-Identifier: GPL-2.0-or-later
"""Any value of a variable that becomes a command: refused with a cure, or read back by pykickstart as it was meant."""

from __future__ import annotations

import ipaddress
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inventories import inventory_text, read_text

from ksgen.grammar import Grammar
from ksgen.kickstart.page import Templates
from ksgen.variables import Settings

GRAMMARS = {release: Grammar(release) for release in ("el9", "el10")}
TEMPLATES = Templates()


def texts(longest: int) -> st.SearchStrategy[str]:
    """Of characters that JSON writes as YAML reads them."""
    return st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=("Cs",)), max_size=longest)


NUMBERS = st.integers(-1, 70000)
PROTOCOLS = st.sampled_from(("tcp", "udp", "sctp", "TCP", "icmp", ""))
PORTS = st.one_of(
    st.builds("{}{}{}".format, NUMBERS, st.sampled_from((":", "/", "")), PROTOCOLS),
    st.builds("{}-{}:{}".format, NUMBERS, NUMBERS, PROTOCOLS),
    NUMBERS,
    texts(12),
)
SERVICES = st.one_of(st.sampled_from(("ssh", "snmp", "snmpd", "my.agent", "-x", "")), texts(12))
FIREWALL = st.one_of(
    st.fixed_dictionaries(
        {}, optional={"services": st.lists(SERVICES, max_size=3), "ports": st.lists(PORTS, max_size=3)}
    ),
    st.sampled_from(("disabled", False, True, None, [], {"enabled": False}, {"service": ["ssh"]})),
)
INITIATOR = st.one_of(
    st.builds(
        "iqn.{}-{:02}.{}:{}".format,
        st.integers(1990, 2030), st.integers(0, 13), st.sampled_from(("com.example", "com", "Com.Example", "")),
        st.text("abcN01.:-_ ", max_size=230),
    ),
    st.builds("{}.{}".format, st.sampled_from(("eui", "naa")), st.text("0123456789abcdefXY", min_size=14, max_size=33)),
    texts(20),
)  # fmt: skip
HOSTS = st.one_of(st.sampled_from(("proxy", "proxy.example.com", "[2001:db8::1]", "10.0.0.1", "")), texts(8))
URLS = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(("http://", "https://", "socks5://", "")),
    st.sampled_from(("", "ops@", "ops:p%40@", "o p:/@", ":@")),
    HOSTS,
    st.sampled_from(("", ":3128", ":0", ":70000", "/", "/path", ":3128/")),
)
EXCEPTIONS = st.lists(
    st.one_of(
        st.sampled_from((".example.com", "*.example.com", "10.0.0.0/8", "10.0.0.1/8", "::1", "a,b")),
        texts(6),
    ),
    max_size=3,
)
PROXY = st.fixed_dictionaries({"url": URLS}, optional={"no_proxy": EXCEPTIONS})
KDUMP = st.one_of(
    st.sampled_from(("auto", False, True, "no", "512M")),
    st.builds("{} {}".format, st.integers(0, 5000), st.sampled_from(("MiB", "GiB", "MB", ""))),
)
DOMAINS = st.lists(st.one_of(st.sampled_from(("example.com", "a b", "a,b", "-a")), texts(6)), max_size=3)
ROUTES = st.lists(
    st.fixed_dictionaries(
        {
            "to": st.sampled_from(("10.20.0.0/16", "10.20.0.1/16", "10.0.0.0/24", "0.0.0.0/0", "2001:db8:1::/48", "x")),
            "via": st.sampled_from(("10.0.0.2", "10.1.0.2", "10.0.0.5", "fe80::1", "x")),
        },
        optional={"metric": st.integers(-1, 2**33)},
    ),
    max_size=2,
)
NETWORK = st.fixed_dictionaries(
    {"name": st.just("eno1"), "ipv4": st.sampled_from(("dhcp", "10.0.0.5/24")), "dns": st.just(["10.0.0.53"])},
    optional={
        "ipv6": st.sampled_from(("auto", "none", "dhcp")), "auto_dns": st.booleans(), "search": DOMAINS,
        "routes": ROUTES, "gateway4": st.just("10.0.0.1"),
    },
).map(lambda interface: [interface])  # fmt: skip
SUDO = st.sampled_from((True, False, "nopasswd", "NOPASSWD", "yes", 1)).map(
    lambda one: [{"name": "erika", "sudo": one}]
)
VALUES = {
    "node_firewall": FIREWALL,
    "node_iscsi_initiator": INITIATOR,
    "node_proxy": PROXY,
    "node_kdump": KDUMP,
    "node_network": NETWORK,
    "node_users": SUDO,
}


def is_as_meant(handler: Any, meant: Settings, kickstart: str) -> None:
    """What pykickstart has read is what the settings say."""
    if meant.firewall:
        assert handler.firewall.enabled is True
        assert handler.firewall.services == list(meant.firewall.all_services)
        assert handler.firewall.ports == meant.firewall.ports
        for port in handler.firewall.ports:
            numbers, protocol = port.split(":")
            assert all(1 <= int(number) <= 65535 for number in numbers.split("-")), port
            assert protocol in ("tcp", "udp", "sctp", "dccp")
    assert handler.iscsiname.iscsiname == (meant.iscsi_initiator or "")
    is_through = meant.proxy is not None and meant.proxy.is_for(meant.image_url)
    assert handler.liveimg.proxy == (meant.proxy.url if meant.proxy and is_through else None)
    if meant.network:
        (interface,) = meant.network
        (read,) = [one for one in handler.network.network if one.device]
        assert (read.ipv4_dns_search or "") == ",".join(interface.search)
        is_dhcp, is_automatic = read.bootProto == "dhcp", read.ipv6 in ("auto", "dhcp")
        assert read.ipv4_ignore_auto_dns == (is_dhcp and not interface.auto_dns)
        assert read.ipv6_ignore_auto_dns == (is_automatic and not interface.auto_dns)
        for route in interface.routes:
            assert ipaddress.ip_network(route.to).version == route.version
            assert f"={route.to},{route.via}" in kickstart
    memory = {None: "", "auto": "auto"}.get(meant.kdump) if not isinstance(meant.kdump, int) else str(meant.kdump >> 20)
    assert ("%addon com_redhat_kdump" in kickstart) == bool(memory)
    assert f"--reserve-mb={memory}\n" in kickstart or not memory


@pytest.mark.parametrize("name", VALUES)
def test_any_value_is_refused_or_read_back(name: str, tmp_path: Path) -> None:
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(value=VALUES[name], release=st.sampled_from(("el9", "el10")), addon=st.sampled_from(("true", "false")))
    def check(value: object, release: str, addon: str) -> None:
        # Unevaluated: an expression is not what is looked at here.
        written = json.dumps(value).replace("{{", "{ {").replace("{%", "{ %").replace("{#", "{ #")
        text = inventory_text(**{"node_release": release, "node_addon": addon, name: written})
        hosts, problems = read_text(text, tmp_path)
        errors = [problem for problem in problems if problem.severity == "error"]
        if errors:
            assert all(problem.message for problem in errors)
            assert any(problem.hint for problem in errors) or all(p.code in WITHOUT_CURE for p in errors), errors
            return
        (host,) = hosts
        kickstart, found = TEMPLATES.render(host)
        assert kickstart is not None, found
        grammar = GRAMMARS[release]
        assert grammar.read(kickstart) == ()
        is_as_meant(grammar.handler, host.settings, kickstart)

    check()


# What is wrong says itself what would be right.
WITHOUT_CURE = {
    "wrong-type", "value-range", "address", "route", "route-via", "variable-unknown", "gateway-without-address",
    "host-name", "text-too-long", "size",
}  # fmt: skip
