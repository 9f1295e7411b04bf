# SPDX-License-Identifier: GPL-2.0-or-later
"""A kickstart as the checks see it: commands that the grammar accepted, sections, and nothing that can be changed."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ksgen.grammar.releases import SECTIONS, Command, Numbered
from ksgen.grammar.traces import is_ovirt_host
from ksgen.problems import Severity
from ksgen.targets import Kind, Machine
from org_ovirt_node.layout import Device

SCRIPTS = frozenset(("%pre", "%pre-install", "%post", "%onerror", "%traceback"))
# Commands that say where the system comes from: whole as it is, or in packages.
_IMAGES = ("liveimg", "ostreesetup", "ostreecontainer", "bootc")
_TREES = ("url", "nfs", "cdrom", "harddrive", "hmc")
PAYLOADS = (*_IMAGES, *_TREES)
STORAGE = ("part", "partition", "raid", "volgroup", "logvol", "btrfs", "mount", "autopart")

_OPENING = re.compile(r"^[ \t]*%\S+", re.MULTILINE)
_HERE_DOCUMENT = re.compile(r"<<(-?)\s*(\"[^\"]+\"|'[^']+'|\\?[A-Za-z_][\w.-]*)")


@dataclasses.dataclass(frozen=True)
class Section:
    """A section: `first` is the line after its header, `end` that of its %end, None where it has none."""

    kind: str
    args: tuple[str, ...]
    line: int
    body: str
    first: int
    end: int | None

    @property
    def interpreter(self) -> str:
        """The program that runs a script; of Anaconda's own it is /bin/sh."""
        for position, argument in enumerate(self.args):
            if argument.startswith("--interpreter"):
                _, is_joined, value = argument.partition("=")
                return value if is_joined else "".join(self.args[position + 1 : position + 2])
        return "/bin/sh"

    @property
    def is_shell(self) -> bool:
        return self.interpreter.rpartition("/")[2] in ("sh", "bash", "dash", "ksh")

    @property
    def lines(self) -> Iterator[tuple[int, str]]:
        return enumerate(self.body.split("\n"), self.first)

    @functools.cached_property
    def shell(self) -> tuple[tuple[int, str], ...]:
        """The lines that a shell runs: without comments and here-documents."""
        rows = (row for row, word in self._followed[:-1] if word is None)
        return tuple(row for row in rows if row[1].lstrip()[:1] not in ("", "#"))

    @functools.cached_property
    def statements(self) -> tuple[tuple[int, str], ...]:
        """The same with a line and what a backslash at its end continues in one; each at its last line."""
        found: list[tuple[int, str]] = []
        begun = ""
        for number, text in self.shell:
            if text.endswith("\\"):
                begun += text[:-1]
                continue
            found.append((number, begun + text))
            begun = ""
        return tuple(found)

    @functools.cached_property
    def _followed(self) -> tuple[tuple[tuple[int, str], str | None], ...]:
        """The lines as _followed() has them, and one after the last."""
        return tuple(_followed((*self.lines, (0, ""))))

    @functools.cached_property
    def open_here_document(self) -> str | None:
        """The word for which a here-document still waits at the end of the body."""
        if "<<" not in self.body:
            return None
        return self._followed[-1][1]


def _followed(rows: Iterable[tuple[int, str]]) -> Iterator[tuple[tuple[int, str], str | None]]:
    """Each line with the end word of the here-document that it is in."""
    waiting: list[tuple[str, bool]] = []
    for number, text in rows:
        yield (number, text), waiting[0][0] if waiting else None
        if waiting:
            word, may_be_indented = waiting[0]
            if (text.lstrip("\t") if may_be_indented else text) == word:
                waiting.pop(0)
        elif "<<" in text and not text.lstrip().startswith("#"):
            # `<<<` is a here-string, `$((1<<n))` arithmetic
            plain = re.sub(r"<<<|\(\(.*?\)\)", "", text)
            waiting = [(m.group(2).strip("\\\"'"), bool(m.group(1))) for m in _HERE_DOCUMENT.finditer(plain)]


# Compared by identity, so that what several checks look at can be kept for the kickstart at hand.
@dataclasses.dataclass(frozen=True, eq=False)
class Kickstart:
    """A kickstart of a release.

    `rejected` are the commands with a line that the grammar refused: what they would have made is not known, no more
    than what an unread %include makes (`is_whole`). `devices` are those of its storage commands. `kind` is what the
    user says that it installs; "any": not said.
    """

    release: str
    text: str
    commands: tuple[Command, ...]
    sections: tuple[Section, ...]
    rejected: frozenset[str] = frozenset()
    is_whole: bool = True
    devices: tuple[Device, ...] = ()
    kind: Kind = "any"

    @functools.cached_property
    def _named(self) -> Mapping[str, tuple[Command, ...]]:
        found: dict[str, list[Command]] = {}
        for command in self.commands:
            found.setdefault(command.name, []).append(command)
        return {name: tuple(commands) for name, commands in found.items()}

    def all(self, *names: str) -> tuple[Command, ...]:
        """The commands of these names, in the order of the names."""
        return sum((self._named.get(name, ()) for name in names), ())

    def first(self, *names: str) -> Command | None:
        return next(iter(self.all(*names)), None)

    def all_sections(self, *kinds: str) -> Iterator[Section]:
        return (section for section in self.sections if section.kind in kinds)

    @property
    def scripts(self) -> Iterator[Section]:
        return self.all_sections(*SCRIPTS)

    @functools.cached_property
    def storage_is_known(self) -> bool:
        """Whether every storage command of the file has been read, but for `btrfs`, which no release has."""
        return self.is_whole and not self.rejected & set(STORAGE) - {"btrfs"}

    @functools.cached_property
    def is_installation(self) -> bool:
        """Whether this is all of an installation, not a piece of one: it says where the system comes from."""
        return self.is_whole and (bool(self.all(*PAYLOADS)) or any(self.all_sections("%packages")))

    @functools.cached_property
    def only_use(self) -> tuple[str, ...]:
        """The disks that the installer may touch; none for all of them."""
        return tuple(disk for command in self.all("ignoredisk") for disk in command.values.get("onlyuse") or ())

    @functools.cached_property
    def has_node_section(self) -> bool:
        """Whether the add-on of the node has a section."""
        return any(section.args[:1] == ("org_ovirt_node",) for section in self.all_sections("%addon"))

    @functools.cached_property
    def machine(self) -> Machine:
        """What comes of it: what the user says, else what is in the file."""
        if self.kind != "any":
            return self.kind
        if self._looks_like_node:
            return "node"
        return "host" if self._looks_like_host else "other"

    @property
    def installs_node(self) -> bool:
        return self.machine == "node"

    @property
    def installs_host(self) -> bool:
        """Whether it is a host of oVirt or OLVM without a node image."""
        return self.machine == "host"

    @property
    def _looks_like_node(self) -> bool:
        """By the node's add-on, by imgbase in a %post, or by the image."""
        if self.has_node_section:
            return True
        if any(_NODE_IMAGE.search(str(c.values.get("url"))) for c in self.all("liveimg")):
            return True
        has_image = bool(self.all("liveimg"))
        return any(_calls_imgbase(section, has_image) for section in self.all_sections("%post"))

    @property
    def _looks_like_host(self) -> bool:
        """By packages and what they are for. ksgen writes kickstarts for nodes and hosts only."""
        packages = [text for section in self.all_sections("%packages") for _, text in section.lines]
        if self.all(*_IMAGES) or not (packages or self.all(*_TREES)):
            return False
        if " written by ksgen " in self.text.partition("\n")[0]:
            return True
        scripts = [text for section in self.all_sections("%post") for _, text in section.lines]
        return is_ovirt_host(
            (text.partition("#")[0] for text in packages),
            (text for text in scripts if not text.lstrip().startswith("#")),
            (str(command.values.get(name) or "") for command in self.all("repo", "url") for name in _ADDRESSES),
            (str(command.values.get("key")) for command in self.all("sshkey")),
        )


# How a repository is named, and its place.
_ADDRESSES = ("name", "url", "baseurl", "mirrorlist", "metalink")
# How builds of the image are named: ovirt-node-ng-image-*.squashfs.img, redhat-virtualization-host-*, rhvh-*.
_NODE_IMAGE = re.compile(r"ovirt[-_]?node|redhat-virtualization-host|rhev-hypervisor|rhv-?h\b|rhvh", re.IGNORECASE)
# The hook of ksgen is in a here-document with this mark.
_HOOK = "END_OF_IMGBASE_PY"
_INIT = re.compile(
    r"\b(?:imgbased?\b.*\blayout\b.*--init(?:-nvr)?(?![\w-])|nodectl\s+(?:\S+\s+)*?init\b)", re.IGNORECASE
)
# The same in a script of another language, or in a file that a script writes and runs.
_INIT_ANYWHERE = re.compile(
    r"imgbased?\b[^\0]{0,200}?\blayout\b[^\0]{0,200}?--init(?:-nvr)?(?![\w-])|\bnodectl\b\W+(?:[\w-]+\W+){0,3}?init\b",
    re.IGNORECASE,
)


def init_line(section: Section) -> tuple[int, str] | None:
    """The line of a script that makes the node's first layer."""
    if "imgbase" not in section.body.lower() and "nodectl" not in section.body and _HOOK not in section.body:
        return None
    if not section.is_shell:
        return None
    return next((row for row in section.statements if _HOOK in row[1] or _INIT.search(row[1])), None)


def _calls_imgbase(section: Section, has_image: bool) -> bool:
    """Whether a script makes the first layer, or tries to.

    `imgbase image-build` is of a recipe for a node image (imgbased, plugins/build.py), which has no image to install.
    """
    calls = [text for _, text in section.statements if re.search(r"\bimgbased?\s", text)] if section.is_shell else []
    is_tried = any(has_image or "layout" in text for text in calls)
    return is_tried or mentions_init(section)


def mentions_init(section: Section) -> bool:
    """Whether a script makes the first layer in any way that a text shows."""
    code = "\n".join(text for _, text in section.lines if not text.lstrip().startswith("#"))
    return init_line(section) is not None or bool(_INIT_ANYWHERE.search(code))


def sections(text: str) -> tuple[Section, ...]:
    """The sections of a kickstart, found as pykickstart finds them."""
    found: list[Section] = []
    header: tuple[int, int, str] | None = None  # line, offset of the body, the header itself
    line, counted = 1, 0

    def close(until: int, end: int | None) -> None:
        if header is not None:
            number, start, words = header
            kind, *args = _split(words)
            found.append(Section(kind, tuple(args), number, text[start:until].removesuffix("\n"), number + 1, end))

    for opening in _OPENING.finditer(text):
        word = opening.group().strip()
        if word in ("%include", "%ksappend") or (header and word != "%end" and word not in SECTIONS):
            continue
        start = opening.start()
        line += text.count("\n", counted, start)
        counted = start
        stop = text.find("\n", start)
        stop = len(text) if stop < 0 else stop
        close(start, line if word == "%end" else None)
        header = None if word == "%end" else (line, stop + 1, text[start:stop])
    close(len(text), None)
    return tuple(found)


def _split(header: str) -> list[str]:
    """The words of a header; quotes that pykickstart refuses elsewhere are nothing special here."""
    words = header.split(" #")[0].split()
    return [word.replace('"', "").replace("'", "") for word in words]


def view(
    release: str,
    text: str,
    commands: tuple[Command, ...],
    findings: Iterable[Numbered],
    is_whole: bool = True,
    devices: tuple[Device, ...] = (),
) -> Kickstart:
    """The view of a text that the grammar of its release has read."""
    accepted = {command.line for command in commands}
    wrong = [line for line, finding in findings if finding.severity == "error" and line not in accepted]
    lines = text.split("\n") if wrong else []
    rejected = {(lines[n - 1].split() or [""])[0] for n in wrong if 0 < n <= len(lines)}
    return Kickstart(release, text, commands, sections(text), frozenset(rejected), is_whole, devices)


# --- what a check is -------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Found:
    """What a check says of a line of the text. `severity` and `code` are the check's own unless told otherwise."""

    line: int
    message: str
    hint: str = ""
    severity: Severity | None = None
    code: str | None = None


@dataclasses.dataclass(frozen=True)
class Check:
    """A rule: its code, how grave it is to break it, who decides, and where the rule is from.

    `severity` is "error" only where the installation surely fails or destroys, or leaves an unusable machine.
    """

    code: str
    severity: Severity
    decide: Callable[[Kickstart], Iterator[Found]]
    source: str


def value(command: Command, name: str, default: Any = None) -> Any:
    """A value of a command, which another release may not have."""
    return command.values.get(name, default)
