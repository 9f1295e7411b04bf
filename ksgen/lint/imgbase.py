# SPDX-License-Identifier: GPL-2.0-or-later
"""The first layer of a node: imgbase is called, in the installed system, as it wants to be, last, and heard."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence

from ksgen.grammar import Check, Found, Kickstart, Section, init_line, mentions_init, value
from ksgen.lint import shell
from ksgen.lint.node import node_sections
from ksgen.problems import Severity

_CORE = "imgbased, plugins/core.py"


def _inits(ks: Kickstart) -> list[tuple[Section, int, str]]:
    found = ((section, init_line(section)) for section in ks.all_sections("%post"))
    return [(section, *row) for section, row in found if row is not None]


# --- that it is called -----------------------------------------------------------------------------------------------

# A script whose text is elsewhere: fetched, in the image, on the medium.
ELSEWHERE = re.compile(
    r"\b(?:curl|wget)\b.*\|\s*(?:sudo\s+)?(?:ba|da|k)?sh\b|\b(?:ba|da|k)?sh\s+(?:-\w+\s+)*[^\s<-]|^\s*(?:source|\.)\s+\S|"
    r"\bpython3?\s+[/\w]|^\s*(?!/(?:usr/)?s?bin/)(?:\./|/|\$)[\w./${}-]+"
)


def imgbase_missing(ks: Kickstart) -> Iterator[Found]:
    if not ks.installs_node or not ks.is_whole or any(_is_heard_of(section) for section in ks.all_sections("%post")):
        return
    message = "no script calls imgbase: the machine boots a root without layers and cannot be updated"
    sections = node_sections(ks)
    if sections:
        # What is wrong in a section is told for itself.
        if not any(parsed.problems or parsed.section.imgbase for _, parsed in sections):
            yield Found(sections[0][0].line, message, "leave --no-imgbase out")
        return
    hint = "let the last %post --erroronfail end with: imgbase layout --init"
    unreached = next((line for section, line, _ in _inits(ks) if _leaves_before(section, line)), None)
    if unreached is not None:
        message = "the script ends before this line: imgbase is never called"
        yield Found(unreached, message, "remove the exit above it")
        return
    early = next((s for s in ks.all_sections("%pre", "%pre-install") if mentions_init(s)), None)
    if early is not None:
        row = init_line(early)
        message = f"imgbase in {early.kind}: it has to run in the installed system, which does not exist yet"
        yield Found(row[0] if row else early.line, message, hint)
        return
    image = ks.first("liveimg")
    if image is not None:
        yield Found(image.line, message, hint)


def _is_heard_of(section: Section) -> bool:
    """Whether a script calls imgbase, nearly does, or runs what only the installer sees."""
    row = init_line(section)
    if row is not None and _leaves_before(section, row[0]):
        return False
    if mentions_init(section) or any(_call_problem(call) for _, call in _calls(section)):
        return True
    return section.is_shell and any(ELSEWHERE.search(text) for _, text in section.shell)


_OPENS = re.compile(r"^\s*(?:if|for|while|until|case|select)\b|\{\s*$|\($")
_CLOSES = re.compile(r"(?:^|;)\s*(?:fi|done|esac|\}|\))\s*(?:$|[;|&>])")
_ENDS = re.compile(r"^\s*(?:exit|exec)\b(?!\s*[<>])")


def _leaves_before(section: Section, line: int) -> bool:
    """Whether a script ends, outside of any condition, before a line."""
    depth = 0
    for number, text in section.statements:
        if number >= line:
            break
        if depth == 0 and _ENDS.search(text):
            return True
        depth = max(0, depth + bool(_OPENS.search(text)) - bool(_CLOSES.search(text)))
    return False


# --- how it is called ------------------------------------------------------------------------------------------------

_GLOBAL = ("--debug", "--experimental", "--help", "--stream", "--version", "-h")
_LAYOUT = ("--bases", "--free-space", "--from", "--help", "--init", "--init-nvr", "--layers", "--size", "--units", "-h")
_WITH_VALUE = ("--from", "--init-nvr", "--size", "--stream", "--units")
_COMMANDS = (
    "base", "boot", "check", "diff", "factory-diff", "layer", "layout", "motd", "nspawn", "openscap", "pkg", "recover",
    "rollback", "service", "update", "volume", "w",
)  # fmt: skip
_HINT = "imgbase --debug layout --init"


def _calls(section: Section) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The words behind each `imgbase`, with its line."""
    if ("layout" not in section.body and "imgbase" not in section.body) or not section.is_shell:
        return
    for line, text in section.statements:
        for command in shell.commands(text) or ():
            names = [word.rpartition("/")[2] for word in command.words]
            if names[:1] in (["imgbase"], ["imgbased"]):
                yield line, command.words[1:]
            elif names and "layout" in names and difflib.get_close_matches(names[0], ["imgbase"], n=1, cutoff=0.75):
                yield line, (names[0],)
            elif names[:1] in (["python3"], ["python"]) and command.words[1:3] == ("-m", "imgbased"):
                yield line, command.words[3:]


def _call_problem(words: Sequence[str]) -> str:
    """What imgbase refuses of its arguments; argparse takes an abbreviation that is not ambiguous."""
    rest = list(words)
    if len(rest) == 1 and difflib.get_close_matches(rest[0], ["imgbase"], n=1, cutoff=0.75):
        return f"no program {rest[0]!r}"
    if any("$" in word or "`" in word for word in rest):
        return ""
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if not _is_known(option, _GLOBAL):
            return f"imgbase has no option {option} before its command"
        if option in _WITH_VALUE and rest:
            rest.pop(0)
    if not rest or rest[0] in _COMMANDS[:6] or rest[0] in set(_COMMANDS) - {"layout"}:
        return ""
    command = rest.pop(0)
    if command != "layout":
        is_slip = command == "init" or difflib.get_close_matches(command, ["layout"], n=1, cutoff=0.7)
        return f"imgbase has no command {command!r}" if is_slip else ""
    while rest:
        word = rest.pop(0)
        if not _is_known(word.partition("=")[0], _LAYOUT):
            return f"imgbase layout has no option {word}" if word.startswith("-") else f"imgbase layout takes no {word}"
        if word in _WITH_VALUE and rest:
            rest.pop(0)
    return ""


def _is_known(option: str, options: Sequence[str]) -> bool:
    if option in options:
        return True
    return option.startswith("--") and len([known for known in options if known.startswith(option)]) == 1


def imgbase_options(ks: Kickstart) -> Iterator[Found]:
    for section in ks.all_sections("%post"):
        for line, words in _calls(section):
            problem = _call_problem(words)
            if problem:
                yield Found(line, problem, _HINT)


def nodectl(ks: Kickstart) -> Iterator[Found]:
    for _, line, text in _inits(ks):
        if re.search(r"\bnodectl\b", text):
            message = "nodectl init reports a failure but exits with status 0"
            yield Found(line, message, _HINT)


def in_chroot(ks: Kickstart) -> Iterator[Found]:
    for section, line, text in _inits(ks):
        if "--nochroot" in section.args and "chroot" not in text:
            message = "imgbase in %post --nochroot works on the installer, not on the new system"
            yield Found(line, message, "leave --nochroot out")


# --- that its failure counts -----------------------------------------------------------------------------------------

_STOPS = re.compile(r"^\s*set\s+(?:-[a-zA-Z]*e[a-zA-Z]*\b|.*\berrexit\b)|^\s*trap\s.*\bERR\b")
_PIPEFAIL = re.compile(r"^\s*set\s.*\bpipefail\b")
_LEAVES = re.compile(r"\b(?:exit|return|false|kill|die|fail|abort|reboot|poweroff|halt|shutdown)\b")
_EXIT_0 = re.compile(r"\b(?:exit|return)\s+0\b")
_STATUS = re.compile(r"\$\?|\bPIPESTATUS\b")
_CLOSING = re.compile(r"\s*(?:fi|done|esac|\}|\)|;;|else|wait)?\s*(?:#.*)?")


def failure_ignored(ks: Kickstart) -> Iterator[Found]:
    """A script's exit status is that of its last command, unless `set -e` ends it.

    What must not follow at all is a finding of its own, with the same cure.
    """
    for section, line, text in _inits(ks):
        if "imgbase" not in text or "END_OF_IMGBASE_PY" in text or re.match(r"\s*(?:if|while|until|elif)\b", text):
            continue
        before = [row for number, row in section.statements if number < line]
        after = [row for number, row in section.statements if number > line]
        reason = _why_ignored(text, before, after)
        if reason and _writes(section, line) is None:
            message = f"a failure of imgbase is ignored: {reason}"
            yield Found(line, message, "let it be the last command of the %post --erroronfail, by itself")


def _why_ignored(text: str, before: Sequence[str], after: Sequence[str]) -> str:
    own = shell.commands(text)
    if own is None:
        return ""
    position = next((n for n, command in enumerate(own) if "--init" in " ".join(command.words)), None)
    if position is None:
        return ""
    stops = any(_STOPS.search(row) for row in before) or any(_STOPS.search(part) for part in text.split(";")[:1])
    operator = own[position].operator
    behind = "; ".join(" ".join(command.words) for command in own[position + 1 :])
    if operator == "||":
        block = [behind]
        if re.search(r"\{[^}]*$", text):
            block += after[: next((n + 1 for n, row in enumerate(after) if row.strip().startswith("}")), len(after))]
        rescue = "\n".join(block)
        is_heard = _LEAVES.search(rescue) and not (_EXIT_0.search(rescue) and "exit 1" not in rescue)
        return "" if is_heard or _STATUS.search(rescue) else f"|| {behind.strip() or 'another command'} takes its place"
    if operator in ("|", "|&") and not any(_PIPEFAIL.search(row) for row in before):
        return "of a pipe only the last command counts"
    if operator == "&":
        return "it runs in the background"
    if operator == "&&" and not any(command.operator == ";" for command in own[position + 1 :]) and not after:
        return ""
    following = [behind] if operator == ";" and behind.strip() else []
    following += after
    if any(_STATUS.search(row) for row in following) or stops:
        return ""
    real = [row for row in following if not _CLOSING.fullmatch(row)]
    return "the script goes on, and its last command counts; there is no set -e" if real else ""


# --- that it is last -------------------------------------------------------------------------------------------------


def imgbase_last(ks: Kickstart) -> Iterator[Found]:
    inits = _inits(ks)
    if not inits:
        return
    section, line, _ = inits[0]
    hint = "imgbase layout --init is the last line of the last %post"
    message = "comes after imgbase: outside of /etc, /boot and /var it writes into a root that is never booted"
    own = _writes(section, line)
    if own is not None:
        yield Found(own[0], f"this {message}", hint, own[1])
    for other in ks.all_sections("%post"):
        if other.line > section.line and (found := _writes(other)) is not None:
            severity = "warning" if "--nochroot" in other.args else found[1]
            yield Found(other.line, f"this %post {message}", hint, severity)


_WRITES_OF_PYTHON = re.compile(
    r"open\([^)]*['\"][wax]|\bsubprocess\b|\bshutil\b|os\.(?:mk|sym|re|ch|system)|write_text"
)


def _writes(section: Section, line: int = 0) -> tuple[int, Severity | None] | None:
    """The first line behind one that writes into the root volume, and how sure that is."""
    if not section.is_shell:
        return (section.line, None) if _WRITES_OF_PYTHON.search(section.body) else None
    is_chroot = "--nochroot" not in section.args
    for number, text in section.statements:
        for command in shell.commands(text) or () if number > line else ():
            if shell.writes_root(command, is_chroot):
                is_sure = bool(command.targets) or command.program in (*shell.CHANGING, "curl", "sed", "systemctl")
                return number, None if is_sure else "warning"
    return None


# --- a %pre ----------------------------------------------------------------------------------------------------------

_CHOOSES = re.compile(r"\b(?:ignoredisk|clearpart|part|bootloader|raid|volgroup)\s+[^\n]*(?:--?[a-z]|\$)")


def pre_unheard(ks: Kickstart) -> Iterator[Found]:
    """With half of what a %pre has to write, the installation goes on with other disks than were meant."""
    for section in ks.all_sections("%pre"):
        is_choosing = ">" in section.body and _CHOOSES.search(section.body)
        if is_choosing and "--erroronfail" not in section.args:
            message = "this %pre chooses the disk; where it fails, the installation goes on"
            yield Found(section.line, message, "%pre --erroronfail, with set -e")


def image_unnamed(ks: Kickstart) -> Iterator[Found]:
    """Node images go by many names, those of live media by few. Where the user says what it is, it is that."""
    for command in ks.all("liveimg") if ks.kind == "any" and not ks.installs_node and ks.is_whole else ():
        url = str(value(command, "url") or "")
        is_medium = re.search(r"/LiveOS/|fedora|centos-stream|rootfs|live", url, re.IGNORECASE)
        if url.endswith((".squashfs.img", ".squashfs", "squashfs.img")) and not is_medium:
            message = "if this image is that of an oVirt Node, it needs imgbase, and the layout of a node"
            yield Found(command.line, message, "end the last %post --erroronfail with: imgbase layout --init")


CHECKS = (
    Check("imgbase-missing", "error", imgbase_missing, _CORE),
    Check("imgbase-options", "error", imgbase_options, f"{_CORE}, __init__.py"),
    Check("imgbase-failure-ignored", "warning", failure_ignored, "POSIX, Shell Command Language, 2.8.2, 2.9"),
    Check("imgbase-not-last", "error", imgbase_last, "BZ1842484; Foreman pull request 8262"),
    Check("imgbase-nodectl", "warning", nodectl, "ovirt-node-ng, src/nodectl/initialize.py"),
    Check("imgbase-nochroot", "error", in_chroot, "pyanaconda, core/kickstart/scripts.py"),
    Check("image-may-be-node", "warning", image_unnamed, "ovirt-node-ng-image, build scripts"),
    Check("pre-without-erroronfail", "warning", pre_unheard, "pykickstart, %pre; pyanaconda, kickstart.py"),
)
