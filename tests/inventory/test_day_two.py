# SPDX-License-Identifier: GPL-2.0-or-later
"""The example playbook and the example inventory, together, in real Ansible."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from example_site import CHECKOUT, EXAMPLE, site

from ksgen.inventory import reader

PLAYBOOK = CHECKOUT / "examples" / "site.yml"


def ansible_playbook(*arguments: str) -> str:
    program = Path(sys.executable).parent / "ansible-playbook"
    # Ansible refuses other locales.
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "ANSIBLE_NOCOLOR": "1"}
    command = [str(program), "-i", str(EXAMPLE), str(PLAYBOOK), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return done.stdout


def test_syntax() -> None:
    assert ansible_playbook("--syntax-check").strip() == f"playbook: {PLAYBOOK}"


def test_hosts_are_those_that_ksgen_installs() -> None:
    plays = ansible_playbook("--list-hosts").split("play #")[1:]
    assert len(plays) == 3
    groups = reader.read([EXAMPLE])[0].groups
    expected = [{host.name for host in site()[0]}] * 2 + [set(groups["backup_targets"].hosts)]
    for play, hosts in zip(plays, expected, strict=True):
        assert set(re.findall(r"^ {6}(\S+\.example\.com)$", play, re.MULTILINE)) == hosts
