# SPDX-License-Identifier: GPL-2.0-or-later
"""What pykickstart and argparse say of a line, in words that help."""

from __future__ import annotations

import pytest

from ksgen.grammar import ksfile
from ksgen.lint import linter, targets

LINTERS = {release: linter.Linter(release) for release in targets.RELEASES}


def told(text: str, release: str = "el9") -> list[str]:
    found = LINTERS[release].lint(ksfile.include("x.ks", text, str))
    return [f"{problem.mark.line}: {problem.message} -> {problem.hint}" for problem in found]


SAID = [
    ("zerombr yes", "command 'zerombr' does not take 'yes' -> remove it"),
    ("zerombr --all", "zerombr has no option --all -> remove it"),
    ("part / --size=10GB", "option '--size' of part requires a whole number -> "
     "sizes are in MiB, without a unit: 10240"),
    ("part / --size=1.5T", "option '--size' of part requires a whole number -> "
     "sizes are in MiB, without a unit: 1572864"),
    ("part / --size=all", "option '--size' of part requires a whole number -> sizes are in MiB, without a unit"),
    ("volgroup a pv.01 --pesize=4m", "option '--pesize' of volgroup requires a whole number -> write digits only"),
    ("part / --size=1 --fstype", "option '--fstype/--type' of part has no value -> write --fstype=VALUE"),
    ("part --size=100", "command 'part' requires <mntpoint> -> write: part MOUNT --size=MIB"),
    ("network --bootproto=dhpc --device=eno1", "'dhpc' is not a value of option '--bootproto' of network -> "
     "did you mean 'dhcp'?"),
    ("network --device=eno1 --ip", "option '--ip' of network has no value -> write --ip=VALUE"),
    ("network eno1 --bootproto=dhcp", "command 'network' does not take 'eno1' -> "
     "write: network --device=NAME --bootproto=dhcp"),
    ("network --device=eno1 --activate=yes", "option '--activate' of network takes no value -> "
     "write --activate without '='"),
    ("network --onboot=maybe", "option '--onboot' of network requires yes or no -> write yes or no"),
    ("rootpw", "command 'rootpw' requires one argument -> write: rootpw --iscrypted HASH, or rootpw --lock"),
    ("user erika", "command 'user' requires --name -> write: user --name=NAME"),
    ("url http://a/", "command 'url' does not take 'http://a/' -> write: url --url=URL"),
    ("url", "command 'url' requires one of the options --mirrorlist, --url, --metalink -> write: url --url=URL"),
    ("url --mirrorlist=http://a --url=http://b", "command 'url' takes only one of the options --mirrorlist, --url -> "
     "remove one of them"),
    ("services", "command 'services' requires one of the options --disabled and --enabled -> "
     "write: services --enabled=NAME,NAME"),
    ("services --enabled=sshd, chronyd", "command 'services' does not take 'chronyd' -> "
     "leave no blank after a comma of --enabled"),
    ("bootloader --append=console=ttyS0 quiet", "command 'bootloader' does not take 'quiet' -> "
     "a value with blanks must be in quotes: --append=\"…\""),
    ("selinux enforcing", "command 'selinux' does not take 'enforcing' -> did you mean '--enforcing'?"),
    ("timezone Europe/Berlin UTC", "command 'timezone' has more arguments than it takes -> "
     "write: timezone Europe/Vienna --utc"),
    ("timezone", "command 'timezone' has no argument -> write: timezone Europe/Vienna --utc"),
    ("sshkey --username=root ssh-ed25519 AAAA ops", "command 'sshkey' has more arguments than it takes: 'AAAA', 'ops'; "
     "a value with blanks must be in quotes -> write: sshkey --username=NAME \"KEY\", the key in quotes"),
    ("eula agreed", "command 'eula' takes no arguments -> write: eula --agreed"),
    ("eula", "command 'eula' requires --agreed -> write: eula --agreed"),
    ("keyboard --vconsole=us", "keyboard has no option --vconsole -> one of: --switch, --vckeymap, --xlayouts"),
    ("realm join", "Specify only one realm to join -> write: realm join DOMAIN"),
    ("network --device=eno1 --bridgeopts=stp=yes", "option '--bridgeopts' of network requires --bridgeslaves -> "
     "write: network --device=NAME --bootproto=dhcp"),
    ("network --noi", "option '--noi' of network can be --noipv4, --noipv6 -> write it in full"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "expected"), SAID)
def test_what_argparse_says_of_a_line(line: str, expected: str) -> None:
    assert told(f"text\n{line}\n") == [f"2: {expected}"]


HEADERS = [
    ("%packages --nobase", "%packages of EL9 has no option --nobase any more -> remove it"),
    ("%packages --instLangs=en", "option --instLangs of %packages has been renamed -> --inst-langs"),
    ("%packages --ignoremising", "%packages has no option --ignoremising -> did you mean '--ignoremissing'?"),
    ("%post --erroronfail=1", "option '--erroronfail' of %post takes no value -> write --erroronfail without '='"),
    ("%pre --nochroot", "%pre has no option --nochroot -> one of: --erroronfail, --interpreter, --log, --logfile"),
]


@pytest.mark.parametrize(("line", "expected"), HEADERS)
def test_what_argparse_says_of_a_header(line: str, expected: str) -> None:
    assert told(f"text\nautopart\n{line}\n%end\n")[0] == f"3: {expected}"


ONCE = [
    ("timezone Etc/UTC --ntpservers=a.example.com", "timezone of EL10 has no option --ntpservers any more -> "
     "timesource --ntp-server=NAME, a line for each"),
    ("timezone Etc/UTC --nontp", "timezone of EL10 has no option --nontp any more -> timesource --ntp-disable"),
    ("timezone Etc/UTC --isUtc", "timezone of EL10 has no option --isUtc any more -> --utc"),
    ("authconfig --enableshadow", "EL10 has no command 'authconfig' any more -> authselect select PROFILE"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "expected"), ONCE)
def test_what_ends_is_said_once_at_its_line(line: str, expected: str) -> None:
    assert told(f"text\n{line}\n") == [f"2: {expected}"]


SECRET = [
    "user --name=a --password=Secret.123 Secret.456",
    "rootpw Secret.123 Secret.456",
    "autopart --encrypted --passphrase=Secret.123 Secret.456",
    "bootloader --password=Secret.123 Secret.456",
]


@pytest.mark.parametrize("line", SECRET)
def test_the_rest_of_a_password_is_not_repeated(line: str) -> None:
    found = told(f"{line}\n")
    assert found
    assert "Secret" not in "".join(found)
