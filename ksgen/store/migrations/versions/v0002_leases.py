# SPDX-License-Identifier: GPL-2.0-or-later
"""Who installs a host right now."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """The table of `ksgen install`."""
    op.create_table(
        "leases",
        sa.Column("host", sa.String(255), primary_key=True),
        sa.Column("who", sa.String(100), nullable=False),
        sa.Column("run", sa.String(64), nullable=False),
        sa.Column("taken", sa.BigInteger, nullable=False),
        sa.Column("renewed", sa.BigInteger),
        sa.Column("phase", sa.String(16), nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("given", sa.BigInteger),
    )
