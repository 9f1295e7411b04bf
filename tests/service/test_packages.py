# SPDX-License-Identifier: GPL-2.0-or-later
"""The packages of a plain host, as Anaconda of EL10 with dnf resolves and installs them from a small tree."""

from __future__ import annotations

import functools
import http.server
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from anaconda_cases import RELEASES
from bench import BENCH, NO_BENCH
from inventories import one_host
from small_repository import make_repository, make_tree

from ksgen.kickstart.page import Templates

pytestmark = pytest.mark.anaconda
SUPPORT = Path(__file__).parents[1] / "support"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("served")
    make_tree(directory / "tree", ["chrony", "firewalld", "grub2", "grub2-tools"], ["lldpd", "kmod-site"])
    make_repository(directory / "site", ["site-agent", "site-other"])
    handler = functools.partial(Quiet, directory=str(directory))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def installed(served: str, directory: Path, **variables: str) -> Any:
    if BENCH is None:
        pytest.skip(NO_BENCH)
    host = one_host(
        directory,
        node_kind="host",
        node_release="el10",
        node_tree_url=f"{served}/tree/",
        node_repos=f"[{{name: site, url: '{served}/site/', gpgcheck: false, excludepkgs: [site-other]}}]",
        **variables,
    )
    text, problems = Templates().render(host)
    assert text is not None, problems
    kickstart = directory / "host.ks"
    # The Boss reads commands; scripts are the installer's.
    kickstart.write_text(text.partition("\n%pre")[0])
    # The services find it where they are started.
    shutil.copy(SUPPORT / "stand_in" / "libcomps.py", directory)
    command = [str(BENCH / "anaconda_bus.py"), "--ref", RELEASES["el10"], "--name", f"packages-{directory.name}"]
    command += ["--disk", "sda:128GiB", "--", str(SUPPORT / "packages_client.py"), str(kickstart)]
    environment = {**os.environ, "BENCH_LINKS": "by-node/system0=sda"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=directory, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_packages_are_installed(served: str, tmp_path: Path) -> None:
    found = installed(
        served, tmp_path, node_packages="[lldpd, site-agent]", node_drivers="[{package: kmod-site, modules: [site]}]"
    )
    assert (found["type"], found["kickstart"], found["packages"]) == ("DNF", [], [])
    # AppStream is not named by the kickstart: .treeinfo has it.
    assert {"AppStream", "site"} < set(found["repositories"])
    assert found["installed"] == [
        "chrony",
        "firewalld",
        "grub2",
        "grub2-tools",
        "kernel",
        "kmod-site",
        "lldpd",
        "site-agent",
    ]


def test_a_package_that_is_nowhere_is_refused(served: str, tmp_path: Path) -> None:
    found = installed(served, tmp_path, node_packages="[lldpd, site-other]")
    assert "site-other" in " ".join(found["packages"])
