"""What Alembic runs for every migration: on the connection, and in the transaction, that the store hands over."""

from __future__ import annotations

from alembic import context

from drcheck.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=context.config.attributes["version_table"],
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
