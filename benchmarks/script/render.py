# SPDX-License-Identifier: GPL-2.0-or-later
"""What an operator writes in an afternoon: an inventory, a template, and ksvalidator on each file.

render.py HOSTS DIRECTORY
"""

import subprocess
import sys
from pathlib import Path

import jinja2
import yaml


def main() -> None:
    source, directory = map(Path, sys.argv[1:])
    site = yaml.load(source.read_text(), Loader=yaml.CSafeLoader)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), undefined=jinja2.StrictUndefined
    )
    template = environment.get_template("node.ks.j2")
    directory.mkdir(parents=True, exist_ok=True)
    for group in site["all"]["children"].values():
        for name, host in group["hosts"].items():
            path = directory / f"{name}.ks"
            path.write_text(template.render(name=name, **site["all"]["vars"], **host))
            command = [str(Path(sys.executable).parent / "ksvalidator"), "-v", "RHEL9", str(path)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
