# SPDX-License-Identifier: GPL-2.0-or-later
"""Anaconda's side of the section: AddonData around section.py."""

from typing import Optional

from pyanaconda.core.kickstart import KickstartSpecification
from pyanaconda.core.kickstart.addon import AddonData
from pykickstart.errors import KickstartParseError

from org_ovirt_node import section
from org_ovirt_node.section import Section


class NodeData(AddonData):
    """The section while it is read. `section` is None in a kickstart that has none."""

    def __init__(self) -> None:
        super().__init__()
        self.section: Optional[Section] = None
        self._words: tuple[str, ...] = ()
        self._lines: list[str] = []
        self._line_number: Optional[int] = None

    def handle_header(self, args: list[str], line_number: Optional[int] = None) -> None:
        self._words, self._line_number = tuple(args), line_number

    def handle_line(self, line: str, line_number: Optional[int] = None) -> None:
        del line_number  # counts neither blank lines nor comments (AddonSection.handleLine)
        self._lines.append(line)

    def handle_end(self) -> None:
        """Raises KickstartParseError with everything that is wrong, as only the first error gets to the user."""
        parsed = section.parse(self._words, self._lines)
        if parsed.problems:
            raise KickstartParseError("\n".join(map(str, parsed.problems)), lineno=self._line_number)
        self.section = parsed.section

    def __str__(self) -> str:
        return section.text(self.section) if self.section else ""


class NodeKickstartSpecification(KickstartSpecification):
    addons = {section.NAME: NodeData}  # noqa: RUF012
