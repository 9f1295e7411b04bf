# SPDX-License-Identifier: GPL-2.0-or-later
"""How a script writes files, and the step of `node_files`."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Iterator

from ksgen.kickstart.steps import Step, checked
from ksgen.variables import NodeFile, Settings, in_script

_END = "END_OF_FILE"
_WIDTH = 76  # characters of a line of Base64, as base64(1) writes it


def writing(path: str, text: str, mode: str = "0644") -> tuple[str, ...]:
    """Write a file of a text: as it is if a here-document can have it, otherwise in Base64."""
    if is_here_document(text):
        return (f"place {mode} {shlex.quote(path)} cat <<'{_END}'", *text.split("\n")[:-1], _END)
    return _decoding(path, base64.b64encode(text.encode()).decode(), mode)


def _decoding(path: str, encoded: str, mode: str) -> tuple[str, ...]:
    return (f"place {mode} {shlex.quote(path)} base64 -d <<'{_END}'", *_wrapped(encoded), _END)


def _wrapped(text: str) -> list[str]:
    return [text[at : at + _WIDTH] for at in range(0, len(text), _WIDTH)]


def is_here_document(text: str) -> bool:
    """Whether a text can be the body of a here-document in a section of a kickstart."""
    lines = text.split("\n")
    return text == "" or (lines[-1] == "" and _END not in lines and all(map(in_script, lines)))


def file_steps(settings: Settings) -> Iterator[Step]:
    """All files, in their order. Labels are the hook's, which comes later (programs/imgbase.py)."""
    if not settings.files:
        return
    commands = [line for file in settings.files for line in _of_file(file)]
    paths = ", ".join(file.path for file in settings.files)
    is_in_initramfs = any(file.is_in_initramfs for file in settings.files)
    yield Step("node_files", f"files: {paths}", tuple(commands), touches_initramfs=is_in_initramfs)


def _of_file(file: NodeFile) -> Iterator[str]:
    name = shlex.quote(file.path)
    if file.base64 is not None:
        yield from _decoding(file.path, file.base64, file.permissions)
    else:
        yield from writing(file.path, file.content or "", file.permissions)
    if (file.owner, file.group) != ("root", "root"):
        yield from checked(
            f"chown {shlex.quote(f'{file.owner}:{file.group}')} {name}",
            f"{file.path} was not given to {file.owner}:{file.group}",
            "that user and group have to be in the image, in node_users or of a package in node_packages",
        )
    if file.is_sudoers:
        yield from checked(
            f"visudo -cf {name}",
            f"sudo does not accept {file.path}",
            "correct its content; visudo -cf FILE shows the line",
        )
