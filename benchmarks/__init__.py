# SPDX-License-Identifier: GPL-2.0-or-later
"""How fast ksgen is, against other ways to make the same files: `make bench`."""
