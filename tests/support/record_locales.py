# SPDX-License-Identifier: GPL-2.0-or-later
"""Records the locales of langtable in ksgen/variables/locales.txt.

Run it with the lowest and with the newest version of langtable: of the recorded locales, those stay that both have.
What is not recorded is looked up.
"""

from __future__ import annotations

from pathlib import Path

import langtable

RECORDED = Path(__file__).parents[2] / "ksgen/variables/locales.txt"
_HEADER = """\
# Locales of langtable, which are the languages of Anaconda.
# Written by tests/support/record_locales.py.
"""


def main() -> None:
    names = langtable.list_all_locales()
    if RECORDED.exists():
        before = RECORDED.read_text().splitlines()
        names = [name for name in names if name in before]
    RECORDED.write_text(_HEADER + "".join(f"{name}\n" for name in names))


if __name__ == "__main__":
    main()
