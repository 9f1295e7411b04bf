#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Lints a directory of other people's kickstarts and counts what it finds.

    lint_corpus.py RELEASE DIR     e.g. el9, and kickstart-tests of rhinstaller rendered by its own scripts/

What a kickstart is refused for by its release's grammar is counted; each other error is printed, to be read: it is
either a mistake in that file or one of ours. Exit status 1 if there are any.
"""

import sys
from collections import Counter
from pathlib import Path

from ksgen.grammar import ksfile
from ksgen.lint import Linter

GRAMMAR = {
    "kickstart-grammar",
    *(f"{what}-{how}" for what in ("command", "option") for how in ("removed", "too-new", "unknown")),
}


def main() -> int:
    release, directory = sys.argv[1:]
    linter, counted, refused, others = Linter(release), Counter[str](), 0, 0
    files = sorted(Path(directory).glob("*.ks"))
    for file in files:
        problems = linter.lint(ksfile.read_file(file))
        errors = [problem for problem in problems if problem.severity == "error"]
        counted.update(f"{problem.severity} {problem.code}" for problem in problems)
        refused += any(problem.code in GRAMMAR for problem in errors)
        for problem in (problem for problem in errors if problem.code not in GRAMMAR):
            print(f"{file.name}:{problem.mark.line}: {problem.code}: {problem.message}")
            others += 1
    print(f"{release}: {len(files)} files, {refused} refused by the grammar, {others} other errors")
    for name, count in sorted(counted.items()):
        print(f"  {count:5} {name}")
    return 1 if others else 0


if __name__ == "__main__":
    sys.exit(main())
