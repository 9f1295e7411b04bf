# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads a kickstart and another one that includes it, as the user interface and the Boss of Anaconda do; prints JSON.

    include_client.py KICKSTART INCLUDING TARGET

In the environment of the bench. INCLUDING includes TARGET, which is not there while its %pre scripts are looked for.
"""

from __future__ import annotations

import json
import shutil
import sys

from pyanaconda import kickstart
from pyanaconda.modules.boss.kickstart_manager.parser import VALID_SECTIONS_ANACONDA, SplitKickstartParser
from pykickstart.version import makeVersion


def first_pass(path: str) -> list[str]:
    """The %pre scripts that Anaconda runs: preScriptPass() reads the whole file before it runs the first."""
    parser = kickstart.AnacondaPreParser(kickstart.AnacondaKSHandler())
    parser.readKickstart(path)
    return [script.script for script in parser.handler.scripts]


def elements(path: str) -> list[list[object]]:
    """What the Boss gives to the modules: each command and section, its line and file."""
    parser = SplitKickstartParser(makeVersion(), valid_sections=VALID_SECTIONS_ANACONDA)
    found = parser.split(path).all_elements
    return [[element.name, element.content, element.lineno, element.filename] for element in found]


def main() -> None:
    plain, including, target = sys.argv[1:]
    told: dict[str, object] = {"first": first_pass(including), "plain": elements(plain)}
    shutil.copyfile(plain, target)
    told["including"] = elements(including)
    print(json.dumps(told))


main()
