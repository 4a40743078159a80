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


def run_migrations():
    engine = database.engine
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            # A batch rebuilds the table; with foreign keys on, dropping the old one would delete its children.
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
            connection.commit()
        context.configure(
            connection=connection, target_metadata=database.metadata, render_item=render_item,
            user_module_prefix="sa.", **options,
        )
        with context.begin_transaction():
            if connection.dialect.name == "postgresql":
                # Two machines that start at once must not migrate at once.
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7203591)")
            context.run_migrations()
        connection.commit()


run_migrations()
