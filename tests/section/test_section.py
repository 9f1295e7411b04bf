# SPDX-License-Identifier: GPL-2.0-or-later
"""The text of `%addon org_ovirt_node`, there and back; also on the installer's Pythons."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from org_ovirt_node import section
from org_ovirt_node.layout import GIB, MIB, has_errors, plan
from org_ovirt_node.section import Section

LATER = "volumes and sizes go on separate lines below the header"
SIZES = "a whole number and MiB, GiB or TiB: volume /data 10 GiB"


def read(text: str) -> section.Parsed:
    """Read a section as pykickstart and the Boss hand it over: the header in words, the body in lines."""
    header, *lines = text.splitlines()
    assert header.split()[:2] == ["%addon", section.NAME]
    assert lines.pop() == "%end"
    return section.parse(header.split()[2:], lines)


FULL = Section(
    layout="minimal",
    images=3,
    filesystem="ext4",
    disks=2,
    mirrored=True,
    imgbase=False,
    findings="warn",
    root_size=12 * GIB,
    volumes=(("/data", 20 * GIB), ("/var", 9000 * MIB)),
    swap_size=8 * GIB,
    image_size=2150 * MIB,
    image_is_local=True,
)
FULL_TEXT = """\
%addon org_ovirt_node --layout=minimal --images=3 --filesystem=ext4 --disks=2 --mirror --no-imgbase --findings=warn
volume / 12 GiB
volume /data 20 GiB
volume /var 9000 MiB
swap 8 GiB
image 2150 MiB file
%end
"""


def test_text_of_the_defaults() -> None:
    assert section.text(Section()) == "%addon org_ovirt_node --layout=standard --images=2 --filesystem=xfs\n%end\n"


def test_text_of_everything() -> None:
    assert section.text(FULL) == FULL_TEXT
    assert read(FULL_TEXT) == (FULL, ())


@given(
    layout=st.sampled_from(("standard", "minimal")),
    images=st.integers(1, 99),
    disks=st.none() | st.integers(1, 99),
    mirrored=st.booleans(),
    imgbase=st.booleans(),
    findings=st.sampled_from(("stop", "warn")),
    root=st.none() | st.integers(6 * 1024, 10**6),
    data=st.none() | st.integers(300, 10**6),
)
def test_round_trip(layout, images, disks, mirrored, imgbase, findings, root, data) -> None:  # type: ignore[no-untyped-def]
    wished = Section(
        layout,
        images,
        "xfs",
        2 if mirrored and disks else disks,
        mirrored,
        imgbase,
        findings,
        root and root * MIB,
        (("/data", data * MIB),) if data else (),
    )
    assert read(section.text(wished)) == (wished, ())


@pytest.mark.parametrize(
    ("text", "wished"),
    [
        pytest.param("%addon org_ovirt_node\n%end", Section(), id="nothing-is-the-defaults"),
        pytest.param(
            "%addon org_ovirt_node\n\n# a comment\nvolume /data 20GiB # why\n%end",
            Section(volumes=(("/data", 20 * GIB),)),
            id="comments-and-blank-lines",
        ),
        pytest.param(
            "%addon org_ovirt_node\nvolume /data#1 1 TiB\n%end",
            None,
            id="a-mark-inside-a-word-is-no-comment",
        ),
        pytest.param(
            "%addon org_ovirt_node\nimage 1536 MiB\n%end",
            Section(image_size=1536 * MIB),
            id="image-from-a-server",
        ),
    ],
)
def test_readable(text: str, wished: Section | None) -> None:
    parsed = read(text)
    assert (parsed.section, bool(parsed.problems)) == (wished or Section(), wished is None)


@pytest.mark.parametrize(
    ("words", "lines", "line", "told"),
    [
        pytest.param(
            ("--layot=minimal",), (), None, "unknown option --layot; did you mean --layout?", id="option-misspelt"
        ),
        pytest.param(
            ("--zzz",),
            (),
            None,
            "unknown option --zzz; one of: --layout, --filesystem, --findings, --images, --disks, --mirror, "
            "--no-imgbase",
            id="option-unknown",
        ),
        pytest.param(
            ("--layout=minmal",),
            (),
            None,
            "'--layout=minmal' is not one of standard, minimal; did you mean minimal?",
            id="layout-unknown",
        ),
        pytest.param(("--layout",), (), None, "'--layout' is not one of standard, minimal", id="no-value"),
        pytest.param(
            ("--filesystem=btrfs",), (), None, "'--filesystem=btrfs' is not one of xfs, ext4", id="filesystem-unknown"
        ),
        pytest.param(
            ("--images=0",), (), None, "'--images=0' is not a number from 1 to 99; write --images=2", id="images-zero"
        ),
        pytest.param(
            ("--disks=²",), (), None, "'--disks=²' is not a number from 1 to 99; write --disks=2", id="no-such-digit"
        ),
        pytest.param(
            ("--mirror", "--disks=3"),
            (),
            None,
            "'--disks=3' conflicts with '--mirror'; a mirror is made of two disks",
            id="mirror-of-three",
        ),
        pytest.param(
            ("--no-imgbase=yes",), (), None, "'--no-imgbase=yes' takes no value; write --no-imgbase", id="flag-value"
        ),
        pytest.param(("volume",), (), None, f"'volume' is not an option; {LATER}", id="body-on-the-header"),
        pytest.param(
            ("--images=2", "--images=3"),
            (),
            None,
            "'--images=3' conflicts with '--images=2'; remove one of them",
            id="option-twice",
        ),
        pytest.param(
            (),
            ("volume /data 1 GiB", "volume /data 2 GiB"),
            1,
            "'volume /data 2 GiB' conflicts with 'volume /data 1 GiB'; remove one of them",
            id="volume-twice",
        ),
        pytest.param(
            (),
            ("volume /data",),
            0,
            "'volume /data' is not complete; write volume MOUNT_POINT SIZE",
            id="volume-without-size",
        ),
        pytest.param((), ("volume /data 20",), 0, f"'volume /data 20' has no size; {SIZES}", id="no-unit"),
        pytest.param((), ("volume /data 1.5 GiB",), 0, f"'volume /data 1.5 GiB' has no size; {SIZES}", id="a-fraction"),
        pytest.param((), ("volume /data 0 GiB",), 0, f"'volume /data 0 GiB' has no size; {SIZES}", id="zero"),
        pytest.param((), ("volume /data 20 GB",), 0, f"'volume /data 20 GB' has no size; {SIZES}", id="another-unit"),
        pytest.param(
            (), ("volumes /d 1 GiB",), 0, "'volumes /d 1 GiB' is not valid here; did you mean volume?", id="misspelt"
        ),
        pytest.param(
            (),
            ("hello",),
            0,
            "'hello' is not valid here; a line is volume MOUNT_POINT SIZE, or swap SIZE, or image SIZE, "
            "or image SIZE file",
            id="meaningless",
        ),
        pytest.param(
            (),
            ("image file",),
            0,
            "'image file' has no size; a whole number and MiB, GiB or TiB: image 2150 MiB",
            id="image-without-size",
        ),
        pytest.param(
            (),
            ("", "volume /var 2 GiB"),
            1,
            "volume /var: 2 GiB is below the 5 GiB minimum; give it 5 GiB or more",
            id="var-below-the-minimum",
        ),
        pytest.param(
            (),
            ("volume / 1 GiB",),
            0,
            "volume /: 1 GiB is below the 6 GiB minimum of the root volume; "
            "give it 6 GiB or more; each later image inherits the size",
            id="root-below-the-minimum",
        ),
        pytest.param(
            (),
            ("volume /etc/x 3 GiB",),
            0,
            "volume /etc/x: /etc/x is part of the image and cannot be a volume; remove it",
            id="volume-in-the-image",
        ),
    ],
)
def test_problems(words: tuple[str, ...], lines: tuple[str, ...], line: int | None, told: str) -> None:
    parsed = section.parse(words, lines)
    assert parsed.section == Section()
    assert [(problem.line, str(problem)) for problem in parsed.problems] == [(line, f"%addon org_ovirt_node: {told}")]


def test_all_problems_at_once() -> None:
    parsed = section.parse(("--layot=x", "--images=none"), ("volume", "", "image"))
    assert [problem.line for problem in parsed.problems] == [None, None, 0, 2]


def test_the_request_is_the_sections() -> None:
    request = FULL.request()
    assert not has_errors(plan(request).findings)
    assert (request.layout, request.images, request.filesystem) == ("minimal", 3, "ext4")
    assert dict(request.volumes) == {"/data": 20 * GIB, "/var": 9000 * MIB}
    assert (request.root_size, request.image_size, request.image_is_local) == (12 * GIB, 2150 * MIB, True)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        pytest.param("/data 20 GiB", ("/data", 20 * GIB), id="volume"),
        pytest.param(" /  12GiB ", ("/", 12 * GIB), id="root"),
        pytest.param("swap 8 GiB", ("swap", 8 * GIB), id="swap"),
        pytest.param("/data", ("/data", None), id="default"),
        pytest.param("", "'' is neither a mount point nor swap", id="nothing"),
        pytest.param("data 20 GiB", "'data' is neither a mount point nor swap", id="no-slash"),
        pytest.param("/data 20", "'20' is not a size; write a whole number and MiB, GiB or TiB", id="no-unit"),
        pytest.param("/data 0 GiB", "'0 GiB' is not a size; write a whole number and MiB, GiB or TiB", id="zero"),
    ],
)
def test_size_that_is_asked_for_at_the_screen(text: str, asked: object) -> None:
    assert section.size_asked(text) == asked


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param("swap", "'swap' is not complete; write swap SIZE", id="no-size"),
        pytest.param("swap 8", "'swap 8' has no size; a whole number and MiB, GiB or TiB: swap 8 GiB", id="no-unit"),
        pytest.param("swap 512 MiB", "swap 512 MiB is too small; give it 1 GiB or more", id="too-small"),
    ],
)
def test_swap_that_cannot_be(line: str, message: str) -> None:
    (problem,) = section.parse((), (line,)).problems
    assert str(problem).partition(": ")[2] == message
