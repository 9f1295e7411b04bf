# SPDX-License-Identifier: GPL-2.0-or-later
"""Files of the installed system that are written by the installation, imgbase, vdsm, the engine or ksgen itself."""

from __future__ import annotations

import re
from typing import NamedTuple

_CONFIGURE = "vdsm-tool configure, which imgbase runs now and at each update"
_FILTER = "vdsm-tool config-lvm-filter, which imgbase runs now and at each update"
_ANOTHER = "write another file in this directory"


class Owner(NamedTuple):
    """Paths that another part writes: a pattern, why a site has no file there, and what to do instead.

    If what a script writes there is lost, `writer` does it, and `script_cure` is what to do instead in a script.
    """

    pattern: str
    reason: str
    cure: str
    writer: str = ""
    script_cure: str = ""


# What Anaconda, imgbase (osupdater.py), vdsm (its configurators) and the engine's deployment write or rewrite.
_OWNERS = (
    Owner(r"/etc/fstab", "Anaconda and imgbase write it", "set node_volumes"),
    Owner(r"/etc/(?:crypttab|machine-id)", "the installation writes it", "remove it"),
    Owner(r"/etc/hostname", "Anaconda writes it", "set node_hostname"),
    Owner(r"/etc/resolv\.conf", "NetworkManager writes it", "set dns: in node_network"),
    Owner(r"/etc/default/grub", "Anaconda and imgbase write it", "set node_kernel_args"),
    Owner(r"/etc/(?:passwd|shadow|group|gshadow)-?", "the installation writes it", "set node_users"),
    Owner(r"/root/\.ssh/authorized_keys", "Anaconda writes it", "set node_ssh_keys"),
    Owner(
        r"/etc/ssh/sshd_config", "imgbase edits it at each update", "write /etc/ssh/sshd_config.d/00-site.conf",
        "imgbase, which lets root log in with a password again", "write /etc/ssh/sshd_config.d/00-site.conf",
    ),
    Owner(r"/etc/sudoers", "a changed copy would hide that of later images", "write a file in /etc/sudoers.d"),
    Owner(
        r"/etc/multipath\.conf", "vdsm replaces it", "write a file in /etc/multipath/conf.d",
        _CONFIGURE, "write /etc/multipath/conf.d/NAME.conf; or '# VDSM PRIVATE' in line 2",
    ),
    Owner(
        r"/etc/multipath/conf\.d/vdsm_blacklist\.conf", "vdsm writes it", "set node_local_disks",
        _CONFIGURE, _ANOTHER,
    ),
    Owner(r"/etc/multipath/conf\.d/node-local\.conf", "ksgen writes it", "set node_local_disks"),
    Owner(
        r"/etc/lvm/(?:lvm|lvmlocal)\.conf|/etc/lvm/devices/.*", "vdsm and imgbase write it", "remove it",
        _FILTER, "leave the devices of LVM to vdsm",
    ),
    Owner(
        r"/etc/lvm/profile/imgbased.*", "vdsm and imgbase write it", "remove it", "imgbase", "use another profile"
    ),
    Owner(
        r"/etc/sanlock/sanlock\.conf|/etc/libvirt/(?:libvirtd|qemu)\.conf", "vdsm writes it", "remove it",
        _CONFIGURE, "leave it to vdsm",
    ),
    Owner(
        r"/etc/vdsm/vdsm\.conf", "vdsm writes it", "write a file in /etc/vdsm/vdsm.conf.d",
        _CONFIGURE, "write /etc/vdsm/vdsm.conf.d/NAME.conf",
    ),
    Owner(
        r"/etc/sysctl\.d/vdsm\.conf", "it is a file of vdsm", "set node_sysctl",
        "vdsm", "write a file that is read after it: /etc/sysctl.d/zz-site.conf",
    ),
    Owner(r"/etc/sysctl\.d/zz-node\.conf", "ksgen writes it", "set node_sysctl"),
    Owner(r"/etc/modules-load\.d/vdsm\.conf", "it is a file of vdsm", "set node_modules", "vdsm", _ANOTHER),
    Owner(r"/etc/modules-load\.d/90-node\.conf|/etc/modprobe\.d/zz-node\.conf", "ksgen writes it", "set node_modules"),
    Owner(r"/etc/dracut\.conf\.d/90-node\.conf", "ksgen writes it", "set node_drivers"),
    Owner(r"/etc/dracut\.conf\.d/90-node-modules\.conf", "ksgen writes it", "set node_modules"),
    Owner(
        r"/etc/dnf/plugins/versionlock\.list", "imgbase rewrites it at each update", "remove it",
        "imgbase at each update", "remove it",
    ),
    Owner(
        r"/etc/pki/vdsm/.*", "the engine writes it", "remove it",
        "the engine, which issues the certificates of a host", "remove it",
    ),
    Owner(
        r"/etc/selinux/targeted/.*", "the image's policy is there", "run semanage -N in node_post",
        "imgbase at each update", "use semanage -N or semodule -N",
    ),
    Owner(r"/etc/yum\.repos\.d/ovirt-.*", "it is a file of the image", "set node_repos"),
    Owner(r"/etc/yum\.repos\.d/node-.*|/etc/pki/rpm-gpg/RPM-GPG-KEY-node-.*", "ksgen writes it", "set node_repos"),
    Owner(r"/etc/sudoers\.d/60-ovirt-node-users", "ksgen writes it", "set sudo: in node_users"),
    Owner(
        r"/etc/profile\.d/ovirt-node-proxy\.sh|/etc/systemd/system\.conf\.d/90-ovirt-node-proxy\.conf",
        "ksgen writes it", "set node_proxy",
    ),
    Owner(
        r"/etc/pki/ca-trust/source/anchors/ovirt-node\.pem", "ksgen writes it", "set node_ca_certificates"
    ),
    Owner(r"/etc/iscsi/initiatorname\.iscsi", "Anaconda and imgbase write it", "set node_iscsi_initiator"),
)  # fmt: skip


def owner_of(path: str) -> Owner | None:
    """Who writes a file, by its absolute path without `..`; None if it can be the site's own."""
    return next((owner for owner in _OWNERS if re.fullmatch(owner.pattern, path)), None)
