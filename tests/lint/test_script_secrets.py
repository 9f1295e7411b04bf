# SPDX-License-Identifier: GPL-2.0-or-later
"""What of a script counts as a secret that everybody can read, and what only looks like one."""

from __future__ import annotations

import pytest

from ksgen.lint import Linter

LINTER = Linter("el9")
HASH = "$6$saltsalt$" + "A" * 86
LINES = [
    pytest.param("echo Secret.123 | passwd --stdin root", True, id="passwd"),
    pytest.param("echo 'ops:Secret.123' | chpasswd", True, id="chpasswd"),
    pytest.param("useradd -p Secret.123 ops", True, id="useradd"),
    pytest.param("curl -u ops:Secret.123 https://example.com/", True, id="curl"),
    pytest.param(f"useradd -p '{HASH}' ops", False, id="hash"),
    pytest.param("useradd -p " + HASH.replace("$", "\\$") + " ops", False, id="hash-with-escaped-signs"),
    pytest.param('echo "locked" | passwd --stdin root', False, id="lock"),
    pytest.param("# echo locked | passwd --stdin root", False, id="lock-in-a-comment"),
    pytest.param('read -s -p "Password of root:" ROOT_PASSWORD\necho\nsleep 1', False, id="asked"),
    pytest.param("echo -e 'ops\\tALL=(ALL)\\tNOPASSWD: ALL' >/etc/sudoers.d/ops", False, id="sudoers"),
]


@pytest.mark.parametrize(("line", "is_secret"), LINES)
def test_secret_in_a_script(line: str, is_secret: bool) -> None:
    problems = LINTER.lint_text("x.ks", f"%post --erroronfail\n{line}\n%end\n")
    assert [problem.code for problem in problems] == ["script-secret"] * is_secret
