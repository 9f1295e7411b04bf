# SPDX-License-Identifier: GPL-2.0-or-later
"""imgbase in the scripts of a node: called, with options it has, heard when it fails, and last."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ksgen.grammar import ksfile
from ksgen.lint import Linter, shell

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "docs"))

from check_examples import SMALL

LINTER = Linter("el9")
CALL = "imgbase --debug layout --init\n"
POST = SMALL[SMALL.index("%post") :]


def codes(text: str) -> list[str]:
    found = [p.code for p in LINTER.lint(ksfile.include("x.ks", text, str))]
    return [code for code in found if code.startswith(("imgbase-", "pre-"))]


def with_call(call: str) -> str:
    return SMALL.replace(CALL, call)


CALLED = [
    pytest.param("python3 -m imgbased layout --init\n", id="module"),
    pytest.param("python3 -m imgbased --debug layout --init-nvr ovirt-node-ng-4.5.7-0.1\n", id="module-nvr"),
    pytest.param("/usr/sbin/imgbase layout --init\n", id="path"),
    pytest.param("IMGBASE=/usr/sbin/imgbase\n$IMGBASE layout --init\n", id="variable"),
    pytest.param("timeout 900 imgbase layout --init\n", id="timeout"),
    pytest.param("imgbase --debug \\\n  layout --init\n", id="two-lines"),
    pytest.param("cat >/root/init <<'EOF'\nimgbase layout --init\nEOF\nsh /root/init\n", id="own-wrapper"),
    pytest.param("/usr/libexec/node-init\n", id="wrapper-of-the-image"),
    pytest.param("curl --fail http://a.example.com/init.sh | bash\n", id="fetched"),
    pytest.param("if [ -e /no ]; then\n  exit 1\nfi\nimgbase layout --init\n", id="after-a-condition"),
    pytest.param("[ -e /yes ] || exit 1\nimgbase layout --init\n", id="after-a-test"),
    pytest.param("exec >/var/log/x 2>&1\nimgbase layout --init\n", id="after-exec"),
    pytest.param("bash -c 'imgbase layout --init'\n", id="shell"),
    pytest.param("imgbase layout --from=/dev/onn/root --init\n", id="from"),
]


@pytest.mark.parametrize("call", CALLED)
def test_a_call_in_another_way(call: str) -> None:
    assert codes(with_call(call)) == []


def test_a_call_in_another_language() -> None:
    script = "%post --erroronfail --interpreter=/usr/bin/python3\nimport subprocess\n"
    call = 'subprocess.run(["imgbase", "--debug", "layout", "--init"], check=True)\n%end\n'
    assert codes(SMALL.replace(POST, script + call)) == []


MISSING = [
    pytest.param(SMALL.replace(CALL, ""), id="none"),
    pytest.param(SMALL.replace(CALL, "imgbase check\n"), id="another-command"),
    pytest.param(SMALL.replace(CALL, "# imgbase layout --init\n"), id="comment"),
    pytest.param(SMALL.replace(CALL, f"exit 0\n{CALL}"), id="after-the-end"),
    pytest.param(SMALL.replace(POST, POST.replace("%post", "%pre")), id="pre"),
    pytest.param(SMALL.replace(POST, POST.replace("%post", "%pre-install")), id="pre-install"),
]


@pytest.mark.parametrize("text", MISSING)
def test_no_call(text: str) -> None:
    assert codes(text) == ["imgbase-missing"]


def test_a_call_in_pre_is_named_at_its_line() -> None:
    text = SMALL.replace(POST, POST.replace("%post", "%pre"))
    (problem,) = (p for p in LINTER.lint(ksfile.include("x.ks", text, str)) if p.code == "imgbase-missing")
    assert text.split("\n")[problem.mark.line - 1] == CALL.strip()


@pytest.mark.parametrize(
    "call",
    [
        "imgbase layout --int",
        "imgbase layout -init",
        "imgbase layout init",
        "imgbase init",
        "imgbase layuot --init",
        "imgbase layout --debug --init",
        "imgbase --init layout",
        "imgbase --dbug layout --init",
        "imgbsae layout --init",
        "python3 -m imgbased layout --initialise",
    ],
)
def test_options_that_imgbase_has_not(call: str) -> None:
    assert codes(with_call(f"{call}\n")) == ["imgbase-options"]


IGNORED = [
    pytest.param("imgbase layout --init || true\n", True, id="or-true"),
    pytest.param("imgbase layout --init || :\n", True, id="or-colon"),
    pytest.param("imgbase layout --init || echo failed\n", True, id="or-echo"),
    pytest.param("imgbase layout --init || exit 0\n", True, id="or-exit-0"),
    pytest.param("imgbase layout --init; true\n", True, id="semicolon"),
    pytest.param("imgbase layout --init ; exit 0\n", True, id="semicolon-exit"),
    pytest.param("imgbase layout --init | tee /var/log/init.log\n", True, id="pipe"),
    pytest.param("imgbase layout --init 2>&1 | logger\n", True, id="pipe-of-both"),
    pytest.param("set -e\nimgbase layout --init | tee /var/log/init.log\n", True, id="pipe-with-e"),
    pytest.param("imgbase layout --init &\n", True, id="background"),
    pytest.param("imgbase layout --init\necho done\n", True, id="another-command"),
    pytest.param("imgbase layout --init && echo done\nsync\n", True, id="and-then-another"),
    pytest.param("imgbase layout --init\n", False, id="alone"),
    pytest.param("imgbase layout --init >/var/log/init.log 2>&1\n", False, id="log"),
    pytest.param("imgbase layout --init &>/var/log/init.log\n", False, id="log-of-both"),
    pytest.param("imgbase layout --init || exit 1\n", False, id="or-exit"),
    pytest.param("imgbase layout --init || { echo failed; exit 1; }\n", False, id="or-block"),
    pytest.param("imgbase layout --init || {\n  echo failed\n  exit 1\n}\n", False, id="or-block-of-lines"),
    pytest.param("imgbase layout --init && echo done\n", False, id="and"),
    pytest.param("set -e\nimgbase layout --init\necho done\n", False, id="set-e"),
    pytest.param("set -euo pipefail\nimgbase layout --init | tee /var/log/init.log\n", False, id="pipefail"),
    pytest.param("set -o errexit\nimgbase layout --init\nsync\n", False, id="errexit"),
    pytest.param("if ! imgbase layout --init; then\n  exit 1\nfi\n", False, id="if-not"),
    pytest.param("imgbase layout --init\nrc=$?\nsync\nexit $rc\n", False, id="status"),
    pytest.param("if true; then\n  imgbase layout --init\nfi\n", False, id="in-a-block"),
    pytest.param("imgbase layout --init # || true\n", False, id="comment"),
]


@pytest.mark.parametrize(("call", "is_ignored"), IGNORED)
def test_failure_of_imgbase(call: str, is_ignored: bool) -> None:
    assert ("imgbase-failure-ignored" in codes(with_call(call))) == is_ignored


LATER = [
    *(pytest.param(line, True, id=line) for line in
      ("mkdir /root/.ssh", "dnf -y install tmux", "echo a >>/root/a", "cp /tmp/a /usr/bin", "sed -i s/a/b/ /opt/a",
       "curl -o /opt/a http://a.example.com/a", "tee /root/a </tmp/a", "install -m 600 /tmp/a /root/a", "touch a",
       "wget -P /opt http://a.example.com/a", "true && rm -rf /opt/x", "[ -e /a ] || touch /srv/a")),
    *(pytest.param(line, False, id=line) for line in
      ("echo done", "curl --fail -X POST http://a.example.com/done", "wget -q -O /dev/null http://a.example.com/done",
       "wget -qO- http://a.example.com/done", "cp /tmp/a /boot/grub2/a", "mkdir -p /var/lib/a && touch /var/lib/a/b",
       "echo a >/etc/motd", "sed -i s/a/b/ /etc/fstab", "efibootmgr -o 0001", "rm -f /boot/x", "ls /root | wc -l",
       "for i in 1 2; do echo $i; done", "if [ -e /root/a ]; then echo a; fi", "x=$(cat /root/a)",
       "chmod 600 /var/a", "echo a | tee /var/log/a", "dd if=/root/a of=/dev/null", "# touch /root/a",
       "cat /root/a > /dev/console", "lvs 2>&1", 'touch "$target/a"', "sync; sleep 5; reboot",
       "/opt/site/notify", "logger -t a <<<b")),
]  # fmt: skip


@pytest.mark.parametrize(("line", "is_lost"), LATER)
def test_a_post_after_imgbase(line: str, is_lost: bool) -> None:
    assert codes(f"{SMALL}\n%post --erroronfail\n{line}\n%end\n") == (["imgbase-not-last"] if is_lost else [])


OUTSIDE = [
    pytest.param("cp /tmp/a /mnt/sysroot/root", True, id="root"),
    pytest.param("cp /tmp/a /mnt/sysimage/usr/bin", True, id="sysimage"),
    pytest.param("cp /tmp/a /mnt/sysroot/var/log", False, id="var"),
    pytest.param("cp /tmp/a /root", False, id="of-the-installer"),
    pytest.param("python3 /run/install/report", False, id="another-program"),
    pytest.param("chroot /mnt/sysroot dnf -y install tmux", True, id="chroot"),
]


@pytest.mark.parametrize(("line", "is_lost"), OUTSIDE)
def test_a_post_after_imgbase_outside(line: str, is_lost: bool) -> None:
    found = codes(f"{SMALL}\n%post --erroronfail --nochroot\n{line}\n%end\n")
    assert found == (["imgbase-not-last"] if is_lost else [])


PRES = [
    pytest.param("%pre\necho ignoredisk --only-use=$disk >/tmp/disk.ks\n%end\n", True, id="chooses"),
    pytest.param("%pre\ncat >/tmp/disk.ks <<EOF\npart / --ondisk=$disk --size=900\nEOF\n%end\n", True, id="document"),
    pytest.param("%pre --erroronfail\necho ignoredisk --only-use=$disk >/tmp/disk.ks\n%end\n", False, id="heard"),
    pytest.param("%pre\necho ignoredisk >/dev/console\n%end\n", False, id="talks"),
    pytest.param("%pre\nwipefs --all /dev/disk/by-id/wwn-0x5000000000000001 >/dev/null\n%end\n", False, id="wipes"),
    pytest.param("%pre\necho network --device=eno1 >/tmp/network.ks\n%end\n", False, id="network"),
]


@pytest.mark.parametrize(("script", "is_found"), PRES)
def test_a_pre_that_chooses_disks(script: str, is_found: bool) -> None:
    assert codes(SMALL + script) == (["pre-without-erroronfail"] if is_found else [])


COMMANDS = [
    pytest.param("a b; c", [(("a", "b"), ";"), (("c",), "")], id="two"),
    pytest.param("X=1 sudo a || b", [(("a",), "||"), (("b",), "")], id="before-the-program"),
    pytest.param("a '; b' # c", [(("a", "; b"), "")], id="quotes-and-comments"),
    pytest.param("a 2>&1 >/x", [(("a",), "")], id="redirections"),
]


@pytest.mark.parametrize(("text", "expected"), COMMANDS)
def test_commands_of_a_line(text: str, expected: list[tuple[tuple[str, ...], str]]) -> None:
    assert [(c.words, c.operator) for c in shell.commands(text) or ()] == expected


def test_a_line_that_cannot_be_split() -> None:
    assert shell.commands("echo 'a") is None
