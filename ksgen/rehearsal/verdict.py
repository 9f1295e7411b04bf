# SPDX-License-Identifier: GPL-2.0-or-later
"""An installed system compared with the inventory: layout, addresses, services, keys, and the disks that stay."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator, Mapping, Sequence

from ksgen.host import Host
from ksgen.rehearsal import look
from ksgen.rehearsal.course import Step
from ksgen.rehearsal.network import Network

_ADDRESSES, _KEYS = "addresses", "authorized_keys"


def verdicts(
    host: Host,
    nvr: str,
    network: Network,
    answers: Mapping[str, str],
    ssh: str,
    are_others_unchanged: bool,
) -> Iterator[Step]:
    """The checks of the installed system, in their order."""
    for name, seen in _grouped(look.judge(answers, host, nvr)):
        wrong = [one.text for one in seen if not one.is_good]
        yield Step(name, not wrong, "; ".join(wrong) or _good_text(name, seen))
    yield Step(
        "other disks",
        are_others_unchanged,
        "unchanged, byte for byte" if are_others_unchanged else "data on a disk that is not to be installed changed",
    )
    yield address_step(network, answers.get("addresses", ""))
    yield Step("sshd", bool(ssh), ssh or "does not answer at any address of the host")
    yield keys_step(host, answers.get("keys", ""))
    failed = [line.split()[0] for line in answers.get("failed", "").splitlines() if line.split()]
    yield Step("services", not failed, f"failed units: {', '.join(failed)}" if failed else "no unit has failed")


def _grouped(seen: Iterator[look.Seen]) -> list[tuple[str, list[look.Seen]]]:
    found: dict[str, list[look.Seen]] = {}
    for one in seen:
        found.setdefault(_step_of(one.text), []).append(one)
    return list(found.items())


def _step_of(text: str) -> str:
    if text.startswith(("imgbase check", "nodectl check")):
        return text.partition(":")[0]
    return "layer" if text.startswith(("the system", "the layers", "the kernel")) else "layout"


def _good_text(name: str, seen: Sequence[look.Seen]) -> str:
    if name == "layout":
        return f"as planned: {len(seen)} sizes, file systems and mount options"
    return seen[0].text.partition(": ")[2]


def address_step(network: Network, said: str) -> Step:
    """Whether every interface has the addresses of the inventory, or one that it was given."""
    there = addresses(said)
    problems = []
    for device, wanted in network.expected:
        # An IPv6 address is written in several ways.
        own = {ipaddress.ip_interface(text) for text in there.get(device, ())} if ":" not in device else _all(there)
        if ipaddress.ip_interface(wanted) not in own:
            problems.append(f"{device} has no {wanted}, but {', '.join(there.get(device, ())) or 'no address'}")
    for device in network.dynamic:
        found = there.get(device, ()) if ":" not in device else tuple(map(str, _all(there)))
        if not found:
            problems.append(f"{device} has no address from DHCP")
    shown = ", ".join(f"{device} {' '.join(those)}" for device, those in there.items())
    return Step(_ADDRESSES, not problems, "; ".join(problems) or shown)


def _all(there: Mapping[str, Sequence[str]]) -> set[ipaddress.IPv4Interface | ipaddress.IPv6Interface]:
    return {ipaddress.ip_interface(text) for those in there.values() for text in those}


def addresses(said: str) -> dict[str, tuple[str, ...]]:
    """What `ip -j address` printed: the addresses of each interface."""
    try:
        rows = json.loads(said)
    except ValueError:
        return {}
    return {
        row["ifname"]: tuple(f"{one['local']}/{one['prefixlen']}" for one in row.get("addr_info", ()) if one)
        for row in rows
        if row.get("addr_info")
    }


def keys_step(host: Host, said: str) -> Step:
    """Whether root and the users have the keys of the inventory, and no others."""
    settings = host.settings
    wanted = {"root": settings.ssh_keys, **{user.name: user.ssh_keys for user in settings.users}}
    there: dict[str, list[str]] = {}
    for line in said.splitlines():
        user, _, key = line.partition(" ")
        if key.strip() and not key.startswith("#"):
            there.setdefault(user, []).append(_key(key))
    problems = []
    for user, keys in wanted.items():
        own = there.get(user, [])
        lacks = [key for key in keys if _key(key) not in own]
        more = len(set(own) - set(map(_key, keys)))
        problems += [f"{user} lacks {len(lacks)} of {len(keys)} keys"] if lacks else []
        problems += [f"{user} has {more} keys that the inventory does not give"] if more else []
    counts = ", ".join(f"{user} {len(keys)}" for user, keys in wanted.items() if keys)
    return Step(_KEYS, not problems, "; ".join(problems) or f"as in the inventory: {counts or 'no keys'}")


def _key(line: str) -> str:
    """Kind and key, without the comment."""
    return " ".join(line.split()[:2])
