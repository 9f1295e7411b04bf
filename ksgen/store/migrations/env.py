# SPDX-License-Identifier: GPL-2.0-or-later
"""What Alembic runs: the migrations, in the transaction of the connection that it was given."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
