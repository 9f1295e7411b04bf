# SPDX-License-Identifier: GPL-2.0-or-later
"""What a site puts on its nodes, as the steps of one %post script (ks-templates/content.ks.j2).

To add a step, write a function from the settings of a host to its steps (none where the variable is not set), in a
module of its subject, and list it in `_IN_ORDER`, which is the order on the node. A step has

- `variable`: where it comes from, which is the comment above it in the kickstart;
- `title`: what it puts there, which is printed when it begins, and in front of what fails in it;
- `commands`: lines of POSIX shell; the script runs with `set -eu`. A command that can fail is written with
  `checked(command, message, cure)`, so that log and console say what failed and what to do. Words of the site go
  through `shlex.quote`, whole files through `writing(path, text, mode)` of files.py;
- `touches_initramfs`, where it writes what is a part of the initramfs: dracut then runs once, after all steps; and
  `drivers`, the kernel modules that the new initramfs must have.

A step may print what identifies a host, but decides nothing by it (ksgen/host/shapes.py). What comes out of a vault is
found by rendering the host again with stand-ins: a variable whose texts are printed as they are is listed in
`_PRINTED` of provenance.py. tests/kickstart/test_content.py runs the script with stand-ins for the commands of a node,
and makes each of them fail: a new step gets a row there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ksgen.kickstart.dumps import kdump_steps
from ksgen.kickstart.files import file_steps
from ksgen.kickstart.kernel import kernel_steps
from ksgen.kickstart.naming import naming_steps
from ksgen.kickstart.outside import certificate_steps, proxy_steps
from ksgen.kickstart.packages import package_steps, repository_steps
from ksgen.kickstart.rights import sudo_steps
from ksgen.kickstart.routing import route_steps
from ksgen.kickstart.steps import Step, checked, indented
from ksgen.kickstart.units import service_steps
from ksgen.variables import Settings

LOG = "/var/log/ovirt-node-content.log"
DONE = "what the site adds is in place"

# CA certificates, proxy, repositories, packages, files, modules and sysctl, services: each may need those before it.
_IN_ORDER: tuple[Callable[[Settings], Iterator[Step]], ...] = (
    certificate_steps,
    proxy_steps,
    repository_steps,
    package_steps,
    file_steps,
    sudo_steps,
    naming_steps,
    route_steps,
    kernel_steps,
    service_steps,
    kdump_steps,
)


def content_steps(settings: Settings) -> tuple[Step, ...]:
    """The steps of a host's script, in their order; none if no variable puts anything on the node."""
    found = tuple(step for steps in _IN_ORDER for step in steps(settings))
    return (*found, *initramfs_steps(found))


def initramfs_steps(steps: Sequence[Step]) -> Iterator[Step]:
    """One run of dracut, where a step has written a part of the initramfs: imgbase copies it, and makes none.

    The kernels are those of the image: `uname -r` is that of the installer. A rescue kernel has no modules.
    """
    touching = [step for step in steps if step.touches_initramfs]
    if not touching:
        return
    body = (
        '[ -e "$modules" ] || continue',
        'kernel=$(basename "${modules%/modules.dep}")',
        "image=/boot/initramfs-$kernel.img",
        *checked(
            'dracut --force "$image" "$kernel"',
            "dracut did not write the initramfs",
            "read its messages above; a module that it does not find is not one of this kernel",
        ),
        *(line for driver in dict.fromkeys(d for step in touching for d in step.drivers) for line in _check(driver)),
    )
    commands = (
        "kernel=",
        "for modules in /usr/lib/modules/*/modules.dep; do",
        *indented(*body),
        "done",
        *checked(
            '[ -n "$kernel" ]',
            "the image has no kernel in /usr/lib/modules",
            "use an oVirt Node image as it was published; ksgen preflight reads it",
        ),
    )
    yield Step(", ".join(dict.fromkeys(step.variable for step in touching)), "initramfs", commands)


def _check(driver: str) -> tuple[str, ...]:
    """In file names and in module names, '-' and '_' are the same."""
    pattern = driver.replace("-", "_").replace("_", "[-_]")
    return checked(
        f"lsinitrd \"$image\" | grep -Eq '/{pattern}[.]ko([.]|$)'",
        f"the initramfs has no module {driver}",
        f"node_drivers: is {driver} a module of that package, and built for the kernel of this image?",
    )
