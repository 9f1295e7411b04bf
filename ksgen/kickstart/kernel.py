# SPDX-License-Identifier: GPL-2.0-or-later
"""The steps of kernel modules, drivers, parameters, huge pages and local disks: files of our own names."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ksgen.kickstart.files import writing
from ksgen.kickstart.steps import Step, checked
from ksgen.variables import BESIDE_PAGES, Settings, huge_bytes

# vdsm has sysctl.d/vdsm.conf, which is read after 90-*.conf.
SYSCTL = "/etc/sysctl.d/zz-node.conf"
MODULES = "/etc/modules-load.d/90-node.conf"
# modprobe reads the files in the order of their names, and of two options the later one holds: after those of packages.
OPTIONS = "/etc/modprobe.d/zz-node.conf"
DRIVERS = "/etc/dracut.conf.d/90-node.conf"
# dracut takes /etc/modprobe.d along only where it builds for one machine (hostonly), which is not so where the image
# has dracut-config-generic: a module in the initramfs would be loaded without its options, or although blacklisted.
INCLUDED = "/etc/dracut.conf.d/90-node-modules.conf"
LOCAL_DISKS = "/etc/multipath/conf.d/node-local.conf"


def kernel_steps(settings: Settings) -> Iterator[Step]:
    """Of each variable the files that are read at boot."""
    yield from _drivers(settings)
    yield from _modules(settings)
    yield from _sysctl(settings)
    yield from _hugepages(settings)
    yield from _local_disks(settings)


def _drivers(settings: Settings) -> Iterator[Step]:
    if not settings.drivers:
        return
    modules = tuple(dict.fromkeys(module for driver in settings.drivers for module in driver.modules))
    text = f'add_drivers+=" {" ".join(modules)} "\n'
    yield Step(
        "node_drivers",
        f"drivers: {', '.join(modules)}",
        writing(DRIVERS, text),
        touches_initramfs=True,
        drivers=modules,
    )


def _modules(settings: Settings) -> Iterator[Step]:
    modules = settings.modules
    if modules is None:
        return
    lines = [f"options {name} {options}" for name, options in modules.options.items()]
    lines += [f"blacklist {name}" for name in modules.blacklist]
    commands: tuple[str, ...] = ()
    if modules.load:
        commands += writing(MODULES, "".join(f"{name}\n" for name in modules.load))
    if lines:
        commands += writing(OPTIONS, "".join(f"{line}\n" for line in lines))
        commands += writing(INCLUDED, f'install_items+=" {OPTIONS} "\n')
    named = ", ".join(dict.fromkeys((*modules.load, *modules.options, *modules.blacklist)))
    yield Step("node_modules", f"modules: {named}", commands, touches_initramfs=True)


def _sysctl(settings: Settings) -> Iterator[Step]:
    if settings.sysctl:
        text = "".join(f"{key} = {value}\n" for key, value in settings.sysctl.items())
        yield Step("node_sysctl", f"sysctl: {', '.join(settings.sysctl)}", writing(SYSCTL, text))


def _hugepages(settings: Settings) -> Iterator[Step]:
    """The installer runs on the machine itself, whose memory no inventory has."""
    if not settings.hugepages:
        return
    needed = (huge_bytes(settings.hugepages) + BESIDE_PAGES) // 1024
    sizes = ", ".join(f"{count} of {size}" for size, count in settings.hugepages.items())
    commands = (
        "memory=$(sed -n 's/^MemTotal: *\\([0-9]*\\) kB$/\\1/p' /proc/meminfo)",
        *checked(
            f'[ "$memory" -ge {needed} ]',
            f"this machine has less than the {needed >> 20} GiB that the pages and the node itself need",
            f"correct node_hugepages: {BESIDE_PAGES >> 30} GiB have to be left",
        ),
    )
    yield Step("node_hugepages", f"huge pages: {sizes}", commands)


def _local_disks(settings: Settings) -> Iterator[Step]:
    if settings.local_disks:
        wwids = "".join(f'    wwid "^{re.escape(wwid)}$"\n' for wwid in settings.local_disks)
        commands = writing(LOCAL_DISKS, f"blacklist {{\n{wwids}}}\n")
        title = f"local disks: {', '.join(settings.local_disks)}"
        yield Step("node_local_disks", title, commands, touches_initramfs=True)
