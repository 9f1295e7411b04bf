# SPDX-License-Identifier: GPL-2.0-or-later
"""What holds for every layout that plan() does not refuse."""

from dataclasses import replace

from counts import count
from hypothesis import given, settings
from hypothesis import strategies as st

from org_ovirt_node import layout
from org_ovirt_node.layout import GIB, MIB, TIB, Request, align_up, plan
from org_ovirt_node.layout.geometry import EXTENT

sizes = st.integers(20 * GIB, 64 * TIB)
mount_points = st.sampled_from(("/var", "/var/log", "/home", "/data", "/srv/a", "/var/lib/images"))


@st.composite
def requests(draw):
    count = draw(st.integers(1, 4))
    mirrored = count == 2 and draw(st.booleans())
    volumes = draw(st.dictionaries(mount_points, st.integers(10 * GIB, 200 * GIB), max_size=3))
    return Request(
        layout=draw(st.sampled_from(("standard", "minimal"))),
        disks=tuple(draw(sizes) for _ in range(count)),
        mirrored=mirrored,
        firmware=draw(st.sampled_from((None, "uefi", "bios"))),
        filesystem=draw(st.sampled_from(("xfs", "ext4"))),
        root_size=draw(st.none() | st.integers(6 * GIB, 60 * GIB)),
        boot_size=draw(st.none() | st.integers(2 * GIB, 10 * GIB)),
        image_size=draw(st.none() | st.integers(GIB, 1500 * MIB)),
        images=draw(st.integers(1, 5)),
        volumes=tuple(sorted(volumes.items())),
        swap_size=draw(st.none() | st.just(0) | st.integers(1 * GIB, 100 * GIB)),
    )


def fits(found):
    return not any(finding.code == "does-not-fit" for finding in found.findings)


@given(requests())
@settings(max_examples=count(100, 400), deadline=None)
def test_parts_add_up(request):
    found = plan(request)
    group, pool = found.one("lvmvg"), found.one("lvmthinpool")
    assert all(device.size >= 0 for device in found.devices)
    if fits(found):
        swap = sum(device.size for device in found.of_kind("lvmlv"))
        assert group.size == pool.size + 2 * pool.metadata_size + swap + group.reserve
        assert group.reserve >= GIB
        assert sum(volume.size for volume in found.of_kind("lvmthinlv")) <= pool.size
        assert not [
            f for f in layout.check(found.devices, request) if f.code in ("over-provisioned", "reserve-too-small")
        ]
    lvm = [d for d in found.devices if d.kind.startswith("lvm")]
    assert all(device.size % EXTENT == 0 for device in lvm)


@given(requests())
@settings(max_examples=count(100, 400), deadline=None)
def test_partitions_fit_their_disk(request):
    found = plan(request)
    for disk in found.of_kind("disk"):
        parts = [d.size for d in found.of_kind("partition") if d.parents == (disk.name,)]
        assert sum(parts) <= disk.size


@given(requests(), st.integers(0, 2 * TIB))
@settings(max_examples=count(100, 400), deadline=None)
def test_more_disk_never_holds_fewer_images(request, more):
    larger = replace(request, disks=tuple(disk + more for disk in request.disks))
    before, after = plan(request), plan(larger)
    assert after.capacity.images >= before.capacity.images
    if fits(before) and request.swap_size is not None:
        assert fits(after)
        assert after.one("lvmthinpool").size >= before.one("lvmthinpool").size


@given(requests())
@settings(max_examples=300, deadline=None)
def test_a_refusal_names_ways_that_work(request):
    found = plan(request)
    if fits(found) or request.swap_size is None:
        return
    (refusal,) = [finding for finding in found.findings if finding.code == "does-not-fit"]
    values = dict(refusal.values)
    ways = [way for way in values["ways_out"] if way.setting != "disk"]
    assert values["needed_size"] == found.smallest_disk
    missing = _missing(found)
    assert all(way.saves > 0 for way in ways)
    # each on its own is enough, or all together are
    if not all(fits(plan(_changed(request, [way]))) for way in ways):
        assert fits(plan(_changed(request, ways)))
    assert missing > 0


def _missing(found):
    group = found.one("lvmvg").size
    content = sum(v.size for v in found.of_kind("lvmthinlv")) + sum(d.size for d in found.of_kind("lvmlv"))
    return content + 2 * GIB + GIB - group


def _changed(request, ways):
    for way in ways:
        if way.setting.startswith("volumes."):
            mount_point = way.setting.partition(".")[2]
            volumes = {**dict(request.volumes), mount_point: way.value}
            request = replace(request, volumes=tuple(sorted(volumes.items())))
        else:
            request = replace(request, **{way.setting: way.value})
    return request


@given(requests(), st.integers(0, 2**40))
@settings(max_examples=200, deadline=None)
def test_memory_stays_in_the_range_that_is_shown(request, memory):
    memory = max(memory, 2 * GIB)
    found = plan(replace(request, swap_size=None))
    known = plan(replace(request, swap_size=None, memory=memory))
    least, most = found.swap_range
    assert least <= align_up(known.one("lvmlv").size) <= most
