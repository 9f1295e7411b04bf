# SPDX-License-Identifier: GPL-2.0-or-later
"""Records the names of keyboard layouts that Anaconda takes, in ksgen/variables/keyboards.txt.

    record_keyboards.py --xkb DIRECTORY... --keymaps DIRECTORY

Anaconda tries a name as a keymap of the console first, then as a layout of X (pyanaconda,
modules/localization/runtime.py, AssignGenericKeyboardSettingTask). `--xkb` are directories with base.xml and
base.extras.xml of xkeyboard-config, from releases older and newer than those of EL9 and EL10; `--keymaps` is
data/keymaps of kbd's source. EL's package kbd also has a keymap for each layout and variant of X, named like
de-nodeadkeys.
"""

from __future__ import annotations

import argparse
import re
import xml.etree.ElementTree as xml
from collections.abc import Iterator, Sequence
from pathlib import Path

import langtable

RECORDED = Path(__file__).parents[2] / "ksgen/variables/keyboards.txt"
_HEADER = """\
# Keyboard layouts: LAYOUT or LAYOUT (VARIANT) of xkeyboard-config and langtable, and names of console keymaps of kbd.
# Written by tests/support/record_keyboards.py.
"""
_PLATFORMS = ("i386", "mac")


def layouts(path: Path) -> Iterator[str]:
    """The layouts of X in a file of xkeyboard-config, with their variants."""
    for layout in xml.parse(path).getroot().iter("layout"):
        name = layout.findtext("configItem/name", "")
        yield name
        yield from (f"{name} ({variant.findtext('configItem/name')})" for variant in layout.iter("variant"))


def keymaps(directory: Path) -> Iterator[str]:
    """The keymaps of the console that can be loaded alone."""
    for platform in _PLATFORMS:
        for path in (directory / platform).rglob("*.*map"):
            if path.suffix in (".map", ".kmap") and path.parent.name != "include":
                yield path.stem


def recorded(xkb: Sequence[Path], kbd: Path) -> str:
    files = [path for directory in xkb for path in sorted(directory.glob("base*.xml"))]
    names = {name for path in files for name in layouts(path)} | set(keymaps(kbd))
    # Anaconda offers these for the chosen language.
    names |= {re.sub(r" ?\(", " (", name) for name in langtable.list_all_keyboards()}
    return _HEADER + "".join(f"{name}\n" for name in sorted(names))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--xkb", type=Path, nargs="+", required=True)
    parser.add_argument("--keymaps", type=Path, required=True)
    options = parser.parse_args()
    RECORDED.write_text(recorded(options.xkb, options.keymaps))


if __name__ == "__main__":
    main()
