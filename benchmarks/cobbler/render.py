# SPDX-License-Identifier: GPL-2.0-or-later
"""Times Cobbler's own code while it renders kickstarts, with Cheetah, as cobblerd does for a machine that asks.

PYTHONPATH=SOURCE render.py SETTINGS DIRECTORY <HOSTS

HOSTS has as JSON the values of each host. Prints the seconds; the kickstarts are written to DIRECTORY/ks after the
clock has stopped. The systems are in memory: nothing is read from or written to /etc/cobbler or /var/lib/cobbler.
"""

import json
import logging
import sys
import time
from pathlib import Path

from cobbler import settings as cobbler_settings
from cobbler.api import CobblerAPI


def _nothing(*_given: object, **_options: object) -> None:
    """In the place of what only a daemon does."""


def _api(settings: str) -> CobblerAPI:
    # No stored systems, no users, no boot files to keep up to date.
    CobblerAPI.deserialize = CobblerAPI.get_module_from_file = CobblerAPI.get_sync = _nothing
    # The check reads /etc/cobbler/version.
    cobbler_settings.validate_settings = dict
    return CobblerAPI(settingsfile_location=settings)


def _add_all(api: CobblerAPI, hosts: dict[str, dict[str, str]], directory: Path) -> None:
    for name in ("vmlinuz", "initrd.img"):
        (directory / name).touch()
    distro = api.new_distro()
    distro.name, distro.breed, distro.arch = "el9", "redhat", "x86_64"
    distro.kernel, distro.initrd = str(directory / "vmlinuz"), str(directory / "initrd.img")
    api.distros().add(distro)
    profile = api.new_profile()
    profile.name, profile.distro, profile.autoinstall = "node", "el9", "node.ks"
    api.profiles().add(profile)
    for name, values in hosts.items():
        system = api.new_system()
        system.name, system.profile, system.hostname = name, "node", name
        system.autoinstall_meta = values
        system.interfaces = {"eno1": {"mac_address": values["mac"]}}
        api.systems().add(system)


def main() -> None:
    logging.disable(logging.CRITICAL)
    settings, directory = sys.argv[1], Path(sys.argv[2])
    hosts = json.load(sys.stdin)
    api = _api(settings)
    _add_all(api, hosts, directory)
    render = api.autoinstallgen.generate_autoinstall_for_system
    begin = time.perf_counter()
    texts = [render(name) for name in hosts]
    print(time.perf_counter() - begin)
    for name, text in zip(hosts, texts):
        (directory / "ks" / f"{name}.ks").write_text(text)


if __name__ == "__main__":
    main()
