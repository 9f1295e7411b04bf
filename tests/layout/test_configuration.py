# SPDX-License-Identifier: GPL-2.0-or-later
"""Anaconda's configuration for a node: from the policy, without drift, and as the releases read it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from bench import BENCH, NO_BENCH

from org_ovirt_node.layout import MIB, configuration, policy
from org_ovirt_node.layout.anaconda_configuration import COMMAND

CHECKOUT = Path(__file__).resolve().parents[2]
COPY = CHECKOUT / "org_ovirt_node" / "data" / "conf.d" / "90-ovirt-node.conf"

# Reads a configuration as Anaconda does at its start, and prints what it understood.
READ = """\
import json, sys
from pyanaconda.core.configuration.anaconda import conf

conf.read(sys.argv[1])
conf.validate()
storage, constraints = conf.storage, conf.storage_constraints
print(json.dumps({
    "scheme": storage.default_scheme,
    "file_system": storage.file_system_type,
    "gpt": getattr(storage, "gpt", None) or getattr(storage, "disk_label_type", None) == "gpt",
    "volumes": [
        {key: value if key == "name" else int(value) for key, value in line.items()}
        for line in storage.default_partitioning
    ],
    "root_device_types": sorted(constraints.root_device_types),
    "must_not_be_on_root": sorted(constraints.must_not_be_on_root),
    "required": {key: int(value) for key, value in constraints.req_partition_sizes.items()},
    "swap_is_recommended": constraints.swap_is_recommended,
    "hidden_spokes": conf.ui.hidden_spokes,
    "optional_modules": conf.anaconda.optional_modules,
    "efi_dir": conf.bootloader.efi_dir,
}))
"""


def test_copy_is_the_policys() -> None:
    assert COPY.read_text() == configuration(), COMMAND


def test_command_prints_it() -> None:
    module = COMMAND.partition(" >")[0].split()[-1]
    done = subprocess.run([sys.executable, "-m", module], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert done.stdout == configuration()


def test_nothing_blank_among_the_mount_points() -> None:
    lines = configuration().splitlines()
    start = lines.index("default_partitioning =") + 1
    section = lines[start : lines.index("[Storage Constraints]")]
    assert section == [
        "    / (size 10 GiB)",
        "    /home (size 1 GiB)",
        "    /tmp (size 1 GiB)",
        "    /var (size 8 GiB)",
        "    /var/crash (size 10 GiB)",
        "    /var/log (size 8 GiB)",
        "    /var/log/audit (size 2 GiB)",
        "    /var/tmp (size 10 GiB)",
        "    swap",
        "",
    ]


def test_sizes_satisfy_every_layout() -> None:
    made = policy.automatic_sizes()
    for layout in policy.LAYOUTS.values():
        assert all(made[mount_point] >= size for mount_point, size in layout.volumes)
    assert policy.ROOT_SIZE_MIN <= made["/"] <= policy.ROOT_SIZE_WISE
    assert all(size % MIB == 0 for size in made.values())


def test_efi_dir_is_written_only_when_given() -> None:
    assert "[Bootloader]" not in configuration()
    assert "\n[Bootloader]\nefi_dir = almalinux\n\n[Storage]\n" in configuration("almalinux")


@pytest.mark.parametrize("word", ["", "..", "a/b", "a b", "a\n[Storage]", "-x", "ä", "a%b"])
def test_efi_dir_is_one_word(word: str) -> None:
    with pytest.raises(ValueError, match="is not the name of a directory below EFI/") as raised:
        configuration(word)
    assert repr(word) in str(raised.value)


def anaconda_reads(release: str, text: str, directory: Path) -> dict[str, Any]:
    assert BENCH is not None
    path, program = directory / "90-ovirt-node.conf", directory / "read.py"
    path.write_text(text)
    program.write_text(READ)
    command = ["bash", "-c", '. "$0" "$1" && exec python3 -W ignore "$2" "$3"', str(BENCH / "env.sh"), release]
    command += [str(program), str(path)]
    if release != "rhel-9":
        command.insert(0, str(BENCH / "enter-trixie.sh"))
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.anaconda
@pytest.mark.parametrize("release", ["rhel-9", "rhel-10", "main"])
def test_anaconda_reads_it(release: str, tmp_path: Path) -> None:
    if BENCH is None:
        pytest.skip(NO_BENCH)
    assert anaconda_reads(release, configuration("centos"), tmp_path) == {
        "scheme": 3,
        "file_system": "xfs",
        "gpt": True,
        "volumes": [
            *({"name": name, "size": size} for name, size in sorted(policy.automatic_sizes().items())),
            {"name": "swap"},
        ],
        "root_device_types": [],
        "must_not_be_on_root": [],
        "required": {},
        "swap_is_recommended": True,
        "hidden_spokes": ["UserSpoke"],
        "optional_modules": [
            "org.fedoraproject.Anaconda.Modules.Subscription",
            "org.fedoraproject.Anaconda.Addons.Kdump",
            "org.fedoraproject.Anaconda.Addons.OSCAP",
        ],
        "efi_dir": "centos",
    }
