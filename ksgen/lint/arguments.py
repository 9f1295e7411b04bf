# SPDX-License-Identifier: GPL-2.0-or-later
"""What argparse and pykickstart say of the arguments of a command, with what to write instead.

No word is repeated of a line with a password: an argument too many may be the rest of one.
"""

from __future__ import annotations

import re

from ksgen.lint import history
from ksgen.lint.said import Cure, Row, Said, row
from ksgen.problems import Finding
from ksgen.redaction import secrets
from ksgen.variables import nearest, shown

_CODE = "kickstart-grammar"
# How a command is written that needs more than one word says. Red Hat, "Kickstart commands and options reference".
_USAGE = {
    "authselect": "authselect select PROFILE",
    "autopart": "autopart --type=thinp",
    "bootloader": "bootloader --append=\"ARGUMENTS\"",
    "cdrom": "cdrom",
    "driverdisk": "driverdisk --source=URL",
    "eula": "eula --agreed",
    "fcoe": "fcoe --nic=NAME",
    "firewall": "firewall --enabled --port=8080:tcp",
    "firstboot": "firstboot --disable",
    "group": "group --name=NAME",
    "harddrive": "harddrive --partition=PARTITION --dir=PATH",
    "ignoredisk": "ignoredisk --only-use=DISK",
    "iscsi": "iscsi --ipaddr=ADDRESS",
    "iscsiname": "iscsiname IQN",
    "keyboard": "keyboard us, or keyboard --xlayouts=us",
    "lang": "lang en_US.UTF-8 --addsupport=de_DE.UTF-8",
    "liveimg": "liveimg --url=URL",
    "logging": "logging --host=NAME",
    "logvol": "logvol MOUNT --vgname=GROUP --name=NAME --size=MIB",
    "mount": "mount DEVICE MOUNT",
    "network": "network --device=NAME --bootproto=dhcp",
    "nfs": "nfs --server=NAME --dir=PATH",
    "ostreesetup": "ostreesetup --osname=NAME --remote=NAME --url=URL --ref=REF",
    "part": "part MOUNT --size=MIB",
    "partition": "part MOUNT --size=MIB",
    "raid": "raid MOUNT --device=NAME --level=1 raid.1 raid.2",
    "realm": "realm join DOMAIN",
    "repo": "repo --name=NAME --baseurl=URL",
    "rhsm": "rhsm --organization=ID --activation-key=KEY",
    "rootpw": "rootpw --iscrypted HASH, or rootpw --lock",
    "services": "services --enabled=NAME,NAME",
    "snapshot": "snapshot GROUP/VOLUME --name=NAME --when=post-install",
    "sshkey": "sshkey --username=NAME \"KEY\", the key in quotes",
    "sshpw": "sshpw --username=NAME --iscrypted HASH",
    "syspurpose": "syspurpose --role=ROLE",
    "timesource": "timesource --ntp-server=NAME",
    "timezone": "timezone Europe/Vienna --utc",
    "updates": "updates URL",
    "url": "url --url=URL",
    "user": "user --name=NAME",
    "volgroup": "volgroup NAME pv.01",
}  # fmt: skip


def _usage(said: Said) -> str:
    usage = _USAGE.get(said.name)
    return f"write: {usage}" if usage else ""


def _usage_or_removal(said: Said) -> str:
    return _usage(said) or "remove it"


def _word_too_many(said: Said) -> Finding:
    """A word that is neither an option nor the value of one."""
    has_secret = any(secrets([said.text])[0])
    message = f"command {said.name!r} does not take {'this argument' if has_secret else shown(said.word)}"
    return Finding(_CODE, message, hint=_cure_of_word(said))


def _cure_of_word(said: Said) -> str:
    before = _option_before(said)
    if before.endswith(","):
        return f"leave no blank after a comma of {before.partition('=')[0]}"
    if before:
        return f'a value with blanks must be in quotes: {before.partition("=")[0]}="…"'
    own = history.options(said.name, said.release)
    return f"did you mean '--{said.word}'?" if f"--{said.word}" in own else _usage_or_removal(said)


def _option_before(said: Said) -> str:
    """The option with a value that is directly before the word."""
    words = said.text.split()
    place = words.index(said.word) if said.word in words else 0
    before = words[place - 1] if place else ""
    return before if before.startswith("--") and "=" in before else ""


_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(?:([KMGT])i?B?)", re.IGNORECASE)
_MIB = {"K": 1 / 1024, "M": 1, "G": 1024, "T": 1024 * 1024}
_OF_SIZES = re.compile(r"(?<!pe)size|reserved-space")


def _whole_number(said: Said) -> str:
    """pykickstart has all sizes in MiB."""
    if not _OF_SIZES.search(said.word):
        return "write digits only"
    size = _SIZE.fullmatch(said.other)
    if size is None:
        return "sizes are in MiB, without a unit"
    return f"sizes are in MiB, without a unit: {round(float(size.group(1)) * _MIB[size.group(2).upper()])}"


def _choice(said: Said) -> str:
    choices = [choice.strip(" '\"") for choice in said.match.group(3).split(",")]
    return nearest(said.other, choices) or f"one of: {', '.join(choices)}"


def _option(said: Said) -> str:
    """An option as it is written in the line; argparse gives all of its names."""
    names = said.word.split("/")
    return next((name for name in names if name in said.text), names[0])


def _value(said: Said) -> str:
    return f"write {_option(said)}=VALUE"


def _alone(said: Said) -> str:
    return f"write {_option(said)} without '='"


def _row(pattern: str, words: str, cure: Cure) -> Row:
    return row(pattern, _CODE, words, cure)


ROWS: tuple[Row, ...] = (
    (r"unrecognized arguments: (\S+)", _word_too_many),
    _row(r"argument (\S+): expected (?:one|at least one) argument", "option {word!r} of {name} has no value", _value),
    _row(r"argument (\S+): ignored explicit argument", "option {word!r} of {name} takes no value", _alone),
    _row(
        r"argument (\S+): invalid int value: '(.*)'", "option {word!r} of {name} requires a whole number", _whole_number
    ),
    _row(
        r"argument (\S+): invalid choice: '(.*)' \(choose from (.*)\)",
        "{other!r} is not a value of option {word!r} of {name}",
        _choice,
    ),
    _row(r"argument (\S+): invalid boolean value", "option {word!r} of {name} requires yes or no", "write yes or no"),
    _row(r"the following arguments are required: (.*)", "command {name!r} requires {word}", _usage),
    _row(r"ambiguous option: (\S+) could match (.*)", "option {word!r} of {name} can be {other}", "write it in full"),
    _row(r"A single argument is expected for the \S+ command", "command {name!r} requires one argument", _usage),
    _row(
        r"Unexpected arguments to \S+ command: \[(.*)\]",
        "command {name!r} has more arguments than it takes: {word}; a value with blanks must be in quotes",
        _usage,
    ),
    _row(r"One or zero arguments are expected", "command {name!r} has more arguments than it takes", _usage),
    _row(r"At least one option and/or an argument", "command {name!r} has no argument", _usage),
    _row(
        r"One of -?(--\S.*) options must be specified for \S+ command",
        "command {name!r} requires one of the options {word}",
        _usage,
    ),
    _row(
        r"One of (--\S+) or (--\S+) must be (?:provided|specified)",
        "command {name!r} requires one of the options {word} and {other}",
        _usage,
    ),
    _row(
        r"Only one of (--\S.*?)(?: options)? may be specified",
        "command {name!r} takes only one of the options {word}",
        "remove one of them",
    ),
    _row(
        r"Kickstart command (\S+) does not take any arguments", "command {word!r} takes no arguments", _usage_or_removal
    ),
    _row(r"Kickstart command (\S+) expects the (\S+) option", "command {word!r} requires {other}", _usage),
    _row(
        r"The (\S+) and (\S+) commands can't be used at the same time",
        "{word} and {other} cannot be used together",
        "remove one of them",
    ),
    _row(r"Option (--\S+) requires (--\S+) to be specified", "option {word!r} of {name} requires {other}", _usage),
    _row(r"(.* has (?:already been|been already) defined)", "{word}", "remove one of the two"),
    _row(r"(.*\S)", "{word}", _usage),
)
