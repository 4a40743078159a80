"""The base of all tables: naming, column types, and how transactions begin on each database."""

from __future__ import annotations

import enum
from datetime import UTC, datetime
from typing import Annotated, Any

import sqlalchemy as sa
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.orm import DeclarativeBase, mapped_column, registry


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An instant: naive values are refused, and what comes back is aware UTC on every database."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise TypeError("a naive datetime can't be stored")
        value = value.astimezone(UTC)
        # SQLite stores text; one zone and a fixed width keep its comparison right.
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    # A type_annotation_map on the class itself fails under Flask-SQLAlchemy 3.1; the registry carries it.
    registry = registry(
        metadata=sa.MetaData(naming_convention=NAMING),
        type_annotation_map={
            datetime: UtcDateTime,
            enum.Enum: sa.Enum(
                enum.Enum, native_enum=False, create_constraint=True, length=32,
                values_callable=lambda members: [m.value for m in members],
            ),
            dict[str, Any]: sa.JSON,
            list[str]: sa.JSON,
        },
    )


intpk = Annotated[int, mapped_column(primary_key=True)]
short = Annotated[str, mapped_column(sa.String(255))]

db = SQLAlchemy(
    model_class=Base,
    disable_autonaming=True,
    # No effect in production; lets a test wrap the whole application in one outer transaction.
    session_options={"join_transaction_mode": "create_savepoint"},
)


def one_of(column: str, members: Any) -> str:
    """SQL for a CHECK that `column` holds one of the enum members."""
    return f"{column} IN ({', '.join(repr(str(m)) for m in sorted(members))})"


@event.listens_for(Engine, "connect")
def _prepare_sqlite(dbapi_connection: Any, _record: Any) -> None:
    if type(dbapi_connection).__module__.split(".")[0] != "sqlite3":
        return
    # The driver's own BEGIN comes too late for savepoints; `_begin_sqlite` issues it instead.
    dbapi_connection.isolation_level = None
    cursor = dbapi_connection.cursor()
    for pragma in ("journal_mode=WAL", "busy_timeout=15000", "foreign_keys=ON", "synchronous=NORMAL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


@event.listens_for(Engine, "begin")
def _begin_sqlite(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        return
    # A transaction that reads first and writes later fails at once when another wrote in between,
    # whatever the busy timeout; one that will write takes the write lock at its start.
    writes = connection.get_execution_options().get("will_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
