# SPDX-License-Identifier: GPL-2.0-or-later
"""Between the values inside and the structures on the bus."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from org_ovirt_node import gate
from org_ovirt_node import section as text
from org_ovirt_node.i18n import _
from org_ovirt_node.layout import Device, Finding, Plan, Request, capacity, describe
from org_ovirt_node.programs.checks import Result
from org_ovirt_node.section import Parsed, Section
from org_ovirt_node.service.installation import Look
from org_ovirt_node.structures import DeviceRow, DiskContent, FindingData, LayoutView, NodeRequest


@dataclass(frozen=True)
class Report:
    """What the last look at Storage found; `partitioning` is empty when none is applied."""

    partitioning: str = ""
    current: LayoutView = field(default_factory=LayoutView)
    proposal: LayoutView = field(default_factory=LayoutView)
    contents: tuple[DiskContent, ...] = ()
    machine: tuple[FindingData, ...] = ()


def request_of(section: Section) -> NodeRequest:
    return NodeRequest(
        layout=section.layout,
        images=section.images,
        filesystem=section.filesystem,
        disks=section.disks or 0,
        mirrored=section.mirrored,
        imgbase=section.imgbase,
        findings=section.findings,
        root_size=section.root_size or 0,
        volumes=dict(section.volumes),
        swap_size=section.swap_size or 0,
        image_size=section.image_size or 0,
        image_is_local=section.image_is_local,
    )


def section_of(request: NodeRequest) -> Parsed:
    """Read as the text of a kickstart, so that both ways in have the same rules."""
    section = Section(
        layout=request.layout,
        images=request.images,
        filesystem=request.filesystem,
        disks=request.disks or None,
        mirrored=request.mirrored,
        imgbase=request.imgbase,
        findings=request.findings,
        root_size=request.root_size or None,
        volumes=tuple(request.volumes.items()),
        swap_size=request.swap_size or None,
        image_size=request.image_size or None,
        image_is_local=request.image_is_local,
    )
    return text.parse(text.header(section), text.body(section))


def report_of(look: Look, section: Section) -> Report:
    """What a look at Storage found, in the language of the installation."""
    current = view(gate.devices(look.tree), look.findings, gate.request(look.tree, section))
    plan = look.proposal
    proposal = view(plan.devices, _of_proposal(plan, look), plan.request) if plan else LayoutView()
    contents = tuple(DiskContent(each.disk, each.model, each.size, each.what) for each in look.contents)
    machine = tuple(map(_of_machine, look.machine))
    return Report(look.tree.partitioning, current, proposal, contents, machine)


def _of_proposal(plan: Plan, look: Look) -> tuple[Finding, ...]:
    return tuple(dict.fromkeys((*look.obstacles, *plan.findings)))


def view(devices: Sequence[Device], findings: Iterable[Finding], request: Request) -> LayoutView:
    images = capacity(devices, request).images
    return LayoutView(
        devices=DeviceRow.to_structure_list(_row(device) for device in devices),
        findings=FindingData.to_structure_list(_told(finding) for finding in findings),
        images=-1 if images is None else images,
        reserve=next((device.reserve or 0 for device in devices if device.kind == "lvmvg"), 0),
    )


def _of_machine(result: Result) -> FindingData:
    message, needed = result.text("found", _), result.text("needed", _)
    if needed:
        message = _("{found}; needed: {needed}").format(found=message, needed=needed)
    return FindingData(result.code, result.verdict, "machine", message, result.text("cure", _))


def _row(device: Device) -> DeviceRow:
    return DeviceRow(
        name=device.name,
        kind=device.kind,
        size=device.size or 0,
        mount_point=device.mount_point or "",
        filesystem=device.filesystem or "",
        options=device.options or "",
        pool=device.pool or "",
        parents=device.parents,
    )


def _told(finding: Finding) -> FindingData:
    words = describe(finding, _)
    return FindingData(finding.code, finding.severity, finding.subject, words.message, words.hint)
