"""Run by Alembic for every command: which connection, and where the version is kept."""

from alembic import context

from gpufleet_collector.store.schema import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, version_table=VERSION_TABLE
)
with context.begin_transaction():
    context.run_migrations()
