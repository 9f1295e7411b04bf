# SPDX-License-Identifier: GPL-2.0-or-later
"""What a rehearsal is made of beside the installer: the image, certificates, and the published site."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import ssl
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from ksgen.host import Host
from ksgen.problems import Finding, Mark, Problem
from ksgen.rehearsal.installers import link_or_copy
from ksgen.rehearsal.programs import required
from ksgen.variables import is_address

_PORTS = {"http": 80, "https": 443}
_DAYS = 7  # a rehearsal takes hours at most
_NGINX_USER = re.compile(r"^user .*;$", re.MULTILINE)


class NotPublished(Exception):
    """ksgen has refused to publish the site for the rehearsal; the text is what it said."""


def image_name(host: Host) -> str:
    """The name of the file that is served at the host's node_image_url."""
    return PurePosixPath(unquote(urlsplit(host.settings.image_url or "").path)).name


def image_directory(host: Host, image: Path, directory: Path) -> Path:
    """A directory with the image under the name that the host's URL has."""
    target = directory / "images" / image_name(host)
    target.parent.mkdir(exist_ok=True)
    link_or_copy(image, target)
    return target.parent


def url_problems(host: Host) -> Iterator[Problem]:
    """Addresses that the servers of a rehearsal do not answer at."""
    settings = host.settings
    server = urlsplit(settings.server_url)
    here, ports = server.hostname, {**_PORTS, **({server.scheme: server.port} if server.port else {})}
    for variable, url in (("node_image_url", settings.image_url), ("node_tree_url", settings.tree_url)):
        parts = urlsplit(url or "")
        if parts.hostname != here or parts.scheme not in _PORTS:
            where = parts.hostname or parts.scheme or "nowhere"
            message = f"is served at {where}, but a rehearsal has one web server, at {here}"
            yield host.at((variable,), Finding("rehearsal-url", message))
        elif (port := parts.port or _PORTS[parts.scheme]) != ports[parts.scheme]:
            message = f"is served at port {port}, but the web server of a rehearsal has {ports[parts.scheme]}"
            yield host.at((variable,), Finding("rehearsal-url", message))
    if settings.report_url:
        message = "is a server of its own, and a rehearsal needs the reports itself"
        yield host.at(("node_report_url",), Finding("rehearsal-url", message, hint="rehearse without it (-i)"))


@dataclasses.dataclass(frozen=True)
class Certificates:
    """An authority (PEM), and the certificate of it for the web server, with its SHA-256 fingerprint."""

    authority: str
    certificate: Path
    key: Path

    @property
    def fingerprint(self) -> str:
        """As node_report_pin has it."""
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(self.certificate.read_text())).hexdigest()


def certificates(host: Host, directory: Path) -> Certificates | None:
    """Those for the host's HTTPS addresses, None if it has none. Raises Missing, NotPublished."""
    settings = host.settings
    urls = [urlsplit(url or "") for url in (settings.server_url, settings.image_url, settings.tree_url)]
    names = {url.hostname or "" for url in urls if url.scheme == "https"}
    if not names:
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
