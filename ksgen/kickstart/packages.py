# SPDX-License-Identifier: GPL-2.0-or-later
"""The steps of repositories and packages."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from ksgen.kickstart.files import writing
from ksgen.kickstart.steps import Step, checked
from ksgen.variables import Repository, Settings

# Weak dependencies stay away: they come from repositories of the image, and every update installs them again. A
# repository that cannot be read is skipped by updates alone.
_INSTALL = "dnf -y --setopt=install_weak_deps=False '--setopt=*.skip_if_unavailable=False' install"
_LOG = "/var/log/ovirt-node-packages.log"
# To dnf a package whose %post fails is an installed one, and it ends with 0 (seen with dnf 4.14: rpm undoes nothing for
# it). Some do so only because nothing runs yet where Anaconda installs.
_FAILED = r"s/^Error in [A-Z]* scriptlet in rpm package //p"


def repository_steps(settings: Settings) -> Iterator[Step]:
    """A file for each repository, and for its key."""
    if not settings.repos:
        return
    commands: list[str] = []
    for repo in settings.repos:
        if repo.key and not repo.key.startswith("file:"):
            commands += writing(_key_file(repo), repo.key)
        # An update installs packages where the variables of the proxy are not set (imgbased, rpmpersistence.py).
        text = repository_text(repo, settings.proxy_for(repo.place))
        commands += writing(f"/etc/yum.repos.d/node-{repo.name}.repo", text)
    yield Step("node_repos", f"repositories: {', '.join(repo.name for repo in settings.repos)}", tuple(commands))


def _key_file(repo: Repository) -> str:
    return f"/etc/pki/rpm-gpg/RPM-GPG-KEY-node-{repo.name}"


def repository_text(repo: Repository, proxy: str | None = None) -> str:
    """The file of a repository for dnf; `proxy` is the one of the site.

    imgbase has dnf install the added packages again at each update: a repository that cannot be read then would cost
    all of them (imgbased, rpmpersistence.py), so it is skipped.
    """
    key = repo.key if repo.key and repo.key.startswith("file:") else f"file://{_key_file(repo)}"
    lines = [
        f"[{repo.name}]",
        f"name={repo.name}",
        f"{repo.option}={repo.place}",
        "enabled=1",
        "skip_if_unavailable=1",
        f"gpgcheck={int(repo.gpgcheck)}",
    ]
    lines += [f"gpgkey={key}"] if repo.key else []
    lines += [f"includepkgs={' '.join(repo.includepkgs)}"] if repo.includepkgs else []
    lines += [f"excludepkgs={' '.join(repo.excludepkgs)}"] if repo.excludepkgs else []
    lines += [f"priority={repo.priority}"] if repo.priority else []
    lines += [f"proxy={repo.proxy or proxy}"] if repo.proxy or proxy else []
    return "\n".join(lines) + "\n"


def package_steps(settings: Settings) -> Iterator[Step]:
    """All packages in one transaction, so that dnf sees all of their dependencies at once.

    A plain host gets them from Anaconda, with all others (source.py).
    """
    if not settings.is_node:
        return
    of_drivers = [driver.package for driver in settings.drivers]
    packages = list(dict.fromkeys((*settings.packages, *of_drivers)))
    if not packages:
        return
    variables = (("node_packages", settings.packages), ("node_drivers", of_drivers))
    names = " ".join(map(shlex.quote, packages))
    installed = (
        "failed=",
        f"LC_ALL=C.UTF-8 {_INSTALL} {names} >{_LOG} 2>&1 || failed=yes",
        f"cat {_LOG}",
        *checked(
            '[ -z "$failed" ]',
            "dnf did not install the packages",
            "read its messages above: are the names right, node_repos complete, and the servers within reach?",
        ),
    )
    there = checked(
        f"rpm -q {names}",
        "a package is not installed, although dnf reported no failure",
        "write the name of the package itself, not of something that it provides",
    )
    warning = f"$step: rpm installed $broken, but a script of it failed: see {_LOG}, and try it on the node"
    scripts = (
        f"broken=$(sed -n '{_FAILED}' {_LOG} | sort -u | paste -s -d ' ')",
        '[ -z "$broken" ] ||',
        f'    tell "warning: {warning}"',
    )
    variable = ", ".join(name for name, some in variables if some)
    yield Step(variable, f"packages: {', '.join(packages)}", (*installed, *there, *scripts))
