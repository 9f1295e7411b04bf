# SPDX-License-Identifier: GPL-2.0-or-later
"""The boot files of a site: PXELINUX, GRUB and iPXE for each host by its MAC address.

A boot file is static, and ksgen may not run again when an arming ends. So an armed host's boot file requests the
kernel with the arming's token, and boots the disk if that is refused; nginx.conf checks the time, `armed/` in the
published tree, and whether the kickstart has been fetched already.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from ksgen.host import Host
from ksgen.media import KERNEL
from ksgen.netboot import bootargs
from ksgen.netboot.addresses import boot_address
from ksgen.netboot.arming import Arming
from ksgen.netboot.boottemplates import BootTemplates, Words
from ksgen.problems import Problem

# Boot loaders on disks of the EL family, and UEFI's fallback, where GRUB has to search itself.
LOCAL_LOADERS = (
    *(f"/EFI/{vendor}/shimx64.efi" for vendor in ("almalinux", "centos", "redhat", "rocky")),
    "/EFI/BOOT/BOOTX64.EFI",
)


class File(NamedTuple):
    """A file below out/, and the host that it belongs to; None for one of the whole site."""

    path: str
    text: str | bytes
    owner: str | None = None


def boot_files(
    hosts: Sequence[Host], armed: Mapping[str, Arming], templates: BootTemplates
) -> tuple[list[File], list[Problem]]:
    """The boot files of hosts of which some are armed (arming.active), and of all others, without a discovery."""
    files = [File(path, text) for path, text in for_unknown(templates, {"discovery": None})]
    problems: list[Problem] = []
    right: set[str] = set()  # shapes (host/shapes.py) with nothing wrong
    for host in hosts:
        shape = host.shape.key if host.shape else ""
        of_host: list[Problem] = []
        if shape not in right:
            of_host += bootargs.problems(host)
            problems += of_host
            if shape and not of_host and bootargs.has_room(host):
                right.add(shape)
        if not any(problem.severity == "error" for problem in of_host):
            files += [File(path, text, host.name) for path, text in _of_host(host, armed.get(host.name), templates)]
    return files, problems


def for_unknown(templates: BootTemplates, values: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """The boot files of machines without one of their own. `values` has `discovery`: None, or that of discovery.py."""
    note = Words("A machine of no host.")
    yield "pxelinux.cfg/default", templates.render("pxelinux.j2", note=note, arming=None, **values)
    yield "grub/grub.cfg", templates.render("grub.j2", **values)
    yield "grub/local.cfg", templates.render("grub-local.j2", loaders=LOCAL_LOADERS)
    yield "grub.cfg", templates.render("grub-root.j2")
    yield "boot.ipxe", templates.render("ipxe.j2", **values)


def _of_host(host: Host, arming: Arming | None, templates: BootTemplates) -> Iterator[tuple[str, str]]:
    mac = bootargs.dashed(host.settings.mac)
    note = _disk_note(host.name)
    values: dict[str, object] = {"arming": arming}
    kernel = initrd = ""
    if arming:
        until = arming.until.strftime("%Y-%m-%dT%H:%M:%SZ")
        values["note"] = Words(f"{host.name} is installed once, until {until}.")
        values["arguments"] = bootargs.kernel_arguments(host, arming.token)
        kernel, initrd = (f"boot/{host.settings.release}/{name}?armed={arming.token}" for name in KERNEL_FILES)
        # The web server gives it out once, to the machine that installs: programs/report.py.
        yield f"armed/{arming.token}", f"{arming.report}\n"
    address = boot_address(host.settings)
    for path, template, base in (
        (f"pxelinux.cfg/01-{mac}", "pxelinux.j2", f"http://{address.server}{address.path}"),
        (f"grub/grub.cfg-01-{mac}", "grub-host.j2", f"(http,{address.server}){address.path}"),
        (f"ipxe/{mac}.ipxe", "ipxe-host.j2", f"http://{address.server}{address.path}"),
    ):
        place = {"kernel": f"{base}/{kernel}", "initrd": f"{base}/{initrd}"}
        yield (
            path,
            templates.render(template, **place, **values) if arming else templates.disk_file(template, note, **place),
        )


KERNEL_FILES = tuple(name for name, _ in KERNEL)
# Where a host's boot files are, the beginning of their names, and what they are made of.
HOST_FILES = (("pxelinux.cfg/01-", "pxelinux.j2"), ("grub/grub.cfg-01-", "grub-host.j2"), ("ipxe/", "ipxe-host.j2"))


def _disk_note(host: str) -> Words:
    return Words(f"{host} boots its disk: it is not armed.")


def disk_file(path: str, host: str, templates: BootTemplates) -> str:
    """A host's boot file that boots its disk; it needs the host's name alone. Raises what a template can raise."""
    name = next(name for begin, name in HOST_FILES if path.startswith(begin))
    return templates.disk_file(name, _disk_note(host))
