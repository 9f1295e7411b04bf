# SPDX-License-Identifier: GPL-2.0-or-later
"""The ISO of a node, decided: a boot ISO with the add-on, the node image, and perhaps a kickstart. isowriter.py acts.

The volume keeps its label, so that the boot entries stay as they are: they find the second stage by it, and the
installer the add-on beside that. They change only for a kickstart or more arguments, or when they name a kickstart that
is not wanted.
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
from ksgen.media import BootIso, Config, Finding, NodeImage
from ksgen.variables import KERNEL_LINE_LONGEST, ODD_CHARACTER, PLAIN_MARKS, argument_name, is_plain

# Names at the top of the ISO. The image's is the one that interactive-defaults.ks tells Anaconda.
KICKSTART, MANIFEST = "/ovirt-node.ks", "/ovirt-node.json"
_INTERACTIVE_PATH = f"usr/share/anaconda/{INTERACTIVE}"
_REPOSITORY = "file:///run/install/repo"  # where Anaconda has the medium that it came from
_LIVEIMG = re.compile(rf"^liveimg --url={_REPOSITORY}(/\S+)$", re.MULTILINE)
_LIVEIMG_COMMAND = re.compile(r"""^\s*liveimg\s.*?--url[=\s]\s*["']?([^\s"']+).*$""", re.MULTILINE)
_CHECKSUM = re.compile(r"""--checksum[=\s]\s*["']?(\w+)""")
_ADDON_PLACE = f"{ADDONS_PLACE}/org_ovirt_node"
_KICKSTART_WORD = re.compile(r"\s+(?:inst\.)?ks=(\S+)")
_RESCUE = re.compile(r"\s(?:inst\.)?rescue\b")
# Not among those that are added.
_OWN_ARGUMENTS = {"inst.stage2": "it is where the ISO itself is", "inst.ks": "use --kickstart"}
_GRUB_SPECIAL = frozenset(";&*")  # ends a command, or is a pattern; quotes, `$` and the like are no argument at all
_MANIFEST_FORMAT = 1


@dataclasses.dataclass(frozen=True)
class Request:
    """What was asked for: files that have been read, and what was found in them."""

    boot: BootIso
    image_path: Path
    image: NodeImage
    image_sha256: str
    kickstart: bytes | None = None
    efi_dir: str | None = None
    append: tuple[str, ...] = ()
    ksgen: str = ""


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is to be written: `files` by their path on the ISO, besides the image. `efi_configs` are texts for the files
    in the file system that UEFI starts from; `efi_cure` is for who cannot have it changed."""

    boot: BootIso
    image_path: Path
    image_size: int
    files: tuple[tuple[str, bytes], ...]
    efi_configs: tuple[Config, ...]
    efi_cure: str
    findings: tuple[Finding, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of the ISO, near enough for who waits for it."""
        sizes = [len(content) for _, content in self.files]
        return self.boot.size + self.image_size + sum(sizes) + len(sizes) * 2048


def image_path() -> str:
    """Where the node image is on the ISO."""
    found = _LIVEIMG.search((ADDON / "data" / INTERACTIVE).read_text(encoding="utf-8"))
    assert found is not None, "interactive-defaults.ks installs no image of the medium"
    return found[1]


def image_url() -> str:
    """How a kickstart on the ISO names the node image."""
    return _REPOSITORY + image_path()


def plan(request: Request) -> Plan:
    """Decide what the ISO gets. Nothing may be written when there are errors among the findings."""
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
        message = "has its boot loader for UEFI in a place that xorriso cannot write again"
        findings.append(Finding("iso-efi-image", message, hint=efi_cure))
    files = {
        **({KICKSTART: request.kickstart} if request.kickstart is not None else {}),
        place: addon,
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
        message = "has no command liveimg, and installs no node image"
        yield Finding("iso-kickstart-image", message, hint=f"liveimg --url={image_url()}")
        return
    if found[1] != image_url():
        message = f"fetches the image from {found[1]}, not from the ISO"
        yield Finding("iso-kickstart-image", message, "warning", f"liveimg --url={image_url()}")
        return
    checksum = _CHECKSUM.search(found[0])
    if checksum and checksum[1].lower() != image_sha256:
        message = f"wants an image with the checksum {checksum[1]}; this one has {image_sha256}"
        yield Finding("iso-kickstart-image", message, hint=f"--checksum={image_sha256}")


def _efi_dir(request: Request) -> tuple[str | None, list[Finding]]:
    """Below which directory of EFI/ Anaconda has to look, None for its own choice."""
    there, told = request.image.efi_dirs, request.efi_dir
    has = ", ".join(there)
    if told is not None:
        if there and told not in there:
            return None, [Finding("image-efi-dir", f"EFI/ of the image has {has}, and no {told}")]
        return told, []
    own = request.boot.stage2.efi_dir if request.boot.stage2 else None
    if not there or own in there:
        return None, []
    if len(there) > 1:
        message = f"EFI/ of the image has {has}; {own or 'nothing'} is where the installer looks"
        return None, [Finding("image-efi-dir", message, hint=f"--efi-dir {there[0]}")]
    return there[0], []


def _release_findings(request: Request) -> Iterator[Finding]:
    own = request.boot.stage2.release if request.boot.stage2 else None
    major = request.image.os_release.get("VERSION_ID", "").partition(".")[0]
    if own and major and own != f"el{major}":
        message = f"is an installer of {own}, and the image is of el{major}: nobody has tried that"
        yield Finding("image-release", message, "warning")
    for kernel in request.image.kernels:
        arch = kernel.rpartition(".")[2]
        if arch in media.ARCHES.values() and request.boot.arches and arch not in request.boot.arches:
            yield Finding(
                "image-arch", f"starts on {', '.join(request.boot.arches)}; the image has the kernel {kernel}"
            )


def _addon(request: Request, efi_dir: str | None) -> tuple[str, bytes, list[Finding]]:
    """The image with the add-on, and where it goes: product.img, which is unpacked last and wins."""
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
    message = "has a product.img and an updates.img that are no cpio archives, so that the add-on has no place"
    return media.PRODUCT, alone, [Finding("iso-images", message, hint="take a boot ISO without them")]


def _with_checksum(kickstart: bytes, sha256: str) -> bytes:
    return _LIVEIMG.sub(lambda found: f"{found[0]} --checksum={sha256}", kickstart.decode()).encode()


def _edited_configs(request: Request) -> Iterator[Config]:
    """The boot loaders' files that have to change."""
    for config in request.boot.configs:
        text = "\n".join(_edited(line, request) for line in config.text.split("\n"))
        if text != config.text:
            yield dataclasses.replace(config, text=text)


def _edited(line: str, request: Request) -> str:
    """A line of a boot entry with our kickstart or none, and more arguments; who rescues a system installs nothing."""
    medium = media.medium(line)
    if medium is None:
        return line
    bare = _KICKSTART_WORD.sub("", line)
    rest = bare.rstrip()
    has_kickstart = request.kickstart is not None and not _RESCUE.search(line)
    ours = [f"inst.ks={medium}:{KICKSTART}"] if has_kickstart else []
    return " ".join([rest, *ours, *request.append]) + bare[len(rest) :]


def _untouched_entries(request: Request) -> str:
    """How the boot entries stay as they are."""
    options = ("--kickstart", request.kickstart), ("--append", request.append)
    return f"leave {' and '.join(name for name, value in options if value)} out"


def _append_findings(request: Request) -> Iterator[Finding]:
    """Whether boot loaders and the kernel take the arguments that were asked for."""
    for word in request.append:
        name = word.partition("=")[0]
        own = _OWN_ARGUMENTS.get(name if name.startswith("inst.") else f"inst.{name}")
        if own is not None:
            yield Finding("iso-append", f"{name}= cannot be among --append", hint=own)
        elif not is_plain(word) or not _GRUB_SPECIAL.isdisjoint(word):
            yield Finding("iso-append", f"{argument_name(word)} {ODD_CHARACTER}", hint=PLAIN_MARKS)
    lines = (line for config in request.boot.configs for line in config.text.split("\n"))
    longest = max((len(_edited(line, request)) for line in lines if media.medium(line)), default=0)
    if request.append and longest > KERNEL_LINE_LONGEST:
        message = f"a boot entry would get {longest} characters; {KERNEL_LINE_LONGEST} is the most"
        yield Finding("iso-append", message, hint="use fewer or shorter ones")


def _replaced_kickstarts(request: Request) -> Iterator[Finding]:
    lines = (line for config in request.boot.configs for line in config.text.split("\n") if media.medium(line))
    for name in sorted({word[1] for line in lines for word in _KICKSTART_WORD.finditer(line)}):
        yield Finding("iso-kickstart-named", f"has boot entries with the kickstart {name}; now without it", "warning")


def _manifest(request: Request, files: dict[str, bytes]) -> bytes:
    """What was put on the ISO, from what, as JSON."""
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
