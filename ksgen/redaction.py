# SPDX-License-Identifier: GPL-2.0-or-later
"""Where secrets are in text that is about to be shown: spans of lines.

What ksgen itself puts into a file is known by its place, and given. Of the site's own text, pykickstart
says which options of its commands carry a secret, and patterns find what looks like one.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

SECRET, HASH, KEY = "(secret)", "(a password hash)", "(a private key)"


@dataclasses.dataclass(frozen=True, order=True)
class Span:
    """Characters of a line that must not be shown, from `start` up to `end`, and what is shown in their place."""

    start: int
    end: int
    label: str = SECRET


def redacted(lines: Sequence[str], known: Mapping[int, Sequence[Span]] | None = None) -> list[str]:
    """The lines as they may be shown, as many as there were. `known` has the secrets of a line by its index."""
    return [_without(line, [*spans, *(known or {}).get(n, ())]) for n, (line, spans) in enumerate(_found(lines))]


def secrets(lines: Sequence[str]) -> list[list[Span]]:
    """The secrets of each line of a file or script, in their order."""
    return [_merged(spans) for _, spans in _found(lines)]


def without_secrets(message: str, source: str = "", file: str | None = None) -> str:
    """A message about a line of a file as it may be told: what is secret in that line is not repeated.

    What looks like a secret in the message itself is hidden too. With the text of the whole `file` only if it is from
    there: "no password: an installation stops" has none.
    """
    texts = {source[span.start : span.end] for span in secrets([source])[0]}
    for text in sorted(texts, key=len, reverse=True):
        message = message.replace(text, SECRET)
    return _without(message, [span for span in secrets([message])[0] if _is_from(message[span.start : span.end], file)])


def _is_from(text: str, file: str | None) -> bool:
    """Whether a message may have a text from a file; how a quoted text with a backslash is written there is open."""
    return file is None or "\\" in text or text.strip(" .,:;'\"") in file


def may_hold_secret(text: str) -> bool:
    """Whether a value that is not what it should be may hold a secret: then it is not quoted.

    Where a password in a malformed URL ends is not known.
    """
    return _DOUBTFUL_URL.search(text) is not None or any(secrets(text.split("\n")))


def names_secret(name: object) -> bool:
    """Whether a variable or key of this name holds a secret, or may by mistake."""
    return _SECRET_NAME.search(str(name)) is not None


def _found(lines: Sequence[str]) -> Iterator[tuple[str, list[Span]]]:
    """Each line with its secrets: as one by itself, and by the key, value or document that it is a part of."""
    is_in_key, document, has_names = False, "", False
    continued = _continued(lines)
    for number, line in enumerate(lines):
        if not (is_in_key or document or number in continued) and is_plain(line):
            yield line, []
            continue
        spans = [*_of_line(line), *continued.get(number, ())]
        begin, end = _KEY_BEGINS.search(line), _KEY_ENDS.search(line)
        if (is_in_key or begin) and line.strip() != "%end":
            start = begin.start() if begin and not is_in_key else 0
            spans.append(Span(start, end.end() if end else len(line), KEY))
        is_in_key = (is_in_key or begin is not None) and end is None and line.strip() != "%end"
        if document and line.strip() != document:
            spans.append(_fed(line, 0, len(line), has_names))
        else:
            opened = _HERE_DOCUMENT.search(line) if _READS_PASSWORDS.search(line) else None
            document, has_names = (opened.group(1) if opened else ""), "chpasswd" in line
        yield line, spans


def is_plain(line: str) -> bool:
    """Whether a line has nothing that any secret has, so that the patterns, which take fifty times as long, need not be
    asked: most lines of a log. Other letters may be the upper case of ASCII's to a pattern: `\u017f` is one of `s`."""
    if not line.isascii() or _PERMISSION.search(line):
        return False
    small, words = line.lower(), line.split(None, 1)
    return not any(part in small for part in _PARTS_OF_SECRETS) and (not words or words[0] not in _WITH_SECRETS)


def _merged(spans: Iterable[Span]) -> list[Span]:
    """In their order, those that overlap as one."""
    found: list[Span] = []
    for span in sorted(spans):
        last = found[-1] if found else None
        if last is None or span.start >= last.end:
            found.append(span)
        elif (last.start, last.end) == (span.start, span.end):
            found[-1] = last if span.label == SECRET else span
        elif last.end < span.end:
            found[-1] = Span(last.start, span.end, span.label if last.start == span.start else SECRET)
    return found


def _without(line: str, spans: Iterable[Span]) -> str:
    shown, at = "", 0
    for span in _merged(spans):
        shown += line[at : span.start] + span.label
        at = span.end
    return shown + line[at:]


def quoted_span(line: str, start: int, end: int) -> Span:
    """The span of a word that is known to be a secret, without the quotes around it."""
    start, end = _inside(line[start:end], start)
    return Span(start, end, label(line[start:end]))


def label(secret: str) -> str:
    """What is shown in the place of a secret."""
    return HASH if _HASH.fullmatch(secret) else SECRET


# --- commands of a kickstart -----------------------------------------------------------------------------------------

# A word as pykickstart's lexer (shlex) splits it; a quotation that nothing closes goes on to the end of the line.
_WORD = re.compile(r"""(?:"(?:[^"\\]|\\.)*(?:"|$)|'[^']*(?:'|$)|\\.|[^\s"'\\])+""")
_SECRET_OPTION = re.compile(r"password$|passphrase$|wpakey$|wepkey$|activation-key$")
# The commands that can carry a secret by pykickstart's tables. Their names are written here, so that pykickstart, which
# takes longer to import than all of ksgen, is asked about the options of these alone.
_WITH_SECRETS = frozenset({
    "autopart", "bootloader", "iscsi", "logvol", "network", "part", "partition", "raid", "rdp", "realm", "rhsm",
    "rootpw", "sshpw", "user", "vnc",
})  # fmt: skip
_RELEASES = ("RHEL9", "RHEL10")


@dataclasses.dataclass(frozen=True)
class _Command:
    """A command of pykickstart: its options without a value, with one, and with a secret one.

    `is_secret`: what is no option is a secret.
    """

    flags: frozenset[str]
    valued: frozenset[str]
    secret: frozenset[str]
    is_secret: bool = False


# pykickstart reads `realm join` with getopt, so that there is no table (commands/realm.py).
_REALM = _Command(frozenset(), frozenset(), frozenset({"--one-time-password"}))


@functools.cache
def _command_of(name: str) -> _Command | None:
    """The command of a name, if it can carry a secret in one of the releases."""
    return _read_command(name) if name in _WITH_SECRETS else None


def _read_command(name: str) -> _Command | None:
    """The same by pykickstart's table of its options."""
    from pykickstart.handlers.control import commandMap
    from pykickstart.version import stringToVersion

    if name == "realm":
        return _REALM
    actions: list[Any] = []
    for release in _RELEASES:
        command = commandMap[stringToVersion(release)].get(name)
        if command is not None and hasattr(command, "_getParser"):
            actions += command()._getParser()._actions
    found = _command(actions)
    return found if found.secret or found.is_secret else None


def _command(actions: Iterable[Any]) -> _Command:
    flags, valued, secret = set[str](), set[str](), set[str]()
    for action in actions:
        for option in action.option_strings:
            is_secret = _SECRET_OPTION.search(option) is not None
            (flags if action.nargs == 0 else secret if is_secret else valued).add(option)
    is_secret = any(action.dest == "password" and not action.option_strings for action in actions)
    return _Command(frozenset(flags), frozenset(valued), frozenset(secret), is_secret)


def _of_command(line: str) -> list[Span]:
    words = [*_WORD.finditer(line)]
    command = _command_of(words[0].group()) if words else None
    if command is None:
        return []
    options, others = [], []
    expected = ""  # what the next word is, by the option before it
    for word in words[1:]:
        text = word.group()
        if text.startswith("#"):
            break
        if expected:
            options += [_inside(text, word.start())] if expected == "secret" else []
            expected = ""
        elif text.startswith("--"):
            name, equals, value = text.partition("=")
            kind = _kind(command, name)
            if equals and kind == "secret":
                options.append(_inside(value, word.end() - len(value)))
            expected = kind if not equals and kind != "flag" else ""
        else:
            others.append(_inside(text, word.start()))
    # The word of `sshpw --sshkey` is a public key.
    is_secret = command.is_secret and not any(word.group() == "--sshkey" for word in words)
    found = [*options, *(others if is_secret else [])]
    # What is a hash is found by its looks too.
    return [Span(start, end) for start, end in found if start < end]


def _kind(command: _Command, option: str) -> str:
    """What an option is. argparse takes the beginning of one for the whole; the secret ones come first here."""
    kinds = (("secret", command.secret), ("valued", command.valued), ("flag", command.flags))
    for kind, options in kinds:
        if option in options:
            return kind
    return next((kind for kind, options in kinds if any(known.startswith(option) for known in options)), "flag")


def _inside(text: str, start: int) -> tuple[int, int]:
    """Where the word is without the quotes around it."""
    is_quoted = len(text) > 1 and text[0] in "'\"" and text[-1] == text[0] and text[0] not in text[1:-1]
    return start + is_quoted, start + len(text) - is_quoted


# --- what looks like a secret ----------------------------------------------------------------------------------------

# The hashes of crypt(5), whatever the method, those of GRUB, and those of a directory (RFC 2307).
_HASH = re.compile(
    r"\$(?:[1567y]|gy|md5|sha1|sm3y?|2[abxy]?)[$,][^\s'\",:]+"
    r"|grub\.pbkdf2\.[^\s'\"]+|\{(?:SSHA|SHA|CRYPT)[0-9]*\}[^\s'\",]+"
)
_KEY_BEGINS = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-")
_KEY_ENDS = re.compile(r"-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|Private-MAC: .*")
_SECRET_NAME = re.compile(r"pass(word|wd|phrase)|secret|token|private_key", re.IGNORECASE)
_DOUBTFUL_URL = re.compile(r"//.*@|//\S*[?#]|:\S*@")

# Names of values: the long ones end any name (`dbPassword`), the short ones stand alone or behind a separator.
_LONG = r"pass(?:word|wd|phrase)|secret|token|authtok|bindpw|(?:api|access|private|activation)[_-]?key"
_NAME = (
    # Tags of sudoers(5), and a line of nsswitch.conf(5).
    r"(?<![\w./-])(?!(?-i:(?:NO)?PASSWD:))(?!passwd:\s+(?:files|sss|compat|db|systemd)\b)"
    rf"(?:[\w.-]*(?:{_LONG})|(?:[\w.-]*[_.-])?(?:pass|pw|psk))"
)
# A value in JSON inside of a shell's double quotes, in quotes, or a word, which a bracket or comma behind it is not of.
_VALUE = (
    r"""(?:\\"(?P<a>(?:(?!\\").)+)\\"|"(?P<b>(?:[^"\\]|\\.)+)(?:"|\\?$)|'(?P<c>[^']+)(?:'|$)"""
    r"""|(?P<d>(?:(?!,\w+=|\\["'])[^\s"';&|<>()`])+)(?<![,}\]]))"""
)
_SEPARATOR = r"""(?:\\?["'])?\s*(?::=|=>|==?|::?)\s*"""
# What reads a password from its standard input.
_READS_PASSWORDS = re.compile(
    r"\b(?:chpasswd|kinit|cryptsetup|smbpasswd)\b|\brealm\s+join\b|\bsudo\s+-S\b|--(?:password-)?stdin\b"
)
_HERE_DOCUMENT = re.compile(r"<<-?\s*[\"'\\]?(\w+)")
_NAMED = re.compile(r"""\s*(?:-\w+\s+)*(["']?)[\w.-]+:""")
_FED = re.compile(
    r"""\b(?:echo|printf)\s+(?P<a>(?:"[^"]*"|'[^']*'|[^|"'])*?)\s*\|.*|<<<\s*(?:"(?P<b>[^"]+)"|'(?P<c>[^']+)'|(?P<d>\S+))"""
)

_PATTERNS = (
    rf"{_NAME}{_SEPARATOR}{_VALUE}",
    # A value with blanks in a file of settings.
    rf"^\s*(?:-\s+)?{_NAME}\s*(?:=\s|\s=|:\s)\s*(?P<a>[^\s\"'$|>{{\[=].*?)(?:\s+#.*|\s*)$",
    rf"(?<!\S)--(?!no-)(?:[\w-]*(?:{_LONG})|(?:[\w-]*-)?(?:pass|pw))\s+(?!-){_VALUE}",
    # The user's name of a URL and all up to its host. What begins like a host and a path has none.
    r"""://(?!(?:\[[0-9a-f:.]*\]|[^\s'"<>/?#@:]*)(?::\d+)?[/?#])(?P<a>[^\s'"<>]*)@""",
    # A password that begins like a port: behind a name without a domain, or where a whole host name follows.
    r"""://(?!localhost:)(?P<a>[^\s'"<>/?#@:.]+:\d+[/?#][^\s'"<>]*)@""",
    r"""://(?P<a>[^\s'"<>/?#@:]+:\d+[/#][^\s'"<>?]*)@"""
    r"""(?=(?:(?:[\w-]+\.)+[a-z]{2,}|[0-9]+(?:\.[0-9]+){3}|\[[0-9a-f:.]+\])(?:[:/\s'"<>]|$))""",
    r"[?&](?:[\w.-]*(?:key|sig|signature|auth|credential)|code)=(?P<a>[^\s&'\"#]+)",
    # The random part of a permission to boot the installer (arming.py).
    r"\.[0-9]{10}\.[0-9]{10}\.(?P<a>[0-9a-f]{32})\b|\"random\": \"(?P<b>[0-9a-f]{32})\"",
    r"\bAuthorization:\s*(?:(?:Basic|Bearer|Token)\s+)?(?P<a>[^\s'\"]+)",
    r"\bBearer\s+(?P<a>[\w.~+/=-]{8,})",
    # curl(1), in one line or continued on the next.
    r"""(?:\bcurl\b.*?\s|^\s+)(?:-u\s*|-U\s*|--user[\s=]|--proxy-user[\s=])"""
    r"""(?:"[^":]+:(?P<a>[^"]+)|'[^':]+:(?P<b>[^']+)|[^\s:"']+:(?P<c>[^\s"']+))""",
    rf"\bsshpass\s+-p\s*{_VALUE}",
    rf"\b(?:ldap\w+|ipa-\S+)\s.*?(?<=\s)-w\s+{_VALUE}",
    rf"\b(?:useradd|usermod|\S+\s+login)\s.*?(?<=\s)-p\s+{_VALUE}",
    rf"\b(?:mysql\w*|mariadb\S*)\s.*?(?<=\s)-p{_VALUE}",
)
# What is named like a secret and only says where it is, or that there is none.
_REFERENCE = re.compile(
    r"\$\{\w+\}|\$[A-Z_][A-Z0-9_]*|\$\w*(?:pass|pw|secret|token|key)\w*|\$[0-9]?|\$\(.*|\{\{.*"
    r"|/(?:etc|dev|run|root|tmp|usr|var)/.*|true|false|null|none|yes|no"
)


# Of each pattern here something that is in every text that it finds, in lower case.
_PARTS_OF_SECRETS = (
    # names of values, options and variables
    "pass", "pw", "psk", "secret", "token", "authtok", "key",
    # URLs, requests and permissions
    "://", "?", "&", "random", "authorization", "bearer",
    # programs and their options
    "-u", "ldap", "ipa-", "useradd", "usermod", "login", "mysql", "mariadb", "kinit", "cryptsetup", "realm", "sudo",
    "stdin", "<<<",
    # hashes
    "$", "pbkdf2", "{s", "{c",
)  # fmt: skip
_PERMISSION = re.compile(r"\.[0-9]{10}\.")

# `password: |` and the like in YAML, and what is quoted and goes on in the next line.
_BLOCK = re.compile(
    rf"""^(?P<indent>\s*(?:-\s+)*)["']?{_NAME}["']?\s*:\s+(?:[!&]\S*\s+)*[|>][-+0-9]*\s*(?:#.*)?$""", re.IGNORECASE
)
_OPEN_QUOTE = re.compile(
    rf"""{_NAME}{_SEPARATOR}(?P<quote>["'])(?!\$\()(?:(?!(?P=quote))[^\\]|\\.)*\\?$""", re.IGNORECASE
)
_QUOTED_LINES = 20  # the most of one value; a quotation mark that is farther away is another one


def _continued(lines: Sequence[str]) -> dict[int, list[Span]]:
    """The parts of values with the name of a secret in the lines below that name."""
    found: dict[int, list[Span]] = {}
    for number, line in enumerate(lines):
        if is_plain(line):
            continue
        indent, quote = _goes_on(line)
        if indent is None and not quote:
            continue
        below = itertools.takewhile(lambda text: text.strip() != "%end", itertools.islice(lines, number + 1, None))
        spans = _quoted(below, quote) if indent is None else _block(below, indent)
        for at, span in enumerate(spans, number + 1):
            found.setdefault(at, []).append(span)
    return found


@functools.lru_cache(maxsize=16384)
def _goes_on(line: str) -> tuple[int | None, str]:
    """How far the key is indented whose value is a block below it; or else the quotation mark that is left open."""
    if block := _BLOCK.match(line):
        return len(block.group("indent")), ""
    quoted = _OPEN_QUOTE.search(line)
    return None, quoted.group("quote") if quoted else ""


def _block(below: Iterable[str], indent: int) -> Iterator[Span]:
    for line in below:
        start = len(line) - len(line.lstrip())
        if line.strip() and start <= indent:
            return
        yield Span(start, len(line))


def _quoted(below: Iterable[str], quote: str) -> Sequence[Span]:
    """Up to the closing quotation mark; nothing without one."""
    closing = re.compile(rf"(?<!\\){quote}")
    spans = []
    for line in itertools.islice(below, _QUOTED_LINES):
        end = closing.search(line)
        start = len(line) - len(line.lstrip())
        spans.append(Span(start, max(start, end.start() if end else len(line))))
        if end:
            return spans
    return []


@functools.lru_cache(maxsize=16384)
def _of_line(line: str) -> tuple[Span, ...]:
    """The secrets of one line by itself. The kickstarts of a site have most of their lines in common."""
    return (*_of_command(line), *_of_patterns(line))


@functools.cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    """Compiled when first needed: most commands print no line of a file."""
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in _PATTERNS)


def _of_patterns(line: str) -> Iterator[Span]:
    for pattern in _patterns():
        for match in pattern.finditer(line):
            start, end = _group(match)
            if not _REFERENCE.fullmatch(line[start:end]):
                yield Span(start, end, label(line[start:end]))
    if _READS_PASSWORDS.search(line):
        for match in _FED.finditer(line):
            yield _fed(line, *_group(match), "chpasswd" in line)
    for match in _HASH.finditer(line):
        yield Span(*match.span(), HASH)


def _group(match: re.Match[str]) -> tuple[int, int]:
    """Where the group is that the pattern has found."""
    return next(match.span(name) for name, text in match.groupdict().items() if text is not None)


def _fed(line: str, start: int, end: int, has_names: bool) -> Span:
    """What a program reads a password from; chpasswd(8) has the user's name before it."""
    name = _NAMED.match(line, start, end) if has_names else None
    if name is None:
        return Span(start, end)
    return Span(name.end(), end - (line[end - 1] == name.group(1)))
