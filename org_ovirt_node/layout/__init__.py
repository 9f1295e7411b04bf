# SPDX-License-Identifier: GPL-2.0-or-later
"""The storage layout of a node: the policy, and everything that follows from it. Pure; all sizes are bytes."""

from org_ovirt_node.layout.anaconda_configuration import configuration, is_efi_dir
from org_ovirt_node.layout.automatic import excluded_mount_points, kept
from org_ovirt_node.layout.commands import Commands, storage_commands
from org_ovirt_node.layout.devices import all_known, free_space, group_of, node_pool, volumes_of
from org_ovirt_node.layout.findings import ERROR, WARNING, Finding, describe, has_errors, size_text
from org_ovirt_node.layout.geometry import AUTOMATIC_BOOT_SIZE, GIB, MIB, TIB, align_up, group, mirror, partition_space
from org_ovirt_node.layout.image_capacity import capacity
from org_ovirt_node.layout.planning import Plan, plan
from org_ovirt_node.layout.policy import (
    BIOSBOOT_SIZE,
    BOOT_SPACE_MIN,
    ESP_SIZE,
    FILESYSTEMS,
    IMAGES,
    LAYOUTS,
    METADATA_SIZE,
    MINIMAL,
    OPTIONS,
    RESERVE_MAX,
    RESERVE_PERCENT,
    ROOT_SIZE_WISE,
    STANDARD,
    Device,
    Request,
    automatic_sizes,
    policy_sizes,
    volume_name,
    volume_sizes,
)
from org_ovirt_node.layout.rules import check, check_reserve

__all__ = [
    "AUTOMATIC_BOOT_SIZE",
    "BIOSBOOT_SIZE",
    "BOOT_SPACE_MIN",
    "ERROR",
    "ESP_SIZE",
    "FILESYSTEMS",
    "GIB",
    "IMAGES",
    "LAYOUTS",
    "METADATA_SIZE",
    "MIB",
    "MINIMAL",
    "OPTIONS",
    "RESERVE_MAX",
    "RESERVE_PERCENT",
    "ROOT_SIZE_WISE",
    "STANDARD",
    "TIB",
    "WARNING",
    "Commands",
    "Device",
    "Finding",
    "Plan",
    "Request",
    "align_up",
    "all_known",
    "automatic_sizes",
    "capacity",
    "check",
    "check_reserve",
    "configuration",
    "describe",
    "excluded_mount_points",
    "free_space",
    "group",
    "group_of",
    "has_errors",
    "is_efi_dir",
    "kept",
    "mirror",
    "node_pool",
    "partition_space",
    "plan",
    "policy_sizes",
    "size_text",
    "storage_commands",
    "volume_name",
    "volume_sizes",
    "volumes_of",
]
