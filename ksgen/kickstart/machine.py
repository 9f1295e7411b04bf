# SPDX-License-Identifier: GPL-2.0-or-later
"""What the machine of a host is checked for in %pre: its interfaces, and every address that its installation needs."""

from __future__ import annotations

from ksgen.variables import MachineChecks, Settings, pins
from org_ovirt_node.programs import checks, report

# An image may be that much larger than the inventory says, in percent: people write the size rounded (2.2 GiB).
_ROUNDED = 5


def wanted_checks(settings: Settings) -> checks.Wanted:
    """What programs/checks.py checks on a host."""
    asked = settings.checks or MachineChecks()
    return checks.Wanted(
        release=settings.release,
        links=_links(settings),
        addresses=_addresses(settings),
        firmware=settings.firmware or "",
        serial=settings.serial or "",
        hosted_engine=asked.hosted_engine,
        skip=tuple(asked.skip),
        wait=asked.wait,
    )


def _links(settings: Settings) -> tuple[checks.WantedLink, ...]:
    """Every NIC that the network of the host is built on; without any, the boot NIC."""
    built = {one.device for one in settings.network if one.kind}
    # These get their names later in %pre, where the boot arguments have not given them.
    pinned = dict(pins(settings.network))
    found: dict[str, checks.WantedLink] = {}
    for one in settings.network:
        for nic in one.lower if one.kind else (one.device,):
            if nic in built:
                continue
            known = found.get(nic, checks.WantedLink(pinned.get(nic, nic)))
            speeds = [speed for speed in (known.speed, one.speed) if speed]
            bond = one.device if one.bond else known.bond
            found[nic] = checks.WantedLink(known.device, bond, max(speeds, default=None))
    return tuple(found.values()) or (checks.WantedLink(settings.mac),)


def _addresses(settings: Settings) -> tuple[checks.WantedAddress, ...]:
    """The image, the install tree and the server of reports.

    The installer of a node has been loaded from the tree by then, and needs it no more; one whose image is on a medium
    has come from there.
    """
    found = []
    if settings.is_node and settings.image_url:
        size = settings.image_size * (100 + _ROUNDED) // 100 if settings.image_size else None
        proxy = settings.proxy_for(settings.image_url) or ""
        found.append(checks.WantedAddress("image", settings.image_url, proxy=proxy, size=size))
    tree = settings.tree_url
    is_web = tree.startswith(("http:", "https:"))
    if not (settings.is_node and (settings.image_url or "").startswith("file:")):
        found.append(
            checks.WantedAddress(
                "tree",
                f"{tree.rstrip('/')}/.treeinfo" if is_web else tree,
                is_needed=not settings.is_node,
                proxy=settings.proxy_for(tree) or "",
            )
        )
    if settings.report_url is not False:
        place = report.Config(settings.server_url, settings.report_url or "", settings.report_pin or "")
        found.append(checks.WantedAddress("report", place.reports, is_needed=False, pin=place.pin))
    return tuple(found)
