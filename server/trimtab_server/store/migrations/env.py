"""Alembic's entry point: runs on the connection it is given, inside the caller's transaction."""

from alembic import context

from trimtab_server.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=False,
)
context.run_migrations()
