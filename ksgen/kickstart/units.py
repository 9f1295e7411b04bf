# SPDX-License-Identifier: GPL-2.0-or-later
"""The step of services: after packages and files, which bring units."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from ksgen.kickstart.steps import Step
from ksgen.variables import Settings

# An instance has the file of its template. A unit without [Install] is "static" for `systemctl is-enabled`: it does not
# start at boot, and `systemctl enable` reports no failure.
_UNIT = """\
unit() {
    systemctl list-unit-files --no-legend "$(printf '%s' "$2" | sed 's/@[^.]*/@/')" | grep -q . ||
        fail "the node has no unit $2" 'correct its name in node_services, or add its package to node_packages'
    systemctl "$1" "$2" ||
        fail "systemctl did not $1 $2" 'read its message above'
    [ "$1" != enable ] || systemctl is-enabled "$2" | grep -Eqx 'enabled|alias|indirect' ||
        fail "$2 does not start at boot, although systemctl reported no failure" \\
            'it has no [Install] section: enable the unit that starts it, such as its socket or timer'
}"""


def service_steps(settings: Settings) -> Iterator[Step]:
    """Units by name. In the chroot, systemctl only makes links: none of them is started or stopped."""
    services = settings.services
    if services is None:
        return
    verbs = (("mask", services.masked), ("disable", services.disabled), ("enable", services.enabled))
    commands = (_UNIT, *(f"unit {verb} {shlex.quote(unit)}" for verb, units in verbs for unit in units))
    titles = (("enabled", services.enabled), ("disabled", services.disabled), ("masked", services.masked))
    said = "; ".join(f"{word} {', '.join(units)}" for word, units in titles if units)
    yield Step("node_services", f"services: {said}", commands)
