# SPDX-License-Identifier: GPL-2.0-or-later
"""The migrations, in the order of their numbers. A released one is never changed."""
