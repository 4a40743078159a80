"""Runs migrations with the application's own engine; Flask-Migrate calls it."""

from alembic import context
from flask import current_app
from sqlalchemy.types import TypeDecorator

database = current_app.extensions["migrate"].db
options = current_app.extensions["migrate"].configure_args


def render_item(kind, value, _autogen_context):
    """Migrations stand alone: our column types are written as what they are on the database."""
    if kind == "type" and isinstance(value, TypeDecorator):
        return f"sa.{value.impl!r}"
    return False


def switch_foreign_keys(connection, state):
    """On SQLite a batch rebuilds a table, and dropping the old one would break what points at it.

    The switch does nothing inside a transaction, so it goes past SQLAlchemy, which would begin one.
    """
    if connection.dialect.name == "sqlite":
        connection.connection.driver_connection.execute(f"PRAGMA foreign_keys={state}")


def run_migrations():
    with database.engine.connect() as connection:
        switch_foreign_keys(connection, "OFF")
        try:
            migrate(connection)
        finally:
            switch_foreign_keys(connection, "ON")


def migrate(connection):
    context.configure(
        connection=connection, target_metadata=database.metadata, render_item=render_item, user_module_prefix="sa.", **options
    )
    with context.begin_transaction():
        if connection.dialect.name == "postgresql":
            # Two machines that start at once must not migrate at once.
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7203591)")
        context.run_migrations()
    connection.commit()


run_migrations()
