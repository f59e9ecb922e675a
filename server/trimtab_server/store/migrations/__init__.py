"""Alembic scripts; they are run by `trimtab_server.store.schema.upgrade`."""
