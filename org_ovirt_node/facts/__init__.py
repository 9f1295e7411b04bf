# SPDX-License-Identifier: GPL-2.0-or-later
"""The facts of a machine: what the programs of the installer read of it, as a file, and the machine that they make."""
