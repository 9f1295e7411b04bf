# SPDX-License-Identifier: GPL-2.0-or-later
"""What a rehearsal is made of: the installer of a boot ISO as an install tree, the image, and the published site."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from ksgen import media
from ksgen.host import Host
from ksgen.media import BootIso
from ksgen.problems import Finding, Mark, Problem
from ksgen.rehearsal.programs import required
from ksgen.rehearsal.qemu import Installer
from ksgen.variables import is_address

_TREEINFO = ".treeinfo"
_TREE_FILES = ("/images/pxeboot/vmlinuz", "/images/pxeboot/initrd.img")
_DAYS = 7  # a rehearsal takes hours at most
_NGINX_USER = re.compile(r"^user .*;$", re.MULTILINE)
_COPIED = 4 * 2**20  # bytes at a time
# Of a boot entry: what names its files, and what is said otherwise here.
_OF_ENTRY = re.compile(r"initrd=|inst\.(?:stage2|ks|repo)=|rd\.live\.check|quiet$")
_ENTRY = re.compile(r"^\s*(?:append|linux(?:efi)?|linux16)\s+(.*)$", re.MULTILINE)


class NotPublished(Exception):
    """ksgen has refused to publish the site for the rehearsal; the text is what it said."""


@dataclasses.dataclass(frozen=True)
class Tree:
    """An install tree of a release in a directory, with the arguments that its boot ISO has besides, and that ISO."""

    directory: Path
    label: str
    arguments: tuple[str, ...]
    iso: Path


def tree_of(boot: BootIso, release: str, directory: Path) -> Tree:
    """The installer of a boot ISO as the tree that hosts fetch it from. Raises OSError, Unreadable."""
    target = directory / "trees" / release
    with open(boot.path, "rb") as file:
        iso = media.Iso9660(media.FileSource(file))
        stage2 = next(name for name in (media.STAGE2, media.STAGE2_LAST) if iso.find(name) is not None)
        for name in (*_TREE_FILES, stage2):
            _copy_out(iso, name, target / name.lstrip("/"))
        info = iso.text(f"/{_TREEINFO}")
    number = release.removeprefix("el")
    (target / _TREEINFO).write_text(info or f"[general]\nfamily = EL\nversion = {number}\narch = x86_64\n")
    return Tree(target, boot.label, entry_arguments(boot), boot.path)


def kernel_of(boot: BootIso, directory: Path) -> Path:
    """The kernel of a boot ISO, as a file. Raises OSError, Unreadable."""
    kernel = directory / "vmlinuz"
    with open(boot.path, "rb") as file:
        _copy_out(media.Iso9660(media.FileSource(file)), _TREE_FILES[0], kernel)
    return kernel


def _copy_out(iso: media.Iso9660, name: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    found = iso.find(name)
    assert found is not None  # a boot ISO with an installer has it
    source = iso.content(found)
    with target.open("wb") as file:
        for place in range(0, source.size, _COPIED):
            file.write(source.read(place, _COPIED))


def entry_arguments(boot: BootIso) -> tuple[str, ...]:
    """What the first entry of a boot ISO that starts its installer gives the kernel besides its files."""
    for config in boot.configs:
        for found in _ENTRY.finditer(config.text):
            if "inst.stage2=" in found[1]:
                words = [word for word in found[1].split() if not word.startswith("/")]
                return tuple(word for word in words if not _OF_ENTRY.match(word))
    return ()


def installer(tree: Tree, arguments: Iterable[str]) -> Installer:
    """How the kernel starts with the published arguments of a host: stage 2 comes from the ISO, in a drive."""
    # A blank in a label is written as udev writes it.
    stage2 = f"inst.stage2=hd:LABEL={tree.label.replace(' ', chr(92) + 'x20')}"
    words = [stage2 if word.startswith("inst.stage2=") else word for word in arguments]
    kernel, initrd = (tree.directory / name.lstrip("/") for name in _TREE_FILES)
    own = [word for word in tree.arguments if word not in words]
    return Installer(kernel, initrd, " ".join([*own, *words]), (tree.iso,))


def image_directory(host: Host, image: Path, directory: Path) -> Path:
    """A directory with the image under the name that the host's URL has."""
    name = PurePosixPath(urlsplit(host.settings.image_url or "").path).name
    target = directory / "images" / name
    target.parent.mkdir(exist_ok=True)
    # A link that other users can follow: the image may be where only its owner can read.
    with contextlib.suppress(OSError):
        target.hardlink_to(image.resolve())
        return target.parent
    shutil.copyfile(image, target)
    return target.parent


def url_problems(host: Host) -> Iterator[Problem]:
    """Addresses that the servers of a rehearsal do not answer at."""
    settings = host.settings
    here = urlsplit(settings.server_url).hostname
    for variable, url in (("node_image_url", settings.image_url), ("node_tree_url", settings.tree_url)):
        parts = urlsplit(url or "")
        if parts.hostname != here or parts.scheme not in ("http", "https"):
            where = parts.hostname or parts.scheme or "nowhere"
            message = f"is served at {where}, but a rehearsal has one web server, at {here}"
            yield host.at((variable,), Finding("rehearsal-url", message))
    if urlsplit(settings.server_url).scheme == "https":
        # dracut knows no authority but its own.
        message = "is HTTPS, by which an installer does not fetch its kickstart from a rehearsal"
        yield host.at(("node_server_url",), Finding("rehearsal-url", message, hint="rehearse with http:// (-i)"))
    if settings.report_url:
        message = "is a server of its own, and a rehearsal needs the reports itself"
        yield host.at(("node_report_url",), Finding("rehearsal-url", message, hint="rehearse without it (-i)"))


@dataclasses.dataclass(frozen=True)
class Certificates:
    """An authority (PEM), and the certificate of it for the web server."""

    authority: str
    certificate: Path
    key: Path


def certificates(host: Host, directory: Path) -> Certificates | None:
    """Those for the host's HTTPS addresses, None if it has none. Raises Missing, NotPublished."""
    settings = host.settings
    names = {urlsplit(url or "").hostname or "" for url in (settings.image_url, settings.tree_url)}
    if not any(urlsplit(url or "").scheme == "https" for url in (settings.image_url, settings.tree_url)):
        return None
    place = directory / "tls"
    place.mkdir(mode=0o700)
    alternatives = ",".join(f"{'IP' if is_address(name) else 'DNS'}:{name}" for name in sorted(names))
    made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", str(_DAYS)]
    for more in (
        # Python 3.13 verifies strictly, as RFC 5280 says.
        ["-subj", "/CN=ksgen rehearse", "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", "ca.key", "-out",
         "ca.pem"],
        ["-subj", "/CN=ksgen rehearse server", "-addext", f"subjectAltName={alternatives}", "-addext",
         "basicConstraints=critical,CA:FALSE", "-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", "server.key", "-out",
         "server.pem"],
    ):  # fmt: skip
        command = [required("openssl"), "req", "-x509", *made, *more]
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NotPublished(f"openssl: {done.stderr.strip()}")
    return Certificates((place / "ca.pem").read_text(), place / "server.pem", place / "server.key")


def published(
    inventories: tuple[Path, ...], name: str, directory: Path, trees: Mapping[str, Path], images: Path,
    tls: Certificates | None, passwords: Iterable[str],
) -> None:  # fmt: skip
    """Publish the host, armed, into `directory`/out, and make a login for the server. Raises NotPublished."""
    first, *more = map(str, inventories)
    options = ["-o", str(directory / "out"), "--run", str(directory / "run"), "--images", str(images)]
    options += [word for release, tree in trees.items() for word in ("--tree", f"{release}={tree}")]
    options += ["--certificate", str(tls.certificate), "--key", str(tls.key)] if tls else []
    options += [word for one in passwords for word in ("--vault-password-file", one)]
    arm = ["arm", first, name, *(word for one in more for word in ("-i", one)), "--until", "2d", "--yes"]
    (directory / "run").mkdir(exist_ok=True)
    login = ["login", "rehearsal", "--state", str(directory / "state"), "-o", str(directory / "token")]
    for command in (["render", first, *more, *options], [*arm, *options], login):
        done = subprocess.run([sys.executable, "-m", "ksgen", *command], capture_output=True, text=True, check=False)
        if done.returncode:
            raise NotPublished(done.stderr.strip())


def web_configuration(directory: Path, is_root: bool) -> Path | None:
    """The configuration of nginx, if it is not the published one: the only user of a namespace without root is root."""
    if is_root:
        return None
    own = directory / "nginx.conf"
    own.write_text(_NGINX_USER.sub("user root root;", (directory / "out/nginx.conf").read_text()))
    return own


def armed_token(directory: Path) -> str:
    """The permission of the one host that is armed."""
    (permission,) = (directory / "out/armed").iterdir()
    return permission.name


def image_problem(host: Host, image: Path, sha256: str) -> Problem | None:
    """Whether the image is another one than the inventory's."""
    wanted = host.settings.image_sha256
    if wanted and wanted.lower() != sha256:
        message = f"{image} has the checksum {sha256[:12]}…; {wanted[:12]}… is required"
        return Problem("image-sha256", message, Mark(str(image), 1), host=host.name)
    return None
