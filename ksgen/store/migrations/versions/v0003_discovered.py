# SPDX-License-Identifier: GPL-2.0-or-later
"""Machines that were discovered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """The table of `ksgen discover`."""
    op.create_table(
        "discovered",
        sa.Column("mac", sa.String(17), primary_key=True),
        sa.Column("macs", sa.Text, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("first", sa.BigInteger, nullable=False),
        sa.Column("last", sa.BigInteger, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
