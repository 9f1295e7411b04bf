# SPDX-License-Identifier: GPL-2.0-or-later
"""The limit: as little as a script can do that writes the same kickstarts from a YAML file and a Jinja2 template.

render.py HOSTS TEMPLATE DIRECTORY

It reads the file once with PyYAML's C parser, compiles the template once, and fills it in two processes. It checks
nothing.
"""

import os
import sys
from pathlib import Path

import jinja2
import yaml

PROCESSES = 2


def main() -> None:
    source, template_file, directory = map(Path, sys.argv[1:])
    site = yaml.load(source.read_text(), Loader=yaml.CSafeLoader)
    template = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    ).from_string(template_file.read_text())
    variables = site["all"]["vars"]
    hosts = [item for group in site["all"]["children"].values() for item in group["hosts"].items()]
    directory.mkdir()
    started = []
    for first in range(PROCESSES):
        child = os.fork()
        if child == 0:
            for name, host in hosts[first::PROCESSES]:
                (directory / f"{name}.ks").write_text(template.render(name=name, **variables, **host))
            os._exit(0)
        started.append(child)
    sys.exit(any(os.waitpid(child, 0)[1] for child in started))


if __name__ == "__main__":
    main()
