"""Alembic's entry: runs migrations on the database that `db.schema` names (or VOSLAB_HOME's, on the command line)."""

from alembic import context

from db.models import Base
from db.session import engine_for
from vos_core.home import Home

database = context.config.attributes.get("database") or Home.from_environment().database

with engine_for(database).execution_options(immediate=True).connect() as connection:
    # SQLite builds a table anew by dropping the old one, and foreign keys would take what refers to its rows along.
    # The setting is the connection's and can only be changed outside a transaction: this connection is closed after.
    connection.detach()
    connection.connection.cursor().execute("PRAGMA foreign_keys=OFF")
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
