# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes ksgen.1, the manual page of the command, from the command itself.

docs/manpage.py             write it
docs/manpage.py --check     say whether it is out of date, and exit 1 if so
"""

from __future__ import annotations

import configparser
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from ksgen.cli import main

DOCS = Path(__file__).resolve().parent
PAGE = DOCS / "ksgen.1"

EXIT_STATUS = (
    ("0", "Done."),
    ("1", "The input has problems, or a dry run found a difference."),
    ("2", "Wrong usage."),
)
ENVIRONMENT = (("NO_COLOR", "If set and not empty, no colours are used on a terminal."),)
FILES = (
    ("group_vars/, host_vars/", "Variables of groups and hosts, beside the inventory, as Ansible reads them."),
    ("out/", "What is published: kickstarts, boot files, and the configuration of dnsmasq and nginx."),
    ("out/server.json", "The options that shape out/, for the next run."),
    ("out/arming.json", "Which hosts may boot the installer, and until when."),
)
SEE_ALSO = "ansible-inventory(1), ansible-vault(1), dnsmasq(8), nginx(8), xorriso(1)"


def page() -> str:
    """The text of the page; its date is that of the release."""
    version, date = _release()
    lines = [
        '.\\" Written by docs/manpage.py.',
        f'.TH KSGEN 1 "{date}" "ksgen {version}" "oVirt Node installer"',
        ".SH NAME",
        f"ksgen \\- {roff(_first_sentence(main))}",
        ".SH SYNOPSIS",
        *_commands_in_short(),
        ".SH DESCRIPTION",
        *_help(main),
        ".SH COMMANDS",
    ]
    for context in _contexts():
        lines += [f".SS {roff(_synopsis(context))}", *_help(context.command), *_options(context)]
    lines += [".SH OPTIONS", *_options(click.Context(main, info_name="ksgen", **main.context_settings))]
    for title, pairs in (("EXIT STATUS", EXIT_STATUS), ("ENVIRONMENT", ENVIRONMENT), ("FILES", FILES)):
        lines += [f".SH {title}", *(line for pair in pairs for line in _pair(*pair))]
    lines += [*_examples(), ".SH SEE ALSO", roff(SEE_ALSO)]
    return "\n".join(lines) + "\n"


def _release() -> tuple[str, str]:
    """The version, and the day on which CHANGELOG.md says that it was released."""
    config = configparser.ConfigParser()
    config.read(DOCS.parent / "setup.cfg")
    version = config["metadata"]["version"]
    changes = (DOCS.parent / "CHANGELOG.md").read_text()
    (date,) = re.findall(rf"^## {re.escape(version)} - (\S+)$", changes, re.MULTILINE)
    return version, date


def _contexts() -> Iterator[click.Context]:
    """Each command, as `ksgen COMMAND` is called."""
    parent = click.Context(main, info_name="ksgen")
    for name, command in sorted(main.commands.items()):
        yield click.Context(command, info_name=name, parent=parent, **command.context_settings)


def _synopsis(context: click.Context) -> str:
    return " ".join((context.command_path, *context.command.collect_usage_pieces(context)))


def _commands_in_short() -> Iterator[str]:
    yield f".B ksgen\n{roff('[OPTIONS] HOSTS...')}\n.br"
    yield f".B ksgen\n{roff('COMMAND [OPTIONS] ARGUMENTS...')}"


def _first_sentence(command: click.Command) -> str:
    sentence = " ".join((command.help or "").split("\n\n")[0].split()).rstrip(".")
    return sentence[0].lower() + sentence[1:]


def _help(command: click.Command) -> Iterator[str]:
    for number, paragraph in enumerate((command.help or "").strip().split("\n\n")):
        yield from [".PP"] * (number > 0)
        yield roff(" ".join(paragraph.replace("\b", "").split()))


def _options(context: click.Context) -> Iterator[str]:
    for parameter in context.command.get_params(context):
        record = parameter.get_help_record(context)
        is_for_each = "--help" in parameter.opts and context.parent is not None
        if isinstance(parameter, click.Option) and record and not is_for_each:
            yield from _pair(*record)


def _pair(term: str, text: str) -> Iterator[str]:
    yield from (".TP", f".B {roff(term)}", roff(" ".join(text.split())))


def _examples() -> Iterator[str]:
    """Those of `ksgen --help`: blocks that begin with a title."""
    for block in (main.epilog or "").split("\b\n"):
        title, _, text = block.strip().partition("\n")
        if title:
            yield from (f".SH {title.rstrip(':').upper()}", ".nf", *map(roff, text.split("\n")), ".fi")


def roff(text: str) -> str:
    """Text as it is printed: no character in it is a command to roff."""
    text = text.replace("\\", "\\(rs").replace("-", "\\-").replace("^", "\\(ha").replace("~", "\\(ti")
    text = text.replace("…", "...").replace("`", "\\(ga").replace("'", "\\(aq")
    return "\\&" + text if text.startswith(".") else text


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(None if page() == PAGE.read_text() else f"{PAGE} is out of date: make man")
    PAGE.write_text(page())
