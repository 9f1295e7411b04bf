# SPDX-License-Identifier: GPL-2.0-or-later
"""Alembic's environment: one module for each released schema, in `versions`."""
