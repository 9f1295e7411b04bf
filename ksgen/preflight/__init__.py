# SPDX-License-Identifier: GPL-2.0-or-later
"""Images and installation trees, checked as the installer will find them."""

from ksgen.preflight.looks import ImageLook, Looks, Progress, TreeLook, look, problems
from ksgen.preflight.webfiles import TIMEOUT, Client, place

__all__ = ["TIMEOUT", "Client", "ImageLook", "Looks", "Progress", "TreeLook", "look", "place", "problems"]
