# SPDX-License-Identifier: GPL-2.0-or-later
"""Cobbler's renderer, from its source (release 3.3), outside of this repository."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from benchmarks import flattening, measure

HOSTS = 500
# If there is no source: what was measured once with 3.3.7 and Cheetah on a small virtual machine with two processors,
# of which cobblerd, as one process, uses one. No check, no file written.
KNOWN_SPEED = 470.0
KNOWN_NOTE = "Cobbler's 470 hosts/s are from another machine"
# What of Cobbler is run here requires.
_PACKAGES = ("CT3", "Jinja2", "PyYAML", "distro", "dnspython", "netaddr", "requests", "schema")
_OWN = {
    "name": "name",
    "mac": "node_mac",
    "wwn": "node_disk.wwn",
    "address": 'node_network[1].ipv4.split("/")[0]',
    "gateway": "node_network[1].gateway4",
}


def installed(source: Path) -> Path:
    """The Python of an environment beside Cobbler's source that has what it requires, made at first use."""
    python = source / ".venv" / "bin" / "python"
    if not python.exists():
        venv.create(source / ".venv", with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *_PACKAGES], check=True, stdout=sys.stderr)
    return python


def seconds(source: Path, inventory: Path, kickstarts: Path, directory: Path) -> float:
    """How long Cobbler renders the first HOSTS hosts of the site `flat`; it writes them to directory/ks."""
    site = yaml.load(inventory.read_text(), Loader=yaml.CSafeLoader)["all"]
    named = [*next(iter(site["children"].values()))["hosts"].items()][:HOSTS]
    hosts = {name: _values({"name": name, **host}) for name, host in named}
    name, values = next(iter(hosts.items()))
    template = flattening.flattened((kickstarts / f"{name}.ks").read_text(), values, flattening.CHEETAH)
    (directory / "ks").mkdir(parents=True)
    (directory / "node.ks").write_text(template)
    settings = directory / "settings.yaml"
    settings.write_text(yaml.dump(_settings(source, directory)))
    command = [installed(source), Path(__file__).parent / "render.py", settings, directory]
    return float(measure.printed(command, json.dumps(hosts), {"PYTHONPATH": str(source)}))


def _values(variables: Mapping[str, Any]) -> dict[str, str]:
    texts = flattening.evaluated(_OWN.values(), variables)
    return {name: texts[expression] for name, expression in _OWN.items()}


def _settings(source: Path, directory: Path) -> dict[str, Any]:
    settings: dict[str, Any] = yaml.load(
        (source / "config" / "cobbler" / "settings.yaml").read_text(), Loader=yaml.CSafeLoader
    )
    signatures = source / "config" / "cobbler" / "distro_signatures.json"
    return {**settings, "signature_path": str(signatures), "autoinstall_templates_dir": str(directory)}
