# SPDX-License-Identifier: GPL-2.0-or-later
"""Host ranges: what they name, and what is wrong with those that name something else than it seems."""

from __future__ import annotations

import pytest
from ansible.plugins.inventory import expand_hostname_range
from hypothesis import given
from hypothesis import strategies as st

from ksgen.inventory.ranges import Fault, expand


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        pytest.param("node", "node", id="no-range"),
        pytest.param("n[1:3]", "n1 n2 n3", id="both-ends"),
        pytest.param("n[08:11].x", "n08 n09 n10 n11.x".replace(" ", ".x "), id="padding"),
        pytest.param("n[9:11]", "n9 n10 n11", id="no-padding"),
        pytest.param("n[01:12:4]", "n01 n05 n09", id="step"),
        pytest.param("n[1:3:9]", "n1", id="step-past-the-end"),
        pytest.param("n[:2]", "n0 n1 n2", id="from-nothing"),
        pytest.param("n[7:7]", "n7", id="one"),
        pytest.param("[a:c]", "a b c", id="letters"),
        pytest.param("[X:Z:2]", "X Z", id="capitals-with-step"),
        pytest.param("[a:b]-[1:2].x", "a-1.x a-2.x b-1.x b-2.x", id="product"),
        pytest.param("[0:1][0:1]", "00 01 10 11", id="side-by-side"),
        pytest.param("fd00::[9:10]", "fd00::9 fd00::10", id="address"),
    ],
)
def test_names(pattern: str, names: str) -> None:
    assert expand(pattern) == tuple(names.split())


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        pytest.param(
            "n[05:02]",
            Fault("empty-range", "the range is empty: 05 is larger than 02", 1, 7, "write [02:05]"),
            id="backwards",
        ),
        pytest.param(
            "a[1:2]-[f:b].x",
            Fault("empty-range", "the range is empty: 'f' comes after 'b'", 7, 5, "write [b:f]"),
            id="second-one-backwards",
        ),
        pytest.param(
            "n[01:100]",
            Fault("bad-range", "'01' has 2 digits and '100' has 3", 1, 8, "write both with 3 digits"),
            id="widths",
        ),
        pytest.param(
            "n[1:010]", Fault("bad-range", "'010' is padded and '1' is not", 1, 7, "write [001:010]"), id="padded-end"
        ),
        pytest.param("n[1:3:0]", Fault("bad-range", "the step is 0", 1, 7, "use a step of 1 or more"), id="step-0"),
        pytest.param(
            "n[a:C]",
            Fault(
                "bad-range",
                "the range runs from 'a' to 'C', which mixes upper and lower case",
                1,
                5,
                "use letters of one case",
            ),
            id="two-cases",
        ),
        pytest.param(
            "n[1:]",
            Fault("bad-range", "'1:' is not a valid range", 1, 4, "write [01:12], [1:12:2] or [a:f]"),
            id="no-end",
        ),
        pytest.param(
            "n[3]",
            Fault("bad-range", "'3' is not a valid range", 1, 3, "write [01:12], [1:12:2] or [a:f]"),
            id="no-colon",
        ),
        pytest.param(
            "n[]", Fault("bad-range", "'' is not a valid range", 1, 2, "write [01:12], [1:12:2] or [a:f]"), id="empty"
        ),
        pytest.param(
            "n[-1:2]",
            Fault("bad-range", "'-1:2' is not a valid range", 1, 6, "write [01:12], [1:12:2] or [a:f]"),
            id="negative",
        ),
        pytest.param(
            "n[a:3]",
            Fault("bad-range", "'a:3' is not a valid range", 1, 5, "write [01:12], [1:12:2] or [a:f]"),
            id="mixed",
        ),
        pytest.param(
            "n[ab:cd]",
            Fault("bad-range", "'ab:cd' is not a valid range", 1, 7, "write [01:12], [1:12:2] or [a:f]"),
            id="words",
        ),
        pytest.param(
            "n[1:2\n]",
            Fault("bad-range", "'1:2\\n' is not a valid range", 1, 6, "write [01:12], [1:12:2] or [a:f]"),
            id="line-feed",
        ),
        pytest.param(
            "n[\u0661:\u0663]",
            Fault("bad-range", "'\u0661:\u0663' is not a valid range", 1, 5, "write [01:12], [1:12:2] or [a:f]"),
            id="other-digits",
        ),
        pytest.param("n[1:2", Fault("bad-range", "a '[' without its partner", 1, 1, "write [01:12]"), id="open"),
        pytest.param(
            "n[1:2]]", Fault("bad-range", "a ']' without its partner", 6, 1, "write [01:12]"), id="closed-twice"
        ),
        pytest.param(
            "n[0:100000]",
            Fault("range-too-large", "the range names 100,001 hosts; the limit is 100,000", 1, 10),
            id="too-many",
        ),
        pytest.param(
            "n[0:999][0:999]",
            Fault("range-too-large", "the ranges name 1,000,000 hosts; the limit is 100,000", 0, 15),
            id="too-many-together",
        ),
        pytest.param(
            "n[0:" + "9" * 5000 + "]", Fault("range-too-large", "a number of 5000 digits", 1, 5004), id="endless"
        ),
        pytest.param(
            "n[0:9:" + "9" * 5000 + "]",
            Fault("bad-range", "the step is too large", 1, 5006, "use a step of 1 or more"),
            id="endless-step",
        ),
    ],
)
def test_faults(pattern: str, fault: Fault) -> None:
    assert expand(pattern) == fault


def test_the_limit_can_be_reached() -> None:
    names = expand("n[00001:100000]".replace("00001", "000001"))
    assert isinstance(names, tuple)
    assert (len(names), names[0], names[-1]) == (100_000, "n000001", "n100000")


BOUNDS = st.sampled_from(["0", "00", "1", "01", "2", "03", "9", "10", "12", "012", "a", "c", "z", "A", "C"])
RANGES = st.builds(
    lambda begin, end, step: f"[{begin}:{end}{step}]", BOUNDS, BOUNDS, st.sampled_from(["", "", ":1", ":2", ":7"])
)


@given(parts=st.lists(st.one_of(RANGES, st.sampled_from(["n", "-", ".x"])), min_size=1, max_size=4))
def test_what_is_expanded_is_expanded_as_by_ansible(parts: list[str]) -> None:
    pattern = "".join(parts)
    ours = expand(pattern)
    if not isinstance(ours, Fault) and "[" in pattern:
        assert list(ours) == expand_hostname_range(pattern)
