# SPDX-License-Identifier: GPL-2.0-or-later
"""Attempts, events, transitions, logs, kickstarts and actions."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _of_attempt() -> sa.Column[int]:
    return sa.Column("attempt", _NUMBER, sa.ForeignKey("attempts.id", ondelete="CASCADE"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", _NUMBER, primary_key=True),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("mac", sa.String(17), nullable=False),
        sa.Column("given", sa.BigInteger, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.Column("token", sa.String(64), unique=True),
        sa.Column("kickstart", sa.String(64)),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("progressed", sa.BigInteger, nullable=False),
        sa.Column("heard", sa.BigInteger),
        sa.Column("boot", sa.String(64), nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("done", sa.BigInteger),
        sa.Column("total", sa.BigInteger),
        sa.Column("restarts", sa.Integer, nullable=False),
        sa.Column("is_degraded", sa.Boolean, nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.UniqueConstraint("host", "given", name="attempts_host_given"),
    )
    op.create_table(
        "events",
        sa.Column("id", _NUMBER, primary_key=True),
        _of_attempt(),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("received", sa.BigInteger, nullable=False),
        sa.Column("uptime", sa.Float, nullable=False),
        sa.Column("boot", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("done", sa.BigInteger),
        sa.Column("total", sa.BigInteger),
        sa.Column("facts", sa.Text),
        sa.UniqueConstraint("attempt", "seq", name="events_attempt_seq"),
    )
    op.create_table(
        "transitions",
        sa.Column("id", _NUMBER, primary_key=True),
        _of_attempt(),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("before", sa.String(16), nullable=False),
        sa.Column("after", sa.String(16), nullable=False),
        sa.Column("cause", sa.String(16), nullable=False),
    )
    op.create_index("transitions_attempt", "transitions", ["attempt"])
    op.create_table(
        "logs",
        sa.Column("id", _NUMBER, primary_key=True),
        _of_attempt(),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("received", sa.BigInteger, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("is_cut", sa.Boolean, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("attempt", "name", name="logs_attempt_name"),
    )
    op.create_table(
        "kickstarts",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "actions",
        sa.Column("id", _NUMBER, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("who", sa.String(100), nullable=False),
        sa.Column("what", sa.String(100), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
    )
