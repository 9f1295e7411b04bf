# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks of images, install trees and repositories as the installer will fetch them."""

from ksgen.preflight.images import ImageLook
from ksgen.preflight.looks import Looks, look, problems
from ksgen.preflight.repositories import Progress, RepositoryLook
from ksgen.preflight.trees import TreeLook
from ksgen.preflight.webfiles import Client, place

__all__ = [
    "Client",
    "ImageLook",
    "Looks",
    "Progress",
    "RepositoryLook",
    "TreeLook",
    "look",
    "place",
    "problems",
]
