# SPDX-License-Identifier: GPL-2.0-or-later
"""Plans the ISO of a node: a boot ISO with the add-on, the node image, and optionally a kickstart. isowriter.py writes.

The volume keeps its label, so that the boot entries need no change: they find stage 2 by it, and the installer finds
the add-on beside stage 2. They change only for a kickstart or more arguments, or if they name another kickstart.
"""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

from ksgen import media
from ksgen.addon import ADDON, ADDONS_PLACE, INTERACTIVE, File, NotMerged, addon_files, archive, merged
from ksgen.media import BootIso, Config, NodeImage
from ksgen.problems import Finding
from ksgen.variables import KERNEL_LINE_LONGEST, ODD_CHARACTER, PLAIN_MARKS, argument_name, is_plain

# Names at the top of the ISO. The image's name is defined in interactive-defaults.ks.
KICKSTART, MANIFEST = "/ovirt-node.ks", "/ovirt-node.json"
_INTERACTIVE_PATH = f"usr/share/anaconda/{INTERACTIVE}"
_REPOSITORY = "file:///run/install/repo"  # where Anaconda mounts the installation medium
_LIVEIMG = re.compile(rf"^liveimg --url={_REPOSITORY}(/\S+)$", re.MULTILINE)
_LIVEIMG_COMMAND = re.compile(r"""^\s*liveimg\s.*?--url[=\s]\s*["']?([^\s"']+).*$""", re.MULTILINE)
_CHECKSUM = re.compile(r"""--checksum[=\s]\s*["']?(\w+)""")
# A line of a kickstart with arguments for the boot entries that start it (ks-templates/network.ks.j2).
_KICKSTART_ARGUMENTS = re.compile(r"^# Boot arguments:(.*)$", re.MULTILINE)
_ADDON_PLACE = f"{ADDONS_PLACE}/org_ovirt_node"
_KICKSTART_WORD = re.compile(r"\s+(?:inst\.)?ks=(\S+)")
_RESCUE = re.compile(r"\s(?:inst\.)?rescue\b")
# Kernel arguments that --append does not accept, and why.
_OWN_ARGUMENTS = {"inst.stage2": "it is set by the boot entries of the ISO", "inst.ks": "use --kickstart"}
_GRUB_SPECIAL = frozenset(";&*")  # end a command, or are patterns; quotes, `$` and the like are refused by is_plain
_MANIFEST_FORMAT = 1


@dataclasses.dataclass(frozen=True)
class Request:
    """The input: files that have been read, and their contents; `site_files` beside a kickstart that chooses one."""

    boot: BootIso
    image_path: Path
    image: NodeImage
    image_sha256: str
    kickstart: bytes | None = None
    site_files: tuple[tuple[str, bytes], ...] = ()
    efi_dir: str | None = None
    append: tuple[str, ...] = ()
    ksgen: str = ""


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is to be written: `files` by their path on the ISO, besides the image. `efi_configs` are files for the EFI
    boot image; `efi_cure` is the hint if that cannot be changed."""

    boot: BootIso
    image_path: Path
    image_size: int
    files: tuple[tuple[str, bytes], ...]
    efi_configs: tuple[Config, ...]
    efi_cure: str
    findings: tuple[Finding, ...] = ()

    @property
    def size(self) -> int:
        """Approximate size of the ISO in bytes, for the progress bar."""
        sizes = [len(content) for _, content in self.files]
        return self.boot.size + self.image_size + sum(sizes) + len(sizes) * 2048


def image_path() -> str:
    """Where the node image is on the ISO."""
    found = _LIVEIMG.search((ADDON / "data" / INTERACTIVE).read_text(encoding="utf-8"))
    assert found is not None, "interactive-defaults.ks does not install an image from the medium"
    return found[1]


def image_url() -> str:
    """How a kickstart on the ISO names the node image."""
    return _REPOSITORY + image_path()


def plan(request: Request) -> Plan:
    """Decide what goes onto the ISO. If there are errors among the findings, nothing may be written."""
    findings: list[Finding] = []
    efi_dir, found = _efi_dir(request)
    findings += found
    place, addon, found = _addon(request, efi_dir)
    findings += found
    findings += _release_findings(request)
    findings += _append_findings(request)
    changed = tuple(_edited_configs(request))
    findings += _replaced_kickstarts(request)
    efi_image, efi_cure = request.boot.efi_image, _untouched_entries(request)
    if any(config.is_in_efi_image for config in changed) and efi_image and not (efi_image.path or efi_image.partition):
        message = "its EFI boot image is in a place that xorriso cannot rewrite"
        findings.append(Finding("iso-efi-image", message, hint=efi_cure))
    files = {
        **({KICKSTART: request.kickstart} if request.kickstart is not None else {}),
        place: addon,
        **dict(request.site_files),
        **{config.path: config.text.encode() for config in changed if not config.is_in_efi_image},
    }
    files[MANIFEST] = _manifest(request, files)
    return Plan(
        boot=request.boot,
        image_path=request.image_path,
        image_size=request.image.size,
        files=tuple(files.items()),
        efi_configs=tuple(config for config in changed if config.is_in_efi_image),
        efi_cure=efi_cure,
        findings=tuple(findings),
    )


def kickstart_findings(text: str, image_sha256: str) -> Iterator[Finding]:
    """Whether a kickstart installs the image that is on the ISO."""
    found = _LIVEIMG_COMMAND.search(text)
    if found is None:
        message = "has no liveimg command, so it does not install a node image"
        yield Finding("iso-kickstart-image", message, hint=f"liveimg --url={image_url()}")
        return
    if found[1] != image_url():
        message = f"fetches the image from {found[1]}, not from the ISO"
        yield Finding("iso-kickstart-image", message, "warning", f"liveimg --url={image_url()}")
        return
    checksum = _CHECKSUM.search(found[0])
    if checksum and checksum[1].lower() != image_sha256:
        message = f"expects an image with the checksum {checksum[1]}; this one has {image_sha256}"
        yield Finding("iso-kickstart-image", message, hint=f"--checksum={image_sha256}")


def _efi_dir(request: Request) -> tuple[str | None, list[Finding]]:
    """The directory below EFI/ that Anaconda is to use, None for its default."""
    there, told = request.image.efi_dirs, request.efi_dir
    has = ", ".join(there)
    if told is not None:
        if there and told not in there:
            return None, [Finding("image-efi-dir", f"EFI/ of the image has {has}, not {told}")]
        return told, []
    own = request.boot.stage2.efi_dir if request.boot.stage2 else None
    if not there or own in there:
        return None, []
    if len(there) > 1:
        message = f"EFI/ of the image has {has}; the installer uses {own or 'an unknown directory'}"
        return None, [Finding("image-efi-dir", message, hint=f"--efi-dir {there[0]}")]
    return there[0], []


def _release_findings(request: Request) -> Iterator[Finding]:
    own = request.boot.stage2.release if request.boot.stage2 else None
    major = request.image.os_release.get("VERSION_ID", "").partition(".")[0]
    if own and major and own != f"el{major}":
        message = f"is an installer of {own}, but the image is of el{major}: this combination is untested"
        yield Finding("image-release", message, "warning")
    for kernel in request.image.kernels:
        arch = kernel.rpartition(".")[2]
        if arch in media.ARCHES.values() and request.boot.arches and arch not in request.boot.arches:
            yield Finding(
                "image-arch", f"boots on {', '.join(request.boot.arches)}; the image contains the kernel {kernel}"
            )


def _addon(request: Request, efi_dir: str | None) -> tuple[str, bytes, list[Finding]]:
    """The image with the add-on, and its path: product.img, which is unpacked last and so takes precedence."""
    is_interactive = request.kickstart is None
    files = tuple(
        File(file.path, _with_checksum(file.content, request.image_sha256)) if file.path == _INTERACTIVE_PATH else file
        for file in addon_files(efi_dir, is_interactive)
    )
    alone = gzip.compress(archive(files), mtime=0)
    if request.boot.product is None:
        return media.PRODUCT, alone, []
    try:
        return media.PRODUCT, merged(request.boot.product, files, (_ADDON_PLACE,)), []
    except NotMerged:
        if request.boot.updates is None:
            return media.UPDATES, alone, []
    message = "its product.img and updates.img are not cpio archives, so the add-on cannot be added"
    return media.PRODUCT, alone, [Finding("iso-images", message, hint="use a boot ISO without them")]


def _with_checksum(kickstart: bytes, sha256: str) -> bytes:
    return _LIVEIMG.sub(lambda found: f"{found[0]} --checksum={sha256}", kickstart.decode()).encode()


def _edited_configs(request: Request) -> Iterator[Config]:
    """The boot loader configurations that have to change."""
    for config in request.boot.configs:
        text = "\n".join(_edited(line, request) for line in config.text.split("\n"))
        if text != config.text:
            yield dataclasses.replace(config, text=text)


def _edited(line: str, request: Request) -> str:
    """A line of a boot entry with our kickstart or none, and more arguments; rescue entries get no kickstart."""
    medium = media.medium(line)
    if medium is None:
        return line
    bare = _KICKSTART_WORD.sub("", line)
    rest = bare.rstrip()
    has_kickstart = request.kickstart is not None and not _RESCUE.search(line)
    ours = [f"inst.ks={medium}:{KICKSTART}", *_kickstart_arguments(request)] if has_kickstart else []
    return " ".join([rest, *ours, *request.append]) + bare[len(rest) :]


def _kickstart_arguments(request: Request) -> tuple[str, ...]:
    """What the kickstart wants in its boot entries, such as the names of NICs."""
    text = (request.kickstart or b"").decode()
    words = [word for found in _KICKSTART_ARGUMENTS.finditer(text) for word in found[1].split()]
    return tuple(word for word in words if word not in request.append)


def _untouched_entries(request: Request) -> str:
    """The hint how to leave the boot entries unchanged."""
    options = ("--kickstart", request.kickstart), ("--append", request.append)
    return f"omit {' and '.join(name for name, value in options if value)}"


def _append_findings(request: Request) -> Iterator[Finding]:
    """Whether boot loaders and the kernel accept the arguments of --append, and those of the kickstart."""
    for word in _kickstart_arguments(request):
        if not is_plain(word) or not _GRUB_SPECIAL.isdisjoint(word):
            message = f"'# Boot arguments:' of the kickstart: {argument_name(word)} {ODD_CHARACTER}"
            yield Finding("iso-append", message, hint=PLAIN_MARKS)
    for word in request.append:
        name = word.partition("=")[0]
        own = _OWN_ARGUMENTS.get(name if name.startswith("inst.") else f"inst.{name}")
        if own is not None:
            yield Finding("iso-append", f"{name}= is not allowed in --append", hint=own)
        elif not is_plain(word) or not _GRUB_SPECIAL.isdisjoint(word):
            yield Finding("iso-append", f"{argument_name(word)} {ODD_CHARACTER}", hint=PLAIN_MARKS)
    lines = (line for config in request.boot.configs for line in config.text.split("\n"))
    longest = max((len(_edited(line, request)) for line in lines if media.medium(line)), default=0)
    if (request.append or _kickstart_arguments(request)) and longest > KERNEL_LINE_LONGEST:
        message = f"a boot entry would have {longest} characters; the limit is {KERNEL_LINE_LONGEST}"
        yield Finding("iso-append", message, hint="use fewer or shorter arguments")


def _replaced_kickstarts(request: Request) -> Iterator[Finding]:
    lines = (line for config in request.boot.configs for line in config.text.split("\n") if media.medium(line))
    for name in sorted({word[1] for line in lines for word in _KICKSTART_WORD.finditer(line)}):
        yield Finding(
            "iso-kickstart-named", f"its boot entries name the kickstart {name}, which is removed from them", "warning"
        )


def _manifest(request: Request, files: dict[str, bytes]) -> bytes:
    """What is on the ISO, and from which files, as JSON."""
    ours = {
        image_path(): {"sha256": request.image_sha256, "size": request.image.size},
        **{path: {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)} for path, data in files.items()},
    }
    content = {
        "format": _MANIFEST_FORMAT,
        "ksgen": request.ksgen,
        "boot_iso": {"file": request.boot.path.name, "label": request.boot.label},
        "image": {"file": request.image_path.name, "nvr": request.image.nvr},
        "files": {path.removeprefix("/"): entry for path, entry in sorted(ours.items())},
    }
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()
