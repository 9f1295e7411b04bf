# SPDX-License-Identifier: GPL-2.0-or-later
"""The text of `%addon org_ovirt_node` <-> Section: what a kickstart asks of the add-on.

    %addon org_ovirt_node --layout=standard --images=2 --disks=1
    # SIZE is a number and MiB, GiB or TiB
    volume / 12 GiB
    volume /data 20 GiB
    swap 8 GiB
    image 2150 MiB
    %end

Simple options are on the header, because the Boss splits it at blanks and drops quotes; everything else is a line.
"""

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Optional, Union

from org_ovirt_node.layout import (
    ERROR,
    FILESYSTEMS,
    GIB,
    IMAGES,
    LAYOUTS,
    MIB,
    STANDARD,
    SWAP_SIZE,
    SWAP_SIZE_MIN,
    TIB,
    Request,
    describe,
    plan,
)

NAME = "org_ovirt_node"
STOP, WARN = "stop", "warn"
# More of either is a slip of the finger; nothing breaks.
_NUMBER_MOST = 99

_UNITS = {"MiB": MIB, "GiB": GIB, "TiB": TIB}
_SIZE = re.compile(r"(\d{1,12}) ?(MiB|GiB|TiB)")


@dataclass(frozen=True)
class Section:
    """What a kickstart asks of the add-on. Sizes are bytes.

    `disks` is how many disks the node may use, None for as many as there are; `mirrored`: they are two, and mirror each
    other. `imgbase` says whether the hook runs, `findings` whether errors in the layout stop the installation or are
    only told. `image_size` is that of the compressed image, None where it is not known.
    """

    layout: str = STANDARD.name
    images: int = IMAGES
    filesystem: str = "xfs"
    disks: Optional[int] = None
    mirrored: bool = False
    imgbase: bool = True
    findings: str = STOP
    root_size: Optional[int] = None
    volumes: tuple[tuple[str, int], ...] = ()
    swap_size: Optional[int] = None
    image_size: Optional[int] = None
    image_is_local: bool = False

    def request(self) -> Request:
        """The layout that is asked for, on disks that are not known."""
        return Request(
            layout=self.layout,
            disks=(None, None) if self.mirrored else (None,),
            mirrored=self.mirrored,
            images=self.images,
            filesystem=self.filesystem,
            root_size=self.root_size,
            volumes=self.volumes,
            swap_size=SWAP_SIZE if self.swap_size is None else self.swap_size,
            image_size=self.image_size,
            image_is_local=self.image_is_local,
        )


@dataclass(frozen=True)
class Problem:
    """What is wrong in a section. `line` is the index of its line in the body, None for the header."""

    line: Optional[int]
    message: str
    hint: str = ""

    def __str__(self) -> str:
        """For where only a text gets through: with the section's name, as line numbers are lost in the Boss."""
        return f"%addon {NAME}: {self.message}" + (f"; {self.hint}" if self.hint else "")


class Parsed(NamedTuple):
    """A section, and what is wrong in its text; where something is, the defaults are used."""

    section: Section
    problems: tuple[Problem, ...]


# --- writing ---------------------------------------------------------------------------------------------------------


def header(section: Section) -> tuple[str, ...]:
    """The words after `%addon org_ovirt_node`."""
    words = [f"--layout={section.layout}", f"--images={section.images}", f"--filesystem={section.filesystem}"]
    if section.disks is not None:
        words.append(f"--disks={section.disks}")
    if section.mirrored:
        words.append("--mirror")
    if not section.imgbase:
        words.append("--no-imgbase")
    if section.findings != STOP:
        words.append(f"--findings={section.findings}")
    return tuple(words)


def body(section: Section) -> tuple[str, ...]:
    """The lines between the header and `%end`."""
    volumes = [*section.volumes, *([("/", section.root_size)] if section.root_size is not None else [])]
    lines = [f"volume {mount_point} {size_text(size)}" for mount_point, size in sorted(volumes)]
    if section.swap_size is not None:
        lines.append(f"swap {size_text(section.swap_size)}")
    if section.image_size is not None:
        lines.append(f"image {size_text(section.image_size)}" + (" file" if section.image_is_local else ""))
    return tuple(lines)


def text(section: Section) -> str:
    """The whole section, as in a kickstart."""
    return "\n".join((" ".join((f"%addon {NAME}", *header(section))), *body(section), "%end", ""))


def size_text(size: int) -> str:
    """A size that `parse` reads back, rounded up to a whole MiB."""
    mib = -(-size // MIB)
    return f"{mib // 1024} GiB" if mib % 1024 == 0 else f"{mib} MiB"


# --- reading ---------------------------------------------------------------------------------------------------------


class _Said(NamedTuple):
    """What a word or a line sets: may stand once under its name."""

    name: str
    changes: dict[str, Any]


class _Wrong(NamedTuple):
    message: str
    hint: str = ""


_Reading = Union[_Said, _Wrong]


def parse(words: Sequence[str], lines: Sequence[str]) -> Parsed:
    """Read a section: the words of its header without the add-on's name, and the lines of its body."""
    section = Section()
    problems: list[Problem] = []
    seen: dict[str, str] = {}
    readings: list[tuple[Optional[int], str, _Reading]] = [(None, word, _word(word)) for word in words]
    readings += [(n, line.strip(), _line(line.split())) for n, line in _told(lines)]
    places: dict[str, Optional[int]] = {}
    for line, given, reading in readings:
        if isinstance(reading, _Wrong):
            problems.append(Problem(line, *reading))
        elif reading.name in seen:
            problems.append(Problem(line, f"{given!r} conflicts with {seen[reading.name]!r}", "remove one of them"))
        else:
            seen[reading.name], places[reading.name] = given, line
            section = _set(section, reading.changes)
    if not problems:
        problems += _impossible(section, places)
    return Parsed(Section() if problems else section, tuple(problems))


def _told(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """The lines without comments and blank ones; pykickstart drops whole lines of comment, but not what ends a line."""
    for index, line in enumerate(lines):
        told = re.sub(r"(^|\s)#.*", "", line)
        if told.strip():
            yield index, told


def _set(section: Section, changes: dict[str, Any]) -> Section:
    volumes = tuple(sorted((*section.volumes, *changes.get("volumes", ()))))
    return replace(section, **{**changes, "volumes": volumes})


_CHOICES = {
    "--layout": ("layout", tuple(LAYOUTS)),
    "--filesystem": ("filesystem", FILESYSTEMS),
    "--findings": ("findings", (STOP, WARN)),
}
_NUMBERS = {"--images": "images", "--disks": "disks"}
_FLAGS = {"--mirror": {"mirrored": True}, "--no-imgbase": {"imgbase": False}}
_OPTIONS = (*_CHOICES, *_NUMBERS, *_FLAGS)
_LINES = {"volume": "volume MOUNT_POINT SIZE", "swap": "swap SIZE", "image": "image SIZE, or image SIZE file"}


def _word(word: str) -> _Reading:
    option, _, value = word.partition("=")
    if word in _FLAGS:
        return _Said(option, _FLAGS[word])
    if option in _CHOICES:
        field, choices = _CHOICES[option]
        if value in choices:
            return _Said(option, {field: value})
        return _Wrong(f"{word!r} is not one of {', '.join(choices)}", _meant(value, choices))
    if option in _NUMBERS:
        if re.fullmatch(r"[0-9]{1,3}", value) and 1 <= int(value) <= _NUMBER_MOST:
            return _Said(option, {_NUMBERS[option]: int(value)})
        return _Wrong(f"{word!r} is not a number from 1 to {_NUMBER_MOST}", f"write {option}=2")
    if not option.startswith("--"):
        # What has a blank in it arrives here in pieces.
        return _Wrong(f"{word!r} is not an option", "volumes and sizes go on separate lines below the header")
    if option in _FLAGS:
        return _Wrong(f"{word!r} takes no value", f"write {option}")
    return _Wrong(f"unknown option {option}", _meant(option, _OPTIONS) or f"one of: {', '.join(_OPTIONS)}")


def _line(words: Sequence[str]) -> _Reading:
    line = " ".join(words)
    if words[0] == "volume" and len(words) in (3, 4):
        size = _size(" ".join(words[2:]))
        if size is None:
            return _no_size(line, f"volume {words[1]} 10 GiB")
        if words[1] == "/":
            return _Said("volume /", {"root_size": size})
        return _Said(f"volume {words[1]}", {"volumes": ((words[1], size),)})
    if words[0] == "swap" and len(words) in (2, 3):
        size = _size(" ".join(words[1:]))
        return _no_size(line, "swap 8 GiB") if size is None else _Said("swap", {"swap_size": size})
    if words[0] == "image":
        is_local = words[-1] == "file"
        size = _size(" ".join(words[1:-1] if is_local else words[1:]))
        if size is None:
            return _no_size(line, "image 2150 MiB")
        return _Said("image", {"image_size": size, "image_is_local": is_local})
    if words[0] in _LINES:
        return _Wrong(f"{line!r} is not complete", f"write {_LINES[words[0]]}")
    hint = _meant(words[0], tuple(_LINES)) or "a line is " + ", or ".join(_LINES.values())
    return _Wrong(f"{line!r} is not valid here", hint)


def size_asked(text: str) -> Union[tuple[str, Optional[int]], str]:
    """What a person asks for at the screen, or what is wrong: `/data 20 GiB`, `swap 8 GiB`; no size, the default."""
    name, *size = text.split() or [""]
    if not (name.startswith("/") or name == "swap"):
        return f"{name!r} is neither a mount point nor swap"
    number = _size(" ".join(size)) if size else None
    if size and number is None:
        return f"{' '.join(size)!r} is not a size; write a whole number and MiB, GiB or TiB"
    return name, number


def _size(words: str) -> Optional[int]:
    """Bytes of `10 GiB`; None for what is no size."""
    match = _SIZE.fullmatch(words)
    return int(match[1]) * _UNITS[match[2]] if match and int(match[1]) else None


def _no_size(line: str, example: str) -> _Wrong:
    return _Wrong(f"{line!r} has no size", f"a whole number and MiB, GiB or TiB: {example}")


def _meant(word: str, choices: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, choices, 1)
    return f"did you mean {close[0]}?" if close else ""


def _impossible(section: Section, places: dict[str, Optional[int]]) -> Iterator[Problem]:
    """What can be said about a layout without a disk: names that LVM refuses, volumes that are too small."""
    if section.mirrored and section.disks not in (None, 2):
        yield Problem(None, f"'--disks={section.disks}' conflicts with '--mirror'", "a mirror is made of two disks")
    if section.swap_size is not None and section.swap_size < SWAP_SIZE_MIN:
        yield Problem(places.get("swap"), f"swap {size_text(section.swap_size)} is too small", "give it 1 GiB or more")
    for finding in plan(section.request()).findings:
        if finding.severity == ERROR:
            name = f"volume {finding.subject}"
            message, hint = describe(finding)
            yield Problem(places.get(name), f"{name}: {message}" if name in places else message, hint)
