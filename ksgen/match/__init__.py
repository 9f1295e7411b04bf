# SPDX-License-Identifier: GPL-2.0-or-later
"""The resolvers of disks and NICs at the desk: facts of machines to the verdict that the installer would give."""

from ksgen.match.script import facts_script

__all__ = ["facts_script"]
