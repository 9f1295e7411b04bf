# SPDX-License-Identifier: GPL-2.0-or-later
"""The `node_` variables and their types."""

from ksgen.variables.addresses import (
    INTERFACE_LONGEST,
    any_address,
    domain_name,
    host_name,
    interface_address,
    is_address,
    parse_interface_name,
    parse_mac,
)
from ksgen.variables.addressing import MTU6_MIN
from ksgen.variables.bootarguments import ENVIRONMENT, KDUMP_ADDON, boot_arguments
from ksgen.variables.certificates import read_certificates, validity_findings
from ksgen.variables.checking import MachineChecks, skipped_names, unknown_check
from ksgen.variables.disk import Disk, SizeRange, node_link
from ksgen.variables.doubtful import boot_nic_findings
from ksgen.variables.files import FILE_LONGEST, NodeFile
from ksgen.variables.firewall import Firewall
from ksgen.variables.kernel import KERNEL_LINE_CURE, KERNEL_LINE_LONGEST, one_argument
from ksgen.variables.keyboard import keyboard as keyboard_layout
from ksgen.variables.kinds import OF_NODES, settings_model, settings_of
from ksgen.variables.links import Links
from ksgen.variables.localdisks import local_disk
from ksgen.variables.localization import language, time_zone
from ksgen.variables.management import FROM_VAULT, HTTPS_PORT, Bmc
from ksgen.variables.modules import BESIDE_PAGES, Driver, Modules, huge_bytes
from ksgen.variables.names import REMOVED, is_claimed, misspelt
from ksgen.variables.network import (
    MTU_MAX,
    MTU_MIN,
    VLAN_MAX,
    Bond,
    Bridge,
    Interface,
    Route,
    Vlan,
    carries_other,
    has_mac_members,
    network_options,
    own_ipv4,
    own_ipv6,
    pins,
    static_addresses,
)
from ksgen.variables.owners import owner_of
from ksgen.variables.packages import HOST_ENVIRONMENT
from ksgen.variables.people import key_type, password_hash, ssh_key, user_name
from ksgen.variables.proxy import Proxy
from ksgen.variables.refusing import refusal, refusals
from ksgen.variables.repositories import Repository
from ksgen.variables.schema import file_schema, variables_schema
from ksgen.variables.services import WANTED_IN_USR, Services
from ksgen.variables.settings import PREFIX, PRIVATE, SECRETS, DhcpRange, Identity, Settings, User
from ksgen.variables.topology import topology_findings
from ksgen.variables.urls import nfs_place
from ksgen.variables.values import LINE_LONGEST, SHOWN_LONGEST, in_script, nearest, one_line, shown
from ksgen.variables.words import ODD_CHARACTER, PLAIN_MARKS, argument_name, is_plain

__all__ = [
    "BESIDE_PAGES",
    "ENVIRONMENT",
    "FILE_LONGEST",
    "FROM_VAULT",
    "HOST_ENVIRONMENT",
    "HTTPS_PORT",
    "INTERFACE_LONGEST",
    "KDUMP_ADDON",
    "KERNEL_LINE_CURE",
    "KERNEL_LINE_LONGEST",
    "LINE_LONGEST",
    "MTU6_MIN",
    "MTU_MAX",
    "MTU_MIN",
    "ODD_CHARACTER",
    "OF_NODES",
    "PLAIN_MARKS",
    "PREFIX",
    "PRIVATE",
    "REMOVED",
    "SECRETS",
    "SHOWN_LONGEST",
    "VLAN_MAX",
    "WANTED_IN_USR",
    "Bmc",
    "Bond",
    "Bridge",
    "DhcpRange",
    "Disk",
    "Driver",
    "Firewall",
    "Identity",
    "Interface",
    "Links",
    "MachineChecks",
    "Modules",
    "NodeFile",
    "Proxy",
    "Repository",
    "Route",
    "Services",
    "Settings",
    "SizeRange",
    "User",
    "Vlan",
    "any_address",
    "argument_name",
    "boot_arguments",
    "boot_nic_findings",
    "carries_other",
    "domain_name",
    "file_schema",
    "has_mac_members",
    "host_name",
    "huge_bytes",
    "in_script",
    "interface_address",
    "is_address",
    "is_claimed",
    "is_plain",
    "key_type",
    "keyboard_layout",
    "language",
    "local_disk",
    "misspelt",
    "nearest",
    "network_options",
    "nfs_place",
    "node_link",
    "one_argument",
    "one_line",
    "own_ipv4",
    "own_ipv6",
    "owner_of",
    "parse_interface_name",
    "parse_mac",
    "password_hash",
    "pins",
    "read_certificates",
    "refusal",
    "refusals",
    "settings_model",
    "settings_of",
    "shown",
    "skipped_names",
    "ssh_key",
    "static_addresses",
    "time_zone",
    "topology_findings",
    "unknown_check",
    "user_name",
    "validity_findings",
    "variables_schema",
]
