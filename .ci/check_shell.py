# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs shellcheck on every shell script of the repository, and on the shell in the sections of its kickstarts.

check_shell.py SHELLCHECK: prints findings as FILE:LINE:COLUMN: MESSAGE, and exits with 1 if there are any. The golden
kickstarts are included: they contain the rendered shell of ks-templates/.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_SHEBANG = re.compile(r"#!\s*\S*/(?:env )?(?P<shell>ba|da)?sh(?:\s|$)")
# Scripts without a shebang: the lab's jobs, which are run with bash.
_PARTS = re.compile(r"tests/lab/(?:guest/.*\.sh|recipe/start)")
# A && B || C is intended: B cannot fail, or C also handles its failure.
_EXCLUDED = "SC2015"
_SECTION = re.compile(r"%(?:pre|post|pre-install|onerror|traceback)(?:\s(?P<options>.*))?$")


def scripts(path: str, text: str) -> Iterator[tuple[str, str]]:
    """(shell, text) of each script in a file. Line numbers are those of the file."""
    if shebang := _SHEBANG.match(text):
        yield (shebang["shell"] or "") + "sh", text
    elif _PARTS.fullmatch(path):
        yield "bash", text
    if not path.endswith(".ks"):
        return
    begin: int | None = None
    for number, line in enumerate(text.split("\n")):
        if begin is None and (section := _SECTION.match(line)):
            begin = number if "--interpreter" not in (section["options"] or "") else None
        elif begin is not None and line.strip() == "%end":
            lines = text.split("\n")[begin + 1 : number]
            # Anaconda runs it with /bin/sh.
            yield "sh", "\n" * (begin + 1) + "\n".join(lines) + "\n"
            begin = None


def main(shellcheck: str) -> int:
    """Check all files tracked by git; return the exit status."""
    names = subprocess.run(["git", "ls-files", "-z"], check=True, capture_output=True, text=True).stdout.split("\0")
    found = count = 0
    seen: set[tuple[str, str]] = set()
    for name in filter(None, names):
        path = Path(name)
        if not path.is_file():  # removed, and not yet committed
            continue
        for shell, text in scripts(name, path.read_text(encoding="utf-8", errors="replace")):
            if (shell, text.strip()) in seen:
                continue
            seen.add((shell, text.strip()))
            count += 1
            command = [shellcheck, f"--shell={shell}", "--format=gcc", f"--exclude={_EXCLUDED}", "-"]
            done = subprocess.run(command, input=text, capture_output=True, text=True)
            for line in done.stdout.splitlines():
                print(re.sub("^-:", f"{name}:", line))
            sys.stderr.write(done.stderr)
            found += done.returncode != 0
    print(f"shellcheck: {count} scripts, {found} with findings")
    return 1 if found or not count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
