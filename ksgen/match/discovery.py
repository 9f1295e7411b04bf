# SPDX-License-Identifier: GPL-2.0-or-later
"""The kickstart of a discovery: one %pre that looks at the machine and ends it. Anaconda never comes to its storage."""

from __future__ import annotations

from ksgen.match.script import combined
from org_ovirt_node.facts import collecting, discovery, record, sighting
from org_ovirt_node.facts.discovery import Order
from org_ovirt_node.programs import disks, nics, report

_MODULES = (disks, nics, report, record, sighting, collecting, discovery)
# What runs in place of anything that fails: the machine is switched off, and %pre does not end before it is.
_KICKSTART = """\
# Written by `ksgen discover`. It installs nothing: %pre looks at the machine, and ends it.
text --non-interactive
poweroff

%pre --log=/tmp/node-discovery.log
trap '' HUP INT TERM
umask 077
cat >/tmp/node-discovery.json <<'END_OF_DISCOVERY'
{order}
END_OF_DISCOVERY
cat >/tmp/node-discovery.py <<'END_OF_DISCOVERY_PY'
{program}
END_OF_DISCOVERY_PY
/usr/bin/python3 /tmp/node-discovery.py /tmp/node-discovery.json
while :; do
  systemctl --no-wall poweroff
  sleep 60
done
%end
"""


def discovery_kickstart(order: Order) -> str:
    """The text of the kickstart."""
    tail = f'sys.exit(sys.modules["{discovery.__name__}"].main(sys.argv[1:]))\n'
    program = combined("Discovers this machine: `ksgen discover`.", _MODULES, tail)
    return _KICKSTART.format(order=discovery.written(order), program=program.rstrip("\n"))
