# SPDX-License-Identifier: GPL-2.0-or-later
"""Every example kickstart, read by Anaconda's own Boss with all modules of its release."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from anaconda_cases import RELEASES
from bench import BENCH, NO_BENCH
from example_site import included_network, kickstarts, site

CLIENT = Path(__file__).parents[1] / "support" / "boss_client.py"


# Storage hands the name to UDisks at once, and the bench has none with iSCSI.
NAME_OF_INITIATOR = re.compile(r"^iscsiname .*\n", re.MULTILINE)
# What the resolver makes of a host's disks.
LINKS = "by-node/system0=sda by-node/system1=sdb"


def ask_boss(release: str, texts: dict[str, str], directory: Path) -> dict[str, dict[str, list[str]]]:
    arguments = []
    for name, text in texts.items():
        kickstart, included = directory / f"{name}.ks", directory / f"{name}.network"
        kickstart.write_text(NAME_OF_INITIATOR.sub("", text))
        included.write_text(included_network(text))
        arguments += [str(kickstart), str(included)]
    assert BENCH is not None
    command = [str(BENCH / "anaconda_bus.py"), "--ref", RELEASES[release], "--name", f"boss-{release}-{directory.name}"]
    command += ["--disk", "sda:900GiB", "--disk", "sdb:900GiB", "--", str(CLIENT), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "BENCH_LINKS": LINKS})
    assert done.returncode == 0, done.stderr
    return dict(zip(texts, map(json.loads, done.stdout.splitlines()), strict=True))


@pytest.mark.anaconda
@pytest.mark.parametrize("release", RELEASES)
def test_boss_reads_every_example(release: str, tmp_path: Path) -> None:
    if BENCH is None:
        pytest.skip(NO_BENCH)
    of_release = [host for host in site()[0] if host.settings.release == release]
    assert of_release
    answers = ask_boss(release, {host.name: kickstarts()[host.name] for host in of_release}, tmp_path)
    for host in of_release:
        assert answers[host.name]["complaints"] == []
        written = answers[host.name]["kickstart"]
        disks = ["sda", "sdb"][: len(host.disks)]
        assert f"ignoredisk --only-use={','.join(disks)}" in written
        assert f"network  --hostname={host.hostname}" in written
        if release == "el9":
            continue  # its modules leave the payload to the user interface
        settings = host.settings
        command, url = ("liveimg", settings.image_url) if settings.is_node else ("url", settings.tree_url)
        (source,) = (line for line in written if line.startswith(f"{command} "))
        assert f'--url="{url}"' in source
        assert settings.is_node or {"repo", "%packages"} <= {line.split(" ")[0] for line in written}


@pytest.mark.anaconda
@pytest.mark.parametrize("release", RELEASES)
def test_boss_complains_of_a_broken_one(release: str, tmp_path: Path) -> None:
    """So that silence above means something."""
    if BENCH is None:
        pytest.skip(NO_BENCH)
    text = next(kickstarts()[host.name] for host in site()[0] if host.settings.release == release)
    broken = text.replace("--thinpool", "--thinpol").replace("rootpw --lock", "rootpw --lok")
    answers = ask_boss(release, {"broken": broken}, tmp_path)
    assert len(answers["broken"]["complaints"]) == 2
