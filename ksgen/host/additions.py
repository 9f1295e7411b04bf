# SPDX-License-Identifier: GPL-2.0-or-later
"""What a site adds to its nodes, compared with the other variables of a host."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ksgen.host.host import Host
from ksgen.problems import Problem
from ksgen.variables import KERNEL_LINE_CURE, KERNEL_LINE_LONGEST, local_disk, shown

# What an update keeps, beside the volumes (imgbased, osupdater.py: migrate_etc, on_new_layer).
_KEPT = ("/etc", "/root", "/var", "/home")
# /etc/sysctl.d/vdsm.conf of vdsm: its values are those that a hypervisor needs.
_OF_VDSM = re.compile(
    r"vm[./]dirty_(?:background_)?ratio|net[./]ipv4[./]conf[./][^./]+[./]arp_(?:ignore|announce)"
    r"|net[./]ipv4[./]ip_local_reserved_ports"
)
# Files of packages that a site changes often, and what does the same without them. imgbased, osupdater.py, migrate_etc:
# a changed file takes the place of the one of every later image, without an .rpmnew.
_HIDING = (
    (r"/etc/chrony\.conf", "set node_ntp_servers"),
    (r"/etc/dnf/dnf\.conf|/etc/yum\.conf", "set node_repos, node_proxy"),
    (r"/etc/sysctl\.conf", "set node_sysctl"),
    (r"/etc/(?:profile|bashrc)", "write a file in /etc/profile.d"),
    (r"/etc/(rsyslog|logrotate)\.conf", r"write a file in /etc/\1.d"),
    (r"/etc/dracut\.conf", "write a file in /etc/dracut.conf.d"),
    (r"/etc/ssh/ssh_config", "write a file in /etc/ssh/ssh_config.d"),
    (r"/etc/security/limits\.conf", "write a file in /etc/security/limits.d"),
    (r"/etc/NetworkManager/NetworkManager\.conf", "write a file in /etc/NetworkManager/conf.d"),
    (r"(/etc/systemd/\w+\.conf)", r"write a file in \1.d"),
)
_INTENDED = "remove it, unless that is intended"


def content_problems(host: Host) -> Iterator[Problem]:
    """What is wrong with the files, packages and parameters of a host."""
    yield from _files(host)
    yield from _repositories(host)
    for key in host.settings.sysctl:
        if _OF_VDSM.fullmatch(key):
            message = f"{key} is set by vdsm, whose value is overridden here"
            yield host.problem(("node_sysctl", key), "sysctl-vdsm", message, _INTENDED, "warning")
    yield from _kernel_arguments(host)


def _files(host: Host) -> Iterator[Problem]:
    volumes = {device.mount_point for device in host.plan.devices if device.mount_point}
    kept = tuple(f"{place}/" for place in (*_KEPT, *(place for place in volumes if place not in ("/", "/boot"))))
    for index, file in enumerate(host.settings.files):
        location = ("node_files", index, "path")
        if file.path in volumes:
            message = f"{shown(file.path)} is the mount point of a volume"
            yield host.problem(location, "file-path", message, "add the name of the file")
        elif host.settings.is_node and not file.path.startswith(kept):
            message = f"{shown(file.path)} is gone after an update, which replaces that directory"
            hint = "write it below /etc, /root or /var, or make a package of it"
            yield host.problem(location, "file-lost", message, hint, "warning")
        elif host.settings.is_node and (cure := _beside(file.path)):
            message = f"{shown(file.path)} is a file of the image, and would hide that of each later image"
            yield host.problem(location, "file-hides", message, cure, "warning")


def _beside(path: str) -> str | None:
    """What a site does instead of writing this file of the image."""
    found = ((re.fullmatch(pattern, path), cure) for pattern, cure in _HIDING)
    return next((match.expand(cure) for match, cure in found if match), None)


def _repositories(host: Host) -> Iterator[Problem]:
    settings = host.settings
    for index, repo in enumerate(settings.repos):
        if not repo.gpgcheck:
            message = f"the packages of {repo.name} are not verified: anyone in the network path can replace them"
            location = ("node_repos", index, "gpgcheck")
            yield host.problem(location, "repo-unverified", message, "add key:, and remove gpgcheck", "warning")
    for name in ("packages", "drivers"):
        if settings.is_node and getattr(settings, name) and not settings.repos:
            message = "no repository is enabled in a node image, so dnf will not find a package"
            yield host.problem((f"node_{name}",), "package-no-repo", message, "add node_repos", "warning")


def _kernel_arguments(host: Host) -> Iterator[Problem]:
    settings = host.settings
    if not settings.hugepages:
        return
    for argument in settings.kernel_args:
        if argument.startswith(("hugepages=", "hugepagesz=", "default_hugepagesz=")):
            message = f"{argument.partition('=')[0]}= is in node_kernel_args too"
            yield host.problem(("node_hugepages",), "hugepages", message, "remove it there")
    length = len(" ".join(settings.boot_arguments))
    if length > KERNEL_LINE_LONGEST:
        message = f"{length} characters exceed the {KERNEL_LINE_LONGEST} that a kernel reads"
        yield host.problem(("node_kernel_args",), "text-too-long", message, KERNEL_LINE_CURE)


def local_disk_problems(host: Host) -> Iterator[Problem]:
    """No disk is both installed to and kept."""
    kept = set(host.settings.local_disks)
    for index, disk in enumerate(host.disks):
        if disk.wwn and local_disk(disk.wwn) in kept:
            message = f"{disk.wwn} is one of node_local_disks, which are never installed to"
            yield host.problem(("node_disk", index, "wwn"), "disk-kept", message, "remove it there, or choose another")
