# SPDX-License-Identifier: GPL-2.0-or-later
"""The text around commands: what pykickstart cuts or never reads, and templates that were not rendered."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ksgen.grammar import Check, Found, Kickstart
from ksgen.problems import Severity


def empty(ks: Kickstart) -> Iterator[Found]:
    if not ks.commands and not ks.sections and not ks.rejected and ks.is_whole:
        severity: Severity | None = "warning" if ks.text.strip() else None
        yield Found(1, "no command and no section", "an installer with this kickstart asks for everything", severity)


def nul(ks: Kickstart) -> Iterator[Found]:
    at = ks.text.find("\0")
    if at >= 0:
        line = ks.text.count("\n", 0, at) + 1
        yield Found(line, "contains a NUL byte", "take it out; the file may have been truncated while it was written")


def command_lines(ks: Kickstart) -> Iterator[tuple[int, str]]:
    """The lines outside of sections that are no comments, and the headers of sections."""
    inside = {n for section in ks.sections for n in range(section.first, section.first + section.body.count("\n") + 1)}
    for number, text in enumerate(ks.text.split("\n"), 1):
        if number not in inside and not text.lstrip().startswith("#"):
            yield number, text


def continued(ks: Kickstart) -> Iterator[Found]:
    for number, text in command_lines(ks) if "\\\n" in ks.text else ():
        if text.endswith("\\"):
            message = "a backslash at the end; in a kickstart a command is one line, and what follows is another"
            yield Found(number, message, "write it on one line")


# --- comments --------------------------------------------------------------------------------------------------------

# A word as shlex reads it up to a '#' that begins a comment inside of it.
_BEFORE_HASH = re.compile(r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|\\.|[^\s"'\\#])+(?=#)""")
_WORD = re.compile(r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|\\.|[^\s"'\\#])+|\s+|#.*|.""")


def cut(ks: Kickstart) -> Iterator[Found]:
    """Words with a '#' that no quotes protect: shlex takes the rest of the line for a comment, without a blank too."""
    for number, text in command_lines(ks) if "#" in ks.text else ():
        match = _cut_word(text) if "#" in text else None
        if match is None:
            continue
        option = match.group().partition("=")[0] if match.group().startswith("--") and "=" in match.group() else ""
        what = f"the value of {option}" if option else "this word"
        hint = f'write it in quotes: {option}="…"' if option else "write the word in quotes"
        rest = text[match.end() + 1 :]
        is_comment = not rest[:1].strip()
        severity: Severity | None = "warning" if is_comment else None
        hint = "put a blank before a comment" if is_comment else hint
        yield Found(number, f"a '#' without quotes ends {what}; the rest of the line is a comment", hint, severity)


def _cut_word(text: str) -> re.Match[str] | None:
    """The word that is directly before the comment of a line."""
    at = 0
    while at < len(text) and text[at] != "#":
        match = _BEFORE_HASH.match(text, at)
        if match:
            return match
        word = _WORD.match(text, at)
        at = word.end() if word else len(text)
    return None


# --- templates -------------------------------------------------------------------------------------------------------

# What a template decides: the file is not what an installer gets. ERB (Foreman), Jinja, Cheetah (Cobbler).
_STATEMENTS = {
    "ERB": re.compile(r"<%(?!=)|<%=?\s*(?:snippet|render)"),
    "Jinja": re.compile(r"\{%.*?%\}|\{#.*?#\}"),
    "Cheetah": re.compile(
        r"^\s*#(?:set\s+\$|if\s+(?:not\s+)?\$|else\s+if\s+\$|for\s+\$\w+\s+in\s|end\s+(?:if|for|raw)\b|raw\s*$)"
        r"|\$SNIPPET\(|\$\{?(?:kickstart_start|kickstart_done|yum_repo_stanza|yum_config_stanza)\b"
    ),
}
# What a template fills in.
_PLACEHOLDER = re.compile(
    r"\{\{.*?\}\}|<%=.*?%>|@@\w+@@|##[A-Z][A-Z0-9_]*##|(?<![\w.@])@[A-Z][A-Z0-9_]*@(?![\w.])|\$\{[A-Za-z_]\w*\}"
    r"|(?<==)<[A-Z][A-Z0-9_ -]*>"
)
_MARKS = ("{{", "{%", "{#", "<%", "$SNIPPET", "#", "@", "${", "<", "$k", "$y")
# Variables of dnf, which it fills in itself.
_OF_DNF = re.compile(r"\$\{(?:releasever|basearch|arch|infra|stream|contentdir)\w*\}")


def statements(ks: Kickstart) -> tuple[int, str] | None:
    """The line and language of the first statement of a template, outside of scripts that are read as such."""
    if not any(mark in ks.text for mark in ("<%", "{%", "{#", "$SNIPPET", "#if", "#set", "#end", "#raw", "#for", "$")):
        return None
    inside = {n for section in ks.scripts for n in range(section.first, section.first + section.body.count("\n") + 1)}
    for number, text in enumerate(ks.text.split("\n"), 1):
        if number in inside:
            continue
        for language, pattern in _STATEMENTS.items():
            if (language == "Cheetah" or not text.lstrip().startswith("#")) and pattern.search(text):
                return number, language
    return None


def unrendered(ks: Kickstart) -> Iterator[Found]:
    found = statements(ks)
    if found:
        message = f"this is a template ({found[1]}) that has not been rendered"
        yield Found(found[0], message, "check what comes of it, not the template")


def left_over(ks: Kickstart) -> Iterator[Found]:
    """Placeholders of a template in commands and headers; of an unrendered template they are not listed."""
    if not any(mark in ks.text for mark in _MARKS) or statements(ks):
        return
    for number, text in command_lines(ks):
        match = _PLACEHOLDER.search(_OF_DNF.sub("", text))
        if match:
            message = f"{match.group()!r} is a placeholder without its value"
            yield Found(number, message, "render the template, and check its values")


# In a script only what cannot be meant for another program: Go templates begin with a dot, or a word before one.
_IN_SCRIPT = re.compile(r"\{\{-?\s*[A-Za-z_]\w*(?:\.\w+|\[[^\]]*\])*\s*(?:\|[^}]*)?-?\}\}|<%=.*?%>|\$SNIPPET\(|@@\w+@@")
_OF_ANOTHER = re.compile(r"--format|--template|-f\s|\bgo-template|\bansible\b|\bjinja|\bj2\b|\bconsul-template|\bsed\b")


def in_script(ks: Kickstart) -> Iterator[Found]:
    if statements(ks):
        return
    for section in ks.scripts:
        for number, text in section.shell if section.is_shell else ():
            match = _IN_SCRIPT.search(text)
            if match and not _OF_ANOTHER.search(text):
                message = f"{match.group()!r} in this script is a placeholder without its value"
                yield Found(number, message, "render the template, and check its values")
                break


CHECKS = (
    Check("kickstart-empty", "error", empty, "pyanaconda, kickstart.py"),
    Check("kickstart-nul", "error", nul, "ascii(7)"),
    Check("line-continued", "error", continued, "pykickstart, parser.py: one line, one command"),
    Check("value-cut", "error", cut, "pykickstart, parser.py: shlex with comments"),
    Check("template-unrendered", "error", unrendered, "ERB, Jinja, Cheetah"),
    Check("template-left-over", "error", left_over, "Jinja, ERB, Cheetah, envsubst"),
    Check("template-in-script", "warning", in_script, "Jinja, ERB, Cheetah"),
)
