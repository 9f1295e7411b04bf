# SPDX-License-Identifier: GPL-2.0-or-later
"""A host and its plan to the checked text of a kickstart."""

from ksgen.kickstart.page import network_commands, own_programs, wanted_disks
from ksgen.kickstart.provenance import Place, boot_places
from ksgen.kickstart.rendering import Rendered, render_all

__all__ = ["Place", "Rendered", "boot_places", "network_commands", "own_programs", "render_all", "wanted_disks"]
