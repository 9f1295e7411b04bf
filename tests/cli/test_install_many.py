# SPDX-License-Identifier: GPL-2.0-or-later
"""`ksgen install` for a whole site by its controllers: 1,000 hosts in `make test-long`, 24 otherwise."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import redfish_server
from ansible.parsing.vault import VaultLib, VaultSecret
from counts import IS_LONG, count
from install_site import Site
from redfish_server import PASSWORD, USER, Controller, Fault

from ksgen import netboot

HOSTS = count(24, 1000)
AT_ONCE = count(8, 100)
# Of a silence the server says nothing for three minutes.
LONGEST_S = 1800


def test_whole_site(tmp_path: Path) -> None:
    """All but three are up: one has a bad disk, one a controller that is busy for ever, and one stays off."""
    certificate = redfish_server.certificate(tmp_path, "IP:127.0.0.1")
    (tmp_path / "vault").write_text("correct horse\n")
    password = json.dumps(VaultLib().encrypt(PASSWORD, VaultSecret(b"correct horse")).decode())
    machines = [Controller(power="On" if number % 2 else "Off") for number in range(HOSTS)]
    with redfish_server.serving_all(machines, *certificate):
        values = [
            f"{{address: 127.0.0.1, port: {machine.port}, user: {USER}, fingerprint: {machine.fingerprint}, "
            f"password: !vault {password}}}"
            for machine in machines
        ]
        site = Site(tmp_path, values, HOSTS)
        bad, busy, dark = site.names[3], site.names[5], site.names[9]
        site.bad.add(bad)
        site.off |= set(site.names)
        if IS_LONG:
            site.silent.add(site.names[11])
        for name, machine in zip(site.names, machines, strict=True):
            machine.switched_on = lambda target, _, name=name: site.off.discard(name) if target == "Pxe" else None
        machines[5].faults.append(Fault("Systems/1", status=503))
        machines[9].switched_on = None
        with site.served():
            more = ("--via", "pxe", "--vault-password-file", "vault", "--at-once", str(AT_ONCE))
            limits = ("--boot-within", "30s", "--give-up-after", "5s")
            begin = time.monotonic()
            running = site.install("all", more=(*more, *limits))
            said, _ = running.communicate(timeout=LONGEST_S)
            took = time.monotonic() - begin
    print(f"{HOSTS} hosts in {took:.0f} s")
    assert running.returncode == 1, said
    assert f"{bad}: failed: error: no disk\n" in said
    assert re.search(rf"^{re.escape(busy)}: failed: 127.0.0.1:{machines[5].port} ", said, re.M), said
    on = "the controller says that it is on$"
    assert re.search(rf"^{re.escape(dark)}: failed: .*; {on}", said, re.M), said
    for silent in site.silent:
        assert re.search(rf"^{re.escape(silent)}: failed: silent in state .* for .* s; .*; {on}", said, re.M), said
    failed = 3 + len(site.silent)
    assert f"{HOSTS - failed} up, {failed} failed, in " in said
    assert PASSWORD not in said
    # Each machine has booted once from the network, and no boot is set for the next time.
    assert [len(one.boots) for one in machines] == [int(number != 5) for number in range(HOSTS)]
    assert {one.target for one in machines} == {"None"}
    # Nothing can be installed any more.
    spent, tokens = netboot.spent(site.place / "run"), netboot.tokens(site.place / "out")
    armings = netboot.stored(site.place / "out")
    assert {netboot.status(one, one.given, spent, tokens) for one in armings} == {"used"}
