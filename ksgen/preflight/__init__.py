# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks of images and install trees as the installer will fetch them."""

from ksgen.preflight.looks import ImageLook, Looks, Progress, TreeLook, look, problems
from ksgen.preflight.webfiles import Client, place

__all__ = ["Client", "ImageLook", "Looks", "Progress", "TreeLook", "look", "place", "problems"]
